//! What is wrong, judged from facts: pure, one file for each kind of thing that can be wrong.
//!
//! A rule says which alarms *stand* now; [`reconcile`] compares them with those that are open in the
//! database and says what to log: opened, reminded of, resolved.

mod clock;
mod logins;
mod packages;
mod polls;
mod quota;

pub use clock::{ClockFacts, wrong_clock};
pub use logins::{DeviceFacts, login_trouble};
pub use packages::{PackageFacts, last_end, package_trouble};
pub use polls::{PollFacts, lost_days, stale_polls};
pub use quota::{QuotaFacts, quota_trouble};

use crate::model::instant_text as utc;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A rule of contract section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// `quota.high`
    QuotaHigh,
    /// `quota.exhausted`
    QuotaExhausted,
    /// `quota.forecast`
    QuotaForecast,
    /// `package.ending`
    PackageEnding,
    /// `package.ended`
    PackageEnded,
    /// `login.failing`
    LoginFailing,
    /// `login.overdue`
    LoginOverdue,
    /// `login.expired`
    LoginExpired,
    /// `poll.stale`
    PollStale,
    /// `usage.lost`
    UsageLost,
    /// `clock.wrong`
    ClockWrong,
    /// `store.failing`
    StoreFailing,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Somebody should look at it.
    Warning,
    /// Something stopped working.
    Error,
}

impl Severity {
    /// The word in the view `alerts`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 12] = [
        Self::QuotaHigh,
        Self::QuotaExhausted,
        Self::QuotaForecast,
        Self::PackageEnding,
        Self::PackageEnded,
        Self::LoginFailing,
        Self::LoginOverdue,
        Self::LoginExpired,
        Self::PollStale,
        Self::UsageLost,
        Self::ClockWrong,
        Self::StoreFailing,
    ];

    /// The event's name, and the word in the view `alerts`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::QuotaHigh => "quota.high",
            Self::QuotaExhausted => "quota.exhausted",
            Self::QuotaForecast => "quota.forecast",
            Self::PackageEnding => "package.ending",
            Self::PackageEnded => "package.ended",
            Self::LoginFailing => "login.failing",
            Self::LoginOverdue => "login.overdue",
            Self::LoginExpired => "login.expired",
            Self::PollStale => "poll.stale",
            Self::UsageLost => "usage.lost",
            Self::ClockWrong => "clock.wrong",
            Self::StoreFailing => "store.failing",
        }
    }

    /// The reverse of [`Rule::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// How bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::QuotaHigh
            | Self::QuotaForecast
            | Self::PackageEnding
            | Self::LoginFailing
            | Self::UsageLost
            | Self::ClockWrong => Severity::Warning,
            Self::QuotaExhausted
            | Self::PackageEnded
            | Self::LoginOverdue
            | Self::LoginExpired
            | Self::PollStale
            | Self::StoreFailing => Severity::Error,
        }
    }

    /// Logged once and never again: nothing can be done about a day that is lost.
    pub const fn is_told_once(self) -> bool {
        matches!(self, Self::UsageLost)
    }
}

/// The fields of an alarm's log line; each rule has its own few of them (contract section 5).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the contract's, and explained there")]
pub struct Fields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exhausted_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relogin_due_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ok_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skew_seconds: Option<i64>,
}

/// Something that is wrong now.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// By which rule.
    pub rule: Rule,
    /// Of what: unique, with the rule, among the open ones.
    pub subject: String,
    /// Grows when it gets worse in a way that is worth another line at once.
    pub stage: i64,
    /// What happened, and what to do.
    pub message: String,
    /// For programs.
    pub fields: Fields,
}

/// An alarm that the database has as open.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAlarm {
    /// Its row.
    pub alert_key: i64,
    /// As it was last logged.
    pub alarm: Alarm,
    /// Since when.
    pub opened_at: DateTime<Utc>,
    /// Its last line.
    pub logged_at: DateTime<Utc>,
}

/// What to write down and to log.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It was not open.
    Open(Alarm),
    /// It is still open, and it is time for a reminder, or it got worse.
    Repeat(i64, Alarm, DateTime<Utc>),
    /// It stands no more; with the rule that now stands for the same device in its place, if it got worse.
    Resolve(OpenAlarm, Option<Rule>),
}

impl Change {
    /// Tells this change from every other.
    pub fn what(&self) -> String {
        let (kind, alarm) = match self {
            Self::Open(alarm) => ("open", alarm),
            Self::Repeat(_, alarm, _) => ("repeat", alarm),
            Self::Resolve(known, _) => ("resolve", &known.alarm),
        };
        format!("{kind} {} {}", alarm.rule.name(), alarm.subject)
    }
}

/// Compares what stands with what is open.
pub fn reconcile(now: DateTime<Utc>, standing: Vec<Alarm>, open: &[OpenAlarm], remind_after: TimeDelta) -> Vec<Change> {
    let same = |alarm: &Alarm, other: &Alarm| alarm.rule == other.rule && alarm.subject == other.subject;
    let mut changes: Vec<Change> = open
        .iter()
        .filter(|known| !known.alarm.rule.is_told_once())
        .filter(|known| !standing.iter().any(|alarm| same(alarm, &known.alarm)))
        .map(|known| Change::Resolve(known.clone(), successor(known, &standing)))
        .collect();
    for alarm in standing {
        match open.iter().find(|known| same(&alarm, &known.alarm)) {
            None => changes.push(Change::Open(alarm)),
            Some(known) => {
                // A clock that was stepped back must not silence reminders for as long as the step was.
                let is_time = (now - known.logged_at).abs() >= remind_after;
                let is_worse = alarm.stage > known.alarm.stage;
                if !alarm.rule.is_told_once() && (is_time || is_worse) {
                    changes.push(Change::Repeat(known.alert_key, alarm, known.opened_at));
                }
            }
        }
    }
    changes
}

/// A login that was failing and is overdue now is not mended.
fn successor(known: &OpenAlarm, standing: &[Alarm]) -> Option<Rule> {
    let device = known.alarm.fields.device.as_ref()?;
    standing.iter().find(|alarm| alarm.fields.device.as_ref() == Some(device)).map(|alarm| alarm.rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(rule: Rule, subject: &str, stage: i64) -> Alarm {
        Alarm { rule, subject: subject.into(), stage, message: String::new(), fields: Fields::default() }
    }

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn open(alarm: Alarm, hours: i64) -> OpenAlarm {
        OpenAlarm { alert_key: 1, alarm, opened_at: at(hours), logged_at: at(hours) }
    }

    const DAY: TimeDelta = TimeDelta::hours(24);

    #[test]
    fn an_alarm_is_opened_once_reminded_of_and_resolved() {
        let stale = alarm(Rule::PollStale, "A", 0);
        assert_eq!(reconcile(at(0), vec![stale.clone()], &[], DAY), [Change::Open(stale.clone())]);
        let known = [open(stale.clone(), 0)];
        assert_eq!(reconcile(at(23), vec![stale.clone()], &known, DAY), []);
        assert_eq!(reconcile(at(24), vec![stale.clone()], &known, DAY), [Change::Repeat(1, stale, at(0))]);
        assert_eq!(reconcile(at(1), Vec::new(), &known, DAY), [Change::Resolve(known[0].clone(), None)]);
    }

    #[test]
    fn an_alarm_that_gets_worse_is_told_again_at_once_and_one_that_gets_better_is_not() {
        let known = [open(alarm(Rule::PackageEnding, "A", 1), 0)];
        let worse = alarm(Rule::PackageEnding, "A", 2);
        assert_eq!(reconcile(at(1), vec![worse.clone()], &known, DAY), [Change::Repeat(1, worse, at(0))]);
        assert_eq!(reconcile(at(1), vec![alarm(Rule::PackageEnding, "A", 0)], &known, DAY), []);
    }

    #[test]
    fn a_lost_day_is_told_once_and_for_ever() {
        let lost = alarm(Rule::UsageLost, "A 2026-01-01", 0);
        let known = [open(lost.clone(), 0)];
        assert_eq!(reconcile(at(1000), vec![lost], &known, DAY), []);
        assert_eq!(reconcile(at(1000), Vec::new(), &known, DAY), []);
    }

    #[test]
    fn every_rule_has_a_name_of_its_own() {
        for rule in Rule::ALL {
            assert_eq!(Rule::from_name(rule.name()), Some(rule));
        }
    }
}
