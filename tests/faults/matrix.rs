//! All faults side by side in one life of the daemon: a device and an app for each.

use crate::authority::Authority;
use crate::expected::Expected;
use crate::harness::{Daemon, binary, query};
use crate::settings::{self, Frame, next_slot_in};
use crate::table::{ENDPOINTS, Fault, faults};
use crate::vendor::{Mended, Place, start};
use poskeeper::clock;
use poskeeper::model::Endpoint;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// Long enough for three attempts at two endpoints that hang, with the pauses between them.
const FIRST_SLOT_SECONDS: i64 = 45;
const TIMEOUT_SECONDS: f64 = 3.0;

/// A row of the ledger.
#[derive(Debug)]
struct Call {
    outcome: String,
    http_status: Option<u16>,
    rows: Option<u32>,
    error: String,
    started_at: String,
}

/// What there is to see of one endpoint of one site.
struct Seen<'a> {
    calls: Vec<Call>,
    lines: Vec<&'a Value>,
    /// Instants at which a number of the app was seen.
    samples: &'a HashSet<String>,
}

#[tokio::test]
async fn every_fault_on_every_endpoint_ends_as_the_contract_says_and_the_next_slot_is_served() {
    let _alone = crate::MACHINE.lock().await;
    let trusted = Authority::new();
    let good_tls = trusted.server("127.9.0.1", 4000);
    let faults = faults(&trusted);
    let (logins_mended, polls_mended) = (Mended::default(), Mended::default());
    let site = |(number, fault): (usize, &Fault)| {
        let v8std = start(&fault.place, &logins_mended, &good_tls);
        (name_of(number), v8std, start(&fault.place, &polls_mended, &good_tls))
    };
    let sites: Vec<_> = faults.iter().enumerate().map(site).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let cron = next_slot_in(FIRST_SLOT_SECONDS, clock::wall());
    let frame = Frame { log_format: "json", timeout_seconds: TIMEOUT_SECONDS, cron, ca_pem: trusted.pem() };
    settings::write(folder.path(), &frame, &sites);

    let mut command = binary(folder.path());
    command.args(["--config", "settings.toml", "run"]);
    let mut daemon = Daemon::start(command);
    wait_for(&mut daemon, 0, faults.len(), tried).await;
    logins_mended.set();
    wait_for(&mut daemon, 0, 2 * faults.len(), given_up_or_polled).await;
    polls_mended.set();
    let mendable = faults.iter().enumerate().filter(|(_, fault)| !matches!(fault.place, Place::NoName));
    let recovering: HashSet<_> = mendable.map(|(number, _)| name_of(number)).collect();
    let start_of_second_slot = daemon.log.len();
    wait_for(&mut daemon, start_of_second_slot, 2 * recovering.len(), polled).await;
    wait_for(&mut daemon, 0, recovering.len(), renewed).await;
    assert!(daemon.stop().await.success());
    assert_no_line_is_forged(&daemon);

    let samples = samples(folder.path());
    let mut wrong = Vec::new();
    eprintln!("{:<44} {:<14} outcome", "fault", "endpoint");
    for (number, fault) in faults.iter().enumerate() {
        let name = name_of(number);
        let mends = recovering.contains(&name);
        for (endpoint, expected) in ENDPOINTS.into_iter().zip(&fault.expected) {
            let Some(expected) = expected else { continue };
            let seen = Seen {
                calls: calls(folder.path(), &name, endpoint),
                lines: lines_about(&daemon.log, &name, endpoint),
                samples: &samples[&name],
            };
            let told = seen.calls.first().map_or("no call", |call| call.error.as_str());
            let told = if told.is_empty() { seen.lines.first().map_or("", |line| words(line)) } else { told };
            let outcome = seen.calls.first().map_or("none", |call| call.outcome.as_str());
            eprintln!("{:<44} {:<14} {outcome:<12} {told:.90}", fault.name, endpoint.name());
            if let Err(why) = judge(expected, &seen, endpoint, mends) {
                wrong.push(format!("{} on {endpoint}: {why}\n  {:?}\n  {:?}", fault.name, seen.calls, seen.lines));
            }
        }
    }
    eprintln!("{} faults", faults.len());
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn name_of(number: usize) -> String {
    format!("F{number:03}")
}

/// Reads on until `count` different subjects stand in lines after the first `start` for which `subject` tells one.
async fn wait_for(daemon: &mut Daemon, start: usize, count: usize, subject: impl Fn(&Value) -> Option<String>) {
    let mut seen: HashSet<String> = daemon.log[start..].iter().filter_map(&subject).collect();
    while seen.len() < count {
        let line = daemon.next("end of a call", |line| subject(line).is_some()).await.expect("it runs");
        seen.extend(subject(&line));
    }
}

/// The device, where a line tells how a login ended.
fn tried(line: &Value) -> Option<String> {
    renewed(line).or_else(|| (line["event"] == "login.failed").then(|| line["device"].to_string()))
}

fn renewed(line: &Value) -> Option<String> {
    (line["event"] == "login.renewed").then(|| line["device"].to_string())
}

fn polled(line: &Value) -> Option<String> {
    (line["event"] == "poll.done").then(|| format!("{} of {}", line["endpoint"], line["app_id"]))
}

/// App and endpoint of a poll that will not be tried again in its slot.
fn given_up_or_polled(line: &Value) -> Option<String> {
    let is_given_up = line["event"] == "poll.failed" && line["will_retry"] == false;
    polled(line).or_else(|| is_given_up.then(|| format!("{} of {}", line["endpoint"], line["app_id"])))
}

/// Every line is an event with a name, and nobody's text breaks out of its place.
fn assert_no_line_is_forged(daemon: &Daemon) {
    for line in &daemon.log {
        let fields = line.as_object().unwrap_or_else(|| panic!("no JSON: {line}"));
        assert!(fields.contains_key("event") && line["message"] != "", "{line}");
        for value in fields.values().filter_map(Value::as_str) {
            assert!(!value.chars().any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)), "{line}");
        }
    }
}

fn calls(folder: &Path, name: &str, endpoint: Endpoint) -> Vec<Call> {
    let sql = format!(
        "SELECT outcome, coalesce(http_status, ''), coalesce(row_count, ''), started_at, coalesce(error_message, '') FROM calls
         WHERE subject = '{name}' AND endpoint = '{endpoint}' ORDER BY started_at"
    );
    let call = |line: String| {
        let mut cells = line.splitn(5, '|').map(str::to_owned);
        let mut cell = || cells.next().expect("five cells");
        let (outcome, http_status, rows) = (cell(), cell().parse().ok(), cell().parse().ok());
        Call { outcome, http_status, rows, started_at: cell(), error: cell() }
    };
    query(&folder.join("poskeeper.db"), &sql).into_iter().map(call).collect()
}

fn samples(folder: &Path) -> HashMap<String, HashSet<String>> {
    let rows = query(
        &folder.join("poskeeper.db"),
        "SELECT a.app_id, s.observed_at FROM apps a LEFT JOIN usage_samples s USING (app_id)",
    );
    let mut samples: HashMap<String, HashSet<String>> = HashMap::new();
    for (app, at) in rows.iter().filter_map(|row| row.split_once('|')) {
        samples.entry(app.to_owned()).or_default().insert(at.to_owned());
    }
    samples
}

/// The lines that tell of a bad answer, or of none.
fn lines_about<'a>(log: &'a [Value], name: &str, endpoint: Endpoint) -> Vec<&'a Value> {
    let is_about = |line: &&Value| match line["event"].as_str() {
        Some("login.failed") => endpoint == Endpoint::Login && line["device"] == name,
        Some("poll.failed") => line["endpoint"] == endpoint.name() && line["app_id"] == name,
        Some("response.unexpected") => line["endpoint"] == endpoint.name() && line["subject"] == name,
        _ => false,
    };
    log.iter().filter(is_about).collect()
}

fn words(line: &Value) -> &str {
    line["error"].as_str().or(line["first_error"].as_str()).unwrap_or_default()
}

fn judge(expected: &Expected, seen: &Seen<'_>, endpoint: Endpoint, mends: bool) -> Result<(), String> {
    let Seen { calls, lines, samples } = seen;
    let is_ok = expected.outcome == "ok";
    let (faulty, after) = match calls.iter().position(|call| call.outcome == "ok") {
        Some(0) => calls.split_at(1),
        Some(good) => calls.split_at(good),
        None => calls.split_at(calls.len()),
    };
    // A name that stays unknown is tried in the second slot, too.
    let attempts = match endpoint {
        // Mended as soon as every device has tried: a retry may just have left.
        Endpoint::Login if faulty.len() == 2 && !is_ok => 2,
        Endpoint::Login if !mends => faulty.len(),
        Endpoint::Login => 1,
        _ if !mends => faulty.len(),
        _ => expected.attempts(),
    };
    let afterwards = usize::from(mends && !(endpoint == Endpoint::Login && is_ok));
    if (faulty.len(), after.len()) != (attempts, afterwards) || after.iter().any(|call| call.outcome != "ok") {
        return Err(format!("not {attempts} call(s) in the slot and {afterwards} good one(s) after it"));
    }
    for call in faulty {
        if (call.outcome.as_str(), call.http_status) != (expected.outcome, expected.http_status) {
            return Err(format!("not {} with {:?}", expected.outcome, expected.http_status));
        }
        if endpoint != Endpoint::Login && call.rows != expected.rows {
            return Err(format!("not {:?} rows", expected.rows));
        }
        if !is_ok && !call.error.contains(expected.words) {
            return Err(format!("not {:?} in the ledger", expected.words));
        }
        let has_own_row = expected.rows.is_some_and(|rows| rows > 0) && endpoint == Endpoint::DailyAccess;
        if has_own_row && !samples.contains(&call.started_at) {
            return Err("the good row is not kept".into());
        }
    }
    let (event, count) = match (is_ok, expected.words.is_empty(), endpoint) {
        (true, true, _) => ("", 0),
        (true, false, _) => ("response.unexpected", 1),
        (false, _, Endpoint::Login) => ("login.failed", faulty.len()),
        (false, ..) => ("poll.failed", faulty.len()),
    };
    if lines.len() != count || lines.iter().any(|line| line["event"] != event) {
        return Err(format!("not {count} line(s) of {event:?}"));
    }
    match lines.iter().find(|line| !words(line).contains(expected.words) || line["level"] != "WARN") {
        Some(_) => Err(format!("not {:?} in the line", expected.words)),
        None => Ok(()),
    }
}
