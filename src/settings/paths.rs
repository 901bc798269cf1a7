//! Where relative paths of the settings lead (contract section 2).

use super::Surroundings;
use std::path::{Component, Path, PathBuf};

/// The folders that relative paths are resolved against.
#[derive(Debug)]
pub(super) struct Folders {
    settings: PathBuf,
    state: Option<PathBuf>,
    runtime: Option<PathBuf>,
    credentials: Option<PathBuf>,
}

impl Folders {
    pub(super) fn new(file: &Path, surroundings: &Surroundings) -> Self {
        Self {
            settings: absolute(file).parent().unwrap_or(Path::new("/")).to_owned(),
            state: surroundings.state_directory.as_deref().map(absolute),
            runtime: surroundings.runtime_directory.as_deref().map(absolute),
            credentials: surroundings.credentials_directory.as_deref().map(absolute),
        }
    }

    /// Of data that the daemon writes.
    pub(super) fn data(&self, path: &str) -> PathBuf {
        self.state.as_ref().unwrap_or(&self.settings).join(path)
    }

    /// Of a published key.
    pub(super) fn published(&self, path: &str) -> PathBuf {
        self.runtime.as_ref().or(self.state.as_ref()).unwrap_or(&self.settings).join(path)
    }

    /// Of what the operator put beside the settings file.
    pub(super) fn beside_settings(&self, path: &str) -> PathBuf {
        self.settings.join(path)
    }

    /// Of a secret: a systemd credential if there is one of that name.
    pub(super) fn secret(&self, path: &str) -> PathBuf {
        let credential = self.credentials.as_ref().map(|folder| folder.join(path));
        credential.filter(|file| file.exists()).unwrap_or_else(|| self.settings.join(path))
    }

    /// systemd guards that folder, whatever the modes of the files in it.
    pub(super) fn is_credential(&self, file: &Path) -> bool {
        self.credentials.as_ref().is_some_and(|folder| absolute(file).starts_with(folder))
    }
}

/// Two paths with one identity are one file: `..` is resolved, and so are symbolic links on the way
/// (`/var/run` is `/run`), as far as the folder exists.
pub(super) fn identity(path: &Path) -> PathBuf {
    let path = absolute(path);
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    let real = path.parent().and_then(|folder| folder.canonicalize().ok());
    match (real, plain.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => plain,
    }
}

/// The working directory may change after the settings were read.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(surroundings: &Surroundings) -> Folders {
        Folders::new(Path::new("/etc/poskeeper/settings.toml"), surroundings)
    }

    #[test]
    fn without_systemd_everything_lies_beside_the_settings_file() {
        let folders = folders(&Surroundings::default());
        for path in [folders.data("x"), folders.published("x"), folders.secret("x"), folders.beside_settings("x")] {
            assert_eq!(path, Path::new("/etc/poskeeper/x"));
        }
        assert_eq!(folders.data("/srv/x"), Path::new("/srv/x"));
    }

    #[test]
    fn systemds_folders_come_first_each_for_its_own_kind() {
        let credentials = tempfile::tempdir().expect("a folder");
        std::fs::write(credentials.path().join("given"), "s").expect("a file");
        let folders = folders(&Surroundings {
            state_directory: Some("/var/lib/poskeeper".into()),
            runtime_directory: Some("/run/poskeeper".into()),
            credentials_directory: Some(credentials.path().into()),
            ..Surroundings::default()
        });
        assert_eq!(folders.data("x"), Path::new("/var/lib/poskeeper/x"));
        assert_eq!(folders.published("x"), Path::new("/run/poskeeper/x"));
        assert_eq!(folders.secret("given"), credentials.path().join("given"));
        assert_eq!(folders.secret("absent"), Path::new("/etc/poskeeper/absent"));
        assert_eq!(folders.beside_settings("x"), Path::new("/etc/poskeeper/x"));
    }

    #[test]
    fn two_spellings_of_one_file_are_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let link = folder.path().join("link");
        std::fs::create_dir(folder.path().join("real")).expect("a folder");
        std::os::unix::fs::symlink(folder.path().join("real"), &link).expect("a link");
        assert_eq!(identity(&link.join("key")), identity(&folder.path().join("./real/key")));
        assert_eq!(identity(Path::new("/nowhere/a/../key")), Path::new("/nowhere/key"));
    }
}
