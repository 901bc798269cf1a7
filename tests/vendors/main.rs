//! Both vendors' clients against real servers on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may stop at once")]

mod authority;
mod network;
mod requests;
mod server;
mod tls;

use poskeeper::model::{AppId, CallFailure, Outcome, Secret, UsageReading};
use poskeeper::vendors::v8std::{LoginAnswer, LoginRequest, login};
use poskeeper::vendors::{Client, ClientOptions, Reply, Rows, pospal};
use std::time::Duration;

/// Options under which no test has to wait for a time-out.
fn options() -> ClientOptions {
    let long = Duration::from_secs(20);
    ClientOptions {
        timeout: long,
        connect_timeout: long,
        extra_roots_pem: None,
        max_response_bytes: 1 << 20,
        secrets: Vec::new(),
    }
}

async fn login_with(options: &ClientOptions, base_url: &str) -> Reply<LoginAnswer> {
    let (base_url, code) = (base_url.parse().expect("a URL"), Secret::new("3204B21A343FCBD07D09FA2EE9D63526"));
    let request = LoginRequest {
        base_url: &base_url,
        program_name: "APIEXTERNAL",
        location_code: "HKCB",
        device_id: "1",
        activation_code: Some(&code),
        login_api_key: None,
        known_key: None,
    };
    login(&Client::new(options).expect("a client"), &request).await
}

/// The failure of a login at `base_url`, with its words ready to be searched.
async fn failed_login(options: &ClientOptions, base_url: &str) -> CallFailure {
    login_with(options, base_url).await.result.map(|answer| answer.key).expect_err("a failure")
}

/// Usage of 20 to 22 November, asked for at noon (in Shanghai) of the 21st.
async fn usage_at(base_url: &str) -> Reply<Rows<UsageReading>> {
    let (base_url, app_id) = (base_url.parse().expect("a URL"), AppId::parse("abcdefghijklmn").expect("an appId"));
    let app_key = Secret::new("123456789012345678");
    let account =
        pospal::Account { base_url: &base_url, app_id: &app_id, app_key: &app_key, configured: &Default::default() };
    let client = Client::new(&options()).expect("a client");
    let [first, last] = ["2026-11-20", "2026-11-22"].map(|day| day.parse().expect("a day"));
    let now = "2026-11-21T04:00:00Z".parse().expect("a time");
    pospal::daily_access(&client, &account, first, last, now, chrono_tz::Asia::Shanghai).await
}

fn assert_words(failure: &CallFailure, outcome: Outcome, words: &[&str]) {
    assert_eq!(failure.outcome, outcome, "{}", failure.message);
    for word in words {
        assert!(failure.message.contains(word), "{word:?} is not in: {}", failure.message);
    }
}
