//! What the simulated vendors know. Reads no clock: `now` is an argument.

use super::chain::{self, Store, Till};
use super::scenario::Scenario;
use super::script::{DateHeader, Script};
use super::{SandboxOptions, usage};
use crate::model::{AppId, Endpoint, day_of};
use axum::http::HeaderMap;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::collections::{BTreeMap, VecDeque};

/// Days before today that Pospal still has.
pub const RETENTION_DAYS: i64 = 60;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// By the sandbox's clock.
    pub at: DateTime<Utc>,
    /// Which service was called.
    pub endpoint: Endpoint,
    /// As sent.
    pub headers: HeaderMap,
    /// As sent.
    pub body: Vec<u8>,
    /// Whose quota it cost, if anybody's.
    pub charged_to: Option<AppId>,
    /// What became of it, in a few words for people: `ok`, `refused`, `closed without an answer` …
    pub reply: String,
}

impl Seen {
    /// A header's value; `None` if it is absent or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body, if it is JSON.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// A login that V8STD took a decision on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// By the sandbox's clock.
    pub at: DateTime<Utc>,
    /// `deviceId`, empty where the request named none.
    pub device_id: String,
    /// The key that was issued; `None`: refused.
    pub key: Option<String>,
}

/// Calls of one app on one day, as the vendor counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Charged calls of `queryAccessTimes`.
    pub access_config: u32,
    /// Charged calls of `queryDailyAccessTimesLog`.
    pub daily_access: u32,
    /// Turned away because the day's limit was reached; not charged, for nothing was left.
    pub over_limit: u32,
}

/// How many calls a test wants the vendor to tell.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    /// This many, and one more for each call charged from here on.
    Base(i64),
    /// This many, whatever is called.
    Pinned(i64),
}

#[derive(Debug)]
struct Key {
    text: String,
    expires_at: DateTime<Utc>,
}

/// Everything that changes while the sandbox runs.
#[derive(Debug)]
pub(super) struct State {
    pub(super) options: SandboxOptions,
    pub(super) started_at: DateTime<Utc>,
    pub(super) clock: Option<DateTime<Utc>>,
    pub(super) date: DateHeader,
    pub(super) dark: bool,
    pub(super) one_key_per_till: bool,
    pub(super) stores: Vec<Store>,
    pub(super) tills: Vec<Till>,
    pub(super) script: Script,
    pub(super) requests: VecDeque<Seen>,
    pub(super) logins: Vec<Login>,
    pub(super) ledger: BTreeMap<(AppId, NaiveDate), Spent>,
    pub(super) told: BTreeMap<(AppId, NaiveDate), Told>,
    /// Requests at each vendor: V8STD, Pospal.
    pub(super) arrived: [u64; 2],
    keys: Vec<Key>,
}

impl State {
    pub(super) fn new(options: SandboxOptions, now: DateTime<Utc>) -> Self {
        let stores = chain::stores(options.scenario, day_of(now, options.timezone));
        Self {
            options,
            started_at: now,
            clock: None,
            date: DateHeader::True,
            dark: false,
            one_key_per_till: false,
            stores,
            tills: chain::tills(),
            script: Script::default(),
            requests: VecDeque::new(),
            logins: Vec::new(),
            ledger: BTreeMap::new(),
            told: BTreeMap::new(),
            arrived: [0; 2],
            keys: Vec::new(),
        }
    }

    /// How many requests there ever were.
    pub(super) fn arrived_in_all(&self) -> u64 {
        self.arrived.iter().sum()
    }

    pub(super) fn store(&self, app: &AppId) -> Option<&Store> {
        self.stores.iter().find(|store| store.app_id == *app)
    }

    pub(super) fn spent(&self, app: &AppId, day: NaiveDate) -> Spent {
        self.ledger.get(&(app.clone(), day)).copied().unwrap_or_default()
    }

    /// What the vendor tells of a store's day; `None` where it has no row: a day to come, or one that
    /// it has forgotten.
    pub(super) fn used(&self, store: &Store, day: NaiveDate, now: DateTime<Utc>) -> Option<i64> {
        let SandboxOptions { timezone, seed, scenario, .. } = self.options;
        let today = day_of(now, timezone);
        if day > today || day < today - TimeDelta::days(RETENTION_DAYS) {
            return None;
        }
        let app = &store.app_id;
        let limit = store.limit_on(day);
        let spent = self.spent(app, day);
        let charged = i64::from(spent.access_config) + i64::from(spent.daily_access);
        let first_day = day_of(self.started_at, timezone);
        let is_busy =
            scenario == Scenario::BusyDay && chain::busy_store(&self.stores).is_some_and(|s| s.app_id == *app);
        let share = usage::share_of_day(day, now, timezone);
        let own_calls = match self.told.get(&(app.clone(), day)) {
            Some(Told::Pinned(used)) => return Some(*used),
            Some(Told::Base(base)) => *base,
            None if is_busy && day == first_day => usage::climbing(now - self.started_at, limit),
            None if is_busy && day > first_day => usage::busy(seed, app, day, share, limit),
            None => usage::ordinary(seed, app, day, share, limit),
        };
        Some((own_calls + charged).min(limit))
    }

    /// A login, refused where no key is given.
    pub(super) fn note_login(&mut self, at: DateTime<Utc>, device_id: &str, key: Option<String>) {
        if let Some(text) = &key {
            if self.one_key_per_till {
                let of_this_till = |login: &&Login| login.device_id == device_id;
                let old: Vec<_> =
                    self.logins.iter().filter(of_this_till).filter_map(|login| login.key.clone()).collect();
                self.keys.retain(|key| !old.contains(&key.text));
            }
            self.keys.retain(|key| key.expires_at > at);
            self.keys.push(Key { text: text.clone(), expires_at: at + self.options.live });
        }
        self.logins.push(Login { at, device_id: device_id.to_owned(), key });
    }

    pub(super) fn key_is_live(&self, text: &str, now: DateTime<Utc>) -> bool {
        self.keys.iter().any(|key| key.text == text && now < key.expires_at)
    }
}
