//! Writes an answer about quota packages: a slowly changing dimension.

use super::apps::{discover, known_apps};
use super::columns::millis;
use super::database::{Store, StoreError};
use super::ledger::{RowCounts, close_call};
use super::usage::{Answer, serve_slots};
use crate::model::{AppId, Endpoint, Package};
use crate::rules::history::package_changes;
use sqlx::{QueryBuilder, Row, Sqlite};
use std::collections::{HashMap, HashSet};

/// What became of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageRecord {
    /// Packages that came.
    pub added: Vec<Package>,
    /// Packages that the vendor lists no more.
    pub removed: Vec<Package>,
    /// Sister stores seen for the first time.
    pub discovered: Vec<AppId>,
    /// Configured sisters that this answer served.
    pub covered: Vec<AppId>,
}

impl Store {
    /// Stores an answer.
    ///
    /// # Errors
    /// Nothing of it is stored; it can be stored later.
    pub async fn record_packages(&self, answer: &Answer<Package>) -> Result<PackageRecord, StoreError> {
        let now = answer.observation.observed_at;
        let mut transaction = self.begin().await?;
        let mut apps = known_apps(&mut transaction).await?;
        let contained: HashSet<_> = answer.rows.iter().map(|package| &package.app_id).collect();
        let discovered = discover(&mut transaction, &mut apps, contained.iter().copied(), now).await?;

        let id_of: HashMap<i64, &AppId> = apps.iter().map(|(app_id, known)| (known.app_key, app_id)).collect();
        let rows = sqlx::query(
            "SELECT package_key, app_key, limit_times, start_date, end_date FROM package WHERE removed_at IS NULL",
        )
        .fetch_all(&mut *transaction)
        .await?;
        let mut stored = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(app_id) = id_of.get(&row.try_get(1)?) else { continue };
            let package = Package {
                app_id: (*app_id).clone(),
                limit_times: row.try_get(2)?,
                start_date: row.try_get(3)?,
                end_date: row.try_get(4)?,
            };
            stored.push((row.try_get(0)?, package));
        }
        let changes = package_changes(&answer.rows, &stored);
        for chunk in changes.added.chunks(500) {
            let mut insert = QueryBuilder::<Sqlite>::new(
                "INSERT INTO package (app_key, limit_times, start_date, end_date, first_seen_at) ",
            );
            insert.push_values(chunk, |mut values, package| {
                values
                    .push_bind(apps.get(&package.app_id).map(|known| known.app_key))
                    .push_bind(package.limit_times)
                    .push_bind(package.start_date.clone())
                    .push_bind(package.end_date.clone())
                    .push_bind(millis(now));
            });
            insert.build().execute(&mut *transaction).await?;
        }
        if !changes.removed.is_empty() {
            sqlx::query("UPDATE package SET removed_at = ? WHERE package_key IN (SELECT value FROM json_each(?))")
                .bind(millis(now))
                .bind(serde_json::to_string(&changes.removed).unwrap_or_default())
                .execute(&mut *transaction)
                .await?;
        }
        let covered = serve_slots(&mut transaction, &apps, answer, Endpoint::AccessConfig, &contained).await?;
        let changed = changes.added.len() + changes.removed.len();
        close_call(&mut transaction, &answer.end, Some(RowCounts { rows: answer.rows.len(), changed })).await?;
        transaction.commit().await?;
        let added = changes.added.into_iter().cloned().collect();
        let removed: HashSet<i64> = changes.removed.into_iter().collect();
        let removed = stored.into_iter().filter(|(key, _)| removed.contains(key)).map(|(_, package)| package).collect();
        Ok(PackageRecord { added, removed, discovered, covered })
    }
}
