//! When a device logs in, and until when its key is good.

use crate::model::{Lifetimes, Moment, Outcome, Session};
use chrono::TimeDelta;

/// No two logins of one device come closer than this, whatever happens.
pub const LEAST_INTERVAL: TimeDelta = TimeDelta::seconds(5);
/// Longest pause between attempts while the server cannot be reached.
pub const UNREACHABLE_CAP: TimeDelta = TimeDelta::seconds(60);
/// Longest pause after a refusal or an answer that makes no sense.
pub const REFUSED_CAP: TimeDelta = TimeDelta::minutes(15);
/// Longest pause that a start takes over from the process before it: somebody who mended the settings and
/// restarted waits no longer than this, and neither a crash loop nor a watchdog's is faster.
pub const RESUMED_CAP: TimeDelta = TimeDelta::seconds(60);
/// A vendor's lifetime beyond this is taken for a mistake (contract section 6).
pub const LONGEST_LIFETIME_HOURS: f64 = 87_600.0;

/// Whether a key may be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Good for so much longer.
    Live(TimeDelta),
    /// Past its lifetime: never served.
    Dead,
    /// After a reboot, with a wall clock before the login: nothing can tell. Served, and a login is due.
    Unproven,
}

/// Judges a kept key. Within one boot the boot clock decides, so that no step of the wall clock loses
/// a good key or serves a dead one; across a reboot the wall clock is all there is.
pub fn key_state(now: &Moment, session: &Session) -> KeyState {
    let age = now.since(&session.logged_in_at);
    if age < TimeDelta::zero() {
        KeyState::Unproven
    } else if age < session.lifetimes.live {
        KeyState::Live(session.lifetimes.live - age)
    } else {
        KeyState::Dead
    }
}

/// Turns what the vendor sent (hours; `None` where unusable) into lifetimes.
pub fn lifetimes(live_hours: Option<f64>, relogin_hours: Option<f64>, fallback: TimeDelta) -> Lifetimes {
    let usable = |hours: Option<f64>| {
        let hours = hours.filter(|h| h.is_finite() && *h > 0.0 && *h <= LONGEST_LIFETIME_HOURS)?;
        Some(TimeDelta::milliseconds((hours * 3_600_000.0).floor() as i64)).filter(|span| *span > TimeDelta::zero())
    };
    Lifetimes { live: usable(live_hours).unwrap_or(fallback), relogin: usable(relogin_hours).unwrap_or(fallback) }
}

/// When renewal starts, counted from the login: `share` of the shorter lifetime, and up to 2% of that
/// lifetime later (`spread`, 0 to 1), so that a shop's tills do not all log in at once.
pub fn renew_after(lifetimes: &Lifetimes, share: f64, spread: f64) -> TimeDelta {
    let span = lifetimes.span().num_milliseconds() as f64;
    let start = share + 0.02 * spread.clamp(0.0, 1.0);
    TimeDelta::milliseconds((span * start) as i64)
}

/// The latest attempts of a device, since it last succeeded.
#[derive(Debug, Clone, Default)]
pub struct Attempts {
    /// When the newest one began.
    pub last_at: Option<Moment>,
    /// How long to wait after it; a value drawn once by [`backoff`].
    pub pause: TimeDelta,
    /// Failures in a row.
    pub failures: u32,
}

/// The pause after the `failures`-th failure in a row: doubles up to a cap, fast while the server is
/// unreachable, slower where it said no. Jitter (`spread` from 0 to 1) takes off up to a quarter, so
/// that stores which failed together do not come back together.
pub fn backoff(outcome: Outcome, failures: u32, spread: f64) -> TimeDelta {
    let (first, cap) = match outcome {
        Outcome::Unreachable | Outcome::Interrupted | Outcome::Ok => (LEAST_INTERVAL, UNREACHABLE_CAP),
        Outcome::Refused | Outcome::Unexpected => (TimeDelta::seconds(30), REFUSED_CAP),
    };
    let doubled = first * 2_i32.pow(failures.saturating_sub(1).min(10));
    let pause = doubled.min(cap).num_milliseconds() as f64 * (1.0 - 0.25 * spread.clamp(0.0, 1.0));
    TimeDelta::milliseconds(pause as i64).max(LEAST_INTERVAL)
}

/// What the ledger says of a device's attempts.
#[derive(Debug, Clone, Default)]
pub struct PastAttempts {
    /// When the newest one began, however it ended.
    pub last_at: Option<Moment>,
    /// Failures since the newest success; one that was cut off is none.
    pub failures: u32,
    /// How the newest of them failed.
    pub newest_failure: Option<Outcome>,
}

/// The attempts as a start takes them over: a restart must not log in faster than the process before
/// would have, up to [`RESUMED_CAP`]. `spread` as for [`backoff`].
pub fn resume(past: PastAttempts, spread: f64) -> Attempts {
    let PastAttempts { last_at, failures, newest_failure } = past;
    let pause = match newest_failure {
        Some(outcome) if failures > 0 => backoff(outcome, failures, spread).min(RESUMED_CAP),
        _ => LEAST_INTERVAL,
    };
    Attempts { last_at, pause, failures }
}

/// What a device does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginPlan {
    /// Log in now.
    Login,
    /// Nothing for so long: until renewal starts, the pause is over, or the key dies.
    Wait(TimeDelta),
}

/// Decides whether a login is due.
pub fn plan(now: &Moment, session: Option<&Session>, attempts: &Attempts) -> LoginPlan {
    let state = session.map(|session| (key_state(now, session), session));
    let until_due = match state {
        Some((KeyState::Live(_), session)) => session.renew_after - now.since(&session.logged_in_at),
        Some((KeyState::Dead | KeyState::Unproven, _)) | None => TimeDelta::zero(),
    };
    let pause_left = attempts.last_at.as_ref().map_or(TimeDelta::zero(), |last| {
        let since = now.since(last);
        // Negative: the machine was rebooted into an earlier time. Waiting for it could take years.
        if since < TimeDelta::zero() { TimeDelta::zero() } else { attempts.pause.max(LEAST_INTERVAL) - since }
    });
    let until_login = until_due.max(pause_left);
    if until_login <= TimeDelta::zero() {
        return LoginPlan::Login;
    }
    match state {
        Some((KeyState::Live(left), _)) => LoginPlan::Wait(until_login.min(left)),
        _ => LoginPlan::Wait(until_login),
    }
}

/// A session of an earlier boot, told by the boot clock of this one: how long ago the login was is taken
/// from the wall clock once, when an answer has confirmed that clock, so that no later step can change it.
/// Not before: after a boot a step is more likely the mending of the clock, which many a machine without
/// a battery begins where it was switched off. `None` where there is nothing to do, or nothing to go by.
pub fn anchor_in_this_boot(now: &Moment, session: &Session) -> Option<Session> {
    let is_of_this_boot = now.boot.since(&session.logged_in_at.boot).is_some();
    if is_of_this_boot || !matches!(key_state(now, session), KeyState::Live(_)) {
        return None;
    }
    let mut anchored = session.clone();
    anchored.logged_in_at.boot = now.boot.clone();
    // Before this boot began: a reading below zero.
    anchored.logged_in_at.boot.uptime_ms -= (now.wall - session.logged_in_at.wall).num_milliseconds();
    now.boot.since(&anchored.logged_in_at.boot).is_some().then_some(anchored)
}

/// The session as the wall clock tells it after a step: the same point of the boot clock, restated, so
/// that deadlines people read, and what is left after the next reboot, follow the clock of today.
/// `None` where the clock was not stepped by more than `tolerance`.
pub fn restate_after_step(now: &Moment, session: &Session, tolerance: TimeDelta) -> Option<Session> {
    let step = now.step_since(&session.logged_in_at)?;
    (step.abs() > tolerance).then(|| {
        let mut restated = session.clone();
        restated.logged_in_at.wall += step;
        restated
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ApiKey, BootInstant};

    fn at(boot_id: &str, seconds: i64) -> Moment {
        let wall = "2026-11-21T00:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().expect("a test's time");
        Moment {
            wall: wall + TimeDelta::seconds(seconds),
            boot: BootInstant { boot_id: boot_id.into(), uptime_ms: (seconds + 100_000) * 1000 },
        }
    }

    fn session(live_hours: f64, relogin_hours: f64) -> Session {
        let lifetimes = lifetimes(Some(live_hours), Some(relogin_hours), TimeDelta::hours(1));
        Session {
            key: ApiKey::parse("#K").expect("a key"),
            logged_in_at: at("a", 0),
            lifetimes,
            renew_after: renew_after(&lifetimes, 0.5, 0.0),
        }
    }

    const HOUR: i64 = 3600;

    #[test]
    fn the_shorter_lifetime_sets_the_renewal_and_the_longer_life_is_served_to_its_end() {
        let session = session(240.0, 6.0);
        let idle = Attempts::default();
        assert_eq!(plan(&at("a", 0), Some(&session), &idle), LoginPlan::Wait(TimeDelta::hours(3)));
        assert_eq!(plan(&at("a", 3 * HOUR), Some(&session), &idle), LoginPlan::Login);
        assert_eq!(key_state(&at("a", 240 * HOUR - 1), &session), KeyState::Live(TimeDelta::seconds(1)));
        assert_eq!(key_state(&at("a", 240 * HOUR), &session), KeyState::Dead);
    }

    #[test]
    fn a_stepped_wall_clock_neither_loses_a_good_key_nor_serves_a_dead_one() {
        let session = session(10.0, 6.0);
        for step_days in [-20_000, -3, 3, 4000] {
            let mut now = at("a", HOUR);
            now.wall += TimeDelta::days(step_days);
            assert!(matches!(key_state(&now, &session), KeyState::Live(_)), "{step_days}");
            let mut now = at("a", 10 * HOUR);
            now.wall += TimeDelta::days(step_days);
            assert_eq!(key_state(&now, &session), KeyState::Dead, "{step_days}");
        }
    }

    #[test]
    fn after_a_reboot_into_1970_the_key_is_served_and_a_login_is_tried_at_once() {
        let session = session(240.0, 6.0);
        let mut now = at("b", 0);
        now.wall = chrono::DateTime::UNIX_EPOCH;
        assert_eq!(key_state(&now, &session), KeyState::Unproven);
        assert_eq!(plan(&now, Some(&session), &Attempts::default()), LoginPlan::Login);
    }

    #[test]
    fn after_a_reboot_with_a_good_clock_no_later_step_changes_what_the_key_is_worth() {
        let session = session(10.0, 6.0);
        let mut now = at("b", 5 * HOUR);
        let anchored = anchor_in_this_boot(&now, &session).expect("another boot's");
        assert_eq!(key_state(&now, &anchored), key_state(&now, &session));
        assert!(anchor_in_this_boot(&now, &anchored).is_none());
        now.boot.uptime_ms += 5 * HOUR * 1000;
        assert_eq!(key_state(&now, &anchored), KeyState::Dead, "the wall clock was stepped back by five hours");
        now.wall = chrono::DateTime::UNIX_EPOCH;
        assert!(anchor_in_this_boot(&now, &session).is_none(), "a clock before the login proves nothing");
    }

    #[test]
    fn after_a_step_the_session_is_restated_in_the_new_time() {
        let session = session(240.0, 6.0);
        let mut now = at("a", HOUR);
        assert!(restate_after_step(&now, &session, TimeDelta::seconds(2)).is_none());
        now.wall -= TimeDelta::days(3);
        let restated = restate_after_step(&now, &session, TimeDelta::seconds(2)).expect("a step");
        assert_eq!(restated.expires_at(), session.expires_at() - TimeDelta::days(3));
        assert_eq!(key_state(&now, &restated), key_state(&now, &session));
        assert!(restate_after_step(&now, &restated, TimeDelta::seconds(2)).is_none());
    }

    #[test]
    fn unusable_hours_fall_back() {
        let fallback = TimeDelta::hours(1);
        for bad in [None, Some(0.0), Some(-6.0), Some(f64::NAN), Some(f64::INFINITY), Some(87_601.0), Some(1e-12)] {
            assert_eq!(lifetimes(bad, Some(0.5), fallback).live, fallback, "{bad:?}");
        }
        assert_eq!(lifetimes(Some(240.0), Some(0.5), fallback).relogin, TimeDelta::minutes(30));
    }

    #[test]
    fn pauses_grow_to_their_caps_and_never_fall_below_five_seconds() {
        for failures in 1..60 {
            for spread in [0.0, 0.5, 1.0] {
                let unreachable = backoff(Outcome::Unreachable, failures, spread);
                let refused = backoff(Outcome::Refused, failures, spread);
                assert!((LEAST_INTERVAL..=UNREACHABLE_CAP).contains(&unreachable), "{unreachable}");
                assert!((LEAST_INTERVAL..=REFUSED_CAP).contains(&refused), "{refused}");
                assert!(refused >= unreachable);
            }
        }
        assert_eq!(backoff(Outcome::Unreachable, 5, 0.0), UNREACHABLE_CAP);
        assert_eq!(backoff(Outcome::Unexpected, 20, 0.0), REFUSED_CAP);
    }

    #[test]
    fn a_restart_goes_on_at_the_pace_of_the_failures_before_it_up_to_a_minute() {
        let pause = |failures, newest_failure| {
            resume(PastAttempts { last_at: Some(at("a", 0)), failures, newest_failure }, 0.0).pause
        };
        assert_eq!(pause(0, None), LEAST_INTERVAL);
        assert_eq!(pause(0, Some(Outcome::Refused)), LEAST_INTERVAL, "it has succeeded since");
        assert_eq!(pause(1, Some(Outcome::Refused)), TimeDelta::seconds(30));
        assert_eq!(pause(9, Some(Outcome::Refused)), RESUMED_CAP);
        assert_eq!(pause(2, Some(Outcome::Unreachable)), TimeDelta::seconds(10));
        let resumed = resume(
            PastAttempts { last_at: Some(at("a", 0)), failures: 1, newest_failure: Some(Outcome::Refused) },
            0.0,
        );
        assert_eq!(plan(&at("a", 29), None, &resumed), LoginPlan::Wait(TimeDelta::seconds(1)));
        assert_eq!(resumed.failures, 1, "the next failure is the second");
    }

    #[test]
    fn a_failed_renewal_waits_for_its_pause_but_not_beyond_the_keys_death() {
        let session = session(6.0, 6.0);
        let attempts = Attempts { last_at: Some(at("a", 6 * HOUR - 30)), pause: REFUSED_CAP, failures: 9 };
        let now = at("a", 6 * HOUR - 20);
        assert_eq!(plan(&now, Some(&session), &attempts), LoginPlan::Wait(TimeDelta::seconds(20)));
        assert_eq!(plan(&at("a", 6 * HOUR - 30 + 900), Some(&session), &attempts), LoginPlan::Login);
    }

    #[test]
    fn a_life_shorter_than_the_least_interval_does_not_make_a_hot_loop() {
        let session = session(1.0 / 3600.0, 1.0 / 3600.0);
        let attempts = Attempts { last_at: Some(at("a", 0)), ..Attempts::default() };
        assert_eq!(plan(&at("a", 4), Some(&session), &attempts), LoginPlan::Wait(TimeDelta::seconds(1)));
        assert_eq!(plan(&at("a", 5), Some(&session), &attempts), LoginPlan::Login);
    }
}
