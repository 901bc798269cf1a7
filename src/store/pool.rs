//! The one connection to the file: made, and closed.

use super::error::StoreError;
use super::fault::Fault;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use std::path::Path;
use std::time::Duration;

/// A stop must not take longer, even where somebody has locked the file.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_millis(700);

pub(super) async fn connect(path: &Path, options: SqliteConnectOptions) -> Result<SqlitePool, StoreError> {
    use sqlx::ConnectOptions;
    SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options.disable_statement_logging())
        .await
        .map_err(|error| StoreError::Open { path: path.to_owned(), reason: reason(path, &error) })
}

/// Closes it, if that is done in time.
pub(super) async fn close(pool: &SqlitePool) {
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, pool.close()).await;
}

/// Why SQLite cannot open the file at `path`, and what to do about it.
pub(super) fn reason(path: &Path, error: &sqlx::Error) -> String {
    match Fault::of_sql(error).seen_on(path) {
        Fault::Damaged => {
            "this is not a SQLite file, or it is damaged; move it aside (poskeeper then starts a new one) or restore a \
             backup"
                .into()
        }
        Fault::Closed => "SQLite cannot open it; may this user read it and enter its folder?".into(),
        Fault::Other => error.to_string(),
        fault => format!("{error}; {}", fault.cure()),
    }
}
