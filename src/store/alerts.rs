//! Alerts that are open, and those that were.

use super::columns::{instant, millis};
use super::database::Store;
use super::error::StoreError;
use crate::rules::alarms::{Alarm, Change, OpenAlarm, Rule};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::Row;

impl Store {
    /// The alerts that are open, and those that are told once and for ever.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn open_alarms(&self) -> Result<Vec<OpenAlarm>, StoreError> {
        let rows = sqlx::query(
            "SELECT alert_key, rule, subject, stage, message, fields, opened_at, logged_at FROM alert
             WHERE resolved_at IS NULL OR rule = 'usage.lost'",
        )
        .fetch_all(self.pool())
        .await?;
        let mut open = Vec::with_capacity(rows.len());
        for row in rows {
            // A rule of a newer version is left to it.
            let Some(rule) = Rule::from_name(row.try_get(1)?) else { continue };
            let fields = serde_json::from_str(row.try_get(5)?).unwrap_or_default();
            let alarm =
                Alarm { rule, subject: row.try_get(2)?, stage: row.try_get(3)?, message: row.try_get(4)?, fields };
            let (opened_at, logged_at) = (instant(row.try_get(6)?), instant(row.try_get(7)?));
            open.push(OpenAlarm { alert_key: row.try_get(0)?, alarm, opened_at, logged_at });
        }
        Ok(open)
    }

    /// Writes down what is about to be logged.
    ///
    /// # Errors
    /// Nothing is written down, and nothing should be logged: it would be logged again.
    pub async fn record_alarms(&self, changes: &[Change], now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for change in changes {
            let query = match change {
                Change::Open(alarm) => sqlx::query(
                    "INSERT INTO alert (rule, subject, severity, message, stage, fields, opened_at, logged_at, resolved_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8)",
                )
                .bind(alarm.rule.name())
                .bind(alarm.subject.clone())
                .bind(alarm.rule.severity().name())
                .bind(alarm.message.clone())
                .bind(alarm.stage)
                .bind(serde_json::to_string(&alarm.fields).unwrap_or_default())
                .bind(millis(now))
                .bind(alarm.rule.is_told_once().then(|| millis(now))),
                Change::Repeat(alert_key, alarm, _) => sqlx::query(
                    "UPDATE alert SET message = ?, stage = ?, fields = ?, logged_at = ? WHERE alert_key = ?",
                )
                .bind(alarm.message.clone())
                .bind(alarm.stage)
                .bind(serde_json::to_string(&alarm.fields).unwrap_or_default())
                .bind(millis(now))
                .bind(*alert_key),
                Change::Resolve(known, _) => {
                    sqlx::query("UPDATE alert SET resolved_at = ? WHERE alert_key = ?").bind(millis(now)).bind(known.alert_key)
                }
            };
            query.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// After a step of the wall clock: what was opened or logged within the time that the clock told
    /// before it, `from` to `to`, is moved along. Nobody shall read of an alert that was open since 1970.
    ///
    /// # Errors
    /// They keep the time of the clock of then.
    pub async fn restate_open_alarms(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        step: TimeDelta,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE alert SET opened_at = opened_at + iif(opened_at BETWEEN ?1 AND ?2, ?3, 0),
                              logged_at = logged_at + iif(logged_at BETWEEN ?1 AND ?2, ?3, 0)
             WHERE resolved_at IS NULL",
        )
        .bind(millis(from))
        .bind(millis(to))
        .bind(step.num_milliseconds())
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Writes down an alert that could not be written while it was open: the database itself failed.
    ///
    /// # Errors
    /// It fails still.
    pub async fn record_past_alarm(
        &self,
        alarm: &Alarm,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO alert (rule, subject, severity, message, stage, fields, opened_at, logged_at, resolved_at)
             VALUES (?1, ?2, ?3, ?4, ?5, '{}', ?6, ?6, ?7)",
        )
        .bind(alarm.rule.name())
        .bind(alarm.subject.clone())
        .bind(alarm.rule.severity().name())
        .bind(alarm.message.clone())
        .bind(alarm.stage)
        .bind(millis(from))
        .bind(millis(to))
        .execute(self.pool())
        .await?;
        Ok(())
    }
}
