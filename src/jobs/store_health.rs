//! Whether the database can be written: `store.failing`, the one alert that cannot be kept in it.

use crate::clock;
use crate::events;
use crate::rules::alarms::{Alarm, Change, Fields, OpenAlarm, Rule};
use crate::store::StoreError;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Mutex, PoisonError};

/// Shared by all workers.
#[derive(Debug)]
pub struct StoreHealth {
    remind_after: TimeDelta,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: Option<OpenAlarm>,
    recovered: Option<(Alarm, DateTime<Utc>, DateTime<Utc>)>,
}

impl StoreHealth {
    /// Healthy until a statement fails.
    pub fn new(remind_after: TimeDelta) -> Self {
        Self { remind_after, state: Mutex::default() }
    }

    /// Notes what became of a statement that only reads. That it worked proves little: a full disk can
    /// still be read.
    pub fn check_read<T>(&self, result: Result<T, StoreError>) -> Option<T> {
        if result.is_ok() { result.ok() } else { self.check(result) }
    }

    /// Notes what became of a statement that writes, and hands on its value; `None` where it failed.
    pub fn check<T>(&self, result: Result<T, StoreError>) -> Option<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(value) => {
                if let Some(open) = state.open.take() {
                    state.recovered = Some((open.alarm.clone(), open.opened_at, clock::wall()));
                    events::alert(&Change::Resolve(open, None));
                }
                Some(value)
            }
            Err(error) => {
                state.fail(failing(&error), self.remind_after);
                None
            }
        }
    }

    /// Why the database cannot be written at the moment, if so.
    pub fn failure(&self) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.open.as_ref().map(|open| open.alarm.fields.error.clone().unwrap_or_default())
    }

    /// Whether the newest write failed.
    pub fn is_failing(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).open.is_some()
    }

    /// The last time that it failed and came back, once.
    pub(super) fn take_recovery(&self) -> Option<(Alarm, DateTime<Utc>, DateTime<Utc>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).recovered.take()
    }
}

impl State {
    fn fail(&mut self, alarm: Alarm, remind_after: TimeDelta) {
        let now = clock::wall();
        match &mut self.open {
            None => {
                events::alert(&Change::Open(alarm.clone()));
                self.open = Some(OpenAlarm { alert_key: 0, alarm, opened_at: now, logged_at: now });
            }
            Some(open) if (now - open.logged_at).abs() >= remind_after => {
                events::alert(&Change::Repeat(0, alarm, open.opened_at));
                open.logged_at = now;
            }
            Some(_) => {}
        }
    }
}

fn failing(error: &StoreError) -> Alarm {
    let reason = error.to_string();
    Alarm {
        rule: Rule::StoreFailing,
        subject: "database".into(),
        stage: 0,
        message: format!(
            "{reason}; logins go on, polls wait, what was fetched is kept in memory: free disk space, or check the disk \
             and the file's owner"
        ),
        fields: Fields { error: Some(reason), ..Fields::default() },
    }
}
