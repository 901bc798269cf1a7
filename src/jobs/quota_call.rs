//! One Pospal call, from the question whether it may be made to its log line.

use super::{
    CallTally, LAST_WRITE_GRACE, Observations, STOP_GRACE, StoreHealth, interrupted, outcome_of, skew_at_start,
    until_stopped,
};
use crate::clock;
use crate::events;
use crate::model::{AppId, CallFailure, Endpoint, Moment, Outcome, Package, Secret, Subject, UsageReading, day_of};
use crate::rules::budget::spent_today;
use crate::rules::history::{Observation, TOO_MANY_SISTERS, unfinished_day};
use crate::rules::polling::{SkipReason, TodaysUsage, is_done, refusal};
use crate::rules::windows::{DayRange, poll_window};
use crate::store::{Answer, CallEnd, NewPoll, OpenPoll, Store, StoreError};
use crate::vendors::pospal::{self, Account};
use crate::vendors::{Client, Reply, Rows};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use reqwest::Url;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// How long a fetched answer waits before the database is tried again.
const STORE_PAUSE: Duration = Duration::from_secs(5);

/// A configured account.
#[derive(Debug, Clone)]
pub struct QuotaApp {
    /// Its key in the database.
    pub app_key: i64,
    /// Its name at the vendor.
    pub app_id: AppId,
    /// The operator's name for it.
    pub name: String,
    /// Signs its requests.
    pub app_key_secret: Secret,
    /// Its area host.
    pub base_url: Url,
    /// Requests at a time to that host, shared by all accounts on it.
    pub host: Arc<Semaphore>,
}

/// What every Pospal call needs besides the account.
#[derive(Debug, Clone)]
pub struct QuotaCaller {
    /// The vendors' HTTP client.
    pub client: Client,
    /// History and ledger.
    pub store: Store,
    /// Whether that can be written.
    pub health: Arc<StoreHealth>,
    /// What the judge hears.
    pub observations: Arc<Observations>,
    /// Counts the calls.
    pub tally: CallTally,
    /// The vendor's calendar.
    pub timezone: Tz,
    /// All accounts of the settings: what an answer has of them is kept, whatever else it has.
    pub configured: Arc<HashSet<AppId>>,
    /// Ceiling of requests per account and vendor day.
    pub calls_per_app_per_day: u32,
    /// Calls of the account's own limit that are left to others; 0 for what a person asked for.
    pub keep_free: u32,
    /// One answer serves the configured sisters that it contains.
    pub serves_sisters: bool,
    /// Ends a request under way after a short grace.
    pub stop: CancellationToken,
}

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A cron slot of this endpoint.
    Slot(Endpoint, DateTime<Utc>),
    /// Older days.
    Backfill(DayRange),
}

impl Purpose {
    fn endpoint(self) -> Endpoint {
        match self {
            Self::Slot(endpoint, _) => endpoint,
            Self::Backfill(_) => Endpoint::DailyAccess,
        }
    }

    fn slot(self) -> Option<DateTime<Utc>> {
        match self {
            Self::Slot(_, slot) => Some(slot),
            Self::Backfill(_) => None,
        }
    }
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallResult {
    /// Answered and stored.
    Done,
    /// Not made.
    Skipped(SkipReason),
    /// Made, and brought nothing.
    Failed(CallFailure),
    /// Not made, or not stored: the database failed.
    StoreFailed,
}

impl QuotaCaller {
    /// How many calls an account may still make today, and what it has made of its own quota.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn budget_left(&self, app_key: i64, now: &Moment) -> Result<(u32, Option<TodaysUsage>), StoreError> {
        let most = self.calls_per_app_per_day;
        let known = self.store.allowance(app_key, day_of(now.wall, self.timezone), most).await?;
        let spent = spent_today(now, self.timezone, &known.newest_calls, &known.witnesses);
        Ok((most.saturating_sub(spent), known.todays_usage))
    }

    /// Why the account may not be called now, if so.
    async fn refusal(&self, app: &QuotaApp, now: &Moment) -> Result<Option<SkipReason>, StoreError> {
        let (budget_left, usage) = self.budget_left(app.app_key, now).await?;
        Ok(refusal(budget_left, usage, self.keep_free))
    }

    /// Makes one call, if it may be made, and stores what it brings.
    pub async fn call(&self, app: &QuotaApp, purpose: Purpose) -> CallResult {
        // The turn comes first: what the answers before it brought may forbid this call.
        let Ok(turn) = app.host.acquire().await else { return CallResult::StoreFailed };
        if self.stop.is_cancelled() {
            return CallResult::Failed(interrupted());
        }
        let now = clock::now();
        match self.health.check_read(self.refusal(app, &now).await) {
            None => return CallResult::StoreFailed,
            Some(Some(reason)) => return self.skip(app, purpose, reason).await,
            Some(None) => {}
        }
        let vendor_day = day_of(now.wall, self.timezone);
        let new = NewPoll {
            app_key: app.app_key,
            endpoint: purpose.endpoint(),
            slot: purpose.slot(),
            started_at: now.clone(),
            vendor_day,
        };
        // Without its row in the ledger a call is not made: it would be charged and not counted.
        let Some(open) = self.health.check(self.store.open_poll_call(new).await) else {
            return CallResult::StoreFailed;
        };
        let sent = Sent { app, purpose, open, now, vendor_day };
        let account = Account {
            base_url: &app.base_url,
            app_id: &app.app_id,
            app_key: &app.app_key_secret,
            configured: &self.configured,
        };
        match purpose {
            Purpose::Slot(Endpoint::AccessConfig, _) => {
                let request = pospal::access_config(&self.client, &account, sent.now.wall);
                let reply = until_stopped(&self.stop, STOP_GRACE, request).await;
                drop(turn);
                self.settle_packages(&sent, reply).await
            }
            Purpose::Slot(..) | Purpose::Backfill(_) => {
                let window = match purpose {
                    Purpose::Backfill(window) => window,
                    Purpose::Slot(..) => poll_window(vendor_day),
                };
                let (first, last) = (window.first, window.last);
                let request = pospal::daily_access(&self.client, &account, first, last, sent.now.wall, self.timezone);
                let reply = until_stopped(&self.stop, STOP_GRACE, request).await;
                drop(turn);
                self.settle_usage(&sent, window, reply).await
            }
        }
    }

    async fn skip(&self, app: &QuotaApp, purpose: Purpose, reason: SkipReason) -> CallResult {
        if let Purpose::Slot(endpoint, slot) = purpose {
            events::poll_skipped(&app.app_id, &app.name, endpoint, reason);
            if self.health.check(self.store.skip_slot(app.app_key, endpoint, slot).await).is_none() {
                return CallResult::StoreFailed;
            }
        }
        CallResult::Skipped(reason)
    }

    async fn settle_usage(
        &self,
        sent: &Sent<'_>,
        window: DayRange,
        mut reply: Option<Reply<Rows<UsageReading>>>,
    ) -> CallResult {
        // Until it is stored, no other large answer is taken in.
        let _place = reply.as_mut().and_then(|reply| reply.place.take());
        let (answer, unusable) = match self.accept(sent, reply).await {
            Ok(accepted) => accepted,
            Err(failure) => return CallResult::Failed(failure),
        };
        let answer = Arc::new(answer);
        let record = || self.store.record_usage(Arc::clone(&answer), window);
        let Some(record) = self.store_when_possible(sent, answer.rows.len(), record).await else {
            return CallResult::StoreFailed;
        };
        let kept = Kept { left_out: record.left_out, changed: record.changed, covered: &record.covered };
        self.report(sent, &answer, unusable, &kept);
        events::apps_discovered(&record.discovered, &sent.app.app_id);
        events::usage_corrected(&record.corrections);
        CallResult::Done
    }

    async fn settle_packages(&self, sent: &Sent<'_>, mut reply: Option<Reply<Rows<Package>>>) -> CallResult {
        let _place = reply.as_mut().and_then(|reply| reply.place.take());
        let (answer, unusable) = match self.accept(sent, reply).await {
            Ok(accepted) => accepted,
            Err(failure) => return CallResult::Failed(failure),
        };
        let answer = Arc::new(answer);
        let record = || self.store.record_packages(Arc::clone(&answer));
        let Some(record) = self.store_when_possible(sent, answer.rows.len(), record).await else {
            return CallResult::StoreFailed;
        };
        let changed = record.added.count + record.removed.count;
        let kept = Kept { left_out: record.left_out, changed, covered: &record.covered };
        self.report(sent, &answer, unusable, &kept);
        events::apps_discovered(&record.discovered, &sent.app.app_id);
        events::packages_changed(&record.added, true, &sent.app.app_id);
        events::packages_changed(&record.removed, false, &sent.app.app_id);
        CallResult::Done
    }

    /// Turns a reply into what is to be stored; a failure is entered in the ledger and logged.
    async fn accept<T>(
        &self,
        sent: &Sent<'_>,
        reply: Option<Reply<Rows<T>>>,
    ) -> Result<(Answer<T>, Unusable), CallFailure> {
        let arrived = clock::now();
        let duration = arrived.since(&sent.now);
        let (date, http_status, result) = match reply {
            Some(reply) => (reply.date, reply.http_status, reply.result),
            None => (None, None, Err(interrupted())),
        };
        let endpoint = sent.purpose.endpoint();
        if http_status.is_some() {
            self.observations.answer(endpoint, date.map(|date| arrived.wall - date), &arrived);
        }
        let skew = date.map(|date| skew_at_start(&sent.now, duration, date));
        self.tally.count(endpoint, outcome_of(&result), duration);
        match result {
            Ok(rows) => {
                let unusable = Unusable { rows: rows.bad_rows, first_error: rows.first_error };
                let their_day = date.map(|date| day_of(date, self.timezone));
                let answer = Answer {
                    end: CallEnd {
                        outcome: Outcome::Ok,
                        http_status,
                        error_code: None,
                        error_message: None,
                        duration,
                        skew,
                    },
                    asker: sent.app.app_id.clone(),
                    observation: Observation {
                        call_id: sent.open.call_id,
                        observed_at: sent.now.wall,
                        today: unfinished_day(sent.vendor_day, their_day),
                    },
                    rows: rows.good,
                    slot: sent.purpose.slot(),
                    serves_sisters: self.serves_sisters,
                };
                Ok((answer, unusable))
            }
            Err(failure) => {
                let is_done = is_done(failure.outcome, sent.open.attempts);
                let (call_id, end) = (sent.open.call_id, CallEnd::failed(&failure, duration, skew));
                let close = || self.store.close_failed_call(call_id, &end, is_done);
                let is_closed = self.health.check(close().await).is_some();
                if failure.outcome != Outcome::Interrupted {
                    events::poll_failed(
                        &sent.app.app_id,
                        &sent.app.name,
                        endpoint,
                        &failure,
                        !is_done && sent.purpose.slot().is_some(),
                    );
                }
                // Before that nothing else is asked for this account: a refusal is not retried.
                if !is_closed {
                    let _ = self.write_when_possible(close).await;
                }
                Err(failure)
            }
        }
    }

    /// Keeps an answer in memory until the database takes it, or the stop.
    async fn store_when_possible<R, F>(&self, sent: &Sent<'_>, rows: usize, write: impl Fn() -> F) -> Option<R>
    where
        F: Future<Output = Result<R, StoreError>>,
    {
        let written = self.write_when_possible(write).await;
        written
            .inspect_err(|reason| {
                events::store_failing_lost(&sent.app.app_id, sent.purpose.endpoint(), rows, reason);
            })
            .ok()
    }

    /// Tries until the database takes it, or the stop; then says what was in the way.
    async fn write_when_possible<R, F>(&self, write: impl Fn() -> F) -> Result<R, String>
    where
        F: Future<Output = Result<R, StoreError>>,
    {
        loop {
            let is_last_try = self.stop.is_cancelled();
            let failure = match until_stopped(&self.stop, LAST_WRITE_GRACE, write()).await {
                Some(Ok(record)) => {
                    self.health.check(Ok(()));
                    return Ok(record);
                }
                Some(Err(error)) => {
                    let reason = error.to_string();
                    self.health.check::<R>(Err(error));
                    is_last_try.then_some(reason)
                }
                None => Some("the database is locked".into()),
            };
            if let Some(reason) = failure {
                return Err(reason);
            }
            tokio::select! {
                () = tokio::time::sleep(STORE_PAUSE) => {}
                () = self.stop.cancelled() => {}
            }
        }
    }

    /// One line tells of all that could not be used, wherever that came out.
    fn report<T>(&self, sent: &Sent<'_>, answer: &Answer<T>, unusable: Unusable, kept: &Kept<'_>) {
        let (app_id, endpoint) = (&sent.app.app_id, sent.purpose.endpoint());
        self.observations.history();
        let bad_rows = unusable.rows + kept.left_out;
        if bad_rows > 0 {
            let first_error = unusable.first_error.as_deref().unwrap_or(TOO_MANY_SISTERS);
            events::response_unexpected(endpoint, &Subject::App(app_id.clone()), bad_rows, first_error);
        }
        let rows = answer.rows.len() - kept.left_out;
        events::poll_done(app_id, &sent.app.name, endpoint, rows, kept.changed, answer.end.duration);
        kept.covered
            .iter()
            .for_each(|sister| events::poll_skipped(sister, sister.as_str(), endpoint, SkipReason::Covered));
    }
}

/// Rows of an answer that are not what the vendor documents.
struct Unusable {
    rows: usize,
    first_error: Option<String>,
}

/// What the store made of an answer.
struct Kept<'a> {
    /// Rows that it did not take.
    left_out: usize,
    changed: usize,
    covered: &'a [AppId],
}

/// A call that has left.
struct Sent<'a> {
    app: &'a QuotaApp,
    purpose: Purpose,
    open: OpenPoll,
    now: Moment,
    vendor_day: NaiveDate,
}
