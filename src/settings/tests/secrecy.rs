//! Secrets: where they may come from, and that nothing shows them.

use super::{APP, DEVICE, Place};
use crate::settings::{Exposure, Settings};

const SECRET: &str = "open-sesame";

/// Nothing that wrong settings print, in any form, holds the secret.
fn assert_hidden(place: &Place) {
    let faults = Settings::load(&place.file("settings.toml"), &place.surroundings).expect_err("wrong settings");
    let printed = format!("{faults}\n{faults:?}\n{faults:#?}");
    assert!(!printed.contains(SECRET), "{printed}");
}

#[test]
fn a_secret_comes_inline_or_from_a_file() {
    let text = format!(
        "{DEVICE}activation_code_file = 'code'\nlogin_api_key = 'K-1'\n\
         [[pospal.apps]]\napp_id = 'A1'\napp_key = '  sesame '\n"
    );
    let place = Place::with(&text);
    place.put("code", " code \r\n", 0o600);
    let settings = place.settings();
    let secrets: Vec<_> = settings.secrets().into_iter().map(|secret| secret.expose().to_owned()).collect();
    assert_eq!(secrets, [" code ", "K-1", "sesame"]);
}

#[test]
fn a_systemd_credential_goes_before_a_file_beside_the_settings() {
    let mut place = Place::with("[[pospal.apps]]\napp_id = 'A1'\napp_key_file = 'key'");
    place.put("key", "from the folder", 0o600);
    assert_eq!(place.settings().apps[0].app_key.expose(), "from the folder");
    let credentials = Place::with("");
    place.surroundings.credentials_directory = Some(credentials.folder.path().into());
    assert_eq!(place.settings().apps[0].app_key.expose(), "from the folder");
    credentials.put("key", "from systemd\n", 0o444);
    let settings = place.settings();
    assert_eq!(settings.apps[0].app_key.expose(), "from systemd");
    assert_eq!(settings.exposed, []);
}

#[test]
fn a_secret_that_is_wrong_is_refused_unseen() {
    let long = SECRET.repeat(400);
    for line in [
        format!("app_key = '{SECRET}'\napp_key_file = 'key'"),
        format!("app_key = ['{SECRET}']"),
        format!("app_key = {{ value = '{SECRET}' }}"),
        format!("app_key = \"{SECRET}\\n{SECRET}\""),
        format!("app_key = '{long}'"),
        format!("app_kye = '{SECRET}'"),
        format!("app_key = '{SECRET}"),
        format!("app_key = {SECRET}"),
        format!("app_key = '{SECRET}'\napp_key = '{SECRET}'"),
        format!("app_key = '{SECRET}'\nbase_url = 'http://user:{SECRET}@host'"),
        format!("app_key = '{SECRET}'\nbase_url = 'http://host/?key={SECRET}'"),
        format!("app_key = '{SECRET}'\nbase_url = 'http://host/#{SECRET}'"),
        format!("app_key = '{SECRET}'\nname = ['{SECRET}']"),
        "app_key_file = 'absent'".to_owned(),
        "app_key_file = 'empty'".to_owned(),
        "app_key_file = 'lines'".to_owned(),
        "app_key_file = 'bytes'".to_owned(),
        "app_key_file = 'long'".to_owned(),
        "app_key_file = '.'".to_owned(),
        "app_key_file = 17".to_owned(),
        "app_key = 17".to_owned(),
        "app_key = ' '".to_owned(),
        "app_key = ''\napp_key_file = ''".to_owned(),
    ] {
        let place = Place::with(&format!("[[pospal.apps]]\napp_id = 'A1'\n{line}"));
        place.put("key", SECRET, 0o600);
        place.put("empty", "\n", 0o600);
        place.put("lines", format!("{SECRET}\n{SECRET}\n"), 0o600);
        place.put("bytes", format!("{SECRET}\u{0}"), 0o600);
        place.put("long", &long, 0o600);
        assert_hidden(&place);
    }
}

#[test]
fn a_login_key_that_is_no_header_value_is_refused_unseen() {
    for key in [format!("{SECRET}é"), format!(" {SECRET}"), format!("{SECRET} ")] {
        let place = Place::with(&format!("{DEVICE}login_api_key = '{key}'"));
        assert!(
            place.faults()[0].starts_with("devices[0].login_api_key (device \"till-1\"): "),
            "{:?}",
            place.faults()
        );
        assert_hidden(&place);
    }
}

#[test]
fn settings_print_without_their_secrets() {
    let text = format!("{DEVICE}activation_code = '{SECRET}-1'\nlogin_api_key = '{SECRET}-2'\n{APP}");
    let settings = Place::with(&text).settings();
    let printed = format!("{settings:?}{settings:#?}");
    assert!(!printed.contains(SECRET) && !printed.contains("sesame-app"), "{printed}");
    assert_eq!(settings.secrets().len(), 3);
}

#[test]
fn files_with_secrets_that_others_can_read_are_found() {
    let place = Place::with("");
    let files =
        "[[pospal.apps]]\napp_id = 'A1'\napp_key_file = 'key'\n[[pospal.apps]]\napp_id = 'A2'\napp_key_file = 'key'";
    place.put("settings.toml", files, 0o644);
    place.put("key", SECRET, 0o640);
    assert_eq!(place.settings().exposed, []);
    place.put("key", SECRET, 0o644);
    assert_eq!(place.settings().exposed, [Exposure { file: place.file("key"), mode: 0o644 }]);
    place.put("settings.toml", APP, 0o604);
    assert_eq!(place.settings().exposed, [Exposure { file: place.file("settings.toml"), mode: 0o604 }]);
    place.put("settings.toml", APP, 0o660);
    assert_eq!(place.settings().exposed, []);
}

#[test]
fn no_slip_of_the_keyboard_in_a_line_with_a_secret_shows_even_half_of_it() {
    let lines = format!(
        "activation_code = \"{SECRET}\"\nlogin_api_key = '{SECRET}'\n[[pospal.apps]]\napp_key = \"{SECRET}\"\n"
    );
    let place = Place::with("");
    let mut faulty = 0;
    for at in 0..lines.len() {
        for slip in ["", "\"", "'", " = ", "\n", "[", "\\", "\0", "#"] {
            for length in [0, 1] {
                let text = format!("{DEVICE}{}{slip}{}app_id = 'A1'\n", &lines[..at], &lines[at + length..]);
                place.put("settings.toml", &text, 0o600);
                let Err(faults) = Settings::load(&place.file("settings.toml"), &place.surroundings) else { continue };
                faulty += 1;
                let printed = format!("{faults}\n{faults:?}");
                let half = SECRET.len() / 2;
                let shown = (0..=SECRET.len() - half).map(|from| &SECRET[from..from + half]);
                // The key of the line is no secret.
                let shown: Vec<_> = shown.filter(|part| printed.contains(part)).collect();
                assert!(shown.is_empty(), "{shown:?} in {printed}\n{text}");
            }
        }
    }
    assert!(faulty > 1000, "most slips are faults: {faulty}");
}
