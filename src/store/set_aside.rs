//! A damaged database is moved out of the way, whole and with its journals; nothing is ever written
//! over it.

use super::disk::folder_of;
use chrono::{DateTime, Utc};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Databases that are set aside within one second.
const MOST_PER_SECOND: u32 = 100;

/// Moves the database and what belongs to it aside; returns its new place. The database goes first: a
/// process that dies half-way leaves journals without a file, which the next start sets aside, too.
///
/// # Errors
/// It cannot be moved; what was not moved is where it was.
pub fn set_aside(database: &Path, now: DateTime<Utc>) -> io::Result<PathBuf> {
    let stamp = now.format("%Y%m%dT%H%M%SZ");
    let numbers = std::iter::once(String::new()).chain((2..=MOST_PER_SECOND).map(|number| format!("-{number}")));
    let aside = numbers
        .map(|number| named(database, &format!(".damaged-{stamp}{number}")))
        .find(|aside| !aside.exists() && !journals(aside).any(|journal| journal.exists()))
        .ok_or_else(|| io::Error::from(io::ErrorKind::AlreadyExists))?;
    if database.exists() {
        move_to(database, &aside)?;
    }
    for (from, to) in journals(database).zip(journals(&aside)) {
        if from.exists() {
            move_to(&from, &to)?;
        }
    }
    File::open(folder_of(database))?.sync_all()?;
    Ok(aside)
}

/// The files that SQLite keeps beside a database and finds by its name.
pub(super) fn journals(database: &Path) -> impl Iterator<Item = PathBuf> {
    ["-wal", "-journal", "-shm"].into_iter().map(|suffix| named(database, suffix))
}

fn named(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Never over a file that is there.
fn move_to(from: &Path, to: &Path) -> io::Result<()> {
    match renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE) {
        Ok(()) => Ok(()),
        // Not every file system can refuse by itself.
        Err(Errno::EINVAL | Errno::ENOSYS) if !to.exists() => std::fs::rename(from, to),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_moved_under_one_name_and_nothing_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("poskeeper.db");
        let now = "2026-11-21T16:01:49.123Z".parse().expect("a time");
        for round in ["first", "second"] {
            std::fs::write(&database, round).expect("written");
            std::fs::write(named(&database, "-wal"), format!("{round} wal")).expect("written");
            let aside = set_aside(&database, now).expect("moved");
            let number = if round == "first" { "" } else { "-2" };
            assert_eq!(aside, folder.path().join(format!("poskeeper.db.damaged-20261121T160149Z{number}")));
        }
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("readable");
        assert_eq!(read("poskeeper.db.damaged-20261121T160149Z"), "first");
        assert_eq!(read("poskeeper.db.damaged-20261121T160149Z-wal"), "first wal");
        assert_eq!(read("poskeeper.db.damaged-20261121T160149Z-2"), "second");
        assert_eq!(read("poskeeper.db.damaged-20261121T160149Z-2-wal"), "second wal");
        assert!(!database.exists() && journals(&database).all(|journal| !journal.exists()));
    }
}
