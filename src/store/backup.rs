//! A consistent copy of the database, while somebody else writes it.

use super::database::{Store, StoreError};
use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Something stands in its place.
    #[error("{0} exists; a backup never overwrites anything, name another file")]
    Exists(PathBuf),
    /// It cannot be written.
    #[error("cannot write the backup {path}: {error}")]
    Io {
        /// The copy.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The database cannot be read, or the copy not be finished.
    #[error("the backup failed: {0}")]
    Store(#[from] StoreError),
}

impl Store {
    /// Writes a compact copy to a new file of mode 0640.
    ///
    /// # Errors
    /// There is no copy then, and nothing was overwritten.
    pub async fn backup(&self, copy: &Path) -> Result<(), BackupError> {
        let io_error = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(copy.to_owned()),
            _ => BackupError::Io { path: copy.to_owned(), error },
        };
        // SQLite fills an empty file; made here, so that no link is followed and the mode is ours.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(copy).map_err(io_error)?;
        // The mode as given was cut by the umask, and SQLite opens the file anew.
        file.set_permissions(Permissions::from_mode(0o600)).map_err(io_error)?;
        let copied = sqlx::query("VACUUM INTO ?").bind(copy.to_string_lossy().into_owned()).execute(self.pool()).await;
        let finished = copied.map_err(|error| BackupError::Store(error.into())).and_then(|_| {
            file.set_permissions(Permissions::from_mode(0o640)).and_then(|()| File::sync_all(&file)).map_err(io_error)
        });
        if finished.is_err() {
            // Half a copy is worse than none.
            let _ = std::fs::remove_file(copy);
        }
        finished
    }
}
