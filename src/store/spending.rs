//! What the report tells about poskeeper itself: its calls, its logins, its open alerts.

use super::columns::{instant, millis};
use super::database::Store;
use super::error::StoreError;
use crate::rules::alarms::Fields;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::Row;

/// Calls of poskeeper's own that one account paid for on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spending {
    /// In the vendor's calendar.
    pub day: NaiveDate,
    /// Whose quota.
    pub app_key: i64,
    /// All of them.
    pub calls: i64,
    /// Those that brought nothing.
    pub failed: i64,
}

/// A device and its logins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceHistory {
    /// Its key in the tables.
    pub device_key: i64,
    /// Of the settings.
    pub name: String,
    /// Until when the kept key lives.
    pub expires_at: Option<DateTime<Utc>>,
    /// Logins: when they began, until when their keys live.
    pub logins: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// Attempts, counted per slice of the range.
    pub attempts: Vec<Attempts>,
    /// The newest failed ones, newest first.
    pub failures: Vec<FailedLogin>,
}

/// Login attempts within a short time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// The first of them.
    pub at: DateTime<Utc>,
    /// Those that brought a key.
    pub good: i64,
    /// Those that did not.
    pub failed: i64,
}

/// A login that brought no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedLogin {
    /// When.
    pub at: DateTime<Utc>,
    /// A word of the view `calls`.
    pub outcome: String,
    /// The vendor's or the system's words.
    pub error: Option<String>,
}

/// An alert that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAlert {
    /// Its event's name.
    pub rule: String,
    /// Of what.
    pub subject: String,
    /// `error`, else a warning.
    pub is_error: bool,
    /// Since when.
    pub opened_at: DateTime<Utc>,
    /// As it was logged.
    pub message: String,
    /// The numbers in it.
    pub fields: Fields,
}

impl Store {
    /// The day of the oldest call in the ledger.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn first_call_day(&self) -> Result<Option<NaiveDate>, StoreError> {
        // As the index has it, here and below.
        let first = sqlx::query_scalar("SELECT min(date(vendor_day * 86400, 'unixepoch')) FROM call");
        let first: Option<String> = first.fetch_one(self.pool()).await?;
        Ok(first.and_then(|date| date.parse().ok()))
    }

    /// poskeeper's own calls, per day and account.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn spending(&self, from: NaiveDate, to: NaiveDate) -> Result<Vec<Spending>, StoreError> {
        let rows = sqlx::query(
            "SELECT date(vendor_day * 86400, 'unixepoch') AS date, app_key, count(*), count(*) FILTER (WHERE outcome <> 'ok')
             FROM call WHERE app_key IS NOT NULL AND date BETWEEN ? AND ? GROUP BY date, app_key",
        )
        .bind(from.to_string())
        .bind(to.to_string())
        .fetch_all(self.pool())
        .await?;
        let mut spending = Vec::with_capacity(rows.len());
        for row in rows {
            let (app_key, calls, failed) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
            if let Ok(day) = row.try_get::<&str, _>(0)?.parse() {
                spending.push(Spending { day, app_key, calls, failed });
            }
        }
        Ok(spending)
    }

    /// The configured devices; attempts are counted in `slices` slices of the time, at most
    /// `most_failures` failed ones are told one by one.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn device_histories(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        slices: i64,
        most_failures: i64,
    ) -> Result<Vec<DeviceHistory>, StoreError> {
        let rows = sqlx::query("SELECT device_key, name, expires_at FROM device WHERE configured = 1 ORDER BY name")
            .fetch_all(self.pool())
            .await?;
        let mut devices = Vec::with_capacity(rows.len());
        for row in rows {
            let device_key: i64 = row.try_get(0)?;
            devices.push(DeviceHistory {
                device_key,
                name: row.try_get(1)?,
                expires_at: row.try_get::<Option<i64>, _>(2)?.map(instant),
                logins: self.key_lives(device_key, from, to).await?,
                attempts: self.login_attempts(device_key, from, to, slices).await?,
                failures: self.failed_logins(device_key, from, to, most_failures).await?,
            });
        }
        Ok(devices)
    }

    async fn key_lives(
        &self,
        device_key: i64,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<(DateTime<Utc>, DateTime<Utc>)>, StoreError> {
        let rows = sqlx::query(
            "SELECT c.started_at, l.expires_at FROM call c JOIN login l USING (call_id)
             WHERE c.device_key = ?1 AND c.started_at < ?3 AND l.expires_at > ?2 ORDER BY c.started_at",
        )
        .bind(device_key)
        .bind(millis(from))
        .bind(millis(to))
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(|row| Ok((instant(row.try_get(0)?), instant(row.try_get(1)?)))).collect()
    }

    async fn login_attempts(
        &self,
        device_key: i64,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        slices: i64,
    ) -> Result<Vec<Attempts>, StoreError> {
        let slice = ((to - from).num_milliseconds() / slices).max(1);
        let rows = sqlx::query(
            "SELECT min(started_at), count(*) FILTER (WHERE outcome = 'ok'), count(*) FILTER (WHERE outcome <> 'ok')
             FROM call WHERE device_key = ?1 AND started_at >= ?2 AND started_at < ?3
             GROUP BY (started_at - ?2) / ?4 ORDER BY 1",
        )
        .bind(device_key)
        .bind(millis(from))
        .bind(millis(to))
        .bind(slice)
        .fetch_all(self.pool())
        .await?;
        rows.iter()
            .map(|row| Ok(Attempts { at: instant(row.try_get(0)?), good: row.try_get(1)?, failed: row.try_get(2)? }))
            .collect()
    }

    async fn failed_logins(
        &self,
        device_key: i64,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        most: i64,
    ) -> Result<Vec<FailedLogin>, StoreError> {
        let rows = sqlx::query(
            "SELECT started_at, outcome, coalesce(error_message, error_code, 'HTTP ' || http_status) FROM call
             WHERE device_key = ?1 AND started_at >= ?2 AND started_at < ?3 AND outcome <> 'ok'
             ORDER BY call_id DESC LIMIT ?4",
        )
        .bind(device_key)
        .bind(millis(from))
        .bind(millis(to))
        .bind(most)
        .fetch_all(self.pool())
        .await?;
        rows.iter()
            .map(|row| {
                let (outcome, error) = (row.try_get(1)?, row.try_get(2)?);
                Ok(FailedLogin { at: instant(row.try_get(0)?), outcome, error })
            })
            .collect()
    }

    /// The alerts that are open, errors first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn open_alerts(&self) -> Result<Vec<OpenAlert>, StoreError> {
        let rows = sqlx::query(
            "SELECT rule, subject, severity, opened_at, message, fields FROM alert WHERE resolved_at IS NULL
             ORDER BY severity, rule, opened_at, subject",
        )
        .fetch_all(self.pool())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(OpenAlert {
                    rule: row.try_get(0)?,
                    subject: row.try_get(1)?,
                    is_error: row.try_get::<String, _>(2)? == "error",
                    opened_at: instant(row.try_get(3)?),
                    message: row.try_get(4)?,
                    fields: serde_json::from_str(row.try_get(5)?).unwrap_or_default(),
                })
            })
            .collect()
    }
}
