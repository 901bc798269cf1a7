//! Renewal: a device's life through reboots, clock steps, suspends and failures.

use super::cases;
use chrono::{DateTime, TimeDelta, Utc};
use poskeeper::model::{ApiKey, BootInstant, Moment, Outcome, Session};
use poskeeper::rules::renewal::{
    Attempts, KeyState, LEAST_INTERVAL, LoginPlan, REFUSED_CAP, UNREACHABLE_CAP, anchor_in_this_boot, backoff,
    key_state, lifetimes, plan, renew_after, restate_after_step,
};
use proptest::prelude::*;

/// Something that befalls a shop.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// Time passes, a suspend among it: the boot clock counts on.
    Pass(i64),
    /// Somebody sets the wall clock by so much.
    Step(i64),
    /// The process ends and begins; what it knew of its attempts is gone.
    Restart,
    /// So does the machine, which takes a while.
    Reboot(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1..3_600_000_i64).prop_map(Event::Pass),
        2 => (3_600_000..864_000_000_i64).prop_map(Event::Pass),
        1 => (-400_000_000_000..400_000_000_000_i64).prop_map(Event::Step),
        1 => (-200_000..200_000_i64).prop_map(Event::Step),
        1 => Just(Event::Restart),
        1 => (1000..600_000_i64).prop_map(Event::Reboot),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        3 => Just(Outcome::Ok),
        2 => Just(Outcome::Unreachable),
        1 => Just(Outcome::Refused),
        1 => Just(Outcome::Unexpected),
    ]
}

fn hours() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        4 => (0.001..300.0_f64).prop_map(Some),
        1 => any::<f64>().prop_map(Some),
        1 => Just(None),
    ]
}

/// The machine, as it truly is.
struct Machine {
    /// Milliseconds since all began.
    truth: i64,
    boot: u32,
    booted_at: i64,
    /// The wall clock minus the truth.
    wrong: i64,
}

impl Machine {
    fn now(&self) -> Moment {
        let start: DateTime<Utc> = "2026-11-21T00:00:00Z".parse().expect("a time");
        let boot = BootInstant { boot_id: self.boot.to_string(), uptime_ms: self.truth - self.booted_at };
        Moment { wall: start + TimeDelta::milliseconds(self.truth + self.wrong), boot }
    }
}

/// A login that succeeded, and when that truly was.
struct Granted {
    session: Session,
    truth: i64,
    /// The clock was stepped since, and the machine rebooted: nobody can know any more.
    is_in_doubt: bool,
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn a_good_key_is_never_given_up_and_a_dead_one_never_served(
        live in hours(), relogin in hours(), share in 0.1..0.95_f64, spread in 0.0..1.0_f64,
        events in prop::collection::vec((event(), outcome()), 1..60),
    ) {
        let lifetimes = lifetimes(live, relogin, TimeDelta::hours(1));
        let mut machine = Machine { truth: 0, boot: 1, booted_at: -60_000, wrong: 0 };
        let mut granted: Option<Granted> = None;
        let mut attempts = Attempts::default();
        let mut last_login: Option<i64> = None;
        // A step that no later login has made good again.
        let mut was_stepped = false;
        for (event, outcome) in events {
            match event {
                Event::Pass(millis) => machine.truth += millis,
                Event::Step(millis) => {
                    machine.wrong += millis;
                    was_stepped = true;
                    if let Some(granted) = &mut granted {
                        // Dead by the clock that the machine came up with: which of the two readings is true?
                        let boot = machine.now().boot;
                        granted.is_in_doubt |= boot.since(&granted.session.logged_in_at.boot).is_none();
                    }
                }
                Event::Restart => attempts = Attempts::default(),
                Event::Reboot(millis) => {
                    machine.truth += millis;
                    machine.booted_at = machine.truth;
                    machine.boot += 1;
                    attempts = Attempts::default();
                    if let Some(granted) = &mut granted {
                        granted.is_in_doubt |= was_stepped;
                    }
                    last_login = None;
                }
            }
            let now = machine.now();
            if let Some(granted) = &mut granted {
                // As the worker does on every pass.
                let anchored = anchor_in_this_boot(&now, &granted.session);
                granted.session = anchored.unwrap_or_else(|| granted.session.clone());
                let restated = restate_after_step(&now, &granted.session, TimeDelta::seconds(2));
                granted.session = restated.unwrap_or_else(|| granted.session.clone());

                let age = TimeDelta::milliseconds(machine.truth - granted.truth);
                let state = key_state(&now, &granted.session);
                if !granted.is_in_doubt {
                    let left = lifetimes.live - age;
                    let expected = if left > TimeDelta::zero() { KeyState::Live(left) } else { KeyState::Dead };
                    prop_assert_eq!(state, expected, "{:?} old", age);
                }
            }
            let session = granted.as_ref().map(|granted| &granted.session);
            match plan(&now, session, &attempts) {
                LoginPlan::Login => {
                    if let (Some(last), true) = (last_login, attempts.last_at.is_some()) {
                        prop_assert!(machine.truth - last >= LEAST_INTERVAL.num_milliseconds(), "{} ms", machine.truth - last);
                    }
                    last_login = Some(machine.truth);
                    attempts.last_at = Some(now.clone());
                    if outcome == Outcome::Ok {
                        let key = ApiKey::parse("#key").expect("a key");
                        let renew_after = renew_after(&lifetimes, share, spread);
                        let session = Session { key, logged_in_at: now, lifetimes, renew_after };
                        granted = Some(Granted { session, truth: machine.truth, is_in_doubt: false });
                        (attempts.failures, attempts.pause) = (0, TimeDelta::zero());
                        was_stepped = false;
                    } else {
                        attempts.failures += 1;
                        attempts.pause = backoff(outcome, attempts.failures, spread);
                    }
                }
                LoginPlan::Wait(span) => {
                    prop_assert!(span > TimeDelta::zero());
                    let is_good = session.is_some_and(|session| matches!(key_state(&now, session), KeyState::Live(_)));
                    prop_assert!(is_good || span <= REFUSED_CAP, "no good key, and nothing for {span}");
                    let due = session.map_or(TimeDelta::zero(), |session| session.renew_after.min(session.lifetimes.live));
                    prop_assert!(span <= due.max(REFUSED_CAP), "{span}");
                }
            }
        }
    }

    #[test]
    fn renewal_starts_within_its_share_and_jitter_of_the_shorter_lifetime(
        live in hours(), relogin in hours(), share in 0.1..0.95_f64, spread in any::<f64>(),
    ) {
        let lifetimes = lifetimes(live, relogin, TimeDelta::hours(1));
        prop_assert!(lifetimes.live > TimeDelta::zero() && lifetimes.relogin > TimeDelta::zero());
        let span = lifetimes.span().num_milliseconds() as f64;
        let start = renew_after(&lifetimes, share, spread).num_milliseconds() as f64;
        // `as` cuts to whole milliseconds; NaN is no spread.
        prop_assert!(start >= (span * share).floor() - 1.0 || spread.is_nan(), "{start} of {span}");
        prop_assert!(start <= span * (share + 0.02) && start < span, "{start} of {span}");
    }

    #[test]
    fn pauses_stay_within_their_caps_and_grow(outcome in outcome(), failures in any::<u32>(), spread in any::<f64>()) {
        let pause = backoff(outcome, failures, spread);
        prop_assert!((LEAST_INTERVAL..=REFUSED_CAP).contains(&pause), "{pause}");
        if matches!(outcome, Outcome::Ok | Outcome::Unreachable) {
            prop_assert!(pause <= UNREACHABLE_CAP, "{pause}");
        }
        prop_assert!(backoff(outcome, failures.saturating_add(1), spread) >= pause);
    }
}
