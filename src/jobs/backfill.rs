//! Fetches older days, a window of eight at a time, for accounts whose history has holes.

use super::{CallResult, Purpose, QuotaApp, QuotaCaller};
use crate::clock;
use crate::model::{CallFailure, day_of};
use crate::rules::polling::SkipReason;
use crate::rules::windows::{DayRange, missing_windows};
use crate::store::StoreError;
use std::collections::HashSet;
use std::sync::Arc;

/// Why a backfill ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackfillEnd {
    /// Every day was asked for.
    Complete,
    /// The rest has to wait, for this reason.
    Waits(SkipReason),
    /// A call failed.
    Failed(CallFailure),
    /// The database failed.
    StoreFailed,
}

/// The range of days that somebody wants of some accounts.
#[derive(Debug, Clone)]
pub struct Backfill {
    /// Makes the calls.
    pub caller: QuotaCaller,
    /// Of whom.
    pub apps: Vec<Arc<QuotaApp>>,
    /// Which days.
    pub wanted: DayRange,
}

impl Backfill {
    /// The windows that are still to be fetched of one account: the same however often it is asked, so
    /// that a backfill can be cut off and goes on where it was.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn missing(&self, app: &QuotaApp) -> Result<Vec<DayRange>, StoreError> {
        let mut asked = self.caller.store.asked(app.app_key).await?;
        let today = day_of(clock::wall(), self.caller.timezone);
        // Today's number is never final; an answer of today is as good as it gets.
        if self.wanted.last >= today && self.caller.store.allowance(app.app_key, today, 0).await?.todays_usage.is_some()
        {
            asked.push(DayRange { first: today, last: self.wanted.last.max(today) });
        }
        Ok(missing_windows(self.wanted, &asked))
    }

    /// Days still to be fetched of all accounts.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn days_left(&self) -> Result<u64, StoreError> {
        let mut days = 0;
        for app in &self.apps {
            days += self.missing(app).await?.iter().map(DayRange::days).sum::<u64>();
        }
        Ok(days)
    }

    /// Fetches all that is missing; `tell` hears how many days are left, after each call. An account that
    /// has to wait or fails does not keep the others waiting; the first reason is returned.
    pub async fn run(&self, mut tell: impl FnMut(u64)) -> BackfillEnd {
        let mut end = BackfillEnd::Complete;
        for app in &self.apps {
            let of_app = self.run_for(app, &mut tell).await;
            if end == BackfillEnd::Complete {
                end = of_app;
            }
        }
        // What one had no call left for, another's answer may have brought.
        if self.days_left().await.is_ok_and(|left| left == 0) { BackfillEnd::Complete } else { end }
    }

    async fn run_for(&self, app: &QuotaApp, tell: &mut impl FnMut(u64)) -> BackfillEnd {
        // A window is asked for once, whatever the answer: some days the vendor has no number for.
        let mut asked = HashSet::new();
        loop {
            // Looked up anew before each call: the answer to one account may have served its sisters.
            let Ok(missing) = self.missing(app).await else { return BackfillEnd::StoreFailed };
            let Some(window) = missing.into_iter().find(|window| asked.insert(*window)) else {
                return BackfillEnd::Complete;
            };
            match self.caller.call(app, Purpose::Backfill(window)).await {
                CallResult::Done => {}
                CallResult::Skipped(reason) => return BackfillEnd::Waits(reason),
                CallResult::Failed(failure) => return BackfillEnd::Failed(failure),
                CallResult::StoreFailed => return BackfillEnd::StoreFailed,
            }
            match self.days_left().await {
                Ok(left) => tell(left),
                Err(_) => return BackfillEnd::StoreFailed,
            }
        }
    }
}
