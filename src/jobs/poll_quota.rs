//! Polls all accounts: starts what is due, never two calls of one account at a time.

use super::{Backfill, CallResult, Progress, Purpose, QuotaApp, QuotaCaller, sleep_time};
use crate::clock;
use crate::model::{Endpoint, Moment, day_of, start_of};
use crate::rules::agenda::{Account, Agenda, PollPlan, Start, agenda};
use crate::rules::budget::spare_for_backfill;
use crate::rules::polling::{Due, refusal};
use crate::rules::windows::{DayRange, backfill_range};
use crate::store::StoreError;
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How long the poller sleeps at most: wake-ups can be missed when the clock is stepped.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// How long ended calls wait for others to end before the next pass.
const GATHERING: Duration = Duration::from_millis(100);
/// How long the first polls after a reboot wait for the logins.
const LOGINS_AT_LATEST: Duration = Duration::from_secs(5);
/// The pause after the database failed.
const STORE_PAUSE: TimeDelta = TimeDelta::seconds(5);
/// The pause after a backfill call failed.
const BACKFILL_PAUSE: TimeDelta = TimeDelta::hours(1);

/// The worker of all accounts.
pub struct QuotaPoller {
    caller: QuotaCaller,
    apps: Vec<Arc<QuotaApp>>,
    plan: PollPlan,
    /// Days before today that are filled in; 0: none.
    backfill_days: u32,
    calls: JoinSet<(i64, Vec<CallResult>)>,
    busy: HashSet<i64>,
    /// The account whose old days are being fetched: one at a time.
    backfilling: Option<i64>,
    /// When an account's old days were last found to be complete, or to have to wait.
    backfill_again: HashMap<i64, Moment>,
    /// The windows that were asked for since the start: once is enough, whatever the answer.
    backfilled: HashSet<(i64, DayRange)>,
    store_failed_at: Option<Moment>,
}

impl QuotaPoller {
    /// Nothing is polled yet.
    pub fn new(caller: QuotaCaller, apps: Vec<Arc<QuotaApp>>, plan: PollPlan, backfill_days: u32) -> Self {
        Self {
            caller,
            apps,
            plan,
            backfill_days,
            calls: JoinSet::new(),
            busy: HashSet::new(),
            backfilling: None,
            backfill_again: HashMap::new(),
            backfilled: HashSet::new(),
            store_failed_at: None,
        }
    }

    /// Polls out of turn that a person asked for may use what is kept free for others.
    pub fn ignore_keep_free(&mut self) {
        self.caller.keep_free = 0;
    }

    /// Polls until the caller's stop. `wake` is the scheduler's.
    pub async fn run(mut self, wake: Arc<Notify>, progress: Progress) {
        let mut is_first_pass = true;
        self.let_logins_go_first(&progress).await;
        while !self.caller.stop.is_cancelled() {
            progress.beat();
            let now = clock::now();
            let next = self.pass(&now).await;
            if is_first_pass && self.calls.is_empty() {
                is_first_pass = false;
                progress.first_pass_done();
            }
            tokio::select! {
                () = wake.notified() => {}
                Some(ended) = self.calls.join_next(), if !self.calls.is_empty() => {
                    self.finish(ended);
                    self.gather().await;
                }
                () = tokio::time::sleep(sleep_time(next, LONGEST_SLEEP)) => {}
                () = self.caller.stop.cancelled() => {}
            }
        }
        // Each ends by itself: answered, or interrupted after a short grace.
        while self.calls.join_next().await.is_some() {}
    }

    /// After a reboot nothing tells yet whether the clock, and so the budget's day, is the vendor's. The
    /// answer to a login does, and costs nothing: a moment for it, where one is due.
    async fn let_logins_go_first(&self, progress: &Progress) {
        let this_boot = clock::now().boot.boot_id;
        let Some(dates) = self.caller.health.check_read(self.caller.store.newest_dates().await) else { return };
        if dates.is_empty() || dates.iter().any(|date| date.started_at.boot.boot_id == this_boot) {
            return;
        }
        tokio::select! {
            _ = tokio::time::timeout(LOGINS_AT_LATEST, progress.others_first_passes()) => {}
            () = self.caller.stop.cancelled() => {}
        }
    }

    /// Waits a moment for calls that end together: a pass looks at every account, and one pass for each
    /// of a thousand calls would cost more than the calls.
    async fn gather(&mut self) {
        let moment = tokio::time::sleep(GATHERING);
        let mut moment = std::pin::pin!(moment);
        while !self.calls.is_empty() {
            tokio::select! {
                Some(ended) = self.calls.join_next() => self.finish(ended),
                () = &mut moment => return,
                () = self.caller.stop.cancelled() => return,
            }
        }
    }

    /// Starts what is due at `now`; returns how long nothing else will be.
    async fn pass(&mut self, now: &Moment) -> TimeDelta {
        if let Some(failed_at) = &self.store_failed_at {
            let left = STORE_PAUSE - now.since(failed_at);
            if left > TimeDelta::zero() {
                return left;
            }
            self.store_failed_at = None;
        }
        let result = self.start_due(now).await;
        let Some(agenda) = self.caller.health.check_read(result) else {
            self.store_failed_at = Some(now.clone());
            return STORE_PAUSE;
        };
        agenda.next.map_or(TimeDelta::MAX, |next| next - now.wall)
    }

    async fn start_due(&mut self, now: &Moment) -> Result<Agenda, StoreError> {
        let agenda = self.agenda(now).await?;
        for Start { app_key, polls } in &agenda.start {
            self.start(*app_key, polls.iter().map(|(endpoint, slot)| Purpose::Slot(*endpoint, *slot)).collect());
        }
        if agenda.start.is_empty() && self.busy.is_empty() {
            self.start_backfill(now).await?;
        }
        Ok(agenda)
    }

    async fn agenda(&self, now: &Moment) -> Result<Agenda, StoreError> {
        let states = self.caller.store.poll_states().await?;
        let sightings = if self.plan.is_chain { self.caller.store.sightings().await? } else { Vec::new() };
        let state = |app_key, endpoint| states.get(&(app_key, endpoint)).cloned().unwrap_or_default();
        let accounts: Vec<_> = self
            .apps
            .iter()
            .map(|app| Account {
                app_key: app.app_key,
                app_id: &app.app_id,
                is_busy: self.busy.contains(&app.app_key),
                daily_access: state(app.app_key, Endpoint::DailyAccess),
                access_config: state(app.app_key, Endpoint::AccessConfig),
            })
            .collect();
        Ok(agenda(now, &self.plan, &accounts, &sightings))
    }

    fn start(&mut self, app_key: i64, purposes: Vec<Purpose>) {
        let Some(app) = self.apps.iter().find(|app| app.app_key == app_key) else { return };
        self.busy.insert(app_key);
        let (caller, app) = (self.caller.clone(), Arc::clone(app));
        self.calls.spawn(async move {
            let mut results = Vec::with_capacity(purposes.len());
            for purpose in purposes {
                results.push(caller.call(&app, purpose).await);
            }
            (app.app_key, results)
        });
    }

    fn finish(&mut self, ended: Result<(i64, Vec<CallResult>), tokio::task::JoinError>) {
        let Ok((app_key, results)) = ended else {
            // A panic in a call: stderr has told of it. Which account it was is not known, so none stays busy.
            self.busy.clear();
            self.backfilling = None;
            return;
        };
        self.busy.remove(&app_key);
        let was_backfill = self.backfilling.take_if(|backfilling| *backfilling == app_key).is_some();
        for result in results {
            match result {
                CallResult::StoreFailed => self.store_failed_at = Some(clock::now()),
                CallResult::Failed(_) | CallResult::Skipped(_) if was_backfill => {
                    self.backfill_again.insert(app_key, clock::now());
                }
                _ => {}
            }
        }
    }

    /// Fetches one window of old days, where the budget can spare a call. At most one at a time, and
    /// only while no poll is due or under way.
    async fn start_backfill(&mut self, now: &Moment) -> Result<(), StoreError> {
        let today = day_of(now.wall, self.caller.timezone);
        let Some(wanted) = backfill_range(today, self.backfill_days) else { return Ok(()) };
        if self.plan.daily_access.is_none() {
            return Ok(());
        }
        for index in 0..self.apps.len() {
            let app = Arc::clone(&self.apps[index]);
            let looked_at = self.backfill_again.get(&app.app_key);
            if looked_at.is_some_and(|at| (TimeDelta::zero()..BACKFILL_PAUSE).contains(&now.since(at))) {
                continue;
            }
            let backfill = Backfill { caller: self.caller.clone(), apps: Vec::new(), wanted };
            let missing = backfill.missing(&app).await?;
            let window = missing.into_iter().find(|window| !self.backfilled.contains(&(app.app_key, *window)));
            match window {
                Some(window) if self.can_spare_a_call(&app, now, today).await? => {
                    self.backfilling = Some(app.app_key);
                    self.backfilled.insert((app.app_key, window));
                    self.start(app.app_key, vec![Purpose::Backfill(window)]);
                    return Ok(());
                }
                _ => {
                    self.backfill_again.insert(app.app_key, now.clone());
                }
            }
        }
        Ok(())
    }

    async fn can_spare_a_call(&self, app: &QuotaApp, now: &Moment, today: NaiveDate) -> Result<bool, StoreError> {
        let (budget_left, usage) = self.caller.budget_left(app.app_key, now).await?;
        let midnight = start_of(today + Days::new(1), self.caller.timezone);
        let slots_left = [Endpoint::DailyAccess, Endpoint::AccessConfig]
            .iter()
            .filter_map(|endpoint| self.plan.line(*endpoint))
            .map(|line| line.slots_between(now.wall, midnight, budget_left))
            .sum();
        let is_refused = refusal(budget_left, usage, self.caller.keep_free).is_some()
            || self.caller.store.was_refused(app.app_key, today).await?;
        Ok(!is_refused && spare_for_backfill(self.caller.calls_per_app_per_day, budget_left, slots_left) > 0)
    }

    /// Polls both endpoints of every account now, whatever the slots say, with the retries that an
    /// unreachable server gets; for `poskeeper once`. Returns each account's result.
    pub async fn run_once(&mut self) -> Vec<(Arc<QuotaApp>, Endpoint, CallResult)> {
        let started = clock::now();
        let mut results = Vec::new();
        let mut open: Vec<(Arc<QuotaApp>, Endpoint)> = Vec::new();
        for app in &self.apps {
            for endpoint in [Endpoint::DailyAccess, Endpoint::AccessConfig] {
                if self.plan.line(endpoint).is_some() {
                    open.push((Arc::clone(app), endpoint));
                }
            }
        }
        while !open.is_empty() && !self.caller.stop.is_cancelled() {
            let mut calls = JoinSet::new();
            let by_account = group_by_account(std::mem::take(&mut open));
            for requests in by_account {
                let (caller, plan) = (self.caller.clone(), self.plan.clone());
                calls.spawn(async move {
                    let mut ended = Vec::new();
                    for (app, endpoint) in requests {
                        let slot = current_slot(&plan, endpoint, started.wall);
                        let result = caller.call(&app, Purpose::Slot(endpoint, slot)).await;
                        ended.push((app, endpoint, result));
                    }
                    ended
                });
            }
            for (app, endpoint, result) in calls.join_all().await.into_iter().flatten() {
                match &result {
                    CallResult::Failed(_) if self.has_retries_left(&app, endpoint).await => open.push((app, endpoint)),
                    _ => results.push((app, endpoint, result)),
                }
            }
            if !open.is_empty() {
                self.retry_pause(&open).await;
            }
        }
        results
    }

    async fn has_retries_left(&self, app: &QuotaApp, endpoint: Endpoint) -> bool {
        let Ok(states) = self.caller.store.poll_states().await else { return false };
        let progress = states.get(&(app.app_key, endpoint)).and_then(|state| state.progress.as_ref());
        progress.is_some_and(|progress| !progress.done)
    }

    /// Sleeps until the first of the open retries is due.
    async fn retry_pause(&self, open: &[(Arc<QuotaApp>, Endpoint)]) {
        let now = clock::now();
        let Ok(states) = self.caller.store.poll_states().await else { return };
        let due_at = open.iter().filter_map(|(app, endpoint)| {
            let state = states.get(&(app.app_key, *endpoint))?;
            match self.plan.due(&now, &app.app_id, *endpoint, state) {
                Due::At(at) => Some(at - now.wall),
                _ => None,
            }
        });
        let pause = due_at.min().unwrap_or(TimeDelta::seconds(2));
        tokio::select! {
            () = tokio::time::sleep(sleep_time(pause, LONGEST_SLEEP)) => {}
            () = self.caller.stop.cancelled() => {}
        }
    }
}

/// The slot that a poll out of turn serves.
fn current_slot(plan: &PollPlan, endpoint: Endpoint, now: DateTime<Utc>) -> DateTime<Utc> {
    plan.line(endpoint).and_then(|line| line.last_slot(now)).unwrap_or(now)
}

fn group_by_account(requests: Vec<(Arc<QuotaApp>, Endpoint)>) -> Vec<Vec<(Arc<QuotaApp>, Endpoint)>> {
    let mut groups: Vec<Vec<(Arc<QuotaApp>, Endpoint)>> = Vec::new();
    for request in requests {
        match groups.last_mut().filter(|group| group[0].0.app_key == request.0.app_key) {
            Some(group) => group.push(request),
            None => groups.push(vec![request]),
        }
    }
    groups
}
