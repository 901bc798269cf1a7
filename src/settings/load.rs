//! From a file and the environment to checked [`Settings`].

use super::apps::apps;
use super::devices::devices;
use super::faults::Faults;
use super::paths::Folders;
use super::published::Published;
use super::reader::Reader;
use super::secrets::SecretReader;
use super::section::Section;
use super::source::{Document, sift, tree};
use super::unknown::report_unknown;
use super::{Settings, Surroundings, sections};
use config::{Map, Value};
use std::collections::BTreeSet;
use std::path::Path;

impl Settings {
    /// Reads and checks everything: the file, the overrides in the environment, the secret files.
    ///
    /// # Errors
    /// Names every fault at once, each with its key; never shows a secret.
    pub fn load(file: &Path, surroundings: &Surroundings) -> Result<Self, Faults> {
        let reader = Reader::default();
        let known = known_keys();
        let overrides = sift(&surroundings.overrides, &known, &reader);
        let found = Document::read(file).and_then(|document| Ok((tree(&document.text, overrides)?, document.mode)));
        let settings = match &found {
            Ok((tree, mode)) => {
                let settings = read(&reader, tree, file, *mode, surroundings);
                report_unknown(&Section::root(&reader, tree), &known);
                settings
            }
            Err(fault) => {
                reader.report(fault.clone());
                None
            }
        };
        let (faults, _) = reader.into_parts();
        settings.filter(|_| faults.is_empty()).ok_or_else(|| Faults::new(file, faults))
    }
}

/// Every key that there is (`database.path`, `devices.name`, `pospal.apps.app_id`): those that are asked
/// for where there is one device and one app.
pub fn known_keys() -> BTreeSet<String> {
    let one_of = |section: Map<String, Value>| Value::from(vec![Value::from(section)]);
    let pospal: Map<String, Value> = [("apps".to_owned(), one_of(Map::new()))].into_iter().collect();
    let sections = [("devices".to_owned(), one_of(Map::new())), ("pospal".to_owned(), Value::from(pospal))];
    let tree: Map<String, Value> = sections.into_iter().collect();
    let reader = Reader::default();
    // The faults of these wanting settings are of no interest.
    let _ = read(&reader, &tree, Path::new("settings.toml"), 0, &Surroundings::default());
    reader.into_parts().1
}

/// `None`: something is faulty, and reported. There may be faults all the same where there is a result.
fn read(
    reader: &Reader,
    tree: &Map<String, Value>,
    file: &Path,
    mode: u32,
    surroundings: &Surroundings,
) -> Option<Settings> {
    let root = Section::root(reader, tree);
    let folders = Folders::new(file, surroundings);
    let mut secrets = SecretReader::new(&folders);
    let mut published = Published::default();

    let timezone = sections::timezone(&root);
    let database_section = root.section("database");
    let database_path = sections::database_path(&database_section, &folders);
    let database = sections::database(&database_section, database_path.as_deref());
    let log = sections::log(&root.section("log"));
    let network = sections::network(&root.section("network"), &folders);
    let login = sections::login(&root.section("login"));
    let devices = devices(&root, &folders, &mut secrets, &mut published);
    let pospal_section = root.section("pospal");
    // A cron line can be judged in any time zone.
    let pospal = sections::pospal(&pospal_section, timezone.unwrap_or_default());
    let apps = apps(&pospal_section, &mut secrets);
    let alerts = sections::alerts(&root.section("alerts"));
    let http = sections::http(&root.section("http"));

    secrets.judge_settings_file(file, mode);
    let ca_file = network.as_ref().and_then(|network| network.ca_file.as_deref());
    let mut taken = vec![("the settings file", file)];
    taken.extend(secrets.files().iter().map(|file| ("a secret file", file.as_path())));
    taken.extend(ca_file.map(|file| ("network.ca_file", file)));
    published.judge(database_path.as_deref(), &taken);

    Some(Settings {
        file: file.to_owned(),
        timezone: timezone?,
        database: database?,
        log: log?,
        network: network?,
        login: login?,
        devices,
        pospal: pospal?,
        apps,
        alerts: alerts?,
        http: http?,
        exposed: secrets.into_exposed(),
    })
}
