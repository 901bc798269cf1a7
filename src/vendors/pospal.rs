//! Pospal open platform: the two access-quota endpoints (each question costs one call of the quota).

use super::client::below;
use super::envelope::read_envelope;
use super::failure::{Secrets, unexpected};
use super::fault::Fault;
use super::lenient::ReadRows;
use super::room::{Room, Texts};
use super::scalar::{Raw, Scalar};
use super::{Client, Reply, Rows};
use crate::model::{AppId, CallFailure, Package, Secret, UsageReading, day_of};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use md5::{Digest, Md5};
use reqwest::Url;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

const SERVICE: &str = "pospal-api2/openapi/v1/openApiLimitAccess";

/// No usage is older than this: the platform did not exist.
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2000, 1, 1).expect("a date");

/// Who asks, and where.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// The account's own area host.
    pub base_url: &'a Url,
    /// Sent in the spelling of the settings.
    pub app_id: &'a AppId,
    /// Signs the request; is not sent.
    pub app_key: &'a Secret,
    /// Our own stores: their rows are kept however many of others an answer has.
    pub configured: &'a Arc<HashSet<AppId>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    app_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    begin_date: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date: Option<NaiveDate>,
}

/// Asks for the quota packages of the whole chain.
pub async fn access_config(client: &Client, account: &Account<'_>, now: DateTime<Utc>) -> Reply<Rows<Package>> {
    let question = Question { app_id: account.app_id.as_str(), begin_date: None, end_date: None };
    ask(client, account, "queryAccessTimes", &question, now, read_packages).await
}

/// Asks for the usage of each day from `first_day` to `last_day` (at most 7 days later) of the whole
/// chain. Rows dated after the vendor's today are bad rows; where this machine and the vendor disagree
/// about today, the later one counts.
pub async fn daily_access(
    client: &Client,
    account: &Account<'_>,
    first_day: NaiveDate,
    last_day: NaiveDate,
    now: DateTime<Utc>,
    timezone: Tz,
) -> Reply<Rows<UsageReading>> {
    let question = Question { app_id: account.app_id.as_str(), begin_date: Some(first_day), end_date: Some(last_day) };
    ask(client, account, "queryDailyAccessTimesLog", &question, now, move |body, terms| {
        let latest_day = day_of(terms.date.map_or(now, |date| date.max(now)), timezone);
        read_usage(body, latest_day, terms)
    })
    .await
}

/// Reads an answer of `queryAccessTimes`.
///
/// # Errors
/// Where the vendor refuses, or the answer as a whole is not what the vendor documents.
pub fn parse_access_config(body: &[u8]) -> Result<Rows<Package>, CallFailure> {
    read_packages(body, &Terms::default())
}

/// Reads an answer of `queryDailyAccessTimesLog`; rows dated after `latest_day` are bad rows.
///
/// # Errors
/// Where the vendor refuses, or the answer as a whole is not what the vendor documents.
pub fn parse_daily_access(body: &[u8], latest_day: NaiveDate) -> Result<Rows<UsageReading>, CallFailure> {
    read_usage(body, latest_day, &Terms::default())
}

/// The `data-signature`: upper-case hex MD5 of key and body, both trimmed as the vendor's sample (Java)
/// trims them.
pub fn sign(app_key: &str, body: &[u8]) -> String {
    let key = app_key.trim_matches(|c| c <= ' ');
    let start = body.iter().position(|b| *b > b' ').unwrap_or(body.len());
    let end = body.iter().rposition(|b| *b > b' ').map_or(start, |last| last + 1);
    hex::encode_upper(Md5::new().chain_update(key).chain_update(&body[start..end]).finalize())
}

/// What an answer is read by, besides itself.
#[derive(Default)]
struct Terms<'a> {
    /// The vendor's `Date`.
    date: Option<DateTime<Utc>>,
    secrets: Secrets<'a>,
    configured: Arc<HashSet<AppId>>,
}

async fn ask<T: Send + 'static>(
    client: &Client,
    account: &Account<'_>,
    endpoint: &str,
    question: &Question<'_>,
    now: DateTime<Utc>,
    read: impl FnOnce(&[u8], &Terms<'_>) -> Result<T, CallFailure> + Send + 'static,
) -> Reply<T> {
    // Serialised once: the signature covers the very bytes that are sent.
    let body = match serde_json::to_vec(question) {
        Ok(body) => body,
        Err(error) => return Reply::failed(unexpected(error.to_string())),
    };
    let signature = sign(account.app_key.expose(), &body);
    let headers = [
        ("User-Agent", "openApi"),
        ("Content-Type", "application/json; charset=utf-8"),
        ("accept-encoding", "gzip,deflate"),
        ("time-stamp", &now.timestamp_millis().to_string()),
        ("data-signature", &signature),
    ];
    let url = below(account.base_url, &format!("{SERVICE}/{endpoint}"));
    let secrets = Secrets::of(client.secrets().chain([account.app_key.expose(), &signature]));
    let reply = client.post(url, &headers, body, &secrets).await;
    let (client, app_key, configured, date) =
        (client.clone(), account.app_key.clone(), Arc::clone(account.configured), reply.date);
    reply
        .read(move |body| {
            let secrets = Secrets::of(client.secrets().chain([app_key.expose(), &signature]));
            read(body, &Terms { date, secrets, configured })
        })
        .await
}

fn read_packages(body: &[u8], terms: &Terms<'_>) -> Result<Rows<Package>, CallFailure> {
    let rows = ReadRows {
        fields: &[&["appId"], &["limitTimes"], &["startDate"], &["endDate"]],
        read: &|texts: &mut Texts, fields| read_package(texts, fields, &terms.secrets),
        owner: |package: &Package| &package.app_id,
        configured: &terms.configured,
        secrets: &terms.secrets,
        room: Room::beside(body.len()),
    };
    read_envelope(body, rows)
}

fn read_package<'de>(
    texts: &mut Texts,
    [app_id, limit, start, end]: [Raw<'de>; 4],
    secrets: &Secrets<'_>,
) -> Result<Package, Fault<'de>> {
    refuse_secrets([("appId", app_id), ("limitTimes", limit)], secrets)?;
    Ok(Package {
        app_id: texts.app_id(app_id)?,
        limit_times: read_count("limitTimes", limit)?,
        start_date: read_package_date("startDate", start)?.map(|text| texts.date(0, text.trim())),
        end_date: read_package_date("endDate", end)?.map(|text| texts.date(1, text.trim())),
    })
}

fn read_usage<'de>(
    body: &'de [u8],
    latest_day: NaiveDate,
    terms: &Terms<'_>,
) -> Result<Rows<UsageReading>, CallFailure> {
    let rows = ReadRows {
        // The second spelling is the one that the vendor may one day correct its own to.
        fields: &[&["appId"], &["accessDate"], &["limitTimes"], &["haveAcessTimes", "haveAccessTimes"]],
        read: &|texts: &mut Texts, [app_id, date, limit, used]: [Raw<'de>; 4]| {
            refuse_secrets([("appId", app_id), ("limitTimes", limit), ("haveAcessTimes", used)], &terms.secrets)?;
            Ok(UsageReading {
                day: read_day(date, latest_day)?,
                app_id: texts.app_id(app_id)?,
                limit_times: read_count("limitTimes", limit)?,
                used_times: read_count("haveAcessTimes", used)?,
            })
        },
        owner: |reading: &UsageReading| &reading.app_id,
        configured: &terms.configured,
        secrets: &terms.secrets,
        room: Room::beside(body.len()),
    };
    read_envelope(body, rows)
}

fn read_day(raw: Raw<'_>, latest_day: NaiveDate) -> Result<NaiveDate, Fault<'_>> {
    let sent = Scalar::of(raw);
    let problem = match sent.day() {
        None => "not a day (yyyy-MM-dd):",
        Some(day) if day > latest_day => "a day in the future:",
        Some(day) if day < FIRST_DAY => "a day before 2000:",
        Some(day) => return Ok(day),
    };
    Err(Fault { field: "accessDate", problem, sent })
}

/// A secret of ours that the vendor sends in the place of an appId would be kept and shown as a sister
/// store; app keys are numbers, and would be a count. No count has so many digits.
fn refuse_secrets<'de, const N: usize>(
    fields: [(&'static str, Raw<'de>); N],
    secrets: &Secrets<'_>,
) -> Result<(), Fault<'de>> {
    const MOST_DIGITS: usize = 12;
    for (field, raw) in fields {
        let sent = Scalar::of(raw);
        let may_be_one = |words: &&str| field == "appId" || words.len() > MOST_DIGITS;
        if sent.words().filter(may_be_one).is_some_and(|words| secrets.are_given_away_by(words)) {
            return Err(Fault { field, problem: "a secret of ours:", sent });
        }
    }
    Ok(())
}

fn read_count<'de>(field: &'static str, raw: Raw<'de>) -> Result<i64, Fault<'de>> {
    let sent = Scalar::of(raw);
    sent.count().map_err(|problem| Fault { field, problem, sent })
}

/// The vendor's own text, once it is known to be a date; `None` means the default quota.
fn read_package_date<'de>(field: &'static str, raw: Raw<'de>) -> Result<Option<Cow<'de, str>>, Fault<'de>> {
    match Scalar::of(raw) {
        Scalar::Absent | Scalar::Null => Ok(None),
        Scalar::Text(text) if text.trim().is_empty() => Ok(None),
        sent => match (sent.day(), sent) {
            (Some(_), Scalar::Text(text)) => Ok(Some(text)),
            (_, sent) => Err(Fault { field, problem: "not a date:", sent }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a test's day")
    }

    fn usage(body: &str) -> Result<Rows<UsageReading>, CallFailure> {
        parse_daily_access(body.as_bytes(), day("2026-11-21"))
    }

    fn usage_row(fields: &str) -> Rows<UsageReading> {
        usage(&format!(r#"{{"status":"success","data":[{fields}]}}"#)).expect("a success")
    }

    fn package_row(dates: &str) -> Rows<Package> {
        let body = format!(r#"{{"status":"success","data":[{{"appId":"A","limitTimes":300{dates}}}]}}"#);
        parse_access_config(body.as_bytes()).expect("a success")
    }

    #[test]
    fn the_signature_of_the_vendors_test_vectors_is_right() {
        let app_id = AppId::parse("abcdefghijklmn").unwrap();
        let (key, app_id) = ("123456789012345678", app_id.as_str());
        let plain = serde_json::to_vec(&Question { app_id, begin_date: None, end_date: None }).unwrap();
        assert_eq!(plain, br#"{"appId":"abcdefghijklmn"}"#);
        assert_eq!(sign(key, &plain), "76F1DEF9E6469C4C4CE6B0FD160FB627");
        assert_eq!(sign(" 123456789012345678\n", b"\t {\"appId\":\"abcdefghijklmn\"}\r\n"), sign(key, &plain));
        let (begin_date, end_date) = (Some(day("2016-12-23")), Some(day("2016-12-30")));
        let dated = serde_json::to_vec(&Question { app_id, begin_date, end_date }).unwrap();
        assert_eq!(dated, br#"{"appId":"abcdefghijklmn","beginDate":"2016-12-23","endDate":"2016-12-30"}"#);
        assert_eq!(sign(key, &dated), "35AD354241B060D1928EA2CD908FE6C6");
        assert_eq!(sign("", b""), "D41D8CD98F00B204E9800998ECF8427E");
    }

    #[test]
    fn the_documented_usage_is_read_digit_for_digit() {
        let body = include_bytes!("../../tests/fixtures/vendor/daily-access-success.json");
        let rows = parse_daily_access(body, day("2026-11-21")).unwrap();
        let app_id = AppId::parse("EC48AD85DCDDF5D69567C82E4565B127").unwrap();
        let reading =
            |date, used_times| UsageReading { app_id: app_id.clone(), day: day(date), limit_times: 3000, used_times };
        let good = vec![reading("2016-12-23", 996), reading("2016-12-24", 456)];
        assert_eq!(rows, Rows { good, bad_rows: 0, first_error: None });
    }

    #[test]
    fn the_two_documented_packages_of_one_app_are_read_digit_for_digit() {
        let body = include_bytes!("../../tests/fixtures/vendor/access-times-success.json");
        let rows = parse_access_config(body).unwrap();
        let package = |start: &str| Package {
            app_id: AppId::parse("9CE71412C6B26D0C7EF894Bcccc4DDDD").unwrap(),
            limit_times: 3000,
            start_date: Some(start.into()),
            end_date: Some("2018-11-02 23:59:59".into()),
        };
        let good = vec![package("2017-10-27 00:00:00"), package("2017-05-16 00:00:00")];
        assert_eq!(rows, Rows { good, bad_rows: 0, first_error: None });
        assert_eq!(rows.good[0].app_id.as_str(), "9CE71412C6B26D0C7EF894Bcccc4DDDD", "in the vendor's spelling");
    }

    #[test]
    fn good_rows_are_kept_and_the_first_bad_one_is_described() {
        let good = r#"{"appId":"A","accessDate":"2026-11-21","limitTimes":300,"haveAcessTimes":7,"new":{"x":[1e999]}}"#;
        for (bad, described) in [
            ("7", "data[1]: a number, not an object"),
            ("null", "data[1]: null, not an object"),
            (r#"["A",1]"#, "data[1]: a list, not an object"),
            (r#""A""#, "data[1]: a text, not an object"),
            ("{}", "data[1].accessDate: not a day (yyyy-MM-dd): absent"),
            (r#"{"appId":"A","accessDate":"2026-11-20","limitTimes":-5}"#, "data[1].limitTimes: negative number -5"),
            (
                r#"{"appId":"A","accessDate":"2026-11-20","limitTimes":1e999,"haveAcessTimes":0}"#,
                "data[1].limitTimes: too large: number 1e999",
            ),
            (
                r#"{"appId":"A","accessDate":"2026-11-20","limitTimes":300,"haveAcessTimes":null}"#,
                "data[1].haveAcessTimes: not a number: null",
            ),
            (
                r#"{"appId":"\u0000","accessDate":"2026-11-20","limitTimes":300,"haveAcessTimes":0}"#,
                "data[1].appId: not an appId: text \" \"",
            ),
            (
                r#"{"appId":"\ud800","accessDate":"2026-11-20","limitTimes":300,"haveAcessTimes":0}"#,
                "data[1].appId: not an appId: text with a broken escape",
            ),
            (r#"{"accessDate":"2026-11-22"}"#, "data[1].accessDate: a day in the future: text \"2026-11-22\""),
            (r#"{"accessDate":"9999-12-31"}"#, "data[1].accessDate: a day in the future: text \"9999-12-31\""),
            (r#"{"accessDate":"1999-12-31"}"#, "data[1].accessDate: a day before 2000: text \"1999-12-31\""),
            (r#"{"accessDate":"2026-02-30"}"#, "data[1].accessDate: not a day (yyyy-MM-dd): text \"2026-02-30\""),
            (r#"{"accessDate":20261120}"#, "data[1].accessDate: not a day (yyyy-MM-dd): number 20261120"),
        ] {
            let rows = usage_row(&[good, bad, good, "{}"].join(","));
            assert_eq!((rows.good.len(), rows.bad_rows), (2, 2), "{bad}");
            assert_eq!(rows.first_error.as_deref(), Some(described), "{bad}");
        }
    }

    #[test]
    fn numbers_as_text_both_spellings_and_the_last_of_duplicate_fields_are_understood() {
        let rows = usage_row(
            r#"{"haveAccessTimes":" 12.0 ","limitTimes":"3000","accessDate":"2026-11-20T00:00:00","appId":"x","appId":" aB "}"#,
        );
        assert_eq!(rows.bad_rows, 0, "{:?}", rows.first_error);
        assert_eq!((rows.good[0].limit_times, rows.good[0].used_times), (3000, 12));
        assert_eq!(rows.good[0].app_id.as_str(), "aB");
    }

    #[test]
    fn a_package_without_a_date_is_the_default_quota_and_its_text_is_kept() {
        for dates in ["", r#","startDate":null,"endDate":null"#, r#","startDate":"","endDate":" ""#] {
            let package = package_row(dates).good.remove(0);
            assert_eq!((package.start_date, package.end_date), (None, None), "{dates}");
        }
        let package = package_row(r#","startDate":"1999-01-01","endDate":"9999-12-31 23:59:59""#).good.remove(0);
        assert_eq!(package.start_date.as_deref(), Some("1999-01-01"));
        assert_eq!(package.end_date.as_deref(), Some("9999-12-31 23:59:59"));
        for bad in [r#""2018-02-30""#, "0", r#""soon""#, r#""0000-00-00 00:00:00""#, "[]", r#""2018-01-01 \n00:00""#] {
            let rows = package_row(&format!(r#","endDate":{bad}"#));
            assert_eq!((rows.good.len(), rows.bad_rows), (0, 1), "{bad}");
            assert!(rows.first_error.is_some_and(|e| e.starts_with("data[0].endDate: not a date: ")), "{bad}");
        }
    }

    #[test]
    fn deep_nesting_in_a_field_of_no_interest_harms_nobody() {
        let nest = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let rows = usage_row(&format!(r#"{nest},{{"appId":"A","x":{nest},"accessDate":{nest}}}"#));
        assert_eq!(rows.bad_rows, 2);
        assert_eq!(rows.first_error.as_deref(), Some("data[0]: a list, not an object"));
    }

    #[test]
    fn forty_thousand_rows_are_read_in_one_go() {
        let row = r#"{"appId":"EC48AD85DCDDF5D69567C82E4565B127","accessDate":"2026-11-20","limitTimes":3000,"haveAcessTimes":996}"#;
        assert_eq!(usage_row(&vec![row; 40_000].join(",")).good.len(), 40_000);
    }

    #[test]
    fn a_secret_in_the_place_of_an_app_id_or_a_count_spoils_its_row() {
        let secrets = Secrets::of(["410286735901462837", "1111", "3204B21A343FCBD07D09FA2EE9D63526"]);
        let terms = Terms { secrets, ..Terms::default() };
        let rows = |app_id: &str, limit: &str| {
            let row =
                format!(r#"{{"appId":"{app_id}","accessDate":"2026-11-20","limitTimes":{limit},"haveAcessTimes":1}}"#);
            let body = format!(r#"{{"status":"success","data":[{row}]}}"#);
            read_usage(body.as_bytes(), day("2026-11-21"), &terms).unwrap()
        };
        for (app_id, limit) in [
            ("410286735901462837", "300"),
            ("key 410286735901462837", "300"),
            ("3204b21a343fcbd07d09fa2ee9d63526", "300"),
            ("A", "410286735901462837"),
            ("A", "\"410286735901462837\""),
        ] {
            let rows = rows(app_id, limit);
            assert_eq!((rows.good.len(), rows.bad_rows), (0, 1), "{app_id} {limit}");
            let error = rows.first_error.unwrap();
            assert!(error.contains("[secret]") && !error.contains("4102") && !error.contains("3204"), "{error}");
        }
        // What looks like a short secret by chance.
        for (app_id, limit) in [("11111111111111111111111111111111", "1111"), ("A1111", "111100000000")] {
            assert_eq!(rows(app_id, limit).good.len(), 1, "{app_id} {limit}");
        }
    }

    #[test]
    fn a_secret_that_the_vendor_echoes_is_blanked() {
        let secrets = &Terms { secrets: Secrets::of(["topsecretkey"]), ..Terms::default() };
        let refusal = r#"{"status":"error","messages":["no account for TOPSECRETKEY"],"errorCode":"topsecretkey"}"#;
        let in_a_row = r#"{"status":"success","data":[{"appId":"A","accessDate":"topsecretkey"}]}"#;
        let as_status = r#"{"status":"topsecretkey"}"#;
        let failure = read_packages(refusal.as_bytes(), secrets).unwrap_err();
        assert_eq!(
            (failure.message.as_str(), failure.error_code.as_deref()),
            ("no account for [secret]", Some("[secret]"))
        );
        assert!(read_packages(as_status.as_bytes(), secrets).unwrap_err().message.contains("[secret]"));
        let rows = read_usage(in_a_row.as_bytes(), day("2026-11-21"), secrets).unwrap();
        assert_eq!(rows.first_error.as_deref(), Some("data[0].accessDate: not a day (yyyy-MM-dd): text \"[secret]\""));
    }

    /// An answer of `sisters`, one row each, and our own store last.
    fn huge_answer(sisters: usize) -> String {
        let row =
            |id: &str| format!(r#"{{"appId":"{id}","accessDate":"2026-11-20","limitTimes":300,"haveAcessTimes":1}},"#);
        let rows: String = (0..sisters).map(|n| row(&format!("{n:032X}"))).collect();
        format!(r#"{{"status":"success","data":[{rows}{}7]}}"#, row("ours"))
    }

    #[test]
    fn of_an_answer_with_more_rows_than_any_chain_our_own_are_kept_wherever_they_stand() {
        let ours = AppId::parse("OURS").unwrap();
        let terms = Terms { configured: Arc::new([ours.clone()].into()), ..Terms::default() };
        let rows = read_usage(huge_answer(100_005).as_bytes(), day("2026-11-21"), &terms).unwrap();
        assert_eq!((rows.good.len(), rows.bad_rows), (100_001, 6));
        assert_eq!(rows.good.last().map(|row| &row.app_id), Some(&ours));
        let told = rows.first_error.unwrap();
        assert!(told.starts_with("data[100000]: more rows than any chain"), "{told}");
        let rows = usage(&huge_answer(100_005)).unwrap();
        assert_eq!((rows.good.len(), rows.bad_rows), (100_000, 7), "a sister's like any other");
    }

    #[test]
    fn long_ids_leave_room_for_fewer_rows() {
        let row = |n| format!(r#"{{"appId":"{n:0128}","limitTimes":300}}"#);
        let rows = (0..90_000).map(row).collect::<Vec<_>>().join(",");
        let body = format!(r#"{{"status":"success","data":[{rows}]}}"#);
        let rows = parse_access_config(body.as_bytes()).unwrap();
        assert!((35_000..45_000).contains(&rows.good.len()), "{}", rows.good.len());
        assert_eq!(rows.good.len() + rows.bad_rows, 90_000);
    }

    #[test]
    fn an_endless_text_anywhere_spoils_the_answer_but_a_long_one_only_its_row() {
        let good = r#"{"appId":"A","accessDate":"2026-11-21","limitTimes":300,"haveAcessTimes":7}"#;
        let with =
            |bytes| usage(&format!(r#"{{"status":"success","data":[{good},{{"appId":"\n{}"}}]}}"#, "x".repeat(bytes)));
        let rows = with(1 << 20).unwrap();
        assert_eq!((rows.good.len(), rows.bad_rows), (1, 1));
        assert!(with(3 << 20).unwrap_err().message.contains("a text of more than 2097152 bytes"));
        let unclosed = usage(&format!("{{\"status\":\"success\",\"data\":[\"{}", "x".repeat(3 << 20))).unwrap_err();
        assert!(unclosed.message.contains("a text of more than 2097152 bytes"));
        let nest = format!("{}{}", "[".repeat(1_100_000), "]".repeat(1_100_000));
        let deep = usage(&format!(r#"{{"x":{nest},"status":"success","data":[{good}]}}"#)).unwrap_err();
        assert!(deep.message.contains("lists more than 1000000 levels deep"));
    }

    #[test]
    fn of_endless_messages_the_first_are_told() {
        let body = format!(r#"{{"status":"error","messages":[{}"no"]}}"#, "1,".repeat(1_000_000));
        assert!(usage(&body).unwrap_err().message.starts_with("1; 1; 1; 1"));
    }
}
