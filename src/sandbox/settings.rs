//! A settings file for poskeeper that fits a running sandbox.

use super::chain::{Store, Till};
use chrono_tz::Tz;
use std::fmt::Write;
use std::net::SocketAddr;

/// How the first line of every settings file of the sandbox begins.
pub const SETTINGS_MARKER: &str = "# Made by the poskeeper sandbox";

/// How the demo's begins: a folder with such a file is the demo's own, to be emptied at each start.
pub const DEMO_SETTINGS_MARKER: &str = "# Made by the poskeeper sandbox for `poskeeper demo`";

/// How often the daemon is to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// As in a shop.
    Shop,
    /// Every few seconds, for people who watch.
    Demo,
}

/// The whole file. The till is the first that needs an activation code; no value needs escaping.
pub(super) fn toml(address: SocketAddr, timezone: Tz, stores: &[Store], tills: &[Till], pace: Pace) -> String {
    let head = match pace {
        Pace::Shop => format!(
            "{SETTINGS_MARKER}: simulated vendors, every key in here is made up.\n\
             # Both vendors answer at http://{address} for as long as that sandbox runs.\n\
             # With this text in a file: poskeeper --config FILE once\n"
        ),
        Pace::Demo => format!(
            "{DEMO_SETTINGS_MARKER}: simulated vendors, every key in here is made up.\n\
             # The next demo in this folder writes it anew, and the database beside it: keep nothing here.\n"
        ),
    };
    let mut file = format!("{head}timezone = \"{timezone}\"\n\n[database]\npath = \"poskeeper.db\"\n");
    if pace == Pace::Demo {
        file.push_str(
            "\n[log]\nformat = \"text\"\n\n\
             [login]\n\
             # Early, so that a renewal which is refused has time for its next attempt before the deadline.\n\
             renew_after = 0.15\n",
        );
    }
    let mut tell = |text: std::fmt::Arguments<'_>| file.write_fmt(text).expect("a String takes every text");
    if let Some((till, code)) = tills.iter().find_map(|till| Some((till, till.activation_code.as_ref()?))) {
        tell(format_args!(
            "\n[[devices]]\n\
             name = \"till-1\"\n\
             base_url = \"http://{address}\"\n\
             program_name = \"{}\"\n\
             location_code = \"{}\"\n\
             device_id = \"{}\"\n\
             activation_code = \"{code}\"\n\
             api_key_file = \"till-1.apikey\"\n",
            till.program_name, till.location_code, till.device_id
        ));
    }
    tell(format_args!("\n[pospal]\nbase_url = \"http://{address}\"\n"));
    if pace == Pace::Demo {
        tell(format_args!(
            "access_config_cron = \"*/30 * * * * *\"\n\
             daily_access_cron = \"*/6 * * * * *\"\n\
             splay_seconds = 0\n\
             calls_per_app_per_day = 200\n\
             keep_free = 10\n"
        ));
    }
    for store in stores.iter().filter(|store| store.configured) {
        // In capitals, as an operator may type it; the vendor has its own mind about letter case.
        let app_id = store.app_id.as_str().to_uppercase();
        tell(format_args!(
            "\n[[pospal.apps]]\napp_id = \"{app_id}\"\napp_key = \"{}\"\nname = \"{}\"\n",
            store.app_key, store.name
        ));
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{Scenario, chain};
    use config::{Config, File, FileFormat};

    fn read(pace: Pace) -> Config {
        let stores = chain::stores(Scenario::Steady, "2026-11-21".parse().expect("a test's day"));
        let address = SocketAddr::from(([127, 0, 0, 1], 18080));
        let text = toml(address, chrono_tz::Asia::Shanghai, &stores, &chain::tills(), pace);
        assert!(text.starts_with(SETTINGS_MARKER));
        assert_eq!(text.starts_with(DEMO_SETTINGS_MARKER), pace == Pace::Demo, "a shop's trial is not the demo's");
        Config::builder().add_source(File::from_str(&text, FileFormat::Toml)).build().expect("TOML")
    }

    #[test]
    fn the_settings_name_the_till_and_the_three_stores_and_point_to_the_sandbox() {
        let settings = read(Pace::Shop);
        assert_eq!(settings.get_string("timezone").expect("text"), "Asia/Shanghai");
        assert_eq!(settings.get_string("pospal.base_url").expect("text"), "http://127.0.0.1:18080");
        assert_eq!(settings.get_string("devices[0].base_url").expect("text"), "http://127.0.0.1:18080");
        assert_eq!(settings.get_array("devices").expect("a list").len(), 1);
        assert_eq!(settings.get_array("pospal.apps").expect("a list").len(), 3);
        assert!(settings.get_string("pospal.daily_access_cron").is_err(), "a shop has the default schedule");
    }

    #[test]
    fn the_demos_settings_ask_every_few_seconds() {
        let settings = read(Pace::Demo);
        assert_eq!(settings.get_string("pospal.daily_access_cron").expect("text"), "*/6 * * * * *");
        assert_eq!(settings.get_string("log.format").expect("text"), "text");
        assert_eq!(settings.get_int("pospal.calls_per_app_per_day").expect("a number"), 200);
    }
}
