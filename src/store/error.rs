//! Why the database cannot be used, in words for the person who has to act.

use std::path::PathBuf;

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It does not exist, and the command only reads.
    #[error("there is no database at {0} yet; it is made when the daemon or `poskeeper once` first runs")]
    Missing(PathBuf),
    /// It cannot be made or opened.
    #[error("cannot open the database {path}: {reason}")]
    Open {
        /// Its place.
        path: PathBuf,
        /// What to do about it.
        reason: String,
    },
    /// It is not whole: 11 or 26 of SQLite.
    #[error(
        "the database {path} is damaged: {reason}; `poskeeper run` sets it aside and begins a new one, or put a backup in \
         its place"
    )]
    Damaged {
        /// Its place.
        path: PathBuf,
        /// How that shows.
        reason: String,
    },
    /// What would be written now is lost when the file is closed.
    #[error("the database {0} was deleted, moved or replaced while it was in use")]
    Gone(PathBuf),
    /// A statement failed: full disk, lock, I/O.
    #[error("the database failed: {0}")]
    Sql(#[from] sqlx::Error),
}
