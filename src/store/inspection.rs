//! What stands in the database's place, found out before anything is written: a database is never
//! written over, and one that is damaged, newer or another program's never written into.

use super::error::StoreError;
use super::fault::Fault;
use super::pool::{self, connect};
use super::schema::Schema;
use super::set_aside::journals;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Whoever has locked the file is waited for by the connection that writes.
const BUSY_TIMEOUT: Duration = Duration::from_millis(200);

/// # Errors
/// Says what stands there, where that is not a database of ours, whole as far as can be seen at once.
pub(super) async fn inspect(path: &Path) -> Result<(), StoreError> {
    let wrong = |reason: &str| StoreError::Open { path: path.to_owned(), reason: reason.to_owned() };
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if path.is_symlink() {
                return Err(wrong("it is a link to a file that is not there; mend or remove the link"));
            }
            // SQLite throws the journals of an absent file away, and its newest rows may be in them.
            return match journals(path).find(|journal| journal.exists()) {
                Some(journal) => Err(StoreError::Damaged {
                    path: path.to_owned(),
                    reason: format!("the file is gone, and {} was left behind", journal.display()),
                }),
                None => Ok(()),
            };
        }
        // Opening it says why.
        Err(_) => return Ok(()),
    };
    if found.is_dir() {
        return Err(wrong("it is a folder; name a file in database.path"));
    }
    if !found.is_file() {
        return Err(wrong("it is a pipe, a socket or a device, not a file; name another one in database.path"));
    }
    if found.len() == 0 { Ok(()) } else { look_inside(path).await }
}

async fn look_inside(path: &Path) -> Result<(), StoreError> {
    // One that only reads can neither play back a journal nor write it into the file.
    let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY_TIMEOUT);
    let Ok(pool) = connect(path, options).await else { return Ok(()) };
    let result = first_look(&pool).await;
    pool::close(&pool).await;
    match result {
        Err(error) if error.fault() == Fault::Damaged => {
            Err(StoreError::Damaged { path: path.to_owned(), reason: error.to_string() })
        }
        // A lock, or a journal to be played back: the connection that writes copes with it, or says why not.
        Err(_) => Ok(()),
        Ok(schema) => schema
            .refusal()
            .map_or(Ok(()), |reason| Err(StoreError::Open { path: path.to_owned(), reason: reason.into() })),
    }
}

/// Reads the header, the schema, and the way to the first row of each table: what a database of any
/// size tells within a millisecond or two.
async fn first_look(pool: &SqlitePool) -> Result<Schema, StoreError> {
    let schema = Schema::of(pool).await?;
    if schema == Schema::Current {
        let names: Vec<String> =
            sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'").fetch_all(pool).await?;
        for name in names {
            let sql = format!("SELECT 1 FROM \"{}\" LIMIT 1", name.replace('"', "\"\""));
            sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_optional(pool).await?;
        }
        sqlx::query("SELECT max(call_id) FROM call").fetch_one(pool).await?;
    }
    Ok(schema)
}
