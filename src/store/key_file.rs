//! The published key: one line that the store's own programs read.

use super::disk::folder_of;
use super::fault::Fault;
use super::own_file;
use super::owner::Owner;
use crate::model::ApiKey;
use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

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
        if self.says(&line).unwrap_or(false) {
            return Ok(());
        }
        replace(&self.path, line.as_bytes(), self.mode, self.owner)
            .map_err(|error| self.error("write the key file", error))
    }

    /// Removes the file, or empties it where it cannot be removed; durably, so that no power failure
    /// brings a dead key back.
    ///
    /// # Errors
    /// Neither worked: a dead key may still stand there.
    pub fn withdraw(&self) -> Result<(), KeyFileError> {
        match std::fs::remove_file(&self.path) {
            Ok(()) => {
                sync_folder(&self.path).map_err(|error| self.error("sync the folder of the dead key file", error))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => {
                // Emptied only once it is known to be the key file: a link in its place leads elsewhere.
                own_file::open(&self.path, File::options().write(true))
                    .and_then(|file| file.set_len(0).and_then(|()| file.sync_all()))
                    .map_err(|_| self.error("remove the dead key file", error))
            }
        }
    }

    /// Removes what a process left that was killed while it published: see `remove_leftovers`.
    pub fn remove_leftovers(&self) {
        remove_leftovers(&self.path);
    }

    /// Whether the file is ours, has its mode, and says just this.
    fn says(&self, line: &str) -> io::Result<bool> {
        let file = own_file::open(&self.path, File::options().read(true))?;
        if file.metadata()?.permissions().mode() & 0o777 != self.mode {
            return Ok(false);
        }
        let mut content = Vec::new();
        file.take(line.len() as u64 + 1).read_to_end(&mut content)?;
        Ok(content == line.as_bytes())
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
    let mut file = new_file_for(path)?;
    file.write_all(content)?;
    Owner::take(owner, file.as_file())?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(path)
}

/// A file that nobody else can read, in the folder of the one whose place it is to take. Its name begins
/// with that one's, so that it can be told whose it was if this process is killed.
pub(super) fn new_file_for(path: &Path) -> io::Result<NamedTempFile> {
    let private = Permissions::from_mode(0o600);
    let file =
        tempfile::Builder::new().prefix(&unfinished(path)).permissions(private.clone()).tempfile_in(folder_of(path))?;
    // The mode as given is cut by the umask, and whoever fills it may open it anew.
    file.as_file().set_permissions(private)?;
    Ok(file)
}

/// Removes the new files of processes that were killed before they could put them in the place of `path`:
/// they take space, and hold the same secret. Where another process is about to put one there, that fails.
pub(super) fn remove_leftovers(path: &Path) {
    let Ok(entries) = std::fs::read_dir(folder_of(path)) else { return };
    let prefix = unfinished(path);
    for entry in entries.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(prefix.as_encoded_bytes()) {
            // One that stays is tried again at the next start.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Makes what was done to names in the folder of `path` survive a power failure.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// How the names of the new files for `path` begin.
fn unfinished(path: &Path) -> OsString {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".poskeeper-");
    name
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
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let (folder, published) = published(0o640);
        let unfinished = new_file_for(&published.path).expect("made").keep().expect("kept").1;
        let of_another = new_file_for(&folder.path().join("till-2.apikey")).expect("made").keep().expect("kept").1;
        published.publish(&ApiKey::parse("#KEY").expect("a key")).expect("published");
        published.remove_leftovers();
        assert!(!unfinished.exists() && of_another.exists() && published.path.exists());
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
