//! `/healthz`: whether every worker gets on and every device has a good key.

use super::{Site, answer};
use crate::clock;
use crate::model::{Moment, Session, instant_text};
use crate::rules::renewal::{KeyState, key_state};
use axum::Extension;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A worker with nothing to do goes round its loop every 30 s at least; the same time as the unit's
/// WatchdogSec.
const STUCK_AFTER: Duration = Duration::from_secs(120);

/// The page: `{"status":"ok","reasons":[]}`.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    reasons: Vec<String>,
}

pub(super) async fn health(Extension(site): Extension<Arc<Site>>) -> Response<Body> {
    let reasons = reasons(&site, &clock::now());
    let (status, word) = match reasons.is_empty() {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "failing"),
    };
    let page = serde_json::to_string(&Health { status: word, reasons }).unwrap_or_default();
    answer(status, "application/json", page + "\n")
}

/// What is wrong, in words; empty: nothing.
pub(super) fn reasons(site: &Site, now: &Moment) -> Vec<String> {
    let devices = site.observations.devices();
    let session_of =
        |name: &String| devices.iter().find(|device| device.device == *name).and_then(|told| told.session.as_ref());
    let keys = site.plan.devices.iter().filter_map(|name| key_trouble(now, name, session_of(name)));
    let stuck = site.board.stuck(Instant::now(), STUCK_AFTER).into_iter();
    let stuck = stuck.map(|(worker, idle)| format!("{worker} made no progress for {} s", idle.as_secs()));
    let store = site.health.failure().map(|error| format!("the database cannot be written: {error}"));
    keys.chain(stuck).chain(store).collect()
}

fn key_trouble(now: &Moment, device: &str, session: Option<&Session>) -> Option<String> {
    match session {
        None => Some(format!("{device} has no key yet")),
        Some(session) if key_state(now, session) == KeyState::Dead => {
            Some(format!("the key of {device} is dead since {}", instant_text(session.expires_at())))
        }
        Some(_) => None,
    }
}
