//! Faults of the network, of certificates and of HTTP.

use super::Fault;
use crate::answers::{good, sent};
use crate::authority::Authority;
use crate::expected::{Expected, ok, unexpected, unreachable};
use crate::server::http;
use crate::vendor::{Act, Place};

pub(super) fn faults() -> Vec<Fault> {
    let cut = "cut the connection off";
    let announced = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec();
    let (in_head, in_body) = (announced[..20].to_vec(), [&announced[..], b"{\"status\":"].concat());
    let closed_in_body = in_body.clone();
    let at_once = announced.clone();
    let no_http = Expected { http_status: None, ..unexpected(200, "does not speak proper HTTP") };
    vec![
        Fault::everywhere("name not found", Place::NoName, unreachable(None, "cannot find nobody.invalid")),
        Fault::everywhere("connection refused", Place::Refused, unreachable(None, "Connection refused")),
        Fault::everywhere("reset before the answer", reset(Vec::new()), unreachable(None, cut)),
        Fault::everywhere("reset in the head", reset(in_head), unreachable(None, cut)),
        Fault::everywhere("reset in the body", reset(in_body), unreachable(Some(200), cut)),
        Fault::everywhere("reset after the answer", Place::plain(|asked| Act::Reset(sent(good(asked)))), ok(1)),
        Fault::bytes("closed without an answer", "", unreachable(None, cut)),
        Fault::bytes("closed in the body", closed_in_body, unreachable(Some(200), cut)),
        Fault::everywhere("hang", Place::plain(|_| Act::Hang), unreachable(None, "no answer from")),
        Fault::everywhere("drip from the first byte", drip(Vec::new()), unreachable(None, "no answer from")),
        Fault::everywhere("drip of the body", drip(at_once), unreachable(Some(200), "no complete answer from")),
        Fault::bytes("no HTTP at all", "220 mail.example ESMTP\r\n", no_http),
    ]
}

fn reset(bytes: Vec<u8>) -> Place {
    Place::plain(move |_| Act::Reset(bytes.clone()))
}

fn drip(at_once: Vec<u8>) -> Place {
    Place::plain(move |_| Act::Drip(at_once.clone(), b"HTTP/1.1 200 OK".to_vec()))
}

pub(super) fn certificates(trusted: &Authority) -> Vec<Fault> {
    let here = "127.9.0.1";
    let tls = |authority: &Authority, name, last_year| Place::Tls(authority.server(name, last_year));
    vec![
        Fault::everywhere(
            "certificate of an unknown CA",
            tls(&Authority::new(), here, 4000),
            unreachable(None, "network.ca_file"),
        ),
        Fault::everywhere("certificate expired", tls(trusted, here, 2001), unreachable(None, "has expired")),
        Fault::everywhere(
            "certificate of another name",
            tls(trusted, "pos.example", 4000),
            unreachable(None, "is for another name"),
        ),
        Fault::everywhere("certificate of the CA in ca_file", tls(trusted, here, 4000), ok(1)),
    ]
}

pub(super) fn statuses() -> Vec<Fault> {
    let redirects = [(301, "Moved Permanently"), (302, "Found"), (307, "Temporary Redirect")];
    let redirects = redirects.map(|(code, name)| {
        let answer = http(&format!("{code} {name}"), "Location: https://portal.example/login?id=s3cr3t\r\n", "");
        Fault::bytes(format!("HTTP {code}"), answer, unexpected(code, "redirected to https://portal.example by"))
    });
    let others = [
        (401, "", "HTTP 401 Unauthorized from"),
        (403, "", "HTTP 403 Forbidden from"),
        (404, "", "is base_url right?"),
        (407, "", "the proxy wants a login"),
        (408, "", "HTTP 408 Request Timeout from"),
        (413, "", "HTTP 413 Payload Too Large from"),
        (429, "Retry-After: 1\r\n", "HTTP 429 Too Many Requests from"),
        (500, "", "HTTP 500 Internal Server Error from"),
        (502, "", "HTTP 502 Bad Gateway from"),
        (503, "Retry-After: 1\r\n", "HTTP 503 Service Unavailable from"),
        (504, "", "HTTP 504 Gateway Timeout from"),
    ];
    let others = others.map(|(code, headers, words)| {
        Fault::bytes(format!("HTTP {code}"), http(&format!("{code} X"), headers, "{}"), unexpected(code, words))
    });
    redirects.into_iter().chain(others).collect()
}
