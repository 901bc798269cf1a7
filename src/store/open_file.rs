//! Whether the file at a path is still the one that was opened.

use super::error::StoreError;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file, by more than its name.
#[derive(Debug, Clone)]
pub(super) struct OpenFile {
    pub(super) path: PathBuf,
    identity: (u64, u64),
}

impl OpenFile {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let found = std::fs::metadata(path)?;
        Ok(Self { path: path.to_owned(), identity: (found.dev(), found.ino()) })
    }

    /// A folder that cannot be looked into for a while proves nothing.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let is_gone = match Self::of(&self.path) {
            Ok(found) => found.identity != self.identity,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if is_gone { Err(StoreError::Gone(self.path.clone())) } else { Ok(()) }
    }
}
