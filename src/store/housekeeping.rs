//! Retention: samples and calls are kept for a time, days and packages for ever.

use super::columns::{day, day_number};
use super::database::Store;
use super::error::StoreError;
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
            let delete = sqlx::query("DELETE FROM usage_sample WHERE day < ?").bind(cutoff);
            deleted += delete.execute(self.pool()).await?.rows_affected();
        }
        if let Some(cutoff) = cutoff(retention.calls_days) {
            deleted += sqlx::query(
                "DELETE FROM call WHERE date(vendor_day * 86400, 'unixepoch') < date(? * 86400, 'unixepoch') AND outcome IS NOT NULL AND (boot_id <> ? OR uptime_ms < ?)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BootInstant;
    use chrono::DateTime;

    const RETENTION: Retention = Retention { samples_days: 400, calls_days: 90 };

    fn now() -> Moment {
        Moment { wall: DateTime::UNIX_EPOCH, boot: BootInstant { boot_id: "this".into(), uptime_ms: 0 } }
    }

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 21).expect("a day")
    }

    /// One account that was last seen today, with a sample and a call on each of these days ago.
    async fn store(folder: &std::path::Path, days_ago: &[u64]) -> Store {
        let store = Store::open(&folder.join("poskeeper.db")).await.expect("a database");
        let days: Vec<_> = days_ago.iter().map(|ago| day_number(today() - Days::new(*ago))).collect();
        let days = serde_json::to_string(&days).expect("JSON");
        sqlx::query("INSERT INTO app (app_key, app_id, first_seen_at, newest_day) VALUES (1, 'A', 0, ?)")
            .bind(day_number(today()))
            .execute(store.pool())
            .await
            .expect("written");
        for sql in [
            "INSERT INTO calendar SELECT value, date(value * 86400, 'unixepoch') FROM json_each(?)",
            "INSERT INTO usage_sample SELECT value, 1, 1, 0, 0, 0 FROM json_each(?)",
            "INSERT INTO call (started_at, boot_id, uptime_ms, vendor_day, endpoint, app_key, outcome)
             SELECT 0, 'another', 0, value, 'daily_access', 1, 'ok' FROM json_each(?)",
        ] {
            sqlx::query(sql).bind(days.clone()).execute(store.pool()).await.expect("written");
        }
        store
    }

    async fn left(store: &Store) -> (i64, i64) {
        let samples = sqlx::query_scalar("SELECT count(*) FROM usage_sample").fetch_one(store.pool()).await;
        let calls = sqlx::query_scalar("SELECT count(*) FROM call").fetch_one(store.pool()).await;
        (samples.expect("a count"), calls.expect("a count"))
    }

    #[tokio::test]
    async fn what_is_past_its_time_is_deleted_and_no_more() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path(), &[401, 400, 91, 90, 1]).await;
        store.prune(RETENTION, &now(), today()).await.expect("pruned");
        assert_eq!(left(&store).await, (4, 2));
        let for_ever = Retention { samples_days: 0, calls_days: 0 };
        store.prune(for_ever, &now(), today()).await.expect("pruned");
        assert_eq!(left(&store).await, (4, 2));
    }

    #[tokio::test]
    async fn a_clock_ten_years_ahead_deletes_nothing_that_the_vendors_newest_day_keeps() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(folder.path(), &[1, 0]).await;
        store.prune(RETENTION, &now(), today() + Days::new(3650)).await.expect("pruned");
        assert_eq!(left(&store).await, (2, 2));
    }
}
