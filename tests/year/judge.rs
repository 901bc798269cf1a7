//! Knows the truth, and fails the year where a promise is broken.

use crate::Time;
use crate::memory::{Line, Memory};
use crate::vendor::{Books, Reach, SHANGHAI};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use poskeeper::model::day_of;
use poskeeper::rules::polling::MOST_ATTEMPTS;
use poskeeper::rules::renewal::{LEAST_INTERVAL, UNREACHABLE_CAP};
use std::collections::{BTreeMap, HashMap};

/// The longest exchange of a login that succeeds, and a moment to spare.
const EXCHANGE: TimeDelta = TimeDelta::seconds(2);

/// What is served between two events.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Served {
    Nothing {
        /// The key would still be good by what the vendor promised with it.
        is_loss: bool,
        is_provable: bool,
    },
    Key {
        /// Until when the vendor truly holds it good.
        good_until: Time,
        /// `KeyState::Unproven`: a login is tried at once.
        is_unproven: bool,
        /// The wall clock was as wrong when the login was last dated as it is now, or nobody rebooted.
        is_provable: bool,
    },
}

/// The requests for one slot, as long as nobody sets the clock.
#[derive(Default)]
struct SlotHistory {
    epoch: u32,
    attempts: u32,
    ok: bool,
}

pub(crate) struct Judge {
    seed: u64,
    budget: u32,
    /// Calls under a wrong clock, before any answer of that boot told the day: nothing in the ledger can
    /// then show that the day is not a new one, and so many may be too many.
    blind_calls: HashMap<(usize, NaiveDate), u32>,
    pub worst_excess: u32,
    pub days_over: u32,
    slots: HashMap<(Line, DateTime<Utc>), SlotHistory>,
    last_login: Option<Time>,
    pub running: TimeDelta,
    pub with_key: TimeDelta,
    pub with_dead_key: TimeDelta,
    pub good_key_lost: TimeDelta,
    pub repeats_after_steps: u32,
    pub logins: u32,
    pub calls: BTreeMap<usize, u32>,
    pub skips: BTreeMap<&'static str, u32>,
}

impl Judge {
    pub(crate) fn new(seed: u64, budget: u32) -> Self {
        Self {
            seed,
            budget,
            blind_calls: HashMap::new(),
            worst_excess: 0,
            days_over: 0,
            slots: HashMap::new(),
            last_login: None,
            running: TimeDelta::zero(),
            with_key: TimeDelta::zero(),
            with_dead_key: TimeDelta::zero(),
            good_key_lost: TimeDelta::zero(),
            repeats_after_steps: 0,
            logins: 0,
            calls: BTreeMap::new(),
            skips: BTreeMap::new(),
        }
    }

    fn fail(&self, at: Time, broken: &str) -> ! {
        panic!("seed {}, at {at} true time: {broken}", self.seed)
    }

    /// From `from` to `to` nothing changed but the time. `trying_since`: before that the best of
    /// clients could have got no key, server or not.
    pub(crate) fn key_span(&mut self, from: Time, to: Time, served: Served, login_server: Reach, trying_since: Time) {
        let span = to - from;
        if span.is_zero() {
            return;
        }
        self.running += span;
        let chance = trying_since.max(login_server.since);
        let is_missed_chance = login_server.is_up && to - chance > UNREACHABLE_CAP + EXCHANGE;
        match served {
            Served::Key { good_until, is_unproven, is_provable } => {
                let dead = (to - good_until).clamp(TimeDelta::zero(), span);
                self.with_key += span - dead;
                self.with_dead_key += dead;
                let is_missed = is_unproven && is_missed_chance;
                if dead > TimeDelta::zero() && (is_provable || is_missed) {
                    self.fail(to, &format!("a key was served that the vendor holds dead since {good_until}"));
                }
            }
            Served::Nothing { is_loss, is_provable } => {
                if is_loss {
                    self.good_key_lost += span;
                }
                if is_loss && is_provable {
                    self.fail(to, &format!("a good key was given up at {from}"));
                }
                if is_missed_chance {
                    self.fail(to, &format!("no key since {from}, though {login_server:?} and trying {trying_since}"));
                }
            }
        }
    }

    pub(crate) fn login(&mut self, at: Time) {
        self.logins += 1;
        if let Some(before) = self.last_login.replace(at)
            && at - before < LEAST_INTERVAL
        {
            self.fail(at, &format!("a login {} after the one before", at - before));
        }
    }

    /// The least interval holds as long as the process lives.
    pub(crate) fn process_ended(&mut self) {
        self.last_login = None;
    }

    pub(crate) fn poll(&mut self, at: Time, line: Line, slot: DateTime<Utc>, epoch: u32) {
        let history = self.slots.entry((line, slot)).or_default();
        if history.epoch != epoch {
            self.repeats_after_steps += u32::from(history.ok);
            *history = SlotHistory { epoch, ..SlotHistory::default() };
        }
        history.attempts += 1;
        let (attempts, ok) = (history.attempts, history.ok);
        if ok || attempts > MOST_ATTEMPTS {
            self.fail(at, &format!("request {attempts} of {line:?} for slot {slot}, ok before: {ok}"));
        }
    }

    pub(crate) fn poll_ok(&mut self, line: Line, slot: DateTime<Utc>, epoch: u32) {
        let history = self.slots.entry((line, slot)).or_default();
        if history.epoch != epoch {
            *history = SlotHistory { epoch, ..SlotHistory::default() };
        }
        history.ok = true;
    }

    /// The vendor has counted a call; `is_blind`: the clock was wrong, and no answer of this
    /// boot had told so.
    pub(crate) fn charged(&mut self, at: Time, app: usize, count: u32, is_blind: bool, memory: &Memory) {
        *self.calls.entry(app).or_default() += 1;
        let blind = self.blind_calls.entry((app, day_of(at, SHANGHAI))).or_default();
        *blind += u32::from(is_blind);
        let tolerated = *blind;
        let excess = count.saturating_sub(self.budget);
        self.days_over += u32::from(excess == 1);
        self.worst_excess = self.worst_excess.max(excess);
        if excess > tolerated {
            let marks = memory.newest_calls(app, self.budget + 3);
            self.fail(at, &format!("call {count} of app {app} on this vendor day; newest calls: {marks:#?}"));
        }
    }

    /// Every day from `first` to `last` is there, final, and as the vendor has it.
    pub(crate) fn days(
        &self,
        at: Time,
        memory: &Memory,
        books: &Books,
        apps: usize,
        first: NaiveDate,
        last: NaiveDate,
    ) {
        for day in first.iter_days().take_while(|day| *day <= last) {
            for app in 0..apps {
                let stored = memory.days.get(&(app, day)).map(|day| (day.used_times, day.is_final));
                let wanted = Some((books.final_number(app, day), true));
                if stored != wanted {
                    let asked = memory.asked.get(&app);
                    let calls = memory.newest_calls(app, 9);
                    self.fail(
                        at,
                        &format!(
                            "{day} of app {app}: {stored:?}, not {wanted:?}; asked: {asked:?}; newest calls: {calls:?}"
                        ),
                    );
                }
            }
        }
    }
}
