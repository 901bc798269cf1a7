//! What every request must fulfil, and what every answer carries.

use super::stage::Stage;
use super::{dashboard, remark};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version, header};
use axum::middleware::Next;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// For an answer, the wait for the database included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// On every answer: nothing is kept, framed, guessed or told to others.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

pub(super) async fn guard(State(stage): State<Arc<Stage>>, mut request: Request, next: Next) -> Response<Body> {
    let site = stage.site();
    let mut response = match (refusal(&stage, &request), site) {
        (Some(refusal), _) => refusal,
        (None, None) => remark(StatusCode::SERVICE_UNAVAILABLE, "starting"),
        (None, Some(site)) => {
            request.extensions_mut().insert(site);
            tokio::time::timeout(ANSWER_TIMEOUT, next.run(request))
                .await
                .unwrap_or_else(|_| remark(StatusCode::SERVICE_UNAVAILABLE, "the database did not answer in time"))
        }
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, dashboard::policy());
    response
}

fn refusal(stage: &Stage, request: &Request) -> Option<Response<Body>> {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut response = remark(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(response);
    }
    let Some(mut hosts) = hosts(request.headers()).filter(|hosts| is_count_good(hosts.len(), request.version())) else {
        return Some(remark(StatusCode::BAD_REQUEST, "a request needs one Host header"));
    };
    hosts.extend(request.uri().host());
    // A page of somebody else's whose name was made to lead here must not read this one through a browser
    // on this machine (DNS rebinding): such a request names the host of that page.
    if stage.is_loopback && !hosts.into_iter().all(is_this_machine) {
        return Some(remark(
            StatusCode::MISDIRECTED_REQUEST,
            "this port answers to localhost and loopback addresses only; a proxy must send such a Host header",
        ));
    }
    None
}

/// Whoever speaks HTTP/1.0 may leave it out; a browser never does.
fn is_count_good(count: usize, version: Version) -> bool {
    count == 1 || (count == 0 && version < Version::HTTP_11)
}

/// The values of `Host` without their ports; `None` where one is no text.
fn hosts(headers: &HeaderMap) -> Option<Vec<&str>> {
    headers.get_all(header::HOST).iter().map(|host| host.to_str().ok().map(without_port)).collect()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => bare.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_few_names() {
        for near in
            ["localhost", "LOCALHOST:9464", "127.0.0.1", "127.9.9.9:80", "[::1]:9464", "[::1]", "[::ffff:127.0.0.1]:1"]
        {
            assert!(is_this_machine(without_port(near)), "{near}");
        }
        for far in
            ["", "example.com", "localhost.example.com:9464", "127.0.0.1.example.com", "192.168.1.9:9464", "::1:9464:x"]
        {
            assert!(!is_this_machine(without_port(far)), "{far}");
        }
    }

    #[test]
    fn a_request_names_one_host() {
        assert!(is_count_good(1, Version::HTTP_11));
        assert!(is_count_good(0, Version::HTTP_10));
        assert!(!is_count_good(0, Version::HTTP_11));
        assert!(!is_count_good(2, Version::HTTP_10));
    }
}
