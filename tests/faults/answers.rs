//! Good answers of the three endpoints, and how they are spoiled.

use crate::server::{LOGIN, http};
use chrono::{Days, NaiveDate};
use flate2::Compression;
use flate2::write::GzEncoder;
use poskeeper::clock;
use poskeeper::model::Endpoint;
use std::io::Write;

/// What a request asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    pub endpoint: Endpoint,
    /// Empty for a login.
    pub app_id: String,
}

impl Asked {
    /// Reads head and body of a request.
    pub fn of(request: &str) -> Self {
        let endpoint = match request.lines().next().unwrap_or_default() {
            line if line.contains("queryAccessTimes") => Endpoint::AccessConfig,
            line if line.contains("queryDailyAccessTimesLog") => Endpoint::DailyAccess,
            _ => Endpoint::Login,
        };
        let app_id = request.split("\"appId\":\"").nth(1).and_then(|rest| rest.split('"').next());
        Self { endpoint, app_id: app_id.unwrap_or_default().to_owned() }
    }
}

/// The vendor's day.
pub fn today() -> NaiveDate {
    clock::wall().with_timezone(&chrono_tz::Asia::Shanghai).date_naive()
}

pub fn in_two_days() -> String {
    (today() + Days::new(2)).to_string()
}

/// Text as JSON writes it.
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text")
}

/// The fields of a row, as raw JSON.
pub fn row(endpoint: Endpoint, app_id: &str) -> Vec<(&'static str, String)> {
    let day = quoted(&today().to_string());
    match endpoint {
        Endpoint::AccessConfig => vec![
            ("appId", quoted(app_id)),
            ("limitTimes", "3000".into()),
            ("startDate", quoted("2020-01-01 00:00:00")),
            ("endDate", quoted("2040-01-01 23:59:59")),
        ],
        _ => vec![
            ("appId", quoted(app_id)),
            ("accessDate", day),
            ("limitTimes", "3000".into()),
            ("haveAcessTimes", "5".into()),
        ],
    }
}

/// With one field replaced by raw JSON, or left out.
pub fn with(mut row: Vec<(&'static str, String)>, field: &str, value: Option<&str>) -> Vec<(&'static str, String)> {
    match value {
        None => row.retain(|(name, _)| *name != field),
        Some(value) => row.iter_mut().filter(|(name, _)| *name == field).for_each(|(_, old)| *old = value.to_owned()),
    }
    row
}

pub fn object(row: &[(&str, String)]) -> String {
    let fields: Vec<_> = row.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// A success with these rows.
pub fn success(rows: &str) -> String {
    format!(r#"{{"status":"success","messages":["ok"],"data":[{rows}]}}"#)
}

/// The documented good answer, with one row of the app that asked.
pub fn good(asked: &Asked) -> String {
    match asked.endpoint {
        Endpoint::Login => LOGIN.to_owned(),
        endpoint => success(&object(&row(endpoint, &asked.app_id))),
    }
}

/// The good row of the app, and one of a sister in which a field is replaced by raw JSON or left out. A
/// login has the same done to its own field.
pub fn spoiled(asked: &Asked, [login, access, daily]: [&str; 3], value: Option<&str>) -> String {
    let (field, own) = match asked.endpoint {
        Endpoint::Login => return login_with(login, value),
        Endpoint::AccessConfig => (access, row(asked.endpoint, &asked.app_id)),
        Endpoint::DailyAccess => (daily, row(asked.endpoint, &asked.app_id)),
    };
    let sister = with(row(asked.endpoint, &format!("SISTER-OF-{}", asked.app_id)), field, value);
    success(&format!("{},{}", object(&own), object(&sister)))
}

/// The documented login with a field of `content` replaced by raw JSON or left out.
pub fn login_with(field: &str, value: Option<&str>) -> String {
    let mark = format!("\"{field}\":");
    let change = |line: &str| match value {
        _ if !line.trim_start().starts_with(&mark) => line.to_owned(),
        // Under another name it is absent.
        None => line.replacen('"', "\"un", 1),
        Some(value) => format!("{mark} {value}{}", if line.ends_with(',') { "," } else { "" }),
    };
    LOGIN.lines().map(change).collect::<Vec<_>>().join("\n")
}

/// With HTTP around it.
pub fn sent(body: impl AsRef<[u8]>) -> Vec<u8> {
    http("200 OK", "Content-Type: application/json\r\n", body)
}

pub fn gzip(plain: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(plain).expect("memory takes every byte");
    encoder.finish().expect("memory takes every byte")
}
