//! V8STD's device login: strict about requests, true to the documented answer.

use super::chain::Till;
use super::state::{Seen, State};
use super::wire::Answer;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Request {
    content: Credentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    program_name: String,
    location_code: String,
    device_id: String,
    #[serde(default)]
    activation_code: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    asyn_code: Option<String>,
    asyn_message: Option<String>,
    asyn_status: i32,
    content: Option<Content>,
    error: bool,
    error_batch_log: Option<String>,
    error_code: i32,
    error_message: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    activation_code: Option<String>,
    config_property_values: Option<String>,
    device_id: String,
    license_over_limit_tolerant: Option<String>,
    location_code: String,
    login_secret_id: String,
    login_secret_live_hours: serde_json::Number,
    registration_code: String,
    relogin_duration_hours: serde_json::Number,
    server_lost_tolerant: Option<String>,
    status: &'static str,
    success: bool,
}

/// The answer to a login; issues the key, which lives from the moment the request came in.
pub(super) fn answer(state: &mut State, seen: &Seen, refuse: bool) -> Answer {
    let read = read(seen);
    let device_id = read.as_ref().map_or_else(|_| String::new(), |credentials| credentials.device_id.clone());
    let allowed = read.and_then(|credentials| allow(&state.tills, credentials));
    let content = match allowed {
        Ok(_) if refuse => Err((9001, "data processing failed: the device is locked".to_owned())),
        Ok(credentials) => Ok(welcome(state, seen.at, credentials)),
        Err(refusal) => Err(refusal),
    };
    state.note_login(seen.at, &device_id, content.as_ref().ok().map(|content| content.login_secret_id.clone()));
    let (content, error_code, error_message) = match content {
        Ok(content) => (Some(content), 0, None),
        Err((code, message)) => (None, code, Some(message)),
    };
    let is_refused = content.is_none();
    let envelope = Envelope {
        asyn_code: None,
        asyn_message: None,
        asyn_status: 0,
        error: is_refused,
        content,
        error_batch_log: None,
        error_code,
        error_message,
    };
    let json = serde_json::to_vec(&envelope).expect("strings and numbers are JSON");
    Answer::json(if is_refused { Err(json) } else { Ok(json) })
}

fn read(seen: &Seen) -> Result<Credentials, (i32, String)> {
    let media_type = seen.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/json") {
        return Err((1001, "Content-Type is not application/json".into()));
    }
    let request: Request =
        serde_json::from_slice(&seen.body).map_err(|error| (1002, format!("bad request: {error}")))?;
    Ok(request.content)
}

fn allow(tills: &[Till], credentials: Credentials) -> Result<Credentials, (i32, String)> {
    let till = tills.iter().find(|till| {
        till.program_name == credentials.program_name
            && till.location_code == credentials.location_code
            && till.device_id == credentials.device_id
    });
    match till {
        None => Err((1003, format!("device {} is not registered at this location", credentials.device_id))),
        Some(till) if till.activation_code.is_some() && till.activation_code != credentials.activation_code => {
            Err((1004, "the activation code is wrong".into()))
        }
        Some(_) => Ok(credentials),
    }
}

fn welcome(state: &State, now: DateTime<Utc>, credentials: Credentials) -> Content {
    let options = &state.options;
    // Another key with each login and each start, yet the same ones if a test sets seed and clock.
    let seed = options.seed ^ now.timestamp_millis().unsigned_abs() ^ ((state.logins.len() as u64) << 48);
    let mut random = fastrand::Rng::with_seed(seed);
    Content {
        activation_code: credentials.activation_code,
        config_property_values: None,
        device_id: credentials.device_id,
        license_over_limit_tolerant: None,
        location_code: credentials.location_code,
        login_secret_id: format!("#{}", hex_digits(&mut random, 64)),
        login_secret_live_hours: hours(options.live),
        registration_code: registration(now, options.timezone, options.relogin, &hex_digits(&mut random, 48)),
        relogin_duration_hours: hours(options.relogin),
        server_lost_tolerant: None,
        status: "SUCCESS",
        success: true,
    }
}

fn registration(now: DateTime<Utc>, timezone: Tz, relogin: TimeDelta, hash: &str) -> String {
    let at = now.with_timezone(&timezone).format("%Y-%m-%d %H:%M:%S%.3f");
    format!("{at},{at},{},{hash}", hours(relogin))
}

/// A whole number where it is one, as in the documented example.
fn hours(span: TimeDelta) -> serde_json::Number {
    let whole = span.num_hours();
    let fraction = || serde_json::Number::from_f64(span.as_seconds_f64() / 3600.0);
    if span == TimeDelta::hours(whole) { whole.into() } else { fraction().unwrap_or_else(|| whole.into()) }
}

fn hex_digits(random: &mut fastrand::Rng, count: usize) -> String {
    std::iter::repeat_with(|| format!("{:X}", random.u8(0..16))).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_whole_where_they_can_be() {
        assert_eq!(hours(TimeDelta::hours(240)).to_string(), "240");
        assert_eq!(hours(TimeDelta::minutes(90)).to_string(), "1.5");
        assert_eq!(hours(TimeDelta::zero()).to_string(), "0");
    }

    #[test]
    fn the_registration_code_is_told_in_the_vendors_time() {
        let now = "2024-09-27T09:55:34.160Z".parse().expect("a test's time");
        let code = registration(now, chrono_tz::Asia::Shanghai, TimeDelta::hours(6), "9AB9");
        assert_eq!(code, "2024-09-27 17:55:34.160,2024-09-27 17:55:34.160,6,9AB9");
    }
}
