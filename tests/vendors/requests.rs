//! What leaves this machine, and what of the answer's head is used.

use super::server::{LOGIN, http, read_request, recording, serve};
use super::{login_with, options, usage_at};
use poskeeper::model::{AppId, Outcome, Secret};
use poskeeper::vendors::v8std::{LoginRequest, login};
use poskeeper::vendors::{Client, pospal};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn has_header(request: &str, header: &str) -> bool {
    request.lines().any(|line| line.eq_ignore_ascii_case(header))
}

#[tokio::test]
async fn the_usage_is_asked_for_with_the_five_documented_headers() {
    let (base, requests) = recording(http("200 OK", "", r#"{"status":"success","data":[]}"#));
    assert!(usage_at(&format!("{base}/area/")).await.result.is_ok());
    let request = requests.recv().unwrap();
    let service = "pospal-api2/openapi/v1/openApiLimitAccess/queryDailyAccessTimesLog";
    assert!(request.starts_with(&format!("POST /area/{service} HTTP/1.1\r\n")), "{request}");
    let body = r#"{"appId":"abcdefghijklmn","beginDate":"2026-11-20","endDate":"2026-11-22"}"#;
    assert!(request.ends_with(&format!("\r\n\r\n{body}")), "{request}");
    let signature = pospal::sign("123456789012345678", body.as_bytes());
    for header in [
        "User-Agent: openApi",
        "Content-Type: application/json; charset=utf-8",
        "accept-encoding: gzip,deflate",
        "time-stamp: 1795233600000",
        &format!("data-signature: {signature}"),
    ] {
        assert!(has_header(&request, header), "{header} is not in {request}");
    }
    assert!(!request.contains("123456789012345678"), "the key itself stays here");
}

#[tokio::test]
async fn the_packages_are_asked_for_with_the_documented_body_and_signature() {
    let (base, requests) = recording(http("200 OK", "", include_str!("../fixtures/vendor/access-times-success.json")));
    let (base, app_id, app_key) =
        (base.parse().unwrap(), AppId::parse("abcdefghijklmn").unwrap(), Secret::new("123456789012345678"));
    let account =
        pospal::Account { base_url: &base, app_id: &app_id, app_key: &app_key, configured: &Default::default() };
    let now = "2026-11-21T04:00:00.123Z".parse().unwrap();
    let reply = pospal::access_config(&Client::new(&options()).unwrap(), &account, now).await;
    assert_eq!(reply.result.unwrap().good.len(), 2);
    let request = requests.recv().unwrap();
    assert!(request.starts_with("POST /pospal-api2/openapi/v1/openApiLimitAccess/queryAccessTimes HTTP/1.1\r\n"));
    assert!(request.ends_with("\r\n\r\n{\"appId\":\"abcdefghijklmn\"}"), "{request}");
    assert!(has_header(&request, "data-signature: 76F1DEF9E6469C4C4CE6B0FD160FB627"), "{request}");
    assert!(has_header(&request, "time-stamp: 1795233600123"), "{request}");
}

#[tokio::test]
async fn a_login_sends_the_api_key_only_where_there_is_one() {
    let (base, requests) = recording(http("200 OK", "", LOGIN));
    assert!(login_with(&options(), &base).await.result.is_ok());
    let request = requests.recv().unwrap();
    assert!(request.starts_with("POST /posservice/rest/posdevice/login HTTP/1.1\r\n"), "{request}");
    assert!(has_header(&request, "Content-Type: application/json"));
    assert!(has_header(&request, concat!("User-Agent: poskeeper/", env!("CARGO_PKG_VERSION"))));
    assert!(!request.to_lowercase().contains("\napikey:"));

    let (base_url, key) = (base.parse().unwrap(), Secret::new("#SITE-KEY"));
    let request = LoginRequest {
        base_url: &base_url,
        program_name: "P",
        location_code: "L",
        device_id: "1",
        activation_code: None,
        login_api_key: Some(&key),
        known_key: None,
    };
    assert!(login(&Client::new(&options()).unwrap(), &request).await.result.is_ok());
    let request = requests.recv().unwrap();
    assert!(has_header(&request, "apiKey: #SITE-KEY"), "{request}");
    assert!(request.ends_with(r#"{"content":{"programName":"P","locationCode":"L","deviceId":"1"}}"#), "{request}");
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_named_without_its_text() {
    let (base_url, key) = ("http://127.0.0.1:1".parse().unwrap(), Secret::new("top\nsecret"));
    let request = LoginRequest {
        base_url: &base_url,
        program_name: "P",
        location_code: "L",
        device_id: "1",
        activation_code: None,
        login_api_key: Some(&key),
        known_key: None,
    };
    let failure = login(&Client::new(&options()).unwrap(), &request).await.result.unwrap_err();
    super::assert_words(&failure, Outcome::Unreachable, &["login_api_key", "127.0.0.1:1"]);
    assert!(!failure.message.contains("secret"));
}

#[tokio::test]
async fn the_vendors_date_decides_which_rows_lie_in_the_future() {
    let row = |day| format!(r#"{{"appId":"A","accessDate":"{day}","limitTimes":300,"haveAcessTimes":1}}"#);
    let body = format!(r#"{{"status":"success","data":[{},{}]}}"#, row("2026-11-21"), row("2026-11-22"));
    // This machine says the 21st. The vendor says 00:00:01 of the 22nd in Shanghai, or something older.
    for (date, good) in
        [("", 1), ("Date: Sat, 21 Nov 2026 16:00:01 GMT\r\n", 2), ("Date: Mon, 01 Jan 2001 00:00:00 GMT\r\n", 1)]
    {
        let (base, _requests) = recording(http("200 OK", date, &body));
        let reply = usage_at(&base).await;
        assert_eq!(reply.date.is_some(), !date.is_empty());
        let rows = reply.result.unwrap();
        assert_eq!((rows.good.len(), rows.bad_rows), (good, 2 - good), "{date}");
    }
}

#[tokio::test]
async fn refusals_and_wrong_statuses_bring_the_vendors_date_too() {
    let date = "Date: Sat, 21 Nov 2026 16:00:01 GMT\r\n";
    for (status, number, outcome) in [
        ("200 OK", 200, Outcome::Refused),
        ("201 Created", 201, Outcome::Unexpected),
        ("204 No Content", 204, Outcome::Unexpected),
        ("404 Not Found", 404, Outcome::Unexpected),
        ("503 Service Unavailable", 503, Outcome::Unexpected),
    ] {
        let (base, _requests) = recording(http(status, date, r#"{"error":true,"errorMessage":"no"}"#));
        let reply = login_with(&options(), &base).await;
        assert_eq!(reply.date, "2026-11-21T16:00:01Z".parse().ok(), "{status}");
        assert_eq!(reply.http_status, Some(number));
        let failure = reply.result.unwrap_err();
        assert_eq!((failure.outcome, failure.http_status), (outcome, Some(number)), "{status}");
        if number != 200 {
            super::assert_words(&failure, outcome, &[&format!("HTTP {status} from 127.0.0.1")]);
        }
    }
}

#[tokio::test]
async fn the_signature_and_the_key_are_blanked_where_the_vendor_echoes_them() {
    let base = serve(|mut stream| {
        let request = read_request(&mut stream).to_lowercase();
        let signature = request.lines().find_map(|line| line.strip_prefix("data-signature: ")).unwrap_or_default();
        let body = format!(
            r#"{{"status":"error","errorCode":1,"messages":["bad signature {signature} for key 123456789012345678"]}}"#
        );
        stream.write_all(&http("200 OK", "", body)).ok();
    });
    let failure = usage_at(&base).await.result.unwrap_err();
    assert_eq!(failure.message, "bad signature [secret] for key [secret]");
}

#[tokio::test]
async fn calls_in_a_row_share_one_connection() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let kept_open = String::from_utf8(http("200 OK", "", LOGIN)).unwrap().replace("Connection: close\r\n", "");
    let base = serve(move |mut stream| {
        counted.fetch_add(1, Ordering::SeqCst);
        while !read_request(&mut stream).is_empty() {
            stream.write_all(kept_open.as_bytes()).ok();
        }
    });
    let (client, base_url) = (Client::new(&options()).unwrap(), base.parse().unwrap());
    let request = LoginRequest {
        base_url: &base_url,
        program_name: "P",
        location_code: "L",
        device_id: "1",
        activation_code: None,
        login_api_key: None,
        known_key: None,
    };
    for _ in 0..5 {
        assert!(login(&client.clone(), &request).await.result.is_ok());
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
