//! The published key: one line that the store's own programs read.

use super::own_file;
use crate::model::ApiKey;
use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
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
        replace(&self.path, line.as_bytes(), self.mode).map_err(|error| self.error("write the key file", error))
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
                // Emptied only once it is known to be the key file: a link in its place leads elsewhere.
                own_file::open(&self.path, File::options().write(true))
                    .and_then(|file| file.set_len(0))
                    .map_err(|_| self.error("remove the dead key file", error))
            }
        }
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
/// fsync of the folder. A link at `path` is replaced, not followed.
pub(super) fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".poskeeper-")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    file.write_all(content)?;
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
        (folder, PublishedKey { path, mode })
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
