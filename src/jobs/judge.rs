//! Judges what is wrong, writes it down, and says it once: the last step of every tick. Once a day it
//! throws away what is past its time.

use super::outlook::Outlook;
use super::silence::Silences;
use super::{Observations, Progress, ProgressBoard, StoreHealth};
use crate::clock;
use crate::events;
use crate::model::{Endpoint, Moment, day_of};
use crate::rules::agenda::PollPlan;
use crate::rules::alarms::{
    Alarm, Change, ClockFacts, DeviceFacts, OpenAlarm, PollFacts, Rule, login_trouble, lost_days, package_trouble,
    quota_trouble, reconcile, stale_polls, wrong_clock,
};
use crate::rules::renewal::{KeyState, key_state};
use crate::store::{Retention, Store, StoreError};
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long the judge sleeps where there is no news: time alone opens alerts, too.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// SQLite writes the log back when it has 4 MB, and one answer writes a few more at most.
const LARGE_LOG: u64 = 64 << 20;

/// A server that is down must not keep the judge from saying so.
const FIRST_JUDGEMENT_AT_LATEST: Duration = Duration::from_secs(10);

/// What an operator may set about alerts.
#[derive(Debug, Clone)]
pub struct AlertPlan {
    /// Sister stores, too.
    pub sisters: bool,
    /// Of `quota.high`.
    pub usage_percent: Vec<u32>,
    /// Of `package.ending`.
    pub package_days_left: Vec<u32>,
    /// Of `poll.stale`.
    pub stale_after: TimeDelta,
    /// Of `clock.wrong`.
    pub clock_skew: TimeDelta,
    /// Between two lines of an open alert.
    pub remind_after: TimeDelta,
}

/// The worker that judges.
pub struct Judge {
    /// History and alerts.
    pub store: Store,
    /// Whether that can be written.
    pub health: Arc<StoreHealth>,
    /// What the other workers saw.
    pub observations: Arc<Observations>,
    /// The vendor's calendar.
    pub timezone: Tz,
    /// Which endpoints are polled, and when.
    pub polls: PollPlan,
    /// What the operator wants to hear of.
    pub alerts: AlertPlan,
    /// How long things are kept.
    pub retention: Retention,
    pruned_on: Option<NaiveDate>,
    /// That the write-ahead log is large has been said.
    told_of_log: bool,
    /// What was logged and could not be written down.
    told_unrecorded: HashSet<String>,
    /// Judged last.
    last: Option<Moment>,
    /// A step of the clock, and how many answers had come by then.
    step: Option<(TimeDelta, u64)>,
    /// Of today's quota.
    outlook: Outlook,
    /// Alarms that only a change of the history can change.
    lost: Vec<Alarm>,
    /// Of the accounts.
    silences: Silences,
}

impl Judge {
    /// Has judged nothing yet.
    pub fn new(
        store: Store,
        health: Arc<StoreHealth>,
        observations: Arc<Observations>,
        timezone: Tz,
        polls: PollPlan,
        alerts: AlertPlan,
        retention: Retention,
    ) -> Self {
        let (last, step, outlook, lost) = (None, None, Outlook::default(), Vec::new());
        Self {
            store,
            health,
            observations,
            timezone,
            polls,
            alerts,
            retention,
            pruned_on: None,
            told_of_log: false,
            told_unrecorded: HashSet::new(),
            last,
            step,
            outlook,
            lost,
            silences: Silences::default(),
        }
    }

    /// Judges until the stop; not before the first logins and polls are over, because what they are about
    /// to mend is no trouble.
    pub async fn run(mut self, board: Arc<ProgressBoard>, stop: CancellationToken, progress: Progress) {
        progress.first_pass_done();
        // What is seen before a step is told right after it, and the first look may come after it.
        let started = clock::now();
        let _ = self.stale(&started).await;
        self.last = Some(started);
        tokio::select! {
            _ = tokio::time::timeout(FIRST_JUDGEMENT_AT_LATEST, board.all_first_passes()) => {}
            () = stop.cancelled() => {}
        }
        loop {
            progress.beat();
            self.judge(&clock::now()).await;
            tokio::select! {
                () = self.observations.news() => {}
                () = tokio::time::sleep(LONGEST_SLEEP) => {}
                // What the last answers brought is judged, too.
                () = stop.cancelled() => return self.judge(&clock::now()).await,
            }
        }
    }

    /// Judges once.
    pub async fn judge(&mut self, now: &Moment) {
        self.note_recovery().await;
        self.watch_the_log();
        self.say_what_changed(now).await;
        self.keep_house(now).await;
    }

    async fn say_what_changed(&mut self, now: &Moment) {
        // What comes to be known while the database is asked belongs to a later moment than `now`.
        let devices = self.observations.devices();
        self.notice_step(now).await;
        let clock = self.clock_facts(now, &devices);
        let changes = self.changes(now, &devices, &clock).await;
        let Some(changes) = self.health.check_read(changes).filter(|changes| !changes.is_empty()) else { return };
        let recorded = self.health.check(self.store.record_alarms(&changes, now.wall).await).is_some();
        // Where the database fails, people must hear of the rest all the same, though only once.
        for change in &changes {
            let what = change.what();
            if !self.told_unrecorded.contains(&what) {
                events::alert(change);
            }
            if !recorded {
                self.told_unrecorded.insert(what);
            }
        }
        if recorded {
            self.told_unrecorded.clear();
        }
    }

    async fn changes(
        &mut self,
        now: &Moment,
        devices: &[DeviceFacts],
        clock: &ClockFacts,
    ) -> Result<Vec<Change>, StoreError> {
        let open = self.store.open_alarms().await?;
        let theirs = self.observations.vendors_time(now);
        let mut standing = self.quota(&theirs, &open).await?;
        let packages = self.store.package_facts(self.alerts.sisters).await?;
        standing.extend(package_trouble(theirs.wall, self.timezone, &packages, &self.alerts.package_days_left));
        standing.extend(login_trouble(now, devices, &open));
        standing.extend(self.stale(now).await?);
        if self.observations.take_history_changed() {
            let today = day_of(theirs.wall, self.timezone);
            self.lost = lost_days(&self.store.lost_days(today).await?);
        }
        standing.extend(self.lost.iter().cloned());
        standing.extend(wrong_clock(clock, self.alerts.clock_skew, &open));
        Ok(reconcile(now.wall, standing, &open, self.alerts.remind_after))
    }

    async fn quota(&mut self, now: &Moment, open: &[OpenAlarm]) -> Result<Vec<Alarm>, StoreError> {
        let today = day_of(now.wall, self.timezone);
        let mut facts = self.store.quota_facts(today, self.alerts.sisters).await?;
        self.outlook.forecast(&self.store, self.timezone, now, &mut facts, open).await?;
        let facts: Vec<_> = facts.into_iter().map(|(_, fact)| fact).collect();
        Ok(quota_trouble(&facts, &self.alerts.usage_percent, open))
    }

    async fn stale(&mut self, now: &Moment) -> Result<Vec<Alarm>, StoreError> {
        let mut facts = Vec::new();
        for endpoint in [Endpoint::DailyAccess, Endpoint::AccessConfig] {
            let Some(line) = self.polls.line(endpoint) else { continue };
            let last_slot = line.last_slot(now.wall);
            let of_endpoint = self.store.poll_facts(endpoint).await?;
            facts.extend(
                of_endpoint.into_iter().map(|fact| PollFacts { last_slot, ..self.silences.restate(now, fact) }),
            );
        }
        Ok(stale_polls(now.wall, &facts, self.alerts.stale_after))
    }

    /// A step since the last judgement: it is news, and what this boot wrote down before it is told by
    /// another clock from now on.
    async fn notice_step(&mut self, now: &Moment) {
        let Some(last) = self.last.replace(now.clone()) else { return };
        let Some(step) = now.step_since(&last).filter(|step| step.abs() > self.alerts.clock_skew) else { return };
        self.step = Some((step, self.observations.answers()));
        let booted = last.wall - TimeDelta::milliseconds(last.boot.uptime_ms);
        self.health.check(self.store.restate_open_alarms(booted, last.wall, step).await);
    }

    fn clock_facts(&mut self, now: &Moment, devices: &[DeviceFacts]) -> ClockFacts {
        let answers = self.observations.answers();
        // An answer tells more than the step: it has the vendor's time, or the vendor has none to tell.
        self.step = self.step.filter(|(_, answers_then)| *answers_then == answers);
        let unproven = |session: &&crate::model::Session| key_state(now, session) == KeyState::Unproven;
        let behind = devices.iter().filter_map(|device| device.session.as_ref()).filter(unproven);
        ClockFacts {
            skews: self.observations.skews(now),
            has_answers: answers > 0,
            unconfirmed_step: self.step.map(|(step, _)| step),
            behind_login: behind.map(|session| session.logged_in_at.wall - now.wall).max(),
        }
    }

    /// Throws away what is past its time: once a day, and never by a clock that nothing has confirmed or
    /// that is known to be wrong, because it could throw away everything.
    async fn keep_house(&mut self, now: &Moment) {
        let today = day_of(now.wall, self.timezone);
        if self.pruned_on == Some(today) || self.observations.answers() == 0 {
            return;
        }
        let Some(open) = self.health.check_read(self.store.open_alarms().await) else { return };
        if open.iter().any(|known| known.alarm.rule == Rule::ClockWrong) {
            return;
        }
        let pruned = self.store.prune(self.retention, now, today).await;
        if self.health.check(pruned).is_some() {
            self.pruned_on = Some(today);
        }
    }

    /// Says once that a reader keeps the write-ahead log from ever getting shorter.
    fn watch_the_log(&mut self) {
        match self.store.write_ahead_log() {
            Some((log, bytes)) if bytes > LARGE_LOG => {
                if !std::mem::replace(&mut self.told_of_log, true) {
                    events::store_wal_large(&log, bytes);
                }
            }
            _ => self.told_of_log = false,
        }
    }

    /// Tries whether a database that failed can be written again, and writes down that it had failed.
    async fn note_recovery(&self) {
        if self.health.is_failing() {
            self.store.enter_wal_mode().await;
            self.health.check(self.store.try_writing().await);
        }
        if let Some((alarm, from, to)) = self.health.take_recovery() {
            let recorded = self.store.record_past_alarm(&alarm, from, to).await;
            self.health.check(recorded);
        }
    }
}
