//! What would be kept by these settings, and what about that is odd.

use super::verdict::Verdict;
use crate::cli::spoken::Spoken;
use crate::model::{CronLine, Endpoint};
use crate::settings::{App, Coverage, Device, Settings};
use chrono::TimeDelta;
use reqwest::Url;

/// Slots of a cron line that are shown.
const SLOTS: usize = 3;

pub(super) fn inspect(settings: &Settings, spoken: &Spoken, verdict: &mut Verdict) {
    verdict.fact("Settings", settings.file.display().to_string());
    verdict.fact("Time zone", format!("{}, now {}", settings.timezone, spoken.time(spoken.now)));
    for device in &settings.devices {
        verdict.fact("Logins", login(device));
    }
    if settings.devices.is_empty() {
        verdict.fact("Logins", "none: there are no [[devices]]");
    }
    for app in &settings.apps {
        verdict.fact("Quota", quota(app));
    }
    if settings.apps.is_empty() {
        verdict.fact("Quota", "none: there are no [[pospal.apps]]");
    }
    for endpoint in [Endpoint::AccessConfig, Endpoint::DailyAccess] {
        verdict.fact("Polls", slots(settings, endpoint, spoken));
    }
    match settings.http.listen {
        Some(address) => verdict.fact("HTTP", format!("http://{address}")),
        None => verdict.fact("HTTP", "off"),
    }
    exposure(settings, verdict);
    plaintext(settings, verdict);
    usefulness(settings, verdict);
    frequency(settings, spoken, verdict);
}

fn login(device: &Device) -> String {
    let published = match &device.api_key_file {
        Some(file) => format!("key published in {} with mode {:04o}", file.display(), device.api_key_file_mode),
        None => "key not published".into(),
    };
    format!("{}: {}, {published}", device.name, origin(&device.base_url))
}

fn quota(app: &App) -> String {
    let id = app.app_id.as_str();
    let name = if app.name.is_empty() || app.name == id { id.to_owned() } else { format!("{} ({id})", app.name) };
    format!("{name}: {}", origin(&app.base_url))
}

fn slots(settings: &Settings, endpoint: Endpoint, spoken: &Spoken) -> String {
    let (key, line) = cron(settings, endpoint);
    let Some(line) = line else { return format!("{key} is empty: this endpoint is not polled") };
    let next = std::iter::successors(line.next_after(spoken.now), |slot| line.next_after(*slot));
    let next: Vec<_> = next.take(SLOTS).map(|slot| spoken.time(slot)).collect();
    format!("{key} = \"{}\": next {}", line.as_str(), next.join(", "))
}

/// The settings key and the line of an endpoint.
pub(super) fn cron(settings: &Settings, endpoint: Endpoint) -> (&'static str, Option<&CronLine>) {
    match endpoint {
        Endpoint::DailyAccess => ("pospal.daily_access_cron", settings.pospal.daily_access_cron.as_ref()),
        _ => ("pospal.access_config_cron", settings.pospal.access_config_cron.as_ref()),
    }
}

fn exposure(settings: &Settings, verdict: &mut Verdict) {
    for exposure in &settings.exposed {
        let (file, mode) = (exposure.file.display(), exposure.mode);
        verdict.finding(
            "settings.exposed",
            format!("{file} holds secrets and every user of this machine can read it (mode {mode:04o}); chmod o-r it"),
        );
    }
}

fn plaintext(settings: &Settings, verdict: &mut Verdict) {
    for host in settings.plaintext_hosts() {
        let is_it = |url: &Url| url.scheme() == "http" && url.host_str() == Some(&host);
        let devices = settings.devices.iter().enumerate().filter(|(_, device)| is_it(&device.base_url));
        let mut keys: Vec<_> = devices.map(|(index, _)| format!("devices[{index}].base_url")).collect();
        if settings.apps.iter().any(|app| is_it(&app.base_url)) {
            keys.push("pospal.base_url or an app's own".into());
        }
        verdict.finding(
            &keys.join(", "),
            format!(
                "{host} is called over http://: keys and codes can be read on the way; use https:// where the server offers it"
            ),
        );
    }
}

fn usefulness(settings: &Settings, verdict: &mut Verdict) {
    let pospal = &settings.pospal;
    if settings.devices.is_empty() && settings.apps.is_empty() {
        verdict.finding("devices, pospal.apps", "there are none of either: the daemon would have nothing to do");
    }
    if !settings.apps.is_empty() && pospal.access_config_cron.is_none() && pospal.daily_access_cron.is_none() {
        verdict.finding(
            "pospal.access_config_cron, pospal.daily_access_cron",
            "both are empty: no app would be polled; write a cron line, or remove [[pospal.apps]]",
        );
    }
}

/// More slots than calls: every day the last ones would be skipped.
fn frequency(settings: &Settings, spoken: &Spoken, verdict: &mut Verdict) {
    let most = settings.pospal.calls_per_app_per_day;
    let day_later = spoken.now + TimeDelta::days(1);
    let slots = |endpoint| match cron(settings, endpoint).1 {
        // One more than can be served is enough to know.
        Some(line) => line.slots_between(spoken.now, day_later, most.saturating_add(1)),
        None => 0,
    };
    let askers = match settings.pospal.coverage {
        Coverage::Each => 1,
        Coverage::Chain => u32::try_from(settings.apps.len()).unwrap_or(u32::MAX).max(1),
    };
    let calls = slots(Endpoint::AccessConfig).saturating_add(slots(Endpoint::DailyAccess)).div_ceil(askers);
    if !settings.apps.is_empty() && calls > most {
        verdict.finding(
            "pospal.calls_per_app_per_day",
            format!(
                "the cron lines ask more often than {most} times in 24 hours: the last slots of each day would be \
                 skipped; raise it, or poll less often in pospal.daily_access_cron and pospal.access_config_cron"
            ),
        );
    }
}

/// Scheme, host and port: a path may hold what is nobody's business.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
