//! The bare loop: asks, unpacks and parses as poskeeper must, and stores nothing.

use crate::answers::{PACKAGES, USAGE};
use anyhow::{Context, ensure};
use futures_util::stream::{FuturesUnordered, StreamExt};
use md5::{Digest, Md5};
use serde::Deserialize;
use std::io::Read;

/// The helper's name; its argument is a file of settings as the peers read it.
pub const FETCH: &str = "fetch";

#[derive(Deserialize)]
struct Plan {
    base_url: String,
    begin: String,
    end: String,
    parallel: usize,
    daily_only: bool,
    apps: Vec<App>,
}

#[derive(Deserialize)]
struct App {
    id: String,
    key: String,
}

#[derive(Deserialize)]
struct Answer<Row> {
    status: String,
    data: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "reading the fields is the work that is measured")]
struct Package {
    app_id: String,
    limit_times: i64,
    start_date: Option<String>,
    end_date: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "reading the fields is the work that is measured")]
struct Usage {
    app_id: String,
    access_date: chrono::NaiveDate,
    limit_times: i64,
    have_acess_times: i64,
}

pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    let plan: Plan = serde_json::from_slice(&std::fs::read(arguments.first().context("a file")?)?)?;
    rustls::crypto::ring::default_provider().install_default().ok();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(fetch(&plan))
}

async fn fetch(plan: &Plan) -> anyhow::Result<()> {
    let http = reqwest::Client::builder().http1_only().no_proxy().build()?;
    let calls = plan.apps.iter().flat_map(|app| {
        let packages = (!plan.daily_only).then_some((app, false));
        packages.into_iter().chain([(app, true)])
    });
    let mut waiting = calls.map(|(app, is_usage)| call(&http, plan, app, is_usage));
    let mut under_way: FuturesUnordered<_> = waiting.by_ref().take(plan.parallel).collect();
    let mut rows = 0;
    while let Some(found) = under_way.next().await {
        rows += found?;
        under_way.extend(waiting.next());
    }
    ensure!(rows >= plan.apps.len(), "only {rows} rows came");
    Ok(())
}

async fn call(http: &reqwest::Client, plan: &Plan, app: &App, is_usage: bool) -> anyhow::Result<usize> {
    let (path, body) = if is_usage {
        let (id, begin, end) = (&app.id, &plan.begin, &plan.end);
        (USAGE, format!(r#"{{"appId":"{id}","beginDate":"{begin}","endDate":"{end}"}}"#))
    } else {
        (PACKAGES, format!(r#"{{"appId":"{}"}}"#, app.id))
    };
    let signature = Md5::new().chain_update(&app.key).chain_update(&body).finalize();
    let request = http
        .post(format!("{}{path}", plan.base_url))
        .header("User-Agent", "openApi")
        .header("Content-Type", "application/json; charset=utf-8")
        .header("accept-encoding", "gzip,deflate")
        .header("time-stamp", crate::shop::now_ms().to_string())
        .header("data-signature", hex::encode_upper(signature));
    let packed = request.body(body).send().await?.error_for_status()?.bytes().await?;
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut text)?;
    if is_usage { rows::<Usage>(&text) } else { rows::<Package>(&text) }
}

fn rows<'a, Row: Deserialize<'a>>(text: &'a [u8]) -> anyhow::Result<usize> {
    let answer: Answer<Row> = serde_json::from_slice(text)?;
    ensure!(answer.status == "success", "the vendor refused");
    Ok(answer.data.len())
}
