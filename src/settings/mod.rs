//! What an operator may set: read once, checked once, all faults named (contract section 2).

mod address;
mod apps;
mod devices;
mod faults;
mod load;
mod nearest;
mod paths;
mod published;
mod reader;
mod secrets;
mod section;
mod sections;
mod shown;
mod source;
mod surroundings;
#[cfg(test)]
mod tests;
mod unique;
mod unknown;

pub use address::is_loopback;
pub use faults::{Fault, Faults};
pub use load::known_keys;
pub use surroundings::{Surroundings, locate};

use crate::model::{AppId, CronLine, Secret};
use chrono::TimeDelta;
use chrono_tz::Tz;
use reqwest::Url;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything, checked: relative paths resolved, secrets read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The file they come from.
    pub file: PathBuf,
    /// The vendor's calendar.
    pub timezone: Tz,
    /// `[database]`
    pub database: Database,
    /// `[log]`
    pub log: Log,
    /// `[network]`
    pub network: Network,
    /// `[login]`
    pub login: Login,
    /// `[[devices]]`; empty: the login half is off.
    pub devices: Vec<Device>,
    /// `[pospal]` without its apps.
    pub pospal: Pospal,
    /// `[[pospal.apps]]`; empty: the quota half is off.
    pub apps: Vec<App>,
    /// `[alerts]`
    pub alerts: Alerts,
    /// `[http]`
    pub http: Http,
    /// Files with secrets that others on this machine can read: a finding, not a fault.
    pub exposed: Vec<Exposure>,
}

impl Settings {
    /// Every secret, to be blanked in what others say.
    pub fn secrets(&self) -> Vec<&Secret> {
        let of_devices = self.devices.iter().flat_map(|device| [&device.activation_code, &device.login_api_key]);
        of_devices.flatten().chain(self.apps.iter().map(|app| &app.app_key)).collect()
    }

    /// The hosts, each once, to which secrets travel in the clear: reached by `http://` and not on
    /// this machine.
    pub fn plaintext_hosts(&self) -> Vec<String> {
        let urls = self.devices.iter().map(|device| &device.base_url).chain(self.apps.iter().map(|app| &app.base_url));
        let mut hosts = Vec::new();
        for url in urls.filter(|url| url.scheme() == "http" && !is_loopback(url)) {
            let host = url.host_str().unwrap_or_default().to_owned();
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }
}

/// `[database]`
#[derive(Debug, Clone)]
pub struct Database {
    /// The SQLite file.
    pub path: PathBuf,
    /// 0: for ever.
    pub keep_samples_days: u32,
    /// 0: for ever.
    pub keep_calls_days: u32,
}

/// `[log]`
#[derive(Debug, Clone)]
pub struct Log {
    /// The least important level that is still logged.
    pub level: tracing::level_filters::LevelFilter,
    /// Where to and how.
    pub format: LogFormat,
}

/// `log.format`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// journald under systemd, text on a terminal, else JSON.
    Auto,
    /// For people.
    Text,
    /// One object a line, for programs.
    Json,
    /// Native fields of the journal.
    Journald,
}

/// `[network]`
#[derive(Debug, Clone)]
pub struct Network {
    /// Bounds a whole exchange, from connecting to the last byte.
    pub timeout: Duration,
    /// Bounds its beginning.
    pub connect_timeout: Duration,
    /// Extra PEM roots.
    pub ca_file: Option<PathBuf>,
    /// Of an answer, as sent and after unpacking.
    pub max_response_bytes: usize,
}

/// `[login]`
#[derive(Debug, Clone)]
pub struct Login {
    /// Share of the shorter lifetime after which renewal starts, 0.1 to 0.95.
    pub renew_after: f64,
    /// Used where the server names no usable lifetime.
    pub fallback: TimeDelta,
}

/// One of `[[devices]]`
#[derive(Debug, Clone)]
pub struct Device {
    /// Unique.
    pub name: String,
    /// Of the V8STD service.
    pub base_url: Url,
    /// `programName`
    pub program_name: String,
    /// `locationCode`, the shop number.
    pub location_code: String,
    /// `deviceId`
    pub device_id: String,
    /// `activationCode`; absent for a pre-registered device.
    pub activation_code: Option<Secret>,
    /// Header `apiKey` of the login request, where the operator has one.
    pub login_api_key: Option<Secret>,
    /// Where the live key is published; `None`: nowhere.
    pub api_key_file: Option<PathBuf>,
    /// Permission bits of that file.
    pub api_key_file_mode: u32,
}

/// `[pospal]`
#[derive(Debug, Clone)]
pub struct Pospal {
    /// `None`: the endpoint is not polled.
    pub access_config_cron: Option<CronLine>,
    /// `None`: the endpoint is not polled.
    pub daily_access_cron: Option<CronLine>,
    /// Longest random delay of a scheduled poll.
    pub splay: Duration,
    /// Requests at a time to one host.
    pub max_concurrency: usize,
    /// Requests per appId and vendor day, of any kind and outcome.
    pub calls_per_app_per_day: u32,
    /// No scheduled poll when fewer calls than this remain of the app's own limit; 0: off.
    pub keep_free: u32,
    /// Days before today that are filled in; 0: off.
    pub backfill_days: u32,
    /// Who is asked.
    pub coverage: Coverage,
}

/// `pospal.coverage`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Ask with every appId.
    Each,
    /// One answer serves all configured sisters that it contains, taking turns.
    Chain,
}

/// One of `[[pospal.apps]]`
#[derive(Debug, Clone)]
pub struct App {
    /// Unique without regard to letter case.
    pub app_id: AppId,
    /// Signs the requests.
    pub app_key: Secret,
    /// For people.
    pub name: String,
    /// Its own, or that of `[pospal]`.
    pub base_url: Url,
}

/// `[alerts]`
#[derive(Debug, Clone)]
pub struct Alerts {
    /// Quota and package alerts for sister stores that are not configured, too.
    pub sisters: bool,
    /// Rising, 1 to 100.
    pub usage_percent: Vec<u32>,
    /// Falling.
    pub package_days_left: Vec<u32>,
    /// Of `poll.stale`.
    pub stale_after: TimeDelta,
    /// Of `clock.wrong`.
    pub clock_skew: TimeDelta,
    /// Between two lines of one open alert.
    pub remind_after: TimeDelta,
}

/// `[http]`
#[derive(Debug, Clone)]
pub struct Http {
    /// `None`: no port is opened.
    pub listen: Option<SocketAddr>,
}

/// A file with secrets that others can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// Its place.
    pub file: PathBuf,
    /// Its permission bits.
    pub mode: u32,
}
