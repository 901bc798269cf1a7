//! Both vendors simulated on one loopback port, for trials, tests and the demo. Contacts nothing.
//!
//! V8STD answers under `/posservice/`, Pospal under `/pospal-api2/`, strictly as documented: a request
//! that the real ones would refuse is refused, and what they would charge is charged. It reckons with
//! the vendors' documents alone and shares no code with poskeeper's own clients, so that it is a check
//! on them. Two more addresses are for people with a shell:
//!
//! * `GET /sandbox/key` with a header `apiKey` tells whether that key opens the vendor's services now;
//! * `GET /sandbox/calls` tells the charged calls of each app and day.
//!
//! ```text
//! mod.rs       options, server
//! world.rs     the handle: what the vendors saw, what they are to do next
//! reception.rs where requests arrive, are charged, and get what goes back
//! state.rs     what the vendors know, a function of `now`
//! chain.rs     the stores and tills at the start
//! usage.rs     the calls that a shop's own programs make in a day
//! scenario.rs  what goes wrong by itself
//! script.rs    what goes wrong because a test wants it
//! pospal.rs    the quota endpoints
//! v8std.rs     the login endpoint
//! wire.rs      how an answer gets on the wire, or does not
//! settings.rs  the settings file that fits
//! ```

mod chain;

mod pospal;
mod reception;
mod scenario;
mod script;
mod settings;
mod state;
#[cfg(test)]
mod tests;
mod usage;
mod v8std;
mod wire;
mod world;

pub use chain::{DEFAULT_LIMIT, PACKAGE_LIMIT, Store, Till};
pub use scenario::{Scenario, UnknownScenario};
pub use script::{DateHeader, Reply};
pub use settings::{DEMO_SETTINGS_MARKER, SETTINGS_MARKER};
pub use state::{Login, RETENTION_DAYS, Seen, Spent};
pub use world::World;

use crate::clock;
use crate::model::Endpoint;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::routing::{get, post};
use chrono::TimeDelta;
use chrono_tz::Tz;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use reqwest::Url;
use settings::Pace;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// No request of either protocol comes near this size.
const MAX_REQUEST_BYTES: usize = 1 << 20;
/// After a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What kind of world to simulate.
#[derive(Debug, Clone, Copy)]
pub struct SandboxOptions {
    /// A loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What goes wrong.
    pub scenario: Scenario,
    /// The vendors' calendar.
    pub timezone: Tz,
    /// `loginSecretLiveHours`, told and enforced.
    pub live: TimeDelta,
    /// `reloginDurationHours`, told only.
    pub relogin: TimeDelta,
    /// The same seed makes the same usage and the same mishaps.
    pub seed: u64,
    /// How far off a request's `time-stamp` may be; wide for tests that fake their clock.
    pub tolerance: TimeDelta,
    /// The vendors' clock minus the machine's: for tests of another day than today.
    pub shift: TimeDelta,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            scenario: Scenario::Steady,
            timezone: chrono_tz::Asia::Shanghai,
            live: TimeDelta::hours(240),
            relogin: TimeDelta::hours(6),
            seed: 1,
            tolerance: TimeDelta::minutes(10),
            shift: TimeDelta::zero(),
        }
    }
}

/// A running sandbox. Dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    world: Arc<World>,
    server: JoinHandle<()>,
}

impl Sandbox {
    /// Opens the port and answers from then on, on the runtime that this is called in.
    ///
    /// # Errors
    /// The address is not this machine's own, or cannot be listened on.
    pub async fn start(options: SandboxOptions) -> io::Result<Self> {
        if !options.listen.ip().is_loopback() {
            let message = format!("the sandbox listens on loopback addresses only, not on {}", options.listen);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let world = Arc::new(World::new(state::State::new(options, clock::wall() + options.shift)));
        let server = tokio::spawn(serve(listener, router(Arc::clone(&world))));
        Ok(Self { address, world, server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The `base_url` of both vendors.
    pub fn base_url(&self) -> Url {
        format!("http://{}", self.address).parse().expect("an address makes a URL")
    }

    /// What the vendors saw, and what they are to do next.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// A settings file for this sandbox, on a shop's schedule.
    pub fn settings_toml(&self) -> String {
        self.settings(Pace::Shop)
    }

    /// The same for people who watch: polls every few seconds, log lines for reading.
    pub fn fast_settings_toml(&self) -> String {
        self.settings(Pace::Demo)
    }

    fn settings(&self, pace: Pace) -> String {
        let state = self.world.state();
        settings::toml(self.address, state.options.timezone, &state.stores, &state.tills, pace)
    }

    /// Closes the port and every connection; the address is free once this returns.
    pub async fn stop(mut self) {
        self.server.abort();
        // An error here says that it was aborted, which was the aim.
        let _ = (&mut self.server).await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Accepts until it is aborted, which ends the connections, too.
async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(answer_on(stream, router.clone()))),
                // Out of file descriptors, most likely: time for one to be closed.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection. axum alone cannot end it without an answer, so hyper is told to.
async fn answer_on(stream: TcpStream, router: Router) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        let answering = router.call(request);
        async move {
            let Ok(response) = answering.await;
            let hang_up = response.extensions().get::<wire::HangUp>().is_some();
            if hang_up { Err(io::Error::other("hung up by the sandbox")) } else { Ok(response) }
        }
    });
    // An error here is a fault that was ordered, or a client that went away.
    // `Date` is for the vendor to send, or not to.
    let _ = http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(stream), service).await;
}

fn router(world: Arc<World>) -> Router {
    const QUOTA: &str = "/pospal-api2/openapi/v1/openApiLimitAccess";
    let vendor = |endpoint| post(move |world, request| answer(world, endpoint, request));
    Router::new()
        .route("/posservice/rest/posdevice/login", vendor(Endpoint::Login))
        .route(&format!("{QUOTA}/queryAccessTimes"), vendor(Endpoint::AccessConfig))
        .route(&format!("{QUOTA}/queryDailyAccessTimesLog"), vendor(Endpoint::DailyAccess))
        .route("/sandbox/key", get(tell_key))
        .route("/sandbox/calls", get(tell_calls))
        .with_state(world)
}

async fn answer(Shared(world): Shared<Arc<World>>, endpoint: Endpoint, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_REQUEST_BYTES).await else {
        return reply(StatusCode::PAYLOAD_TOO_LARGE, &serde_json::json!({"error": "the body is too large or cut off"}));
    };
    let _in_flight = (endpoint != Endpoint::Login).then(|| world.enter());
    let now = world.now();
    let date = world.date_header(now);
    world.receive(endpoint, head.headers, body.into(), now).carry_out(date.as_deref()).await
}

async fn tell_key(Shared(world): Shared<Arc<World>>, headers: HeaderMap) -> Response<Body> {
    let key = headers.get("apiKey").and_then(|key| key.to_str().ok()).unwrap_or_default();
    let live = world.key_is_live(key);
    let status = if live { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
    reply(status, &serde_json::json!({ "live": live }))
}

async fn tell_calls(Shared(world): Shared<Arc<World>>) -> Response<Body> {
    let row = |(app, day, spent): (_, _, Spent)| {
        serde_json::json!({
            "app_id": crate::model::AppId::as_str(&app),
            "vendor_date": chrono::NaiveDate::to_string(&day),
            "access_config": spent.access_config,
            "daily_access": spent.daily_access,
            "over_limit": spent.over_limit,
        })
    };
    let calls: Vec<_> = world.ledger().into_iter().map(row).collect();
    reply(StatusCode::OK, &serde_json::json!({ "charged": world.charged_in_all(), "calls": calls }))
}

fn reply(status: StatusCode, json: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::from(json.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
