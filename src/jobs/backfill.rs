//! Fetches older days, a window of eight at a time, for accounts whose history has holes.

use super::{CallResult, Purpose, QuotaApp, QuotaCaller};
use crate::clock;
use crate::model::{CallFailure, day_of};
use crate::rules::polling::SkipReason;
use crate::rules::windows::{DayRange, missing_windows};
use crate::store::StoreError;
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
        if self.wanted.last >= today && self.has_asked_today(app).await? {
            asked.push(DayRange { first: today, last: self.wanted.last.max(today) });
        }
        Ok(missing_windows(self.wanted, &asked))
    }

    /// Today's number is never final; an answer of today is as good as it gets.
    async fn has_asked_today(&self, app: &QuotaApp) -> Result<bool, StoreError> {
        let today = day_of(clock::wall(), self.caller.timezone);
        Ok(self.caller.store.todays_usage(app.app_key, today).await?.is_some())
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

    /// Fetches all that is missing; `tell` hears how many days are left, after each call.
    pub async fn run(&self, mut tell: impl FnMut(u64)) -> BackfillEnd {
        for app in &self.apps {
            // Asked anew before each call: the answer to one account may have served its sisters.
            loop {
                let Ok(missing) = self.missing(app).await else { return BackfillEnd::StoreFailed };
                let Some(window) = missing.first() else { break };
                match self.caller.call(app, Purpose::Backfill(*window)).await {
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
        BackfillEnd::Complete
    }
}
