//! What the workers tell the judge and the HTTP port, as long as the process lives.

use crate::model::{Endpoint, Moment};
use crate::rules::alarms::DeviceFacts;
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The vendor of the quota, among the two.
const POSPAL: &str = "pospal";
/// A clock that is off by no more is right.
const CONFIRMED: TimeDelta = TimeDelta::seconds(120);

/// Shared by all workers.
#[derive(Debug, Default)]
pub struct Observations {
    told: Mutex<Told>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Told {
    devices: BTreeMap<String, DeviceFacts>,
    /// Our clock minus the vendor's, of the two vendors, and when it was so.
    skews: BTreeMap<&'static str, (TimeDelta, Moment)>,
    answers: u64,
    history_changed: bool,
}

impl Observations {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends when there is something new to judge.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// A device's login changed, or time changed what it is worth.
    pub(super) fn device(&self, facts: DeviceFacts) {
        self.told().devices.insert(facts.device.clone(), facts);
        self.news.notify_one();
    }

    /// An answer came at `arrived`, with the vendor's time or without.
    pub(super) fn answer(&self, endpoint: Endpoint, skew: Option<TimeDelta>, arrived: &Moment) {
        let vendor = if endpoint == Endpoint::Login { "v8std" } else { POSPAL };
        let mut told = self.told();
        told.answers += 1;
        match skew {
            Some(skew) => told.skews.insert(vendor, (skew, arrived.clone())),
            None => told.skews.remove(vendor),
        };
    }

    /// The history has something new.
    pub(super) fn history(&self) {
        self.told().history_changed = true;
        self.news.notify_one();
    }

    /// Whether it had since the last time this was asked.
    pub(super) fn take_history_changed(&self) -> bool {
        std::mem::take(&mut self.told().history_changed)
    }

    /// What each device's worker knows; one that has not begun yet is absent.
    pub fn devices(&self) -> Vec<DeviceFacts> {
        self.told().devices.values().cloned().collect()
    }

    /// Our clock of now minus the vendors': a step since their answers changes it as much, and the next
    /// answer, a login's for one, may be hours away.
    pub(super) fn skews(&self, now: &Moment) -> Vec<TimeDelta> {
        let told = self.told();
        told.skews.values().map(|(skew, then)| *skew + now.step_since(then).unwrap_or_default()).collect()
    }

    /// Now, by the clock of the vendor whose days are counted, where it is known that ours is wrong.
    pub(super) fn vendors_time(&self, now: &Moment) -> Moment {
        let told = self.told();
        let skew = told.skews.get(POSPAL).map(|(skew, then)| *skew + now.step_since(then).unwrap_or_default());
        let wrong = skew.filter(|skew| skew.abs() > CONFIRMED).unwrap_or_default();
        Moment { wall: now.wall - wrong, boot: now.boot.clone() }
    }

    /// Whether the vendors' answers say that the wall clock is right.
    pub(super) fn confirm_clock(&self, now: &Moment) -> bool {
        let skews = self.skews(now);
        !skews.is_empty() && skews.iter().all(|skew| skew.abs() <= CONFIRMED)
    }

    /// How many answers came so far.
    pub(super) fn answers(&self) -> u64 {
        self.told().answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BootInstant;

    #[test]
    fn a_clock_that_was_set_right_is_right_before_the_next_answer_says_so() {
        let at = |wall: &str, uptime_ms| Moment {
            wall: wall.parse().expect("a test's time"),
            boot: BootInstant { boot_id: "a".into(), uptime_ms },
        };
        let observations = Observations::default();
        let wrong = at("1970-01-01T00:01:00Z", 60_000);
        let skew = wrong.wall - at("2026-11-21T08:00:00Z", 0).wall;
        observations.answer(Endpoint::Login, Some(skew), &wrong);
        assert_eq!(observations.skews(&at("1970-01-01T00:01:30Z", 90_000)), [skew]);
        assert_eq!(observations.skews(&at("2026-11-21T08:00:30Z", 90_000)), [TimeDelta::zero()]);
        assert!(observations.confirm_clock(&at("2026-11-21T08:00:30Z", 90_000)));
        assert!(!observations.confirm_clock(&at("1970-01-01T00:01:30Z", 90_000)));
        assert!(!Observations::default().confirm_clock(&at("2026-11-21T08:00:30Z", 90_000)), "nobody said so");
    }
}
