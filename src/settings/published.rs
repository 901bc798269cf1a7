//! The published keys: each in a file of its own, and in no file that is needed for something else.

use super::faults::Complaint;
use super::paths::identity;
use super::section::Section;
use super::unique::Unique;
use std::path::{Path, PathBuf};

/// The files that keys are to be published in, each with the device that asked for it.
#[derive(Default)]
pub(super) struct Published<'a> {
    files: Vec<(Section<'a>, PathBuf)>,
}

impl<'a> Published<'a> {
    pub(super) fn add(&mut self, section: &Section<'a>, file: &Path) {
        self.files.push((section.clone(), file.to_owned()));
    }

    /// Reports every device whose key would overwrite another's, the database, or one of `taken`.
    pub(super) fn judge(&self, database: Option<&Path>, taken: &[(&str, &Path)]) {
        let mut claimed = Unique::default();
        for (section, file) in &self.files {
            let identity_of_it = identity(file);
            let over = |what: &str| {
                let wrong = format!("would overwrite {what}");
                section.report("api_key_file", None, Complaint::new(wrong, "publish the key in a file of its own"));
            };
            if let Some((what, _)) = taken.iter().find(|(_, other)| identity(other) == identity_of_it) {
                over(what);
            } else if database.is_some_and(|database| belongs_to(database, &identity_of_it)) {
                over("the database, or a file that belongs to it");
            } else if file.is_dir() {
                over("a folder");
            } else {
                claimed.claim(section, "api_key_file", identity_of_it.to_string_lossy().into_owned());
            }
        }
    }
}

/// Whether `file` is the database, or lies beside it under a longer name: SQLite's journals do, and so
/// may what the daemon keeps there.
fn belongs_to(database: &Path, file: &Path) -> bool {
    let database = identity(database);
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let begins_alike = name(file).zip(name(&database)).is_some_and(|(its, name)| its.starts_with(&name));
    begins_alike && file.parent() == database.parent()
}
