//! A login that succeeded.

use super::{ApiKey, Moment};
use chrono::{DateTime, TimeDelta, Utc};

/// The two lifetimes of a login, after fallbacks: what the rules reckon with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// How long the key lives (`loginSecretLiveHours`).
    pub live: TimeDelta,
    /// How soon the vendor wants a new login (`reloginDurationHours`).
    pub relogin: TimeDelta,
}

impl Lifetimes {
    /// The span that renewal reckons with: the shorter of the two.
    pub fn span(&self) -> TimeDelta {
        self.live.min(self.relogin)
    }
}

/// A live or once live login of one device.
#[derive(Debug, Clone)]
pub struct Session {
    /// The key that the store's programs need.
    pub key: ApiKey,
    /// When the login request was sent: taken before sending, so that every deadline errs early.
    pub logged_in_at: Moment,
    /// From that moment on.
    pub lifetimes: Lifetimes,
    /// When renewal starts, from `logged_in_at` on; drawn once, so that a restart does not move it.
    pub renew_after: TimeDelta,
}

impl Session {
    /// The end of the key's life, by the wall clock.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.logged_in_at.wall + self.lifetimes.live
    }

    /// When the vendor wants the next login, by the wall clock.
    pub fn relogin_due_at(&self) -> DateTime<Utc> {
        self.logged_in_at.wall + self.lifetimes.relogin
    }

    /// When renewal starts, by the wall clock.
    pub fn renew_at(&self) -> DateTime<Utc> {
        self.logged_in_at.wall + self.renew_after
    }
}
