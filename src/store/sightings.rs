//! Whose numbers which asker's newest answer confirmed.

use super::answer::Answer;
use super::error::StoreError;
use super::known_apps::Apps;
use crate::model::UsageReading;
use futures_util::TryStreamExt;
use sqlx::{Row, Sqlite, Transaction};
use std::collections::{HashMap, HashSet};

/// The stores that answers to newer calls than this one contained, and the newest of those calls: none,
/// unless answers come in another order than they were asked for.
pub(super) async fn confirmed_since(
    transaction: &mut Transaction<'_, Sqlite>,
    call_id: i64,
) -> Result<HashMap<i64, i64>, StoreError> {
    let rows = sqlx::query(
        "SELECT s.app_key, max(p.answer_call) FROM poll p JOIN sighting s ON s.asker_key = p.app_key AND s.gone_at IS NULL
         WHERE p.endpoint = 'daily_access' AND p.answer_call > ? GROUP BY s.app_key",
    )
    .bind(call_id)
    .fetch_all(&mut **transaction)
    .await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Notes whose newest day this asker's answer confirmed, where that set changed.
pub(super) async fn write_sightings(
    transaction: &mut Transaction<'_, Sqlite>,
    apps: &Apps,
    answer: &Answer<UsageReading>,
    confirmed: HashSet<i64>,
) -> Result<(), StoreError> {
    let Some(asker) = apps.get(&answer.asker) else { return Ok(()) };
    let before: HashSet<i64> =
        sqlx::query_scalar::<_, i64>("SELECT app_key FROM sighting WHERE asker_key = ? AND gone_at IS NULL")
            .bind(asker.app_key)
            .fetch(&mut **transaction)
            .try_collect()
            .await?;
    let come: Vec<_> = confirmed.difference(&before).collect();
    let gone: Vec<_> = before.difference(&confirmed).collect();
    if !come.is_empty() {
        sqlx::query(
            "INSERT INTO sighting (asker_key, app_key) SELECT ?, value FROM json_each(?) WHERE true
             ON CONFLICT DO UPDATE SET gone_at = NULL",
        )
        .bind(asker.app_key)
        .bind(serde_json::to_string(&come).unwrap_or_default())
        .execute(&mut **transaction)
        .await?;
    }
    if !gone.is_empty() {
        sqlx::query(
            "UPDATE sighting SET gone_at = coalesce((SELECT answer_at FROM poll WHERE app_key = ?1 AND endpoint = 'daily_access'), 0)
             WHERE asker_key = ?1 AND app_key IN (SELECT value FROM json_each(?2))",
        )
        .bind(asker.app_key)
        .bind(serde_json::to_string(&gone).unwrap_or_default())
        .execute(&mut **transaction)
        .await?;
    }
    Ok(())
}
