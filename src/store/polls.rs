//! How far each account's cron slots have been served, and what else the next poll depends on.

use super::columns::{day, day_number, instant, millis};
use super::database::Store;
use super::error::StoreError;
use crate::model::{BootInstant, Endpoint, Moment};
use crate::rules::polling::{PollState, SlotProgress};
use crate::rules::windows::DayRange;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::Row;
use std::collections::HashMap;

impl Store {
    /// Of all configured accounts, by app key and endpoint; what is not there has never been polled.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn poll_states(&self) -> Result<HashMap<(i64, Endpoint), PollState>, StoreError> {
        let rows = sqlx::query(
            "SELECT p.app_key, p.endpoint, p.slot, p.attempts, p.done, c.started_at, c.boot_id, c.uptime_ms
             FROM poll p JOIN app a USING (app_key) LEFT JOIN call c ON c.call_id = p.last_call
             WHERE a.configured = 1",
        )
        .fetch_all(self.pool())
        .await?;
        let mut states = HashMap::with_capacity(rows.len());
        for row in rows {
            let endpoint = match row.try_get(1)? {
                "access_config" => Endpoint::AccessConfig,
                _ => Endpoint::DailyAccess,
            };
            let last_attempt = match row.try_get::<Option<i64>, _>(5)? {
                Some(started_at) => {
                    let boot = BootInstant { boot_id: row.try_get(6)?, uptime_ms: row.try_get(7)? };
                    Some(Moment { wall: instant(started_at), boot })
                }
                None => None,
            };
            let (attempts, done) = (row.try_get(3)?, row.try_get(4)?);
            let state = PollState {
                last_asked: last_attempt.as_ref().map(|at| at.wall),
                progress: row.try_get::<Option<i64>, _>(2)?.map(|slot| SlotProgress {
                    slot: instant(slot),
                    attempts,
                    done,
                    last_attempt,
                }),
            };
            states.insert((row.try_get(0)?, endpoint), state);
        }
        Ok(states)
    }

    /// Marks a slot as dealt with, without a call.
    ///
    /// # Errors
    /// The slot stays due.
    pub async fn skip_slot(&self, app_key: i64, endpoint: Endpoint, slot: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO poll (app_key, endpoint, slot, attempts, done) VALUES (?1, ?2, ?3, 0, 1)
             ON CONFLICT DO UPDATE SET attempts = iif(slot IS ?3, attempts, 0), slot = ?3, done = 1",
        )
        .bind(app_key)
        .bind(endpoint.name())
        .bind(millis(slot))
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Which configured accounts the newest answer of which asker contained.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn sightings(&self) -> Result<Vec<(i64, i64)>, StoreError> {
        let rows = sqlx::query(
            "SELECT s.asker_key, s.app_key FROM sighting s JOIN app a USING (app_key)
             WHERE s.gone_at IS NULL AND a.configured = 1",
        )
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// Whether an account's newest usage call was refused, or not answered as documented, today: asking
    /// again would cost a call for the same answer.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn was_refused(&self, app_key: i64, today: NaiveDate) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT outcome IN ('refused', 'unexpected') AND vendor_day = ?2 FROM call
             WHERE app_key = ?1 AND endpoint = 'daily_access' AND outcome IS NOT NULL ORDER BY call_id DESC LIMIT 1",
        )
        .bind(app_key)
        .bind(day_number(today))
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?.unwrap_or(false))
    }

    /// The days of an account that good answers have covered after they ended.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn asked(&self, app_key: i64) -> Result<Vec<DayRange>, StoreError> {
        let rows = sqlx::query("SELECT first_day, last_day FROM asked WHERE app_key = ? ORDER BY first_day")
            .bind(app_key)
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(|row| Ok(DayRange { first: day(row.try_get(0)?), last: day(row.try_get(1)?) })).collect()
    }
}
