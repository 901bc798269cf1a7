//! One writer at a time: a lock file beside the database.

use super::own_file;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Whoever may open it may hold it.
const MODE: u32 = 0o600;

/// Held as long as this value lives; the kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct DatabaseLock(#[expect(dead_code, reason = "held for its lock alone")] File);

/// Why the database cannot be had alone.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A daemon, or a `once` or `backfill`, has it.
    #[error("another poskeeper is using the database {0}; stop it first (`systemctl stop poskeeper`)")]
    Held(PathBuf),
    /// The lock file cannot be made.
    #[error("cannot make the lock file {path}: {error}; its folder must belong to the user that poskeeper runs as")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl DatabaseLock {
    /// Where the lock of the database at `path` lies.
    pub fn file(database: &Path) -> PathBuf {
        super::key_file::beside(database, "lock")
    }

    /// Takes the lock of the database at `path`.
    ///
    /// # Errors
    /// [`LockError::Held`] at once, without waiting.
    pub fn take(database: &Path) -> Result<Self, LockError> {
        let path = Self::file(database);
        let io_error = |error| LockError::Io { path: path.clone(), error };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(MODE);
        let file = own_file::open(&path, &options).map_err(io_error)?;
        match file.try_lock() {
            Ok(()) => {
                // The mode as given was cut by the umask; a file that its owner may not open is no lock.
                file.set_permissions(Permissions::from_mode(MODE)).map_err(io_error)?;
                Ok(Self(file))
            }
            Err(TryLockError::WouldBlock) => Err(LockError::Held(database.to_owned())),
            Err(TryLockError::Error(error)) => Err(io_error(error)),
        }
    }
}
