//! The demo's own folder. Nobody else's files are ever touched.

use super::super::failure::Failure;
use crate::model::fingerprint;
use crate::sandbox::DEMO_SETTINGS_MARKER;
use crate::store::DatabaseLock;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

const SETTINGS: &str = "settings.toml";
const DATABASE: &str = "poskeeper.db";
const KEY_FILE: &str = "till-1.apikey";
const REPORT: &str = "report.html";
/// Everything else that a demo leaves behind, but for the lock file, which another one may be holding.
const LEFT_BEHIND: [&str; 7] = [
    DATABASE,
    "poskeeper.db-wal",
    "poskeeper.db-shm",
    "poskeeper.db-journal",
    "poskeeper.db.session",
    KEY_FILE,
    REPORT,
];

/// How the last line of a demo's settings begins.
const SEAL: &str = "# Nobody has changed this file as long as its text above has the fingerprint ";

pub(super) struct DemoFolder {
    path: PathBuf,
}

impl DemoFolder {
    /// Makes the folder, or starts afresh in one that an earlier demo made.
    pub(super) fn prepare(path: &Path) -> Result<Self, Failure> {
        let folder = Self { path: path.to_owned() };
        let is_empty = match fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(path).map_err(|error| folder.failure(&error))?;
                true
            }
            Err(error) => return Err(folder.failure(&error)),
        };
        if !is_empty {
            folder.start_afresh()?;
        }
        Ok(folder)
    }

    /// Only the owner may read them, as with real ones. No link in their place is followed.
    pub(super) fn write_settings(&self, text: &str) -> Result<(), Failure> {
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
            file.write_all(sealed(text).as_bytes())?;
            file.persist(self.settings()).map_err(|error| error.error)
        };
        write().map(|_| ()).map_err(|error| self.failure(&error))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn settings(&self) -> PathBuf {
        self.path.join(SETTINGS)
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    pub(super) fn key_file(&self) -> PathBuf {
        self.path.join(KEY_FILE)
    }

    pub(super) fn report(&self) -> PathBuf {
        self.path.join(REPORT)
    }

    fn start_afresh(&self) -> Result<(), Failure> {
        if !self.is_a_demos() {
            return Err(Failure::Failed(format!(
                "{} holds files that no demo made, or that were changed since, and the demo would write over them; name another folder with --dir",
                self.path.display()
            )));
        }
        let _lock = DatabaseLock::take(&self.database()).map_err(|error| {
            Failure::Failed(format!("{error}; or is another demo running? Name another folder with --dir"))
        })?;
        for name in LEFT_BEHIND {
            match fs::remove_file(self.path.join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(self.failure(&error)),
                _ => {}
            }
        }
        Ok(())
    }

    /// A link is none: it may lead to somebody's settings. Nor is a file that somebody made his own.
    fn is_a_demos(&self) -> bool {
        let is_file = fs::symlink_metadata(self.settings()).is_ok_and(|metadata| metadata.is_file());
        is_file && fs::read_to_string(self.settings()).is_ok_and(|text| is_sealed(&text))
    }

    fn failure(&self, error: &io::Error) -> Failure {
        let path = self.path.display();
        Failure::Failed(format!("cannot use the folder {path}: {error}; name another one with --dir"))
    }
}

/// With a last line that tells whether somebody has changed it: then it may hold real keys.
fn sealed(text: &str) -> String {
    format!("{text}{SEAL}{}\n", fingerprint(text))
}

fn is_sealed(text: &str) -> bool {
    let parts = text.rsplit_once(SEAL);
    parts.is_some_and(|(above, seal)| above.starts_with(DEMO_SETTINGS_MARKER) && seal.trim_end() == fingerprint(above))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(path: &Path) -> Result<DemoFolder, String> {
        DemoFolder::prepare(path).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn a_demo_starts_afresh_where_an_earlier_one_was_and_leaves_other_files_alone() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("a/demo");
        let folder = prepared(&path).expect("made");
        folder.write_settings(&format!("{DEMO_SETTINGS_MARKER}: all made up\n")).expect("written");
        for name in LEFT_BEHIND.into_iter().chain(["my-notes.txt"]) {
            fs::write(path.join(name), "old").expect("written");
        }
        prepared(&path).expect("started afresh");
        assert!(LEFT_BEHIND.iter().all(|name| !path.join(name).exists()));
        assert!(path.join("my-notes.txt").exists());
    }

    #[test]
    fn a_folder_with_anything_that_no_demo_made_is_refused_and_left_as_it_was() {
        let trial = format!("{}: a trial\n", crate::sandbox::SETTINGS_MARKER);
        let adopted = sealed(&format!("{DEMO_SETTINGS_MARKER}\napp_key = \"made up\"\n")).replace("made up", "mine");
        for (name, text) in [
            (SETTINGS, "timezone = \"Asia/Shanghai\"\n"),
            (SETTINGS, &trial),
            (SETTINGS, DEMO_SETTINGS_MARKER),
            (SETTINGS, &adopted),
            ("poskeeper.db", ""),
        ] {
            let home = tempfile::tempdir().expect("a folder");
            fs::write(home.path().join(name), text).expect("written");
            let refused = prepared(home.path()).err().expect("refused");
            assert!(refused.contains("no demo made") && refused.contains("--dir"), "{refused}");
            assert_eq!(fs::read_to_string(home.path().join(name)).expect("still there"), text);
            assert_eq!(fs::read_dir(home.path()).expect("a folder").count(), 1);
        }
    }

    #[test]
    fn a_folder_in_which_a_demo_is_running_is_refused() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = prepared(home.path()).expect("an empty folder will do");
        folder.write_settings(DEMO_SETTINGS_MARKER).expect("written");
        let _running = DatabaseLock::take(&home.path().join(DATABASE)).expect("nobody has it");
        let refused = prepared(home.path()).err().expect("refused");
        assert!(refused.contains("another demo"), "{refused}");
    }
}
