//! What wrong settings are told.

use super::{APP, DEVICE, Place, faults_of};
use crate::settings::Surroundings;
use std::path::Path;

/// The only fault of `text`.
fn fault_of(text: &str) -> String {
    let faults = Place::with(text).faults();
    assert_eq!(faults.len(), 1, "{text}: {faults:#?}");
    faults.into_iter().next().unwrap_or_default()
}

#[test]
fn every_fault_is_named_at_once() {
    let place = Place::with(
        "timezone = 'Asia/Shangai'\n\
         [database]\nkeep_calls_days = -1\nkeep_sample_days = 3\n\
         [log]\nlevel = 'loud'\n\
         [[devices]]\nname = 'till-1'\nbase_url = 'ftp://till'\nlocation_code = 'HKCB'\n\
         api_key_file = 'poskeeper.db'\nbase_ulr = 1\n\
         [pospal]\ndaily_access_cron = '* * *'\nmax_concurrency = 'four'\n\
         [[pospal.apps]]\napp_id = 'A1'\napp_key_file = 'absent.key'\n\
         [[pospal.apps]]\napp_id = 'a1'\nname = 'Store A'\n\
         [alerts]\nusage_percent = [80, 101]\n\
         [htpp]\nlisten = ''\n",
    )
    .set("POSKEEPER__LOG__FROMAT", "json")
    .set("POSKEEPER__HTTP__LISTEN", "localhost");
    let faults = place.faults();
    let expected = [
        ("POSKEEPER__LOG__FROMAT: ", "POSKEEPER__LOG__FORMAT"),
        ("timezone = \"Asia/Shangai\": ", "Asia/Shanghai"),
        ("database.keep_calls_days = -1: ", "0 to 36500"),
        ("log.level = \"loud\": ", "error, warn, info, debug, trace"),
        ("devices[0].base_url (device \"till-1\") = \"ftp://till\": ", "http"),
        ("devices[0].device_id (device \"till-1\"): ", "is missing"),
        ("pospal.daily_access_cron = \"* * *\": ", "six"),
        ("pospal.max_concurrency = \"four\": ", "not a whole number"),
        ("pospal.apps[0].app_key_file (app \"A1\"): ", "absent.key"),
        ("pospal.apps[1].app_id (app \"Store A\"): ", "pospal.apps[0].app_id"),
        ("pospal.apps[1].app_key (app \"Store A\"): ", "app_key_file"),
        ("alerts.usage_percent[1] = 101: ", "1 to 100"),
        ("http.listen (from POSKEEPER__HTTP__LISTEN) = \"localhost\": ", "127.0.0.1:9464"),
        ("devices[0].api_key_file (device \"till-1\"): ", "the database"),
        ("database.keep_sample_days: ", "database.keep_samples_days"),
        ("devices[0].base_ulr (device \"till-1\"): ", "devices.base_url"),
        ("htpp: ", "http"),
    ];
    for (line, (key, about)) in faults.iter().zip(expected) {
        assert!(line.starts_with(key) && line.contains(about), "{key} … {about}\n{line}");
    }
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
}

#[test]
fn a_number_out_of_its_range_is_told_the_range() {
    for (section, line, range) in [
        ("login", "renew_after = 0.05", "0.1 to 0.95"),
        ("login", "renew_after = 1", "0.1 to 0.95"),
        ("login", "renew_after = nan", "0.1 to 0.95"),
        ("login", "fallback_hours = 0", "over 0, at most 87600"),
        ("login", "fallback_hours = inf", "over 0, at most 87600"),
        ("network", "timeout_seconds = 0", "over 0, at most 3600"),
        ("network", "connect_timeout_seconds = -1.5", "over 0, at most 3600"),
        ("network", "max_response_bytes = 10", "1024 to 1073741824"),
        ("pospal", "max_concurrency = 0", "1 to 256"),
        ("pospal", "calls_per_app_per_day = 0", "1 to 1000000"),
        ("pospal", "keep_free = -1", "0 to"),
        ("pospal", "backfill_days = 3651", "0 to 3650"),
        ("pospal", "splay_seconds = 86401", "0 to 86400"),
        ("alerts", "usage_percent = [0]", "1 to 100"),
        ("alerts", "package_days_left = [9999999999999]", "0 to 3650"),
        ("alerts", "remind_hours = 0", "over 0"),
        ("alerts", "clock_skew_seconds = -0.0", "over 0"),
    ] {
        let fault = fault_of(&format!("[{section}]\n{line}"));
        assert!(fault.contains(range), "{line}: {fault}");
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_told_the_right_one() {
    for (text, about) in [
        ("timezone = 8", "text"),
        ("database = 'poskeeper.db'", "[database]"),
        ("[database]\nkeep_calls_days = '90'", "a whole number"),
        ("[database]\nkeep_calls_days = 1.5", "a whole number"),
        ("[login]\nrenew_after = '0.5'", "a number"),
        ("[alerts]\nsisters = 'true'", "without quotes"),
        ("[alerts]\nsisters = 1", "true or false"),
        ("[alerts]\nusage_percent = 80", "[80, 95]"),
        ("[alerts]\nusage_percent = '80'", "[80, 95]"),
        ("[alerts]\nusage_percent = [80, '95']", "a whole number"),
        ("[devices]\nname = 'a'", "[[devices]]"),
        ("devices = ['a']", "[[devices]]"),
        ("[pospal.apps]\napp_id = 'a'", "[[pospal.apps]]"),
        (&format!("{DEVICE}api_key_file_mode = 640"), "in quotes"),
    ] {
        let fault = fault_of(text);
        assert!(fault.contains(about), "{text}: {fault}");
    }
}

#[test]
fn an_empty_device_and_an_empty_app_are_told_all_that_is_missing() {
    let faults = Place::with("[[devices]]\n[[pospal.apps]]").faults();
    let keys: Vec<_> = faults.iter().filter_map(|line| line.split(':').next()).collect();
    let device = ["devices[0].name", "devices[0].base_url", "devices[0].location_code", "devices[0].device_id"];
    assert_eq!(keys, [&device[..], &["pospal.apps[0].app_id", "pospal.apps[0].app_key"]].concat());
}

#[test]
fn devices_share_neither_name_nor_published_file() {
    let text = format!("{DEVICE}api_key_file = 'key'\n{DEVICE}api_key_file = './x/../key'");
    let faults = Place::with(&text).faults();
    assert!(faults[0].starts_with("devices[1].name") && faults[0].contains("devices[0].name"), "{faults:#?}");
    assert!(faults[1].starts_with("devices[1].api_key_file") && faults[1].contains("[0]"), "{faults:#?}");
}

#[test]
fn a_key_is_published_over_no_file_that_is_needed() {
    for (path, about) in [
        ("poskeeper.db", "the database"),
        ("poskeeper.db-wal", "the database"),
        ("settings.toml", "the settings file"),
        ("code", "a secret file"),
        ("folder", "a folder"),
        ("folder/", "a folder"),
    ] {
        let place = Place::with(&format!("{DEVICE}activation_code_file = 'code'\napi_key_file = '{path}'"));
        place.put("code", "open sesame", 0o600);
        std::fs::create_dir(place.file("folder")).expect("a folder");
        let faults = place.faults();
        assert!(faults.len() == 1 && faults[0].contains(about), "{path}: {faults:#?}");
    }
}

#[test]
fn an_unknown_variable_is_a_fault_and_devices_come_from_the_file_alone() {
    let faults = Place::with(APP)
        .set("POSKEEPER__POSPAL__APPS__0__APP_KEY", "sesame")
        .set("POSKEEPER__DATABASE", "sesame")
        .set("poskeeper__log__level", "debug")
        .set("POSKEEPER__LOG__LEVEL", "de\u{fffd}bug")
        .faults();
    assert_eq!(faults.len(), 4, "{faults:#?}");
    assert!(faults.iter().any(|line| line.contains("APPS__0__APP_KEY: ") && line.contains("settings file only")));
    assert!(
        faults.iter().any(|line| line.starts_with("poskeeper__log__level") && line.contains("POSKEEPER__LOG__LEVEL"))
    );
    assert!(faults.iter().all(|line| !line.contains("sesame")), "{faults:#?}");
}

#[test]
fn a_wrong_value_of_a_variable_is_traced_back_to_it() {
    let faults = Place::with("")
        .set("POSKEEPER__ALERTS__USAGE_PERCENT", "80,many")
        .set("POSKEEPER__POSPAL__KEEP_FREE", "")
        .faults();
    assert!(faults[0].starts_with("pospal.keep_free (from POSKEEPER__POSPAL__KEEP_FREE) = \"\": "), "{faults:#?}");
    let percent = "alerts.usage_percent[1] (from POSKEEPER__ALERTS__USAGE_PERCENT) = \"many\": ";
    assert!(faults[1].starts_with(percent), "{faults:#?}");
}

#[test]
fn a_key_in_the_wrong_section_is_led_home_though_no_such_section_is_there() {
    assert!(fault_of("[pospal]\napp_key = 'sesame'").ends_with("pospal.apps.app_key"));
    assert!(fault_of("device = 1").ends_with("devices"));
    assert!(fault_of("[Database]\npath = 'x'").ends_with("database"));
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_a_cure() {
    let nothing = Surroundings::default();
    let missing = faults_of(Path::new("/nowhere/settings.toml"), &nothing);
    assert!(missing[0].contains("No such file") && missing[0].contains("--config"), "{missing:?}");
    let place = Place::with("");
    let folder = faults_of(place.folder.path(), &nothing);
    assert!(folder[0].contains("directory"), "{folder:?}");
    place.put("settings.toml", b"a = 1\nb = '\xff'", 0o600);
    assert!(place.faults()[0].contains("UTF-8 text (line 2)"), "{:?}", place.faults());
    place.put("settings.toml", " ".repeat((1 << 20) + 1), 0o600);
    assert!(place.faults()[0].contains("1 MiB"), "{:?}", place.faults());
}

#[test]
fn broken_toml_is_told_its_line_and_the_variables_are_judged_all_the_same() {
    let faults = Place::with("[log]\nlevel = info\n").set("POSKEEPER__NO", "1").faults();
    assert!(faults[0].starts_with("POSKEEPER__NO"), "{faults:#?}");
    assert!(faults[1].contains("line 2, column 9"), "{faults:#?}");
    let huge = fault_of("[database]\nkeep_calls_days = 99999999999999999999");
    assert!(huge.contains("not TOML"), "{huge}");
}

#[test]
fn a_ca_file_must_be_there_and_hold_a_certificate() {
    let place = Place::with("[network]\nca_file = 'ca.pem'");
    assert!(place.faults()[0].contains("No such file"), "{:?}", place.faults());
    place.put("ca.pem", "not PEM", 0o600);
    assert!(place.faults()[0].contains("certificate"), "{:?}", place.faults());
    place.put("ca.pem", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", 0o600);
    assert!(place.faults()[0].contains("no root"), "{:?}", place.faults());
    place.put("ca.pem", include_str!("root.pem"), 0o644);
    assert_eq!(place.settings().network.ca_file, Some(place.file("ca.pem")));
}

#[test]
fn a_fault_stays_on_its_line_whatever_its_key_and_value() {
    let faults = Place::with("\"a\\nb\\u001b[31m\" = 1\n[log]\nlevel = \"x\\ny\\u001b[31m\"").faults();
    assert_eq!(faults.len(), 2);
    assert!(faults.iter().all(|line| !line.contains(char::is_control)), "{faults:?}");
}
