//! Devices and what their logins brought. The key itself is never written here.

use super::call::CallEnd;
use super::columns::{instant, millis};
use super::database::Store;
use super::error::StoreError;
use super::ledger::{close_call, insert_login_call};
use crate::model::{BootInstant, Moment, Outcome, Session};
use crate::rules::renewal::PastAttempts;
use chrono::NaiveDate;
use sqlx::{QueryBuilder, Row, Sqlite, Transaction};
use std::collections::HashMap;

/// A login attempt that has ended.
#[derive(Debug, Clone)]
pub struct LoginAttempt {
    /// Which device's.
    pub device_key: i64,
    /// When the request left.
    pub started_at: Moment,
    /// The vendor's day.
    pub vendor_day: NaiveDate,
    /// Its row in the ledger; absent where that could not be made before the request.
    pub call_id: Option<i64>,
    /// How it ended.
    pub end: CallEnd,
    /// What it brought, if anything.
    pub brought: Option<Brought>,
}

/// What a login brings.
#[derive(Debug, Clone)]
pub struct Brought {
    /// The new session.
    pub session: Session,
    /// As the vendor sent it; `None` where unusable.
    pub live_hours: Option<f64>,
    /// As the vendor sent it; `None` where unusable.
    pub relogin_hours: Option<f64>,
}

impl Store {
    /// Writes down which devices the settings name; returns their keys in the tables.
    ///
    /// # Errors
    /// Nothing is changed.
    pub async fn sync_devices(&self, configured: &[String]) -> Result<HashMap<String, i64>, StoreError> {
        // Most starts change nothing; then nothing is written, even where somebody has locked the file.
        let known =
            sqlx::query("SELECT name, device_key FROM device WHERE configured = 1").fetch_all(self.pool()).await?;
        let known = known.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        let known = known.collect::<Result<HashMap<String, i64>, StoreError>>()?;
        if known.len() == configured.len() && configured.iter().all(|name| known.contains_key(name)) {
            return Ok(known);
        }
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE device SET configured = 0 WHERE configured = 1").execute(&mut *transaction).await?;
        let mut keys = HashMap::with_capacity(configured.len());
        for name in configured {
            let row = sqlx::query(
                "INSERT INTO device (name, configured) VALUES (?, 1) ON CONFLICT DO UPDATE SET configured = 1 RETURNING device_key",
            )
            .bind(name.clone())
            .fetch_one(&mut *transaction)
            .await?;
            keys.insert(name.clone(), row.try_get(0)?);
        }
        transaction.commit().await?;
        Ok(keys)
    }

    /// Writes down how a login attempt ended, and the attempt itself where that was not possible before.
    ///
    /// # Errors
    /// Nothing is stored; it can be stored later.
    pub async fn record_login(&self, attempt: &LoginAttempt) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let LoginAttempt { device_key, started_at, vendor_day, .. } = attempt;
        let call_id = match attempt.call_id {
            Some(call_id) => call_id,
            None => insert_login_call(&mut transaction, *device_key, started_at, *vendor_day).await?,
        };
        close_call(&mut transaction, call_id, &attempt.end, None).await?;
        if let Some(brought) = &attempt.brought {
            let mut insert = QueryBuilder::<Sqlite>::new(
                "INSERT INTO login (call_id, live_hours, relogin_hours, relogin_due_at, expires_at, key_fingerprint) VALUES (",
            );
            let mut values = insert.separated(", ");
            values.push_bind(call_id);
            for hours in [brought.live_hours, brought.relogin_hours] {
                // 240 as sent, not 240.0.
                match hours {
                    Some(hours) if hours.fract() == 0.0 => values.push_bind(hours as i64),
                    hours => values.push_bind(hours),
                };
            }
            values.push_bind(millis(brought.session.relogin_due_at()));
            values.push_bind(millis(brought.session.expires_at()));
            values.push_bind(brought.session.key.fingerprint());
            insert.push(")");
            insert.build().execute(&mut *transaction).await?;
            write_session(&mut transaction, *device_key, Some(&brought.session)).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Restates a device's deadlines, after a restart or a step of the wall clock; `None`: there is no
    /// session.
    ///
    /// # Errors
    /// The view still shows the old ones.
    pub async fn restate_session(&self, device_key: i64, session: Option<&Session>) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        write_session(&mut transaction, device_key, session).await?;
        transaction.commit().await?;
        Ok(())
    }
}

async fn write_session(
    transaction: &mut Transaction<'_, Sqlite>,
    device_key: i64,
    session: Option<&Session>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE device SET logged_in_at = ?, renew_at = ?, relogin_due_at = ?, expires_at = ?, key_fingerprint = ? WHERE device_key = ?",
    )
    .bind(session.map(|session| millis(session.logged_in_at.wall)))
    .bind(session.map(|session| millis(session.renew_at())))
    .bind(session.map(|session| millis(session.relogin_due_at())))
    .bind(session.map(|session| millis(session.expires_at())))
    .bind(session.map(|session| session.key.fingerprint()))
    .bind(device_key)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

impl Store {
    /// What the ledger says of a device's attempts to log in.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn past_logins(&self, device_key: i64) -> Result<PastAttempts, StoreError> {
        let newest =
            "SELECT started_at, boot_id, uptime_ms FROM call WHERE device_key = ? ORDER BY call_id DESC LIMIT 1";
        let Some(newest) = sqlx::query(newest).bind(device_key).fetch_optional(self.pool()).await? else {
            return Ok(PastAttempts::default());
        };
        let boot = BootInstant { boot_id: newest.try_get(1)?, uptime_ms: newest.try_get(2)? };
        let last_at = Some(Moment { wall: instant(newest.try_get(0)?), boot });
        let failed = "SELECT outcome, count(*) OVER () FROM call WHERE device_key = ?1
                      AND outcome IN ('refused', 'unexpected', 'unreachable')
                      AND call_id > coalesce((SELECT max(call_id) FROM call WHERE device_key = ?1 AND outcome = 'ok'), 0)
                      ORDER BY call_id DESC LIMIT 1";
        let failed = sqlx::query(failed).bind(device_key).fetch_optional(self.pool()).await?;
        Ok(match failed {
            None => PastAttempts { last_at, failures: 0, newest_failure: None },
            Some(row) => {
                PastAttempts { last_at, failures: row.try_get(1)?, newest_failure: Outcome::from_name(row.try_get(0)?) }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn failures_are_counted_since_the_newest_success_and_what_was_cut_off_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("poskeeper.db")).await.expect("opened");
        let keys = store.sync_devices(&["till-1".into(), "till-2".into()]).await.expect("written");
        assert!(store.past_logins(keys["till-1"]).await.expect("read").last_at.is_none());
        let attempts = "INSERT INTO call (started_at, boot_id, uptime_ms, vendor_day, endpoint, device_key, outcome)
                        SELECT key, 'b', key, 0, 'login', ?, value FROM json_each(?)";
        for (device, outcomes) in [
            ("till-1", r#"["refused", "ok", "unreachable", "refused", "interrupted", null]"#),
            ("till-2", r#"["refused", "ok", null]"#),
        ] {
            sqlx::query(attempts).bind(keys[device]).bind(outcomes).execute(store.pool()).await.expect("written");
        }
        let past = store.past_logins(keys["till-1"]).await.expect("read");
        assert_eq!((past.failures, past.newest_failure), (2, Some(Outcome::Refused)));
        assert_eq!(past.last_at.map(|at| at.boot.uptime_ms), Some(5));
        let past = store.past_logins(keys["till-2"]).await.expect("read");
        assert_eq!((past.failures, past.newest_failure), (0, None));
    }
}
