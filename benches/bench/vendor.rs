//! The simulated vendor, a process of its own: fast and trusting, so that it is nobody's limit.

use crate::answers::{self, Manner, PACKAGES, USAGE};
use crate::machine::Bench;
use crate::shop::app_id;
use anyhow::Context;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::post};
use chrono::NaiveDate;
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The helper that it is.
pub const VENDOR: &str = "serve-vendor";
/// Stores that may ask.
const MOST_STORES: u32 = 10_000;

/// A running vendor; ends with its owner.
pub struct Vendor {
    process: Child,
    pub base_url: String,
}

impl Vendor {
    pub fn start(bench: &Bench, manner: Manner) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let mut command = match bench.vendor_core {
            Some(core) => {
                let mut command = Command::new("taskset");
                command.arg("-c").arg(core.to_string()).arg(own);
                command
            }
            None => Command::new(own),
        };
        command
            .arg(VENDOR)
            .args([manner.latency_ms, manner.stores.into(), manner.changed.into()].map(|n| n.to_string()));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        BufReader::new(process.stdout.take().context("its output")?).read_line(&mut address)?;
        Ok(Self { process, base_url: format!("http://{}", address.trim()) })
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Serving {
    manner: Manner,
    indexes: HashMap<String, u32>,
    /// By path and request.
    made: Mutex<HashMap<(bool, Bytes), Bytes>>,
}

/// Serves until its owner ends; prints its address.
pub fn serve(arguments: &[String]) -> anyhow::Result<()> {
    let number = |at: usize| arguments.get(at).context("three numbers")?.parse::<u32>().context("a number");
    let manner = Manner { latency_ms: number(0)?.into(), stores: number(1)?, changed: number(2)? };
    let indexes = (0..MOST_STORES).map(|index| (app_id(index), index)).collect();
    let serving = Arc::new(Serving { manner, indexes, made: Mutex::default() });
    let routes = Router::new().route(PACKAGES, post(answer)).route(USAGE, post(answer)).with_state(serving);
    // Its owner holds the other end, and lets go of it however it ends.
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| _ = stream.set_nodelay(true));
        axum::serve(listener, routes).await?;
        Ok(())
    })
}

async fn answer(State(serving): State<Arc<Serving>>, uri: Uri, request: Bytes) -> Response {
    let key = (uri.path() == USAGE, request);
    let known = serving.made.lock().ok().and_then(|made| made.get(&key).cloned());
    let body = match known.map_or_else(|| serving.make(&key), Ok) {
        Ok(body) => body,
        Err(error) => return format!(r#"{{"status":"error","messages":["{error}"],"errorCode":1}}"#).into_response(),
    };
    if serving.manner.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(serving.manner.latency_ms)).await;
    }
    ([(header::CONTENT_TYPE, "application/json;charset=utf-8"), (header::CONTENT_ENCODING, "gzip")], body)
        .into_response()
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    app_id: String,
    begin_date: Option<NaiveDate>,
    end_date: Option<NaiveDate>,
}

impl Serving {
    fn make(&self, key: &(bool, Bytes)) -> anyhow::Result<Bytes> {
        let request: Request = serde_json::from_slice(&key.1).context("no JSON")?;
        let ids = match self.manner.stores {
            0 => vec![(request.app_id.clone(), *self.indexes.get(&request.app_id).context("unknown appId")?)],
            many => answers::stores(many),
        };
        let text = match (key.0, request.begin_date, request.end_date) {
            (true, Some(first), Some(last)) => answers::usage(&ids, self.manner, first, last),
            (true, ..) => anyhow::bail!("no dates"),
            (false, ..) => answers::packages(&ids),
        };
        let body = Bytes::from(answers::gzip(&text)?);
        if let Ok(mut made) = self.made.lock() {
            made.insert(key.clone(), body.clone());
        }
        Ok(body)
    }
}
