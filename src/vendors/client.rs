//! The HTTP client that both vendors are asked with.

use super::encoding::Decoder;
use super::failure::{Peer, Secrets, unreachable};
use super::{Reply, SMALL_ANSWER};
use crate::model::{CallFailure, Secret};
use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use reqwest::header::{CONTENT_ENCODING, DATE, HeaderMap, LOCATION};
use reqwest::{Certificate, Response, StatusCode, Url, redirect, retry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Shorter than any server's own patience with an idle connection: a request that is written into a
/// connection which the server just closed is a lost call.
const IDLE_CONNECTION: Duration = Duration::from_secs(4);

/// What is inflated at a time: of a bomb it makes a thousand times as much.
const PIECE: usize = 2048;

/// What an operator may set about the network.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Bounds the whole exchange, from the name look-up to the last byte of the answer.
    pub timeout: Duration,
    /// Bounds the connection including TLS.
    pub connect_timeout: Duration,
    /// CA certificates besides the machine's own.
    pub extra_roots_pem: Option<Vec<u8>>,
    /// Bounds an answer, as it is sent and again once it is inflated.
    pub max_response_bytes: usize,
    /// Blanked in whatever a vendor says, besides the secrets of the call itself: servers have been seen
    /// to answer one store with what belongs to another.
    pub secrets: Vec<Secret>,
}

/// Why a client cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The extra CA certificates cannot be used.
    #[error("the extra CA certificates cannot be used: {0}")]
    Roots(String),
}

/// Asks over HTTP/1.1, once: no redirect, no retry. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: ClientOptions,
    extra_roots: Vec<Certificate>,
    /// Made when first used, as each costs memory for the machine's CA certificates. What is on this
    /// machine is never asked through a proxy.
    loopback: OnceLock<Result<Transport, CallFailure>>,
    remote: OnceLock<Result<Transport, CallFailure>>,
    /// Of large answers only one at a time is taken in.
    large: Arc<Semaphore>,
}

#[derive(Debug)]
struct Transport {
    http: reqwest::Client,
    platform_roots: bool,
}

impl Client {
    /// Checks the options; the machine's own CA certificates are read with the first request.
    ///
    /// # Errors
    /// Where the extra CA certificates are no PEM or no certificates.
    pub fn new(options: &ClientOptions) -> Result<Self, ClientError> {
        // Somebody else may have installed a provider before: as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let extra_roots = options.extra_roots_pem.as_deref().map(read_roots).transpose()?.unwrap_or_default();
        let (loopback, remote) = (OnceLock::new(), OnceLock::new());
        let large = Arc::new(Semaphore::new(1));
        Ok(Self(Arc::new(Shared { options: options.clone(), extra_roots, loopback, remote, large })))
    }

    /// The secrets that nobody's words may carry into a log line.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.options.secrets.iter().map(Secret::expose)
    }

    /// Sends `body` and brings the decoded body of an answer with status 200; all else is a failure, in
    /// which none of `secrets` stands.
    pub(super) async fn post(
        &self,
        url: Url,
        headers: &[(&'static str, &str)],
        body: Vec<u8>,
        secrets: &Secrets<'_>,
    ) -> Reply<Vec<u8>> {
        let transport = match self.0.transport(&url) {
            Ok(transport) => transport,
            Err(failure) => return Reply::failed(failure),
        };
        let peer = Peer {
            host: place(&url),
            timeout: self.0.options.timeout,
            connect_timeout: self.0.options.connect_timeout,
            platform_roots: transport.platform_roots,
            secrets,
        };
        let deadline = Instant::now() + self.0.options.timeout;
        let request = headers.iter().fold(transport.http.post(url.clone()), |r, (name, value)| r.header(*name, *value));
        let response = match request.body(body).send().await {
            Ok(response) => response,
            Err(error) => return Reply::failed(peer.transport_failure(&error)),
        };
        let status = response.status();
        let date = header(response.headers(), DATE.as_str()).and_then(|text| http_date(&text));
        let mut place = None;
        let result = if status == StatusCode::OK {
            self.0.read_body(response, &peer, deadline, &mut place).await
        } else {
            let target = header(response.headers(), LOCATION.as_str()).filter(|_| status.is_redirection());
            Err(peer.status_failure(status, target.map(|target| redirect_place(&url, &target))))
        };
        let http_status = Some(status.as_u16());
        Reply { date, http_status, place, result: result.map_err(|failure| CallFailure { http_status, ..failure }) }
    }
}

impl Shared {
    fn transport(&self, url: &Url) -> Result<&Transport, CallFailure> {
        let transport = if is_loopback(url) {
            self.loopback.get_or_init(|| self.build(|builder| builder.no_proxy()))
        } else {
            self.remote.get_or_init(|| self.build(|builder| builder))
        };
        transport.as_ref().map_err(Clone::clone)
    }

    /// Takes the body in, inflated as it comes; a large one takes its `place` first.
    async fn read_body(
        &self,
        mut response: Response,
        peer: &Peer<'_>,
        deadline: Instant,
        place: &mut Option<OwnedSemaphorePermit>,
    ) -> Result<Vec<u8>, CallFailure> {
        let limit = self.options.max_response_bytes;
        if response.content_length().is_some_and(|announced| announced > limit as u64) {
            return Err(peer.too_large(limit));
        }
        let encoding = header(response.headers(), CONTENT_ENCODING.as_str()).unwrap_or_default();
        let mut body = Decoder::new(&encoding, limit).map_err(|error| peer.encoding_failure(&error))?;
        let mut arrived = 0;
        while let Some(chunk) = response.chunk().await.map_err(|error| peer.transport_failure(&error))? {
            arrived += chunk.len();
            if arrived > limit {
                return Err(peer.too_large(limit));
            }
            for piece in chunk.chunks(PIECE) {
                body.push(piece).map_err(|error| peer.encoding_failure(&error))?;
                if place.is_none() && body.inflated() > SMALL_ANSWER {
                    let turn = timeout_at(deadline, Arc::clone(&self.large).acquire_owned()).await;
                    *place = Some(turn.ok().and_then(Result::ok).ok_or_else(|| peer.no_turn())?);
                }
            }
        }
        body.finish().map_err(|error| peer.encoding_failure(&error))
    }

    /// Where the machine has no readable CA certificates at all, the builder fails even for `http://`:
    /// then do without them.
    fn build(
        &self,
        proxies: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Result<Transport, CallFailure> {
        let builder = || {
            proxies(reqwest::Client::builder())
                .http1_only()
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .timeout(self.options.timeout)
                .connect_timeout(self.options.connect_timeout)
                .pool_idle_timeout(IDLE_CONNECTION)
        };
        if let Ok(http) = builder().tls_certs_merge(self.extra_roots.clone()).build() {
            return Ok(Transport { http, platform_roots: true });
        }
        match builder().tls_certs_only(self.extra_roots.clone()).build() {
            Ok(http) => Ok(Transport { http, platform_roots: false }),
            Err(error) => Err(unreachable(format!("no HTTP client can be set up on this machine: {error}"))),
        }
    }
}

fn read_roots(pem: &[u8]) -> Result<Vec<Certificate>, ClientError> {
    let unusable = |reason: &dyn std::fmt::Display| ClientError::Roots(reason.to_string());
    let mut store = rustls::RootCertStore::empty();
    let mut roots = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|e| unusable(&e))?;
        roots.push(Certificate::from_der(&certificate).map_err(|e| unusable(&e))?);
        store.add(certificate).map_err(|e| unusable(&e))?;
    }
    if roots.is_empty() { Err(unusable(&"no PEM certificate in it")) } else { Ok(roots) }
}

/// A header's value; several headers of one name are a list.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// The three forms of a date that HTTP knows; the first is in use.
fn http_date(text: &str) -> Option<DateTime<Utc>> {
    let old = |format| NaiveDateTime::parse_from_str(text, format).map(|at| at.and_utc());
    DateTime::parse_from_rfc2822(text)
        .map(|at| at.to_utc())
        .or_else(|_| old("%A, %d-%b-%y %H:%M:%S GMT"))
        .or_else(|_| old("%a %b %e %H:%M:%S %Y"))
        .ok()
        // A server that thinks it is another century tells nothing about ours.
        .filter(|at| (2000..2100).contains(&at.year()))
}

/// `base` with `path` below it, whether or not `base` has a path or ends with a slash.
pub(super) fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url.set_query(None);
    url.set_fragment(None);
    url
}

/// Host and port as one speaks of them: without user, path and query, which may hold secrets.
fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or("a URL without a host");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn redirect_place(from: &Url, location: &str) -> String {
    match from.join(location) {
        Ok(to) => format!("{}://{}", to.scheme(), place(&to)),
        Err(_) => "a place that is no URL".into(),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']', '.']);
    let address = host.parse::<IpAddr>().map(|ip| ip.to_canonical().is_loopback());
    address.unwrap_or(host == "localhost" || host.ends_with(".localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a test's URL")
    }

    #[test]
    fn a_path_goes_below_the_base_with_and_without_a_slash() {
        for (base, whole) in [
            ("http://pos.example", "http://pos.example/a/b"),
            ("http://pos.example/", "http://pos.example/a/b"),
            ("http://pos.example:81/shop//?x=1#y", "http://pos.example:81/shop/a/b"),
        ] {
            assert_eq!(below(&url(base), "a/b").as_str(), whole);
        }
    }

    #[test]
    fn what_is_on_this_machine_is_told_from_what_is_not() {
        for here in
            ["http://127.0.0.1:1/", "http://127.9.9.9", "http://[::1]:8", "http://LocalHost", "http://a.localhost."]
        {
            assert!(is_loopback(&url(here)), "{here}");
        }
        assert!(is_loopback(&url("http://[::ffff:127.0.0.1]/")));
        for there in ["http://10.0.0.1", "http://localhost.example", "http://[2001:db8::1]", "http://128.0.0.1"] {
            assert!(!is_loopback(&url(there)), "{there}");
        }
    }

    #[test]
    fn a_url_is_spoken_of_without_its_secrets() {
        assert_eq!(place(&url("https://user:pass@pos.example/p?key=1")), "pos.example");
        assert_eq!(
            redirect_place(&url("http://a.example/x"), "https://u:p@login.example:8443/?t=1"),
            "https://login.example:8443"
        );
        assert_eq!(redirect_place(&url("http://a.example:81/x"), "/login"), "http://a.example:81");
        assert_eq!(redirect_place(&url("http://a.example/x"), "http://["), "a place that is no URL");
    }

    #[test]
    fn every_form_of_an_http_date_is_read() {
        for text in ["Sat, 06 Nov 2004 08:49:37 GMT", "Saturday, 06-Nov-04 08:49:37 GMT", "Sat Nov  6 08:49:37 2004"] {
            assert_eq!(http_date(text), "2004-11-06T08:49:37Z".parse().ok(), "{text}");
        }
        for text in ["yesterday", "Mon, 31 Dec 262142 23:59:59 +0000", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(http_date(text), None, "{text}");
        }
    }

    #[test]
    fn roots_that_are_no_certificates_are_refused_at_once() {
        let with = |pem: &str| ClientOptions {
            timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(1),
            extra_roots_pem: Some(pem.as_bytes().to_vec()),
            max_response_bytes: 1,
            secrets: Vec::new(),
        };
        let no_der = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        let torn = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n";
        for bad in ["", "hello", no_der, torn] {
            assert!(matches!(Client::new(&with(bad)), Err(ClientError::Roots(_))), "{bad:?}");
        }
    }
}
