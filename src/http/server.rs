//! Accepts connections, and bounds them: how many, how long, how large. Nobody who can reach the port
//! can make the daemon wait or grow.

use super::pages::Pages;
use super::stage::Stage;
use super::{Site, dashboard, guard, health, metrics};
use axum::middleware;
use axum::routing::get;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A browser, a Prometheus and a few people. One more is hung up on.
const MOST_CONNECTIONS: usize = 32;
/// The whole head of a request must be there by then.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection serves one request; then, or at the latest now, it is over, whoever reads slowly.
const LONGEST_CONNECTION: Duration = Duration::from_secs(20);
/// Of a head; hyper takes no less. A longer one is answered with 431.
const MOST_HEAD_BYTES: usize = 8192;
const MOST_HEADERS: usize = 64;
/// After a connection that could not be accepted: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why there is no port.
#[derive(Debug, thiserror::Error)]
#[error("http.listen: cannot listen on {address}: {}", advice(.error))]
pub struct ListenError {
    /// As the settings have it.
    pub address: SocketAddr,
    /// What the system said.
    pub error: io::Error,
}

fn advice(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program has that port; stop it, or name another port".into(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address; 127.0.0.1 is always there".into(),
        io::ErrorKind::PermissionDenied => "no permission; take a port above 1023".into(),
        _ => error.to_string(),
    }
}

/// A running server. Dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stage: Arc<Stage>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Takes the port and answers from now on, on the runtime that this is called in; there is nothing
    /// to see before [`Server::show`].
    ///
    /// # Errors
    /// Says what to do about it.
    pub async fn open(address: SocketAddr) -> Result<Self, ListenError> {
        let error = |error| ListenError { address, error };
        let listener = TcpListener::bind(address).await.map_err(error)?;
        let address = listener.local_addr().map_err(error)?;
        let stage = Arc::new(Stage::new(address.ip().to_canonical().is_loopback()));
        let accepting = tokio::spawn(accept(listener, router(&stage)));
        Ok(Self { address, stage, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether this machine alone can reach it.
    pub fn is_loopback(&self) -> bool {
        self.stage.is_loopback
    }

    /// Shows this site from now on.
    pub fn show(&self, site: Site) {
        self.stage.show(site);
    }

    /// Closes the port and every connection; the address is free once this returns.
    pub async fn stop(mut self) {
        self.accepting.abort();
        // An error here says that it was aborted, which was the aim.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn router(stage: &Arc<Stage>) -> Router {
    Router::new()
        .route("/", get(dashboard::page))
        .route(dashboard::SCRIPT_PATH, get(dashboard::script))
        .route("/healthz", get(health::health))
        .route("/metrics", get(metrics::metrics))
        .layer(Extension(Pages::default()))
        .layer(middleware::from_fn_with_state(Arc::clone(stage), guard::guard))
}

/// Accepts until it is aborted, which ends the connections, too.
async fn accept(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() < MOST_CONNECTIONS => {
                    connections.spawn(answer_on(stream, router.clone()));
                }
                Ok((stream, _)) => drop(stream),
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection, one request.
async fn answer_on(stream: TcpStream, router: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MOST_HEAD_BYTES)
        .max_headers(MOST_HEADERS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // An error here is the client's: it spoke no HTTP, was too slow or went away.
    let _ = tokio::time::timeout(LONGEST_CONNECTION, connection).await;
}
