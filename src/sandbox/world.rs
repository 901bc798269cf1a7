//! The handle on a running sandbox: what the vendors saw, and what they are to do next.

use super::chain::{Store, Till};
use super::script::{DateHeader, Reply};
use super::state::{Login, Seen, Spent, State, Told};
use super::wire::Delivery;
use crate::clock;
use crate::model::{AppId, Endpoint, Package, day_of};
use axum::http::HeaderMap;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Both vendors' knowledge, shared by the server and whoever watches it.
#[derive(Debug)]
pub struct World {
    state: Mutex<State>,
    traffic: Mutex<Traffic>,
    changed: Notify,
}

/// Pospal requests that are being answered.
#[derive(Debug, Default)]
struct Traffic {
    now: usize,
    most: usize,
}

/// A Pospal request that is being answered, for as long as it lives.
pub(super) struct InFlight<'a>(&'a World);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.traffic().now -= 1;
        self.0.changed.notify_waiters();
    }
}

/// # Time
impl World {
    pub(super) fn new(state: State) -> Self {
        Self { state: Mutex::new(state), traffic: Mutex::default(), changed: Notify::new() }
    }

    /// The vendors' clock: the machine's, shifted, or where a test has stopped it.
    pub fn now(&self) -> DateTime<Utc> {
        let state = self.state();
        state.clock.unwrap_or_else(|| clock::wall() + state.options.shift)
    }

    /// The day in the vendors' calendar.
    pub fn today(&self) -> NaiveDate {
        let timezone = self.state().options.timezone;
        day_of(self.now(), timezone)
    }

    /// Makes it `at` for the vendors until told otherwise.
    pub fn stop_clock_at(&self, at: DateTime<Utc>) {
        self.change(|state| state.clock = Some(at));
    }

    /// Puts the vendors' clock so far from the machine's.
    pub fn shift_clock(&self, shift: TimeDelta) {
        self.change(|state| state.options.shift = shift);
    }

    /// Lets a stopped clock go on, with the machine's.
    pub fn run_clock(&self) {
        self.change(|state| state.clock = None);
    }

    /// Waits until `condition` holds; looks again whenever a request came or went or a test changed
    /// something. The passing of time alone wakes nobody. Bound it with a time-out of your own.
    pub async fn wait_until(&self, condition: impl Fn(&Self) -> bool) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable(); // before looking, so that no change is missed
            if condition(self) {
                return;
            }
            changed.await;
        }
    }
}

/// # What the vendors saw
impl World {
    /// The last ten thousand requests, oldest first.
    pub fn requests(&self) -> Vec<Seen> {
        self.state().requests.iter().cloned().collect()
    }

    /// How many requests there ever were, and those after the first `number`, as far as they are kept.
    pub fn requests_after(&self, number: u64) -> (u64, Vec<Seen>) {
        let state = self.state();
        let arrived = state.arrived_in_all();
        let new = usize::try_from(arrived.saturating_sub(number)).unwrap_or(usize::MAX);
        (arrived, state.requests.iter().skip(state.requests.len().saturating_sub(new)).cloned().collect())
    }

    /// Those of one endpoint.
    pub fn requests_to(&self, endpoint: Endpoint) -> Vec<Seen> {
        self.state().requests.iter().filter(|seen| seen.endpoint == endpoint).cloned().collect()
    }

    /// Calls of an app on a day that the vendor has charged.
    pub fn charged(&self, app: &AppId, day: NaiveDate) -> u32 {
        let spent = self.spent(app, day);
        spent.access_config + spent.daily_access
    }

    /// The same, told apart by endpoint.
    pub fn spent(&self, app: &AppId, day: NaiveDate) -> Spent {
        self.state().spent(app, day)
    }

    /// Charged calls of all apps and days.
    pub fn charged_in_all(&self) -> u32 {
        self.state().ledger.values().map(|spent| spent.access_config + spent.daily_access).sum()
    }

    /// Every app and day with calls.
    pub fn ledger(&self) -> Vec<(AppId, NaiveDate, Spent)> {
        self.state().ledger.iter().map(|((app, day), spent)| (app.clone(), *day, *spent)).collect()
    }

    /// Logins that were granted or refused, oldest first.
    pub fn logins(&self) -> Vec<Login> {
        self.state().logins.clone()
    }

    /// Keys that were issued, oldest first.
    pub fn keys(&self) -> Vec<String> {
        self.state().logins.iter().filter_map(|login| login.key.clone()).collect()
    }

    /// Whether a key opens the vendor's services now.
    pub fn key_is_live(&self, key: &str) -> bool {
        let now = self.now();
        self.state().key_is_live(key, now)
    }

    /// What Pospal would tell now; `None` where it has no row.
    pub fn used(&self, app: &AppId, day: NaiveDate) -> Option<i64> {
        let now = self.now();
        let state = self.state();
        state.used(state.store(app)?, day, now)
    }

    /// Pospal requests that are being answered, hanging ones included.
    pub fn in_flight(&self) -> usize {
        self.traffic().now
    }

    /// The most that there ever were at one time.
    pub fn most_in_flight(&self) -> usize {
        self.traffic().most
    }

    /// The whole chain: configured stores first, then sisters.
    pub fn stores(&self) -> Vec<Store> {
        self.state().stores.clone()
    }

    /// The tills that may log in.
    pub fn tills(&self) -> Vec<Till> {
        self.state().tills.clone()
    }
}

/// # What the vendors are to do next
impl World {
    /// The next request to `endpoint` that has no other reply waiting gets this one.
    pub fn reply(&self, endpoint: Endpoint, reply: Reply) {
        self.reply_times(1, endpoint, &reply);
    }

    /// The next `times` requests do.
    pub fn reply_times(&self, times: usize, endpoint: Endpoint, reply: &Reply) {
        self.change(|state| (0..times).for_each(|_| state.script.push(endpoint, reply.clone())));
    }

    /// Replies that no request has fetched yet.
    pub fn replies_left(&self, endpoint: Endpoint) -> usize {
        self.state().script.left(endpoint)
    }

    /// What the header `Date` says from now on, where no scripted reply has one of its own.
    pub fn set_date(&self, date: DateHeader) {
        self.change(|state| state.date = date);
    }

    /// Forgets all waiting replies.
    pub fn clear_replies(&self) {
        self.change(|state| state.script.clear());
    }

    /// While true, every connection is closed without an answer and nothing is charged or issued.
    pub fn set_dark(&self, dark: bool) {
        self.change(|state| state.dark = dark);
    }

    /// The lifetimes that logins get from now on.
    pub fn set_lifetimes(&self, live: TimeDelta, relogin: TimeDelta) {
        self.change(|state| (state.options.live, state.options.relogin) = (live, relogin));
    }

    /// Whether a new login ends the till's older keys, which the vendor leaves open. At first it does not.
    pub fn set_one_key_per_till(&self, one_key: bool) {
        self.change(|state| state.one_key_per_till = one_key);
    }

    /// Registers a till, or changes its activation code.
    pub fn set_till(&self, till: Till) {
        self.change(|state| {
            let key = |till: &Till| [&till.program_name, &till.location_code, &till.device_id].map(String::clone);
            state.tills.retain(|known| key(known) != key(&till));
            state.tills.push(till);
        });
    }

    /// What a day's count is now; calls charged from here on are added, up to the limit.
    pub fn set_usage(&self, app: &AppId, day: NaiveDate, used: i64) {
        self.change(|state| {
            let spent = state.spent(app, day);
            let base = used - i64::from(spent.access_config) - i64::from(spent.daily_access);
            state.told.insert((app.clone(), day), Told::Base(base));
        });
    }

    /// What a day's count is from now on, whatever is called.
    pub fn pin_usage(&self, app: &AppId, day: NaiveDate, used: i64) {
        self.change(|state| state.told.insert((app.clone(), day), Told::Pinned(used)));
    }

    /// The limit of an app from the vendors' today on; its packages stay as they are.
    pub fn set_limit(&self, app: &AppId, limit: i64) {
        let today = self.today();
        self.change_store(app, |store| store.set_limit(today, limit));
    }

    /// The package rows of an app, told under its own id; its limits stay as they are.
    pub fn set_packages(&self, app: &AppId, packages: Vec<Package>) {
        self.change_store(app, |store| store.packages = packages);
    }

    /// Stores on the default quota that no settings file names; gives their ids.
    pub fn add_sisters(&self, count: usize) -> Vec<AppId> {
        self.change(|state| {
            let old = state.stores.len();
            state.stores.extend((old..old + count).map(Store::sister));
            state.stores[old..].iter().map(|store| store.app_id.clone()).collect()
        })
    }

    /// The vendor no longer knows this store: no rows, and its own calls are refused.
    pub fn remove_store(&self, app: &AppId) {
        self.change(|state| state.stores.retain(|store| store.app_id != *app));
    }
}

/// # For the server
impl World {
    /// A request has come in.
    pub(super) fn receive(
        &self,
        endpoint: Endpoint,
        headers: HeaderMap,
        body: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Delivery {
        self.change(|state| state.receive(endpoint, headers, body, now))
    }

    /// The header `Date` of an answer of this moment.
    pub(super) fn date_header(&self, now: DateTime<Utc>) -> Option<String> {
        self.state().date.value(now)
    }

    /// Counts a request as being answered, until the guard is dropped.
    pub(super) fn enter(&self) -> InFlight<'_> {
        let mut traffic = self.traffic();
        traffic.now += 1;
        traffic.most = traffic.most.max(traffic.now);
        InFlight(self)
    }

    /// A poisoned lock means that a test's thread died: its world is still worth a look.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.notify_waiters();
        result
    }

    /// An app that the vendor does not know is left alone.
    fn change_store(&self, app: &AppId, change: impl FnOnce(&mut Store)) {
        self.change(|state| state.stores.iter_mut().find(|store| store.app_id == *app).map(change));
    }
}
