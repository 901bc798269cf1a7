//! One writer at a time: a lock file beside the database. What is written in it outlives the lock: what
//! was last done with the database.

use super::fault::Fault;
use super::own_file;
use super::owner::Owner;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Whoever may open it may hold it.
const MODE: u32 = 0o600;

/// Held as long as this value lives; the kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct DatabaseLock(File);

/// What the lock file says of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// poskeeper has never opened one here: what stands in its place may be anybody's file.
    Unused,
    /// It is ours.
    InUse,
    /// The one before was set aside, and the new one does not yet know what that knew of today.
    BeingReplaced,
}

impl Note {
    const fn text(self) -> &'static str {
        match self {
            Self::Unused => "",
            Self::InUse => "in use\n",
            Self::BeingReplaced => "being replaced\n",
        }
    }
}

/// Why the database cannot be had alone.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A daemon, or a `once` or `backfill`, has it.
    #[error("another poskeeper is using the database {0}; stop it first (`systemctl stop poskeeper`)")]
    Held(PathBuf),
    /// The lock file cannot be made.
    #[error("cannot make the lock file {path}: {error}; {cure}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
        /// What to do.
        cure: &'static str,
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
        let io_error = |error| {
            let cure = match Fault::of_io(&error) {
                fault @ (Fault::Full | Fault::ReadOnly) => fault.cure(),
                _ => "its folder must belong to the user that poskeeper runs as",
            };
            LockError::Io { path: path.clone(), error, cure }
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(MODE);
        let file = own_file::open(&path, &options).map_err(io_error)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(database.to_owned())),
            Err(TryLockError::Error(error)) => return Err(io_error(error)),
        }
        // The mode as given was cut by the umask; a file that its owner may not open is no lock.
        file.set_permissions(Permissions::from_mode(MODE)).map_err(io_error)?;
        Owner::take(Owner::of(database), &file).map_err(io_error)?;
        Ok(Self(file))
    }

    /// What was last noted.
    pub fn note(&mut self) -> Note {
        let mut text = String::new();
        let read = self.0.seek(SeekFrom::Start(0)).and_then(|_| (&self.0).take(64).read_to_string(&mut text));
        let is = |note: &Note| read.is_ok() && text.starts_with(note.text());
        [Note::InUse, Note::BeingReplaced].into_iter().find(is).unwrap_or(Note::Unused)
    }

    /// Notes what is done now. On a full disk the note before stays.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn set_note(&mut self, note: Note) -> io::Result<()> {
        if self.note() == note {
            return Ok(());
        }
        self.0.seek(SeekFrom::Start(0))?;
        self.0.write_all(note.text().as_bytes())?;
        self.0.set_len(note.text().len() as u64)?;
        self.0.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_outlives_the_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("poskeeper.db");
        for (before, note) in [(Note::Unused, Note::BeingReplaced), (Note::BeingReplaced, Note::InUse)] {
            let mut lock = DatabaseLock::take(&database).expect("taken");
            assert_eq!(lock.note(), before);
            lock.set_note(note).expect("noted");
            assert_eq!(lock.note(), note);
        }
    }
}
