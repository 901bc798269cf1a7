//! The published key: one line that the store's own programs read.

use super::disk::folder_of;
use super::fault::Fault;
use super::owner::Owner;
use crate::model::ApiKey;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Why a file with a secret could not be written or removed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}: {error}")]
pub struct KeyFileError {
    action: &'static str,
    path: PathBuf,
    error: io::Error,
}

/// Where the live key of a device stands for others to read.
#[derive(Debug, Clone)]
pub struct PublishedKey {
    /// The file.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
    /// Whose it is, where root makes it for another.
    pub owner: Option<Owner>,
}

impl PublishedKey {
    /// Replaces the file by one with this key and a newline, so that a reader sees the old key or the
    /// new one and never a part. A file that already says so is left alone.
    ///
    /// # Errors
    /// Names the file and what the system said.
    pub fn publish(&self, key: &ApiKey) -> Result<(), KeyFileError> {
        let line = format!("{}\n", key.expose());
        let is_current = std::fs::read(&self.path).is_ok_and(|content| content == line.as_bytes())
            && std::fs::symlink_metadata(&self.path)
                .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o777 == self.mode);
        if is_current {
            return Ok(());
        }
        replace(&self.path, line.as_bytes(), self.mode, self.owner)
            .map_err(|error| self.error("write the key file", error))
    }

    /// Removes the file, or empties it where it cannot be removed.
    ///
    /// # Errors
    /// Neither worked: a dead key may still stand there.
    pub fn withdraw(&self) -> Result<(), KeyFileError> {
        match std::fs::remove_file(&self.path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => {
                File::options()
                    .write(true)
                    .truncate(true)
                    .open(&self.path)
                    .map_err(|_| self.error("remove the dead key file", error))?;
                Ok(())
            }
        }
    }

    fn error(&self, action: &'static str, error: io::Error) -> KeyFileError {
        KeyFileError { action, path: self.path.clone(), error }
    }
}

/// Replaces a file atomically and durably: new file with its mode in the same folder, fsync, rename,
/// fsync of the folder. A link at `path` is replaced, not followed. Where a full disk has no place for a
/// new file, the old one is written over: a key that is new is worth more than one that is whole for sure.
pub(super) fn replace(path: &Path, content: &[u8], mode: u32, owner: Option<Owner>) -> io::Result<()> {
    match put_in_place(path, content, mode, owner) {
        Err(error) if Fault::of_io(&error) == Fault::Full => write_over(path, content, mode).map_err(|_| error),
        result => result,
    }
}

/// In one write, and within the space that the file has.
fn write_over(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = File::options().write(true).custom_flags(nix::libc::O_NOFOLLOW).open(path)?;
    let found = file.metadata()?;
    let is_ours = found.is_file() && found.nlink() == 1 && found.permissions().mode() & 0o777 == mode;
    if !is_ours || found.blocks() * 512 < content.len() as u64 {
        return Err(io::ErrorKind::StorageFull.into());
    }
    file.write_all(content)?;
    file.set_len(content.len() as u64)?;
    file.sync_all()
}

fn put_in_place(path: &Path, content: &[u8], mode: u32, owner: Option<Owner>) -> io::Result<()> {
    let folder = folder_of(path);
    let mut file = tempfile::Builder::new()
        .prefix(".poskeeper-")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    file.write_all(content)?;
    Owner::take(owner, file.as_file())?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

/// The path of a file that stands beside the database: its name with a suffix.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(suffix);
    database.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(mode: u32) -> (tempfile::TempDir, PublishedKey) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("till-1.apikey");
        (folder, PublishedKey { path, mode, owner: None })
    }

    #[test]
    fn the_key_is_published_as_one_line_with_the_configured_mode() {
        let (_folder, published) = published(0o640);
        for text in ["#FIRST", "#SECOND"] {
            published.publish(&ApiKey::parse(text).expect("a key")).expect("published");
            assert_eq!(std::fs::read_to_string(&published.path).expect("readable"), format!("{text}\n"));
            let mode = std::fs::metadata(&published.path).expect("metadata").permissions().mode();
            assert_eq!(mode & 0o777, 0o640);
        }
        published.withdraw().expect("withdrawn");
        assert!(!published.path.exists());
        published.withdraw().expect("twice is fine");
    }

    #[test]
    fn a_link_in_the_files_place_is_replaced_and_its_target_left_alone() {
        let (folder, published) = published(0o640);
        let target = folder.path().join("target");
        std::fs::write(&target, "precious").expect("written");
        std::os::unix::fs::symlink(&target, &published.path).expect("a link");
        published.publish(&ApiKey::parse("#KEY").expect("a key")).expect("published");
        assert_eq!(std::fs::read_to_string(&target).expect("readable"), "precious");
        assert_eq!(std::fs::read_to_string(&published.path).expect("readable"), "#KEY\n");
    }
}
