//! The scripts that make the tables.

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use std::borrow::Cow;

/// All of them, oldest first.
pub(super) fn migrations() -> Migrator {
    let scripts = [
        (1, "history", include_str!("../../migrations/0001_history.sql")),
        (2, "by day", include_str!("../../migrations/0002_by_day.sql")),
    ];
    let migrations = scripts.map(|(version, name, sql)| {
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, SqlStr::from_static(sql), false)
    });
    Migrator::with_migrations(migrations.to_vec())
}
