//! Whether the database can be written: `store.failing`, the one alert that cannot be kept in it.

use crate::clock;
use crate::events;
use crate::model::Moment;
use crate::rules::alarms::{Alarm, Change, Fields, OpenAlarm, Rule};
use crate::store::{Fault, Store, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// How long no write may have failed before it is over. On a full disk a small write may well find a
/// place where a large one does not, and what does not find one is tried again every few seconds.
const QUIET: TimeDelta = TimeDelta::seconds(12);

/// Shared by all workers.
#[derive(Debug)]
pub struct StoreHealth {
    database: PathBuf,
    remind_after: TimeDelta,
    state: Mutex<State>,
    damage: watch::Sender<Option<String>>,
}

#[derive(Debug, Default)]
struct State {
    open: Option<OpenAlarm>,
    failed_at: Option<Moment>,
    recovered: Option<(Alarm, DateTime<Utc>, DateTime<Utc>)>,
}

impl StoreHealth {
    /// Healthy until a statement fails.
    pub fn new(database: PathBuf, remind_after: TimeDelta) -> Self {
        Self { database, remind_after, state: Mutex::default(), damage: watch::Sender::new(None) }
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
                if state.open.is_some() {
                    state.succeed(&clock::now());
                }
                Some(value)
            }
            Err(error) => {
                let fault = error.fault().seen_on(&self.database);
                if fault == Fault::Damaged {
                    self.damage
                        .send_if_modified(|known| known.is_none().then(|| *known = Some(error.to_string())).is_some());
                }
                state.fail(failing(&error, fault), self.remind_after, clock::now());
                None
            }
        }
    }

    /// Why the database cannot be written at the moment, if so.
    pub fn failure(&self) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.open.as_ref().map(|open| open.alarm.fields.error.clone().unwrap_or_default())
    }

    /// The database is another one from now on: whatever was wrong with the one before is over.
    pub async fn is_over(&self, store: &Store) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).end(clock::wall());
        if let Some((alarm, from, to)) = self.take_recovery() {
            let recorded = store.record_past_alarm(&alarm, from, to).await;
            self.check(recorded);
        }
    }

    /// Ends when a statement has found the database damaged; tells how that showed.
    pub async fn damage(&self) -> String {
        let mut damage = self.damage.subscribe();
        // The sender lives as long as this.
        damage.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone()).unwrap_or_default()
    }

    /// Whether a write failed, and it is not over yet.
    pub fn is_failing(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).open.is_some()
    }

    /// The last time that it failed and came back, once.
    pub(super) fn take_recovery(&self) -> Option<(Alarm, DateTime<Utc>, DateTime<Utc>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).recovered.take()
    }
}

impl State {
    fn succeed(&mut self, now: &Moment) {
        if self.failed_at.as_ref().is_some_and(|failed_at| now.since(failed_at).abs() < QUIET) {
            return;
        }
        self.end(now.wall);
    }

    fn end(&mut self, now: DateTime<Utc>) {
        if let Some(open) = self.open.take() {
            self.recovered = Some((open.alarm.clone(), open.opened_at, now));
            events::alert(&Change::Resolve(open, None));
        }
    }

    fn fail(&mut self, alarm: Alarm, remind_after: TimeDelta, at: Moment) {
        let now = at.wall;
        self.failed_at = Some(at);
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

fn failing(error: &StoreError, fault: Fault) -> Alarm {
    let reason = error.to_string();
    Alarm {
        rule: Rule::StoreFailing,
        subject: "database".into(),
        stage: 0,
        message: format!(
            "{reason}; logins go on, polls wait, what was fetched is kept in memory. What to do: {}",
            fault.cure()
        ),
        fields: Fields { error: Some(reason), ..Fields::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BootInstant;

    fn at(second: i64) -> Moment {
        let wall = DateTime::from_timestamp(1_800_000_000 + second, 0).expect("a time");
        Moment { wall, boot: BootInstant { boot_id: "a".into(), uptime_ms: second * 1000 } }
    }

    #[test]
    fn on_a_full_disk_a_small_write_that_works_is_not_the_end_of_it() {
        let alarm = || failing(&StoreError::Sql(sqlx::Error::RowNotFound), Fault::Full);
        let mut state = State::default();
        for second in [0, 5, 10, 15] {
            state.fail(alarm(), TimeDelta::hours(24), at(second));
            state.succeed(&at(second + 1));
            assert!(state.open.as_ref().is_some_and(|open| open.opened_at == at(0).wall), "opened once");
        }
        state.succeed(&at(26));
        assert!(state.open.is_some());
        state.succeed(&at(27));
        assert!(state.open.is_none() && state.recovered.is_some());
    }
}
