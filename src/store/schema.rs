//! Whose tables a database holds, told without changing it.

use super::database::{Store, StoreError, migrations};
use super::views::VIEWS;
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

impl Store {
    /// Tells whose tables these are.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        let names: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")
            .fetch_all(self.pool())
            .await?;
        if names.is_empty() {
            return Ok(Schema::Empty);
        }
        if !names.iter().any(|name| name == "_sqlx_migrations") {
            return Ok(Schema::Foreign);
        }
        let applied: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations").fetch_all(self.pool()).await?;
        let applied: HashMap<_, _> = applied.into_iter().collect();
        let known = migrations();
        let is_known = |version: &i64| known.iter().any(|migration| migration.version == *version);
        let is_changed = |version, checksum: &[u8]| applied.get(version).is_some_and(|applied| applied != checksum);
        if !applied.keys().all(is_known) || known.iter().any(|made| is_changed(&made.version, &made.checksum)) {
            // sqlx is not ours alone: another program's migrations have other names for what they make.
            let is_ours = VIEWS.iter().any(|view| names.iter().any(|name| name == view.name));
            return Ok(if is_ours { Schema::Newer } else { Schema::Foreign });
        }
        let is_current = known.iter().all(|migration| applied.contains_key(&migration.version));
        Ok(if is_current { Schema::Current } else { Schema::Older })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn schema_after(sql: &'static str) -> Schema {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("poskeeper.db")).await.expect("a database");
        sqlx::raw_sql(sql).execute(store.pool()).await.expect("changed");
        store.schema().await.expect("readable")
    }

    #[tokio::test]
    async fn a_database_is_told_from_a_newer_versions_and_from_other_programs() {
        assert_eq!(schema_after("").await, Schema::Current);
        assert_eq!(schema_after("UPDATE _sqlx_migrations SET version = 99").await, Schema::Newer);
        assert_eq!(schema_after("UPDATE _sqlx_migrations SET checksum = x'00'").await, Schema::Newer);
        assert_eq!(schema_after("DROP TABLE _sqlx_migrations").await, Schema::Foreign);
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
