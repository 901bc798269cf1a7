//! Reads the ledger for what decides whether one more call may be made, for many accounts at a time.

use super::allowance::{Allowance, Asked};
use super::columns::{day, day_number, instant};
use super::database::Store;
use super::error::StoreError;
use crate::model::{BootInstant, Moment};
use crate::rules::budget::LedgerMark;
use crate::rules::polling::TodaysUsage;
use chrono::{NaiveDate, TimeDelta};
use futures_util::TryStreamExt;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Among so many of the newest calls an answer with a `Date` is looked for: all that there are, where a
/// vendor sends none, would take too long.
const NEWEST_CALLS: i64 = 1000;

impl Store {
    /// What decides whether an account may make one more call `today`; of its newest calls, `most`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn allowance(&self, app_key: i64, today: NaiveDate, most: u32) -> Result<Allowance, StoreError> {
        self.groups.allowances.submit(Asked { app_key, today, most }, |asked| self.allowances(asked)).await
    }

    async fn allowances(&self, asked: Vec<Asked>) -> Result<Vec<Allowance>, StoreError> {
        // Each account once, however often it is asked for.
        let keys: BTreeSet<i64> = asked.iter().map(|asked| asked.app_key).collect();
        let most = asked.iter().map(|asked| asked.most).max().unwrap_or_default();
        let newest_calls = self.newest_calls(&Vec::from_iter(keys), most).await?;
        let witnesses: Arc<[LedgerMark]> = self.newest_dates().await?.into();
        let places: Vec<_> = asked.iter().map(|asked| (asked.app_key, asked.today)).collect();
        let usage = self.usage_on(&places).await?;
        let allowance = |asked: Asked| Allowance {
            newest_calls: newest_calls.get(&asked.app_key).cloned().unwrap_or_default(),
            witnesses: Arc::clone(&witnesses),
            todays_usage: usage.get(&(asked.app_key, day_number(asked.today))).copied(),
        };
        Ok(asked.into_iter().map(allowance).collect())
    }

    /// The newest calls of these accounts, each account's newest first: what the budget is judged by.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn newest_calls(&self, app_keys: &[i64], most: u32) -> Result<HashMap<i64, Vec<LedgerMark>>, StoreError> {
        let mut rows = sqlx::query(
            "SELECT c.started_at, c.boot_id, c.uptime_ms, c.vendor_day, c.skew_ms, c.app_key
             FROM json_each(?) k CROSS JOIN call c
             ON c.call_id IN (SELECT n.call_id FROM call n WHERE n.app_key = k.value ORDER BY n.call_id DESC LIMIT ?)
             ORDER BY c.call_id DESC",
        )
        .bind(serde_json::to_string(app_keys).unwrap_or_default())
        .bind(most)
        .fetch(self.pool());
        let mut newest: HashMap<i64, Vec<LedgerMark>> = HashMap::new();
        while let Some(row) = rows.try_next().await? {
            newest.entry(row.try_get(5)?).or_default().push(mark(&row)?);
        }
        Ok(newest)
    }

    /// The newest answers that had a `Date`, of Pospal and then of a login's server: what they say of our
    /// clock goes for every account.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn newest_dates(&self) -> Result<Vec<LedgerMark>, StoreError> {
        let newest: Option<i64> = sqlx::query_scalar("SELECT max(call_id) FROM call").fetch_one(self.pool()).await?;
        let rows = sqlx::query(
            "SELECT * FROM (SELECT started_at, boot_id, uptime_ms, vendor_day, skew_ms FROM call
                            WHERE call_id > ?1 AND skew_ms IS NOT NULL AND app_key IS NOT NULL ORDER BY call_id DESC LIMIT 1)
             UNION ALL
             SELECT * FROM (SELECT started_at, boot_id, uptime_ms, vendor_day, skew_ms FROM call
                            WHERE call_id > ?1 AND skew_ms IS NOT NULL AND device_key IS NOT NULL ORDER BY call_id DESC LIMIT 1)",
        )
        .bind(newest.unwrap_or_default() - NEWEST_CALLS)
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(mark).collect()
    }

    async fn usage_on(&self, places: &[(i64, NaiveDate)]) -> Result<HashMap<(i64, i64), TodaysUsage>, StoreError> {
        let places: Vec<i64> = places.iter().map(|(app_key, day)| day_number(*day) << 32 | app_key).collect();
        let mut rows = sqlx::query(
            "SELECT u.app_key, u.day, u.limit_times, u.used_times FROM json_each(?) j
             CROSS JOIN daily_usage u ON u.day = j.value >> 32 AND u.app_key = j.value & 4294967295",
        )
        .bind(serde_json::to_string(&places).unwrap_or_default())
        .fetch(self.pool());
        let mut usage = HashMap::new();
        while let Some(row) = rows.try_next().await? {
            let of_day = TodaysUsage { limit_times: row.try_get(2)?, used_times: row.try_get(3)? };
            usage.insert((row.try_get(0)?, row.try_get(1)?), of_day);
        }
        Ok(usage)
    }
}

fn mark(row: &SqliteRow) -> Result<LedgerMark, StoreError> {
    let boot = BootInstant { boot_id: row.try_get(1)?, uptime_ms: row.try_get(2)? };
    Ok(LedgerMark {
        started_at: Moment { wall: instant(row.try_get(0)?), boot },
        vendor_day: day(row.try_get(3)?),
        skew: row.try_get::<Option<i64>, _>(4)?.map(TimeDelta::milliseconds),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AppId, Endpoint};
    use crate::store::NewPoll;
    use chrono::DateTime;

    #[tokio::test]
    async fn an_account_that_is_asked_for_twice_at_the_same_time_has_made_its_calls_both_times() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("poskeeper.db")).await.expect("a database");
        let id = AppId::parse("A").expect("an id");
        store.sync_apps(&[(id.clone(), None)], DateTime::UNIX_EPOCH).await.expect("written");
        let app_key = store.apps().await.expect("readable").get(&id).expect("known").app_key;
        let boot = BootInstant { boot_id: "this".into(), uptime_ms: 0 };
        let (today, started_at) = (NaiveDate::default(), Moment { wall: DateTime::UNIX_EPOCH, boot });
        for _ in 0..3 {
            let (endpoint, started_at) = (Endpoint::DailyAccess, started_at.clone());
            let poll = NewPoll { app_key, endpoint, slot: None, started_at, vendor_day: today };
            store.open_poll_call(poll).await.expect("entered");
        }
        // The first is a group of its own; the others wait for it, and are the next one.
        let asked = (0..3).map(|_| store.allowance(app_key, today, 24));
        for known in futures_util::future::join_all(asked).await {
            assert_eq!(known.expect("readable").newest_calls.len(), 3);
        }
    }
}
