//! Logins that are not renewed: `login.failing`, `login.overdue`, `login.expired`.

use super::{Alarm, Fields, OpenAlarm, Rule, utc};
use crate::model::{Moment, Session};
use crate::rules::renewal::{KeyState, key_state};

/// What a device's worker knows.
#[derive(Debug, Clone)]
pub struct DeviceFacts {
    /// Its name.
    pub device: String,
    /// Its newest session, live or not.
    pub session: Option<Session>,
    /// An attempt of this process has ended.
    pub has_tried: bool,
    /// Failed attempts in a row.
    pub failures: u32,
    /// Why the newest of them failed.
    pub last_error: Option<String>,
}

/// The alarms about logins: for each device at most one, the worst. None before an attempt has failed:
/// a key that is being renewed at this moment is no trouble. After a restart, what is open stays open
/// until an attempt has told more, or the key is plainly good.
pub fn login_trouble(now: &Moment, facts: &[DeviceFacts], open: &[OpenAlarm]) -> Vec<Alarm> {
    let of_fact = |fact: &DeviceFacts| match fact.failures {
        0 if fact.has_tried || is_fresh(now, fact) => None,
        0 => open.iter().map(|known| &known.alarm).find(|alarm| is_of(fact, alarm)).cloned(),
        _ => trouble(now, fact),
    };
    facts.iter().filter_map(of_fact).collect()
}

fn is_fresh(now: &Moment, fact: &DeviceFacts) -> bool {
    fact.session.as_ref().is_some_and(|session| {
        matches!(key_state(now, session), KeyState::Live(_)) && now.since(&session.logged_in_at) < session.renew_after
    })
}

fn is_of(fact: &DeviceFacts, alarm: &Alarm) -> bool {
    alarm.subject == fact.device && matches!(alarm.rule, Rule::LoginFailing | Rule::LoginOverdue | Rule::LoginExpired)
}

fn trouble(now: &Moment, fact: &DeviceFacts) -> Option<Alarm> {
    let DeviceFacts { device, failures, last_error, .. } = fact;
    let error = last_error.as_deref().unwrap_or("no answer yet");
    let named = |rule, message, fields| {
        let fields = Fields { device: Some(device.clone()), ..fields };
        Some(Alarm { rule, subject: device.clone(), stage: 0, message, fields })
    };
    let live = fact.session.as_ref().filter(|session| key_state(now, session) != KeyState::Dead);
    let Some(session) = live else {
        let expired_at = fact.session.as_ref().map(|session| utc(session.expires_at()));
        let since = expired_at.as_ref().map_or("yet".into(), |at| format!("since {at}"));
        return named(
            Rule::LoginExpired,
            format!(
                "{device} has no live key {since}: the store's programs cannot use the POS service; {failures} login \
                 attempt(s) failed: {error}"
            ),
            Fields { expired_at, ..Fields::default() },
        );
    };
    let age = now.since(&session.logged_in_at);
    let expires_at = utc(session.expires_at());
    if age >= session.lifetimes.relogin {
        let relogin_due_at = utc(session.relogin_due_at());
        named(
            Rule::LoginOverdue,
            format!(
                "{device} should have logged in again by {relogin_due_at}; the key lives until {expires_at}; \
                 {failures} attempt(s) failed: {error}"
            ),
            Fields { relogin_due_at: Some(relogin_due_at), expires_at: Some(expires_at), ..Fields::default() },
        )
    } else if age >= session.renew_after {
        named(
            Rule::LoginFailing,
            format!(
                "{device} cannot renew its login, {failures} attempt(s) failed: {error}; the key lives until {expires_at}"
            ),
            Fields {
                attempts: Some(i64::from(*failures)),
                error: Some(error.to_owned()),
                expires_at: Some(expires_at),
                ..Fields::default()
            },
        )
    } else {
        // Tried again before it was due, after a reboot with a doubtful clock: `clock.wrong` tells of it.
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ApiKey, BootInstant, Lifetimes};
    use chrono::TimeDelta;

    fn at(hours: i64) -> Moment {
        let wall = chrono::DateTime::from_timestamp(1_800_000_000 + hours * 3600, 0).expect("a time");
        Moment { wall, boot: BootInstant { boot_id: "a".into(), uptime_ms: (1000 + hours) * 3_600_000 } }
    }

    fn facts(failures: u32) -> DeviceFacts {
        let session = Session {
            key: ApiKey::parse("#K").expect("a key"),
            logged_in_at: at(0),
            lifetimes: Lifetimes { live: TimeDelta::hours(240), relogin: TimeDelta::hours(6) },
            renew_after: TimeDelta::hours(4),
        };
        let last_error = Some("no".into());
        DeviceFacts { device: "till-1".into(), session: Some(session), has_tried: true, failures, last_error }
    }

    fn rules(hours: i64, fact: DeviceFacts) -> Vec<&'static str> {
        login_trouble(&at(hours), &[fact], &[]).iter().map(|alarm| alarm.rule.name()).collect()
    }

    #[test]
    fn failing_overdue_and_expired_follow_each_other() {
        assert_eq!(rules(5, facts(0)), [] as [&str; 0]);
        assert_eq!(rules(5, facts(1)), ["login.failing"]);
        assert_eq!(rules(6, facts(9)), ["login.overdue"]);
        assert_eq!(rules(240, facts(99)), ["login.expired"]);
    }

    #[test]
    fn after_a_restart_an_open_alarm_stays_until_an_attempt_has_told_more() {
        let alarm = login_trouble(&at(240), &[facts(1)], &[]).remove(0);
        let open = [OpenAlarm { alert_key: 1, alarm: alarm.clone(), opened_at: at(240).wall, logged_at: at(240).wall }];
        let untried = DeviceFacts { has_tried: false, ..facts(0) };
        assert_eq!(login_trouble(&at(241), std::slice::from_ref(&untried), &open), [alarm]);
        assert_eq!(login_trouble(&at(241), &[facts(0)], &open), [], "logged in");
        assert_eq!(login_trouble(&at(1), &[untried], &open), [], "the kept key is good");
    }

    #[test]
    fn a_device_that_could_never_log_in_has_no_key_either() {
        assert_eq!(rules(0, DeviceFacts { session: None, ..facts(1) }), ["login.expired"]);
        assert_eq!(rules(0, DeviceFacts { session: None, ..facts(0) }), [] as [&str; 0]);
    }
}
