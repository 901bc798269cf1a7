//! What a new database must know of the one that was set aside: the calls that the vendor may count
//! against today's budget.

use super::columns::{day, day_number, millis};
use super::database::Store;
use super::error::StoreError;
use crate::model::{AppId, Endpoint, Moment};
use chrono::{Days, NaiveDate};
use futures_util::TryStreamExt;
use sqlx::Row;

/// A Pospal call of another ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedCall {
    app_id: String,
    started_at: i64,
    boot_id: String,
    uptime_ms: i64,
    vendor_day: i64,
    endpoint: String,
    outcome: Option<String>,
    http_status: Option<i64>,
    error_code: Option<String>,
    error_message: Option<String>,
    duration_ms: Option<i64>,
    skew_ms: Option<i64>,
}

impl Store {
    /// The Pospal calls that may count as made on the vendor's `today`. `None`: the ledger is not whole
    /// that far back. Its numbers tell: they have no gap, and the newest is written down elsewhere.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn calls_to_carry(&self, now: &Moment, today: NaiveDate) -> Result<Option<Vec<CarriedCall>>, StoreError> {
        let newest: Option<i64> = sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'call'")
            .fetch_optional(self.pool())
            .await?;
        let mut rows = sqlx::query(
            "SELECT c.call_id, a.app_id, c.app_key, c.started_at, c.boot_id, c.uptime_ms, c.vendor_day, c.endpoint,
                    c.outcome, c.http_status, c.error_code, c.error_message, c.duration_ms, c.skew_ms
             FROM call c LEFT JOIN app a USING (app_key) ORDER BY c.call_id DESC",
        )
        .fetch(self.pool());
        let is_recent = |day_of_call: i64, boot_id: &str, uptime_ms: i64| {
            let is_of_two_days = day(day_of_call) >= today - Days::new(1);
            // Whatever date a wrong clock gave it.
            is_of_two_days || (boot_id == now.boot.boot_id && uptime_ms > now.boot.uptime_ms - 2 * 86_400_000)
        };
        let mut calls = Vec::new();
        let mut expected = newest.unwrap_or(0);
        while let Some(row) = rows.try_next().await? {
            let (call_id, boot_id): (i64, String) = (row.try_get(0)?, row.try_get(4)?);
            let (uptime_ms, vendor_day) = (row.try_get(5)?, row.try_get(6)?);
            if !is_recent(vendor_day, &boot_id, uptime_ms) {
                return Ok((call_id == expected).then_some(calls));
            }
            if call_id != expected {
                return Ok(None);
            }
            expected -= 1;
            let (app_id, app_key): (Option<String>, Option<i64>) = (row.try_get(1)?, row.try_get(2)?);
            match (app_id, app_key) {
                (Some(app_id), Some(_)) => calls.push(CarriedCall {
                    app_id,
                    started_at: row.try_get(3)?,
                    boot_id,
                    uptime_ms,
                    vendor_day,
                    endpoint: row.try_get(7)?,
                    outcome: row.try_get(8)?,
                    http_status: row.try_get(9)?,
                    error_code: row.try_get(10)?,
                    error_message: row.try_get(11)?,
                    duration_ms: row.try_get(12)?,
                    skew_ms: row.try_get(13)?,
                }),
                // Of an account that the damage took.
                (None, Some(_)) => return Ok(None),
                (_, None) => {}
            }
        }
        Ok((expected == 0).then_some(calls))
    }

    /// Enters calls of another ledger, newest first, of accounts that are known here.
    ///
    /// # Errors
    /// None is entered.
    pub async fn carry_over(&self, calls: &[CarriedCall]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for call in calls.iter().rev() {
            sqlx::query(
                "INSERT INTO call (app_key, started_at, boot_id, uptime_ms, vendor_day, endpoint, outcome, http_status,
                                   error_code, error_message, duration_ms, skew_ms)
                 SELECT app_key, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 FROM app WHERE app_id = ?1",
            )
            .bind(call.app_id.clone())
            .bind(call.started_at)
            .bind(call.boot_id.clone())
            .bind(call.uptime_ms)
            .bind(call.vendor_day)
            .bind(call.endpoint.clone())
            .bind(call.outcome.clone())
            .bind(call.http_status)
            .bind(call.error_code.clone())
            .bind(call.error_message.clone())
            .bind(call.duration_ms)
            .bind(call.skew_ms)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Enters as many calls for each account as its budget has: nobody knows how many were made today.
    ///
    /// # Errors
    /// None is entered.
    pub async fn count_as_spent(
        &self,
        accounts: &[AppId],
        budget: u32,
        now: &Moment,
        today: NaiveDate,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for app_id in accounts {
            sqlx::query(
                "WITH RECURSIVE made (number) AS (SELECT 1 WHERE ?7 > 0 UNION ALL SELECT number + 1 FROM made WHERE number < ?7)
                 INSERT INTO call (app_key, started_at, boot_id, uptime_ms, vendor_day, endpoint, outcome, error_message)
                 SELECT app_key, ?2, ?3, ?4, ?5, ?6, 'interrupted',
                        'counted as made: the ledger of before was lost with a damaged database'
                 FROM app, made WHERE app_id = ?1",
            )
            .bind(app_id.as_str().to_owned())
            .bind(millis(now.wall))
            .bind(now.boot.boot_id.clone())
            .bind(now.boot.uptime_ms)
            .bind(day_number(today))
            .bind(Endpoint::DailyAccess.name())
            .bind(budget)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BootInstant;
    use crate::store::NewPoll;
    use std::path::Path;

    fn now() -> Moment {
        let wall = "2026-11-21T04:00:00Z".parse().expect("a time");
        Moment { wall, boot: BootInstant { boot_id: "this".into(), uptime_ms: 3_600_000 } }
    }

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 21).expect("a day")
    }

    fn account() -> AppId {
        AppId::parse("A").expect("an id")
    }

    async fn empty(path: &Path) -> Store {
        let store = Store::open(path).await.expect("a database");
        store.sync_apps(&[(account(), None)], now().wall).await.expect("written");
        store
    }

    /// Made on these days: the newest last.
    async fn ledger(path: &Path, days_ago: &[u64]) -> Store {
        let store = empty(path).await;
        for ago in days_ago {
            let mut started_at = now();
            // Of an earlier boot where it is not of today.
            started_at.boot.boot_id = if *ago == 0 { "this".into() } else { "earlier".into() };
            let call = NewPoll {
                app_key: 1,
                endpoint: Endpoint::DailyAccess,
                slot: None,
                started_at,
                vendor_day: today() - Days::new(*ago),
            };
            store.open_poll_call(call).await.expect("entered");
        }
        store
    }

    async fn carried(store: &Store) -> Option<usize> {
        store.calls_to_carry(&now(), today()).await.expect("readable").map(|calls| calls.len())
    }

    #[tokio::test]
    async fn the_calls_of_two_days_are_carried_and_the_older_ones_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let old = ledger(&folder.path().join("old.db"), &[9, 3, 1, 0, 0]).await;
        let calls = old.calls_to_carry(&now(), today()).await.expect("readable").expect("whole");
        assert_eq!(calls.len(), 3);
        let new = empty(&folder.path().join("new.db")).await;
        new.carry_over(&calls).await.expect("entered");
        assert_eq!(new.calls_to_carry(&now(), today()).await.expect("readable"), Some(calls));
        assert_eq!(carried(&ledger(&folder.path().join("young.db"), &[0]).await).await, Some(1));
        assert_eq!(carried(&empty(&folder.path().join("empty.db")).await).await, Some(0));
    }

    #[tokio::test]
    async fn a_ledger_that_has_lost_a_call_of_today_is_not_believed() {
        for lost in [3, 4, 5] {
            let folder = tempfile::tempdir().expect("a folder");
            let old = ledger(&folder.path().join("old.db"), &[9, 3, 1, 0, 0]).await;
            let sql = "DELETE FROM call WHERE call_id = ?";
            sqlx::query(sql).bind(lost).execute(old.pool()).await.expect("deleted");
            assert_eq!(carried(&old).await, None, "call {lost}");
        }
    }

    #[tokio::test]
    async fn where_nothing_is_known_the_whole_budget_counts_as_spent() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = empty(&folder.path().join("poskeeper.db")).await;
        store.count_as_spent(&[account()], 24, &now(), today()).await.expect("entered");
        let marks = store.newest_calls(&[1], 100).await.expect("readable").remove(&1).expect("calls");
        assert_eq!(crate::rules::budget::spent_today(&now(), chrono_tz::Asia::Shanghai, &marks, &[]), 24);
    }
}
