//! The annotated settings.toml: the operators' reference, so it must not drift from the code.

use super::Place;
use crate::settings::known_keys;
use config::{Config, FileFormat, Value, ValueKind};
use std::collections::BTreeSet;

const EXAMPLE: &str = include_str!("../../../settings.toml");

/// With the commented-out `[[…]]` sections put in force.
fn with_examples() -> String {
    let mut text = String::new();
    let mut within = false;
    for line in EXAMPLE.lines() {
        within = line.starts_with("# [[") || within && line.starts_with('#');
        let shown = if within { line.trim_start_matches('#').trim_start() } else { line };
        let is_prose = within && line.starts_with("# #");
        text += if is_prose { line } else { shown };
        text.push('\n');
    }
    text
}

fn keys_of(value: &Value, path: &str, keys: &mut BTreeSet<String>) {
    match &value.kind {
        ValueKind::Table(table) => {
            for (key, value) in table {
                let full = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                keys_of(value, &full, keys);
            }
        }
        ValueKind::Array(items) if items.iter().all(|item| matches!(item.kind, ValueKind::Table(_))) => {
            items.iter().for_each(|item| keys_of(item, path, keys));
        }
        _ => {
            keys.insert(path.to_owned());
        }
    }
}

#[test]
fn the_example_loads_as_it_is_and_changes_nothing() {
    let place = Place::with(EXAMPLE);
    let example = format!("{:?}", place.settings());
    place.put("settings.toml", "", 0o600);
    assert_eq!(example, format!("{:?}", place.settings()));
}

#[test]
fn the_example_loads_with_its_device_and_its_app() {
    let settings = Place::with(&with_examples()).settings();
    assert_eq!(settings.devices[0].name, "till-1");
    assert!(settings.devices[0].activation_code.is_none() && settings.devices[0].login_api_key.is_none());
    assert_eq!(settings.apps[0].name, "0123456789ABCDEF0123456789ABCDEF");
}

#[test]
fn every_key_is_in_the_example_and_every_key_of_the_example_is_known() {
    let file = config::File::from_str(&with_examples(), FileFormat::Toml);
    let built = Config::builder().add_source(file).build().expect("TOML");
    let mut keys = BTreeSet::new();
    keys_of(&built.cache, "", &mut keys);
    assert_eq!(keys, known_keys());
}
