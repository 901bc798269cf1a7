//! Which polls are due.
//!
//! The newest cron slot at or before now is compared with the slot that the database says was served.
//! Downtime, suspend, a stepped clock and a restart are then one and the same case.

use crate::model::{AppId, CronLine, Endpoint, Moment, Outcome};
use chrono::{DateTime, TimeDelta, Utc};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Requests for one slot: the first, and two retries of an unreachable server (contract section 6).
pub const MOST_ATTEMPTS: u32 = 3;

/// How far a slot has been served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotProgress {
    /// The slot.
    pub slot: DateTime<Utc>,
    /// Requests made for it, interrupted ones included.
    pub attempts: u32,
    /// Served, skipped or given up: nothing more to do for it.
    pub done: bool,
    /// When the newest of those requests left.
    pub last_attempt: Option<Moment>,
}

/// The database's word on one endpoint of one configured account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PollState {
    /// The newest slot dealt with; `None`: none yet.
    pub progress: Option<SlotProgress>,
    /// When it last asked by itself.
    pub last_asked: Option<DateTime<Utc>>,
}

/// Whether to poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// For this slot, now.
    Now(DateTime<Utc>),
    /// Not before.
    At(DateTime<Utc>),
    /// The cron line is empty, or never comes true again.
    Never,
}

/// Decides about one endpoint of one app. `splay` is this slot's random delay.
pub fn due(now: &Moment, line: Option<&CronLine>, progress: Option<&SlotProgress>, splay: TimeDelta) -> Due {
    let Some(line) = line else { return Due::Never };
    let next = || line.next_after(now.wall).map_or(Due::Never, |slot| Due::At(slot + splay));
    let Some(slot) = line.last_slot(now.wall) else { return next() };
    match progress {
        None => Due::Now(slot),
        // The last attempt may have been interrupted: then nobody came to mark the slot as done.
        Some(progress) if progress.slot == slot && (progress.done || progress.attempts >= MOST_ATTEMPTS) => next(),
        Some(progress) if progress.slot == slot && progress.attempts > 0 => {
            let since = progress.last_attempt.as_ref().map(|last| now.since(last));
            match since.map(|since| (since, retry_pause(progress.attempts) - since)) {
                // Negative: the machine was rebooted into an earlier time. Waiting for it could take hours.
                Some((since, left)) if since >= TimeDelta::zero() && left > TimeDelta::zero() => {
                    Due::At(now.wall + left)
                }
                _ => Due::Now(slot),
            }
        }
        Some(_) if slot + splay > now.wall => Due::At(slot + splay),
        Some(_) => Due::Now(slot),
    }
}

/// Whether a call that ended so leaves its slot open for a retry: only where the server was not
/// reached, or the daemon died before it could know.
pub fn is_done(outcome: Outcome, attempts: u32) -> bool {
    match outcome {
        Outcome::Unreachable | Outcome::Interrupted => attempts >= MOST_ATTEMPTS,
        Outcome::Ok | Outcome::Refused | Outcome::Unexpected => true,
    }
}

/// The pause before a retry: long enough for a router to come back from a hiccup.
fn retry_pause(attempts: u32) -> TimeDelta {
    TimeDelta::seconds(if attempts <= 1 { 2 } else { 10 })
}

/// This slot's delay for one app and endpoint, 0 to `most`: random between stores (`seed`), the same
/// however often it is asked.
pub fn splay(seed: u64, app_id: &AppId, endpoint: Endpoint, slot: DateTime<Utc>, most: TimeDelta) -> TimeDelta {
    let most = most.num_milliseconds().max(0).unsigned_abs();
    let mut hasher = DefaultHasher::new();
    (seed, app_id, endpoint, slot.timestamp()).hash(&mut hasher);
    TimeDelta::milliseconds(i64::try_from(hasher.finish() % (most + 1)).unwrap_or(0))
}

/// Why a due poll is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// `calls_per_app_per_day` is used up.
    Budget,
    /// Fewer than `keep_free` calls remain of the app's own limit.
    KeepFree,
    /// The app's own limit is used up.
    Exhausted,
    /// A sister's answer contained it.
    Covered,
}

impl SkipReason {
    /// The word in the log line `poll.skipped`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::KeepFree => "keep_free",
            Self::Exhausted => "exhausted",
            Self::Covered => "covered",
        }
    }
}

/// What the newest answer says of an app's use of today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TodaysUsage {
    /// Calls allowed.
    pub limit_times: i64,
    /// Calls made.
    pub used_times: i64,
}

/// Whether a call may be made at all. `keep_free` is 0 for what a person asked for.
pub fn refusal(budget_left: u32, today: Option<TodaysUsage>, keep_free: u32) -> Option<SkipReason> {
    let free = today.map(|today| today.limit_times.saturating_sub(today.used_times));
    if budget_left == 0 {
        Some(SkipReason::Budget)
    } else if free.is_some_and(|free| free <= 0) {
        Some(SkipReason::Exhausted)
    } else if free.is_some_and(|free| free < i64::from(keep_free)) {
        Some(SkipReason::KeepFree)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BootInstant;

    fn line() -> CronLine {
        CronLine::parse("0 10 0,8-22/2 * * *", chrono_tz::Asia::Shanghai).expect("a line")
    }

    fn at(wall: &str) -> Moment {
        let wall: DateTime<Utc> = wall.parse().expect("a test's time");
        Moment { wall, boot: BootInstant { boot_id: "a".into(), uptime_ms: wall.timestamp_millis() } }
    }

    fn served(slot: &str) -> SlotProgress {
        SlotProgress { slot: at(slot).wall, attempts: 1, done: true, last_attempt: Some(at(slot)) }
    }

    const NONE: TimeDelta = TimeDelta::zero();

    #[test]
    fn a_first_start_polls_at_once_whatever_the_splay() {
        let now = at("2026-11-21T00:10:01Z");
        assert_eq!(due(&now, Some(&line()), None, TimeDelta::seconds(60)), Due::Now(at("2026-11-21T00:10:00Z").wall));
    }

    #[test]
    fn a_restart_does_not_poll_again_what_was_polled_in_this_slot() {
        let progress = served("2026-11-21T02:10:00Z");
        let next = at("2026-11-21T04:10:00Z").wall;
        for now in ["2026-11-21T02:10:00Z", "2026-11-21T03:00:00Z", "2026-11-21T04:09:59.999Z"] {
            assert_eq!(due(&at(now), Some(&line()), Some(&progress), NONE), Due::At(next), "{now}");
        }
        assert_eq!(due(&at("2026-11-21T04:10:00Z"), Some(&line()), Some(&progress), NONE), Due::Now(next));
    }

    #[test]
    fn missed_slots_are_caught_up_once() {
        let now = at("2026-11-29T03:33:00Z");
        let slot = at("2026-11-29T02:10:00Z").wall;
        assert_eq!(due(&now, Some(&line()), Some(&served("2026-11-21T02:10:00Z")), NONE), Due::Now(slot));
        let caught_up = SlotProgress { slot, ..served("2026-11-29T03:33:00Z") };
        assert_eq!(due(&now, Some(&line()), Some(&caught_up), NONE), Due::At(at("2026-11-29T04:10:00Z").wall));
    }

    #[test]
    fn a_clock_stepped_back_does_not_stop_the_polls_until_it_has_caught_up() {
        let from_the_future = served("2036-11-21T02:10:00Z");
        let now = at("2026-11-21T03:00:00Z");
        assert!(matches!(due(&now, Some(&line()), Some(&from_the_future), NONE), Due::Now(_)));
    }

    #[test]
    fn an_unreachable_server_is_tried_again_twice_with_pauses() {
        let mut progress = SlotProgress { done: false, ..served("2026-11-21T02:10:00Z") };
        let (soon, later) = (at("2026-11-21T02:10:01Z"), at("2026-11-21T02:10:02Z"));
        assert_eq!(due(&soon, Some(&line()), Some(&progress), NONE), Due::At(later.wall));
        assert!(matches!(due(&later, Some(&line()), Some(&progress), NONE), Due::Now(_)));
        progress.attempts = 2;
        assert!(matches!(due(&later, Some(&line()), Some(&progress), NONE), Due::At(_)));
        assert!(!is_done(Outcome::Unreachable, 2) && is_done(Outcome::Unreachable, 3));
        for final_at_once in [Outcome::Ok, Outcome::Refused, Outcome::Unexpected] {
            assert!(is_done(final_at_once, 1), "{final_at_once}");
        }
    }

    #[test]
    fn a_daemon_that_dies_in_every_attempt_makes_no_more_of_them_than_one_that_lives() {
        let mut progress = SlotProgress { done: false, attempts: 2, ..served("2026-11-21T02:10:00Z") };
        let now = at("2026-11-21T02:11:00Z");
        assert!(matches!(due(&now, Some(&line()), Some(&progress), NONE), Due::Now(_)));
        progress.attempts = MOST_ATTEMPTS;
        let next = at("2026-11-21T04:10:00Z").wall;
        assert_eq!(due(&now, Some(&line()), Some(&progress), NONE), Due::At(next));
    }

    #[test]
    fn a_reboot_into_an_earlier_time_does_not_put_off_a_retry() {
        let last_attempt = Some(at("2026-11-21T03:50:00Z"));
        let progress = SlotProgress { done: false, last_attempt, ..served("2026-11-21T02:10:00Z") };
        let mut now = at("2026-11-21T02:15:00Z");
        now.boot.boot_id = "b".into();
        assert!(matches!(due(&now, Some(&line()), Some(&progress), NONE), Due::Now(_)));
    }

    #[test]
    fn splay_differs_between_stores_and_stays_within_its_bound() {
        let app = AppId::parse("A").expect("an app id");
        let most = TimeDelta::seconds(60);
        let delays: Vec<_> =
            (0..50).map(|seed| splay(seed, &app, Endpoint::DailyAccess, DateTime::UNIX_EPOCH, most)).collect();
        assert!(delays.iter().all(|delay| (NONE..=most).contains(delay)));
        assert!(delays.iter().max() > delays.iter().min());
        assert_eq!(splay(1, &app, Endpoint::DailyAccess, DateTime::UNIX_EPOCH, NONE), NONE);
    }

    #[test]
    fn a_call_is_refused_by_budget_then_exhaustion_then_keep_free() {
        let used = |used_times| Some(TodaysUsage { limit_times: 300, used_times });
        assert_eq!(refusal(0, used(300), 10), Some(SkipReason::Budget));
        assert_eq!(refusal(5, used(300), 10), Some(SkipReason::Exhausted));
        assert_eq!(refusal(5, used(291), 10), Some(SkipReason::KeepFree));
        assert_eq!(refusal(5, used(290), 10), None);
        assert_eq!(refusal(5, used(299), 0), None);
        assert_eq!(refusal(5, None, 10), None);
    }
}
