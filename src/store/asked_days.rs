//! The settled days that need not be asked for again.

use super::columns::{day, day_number};
use super::error::StoreError;
use super::known_apps::Apps;
use crate::model::AppId;
use crate::rules::windows::{DayRange, merge};
use sqlx::{QueryBuilder, Row, Sqlite, Transaction};
use std::collections::{HashMap, HashSet};

/// Adds the settled days to what the asker and the configured stores in its answer need not ask again.
pub(super) async fn write_asked(
    transaction: &mut Transaction<'_, Sqlite>,
    apps: &Apps,
    asker: &AppId,
    contained: &HashSet<&AppId>,
    settled: DayRange,
) -> Result<(), StoreError> {
    let configured = contained.iter().copied().filter(|app_id| apps.get(app_id).is_some_and(|known| known.configured));
    let keys: HashSet<i64> = configured.chain([asker]).filter_map(|app_id| Some(apps.get(app_id)?.app_key)).collect();
    let rows =
        sqlx::query("SELECT app_key, first_day, last_day FROM asked WHERE app_key IN (SELECT value FROM json_each(?))")
            .bind(serde_json::to_string(&keys).unwrap_or_default())
            .fetch_all(&mut **transaction)
            .await?;
    let mut before: HashMap<i64, Vec<DayRange>> = HashMap::new();
    for row in rows {
        let range = DayRange { first: day(row.try_get(1)?), last: day(row.try_get(2)?) };
        before.entry(row.try_get(0)?).or_default().push(range);
    }
    for app_key in keys {
        let ranges = before.remove(&app_key).unwrap_or_default();
        let merged = merge(&ranges, settled);
        if merged == ranges {
            continue;
        }
        sqlx::query("DELETE FROM asked WHERE app_key = ?").bind(app_key).execute(&mut **transaction).await?;
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO asked (app_key, first_day, last_day) ");
        insert.push_values(&merged, |mut values, range| {
            values.push_bind(app_key).push_bind(day_number(range.first)).push_bind(day_number(range.last));
        });
        insert.build().execute(&mut **transaction).await?;
    }
    Ok(())
}
