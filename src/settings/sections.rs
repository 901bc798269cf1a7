//! The sections that have no secrets: one function each. A function asks for all its keys before it
//! gives up on any, so that every fault is named and every key is known.

use super::faults::Complaint;
use super::nearest::nearest;
use super::paths::Folders;
use super::section::Section;
use super::{Alerts, Coverage, Database, Http, Log, LogFormat, Login, Network, Pospal};
use crate::model::CronLine;
use chrono::TimeDelta;
use chrono_tz::Tz;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::fs;
use std::net::SocketAddr;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing::level_filters::LevelFilter;

const TEN_YEARS_HOURS: f64 = 87_600.0;
const HUNDRED_YEARS_DAYS: u32 = 36_500;

pub(super) fn timezone(root: &Section<'_>) -> Option<Tz> {
    root.parsed("timezone", "Asia/Shanghai", |text| {
        text.parse().map_err(|_| {
            let near = nearest(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())).unwrap_or("UTC");
            Complaint::new("is no known time zone", format!("the nearest known one is {near}"))
        })
    })
}

/// On its own, because published keys are compared with it whatever else is faulty.
pub(super) fn database_path(section: &Section<'_>, folders: &Folders) -> Option<PathBuf> {
    let path = section.parsed("path", "poskeeper.db", |text| file_name(text, "poskeeper.db"));
    path.map(|path| folders.data(&path))
}

pub(super) fn database(section: &Section<'_>, path: Option<&Path>) -> Option<Database> {
    let keep_samples_days = section.whole("keep_samples_days", 400, 0..=HUNDRED_YEARS_DAYS);
    let keep_calls_days = section.whole("keep_calls_days", 90, 0..=HUNDRED_YEARS_DAYS);
    Some(Database { path: path?.to_owned(), keep_samples_days: keep_samples_days?, keep_calls_days: keep_calls_days? })
}

pub(super) fn log(section: &Section<'_>) -> Option<Log> {
    let levels = [
        ("error", LevelFilter::ERROR),
        ("warn", LevelFilter::WARN),
        ("info", LevelFilter::INFO),
        ("debug", LevelFilter::DEBUG),
        ("trace", LevelFilter::TRACE),
    ];
    let formats = [
        ("auto", LogFormat::Auto),
        ("text", LogFormat::Text),
        ("json", LogFormat::Json),
        ("journald", LogFormat::Journald),
    ];
    let level = section.parsed("level", "info", |text| choice(text, &levels));
    let format = section.parsed("format", "auto", |text| choice(text, &formats));
    Some(Log { level: level?, format: format? })
}

pub(super) fn network(section: &Section<'_>, folders: &Folders) -> Option<Network> {
    let an_hour = over_zero_to(3600.0);
    let timeout = section.number("timeout_seconds", 30.0, an_hour);
    let connect_timeout = section.number("connect_timeout_seconds", 10.0, an_hour);
    let ca_file = section.parsed("ca_file", "", |text| ca_file(text, folders));
    let max_response_bytes = section.whole("max_response_bytes", 33_554_432, 1024..=1 << 30);
    Some(Network {
        timeout: time_limit(timeout?),
        connect_timeout: time_limit(connect_timeout?),
        ca_file: ca_file?,
        max_response_bytes: max_response_bytes? as usize,
    })
}

pub(super) fn login(section: &Section<'_>) -> Option<Login> {
    let renew_after = section.number("renew_after", 0.66, 0.1..=0.95);
    let fallback = section.number("fallback_hours", 1.0, over_zero_to(TEN_YEARS_HOURS));
    Some(Login { renew_after: renew_after?, fallback: hours(fallback?) })
}

/// `[pospal]` without what its apps need of it.
pub(super) fn pospal(section: &Section<'_>, timezone: Tz) -> Option<Pospal> {
    let cron = |text: &str| cron_line(text, timezone);
    let access_config_cron = section.parsed("access_config_cron", "0 20 6 * * *", cron);
    let daily_access_cron = section.parsed("daily_access_cron", "0 10 0,8-22/2 * * *", cron);
    let splay = section.number("splay_seconds", 60.0, 0.0..=86_400.0);
    let max_concurrency = section.whole("max_concurrency", 4, 1..=256);
    let calls_per_app_per_day = section.whole("calls_per_app_per_day", 24, 1..=1_000_000);
    let keep_free = section.whole("keep_free", 10, 0..=1_000_000_000);
    let backfill_days = section.whole("backfill_days", 30, 0..=3650);
    let coverages = [("each", Coverage::Each), ("chain", Coverage::Chain)];
    let coverage = section.parsed("coverage", "each", |text| choice(text, &coverages));
    Some(Pospal {
        access_config_cron: access_config_cron?,
        daily_access_cron: daily_access_cron?,
        splay: Duration::from_secs_f64(splay?),
        max_concurrency: max_concurrency? as usize,
        calls_per_app_per_day: calls_per_app_per_day?,
        keep_free: keep_free?,
        backfill_days: backfill_days?,
        coverage: coverage?,
    })
}

pub(super) fn alerts(section: &Section<'_>) -> Option<Alerts> {
    let sisters = section.flag("sisters", false);
    let usage_percent = section.wholes("usage_percent", &[80, 95], 1..=100);
    let package_days_left = section.wholes("package_days_left", &[30, 7, 1], 0..=3650);
    let stale_after = section.number("stale_after_hours", 26.0, over_zero_to(TEN_YEARS_HOURS));
    let clock_skew = section.number("clock_skew_seconds", 120.0, over_zero_to(TEN_YEARS_HOURS * 3600.0));
    let remind_after = section.number("remind_hours", 24.0, over_zero_to(TEN_YEARS_HOURS));
    let rising = |mut list: Vec<u32>| {
        list.sort_unstable();
        list.dedup();
        list
    };
    Some(Alerts {
        sisters: sisters?,
        usage_percent: rising(usage_percent?),
        package_days_left: rising(package_days_left?).into_iter().rev().collect(),
        stale_after: hours(stale_after?),
        clock_skew: seconds(clock_skew?),
        remind_after: hours(remind_after?),
    })
}

pub(super) fn http(section: &Section<'_>) -> Option<Http> {
    let listen = section.parsed("listen", "", |text| {
        let cure = "write an IP address and a port like 127.0.0.1:9464, or nothing";
        let address = |text: &str| text.parse::<SocketAddr>().map_err(|_| Complaint::new("is no address", cure));
        (!text.is_empty()).then(|| address(text)).transpose()
    });
    Some(Http { listen: listen? })
}

/// The path of a file, not of a folder.
pub(super) fn file_name(text: &str, example: &str) -> Result<String, Complaint> {
    let cure = format!("write the path of a file like {example}");
    if text.trim().is_empty() {
        return Err(Complaint::new("is empty", cure));
    }
    if text.contains(char::is_control) {
        return Err(Complaint::new("has control characters in it", cure));
    }
    if text.ends_with('/') || text == "." || text.ends_with("/.") || text.ends_with("..") {
        return Err(Complaint::new("names a folder", cure));
    }
    Ok(text.to_owned())
}

fn ca_file(text: &str, folders: &Folders) -> Result<Option<PathBuf>, Complaint> {
    if text.is_empty() {
        return Ok(None);
    }
    let file = folders.beside_settings(text);
    let complaint = |wrong: String| {
        let cure = "name a PEM file with at least one certificate, or leave it empty";
        Complaint::new(format!("{} {wrong}", file.display()), cure)
    };
    let bytes = fs::read(&file).map_err(|error| complaint(format!("cannot be read: {error}")))?;
    let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let roots = roots.ok().filter(|roots| !roots.is_empty());
    let roots = roots.ok_or_else(|| complaint("holds no certificate in PEM form".to_owned()))?;
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root).map_err(|error| complaint(format!("holds a certificate that is no root: {error}")))?;
    }
    Ok(Some(file))
}

fn cron_line(text: &str, timezone: Tz) -> Result<Option<CronLine>, Complaint> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let cure = "write e.g. \"0 20 6 * * *\" (06:20 every day), or \"\" to switch it off";
    CronLine::parse(text, timezone)
        .map(Some)
        .map_err(|error| Complaint::new(format!("is no usable cron line: {error}"), cure))
}

fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, Complaint> {
    let chosen = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    chosen.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        Complaint::new("is none of the choices", format!("write one of {}", names.join(", ")))
    })
}

fn over_zero_to(most: f64) -> (Bound<f64>, Bound<f64>) {
    (Bound::Excluded(0.0), Bound::Included(most))
}

/// At least a millisecond: no time at all would be no limit to some.
fn time_limit(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds).max(Duration::from_millis(1))
}

fn hours(hours: f64) -> TimeDelta {
    seconds(hours * 3600.0)
}

/// At least a millisecond: a span that was asked to be over zero stays so.
fn seconds(seconds: f64) -> TimeDelta {
    #[expect(clippy::cast_possible_truncation, reason = "the ranges above end far below i64's")]
    TimeDelta::milliseconds(((seconds * 1000.0).round() as i64).max(1))
}
