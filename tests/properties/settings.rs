//! Settings: any text, any kind of value for any key, in the file and in the environment.

use super::cases;
use poskeeper::settings::{Faults, Settings, Surroundings, known_keys};
use proptest::prelude::*;
use std::collections::BTreeMap;

const SECRET: &str = "open sesame 4711";

fn load(text: &[u8], overrides: &[(String, String)]) -> Result<Settings, Faults> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, text).expect("a file");
    let overrides: BTreeMap<_, _> = overrides.iter().cloned().collect();
    Settings::load(&file, &Surroundings { overrides, ..Surroundings::default() })
}

/// One line each, and no secret.
fn check(faults: &Faults) -> Result<(), TestCaseError> {
    let shown = faults.to_string();
    prop_assert_eq!(shown.lines().count(), 1 + faults.list().len(), "{}", shown);
    prop_assert!(!faults.list().is_empty() && !shown.contains(SECRET), "{shown}");
    prop_assert!(shown.lines().all(|line| !line.contains(char::is_control)), "{shown:?}");
    Ok(())
}

/// A value as TOML writes it.
fn value() -> impl Strategy<Value = String> {
    let text = |text: String| toml_text(&text);
    let leaf = prop_oneof![
        any::<bool>().prop_map(|flag| flag.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        (0..100_i64).prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:e}")),
        prop::sample::select(vec!["nan", "-inf", "0.5", "1979-05-27T07:32:00Z", "[]", "{}", "''", "07:32:00"])
            .prop_map(str::to_owned),
        any::<String>().prop_map(text),
        "[ -~]{0,20}".prop_map(text),
        "([*0-9/,LW#-]{1,4} ){5}[*0-9/,LW#-]{1,4}".prop_map(text),
        "(https?|ftp)://[a-z0-9.@:/\\[\\]-]{0,20}".prop_map(text),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(", "))),
            inner.prop_map(|item| format!("{{ a = {item} }}")),
        ]
    })
}

fn toml_text(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\U{:08x}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

fn keys() -> Vec<String> {
    let keys = known_keys();
    let is_section = |key: &String| keys.iter().any(|other| other.starts_with(&format!("{key}.")));
    keys.iter().filter(|key| !is_section(key)).cloned().collect()
}

/// Settings with a device and an app that lack nothing, but for `key`, which has `value`.
fn with(key: &str, value: &str) -> String {
    let mut sections: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
    let text = |text: &str| toml_text(text);
    let device = [
        ("name", "a"),
        ("base_url", "http://127.0.0.1:1"),
        ("location_code", "x"),
        ("device_id", "1"),
        ("activation_code", SECRET),
        ("login_api_key", SECRET),
    ];
    let app = [("app_id", "A"), ("app_key", SECRET)];
    sections.insert("devices", device.into_iter().map(|(key, value)| (key, text(value))).collect());
    sections.insert("pospal.apps", app.into_iter().map(|(key, value)| (key, text(value))).collect());
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    sections.entry(section).or_default().insert(name, value.to_owned());
    // A file beside the text would be one secret too many.
    if let Some(inline) = name.strip_suffix("_file") {
        sections.entry(section).or_default().remove(inline);
    }
    let mut whole = String::new();
    for (section, entries) in sections {
        whole += &match section {
            "" => String::new(),
            "devices" | "pospal.apps" => format!("[[{section}]]\n"),
            _ => format!("[{section}]\n"),
        };
        entries.iter().for_each(|(key, value)| whole += &format!("{key} = {value}\n"));
    }
    whole
}

/// The variable that overrides a key.
fn variable(key: &str) -> String {
    format!("POSKEEPER__{}", key.replace('.', "__").to_uppercase())
}

/// In words what the settings are, without the place of the file.
fn told(settings: &Settings) -> String {
    let folder = settings.file.parent().expect("a folder").display().to_string();
    format!("{settings:?}").replace(&folder, "")
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn any_value_of_any_key_loads_or_gives_a_fault_that_names_the_key(key in prop::sample::select(keys()), value in value()) {
        let text = with(&key, &value);
        match load(text.as_bytes(), &[]) {
            Ok(settings) => {
                prop_assert!(!told(&settings).contains(SECRET), "a secret in {}", text);
                prop_assert_eq!(told(&load(text.as_bytes(), &[]).expect("good the first time")), told(&settings));
            }
            Err(faults) => {
                check(&faults)?;
                // A number that TOML itself has no room for is a fault of the whole file.
                let name = key.rsplit('.').next().unwrap_or(&key);
                let names_it = |fault: &str| fault.contains(name) || fault.contains(name.trim_end_matches("_file"));
                let shown: Vec<_> = faults.list().iter().map(ToString::to_string).collect();
                prop_assert!(shown.iter().all(|fault| names_it(fault)), "{text}\n{shown:#?}");
            }
        }
    }

    #[test]
    fn any_bytes_load_or_give_faults(bytes in prop::collection::vec(any::<u8>(), 0..100), lines in prop::collection::vec((prop::sample::select(keys()), value()), 0..6), at in any::<prop::sample::Index>()) {
        let lines: String = lines.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        let mut torn = lines.clone().into_bytes();
        let at = at.index(torn.len() + 1);
        torn.splice(at..at, bytes.iter().copied());
        for text in [&bytes[..], lines.as_bytes(), &torn] {
            if let Err(faults) = load(text, &[]) {
                check(&faults)?;
            }
        }
    }

    #[test]
    fn a_variable_says_what_the_same_value_in_the_file_says(key in prop::sample::select(keys()), value in prop_oneof![
        Just("true".to_owned()), "[0-9]{1,4}(\\.[0-9])?", "[a-zA-Z/]{1,12}", "0 [0-9]{1,2} [0-9]{1,2} \\* \\* \\*", Just(String::new()),
    ]) {
        let is_listed = key.starts_with("devices.") || key.starts_with("pospal.apps.");
        let given = load(b"", &[(variable(&key), value.clone())]);
        if is_listed {
            let faults = given.expect_err("not a key of the environment");
            check(&faults)?;
            prop_assert!(faults.to_string().contains("settings file only"), "{faults}");
            return Ok(());
        }
        // In a file a number stands without quotes, text with them: one of the two says the same.
        let (section, name) = key.rsplit_once('.').unwrap_or(("", &key));
        let heading = if section.is_empty() { String::new() } else { format!("[{section}]\n") };
        let list = format!("[{value}]");
        let written = [value.as_str(), &toml_text(&value), &list].map(|value| load(format!("{heading}{name} = {value}\n").as_bytes(), &[]));
        match given {
            Ok(settings) => {
                let same = |other: &Result<Settings, Faults>| other.as_ref().is_ok_and(|other| told(other) == told(&settings));
                prop_assert!(written.iter().any(same), "{key} = {value}");
            }
            Err(faults) => {
                check(&faults)?;
                prop_assert!(faults.to_string().contains(&variable(&key)), "{faults}");
                prop_assert!(written.iter().all(Result::is_err), "{key} = {value}: {faults}");
            }
        }
    }

    #[test]
    fn an_unknown_key_is_led_to_a_known_one(section in prop::sample::select(vec!["", "database", "log", "pospal", "alerts", "http"]), key in "[a-z_]{1,20}") {
        let full = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
        prop_assume!(!known_keys().iter().any(|known| known == &full || known.starts_with(&format!("{full}."))));
        let heading = if section.is_empty() { String::new() } else { format!("[{section}]\n") };
        let faults = load(format!("{heading}{key} = '{SECRET}'").as_bytes(), &[]).expect_err("an unknown key");
        check(&faults)?;
        let shown = faults.list()[0].to_string();
        let near = shown.rsplit(' ').next().unwrap_or_default();
        prop_assert!(shown.starts_with(&format!("{full}: ")), "{shown}");
        prop_assert!(known_keys().iter().any(|known| known == near || known.starts_with(&format!("{near}."))), "{shown}");
    }
}
