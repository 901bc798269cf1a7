//! Pospal's two quota endpoints: strict about requests, true to the documented answers.

use super::state::{Seen, State};
use crate::model::{AppId, Endpoint, day_of};
use chrono::{NaiveDate, TimeDelta};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

/// `endDate - beginDate` of a daily query, at most.
const LONGEST_WINDOW: TimeDelta = TimeDelta::days(7);

/// A well-formed no.
struct Refusal {
    code: i32,
    message: String,
}

fn refusal(code: i32, message: impl Into<String>) -> Refusal {
    Refusal { code, message: message.into() }
}

#[derive(Serialize)]
struct Success<Row> {
    status: &'static str,
    messages: [String; 0],
    data: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    status: &'static str,
    messages: [String; 1],
    error_code: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PackageRow<'a> {
    app_id: &'a str,
    limit_times: i64,
    start_date: Option<&'a str>,
    end_date: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageRow<'a> {
    app_id: &'a str,
    access_date: NaiveDate,
    limit_times: i64,
    #[serde(rename = "haveAcessTimes")] // the vendor's spelling
    used_times: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AccessTimesQuery {
    #[serde(rename = "appId")]
    _app_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DailyQuery {
    #[serde(rename = "appId")]
    _app_id: String,
    begin_date: String,
    end_date: String,
}

/// Counts a query against the app that it names, good or bad. Nothing is charged for an app that the
/// vendor does not know, nor to one that has used up its day.
pub(super) fn charge(state: &mut State, seen: &Seen) -> Option<AppId> {
    if seen.endpoint == Endpoint::Login {
        return None;
    }
    let store = state.store(&app_of(&seen.body)?)?;
    let app = store.app_id.clone();
    let today = day_of(seen.at, state.options.timezone);
    let is_used_up = state.used(store, today, seen.at).is_some_and(|used| used >= store.limit_on(today));
    let spent = state.ledger.entry((app.clone(), today)).or_default();
    match seen.endpoint {
        _ if is_used_up => spent.over_limit += 1,
        Endpoint::AccessConfig => spent.access_config += 1,
        Endpoint::DailyAccess | Endpoint::Login => spent.daily_access += 1,
    }
    (!is_used_up).then_some(app)
}

/// The answer's JSON to a query that [`charge`] has seen: the vendor's yes or no.
pub(super) fn answer(state: &State, seen: &Seen, refuse: bool) -> Result<Vec<u8>, Vec<u8>> {
    let answer = check(state, seen, refuse).and_then(|()| match seen.endpoint {
        Endpoint::DailyAccess => usage(state, seen),
        Endpoint::AccessConfig | Endpoint::Login => packages(state, seen),
    });
    answer
        .map_err(|Refusal { code, message }| json(&Failure { status: "error", messages: [message], error_code: code }))
}

fn check(state: &State, seen: &Seen, refuse: bool) -> Result<(), Refusal> {
    check_headers(seen)?;
    let sent_at = seen.header("time-stamp").and_then(|text| text.parse::<i64>().ok());
    let sent_at = sent_at.ok_or_else(|| refusal(1001, "header time-stamp is not a number of milliseconds"))?;
    let off = (sent_at - seen.at.timestamp_millis()).abs();
    if off > state.options.tolerance.num_milliseconds() {
        return Err(refusal(1002, format!("header time-stamp is {} s off", off / 1000)));
    }
    let app = app_of(&seen.body).ok_or_else(|| refusal(1005, "the body is no JSON object with an appId"))?;
    let store = state.store(&app).ok_or_else(|| refusal(1004, format!("appId {app} does not exist")))?;
    if seen.header("data-signature") != Some(&signature(&store.app_key, &seen.body)) {
        return Err(refusal(1003, "data-signature does not fit appKey and body"));
    }
    if seen.charged_to.is_none() {
        let limit = store.limit_on(day_of(seen.at, state.options.timezone));
        return Err(refusal(4109, format!("the daily limit of {limit} calls is exceeded")));
    }
    if refuse { Err(refusal(5001, "the service is being maintained")) } else { Ok(()) }
}

fn check_headers(seen: &Seen) -> Result<(), Refusal> {
    for (name, value) in [("user-agent", "openApi"), ("content-type", "application/json; charset=utf-8")] {
        if seen.header(name) != Some(value) {
            return Err(refusal(1001, format!("header {name} is not `{value}`")));
        }
    }
    let codings = seen.header("accept-encoding").unwrap_or_default();
    if !["gzip", "deflate"].iter().all(|coding| codings.split(',').any(|accepted| accepted.trim() == *coding)) {
        return Err(refusal(1001, "header accept-encoding is not `gzip,deflate`"));
    }
    Ok(())
}

/// Upper-case hex MD5 of the key and the exact bytes that were sent.
fn signature(app_key: &str, body: &[u8]) -> String {
    hex::encode_upper(Md5::new().chain_update(app_key).chain_update(body).finalize())
}

fn app_of(body: &[u8]) -> Option<AppId> {
    let query: serde_json::Value = serde_json::from_slice(body).ok()?;
    AppId::parse(query.get("appId")?.as_str()?)
}

fn packages(state: &State, seen: &Seen) -> Result<Vec<u8>, Refusal> {
    let _: AccessTimesQuery = read(&seen.body)?;
    Ok(success(state.stores.iter().flat_map(|store| {
        store.packages.iter().map(|package| PackageRow {
            app_id: store.app_id.as_str(),
            limit_times: package.limit_times,
            start_date: package.start_date.as_deref(),
            end_date: package.end_date.as_deref(),
        })
    })))
}

fn usage(state: &State, seen: &Seen) -> Result<Vec<u8>, Refusal> {
    let query: DailyQuery = read(&seen.body)?;
    let (begin, end) = (date(&query.begin_date)?, date(&query.end_date)?);
    if end < begin {
        return Err(refusal(2001, "beginDate is after endDate"));
    }
    if end - begin > LONGEST_WINDOW {
        return Err(refusal(2001, "endDate - beginDate is over 7 days"));
    }
    let days = begin.iter_days().take_while(|day| *day <= end).collect::<Vec<_>>();
    Ok(success(state.stores.iter().flat_map(|store| {
        days.iter().filter_map(|day| {
            Some(UsageRow {
                app_id: store.app_id.as_str(),
                access_date: *day,
                limit_times: store.limit_on(*day),
                used_times: state.used(store, *day, seen.at)?,
            })
        })
    })))
}

fn read<'a, Query: Deserialize<'a>>(body: &'a [u8]) -> Result<Query, Refusal> {
    serde_json::from_slice(body).map_err(|error| refusal(1005, format!("the body is not what is documented: {error}")))
}

/// `yyyy-MM-dd` and nothing else: chrono alone would take `2026-1-2`.
fn date(text: &str) -> Result<NaiveDate, Refusal> {
    let date = text.parse::<NaiveDate>().ok().filter(|date| date.to_string() == text);
    date.ok_or_else(|| refusal(2002, format!("`{text}` is not a date yyyy-MM-dd")))
}

fn success<Row: Serialize>(rows: impl Iterator<Item = Row>) -> Vec<u8> {
    json(&Success { status: "success", messages: [], data: rows.collect() })
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("strings and numbers are JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_vendors_own() {
        let key = "123456789012345678";
        let daily = br#"{"appId":"abcdefghijklmn","beginDate":"2016-12-23","endDate":"2016-12-30"}"#;
        assert_eq!(signature(key, br#"{"appId":"abcdefghijklmn"}"#), "76F1DEF9E6469C4C4CE6B0FD160FB627");
        assert_eq!(signature(key, daily), "35AD354241B060D1928EA2CD908FE6C6");
    }

    #[test]
    fn rows_look_like_the_documented_examples() {
        let package = PackageRow { app_id: "9CE7", limit_times: 3000, start_date: None, end_date: Some("x") };
        let usage = UsageRow { app_id: "EC48", access_date: NaiveDate::default(), limit_times: 3000, used_times: 996 };
        let shown = [json(&package), json(&usage)].map(|json| String::from_utf8(json).expect("UTF-8"));
        assert_eq!(shown[0], r#"{"appId":"9CE7","limitTimes":3000,"startDate":null,"endDate":"x"}"#);
        assert_eq!(shown[1], r#"{"appId":"EC48","accessDate":"1970-01-01","limitTimes":3000,"haveAcessTimes":996}"#);
    }
}
