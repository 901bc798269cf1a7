//! What good settings become.

use super::{APP, DEVICE, Place};
use crate::settings::{Coverage, LogFormat};
use chrono::TimeDelta;
use std::path::Path;
use std::time::Duration;
use tracing::level_filters::LevelFilter;

#[test]
fn an_empty_file_gives_the_contracts_defaults() {
    let place = Place::with("");
    let settings = place.settings();
    assert_eq!(settings.timezone, chrono_tz::Asia::Shanghai);
    assert_eq!(settings.database.path, place.file("poskeeper.db"));
    assert_eq!((settings.database.keep_samples_days, settings.database.keep_calls_days), (400, 90));
    assert_eq!((settings.log.level, settings.log.format), (LevelFilter::INFO, LogFormat::Auto));
    assert_eq!(settings.network.timeout, Duration::from_secs(30));
    assert_eq!(settings.network.connect_timeout, Duration::from_secs(10));
    assert_eq!(settings.network.max_response_bytes, 33_554_432);
    assert_eq!(settings.network.ca_file, None);
    assert!((settings.login.renew_after - 0.66).abs() < 1e-9);
    assert_eq!(settings.login.fallback, TimeDelta::hours(1));
    let pospal = &settings.pospal;
    assert_eq!(pospal.access_config_cron.as_ref().map(|line| line.as_str()), Some("0 20 6 * * *"));
    assert_eq!(pospal.daily_access_cron.as_ref().map(|line| line.as_str()), Some("0 10 0,8-22/2 * * *"));
    assert_eq!((pospal.splay, pospal.max_concurrency), (Duration::from_secs(60), 4));
    assert_eq!((pospal.calls_per_app_per_day, pospal.keep_free, pospal.backfill_days), (24, 10, 30));
    assert_eq!(pospal.coverage, Coverage::Each);
    let alerts = &settings.alerts;
    assert!(!alerts.sisters);
    assert_eq!(
        (alerts.usage_percent.as_slice(), alerts.package_days_left.as_slice()),
        (&[80, 95][..], &[30, 7, 1][..])
    );
    assert_eq!((alerts.stale_after, alerts.remind_after), (TimeDelta::hours(26), TimeDelta::hours(24)));
    assert_eq!(alerts.clock_skew, TimeDelta::seconds(120));
    assert_eq!(settings.http.listen, None);
    assert!(settings.devices.is_empty() && settings.apps.is_empty() && settings.exposed.is_empty());
}

#[test]
fn a_device_and_an_app_need_little() {
    let settings = Place::with(&format!("{DEVICE}{APP}")).settings();
    let device = &settings.devices[0];
    assert_eq!((device.name.as_str(), device.device_id.as_str()), ("till-1", "1"));
    assert_eq!((device.program_name.as_str(), device.api_key_file_mode), ("APIEXTERNAL", 0o640));
    assert!(device.activation_code.is_none() && device.login_api_key.is_none() && device.api_key_file.is_none());
    let app = &settings.apps[0];
    assert_eq!((app.name.as_str(), app.base_url.as_str()), ("A1", "https://area9-win.pospal.cn/"));
}

#[test]
fn identifiers_without_quotes_are_text_all_the_same() {
    let text = "[[devices]]\nname = 'a'\nbase_url = 'http://a'\nlocation_code = 17\ndevice_id = 1\n\
                [[pospal.apps]]\napp_id = 42\napp_key = 'k'\nbase_url = 'http://b/api'\nname = 'Store A'\n";
    let settings = Place::with(text).settings();
    assert_eq!(settings.devices[0].location_code, "17");
    assert_eq!(settings.apps[0].app_id.as_str(), "42");
    assert_eq!(settings.apps[0].base_url.path(), "/api");
}

#[test]
fn the_environment_overrides_every_kind_of_value() {
    let settings = Place::with("[database]\nkeep_calls_days = 5\n[alerts]\nsisters = false")
        .set("POSKEEPER__TIMEZONE", "Europe/Berlin")
        .set("POSKEEPER__DATABASE__KEEP_CALLS_DAYS", "24")
        .set("POSKEEPER__DATABASE__PATH", "/srv/Keeper.DB")
        .set("POSKEEPER__NETWORK__TIMEOUT_SECONDS", "1.5")
        .set("POSKEEPER__ALERTS__SISTERS", "true")
        .set("POSKEEPER__ALERTS__USAGE_PERCENT", "95, 80,95")
        .set("POSKEEPER__ALERTS__PACKAGE_DAYS_LEFT", "")
        .set("POSKEEPER__POSPAL__ACCESS_CONFIG_CRON", "")
        .set("POSKEEPER__HTTP__LISTEN", "127.0.0.1:9464")
        .settings();
    assert_eq!(settings.timezone, chrono_tz::Europe::Berlin);
    assert_eq!(settings.database.keep_calls_days, 24);
    assert_eq!(settings.database.path, Path::new("/srv/Keeper.DB"));
    assert_eq!(settings.network.timeout, Duration::from_millis(1500));
    assert!(settings.alerts.sisters);
    assert_eq!(settings.alerts.usage_percent, [80, 95]);
    assert!(settings.alerts.package_days_left.is_empty());
    assert!(settings.pospal.access_config_cron.is_none());
    assert_eq!(settings.http.listen.map(|address| address.port()), Some(9464));
}

#[test]
fn lists_are_put_in_order_and_numbers_may_lack_their_fraction() {
    let text = "[alerts]\nusage_percent = [95, 50, 50]\npackage_days_left = [1, 30, 7, 7]\nremind_hours = 0.5\n\
                [login]\nfallback_hours = 2\n[network]\ntimeout_seconds = 0.25";
    let settings = Place::with(text).settings();
    assert_eq!(settings.alerts.usage_percent, [50, 95]);
    assert_eq!(settings.alerts.package_days_left, [30, 7, 1]);
    assert_eq!(settings.alerts.remind_after, TimeDelta::minutes(30));
    assert_eq!(settings.login.fallback, TimeDelta::hours(2));
    assert_eq!(settings.network.timeout, Duration::from_millis(250));
}

#[test]
fn data_goes_to_the_state_directory_and_keys_to_the_runtime_directory() {
    let mut place = Place::with(&format!("{DEVICE}api_key_file = 'till-1.apikey'"));
    place.surroundings.state_directory = Some("/var/lib/poskeeper".into());
    let settings = place.settings();
    assert_eq!(settings.database.path, Path::new("/var/lib/poskeeper/poskeeper.db"));
    assert_eq!(settings.devices[0].api_key_file.as_deref(), Some(Path::new("/var/lib/poskeeper/till-1.apikey")));
    place.surroundings.runtime_directory = Some("/run/poskeeper".into());
    let settings = place.settings();
    assert_eq!(settings.devices[0].api_key_file.as_deref(), Some(Path::new("/run/poskeeper/till-1.apikey")));
}

#[test]
fn every_plaintext_host_off_this_machine_is_named_once() {
    let text = "[pospal]\nbase_url = 'http://unused'\n\
        [[devices]]\nname = 'a'\nbase_url = 'http://127.0.0.1:1'\nlocation_code = 'x'\ndevice_id = 1\n\
        [[devices]]\nname = 'b'\nbase_url = 'http://10.0.0.1:1'\nlocation_code = 'x'\ndevice_id = 1\n\
        [[devices]]\nname = 'c'\nbase_url = 'http://10.0.0.1:2'\nlocation_code = 'x'\ndevice_id = 1\n\
        [[pospal.apps]]\napp_id = 'A'\napp_key = 'k'\nbase_url = 'https://safe'\n\
        [[pospal.apps]]\napp_id = 'B'\napp_key = 'k'\nbase_url = 'http://pospal'\n";
    assert_eq!(Place::with(text).settings().plaintext_hosts(), ["10.0.0.1", "pospal"]);
}

#[test]
fn a_file_from_windows_is_read() {
    let settings = Place::with("\u{feff}timezone = \"UTC\"\r\n[log]\r\nlevel = \"WARN\"\r\n").settings();
    assert_eq!((settings.timezone, settings.log.level), (chrono_tz::UTC, LevelFilter::WARN));
}
