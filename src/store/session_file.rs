//! The kept sessions, so that a restart does not log in again: a file beside the database, mode 0600.
//! Not in the database, because people open that.

use super::key_file::{beside, remove_leftovers, replace};
use super::own_file;
use super::owner::Owner;
use crate::model::{ApiKey, Lifetimes, Moment, Session};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Contract section 3.
const MODE: u32 = 0o600;

/// Why the kept sessions cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SessionFileError {
    /// Reading or writing failed.
    #[error("cannot {action} the session file {path}: {error}")]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Something else stands there.
    #[error("the session file {0} is damaged; every device logs in anew and the file is then replaced")]
    Damaged(PathBuf),
}

/// The kept sessions of all devices.
#[derive(Debug, Clone)]
pub struct SessionFile {
    path: PathBuf,
    owner: Option<Owner>,
    /// The devices' workers write one file between them.
    writing: Arc<Mutex<()>>,
}

/// As it stands in the file.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Which login of which server it is; another one's key is not served.
    identity: String,
    key: String,
    logged_in_at: Moment,
    live_ms: i64,
    relogin_ms: i64,
    renew_after_ms: i64,
}

type Content = BTreeMap<String, Kept>;

impl SessionFile {
    /// The file beside this database. Nothing is read yet.
    pub fn beside(database: &Path) -> Self {
        Self { path: beside(database, "session"), owner: Owner::of(database), writing: Arc::default() }
    }

    /// Its place.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes what a process left that was killed while it kept a session.
    pub fn remove_leftovers(&self) {
        remove_leftovers(&self.path);
    }

    /// The kept session of a device, if it is of the same login (`identity`).
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn load(&self, device: &str, identity: &str) -> Result<Option<Session>, SessionFileError> {
        Ok(self.read()?.remove(device).filter(|kept| kept.identity == identity).and_then(|kept| {
            Some(Session {
                key: ApiKey::parse(&kept.key)?,
                logged_in_at: kept.logged_in_at,
                lifetimes: Lifetimes {
                    live: TimeDelta::try_milliseconds(kept.live_ms)?,
                    relogin: TimeDelta::try_milliseconds(kept.relogin_ms)?,
                },
                renew_after: TimeDelta::try_milliseconds(kept.renew_after_ms)?,
            })
        }))
    }

    /// Keeps a device's session, durably.
    ///
    /// # Errors
    /// The file cannot be replaced; the one before stays whole.
    pub fn save(&self, device: &str, identity: &str, session: &Session) -> Result<(), SessionFileError> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // A damaged file is replaced: what it held is lost either way.
        let mut content = self.read().unwrap_or_default();
        content.insert(
            device.to_owned(),
            Kept {
                identity: identity.to_owned(),
                key: session.key.expose().to_owned(),
                logged_in_at: session.logged_in_at.clone(),
                live_ms: session.lifetimes.live.num_milliseconds(),
                relogin_ms: session.lifetimes.relogin.num_milliseconds(),
                renew_after_ms: session.renew_after.num_milliseconds(),
            },
        );
        self.write(&content)
    }

    /// Forgets the sessions of all other devices: a key that nobody keeps alive is only a risk. Closes the
    /// file to others, where a copy of it was put back that they can read.
    ///
    /// # Errors
    /// The file cannot be read or replaced.
    pub fn keep_only(&self, devices: &[String]) -> Result<(), SessionFileError> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut content = self.read()?;
        let before = content.len();
        content.retain(|device, _| devices.contains(device));
        let is_open = std::fs::symlink_metadata(&self.path).is_ok_and(|found| found.mode() & 0o777 != MODE);
        if content.len() == before && !is_open { Ok(()) } else { self.write(&content) }
    }

    fn write(&self, content: &Content) -> Result<(), SessionFileError> {
        let text = serde_json::to_vec_pretty(content).unwrap_or_default();
        replace(&self.path, &text, MODE, self.owner).map_err(|error| self.io("write", error))
    }

    fn read(&self) -> Result<Content, SessionFileError> {
        match self.read_bytes() {
            Ok(text) => serde_json::from_slice(&text).map_err(|_| SessionFileError::Damaged(self.path.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Content::new()),
            Err(error) => Err(self.io("read", error)),
        }
    }

    /// A key that others may have written is not served. One that they could merely read, in a restored
    /// copy for one, may be the only good one that there is.
    fn read_bytes(&self) -> io::Result<Vec<u8>> {
        let mut file = own_file::open(&self.path, File::options().read(true))?;
        own_file::judge_closed_to_writers(&file.metadata()?)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn io(&self, action: &'static str, error: io::Error) -> SessionFileError {
        SessionFileError::Io { action, path: self.path.clone(), error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BootInstant;
    use std::os::unix::fs::PermissionsExt;

    fn session(key: &str) -> Session {
        let wall = "2026-11-21T00:00:00.123Z".parse().expect("a time");
        Session {
            key: ApiKey::parse(key).expect("a key"),
            logged_in_at: Moment { wall, boot: BootInstant { boot_id: "b".into(), uptime_ms: 7 } },
            lifetimes: Lifetimes { live: TimeDelta::hours(240), relogin: TimeDelta::hours(6) },
            renew_after: TimeDelta::hours(4),
        }
    }

    #[test]
    fn a_kept_session_comes_back_whole_and_only_for_the_same_login() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = SessionFile::beside(&folder.path().join("poskeeper.db"));
        assert!(file.load("till-1", "x").expect("no file is no error").is_none());
        file.save("till-1", "x", &session("#1")).expect("saved");
        file.save("till-2", "y", &session("#2")).expect("saved");
        let kept = file.load("till-1", "x").expect("readable").expect("kept");
        assert_eq!(kept.key.expose(), "#1");
        assert_eq!((kept.logged_in_at, kept.lifetimes, kept.renew_after), {
            let s = session("#1");
            (s.logged_in_at, s.lifetimes, s.renew_after)
        });
        assert!(file.load("till-1", "another server").expect("readable").is_none());
        let mode = std::fs::metadata(folder.path().join("poskeeper.db.session")).expect("metadata");
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_told_of_and_replaced_by_the_next_login() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = SessionFile::beside(&folder.path().join("poskeeper.db"));
        std::fs::write(folder.path().join("poskeeper.db.session"), "{\"half").expect("written");
        assert!(matches!(file.load("till-1", "x"), Err(SessionFileError::Damaged(_))));
        file.save("till-1", "x", &session("#1")).expect("saved");
        assert!(file.load("till-1", "x").expect("readable").is_some());
    }
}
