//! Any text as the settings file, and after a NUL as the value of a variable.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poskeeper::settings::{Settings, Surroundings, known_keys};
use std::cell::OnceCell;
use tempfile::TempDir;

const SECRET: &str = "open sesame 4711";

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let mut surroundings = Surroundings::default();
    if let Some((chosen, value)) = input.get(end + 1..).and_then(|rest| rest.split_first()) {
        let keys: Vec<_> = known_keys().into_iter().collect();
        let key = &keys[usize::from(*chosen) % keys.len()];
        let variable = format!("POSKEEPER__{}", key.replace('.', "__").to_uppercase());
        surroundings.overrides.insert(variable, String::from_utf8_lossy(value).into_owned());
    }
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| tempfile::tempdir().expect("a folder"));
        let file = folder.path().join("settings.toml");
        // Whatever came of the text so far, a device with secrets may follow it.
        let device = format!("\n[[devices]]\nname = 'a'\nactivation_code = '{SECRET}'\nlogin_api_key = '{SECRET}'\n");
        std::fs::write(&file, [&input[..end], device.as_bytes()].concat()).expect("a file");
        let shown = match Settings::load(&file, &surroundings) {
            Ok(settings) => format!("{settings:?}"),
            Err(faults) => {
                let shown = faults.to_string();
                assert!(!faults.list().is_empty() && shown.lines().count() == 1 + faults.list().len(), "{shown}");
                assert!(shown.lines().all(|line| !line.contains(char::is_control)), "{shown:?}");
                shown
            }
        };
        assert!(!shown.contains(SECRET), "{shown}");
    });
});
