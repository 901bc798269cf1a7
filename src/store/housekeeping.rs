//! Retention: samples and calls are kept for a time, days and packages for ever.

use super::columns::{day, day_number};
use super::database::{Store, StoreError};
use crate::model::Moment;
use chrono::{Days, NaiveDate, TimeDelta};

/// More than any vendor day.
const COUNTED_BY_THE_BUDGET: TimeDelta = TimeDelta::days(2);

/// How long things are kept; 0: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Intraday samples.
    pub samples_days: u32,
    /// The call ledger and login attempts.
    pub calls_days: u32,
}

impl Store {
    /// Deletes what is past its time; returns how many rows. The newest call of each app and device
    /// stays, because deadlines and turns are read from it; so do the calls of this boot's last days,
    /// because the budget counts them, whatever date a wrong clock gave them.
    ///
    /// # Errors
    /// Nothing, or the samples only, are deleted.
    pub async fn prune(&self, retention: Retention, now: &Moment, today: NaiveDate) -> Result<u64, StoreError> {
        // No day can be far beyond the newest that the vendor told of: a clock in the future ends here.
        let newest: Option<i64> = sqlx::query_scalar("SELECT max(newest_day) FROM app").fetch_one(self.pool()).await?;
        let today = newest.map_or(today, |newest| today.min(day(newest) + Days::new(1)));
        let cutoff = |days: u32| (days > 0).then(|| day_number(today - Days::new(days.into())));
        let mut deleted = 0;
        if let Some(cutoff) = cutoff(retention.samples_days) {
            deleted += sqlx::query(
                "DELETE FROM usage_sample WHERE app_key IN (SELECT app_key FROM app) AND day < ? -- by the primary key",
            )
            .bind(cutoff)
            .execute(self.pool())
            .await?
            .rows_affected();
        }
        if let Some(cutoff) = cutoff(retention.calls_days) {
            deleted += sqlx::query(
                "DELETE FROM call WHERE vendor_day < ? AND outcome IS NOT NULL AND (boot_id <> ? OR uptime_ms < ?)
                 AND call_id NOT IN (SELECT max(call_id) FROM call WHERE device_key IS NOT NULL GROUP BY device_key)
                 AND call_id NOT IN (SELECT last_call FROM poll WHERE last_call IS NOT NULL)",
            )
            .bind(cutoff)
            .bind(now.boot.boot_id.clone())
            .bind(now.boot.uptime_ms - COUNTED_BY_THE_BUDGET.num_milliseconds())
            .execute(self.pool())
            .await?
            .rows_affected();
        }
        Ok(deleted)
    }
}
