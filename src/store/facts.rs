//! What the alarms are judged by: the history, read for the rules.

use super::columns::{day, day_number, instant};
use super::database::Store;
use super::error::StoreError;
use crate::model::Endpoint;
use crate::rules::alarms::{PackageFacts, PollFacts, QuotaFacts};
use chrono::{DateTime, Days, NaiveDate, Utc};
use sqlx::Row;

/// Gaps that are older have been judged long ago.
const GAP_DAYS: u64 = 60;

impl Store {
    /// The use of `today`: of the configured accounts, or of all.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn quota_facts(&self, today: NaiveDate, sisters: bool) -> Result<Vec<(i64, QuotaFacts)>, StoreError> {
        let rows = sqlx::query(
            "SELECT a.app_key, a.app_id, coalesce(a.app_name, a.app_id), u.limit_times, u.used_times
             FROM daily_usage u JOIN app a USING (app_key)
             WHERE u.day = ?1 AND a.configured >= ?2 ORDER BY a.app_key",
        )
        .bind(day_number(today))
        .bind(i64::from(!sisters))
        .fetch_all(self.pool())
        .await?;
        rows.iter()
            .map(|row| {
                let (app_id, name) = (row.try_get(1)?, row.try_get(2)?);
                let (limit, used) = (row.try_get(3)?, row.try_get(4)?);
                Ok((row.try_get(0)?, QuotaFacts { app_id, name, day: today, limit, used, exhausted_at: None }))
            })
            .collect()
    }

    /// The packages that the vendor lists: of the configured accounts, or of all.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn package_facts(&self, sisters: bool) -> Result<Vec<PackageFacts>, StoreError> {
        let rows = sqlx::query(
            "SELECT a.app_id, coalesce(a.app_name, a.app_id), p.start_date, p.end_date
             FROM package p JOIN app a USING (app_key)
             WHERE p.removed_at IS NULL AND a.configured >= ? ORDER BY a.app_key",
        )
        .bind(i64::from(!sisters))
        .fetch_all(self.pool())
        .await?;
        let mut facts: Vec<PackageFacts> = Vec::new();
        for row in rows {
            let (app_id, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let package = (row.try_get(2)?, row.try_get(3)?);
            match facts.last_mut().filter(|fact| fact.app_id == app_id) {
                Some(fact) => fact.packages.push(package),
                None => facts.push(PackageFacts { app_id, name, packages: vec![package] }),
            }
        }
        Ok(facts)
    }

    /// How each configured account's polls went; the slots are the caller's to add.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn poll_facts(&self, endpoint: Endpoint) -> Result<Vec<PollFacts>, StoreError> {
        let rows = sqlx::query(
            "SELECT a.app_id, coalesce(a.app_name, a.app_id), p.ok_at, coalesce(a.configured_at, a.first_seen_at),
                    iif(p.attempts > 0 OR p.done, p.slot, NULL)
             FROM app a LEFT JOIN poll p ON p.app_key = a.app_key AND p.endpoint = ? WHERE a.configured = 1",
        )
        .bind(endpoint.name())
        .fetch_all(self.pool())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(PollFacts {
                    app_id: row.try_get(0)?,
                    name: row.try_get(1)?,
                    endpoint,
                    last_ok_at: row.try_get::<Option<i64>, _>(2)?.map(instant),
                    configured_at: instant(row.try_get(3)?),
                    last_slot: None,
                    tried_slot: row.try_get::<Option<i64>, _>(4)?.map(instant),
                })
            })
            .collect()
    }

    /// Recent days of configured accounts without a number, between days with one, that a good answer
    /// covered after they ended and that no scheduled poll asks for any more.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn lost_days(&self, today: NaiveDate) -> Result<Vec<(String, NaiveDate)>, StoreError> {
        let rows = sqlx::query(
            "SELECT a.app_id, c.day
             FROM app a CROSS JOIN calendar c ON c.day BETWEEN max(?1, a.first_day) AND min(?2, a.newest_day)
             WHERE a.configured = 1
               AND NOT EXISTS (SELECT 1 FROM daily_usage u WHERE u.day = c.day AND u.app_key = a.app_key)
               AND EXISTS (SELECT 1 FROM asked k WHERE k.app_key = a.app_key AND c.day BETWEEN k.first_day AND k.last_day)
             ORDER BY a.app_key, c.day",
        )
        .bind(day_number(today - Days::new(GAP_DAYS)))
        .bind(day_number(today - Days::new(8)))
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, day(row.try_get(1)?)))).collect()
    }

    /// When and how an account's count of `today` was seen, its newest confirmation included.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn counts_of(&self, app_key: i64, today: NaiveDate) -> Result<Vec<(DateTime<Utc>, i64)>, StoreError> {
        let rows = sqlx::query(
            "SELECT observed_at, used_times, call_id FROM usage_sample WHERE app_key = ?1 AND day = ?2
             UNION ALL
             SELECT max(coalesce(s.gone_at, p.answer_at)), u.used_times, 9223372036854775807
             FROM daily_usage u JOIN sighting s USING (app_key)
             JOIN poll p ON p.app_key = s.asker_key AND p.endpoint = 'daily_access'
             WHERE u.app_key = ?1 AND u.day = ?2
             ORDER BY 3",
        )
        .bind(app_key)
        .bind(day_number(today))
        .fetch_all(self.pool())
        .await?;
        let counts = rows.iter().map(|row| Ok((row.try_get::<Option<i64>, _>(0)?, row.try_get::<Option<i64>, _>(1)?)));
        let counts = counts.collect::<Result<Vec<_>, StoreError>>()?;
        Ok(counts.into_iter().filter_map(|(at, used)| Some((instant(at?), used?))).collect())
    }

    /// An account's final days from `first` on, with the counts that were seen during each.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn watched_days(&self, app_key: i64, first: NaiveDate) -> Result<Vec<WatchedDay>, StoreError> {
        let rows = sqlx::query(
            "SELECT u.day, u.used_times, u.limit_times, s.observed_at, s.used_times
             FROM calendar c CROSS JOIN daily_usage u USING (day) LEFT JOIN usage_sample s USING (day, app_key)
             WHERE c.day >= ?2 AND u.app_key = ?1 AND u.is_final = 1 ORDER BY u.day, s.call_id",
        )
        .bind(app_key)
        .bind(day_number(first))
        .fetch_all(self.pool())
        .await?;
        let mut days: Vec<WatchedDay> = Vec::new();
        for row in rows {
            let day = day(row.try_get(0)?);
            if days.last().is_none_or(|last| last.day != day) {
                days.push(WatchedDay { day, total: row.try_get(1)?, limit: row.try_get(2)?, counts: Vec::new() });
            }
            if let (Some(last), Some(at)) = (days.last_mut(), row.try_get::<Option<i64>, _>(3)?) {
                last.counts.push((instant(at), row.try_get(4)?));
            }
        }
        Ok(days)
    }
}

/// A day that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedDay {
    /// Which.
    pub day: NaiveDate,
    /// Calls made.
    pub total: i64,
    /// Calls allowed.
    pub limit: i64,
    /// When a count was seen, and which.
    pub counts: Vec<(DateTime<Utc>, i64)>,
}
