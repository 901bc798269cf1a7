//! What the process's environment says about the settings; the only place that reads it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Every variable that overrides a key begins so.
pub(super) const OVERRIDE_PREFIX: &str = "POSKEEPER__";

/// The environment, as far as it concerns the settings. `Default`: an empty one.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `$POSKEEPER_CONFIG`
    pub config: Option<PathBuf>,
    /// `$STATE_DIRECTORY`, the first one if systemd names several.
    pub state_directory: Option<PathBuf>,
    /// `$RUNTIME_DIRECTORY`, the first one if systemd names several.
    pub runtime_directory: Option<PathBuf>,
    /// `$CREDENTIALS_DIRECTORY`
    pub credentials_directory: Option<PathBuf>,
    /// The `POSKEEPER__SECTION__KEY` variables, by their full names.
    pub overrides: BTreeMap<String, String>,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self::of(std::env::vars_os())
    }

    fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut found = Self::default();
        // An empty variable is how a shell or a unit file unsets one.
        for (name, value) in variables {
            let name = name.to_string_lossy().into_owned();
            let path = || (!value.is_empty()).then(|| PathBuf::from(&value));
            match name.as_str() {
                "POSKEEPER_CONFIG" => found.config = path(),
                "STATE_DIRECTORY" => found.state_directory = first_of(&value),
                "RUNTIME_DIRECTORY" => found.runtime_directory = first_of(&value),
                "CREDENTIALS_DIRECTORY" => found.credentials_directory = path(),
                _ if name.to_uppercase().starts_with(OVERRIDE_PREFIX) => {
                    // Text that is not UTF-8 keeps a replacement character, and is refused for it.
                    found.overrides.insert(name, value.to_string_lossy().into_owned());
                }
                _ => {}
            }
        }
        found
    }
}

/// systemd joins several directories with colons.
fn first_of(list: &OsString) -> Option<PathBuf> {
    std::env::split_paths(list).find(|path| !path.as_os_str().is_empty())
}

/// The settings file: `explicit` (`--config`), else `$POSKEEPER_CONFIG`, else `./settings.toml` if
/// there is one, else `/etc/poskeeper/settings.toml`.
pub fn locate(explicit: Option<&Path>, surroundings: &Surroundings) -> PathBuf {
    locate_from(Path::new(""), explicit, surroundings)
}

fn locate_from(here: &Path, explicit: Option<&Path>, surroundings: &Surroundings) -> PathBuf {
    if let Some(named) = explicit.or(surroundings.config.as_deref()) {
        return named.to_owned();
    }
    let near = here.join("settings.toml");
    if near.exists() { near } else { PathBuf::from("/etc/poskeeper/settings.toml") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Surroundings {
        Surroundings::of(variables.iter().map(|(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn the_environment_is_taken_as_systemd_gives_it() {
        let found = of(&[
            ("STATE_DIRECTORY", "/var/lib/poskeeper:/var/lib/other"),
            ("RUNTIME_DIRECTORY", ""),
            ("CREDENTIALS_DIRECTORY", "/run/credentials/poskeeper.service"),
            ("POSKEEPER__LOG__LEVEL", "debug"),
            ("POSKEEPER_CONFIG", ""),
            ("HOME", "/root"),
        ]);
        assert_eq!(found.state_directory, Some("/var/lib/poskeeper".into()));
        assert_eq!(found.runtime_directory, None);
        assert_eq!(found.credentials_directory, Some("/run/credentials/poskeeper.service".into()));
        assert_eq!(found.config, None);
        assert_eq!(found.overrides.keys().collect::<Vec<_>>(), ["POSKEEPER__LOG__LEVEL"]);
    }

    #[test]
    fn the_settings_file_is_looked_for_in_four_places_in_order() {
        let here = tempfile::tempdir().expect("a folder");
        let named = of(&[("POSKEEPER_CONFIG", "/b.toml")]);
        let explicit = Some(Path::new("/a.toml"));
        assert_eq!(locate_from(here.path(), explicit, &named), Path::new("/a.toml"));
        assert_eq!(locate_from(here.path(), None, &named), Path::new("/b.toml"));
        let etc = Path::new("/etc/poskeeper/settings.toml");
        assert_eq!(locate_from(here.path(), None, &Surroundings::default()), etc);
        let near = here.path().join("settings.toml");
        std::fs::write(&near, "").expect("a file");
        assert_eq!(locate_from(here.path(), None, &Surroundings::default()), near);
    }
}
