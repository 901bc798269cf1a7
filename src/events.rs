//! Every log line that somebody may alert on: its name, level and fields (contract section 5).
//!
//! The only file that names an event. Messages tell a person what happened and what to do; fields tell
//! a program. Text of other people is cleaned before it gets here.

use crate::model::{AppId, CallFailure, Endpoint, Package, Session, Subject, instant_text};
use crate::rules::alarms::{Alarm, Change, OpenAlarm, Rule, Severity};
use crate::rules::history::News;
use crate::rules::polling::SkipReason;
use crate::store::Correction;
use chrono::{DateTime, TimeDelta, Utc};
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::Path;
use tracing::{error, info, warn};

/// The names of all plain events; those of alerts are [`Rule::name`], and the same with `.resolved`.
///
/// [`Rule::name`]: crate::rules::alarms::Rule::name
pub const NAMES: [&str; 25] = [
    "daemon.started",
    "daemon.ready",
    "daemon.reloaded",
    "daemon.reload_refused",
    "daemon.stopping",
    "login.renewed",
    "login.failed",
    "poll.done",
    "poll.failed",
    "poll.skipped",
    "app.discovered",
    "package.changed",
    "usage.corrected",
    "response.unexpected",
    "settings.exposed",
    "transport.plaintext",
    "session.failing",
    "session.failing.resolved",
    "key_file.failing",
    "key_file.failing.resolved",
    "store.damaged",
    "store.wal_large",
    "http.listening",
    "http.exposed",
    "http.failing",
];

/// A line with the fields of an alarm; those that its rule has not are left out.
macro_rules! line {
    ($level:ident, $alarm:expr, $event:expr, $since:expr, $message:expr) => {{
        let fields = &$alarm.fields;
        let since = $since.map(instant_text);
        $level!(
            event = $event,
            since,
            app_id = fields.app_id,
            access_date = fields.access_date,
            used = fields.used,
            limit = fields.limit,
            percent = fields.percent,
            threshold = fields.threshold,
            exhausted_at = fields.exhausted_at,
            end_date = fields.end_date,
            days_left = fields.days_left,
            device = fields.device,
            attempts = fields.attempts,
            error = fields.error,
            relogin_due_at = fields.relogin_due_at,
            expires_at = fields.expires_at,
            expired_at = fields.expired_at,
            endpoint = fields.endpoint,
            last_ok_at = fields.last_ok_at,
            skew_seconds = fields.skew_seconds,
            "{}",
            $message
        )
    }};
}

/// The process is up and its settings are good.
pub fn daemon_started(database: &Path, devices: usize, apps: usize) {
    info!(
        event = "daemon.started",
        version = env!("CARGO_PKG_VERSION"),
        database = %database.display(),
        devices,
        apps,
        "poskeeper {} started: {devices} device(s), {apps} app(s)",
        env!("CARGO_PKG_VERSION"),
    );
}

/// The first pass of every worker is over.
pub fn daemon_ready() {
    info!(event = "daemon.ready", "ready");
}

/// New settings are in force.
pub fn daemon_reloaded(devices: usize, apps: usize) {
    info!(event = "daemon.reloaded", devices, apps, "settings reloaded: {devices} device(s), {apps} app(s)");
}

/// New settings are wrong: the old ones stay in force.
pub fn daemon_reload_refused(reason: &dyn Display) {
    error!(
        event = "daemon.reload_refused",
        error = %reason,
        "the settings were not reloaded, the old ones stay in force; mend them and reload again: {reason}"
    );
}

/// The process was told to stop.
pub fn daemon_stopping() {
    info!(event = "daemon.stopping", "stopping");
}

/// A device has a new key.
pub fn login_renewed(device: &str, session: &Session) {
    info!(
        event = "login.renewed",
        device,
        renew_at = instant_text(session.renew_at()),
        relogin_due_at = instant_text(session.relogin_due_at()),
        expires_at = instant_text(session.expires_at()),
        key_fingerprint = session.key.fingerprint(),
        "{device} is logged in; next renewal at {}, the key lives until {}",
        instant_text(session.renew_at()),
        instant_text(session.expires_at()),
    );
}

/// A login attempt failed.
pub fn login_failed(device: &str, failure: &CallFailure, attempts: u32, pause: TimeDelta, session: Option<&Session>) {
    let key = match session {
        Some(session) => format!("the key lives until {}", instant_text(session.expires_at())),
        None => "there is no good key".to_owned(),
    };
    warn!(
        event = "login.failed",
        device,
        outcome = failure.outcome.name(),
        http_status = failure.http_status,
        error_code = failure.error_code,
        error = failure.message,
        attempts,
        retry_seconds = pause.num_seconds(),
        expires_at = session.map(|session| instant_text(session.expires_at())),
        "login of {device} failed ({}): {}; {key}; next attempt in {} s",
        failure.outcome,
        failure.message,
        pause.num_seconds(),
    );
}

/// A poll brought a good answer, and it is stored.
pub fn poll_done(app_id: &AppId, name: &str, endpoint: Endpoint, rows: usize, changed: usize, duration: TimeDelta) {
    info!(
        event = "poll.done",
        app_id = app_id.as_str(),
        endpoint = endpoint.name(),
        row_count = rows,
        changed_count = changed,
        duration_ms = duration.num_milliseconds(),
        "{endpoint} of {name}: {rows} row(s), {changed} changed",
    );
}

/// A poll failed.
pub fn poll_failed(app_id: &AppId, name: &str, endpoint: Endpoint, failure: &CallFailure, will_retry: bool) {
    let next = if will_retry { "tried again shortly" } else { "tried again at the next slot" };
    warn!(
        event = "poll.failed",
        app_id = app_id.as_str(),
        endpoint = endpoint.name(),
        outcome = failure.outcome.name(),
        http_status = failure.http_status,
        error_code = failure.error_code,
        error = failure.message,
        will_retry,
        "{endpoint} of {name} failed ({}): {}; {next}",
        failure.outcome,
        failure.message,
    );
}

/// A poll was due and not made.
pub fn poll_skipped(app_id: &AppId, name: &str, endpoint: Endpoint, reason: SkipReason) {
    let why = match reason {
        SkipReason::Budget => "pospal.calls_per_app_per_day is used up until the vendor's midnight",
        SkipReason::KeepFree => "fewer calls than pospal.keep_free remain of its limit today",
        SkipReason::Exhausted => "its limit is used up until the vendor's midnight",
        SkipReason::Covered => "a sister's answer contained it",
    };
    info!(
        event = "poll.skipped",
        app_id = app_id.as_str(),
        endpoint = endpoint.name(),
        reason = reason.name(),
        "{endpoint} of {name} not polled: {why}",
    );
}

/// Sister stores were seen for the first time.
pub fn apps_discovered(sisters: &News<AppId>, seen_by: &AppId) {
    let (seen_by, count) = (seen_by.as_str(), sisters.count);
    if count > News::<AppId>::MOST_NAMED {
        info!(
            event = "app.discovered",
            seen_by,
            count,
            "{count} stores, more than are named here, are sister stores of {seen_by}; their history is kept from now on",
        );
        return;
    }
    for app_id in &sisters.named {
        info!(
            event = "app.discovered",
            app_id = app_id.as_str(),
            seen_by,
            "{app_id} is a sister store of {seen_by}; its history is kept from now on",
        );
    }
}

/// The vendor lists packages for the first time, or no more.
pub fn packages_changed(packages: &News<Package>, is_new: bool, seen_by: &AppId) {
    let (change, count) = (if is_new { "added" } else { "removed" }, packages.count);
    if count > News::<Package>::MOST_NAMED {
        info!(
            event = "package.changed",
            change, count, "{count} packages of {seen_by} and its sister stores {change}, more than are named here",
        );
        return;
    }
    for package in &packages.named {
        let end = package.end_date.as_deref().unwrap_or("no end: the default quota");
        info!(
            event = "package.changed",
            app_id = package.app_id.as_str(),
            change,
            limit = package.limit_times,
            start_date = package.start_date.as_deref(),
            end_date = package.end_date.as_deref(),
            "package of {} {change}: {} calls a day, {end}",
            package.app_id,
            package.limit_times,
        );
    }
}

/// Days that were over have another number now.
pub fn usage_corrected(corrections: &News<Correction>) {
    let count = corrections.count;
    if count > News::<Correction>::MOST_NAMED {
        info!(event = "usage.corrected", count, "the vendor corrected {count} days, more than are named here");
        return;
    }
    for Correction { app_id, day, from, to } in &corrections.named {
        info!(
            event = "usage.corrected",
            app_id = app_id.as_str(),
            access_date = %day,
            from,
            to,
            "the vendor corrected {app_id} on {day}: {from} calls became {to}",
        );
    }
}

/// Parts of a good answer are not what the vendor documents.
pub fn response_unexpected(endpoint: Endpoint, subject: &Subject, bad_rows: usize, first_error: &str) {
    warn!(
        event = "response.unexpected",
        endpoint = endpoint.name(),
        subject = %subject,
        bad_rows,
        first_error,
        "{endpoint} of {subject}: parts of the answer are not what the vendor documents and were left out: {first_error}",
    );
}

/// A file with secrets can be read by others.
pub fn settings_exposed(file: &Path, mode: u32) {
    warn!(
        event = "settings.exposed",
        file = %file.display(),
        mode = format!("{mode:04o}"),
        "{} holds secrets and every user of this machine can read it (mode {mode:04o}); chmod o-r it",
        file.display(),
    );
}

/// Secrets travel unencrypted.
pub fn transport_plaintext(host: &str) {
    warn!(
        event = "transport.plaintext",
        host,
        "{host} is called over http://: keys and codes can be read on the way; use https:// where the server offers it",
    );
}

/// An alert is opened, still open, or over.
pub fn alert(change: &Change) {
    match change {
        Change::Open(alarm) => alarm_line(alarm, alarm.rule.name(), None),
        Change::Repeat(_, alarm, since) => alarm_line(alarm, alarm.rule.name(), Some(*since)),
        Change::Resolve(OpenAlarm { alarm, opened_at, .. }, successor) => {
            let event = format!("{}.resolved", alarm.rule.name());
            let (name, since) = (alarm.rule.name(), instant_text(*opened_at));
            let subject = if alarm.rule == Rule::ClockWrong { "this machine" } else { &alarm.subject };
            let how = successor.map_or("is over".to_owned(), |rule| format!("became {}", rule.name()));
            let message = format!("{name} of {subject} {how}; it was open since {since}");
            line!(info, alarm, event, Some(*opened_at), message);
        }
    }
}

fn alarm_line(alarm: &Alarm, event: &str, since: Option<DateTime<Utc>>) {
    match alarm.rule.severity() {
        Severity::Warning => line!(warn, alarm, event, since, &alarm.message),
        Severity::Error => line!(error, alarm, event, since, &alarm.message),
    }
}

/// What was fetched could not be stored before the stop.
pub fn store_failing_lost(app_id: &AppId, endpoint: Endpoint, rows: usize, reason: &dyn Display) {
    error!(
        event = "store.failing",
        app_id = app_id.as_str(),
        endpoint = endpoint.name(),
        lost_rows = rows,
        error = %reason,
        "stopped with {rows} fetched row(s) of {endpoint} of {app_id} that could not be stored: {reason}",
    );
}

/// Login attempts that the ledger does not have, because there was no place to keep them until it could
/// be written.
pub fn store_failing_lost_logins(device: &str, attempts: usize, reason: &str) {
    error!(
        event = "store.failing",
        device,
        endpoint = Endpoint::Login.name(),
        lost_rows = attempts,
        error = reason,
        "{attempts} login attempt(s) of {device} are missing in the database: {reason}",
    );
}

/// The database is not whole: it is set aside, and a new one is begun. `carried`: calls of today that
/// the new ledger takes over; `None`: the old one cannot be read.
pub fn store_damaged(database: &Path, aside: &Path, reason: &str, carried: Option<usize>) {
    let (database, aside) = (database.display(), aside.display());
    let budget = match carried {
        Some(calls) => format!("the {calls} newest call(s) of its ledger were taken over, so today's budget holds"),
        None => {
            "its ledger cannot be read, so today's budget counts as spent: no polls before the vendor's midnight".into()
        }
    };
    error!(
        event = "store.damaged",
        file = %aside,
        error = reason,
        carried_calls = carried,
        "the database {database} is damaged ({reason}): it was set aside as {aside}, and a new one is begun; logins go on; \
         {budget}. To have the old rows back: stop poskeeper and put a copy that `poskeeper backup` made in its place, or \
         get out what can be read: `sqlite3 {aside} .dump | sed 's/^ROLLBACK.*/COMMIT;/' | sqlite3 rescued.db` \
         (or with `.recover` for `.dump`, where that sqlite3 has it)",
    );
}

/// A reader keeps the write-ahead log from being written back.
pub fn store_wal_large(log: &Path, bytes: u64) {
    warn!(
        event = "store.wal_large",
        file = %log.display(),
        bytes,
        "{} has grown to {} MB: a program reads the database without ever ending its transaction; `fuser -v {}` names \
         those that have it open, end the one that hangs",
        log.display(),
        bytes / 1_000_000,
        log.display(),
    );
}

/// The kept session cannot be read or written: a restart would log in again.
pub fn session_failing(device: &str, reason: &dyn Display) {
    error!(event = "session.failing", device, error = %reason, "{reason}");
}

/// It can be written again.
pub fn session_restored(device: &str) {
    info!(event = "session.failing.resolved", device, "the session of {device} is kept in its file again");
}

/// The published key cannot be replaced or removed.
pub fn key_file_failing(device: &str, reason: &dyn Display) {
    error!(
        event = "key_file.failing",
        device,
        error = %reason,
        "{reason}; the store's programs may read an old key of {device}: check the folder's owner and the disk",
    );
}

/// It can be again.
pub fn key_file_restored(device: &str) {
    info!(event = "key_file.failing.resolved", device, "the key file of {device} says again what it should");
}

/// The pages are served from now on.
pub fn http_listening(address: SocketAddr) {
    let listen = address.to_string();
    info!(event = "http.listening", listen, "http://{listen}/ has the dashboard, /healthz and /metrics");
}

/// Other machines can reach them.
pub fn http_exposed(address: SocketAddr) {
    let listen = address.to_string();
    warn!(
        event = "http.exposed",
        listen,
        "other machines can read http://{listen}/: no secret is on it, but the names of devices and stores, their usage \
         and alerts are; use a loopback address and a proxy with a password, or a firewall",
    );
}

/// The port of new settings cannot be had: the daemon goes on without its pages.
pub fn http_failing(reason: &dyn Display) {
    error!(
        event = "http.failing",
        error = %reason,
        "no pages are served until the next reload: {reason}",
    );
}
