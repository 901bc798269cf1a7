//! The cron slots that an answer serves.

use super::answer::Answer;
use super::columns::millis;
use super::error::StoreError;
use super::known_apps::Apps;
use crate::model::{AppId, Endpoint};
use sqlx::{Sqlite, Transaction};
use std::collections::HashSet;

/// Closes the slot of the asker and, with chain coverage, of the configured sisters in its answer;
/// returns those sisters.
pub(super) async fn serve_slots<T>(
    transaction: &mut Transaction<'_, Sqlite>,
    apps: &Apps,
    answer: &Answer<T>,
    endpoint: Endpoint,
    contained: &HashSet<&AppId>,
) -> Result<Vec<AppId>, StoreError> {
    let (Some(slot), Some(asker)) = (answer.slot, apps.get(&answer.asker)) else { return Ok(Vec::new()) };
    let now = millis(answer.observation.observed_at);
    sqlx::query(
        "UPDATE poll SET done = 1, answer_at = ?1, ok_at = ?1, answer_call = ?4 WHERE app_key = ?2 AND endpoint = ?3",
    )
    .bind(now)
    .bind(asker.app_key)
    .bind(endpoint.name())
    .bind(answer.observation.call_id)
    .execute(&mut **transaction)
    .await?;
    if !answer.serves_sisters {
        return Ok(Vec::new());
    }
    let is_sister =
        |app_id: &&&AppId| ***app_id != answer.asker && apps.get(app_id).is_some_and(|known| known.configured);
    let covered: Vec<AppId> = contained.iter().filter(is_sister).map(|app_id| (*app_id).clone()).collect();
    let keys: Vec<_> = covered.iter().filter_map(|app_id| Some(apps.get(app_id)?.app_key)).collect();
    sqlx::query(
        "INSERT INTO poll (app_key, endpoint, slot, attempts, done, ok_at) SELECT value, ?2, ?3, 0, 1, ?4 FROM json_each(?1) WHERE true
         ON CONFLICT DO UPDATE SET attempts = 0, slot = ?3, done = 1, ok_at = ?4",
    )
    .bind(serde_json::to_string(&keys).unwrap_or_default())
    .bind(endpoint.name())
    .bind(millis(slot))
    .bind(now)
    .execute(&mut **transaction)
    .await?;
    Ok(covered)
}
