//! What the workers tell the judge and the HTTP port, as long as the process lives.

use crate::model::Endpoint;
use crate::rules::alarms::DeviceFacts;
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Shared by all workers.
#[derive(Debug, Default)]
pub struct Observations {
    told: Mutex<Told>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Told {
    devices: BTreeMap<String, DeviceFacts>,
    /// Our clock minus the vendor's, of the two vendors.
    skews: BTreeMap<&'static str, TimeDelta>,
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

    /// An answer came, with the vendor's time or without.
    pub(super) fn answer(&self, endpoint: Endpoint, skew: Option<TimeDelta>) {
        let vendor = if endpoint == Endpoint::Login { "v8std" } else { "pospal" };
        let mut told = self.told();
        told.answers += 1;
        match skew {
            Some(skew) => told.skews.insert(vendor, skew),
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

    pub(super) fn skews(&self) -> Vec<TimeDelta> {
        self.told().skews.values().copied().collect()
    }

    /// How many answers came so far.
    pub(super) fn answers(&self) -> u64 {
        self.told().answers
    }
}
