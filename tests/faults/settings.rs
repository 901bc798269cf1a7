//! Settings for many vendors at once: a device and an app for each.

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use std::fmt::Write;
use std::path::Path;

/// What is set once for all of them.
pub struct Frame {
    pub log_format: &'static str,
    pub timeout_seconds: f64,
    /// The cron line of both endpoints.
    pub cron: String,
    pub ca_pem: Vec<u8>,
}

/// A cron line that comes true once a minute, and the next time so long after `now`: until then there is one
/// slot, which a first start serves at once.
pub fn next_slot_in(seconds: i64, now: DateTime<Utc>) -> String {
    format!("{} * * * * *", (now + TimeDelta::seconds(seconds)).second())
}

/// Writes `settings.toml`: a device and an app named after each of `sites` (name, V8STD and Pospal base URL).
pub fn write(folder: &Path, frame: &Frame, sites: &[(String, String, String)]) {
    std::fs::write(folder.join("ca.pem"), &frame.ca_pem).expect("written");
    let Frame { log_format, timeout_seconds, cron, .. } = frame;
    let mut text = format!(
        "[database]\npath = \"poskeeper.db\"\n[log]\nformat = \"{log_format}\"\n\
         [network]\ntimeout_seconds = {timeout_seconds}\nconnect_timeout_seconds = {timeout_seconds}\nca_file = \"ca.pem\"\n\
         [http]\nlisten = \"127.0.0.1:0\"\n\
         [pospal]\nbase_url = \"http://127.0.0.1:9\"\naccess_config_cron = \"{cron}\"\ndaily_access_cron = \"{cron}\"\n\
         splay_seconds = 0\nmax_concurrency = 256\ncalls_per_app_per_day = 1000\nkeep_free = 0\nbackfill_days = 0\n"
    );
    for (name, v8std, pospal) in sites {
        write!(
            text,
            "[[devices]]\nname = \"{name}\"\nbase_url = \"{v8std}\"\nprogram_name = \"P\"\nlocation_code = \"L\"\n\
             device_id = \"1\"\napi_key_file = \"\"\n\
             [[pospal.apps]]\napp_id = \"{name}\"\napp_key = \"0123456789ABCDEF\"\nname = \"{name}\"\nbase_url = \"{pospal}\"\n"
        )
        .expect("a String takes every text");
    }
    std::fs::write(folder.join("settings.toml"), text).expect("written");
}
