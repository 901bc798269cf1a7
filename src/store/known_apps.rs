//! The stores' accounts: those of the settings, and the sisters seen in answers.

use super::columns::{day, millis};
use super::error::StoreError;
use super::statement::{ROWS_PER_STATEMENT, is_worth_keeping};
use crate::model::AppId;
use crate::rules::history::{MOST_SISTERS, News};
use chrono::{DateTime, NaiveDate, Utc};
use futures_util::TryStreamExt;
use sqlx::{QueryBuilder, Row, Sqlite, Transaction};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An account as the database knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownApp {
    /// Its key in the tables.
    pub app_key: i64,
    /// In the settings.
    pub configured: bool,
    /// The first day with a row.
    pub first_day: Option<NaiveDate>,
    /// The newest day with a row.
    pub newest_day: Option<NaiveDate>,
}

/// Accounts by id. In many small tables: one for 100,000 would be a block of memory that is not given back.
#[derive(Debug, Default)]
pub struct Apps(HashMap<u16, HashMap<AppId, KnownApp>>);

impl Apps {
    /// What is known of an account.
    pub fn get(&self, app_id: &AppId) -> Option<&KnownApp> {
        self.0.get(&app_id.shard())?.get(app_id)
    }

    /// The id as it was first spelt.
    pub fn spelling(&self, app_id: &AppId) -> Option<&AppId> {
        self.0.get(&app_id.shard())?.get_key_value(app_id).map(|(app_id, _)| app_id)
    }

    pub(super) fn get_mut(&mut self, app_id: &AppId) -> Option<&mut KnownApp> {
        self.0.get_mut(&app_id.shard())?.get_mut(app_id)
    }

    fn insert(&mut self, app_id: AppId, known: KnownApp) {
        self.0.entry(app_id.shard()).or_default().insert(app_id, known);
    }

    pub(super) fn contains_key(&self, app_id: &AppId) -> bool {
        self.get(app_id).is_some()
    }

    fn sisters(&self) -> usize {
        self.0.values().flat_map(HashMap::values).filter(|known| !known.configured).count()
    }

    fn len(&self) -> usize {
        self.0.values().map(HashMap::len).sum()
    }
}

/// Those accounts, kept between writes: reading them for each of a thousand answers would cost more than
/// the answers.
#[derive(Debug, Default)]
pub(super) struct KnownApps(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// How often somebody else has changed the table.
    changes: u64,
    apps: Option<Apps>,
}

impl KnownApps {
    /// More are read anew each time: an idle daemon has no memory for them.
    const MOST: usize = 10_000;

    /// Takes them for one transaction; a failed one thereby leaves nothing wrong behind.
    pub(super) async fn take(&self, transaction: &mut Transaction<'_, Sqlite>) -> Result<(u64, Apps), StoreError> {
        let (changes, kept) = {
            let mut kept = self.lock();
            (kept.changes, kept.apps.take())
        };
        match kept {
            Some(apps) => Ok((changes, apps)),
            None => Ok((changes, known_apps(transaction).await?)),
        }
    }

    /// Keeps what is committed.
    pub(super) fn keep(&self, changes: u64, apps: Apps) {
        let mut kept = self.lock();
        if kept.changes == changes && apps.len() <= Self::MOST {
            kept.apps = Some(apps);
        }
    }

    /// Somebody else has changed the table.
    pub(super) fn forget(&self) {
        let mut kept = self.lock();
        kept.changes += 1;
        kept.apps = None;
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) async fn known_apps(connection: &mut sqlx::SqliteConnection) -> Result<Apps, StoreError> {
    // One row at a time: all at once take more memory than what is made of them.
    let mut rows = sqlx::query("SELECT app_id, app_key, configured, first_day, newest_day FROM app").fetch(connection);
    let mut apps = Apps::default();
    while let Some(row) = rows.try_next().await? {
        let known = KnownApp {
            app_key: row.try_get(1)?,
            configured: row.try_get(2)?,
            first_day: row.try_get::<Option<i64>, _>(3)?.map(day),
            newest_day: row.try_get::<Option<i64>, _>(4)?.map(day),
        };
        if let Some(app_id) = AppId::parse(row.try_get(0)?) {
            apps.insert(app_id, known);
        }
    }
    Ok(apps)
}

/// Adds the sisters that are not known yet, as far as there is room for them; returns them.
pub(super) async fn discover<'a>(
    transaction: &mut Transaction<'_, Sqlite>,
    apps: &mut Apps,
    seen: impl Iterator<Item = &'a AppId>,
    now: DateTime<Utc>,
) -> Result<News<AppId>, StoreError> {
    let mut new: Vec<&AppId> = Vec::new();
    let mut last: Option<&AppId> = None;
    let mut sisters = None;
    for app_id in seen {
        // Answers come sorted by store: most rows are the store of the row before.
        if last == Some(app_id) || apps.contains_key(app_id) {
            continue;
        }
        last = Some(app_id);
        let before = sisters.unwrap_or_else(|| apps.sisters());
        sisters = Some(before);
        if before == MOST_SISTERS {
            continue;
        }
        sisters = Some(before + 1);
        apps.insert(app_id.clone(), KnownApp { app_key: 0, configured: false, first_day: None, newest_day: None });
        new.push(app_id);
    }
    for chunk in new.chunks(ROWS_PER_STATEMENT) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO app (app_id, first_seen_at) ");
        insert.push_values(chunk, |mut row, app_id| {
            row.push_bind(app_id.as_str().to_owned()).push_bind(millis(now));
        });
        insert.push(" RETURNING app_id, app_key");
        for row in insert.build().persistent(is_worth_keeping(chunk.len())).fetch_all(&mut **transaction).await? {
            let app_id = AppId::parse(row.try_get(0)?);
            if let Some(known) = app_id.and_then(|app_id| apps.get_mut(&app_id)) {
                known.app_key = row.try_get(1)?;
            }
        }
    }
    Ok(new.into_iter().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn a_server_that_makes_stores_up_does_not_fill_the_history_with_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("poskeeper.db")).await.expect("a database");
        let ids: Vec<_> = (0..MOST_SISTERS + 5).filter_map(|n| AppId::parse(&format!("S{n}"))).collect();
        let mut transaction = store.begin().await.expect("begun");
        let mut apps = known_apps(&mut transaction).await.expect("read");
        let first =
            discover(&mut transaction, &mut apps, ids[..2].iter(), DateTime::UNIX_EPOCH).await.expect("written");
        assert_eq!(first, ids[..2].iter().cloned().collect());
        let rest = discover(&mut transaction, &mut apps, ids.iter(), DateTime::UNIX_EPOCH).await.expect("written");
        assert_eq!((rest.count, apps.sisters()), (MOST_SISTERS - 2, MOST_SISTERS));
        assert_eq!(rest.named.len(), News::<AppId>::MOST_NAMED);
        transaction.commit().await.expect("committed");
        assert_eq!(store.apps().await.expect("read").sisters(), MOST_SISTERS);
        assert!(ids[..MOST_SISTERS].iter().all(|id| apps.get(id).is_some_and(|known| known.app_key > 0)));
    }
}
