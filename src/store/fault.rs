//! What is wrong when the database fails, and what to do about it: six causes, six cures.

use super::disk::{Disk, folder_of};
use super::error::StoreError;
use sqlx::migrate::MigrateError;
use std::io;
use std::path::Path;

/// Why a database cannot be read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No space.
    Full,
    /// The file system, or the file, may only be read.
    ReadOnly,
    /// Another program has it for itself.
    Locked,
    /// Another file stands in its place, or none.
    Gone,
    /// Its pages are not those of a database.
    Damaged,
    /// The file or its folder is another user's.
    Closed,
    /// The disk does not do as it is told.
    Io,
    /// None of these.
    Other,
}

impl Fault {
    /// By SQLite's result code, primary or extended.
    fn of_code(code: u32) -> Self {
        match code & 0xff {
            13 => Self::Full,
            8 => Self::ReadOnly,
            5 | 6 => Self::Locked,
            11 | 26 => Self::Damaged,
            3 | 14 | 23 => Self::Closed,
            10 => Self::Io,
            _ => Self::Other,
        }
    }

    pub(super) fn of_sql(error: &sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code()?.parse().ok());
        match (code, error) {
            (Some(code), _) => Self::of_code(code),
            // The one connection is not given back in time: somebody has locked the file all the while.
            (None, sqlx::Error::PoolTimedOut) => Self::Locked,
            _ => Self::Other,
        }
    }

    pub(super) fn of_migration(error: &MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Self::of_sql(error),
            _ => Self::Other,
        }
    }

    pub(super) fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            io::ErrorKind::PermissionDenied => Self::Closed,
            _ => Self::Io,
        }
    }

    /// SQLite says no more than "I/O error" of a disk that turned full or read-only under it: the file
    /// system tells, some only when something is written.
    #[must_use]
    pub fn seen_on(self, database: &Path) -> Self {
        if !matches!(self, Self::Io | Self::Closed) {
            return self;
        }
        match (Disk::of(database), tempfile::tempfile_in(folder_of(database))) {
            (_, Err(error)) if Self::of_io(&error) == Self::ReadOnly => Self::ReadOnly,
            (Ok(disk), _) if disk.free_bytes == 0 => Self::Full,
            _ => self,
        }
    }

    /// What a person can do.
    pub const fn cure(self) -> &'static str {
        match self {
            Self::Full => "free space on its disk; the rest goes by itself",
            Self::ReadOnly => {
                "its file system, or the file, may only be read: file systems turn read-only when their disk fails, so see \
                 `dmesg`, and remount it writable when that is mended"
            }
            Self::Locked => "another program has locked it: `fuser -v` on the file names it; end that program",
            Self::Gone => {
                "put the file back where it was; or restart poskeeper, which goes on with what stands there, or makes a new \
                 database"
            }
            Self::Damaged => "it is set aside, and a new database is begun",
            Self::Closed => "give the file and its folder back to the user that poskeeper runs as",
            Self::Io => "the disk fails: see `dmesg`, make a backup (`poskeeper backup`), replace the disk",
            Self::Other => "see what the error says",
        }
    }
}

impl StoreError {
    /// Which of the causes it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Sql(error) => Fault::of_sql(error),
            Self::Gone(_) => Fault::Gone,
            Self::Damaged { .. } => Fault::Damaged,
            Self::Missing(_) | Self::Open { .. } => Fault::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_from_sqlites_code_whether_primary_or_extended() {
        for (code, fault) in [
            (13, Fault::Full),
            (8, Fault::ReadOnly),
            (1032, Fault::ReadOnly),
            (5, Fault::Locked),
            (517, Fault::Locked),
            (11, Fault::Damaged),
            (267, Fault::Damaged),
            (26, Fault::Damaged),
            (14, Fault::Closed),
            (778, Fault::Io),
            (1, Fault::Other),
        ] {
            assert_eq!(Fault::of_code(code), fault, "{code}");
        }
    }
}
