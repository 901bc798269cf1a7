//! The file system that the database lies on.

use nix::sys::statvfs::statvfs;
use std::io;
use std::path::Path;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// What users other than root may still write.
    pub free_bytes: u64,
}

impl Disk {
    /// Of the folder that a file lies or would lie in.
    ///
    /// # Errors
    /// The folder cannot be looked at.
    pub fn of(file: &Path) -> io::Result<Self> {
        let found = statvfs(folder_of(file))?;
        Ok(Self { free_bytes: found.blocks_available() * found.fragment_size() })
    }
}

/// `.` for a bare name.
pub(super) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
