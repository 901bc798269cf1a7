//! A request to a vendor, as the ledger sees it.

use super::AppId;
use std::fmt;

/// Which of the vendors' three services is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// V8STD device login: free of charge.
    Login,
    /// Pospal `queryAccessTimes`: the quota packages. One call of quota.
    AccessConfig,
    /// Pospal `queryDailyAccessTimesLog`: the usage per day. One call of quota.
    DailyAccess,
}

impl Endpoint {
    /// Every endpoint.
    pub const ALL: [Self; 3] = [Self::Login, Self::AccessConfig, Self::DailyAccess];

    /// The name in the database and in log lines (contract section 4).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::AccessConfig => "access_config",
            Self::DailyAccess => "daily_access",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a call ended (contract section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A good answer.
    Ok,
    /// A well-formed no.
    Refused,
    /// An answer that is not what the vendor documents.
    Unexpected,
    /// No answer: name, connect, TLS, time-out, cut off.
    Unreachable,
    /// The daemon stopped or died before the answer.
    Interrupted,
}

impl Outcome {
    /// Every outcome, for parsing and for tests.
    pub const ALL: [Self; 5] = [Self::Ok, Self::Refused, Self::Unexpected, Self::Unreachable, Self::Interrupted];

    /// The name in the database and in log lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Unexpected => "unexpected",
            Self::Unreachable => "unreachable",
            Self::Interrupted => "interrupted",
        }
    }

    /// The reverse of [`Outcome::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whom a call is made for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A till or other device that logs in.
    Device(String),
    /// A store's account.
    App(AppId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(name) => f.write_str(name),
            Self::App(app_id) => app_id.fmt(f),
        }
    }
}

/// Why a call brought nothing. Holds no secret: the vendor's words are cleaned before they get here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFailure {
    /// Never [`Outcome::Ok`].
    pub outcome: Outcome,
    /// Absent where no HTTP answer came.
    pub http_status: Option<u16>,
    /// The vendor's own code, where it sent one.
    pub error_code: Option<String>,
    /// For the person who has to act.
    pub message: String,
}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)
    }
}
