//! Whose tables a database holds, told without changing it.

use super::error::StoreError;
use super::migrations::migrations;
use super::views::VIEWS;
use sqlx::SqlitePool;
use std::collections::HashMap;

/// What is found in a file that SQLite can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Nothing: the tables are made when the daemon opens it.
    Empty,
    /// Ours, as this version makes them.
    Current,
    /// Ours, of an older version: brought up to date when the daemon opens it.
    Older,
    /// Ours, of a newer version, or changed by hand: the daemon refuses it.
    Newer,
    /// Another program's.
    Foreign,
}

impl Schema {
    /// Why a database with it is not written to, and what to do; `None` where it may be.
    pub const fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Newer => {
                Some("it was made by a newer poskeeper; install that one again, or put an older backup in its place")
            }
            Self::Foreign => Some("it holds another program's tables; name another file in database.path"),
            Self::Empty | Self::Current | Self::Older => None,
        }
    }

    /// Tells whose tables these are.
    pub(super) async fn of(pool: &SqlitePool) -> Result<Self, StoreError> {
        let names: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")
            .fetch_all(pool)
            .await?;
        // SQLite's own place for saying whose a file is; ours says nothing there.
        let application: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(pool).await?;
        if application != 0 {
            return Ok(Self::Foreign);
        }
        if names.is_empty() {
            return Ok(Self::Empty);
        }
        if !names.iter().any(|name| name == "_sqlx_migrations") {
            return Ok(Self::Foreign);
        }
        let applied: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations").fetch_all(pool).await?;
        let applied: HashMap<_, _> = applied.into_iter().collect();
        let known = migrations();
        let is_known = |version: &i64| known.iter().any(|migration| migration.version == *version);
        let is_changed = |version, checksum: &[u8]| applied.get(version).is_some_and(|applied| applied != checksum);
        if !applied.keys().all(is_known) || known.iter().any(|made| is_changed(&made.version, &made.checksum)) {
            // sqlx is not ours alone: another program's migrations have other names for what they make.
            let is_ours = VIEWS.iter().any(|view| names.iter().any(|name| name == view.name));
            return Ok(if is_ours { Self::Newer } else { Self::Foreign });
        }
        let is_current = known.iter().all(|migration| applied.contains_key(&migration.version));
        Ok(if is_current { Self::Current } else { Self::Older })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Filter, Sheet, Store};
    use chrono_tz::Tz;
    use sqlx::migrate::Migrator;
    use sqlx::sqlite::SqliteConnectOptions;

    async fn schema_after(sql: &'static str) -> Schema {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("poskeeper.db")).await.expect("a database");
        sqlx::raw_sql(sql).execute(store.pool()).await.expect("changed");
        store.schema().await.expect("readable")
    }

    #[tokio::test]
    async fn a_database_is_told_from_a_newer_versions_and_from_other_programs() {
        assert_eq!(schema_after("").await, Schema::Current);
        assert_eq!(schema_after("UPDATE _sqlx_migrations SET version = 99 WHERE version = 1").await, Schema::Newer);
        assert_eq!(schema_after("UPDATE _sqlx_migrations SET checksum = x'00'").await, Schema::Newer);
        assert_eq!(schema_after("DROP TABLE _sqlx_migrations").await, Schema::Foreign);
        assert_eq!(schema_after("PRAGMA application_id = 252006673").await, Schema::Foreign);
    }

    #[tokio::test]
    async fn a_database_of_the_first_version_is_brought_up_to_date_and_shows_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("poskeeper.db");
        let first = Migrator::with_migrations(migrations().iter().take(1).cloned().collect());
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let pool = SqlitePool::connect_with(options).await.expect("a database");
        first.run(&pool).await.expect("made");
        let history = "INSERT INTO app (app_key, app_id, configured, first_seen_at, newest_day)
                 VALUES (1, 'A', 1, 0, 20778), (2, 'B', 0, 0, NULL);
             INSERT INTO daily_usage VALUES (1, 20775, 300, 7, 1, 1795000000123, 1795100000456, 3),
                                            (1, 20778, 300, 9, 0, 1795200000000, 1795200000000, 4);
             INSERT INTO usage_sample VALUES (1, 20775, 3, 1795000000123, 7, 300),
                                             (1, 20778, 4, 1795200000000, 9, 300);";
        sqlx::raw_sql(history).execute(&pool).await.expect("written");
        pool.close().await;

        let old = Store::open_for_reading(&path).await.expect("opened");
        assert_eq!(old.schema().await.expect("readable"), Schema::Older);
        let before = all_views(&old).await;
        assert_eq!(before.iter().map(|sheet| sheet.rows.len()).sum::<usize>(), 2 + 2 + 1 + 2 + 2);
        old.close_for_reading().await;
        let store = Store::open(&path).await.expect("brought up to date");
        assert_eq!(store.schema().await.expect("readable"), Schema::Current);
        assert_eq!(all_views(&store).await, before);
    }

    async fn all_views(store: &Store) -> Vec<Sheet> {
        let mut sheets = Vec::new();
        for view in VIEWS {
            sheets.push(store.read_view(view, &Filter::default(), Tz::UTC).await.expect("rows"));
        }
        sheets
    }

    #[tokio::test]
    async fn a_file_without_tables_is_empty_and_stays_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("poskeeper.db");
        std::fs::write(&path, "").expect("a file");
        let store = Store::open_for_reading(&path).await.expect("opened");
        assert_eq!(store.schema().await.expect("readable"), Schema::Empty);
        assert_eq!(std::fs::metadata(&path).expect("metadata").len(), 0);
    }
}
