//! Writes an answer about quota packages: a slowly changing dimension.

use super::answer::{Answer, PackageRecord};
use super::call::RowCounts;
use super::columns::millis;
use super::database::Store;
use super::error::StoreError;
use super::known_apps::{Apps, discover};
use super::ledger::close_call;
use super::slots::serve_slots;
use super::statement::{ROWS_PER_STATEMENT, is_worth_keeping};
use crate::model::{AppId, Endpoint, Package, make_room};
use crate::rules::history::package_changes;
use futures_util::TryStreamExt;
use sqlx::{QueryBuilder, Row, Sqlite, Transaction};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

impl Store {
    /// Stores an answer.
    ///
    /// # Errors
    /// Nothing of it is stored; it can be stored later.
    pub async fn record_packages(&self, answer: Arc<Answer<Package>>) -> Result<PackageRecord, StoreError> {
        self.groups.packages.submit(answer, |answers| self.record_all_packages(answers)).await
    }

    async fn record_all_packages(&self, answers: Vec<Arc<Answer<Package>>>) -> Result<Vec<PackageRecord>, StoreError> {
        let mut transaction = self.begin().await?;
        let (changes, mut apps) = self.groups.apps.take(&mut transaction).await?;
        let mut records = Vec::with_capacity(answers.len());
        for answer in &answers {
            records.push(record(&mut transaction, &mut apps, answer).await?);
        }
        transaction.commit().await?;
        self.groups.apps.keep(changes, apps);
        Ok(records)
    }
}

async fn record(
    transaction: &mut Transaction<'_, Sqlite>,
    apps: &mut Apps,
    answer: &Answer<Package>,
) -> Result<PackageRecord, StoreError> {
    let now = answer.observation.observed_at;
    let contained: HashSet<_> = answer.rows.iter().map(|package| &package.app_id).collect();
    let discovered = discover(transaction, apps, contained.iter().copied(), now).await?;

    let left_out = answer.rows.iter().filter(|row| !apps.contains_key(&row.app_id)).count();
    let id_of: HashMap<i64, &AppId> =
        contained.iter().filter_map(|app_id| Some((apps.get(app_id)?.app_key, *app_id))).collect();
    let mut rows = sqlx::query(
        "SELECT package_key, app_key, limit_times, start_date, end_date FROM package
             WHERE removed_at IS NULL AND app_key IN (SELECT value FROM json_each(?))",
    )
    .bind(serde_json::to_string(&id_of.keys().collect::<Vec<_>>()).unwrap_or_default())
    .fetch(&mut **transaction);
    let mut stored = Vec::new();
    while let Some(row) = rows.try_next().await? {
        let Some(app_id) = id_of.get(&row.try_get(1)?) else { continue };
        let package = Package {
            app_id: (*app_id).clone(),
            limit_times: row.try_get(2)?,
            start_date: row.try_get::<Option<&str>, _>(3)?.map(Into::into),
            end_date: row.try_get::<Option<&str>, _>(4)?.map(Into::into),
        };
        make_room(&mut stored, 1);
        stored.push((row.try_get(0)?, package));
    }
    drop(rows);
    let mut changes = package_changes(&answer.rows, &stored);
    changes.added.retain(|package| left_out == 0 || apps.contains_key(&package.app_id));
    for chunk in changes.added.chunks(ROWS_PER_STATEMENT) {
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO package (app_key, limit_times, start_date, end_date, first_seen_at) ",
        );
        insert.push_values(chunk, |mut values, package| {
            values
                .push_bind(apps.get(&package.app_id).map(|known| known.app_key))
                .push_bind(package.limit_times)
                .push_bind(package.start_date.as_deref().map(str::to_owned))
                .push_bind(package.end_date.as_deref().map(str::to_owned))
                .push_bind(millis(now));
        });
        insert.build().persistent(is_worth_keeping(chunk.len())).execute(&mut **transaction).await?;
    }
    if !changes.removed.is_empty() {
        sqlx::query("UPDATE package SET removed_at = ? WHERE package_key IN (SELECT value FROM json_each(?))")
            .bind(millis(now))
            .bind(serde_json::to_string(&changes.removed).unwrap_or_default())
            .execute(&mut **transaction)
            .await?;
    }
    let covered = serve_slots(transaction, apps, answer, Endpoint::AccessConfig, &contained).await?;
    let changed = changes.added.len() + changes.removed.len();
    let counts = RowCounts { rows: answer.rows.len() - left_out, changed };
    close_call(transaction, answer.observation.call_id, &answer.end, Some(counts)).await?;
    let added = changes.added.into_iter().cloned().collect();
    let removed: HashSet<i64> = changes.removed.into_iter().collect();
    let removed = stored.into_iter().filter(|(key, _)| removed.contains(key)).map(|(_, package)| package).collect();
    Ok(PackageRecord { added, removed, discovered, covered, left_out })
}
