//! The settings as an operator meets them: a file, an environment, and what comes back.

mod example;
mod faults;
mod secrecy;
mod values;

use super::{Settings, Surroundings};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder with a settings file.
struct Place {
    folder: TempDir,
    surroundings: Surroundings,
}

impl Place {
    fn with(text: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a folder"), surroundings: Surroundings::default() };
        place.put("settings.toml", text, 0o600);
        place
    }

    fn set(mut self, variable: &str, value: &str) -> Self {
        self.surroundings.overrides.insert(variable.to_owned(), value.to_owned());
        self
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: impl AsRef<[u8]>, mode: u32) {
        fs::write(self.file(name), text).expect("a file");
        fs::set_permissions(self.file(name), fs::Permissions::from_mode(mode)).expect("a mode");
    }

    fn settings(&self) -> Settings {
        Settings::load(&self.file("settings.toml"), &self.surroundings).unwrap_or_else(|faults| panic!("{faults}"))
    }

    /// The lines after the first.
    fn faults(&self) -> Vec<String> {
        faults_of(&self.file("settings.toml"), &self.surroundings)
    }
}

fn faults_of(file: &Path, surroundings: &Surroundings) -> Vec<String> {
    let faults = Settings::load(file, surroundings).expect_err("wrong settings");
    let shown = faults.to_string();
    assert!(shown.starts_with(&format!("{}: ", file.display())), "{shown}");
    assert_eq!(shown.lines().count(), 1 + faults.list().len(), "{shown}");
    shown.lines().skip(1).map(|line| line.trim().to_owned()).collect()
}

/// A good device and a good app, without their last keys.
const DEVICE: &str =
    "[[devices]]\nname = 'till-1'\nbase_url = 'http://127.0.0.1:1'\nlocation_code = 'HKCB'\ndevice_id = 1\n";
const APP: &str = "[[pospal.apps]]\napp_id = 'A1'\napp_key = 'sesame-app'\n";
