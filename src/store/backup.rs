//! A consistent copy of the database, while somebody else writes it.

use super::database::Store;
use super::error::StoreError;
use super::key_file::{new_file_for, remove_leftovers, sync_folder};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
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
    /// Writes a compact copy to a new file of mode 0640, which is whole or absent at any moment.
    ///
    /// # Errors
    /// There is no copy then, and nothing was overwritten.
    pub async fn backup(&self, copy: &Path) -> Result<(), BackupError> {
        let io_error = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(copy.to_owned()),
            _ => BackupError::Io { path: copy.to_owned(), error },
        };
        if std::fs::symlink_metadata(copy).is_ok() {
            return Err(BackupError::Exists(copy.to_owned()));
        }
        // Of a backup to this name that was killed.
        remove_leftovers(copy);
        // SQLite fills an empty file; made here, so that no link is followed and the mode is ours. Under
        // another name: whoever finds the copy may rely on it.
        let unfinished = new_file_for(copy).map_err(io_error)?;
        let path = unfinished.path().to_string_lossy().into_owned();
        sqlx::query("VACUUM INTO ?").bind(path).execute(self.pool()).await.map_err(StoreError::from)?;
        let file = unfinished.as_file();
        file.set_permissions(Permissions::from_mode(0o640)).and_then(|()| file.sync_all()).map_err(io_error)?;
        unfinished.persist_noclobber(copy).map_err(|error| io_error(error.error))?;
        sync_folder(copy).map_err(io_error)
    }
}
