//! The HTTP port (contract section 2, `[http]`): the dashboard at `/`, `/healthz` and `/metrics`.
//!
//! Off unless the settings name an address. It only ever reads: from the database through a connection
//! of its own, so that no page keeps the writer waiting, and from what the workers say of themselves. No
//! page holds a secret, because nothing that it reads from does.
//!
//! ```text
//! server.rs      accepts and bounds connections: how many, how long, how large
//! stage.rs       what there is to see at this moment
//! guard.rs       what every request must fulfil, and what every answer carries
//! pages.rs       how often pages are made
//! dashboard.rs   `/`, and the script that renews it
//! health.rs      `/healthz`
//! metrics.rs     `/metrics`
//! exposition.rs  the two formats that a scraper may ask for
//! language.rs    which language a reader wants
//! ```

mod dashboard;
mod exposition;
mod guard;
mod health;
mod language;
mod metrics;
mod pages;
mod server;
mod stage;

pub use server::{ListenError, Server};

use crate::jobs::{CallTally, Observations, ProgressBoard, StoreHealth};
use crate::status::StatusPlan;
use crate::store::Store;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// What the pages are made from: the workers of one set of settings, and the database.
#[derive(Debug)]
pub struct Site {
    /// Read only, and the port's own.
    pub store: Store,
    /// Whether the database can be written.
    pub health: Arc<StoreHealth>,
    /// What the workers know of the devices.
    pub observations: Arc<Observations>,
    /// Whether the workers get anywhere.
    pub board: Arc<ProgressBoard>,
    /// The calls so far.
    pub tally: CallTally,
    /// What the settings say.
    pub plan: StatusPlan,
    /// The process's start.
    pub started_at: DateTime<Utc>,
}

fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// For people with a shell.
fn remark(status: StatusCode, words: &str) -> Response<Body> {
    answer(status, "text/plain; charset=utf-8", format!("{words}\n"))
}
