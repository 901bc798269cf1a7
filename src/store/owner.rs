//! Whose the files are that root makes: a `poskeeper once` that somebody runs as root must not leave
//! files in a service's folder that the service cannot write.

use super::disk::folder_of;
use nix::unistd::geteuid;
use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

/// The user and group that a database belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    /// Of the database, or of the folder that it would lie in. `None`: this process is not root, or they
    /// are root's, and files are right as they are made.
    pub fn of(database: &Path) -> Option<Self> {
        if !geteuid().is_root() {
            return None;
        }
        let found = std::fs::metadata(database).or_else(|_| std::fs::metadata(folder_of(database))).ok()?;
        (found.uid() != 0).then(|| Self { user: found.uid(), group: found.gid() })
    }

    /// Gives a file to it.
    pub(super) fn take(owner: Option<Self>, file: &File) -> io::Result<()> {
        owner.map_or(Ok(()), |owner| fchown(file, Some(owner.user), Some(owner.group)))
    }
}
