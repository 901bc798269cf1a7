//! The sandbox as its clients see it.

mod faults;
mod login;
mod quota;

use super::*;
use crate::model::{AppId, Package, day_of};
use chrono::{DateTime, NaiveDate, Utc};
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use md5::{Digest, Md5};
use serde_json::{Value, json};
use std::io::Read;
use std::time::Instant;
use tokio::time::timeout;

const CONFIG: Endpoint = Endpoint::AccessConfig;
const DAILY: Endpoint = Endpoint::DailyAccess;
/// Noon in Shanghai.
const NOON: &str = "2026-11-21T04:00:00Z";

struct Shop {
    sandbox: Sandbox,
    http: reqwest::Client,
}

struct Got {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn json(&self) -> Value {
        let mut plain = String::new();
        let coding = self.headers.get("content-encoding").map(|coding| coding.to_str().unwrap().to_owned());
        let packed = self.body.as_slice();
        match coding.as_deref() {
            None => return serde_json::from_slice(packed).unwrap(),
            Some("gzip") => GzDecoder::new(packed).read_to_string(&mut plain).unwrap(),
            Some("deflate") if packed[0] == 0x78 => ZlibDecoder::new(packed).read_to_string(&mut plain).unwrap(),
            Some(_) => DeflateDecoder::new(packed).read_to_string(&mut plain).unwrap(),
        };
        serde_json::from_str(&plain).unwrap()
    }
}

impl Shop {
    async fn open(scenario: Scenario) -> Self {
        Self::open_with(SandboxOptions { scenario, ..SandboxOptions::default() }).await
    }

    async fn open_with(options: SandboxOptions) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default(); // once is enough
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { sandbox: Sandbox::start(options).await.unwrap(), http }
    }

    fn world(&self) -> &World {
        self.sandbox.world()
    }

    fn store(&self, number: usize) -> Store {
        self.world().stores().swap_remove(number)
    }

    /// A faultless query, but for the headers given.
    async fn ask(
        &self,
        endpoint: Endpoint,
        store: &Store,
        body: &Value,
        wrong: &[(&str, &str)],
    ) -> reqwest::Result<Got> {
        let path = if endpoint == CONFIG { "queryAccessTimes" } else { "queryDailyAccessTimesLog" };
        let url =
            self.sandbox.base_url().join("pospal-api2/openapi/v1/openApiLimitAccess/").unwrap().join(path).unwrap();
        let body = body.to_string();
        let mut request = self.http.post(url);
        for (name, value) in [
            ("user-agent", "openApi"),
            ("content-type", "application/json; charset=utf-8"),
            ("accept-encoding", "gzip,deflate"),
            ("time-stamp", &self.world().now().timestamp_millis().to_string()),
            ("data-signature", &hex::encode_upper(Md5::digest(format!("{}{body}", store.app_key)))),
        ] {
            let value = wrong.iter().find(|(wrong, _)| *wrong == name).map_or(value, |(_, value)| value);
            request = request.header(name, value);
        }
        let response = request.body(body).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Got { status, headers, body: response.bytes().await?.into() })
    }

    async fn packages(&self, store: &Store) -> reqwest::Result<Got> {
        self.ask(CONFIG, store, &json!({ "appId": store.app_id.as_str() }), &[]).await
    }

    async fn daily(&self, store: &Store, begin: &str, end: &str) -> Value {
        let body = json!({ "appId": store.app_id.as_str(), "beginDate": begin, "endDate": end });
        self.ask(DAILY, store, &body, &[]).await.unwrap().json()
    }

    async fn login(&self, device_id: &str, code: Option<&str>) -> Value {
        let mut content = json!({ "programName": "APIEXTERNAL", "locationCode": "HKCB", "deviceId": device_id });
        if let Some(code) = code {
            content["activationCode"] = code.into();
        }
        let url = self.sandbox.base_url().join("posservice/rest/posdevice/login").unwrap();
        let body = json!({ "content": content }).to_string();
        let response = self.http.post(url).header("content-type", "application/json").body(body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    }

    async fn key_status(&self, key: &str) -> u16 {
        let url = self.sandbox.base_url().join("sandbox/key").unwrap();
        self.http.get(url).header("apiKey", key).send().await.unwrap().status().as_u16()
    }
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn rows_of<'a>(answer: &'a Value, store: &Store) -> Vec<&'a Value> {
    let rows = answer["data"].as_array().unwrap_or_else(|| panic!("{answer}"));
    rows.iter().filter(|row| row["appId"] == store.app_id.as_str()).collect()
}

const CODE: Option<&str> = Some("3204B21A343FCBD07D09FA2EE9D63526");
