//! The call ledger: a row before the request leaves, its outcome when the answer is there.

use super::call::{CallEnd, NewPoll, OpenPoll, RowCounts};
use super::columns::{day_number, millis};
use super::database::Store;
use super::error::StoreError;
use crate::model::{Endpoint, Moment};
use chrono::NaiveDate;
use sqlx::{Sqlite, Transaction};

impl Store {
    /// Enters a login that is about to be tried.
    ///
    /// # Errors
    /// The row is not on the disk. A login is free, so it may be tried all the same.
    pub async fn open_login_call(
        &self,
        device_key: i64,
        now: &Moment,
        vendor_day: NaiveDate,
    ) -> Result<i64, StoreError> {
        let mut transaction = self.begin().await?;
        let call_id = insert_login_call(&mut transaction, device_key, now, vendor_day).await?;
        transaction.commit().await?;
        Ok(call_id)
    }

    /// Enters a Pospal call that is about to be made, and counts the attempt for its slot.
    ///
    /// # Errors
    /// The row is not on the disk: the call must not be made, it would be charged and not counted.
    pub async fn open_poll_call(&self, poll: NewPoll) -> Result<OpenPoll, StoreError> {
        self.groups.calls.submit(poll, |polls| self.open_poll_calls(polls)).await
    }

    async fn open_poll_calls(&self, polls: Vec<NewPoll>) -> Result<Vec<OpenPoll>, StoreError> {
        let mut transaction = self.begin().await?;
        let mut open = Vec::with_capacity(polls.len());
        for poll in &polls {
            open.push(insert_poll_call(&mut transaction, poll).await?);
        }
        transaction.commit().await?;
        Ok(open)
    }

    /// Enters how a call ended that brought nothing; with `slot_done`, closes its slot.
    ///
    /// # Errors
    /// The row still says that the call is under way.
    pub async fn close_failed_call(&self, call_id: i64, end: &CallEnd, slot_done: bool) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        close_call(&mut transaction, call_id, end, None).await?;
        if slot_done {
            sqlx::query("UPDATE poll SET done = 1 WHERE last_call = ?")
                .bind(call_id)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Closes what a daemon before this one left open when it died.
    ///
    /// # Errors
    /// The rows stay open.
    pub async fn interrupt_open_calls(&self) -> Result<u64, StoreError> {
        let open: i64 =
            sqlx::query_scalar("SELECT count(*) FROM call WHERE outcome IS NULL").fetch_one(self.pool()).await?;
        if open == 0 {
            return Ok(0);
        }
        let closed = sqlx::query(
            "UPDATE call SET outcome = 'interrupted', error_message = 'poskeeper ended before the answer came'
             WHERE outcome IS NULL",
        )
        .execute(self.pool())
        .await?;
        Ok(closed.rows_affected())
    }
}

async fn insert_poll_call(transaction: &mut Transaction<'_, Sqlite>, poll: &NewPoll) -> Result<OpenPoll, StoreError> {
    let call_id = sqlx::query(
        "INSERT INTO call (started_at, boot_id, uptime_ms, vendor_day, endpoint, app_key) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(millis(poll.started_at.wall))
    .bind(poll.started_at.boot.boot_id.clone())
    .bind(poll.started_at.boot.uptime_ms)
    .bind(day_number(poll.vendor_day))
    .bind(poll.endpoint.name())
    .bind(poll.app_key)
    .execute(&mut **transaction)
    .await?
    .last_insert_rowid();
    let attempts = match poll.slot {
            None => 1,
            Some(slot) => sqlx::query_scalar(
                "INSERT INTO poll (app_key, endpoint, slot, attempts, done, last_call) VALUES (?1, ?2, ?3, 1, 0, ?4)
                 ON CONFLICT DO UPDATE SET attempts = iif(slot IS ?3, attempts + 1, 1), slot = ?3, done = 0, last_call = ?4
                 RETURNING attempts",
            )
            .bind(poll.app_key)
            .bind(poll.endpoint.name())
            .bind(millis(slot))
            .bind(call_id)
            .fetch_one(&mut **transaction)
            .await?,
        };
    Ok(OpenPoll { call_id, attempts })
}

pub(super) async fn insert_login_call(
    transaction: &mut Transaction<'_, Sqlite>,
    device_key: i64,
    started_at: &Moment,
    vendor_day: NaiveDate,
) -> Result<i64, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO call (started_at, boot_id, uptime_ms, vendor_day, endpoint, device_key) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(millis(started_at.wall))
    .bind(started_at.boot.boot_id.clone())
    .bind(started_at.boot.uptime_ms)
    .bind(day_number(vendor_day))
    .bind(Endpoint::Login.name())
    .bind(device_key)
    .execute(&mut **transaction)
    .await?;
    Ok(inserted.last_insert_rowid())
}

pub(super) async fn close_call(
    transaction: &mut Transaction<'_, Sqlite>,
    call_id: i64,
    end: &CallEnd,
    counts: Option<RowCounts>,
) -> Result<(), StoreError> {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    sqlx::query(
        "UPDATE call SET outcome = ?, http_status = ?, error_code = ?, error_message = ?, duration_ms = ?, skew_ms = ?,
                         row_count = ?, changed_count = ?
         WHERE call_id = ?",
    )
    .bind(end.outcome.name())
    .bind(end.http_status)
    .bind(end.error_code.clone())
    .bind(end.error_message.clone())
    .bind(end.duration.num_milliseconds())
    .bind(end.skew.map(|skew| skew.num_milliseconds()))
    .bind(counts.map(|counts| count(counts.rows)))
    .bind(counts.map(|counts| count(counts.changed)))
    .bind(call_id)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
