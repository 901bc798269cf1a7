//! Certificates: whom the client trusts, and what it says where it does not.

use super::authority::Authority;
use super::server::{LOGIN, answering, http, read_request, serve, wait_for_close};
use super::{assert_words, failed_login, login_with, options};
use poskeeper::model::Outcome::Unreachable;
use poskeeper::vendors::ClientOptions;
use rustls::{ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// A private CA and a server with a certificate of it: the base URL, and the CA as PEM.
fn https(name: &str, last_year: i32) -> (String, Vec<u8>) {
    let authority = Authority::new();
    let config = authority.server(name, last_year);
    let base = serve(move |stream| {
        let mut tls = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
        if !read_request(&mut tls).is_empty() {
            tls.write_all(&http("200 OK", "", LOGIN)).ok();
            tls.conn.send_close_notify();
            tls.flush().ok();
        }
    });
    (base.replace("http://", "https://"), authority.pem())
}

fn trusting(pem: Vec<u8>) -> ClientOptions {
    ClientOptions { extra_roots_pem: Some(pem), ..options() }
}

#[tokio::test]
async fn a_private_ca_is_trusted_once_it_is_named() {
    let (base, ca) = https("127.0.0.1", 4000);
    assert_words(&failed_login(&options(), &base).await, Unreachable, &["certificate", "network.ca_file"]);
    assert!(login_with(&trusting(ca), &base).await.result.is_ok());
}

#[tokio::test]
async fn a_certificate_out_of_date_or_of_another_name_is_told_apart() {
    let (base, ca) = https("127.0.0.1", 2001);
    assert_words(&failed_login(&trusting(ca), &base).await, Unreachable, &["has expired", "clock"]);
    let (base, ca) = https("pos.example", 4000);
    assert_words(&failed_login(&trusting(ca), &base).await, Unreachable, &["another name", "base_url"]);
}

#[tokio::test]
async fn a_port_that_does_not_speak_tls_is_told_apart() {
    let plain = serve(|mut stream| {
        // The start of the handshake; the rest is read below, as closing on unread bytes is a reset.
        stream.read_exact(&mut [0; 64]).ok();
        stream.write_all(&http("400 Bad Request", "", "")).ok();
        wait_for_close(&mut stream);
    });
    let plain = plain.replace("http://", "https://");
    assert_words(&failed_login(&options(), &plain).await, Unreachable, &["does not speak TLS", "http://"]);
    let silent = serve(|mut stream| wait_for_close(&mut stream)).replace("http://", "https://");
    let impatient = ClientOptions { connect_timeout: Duration::from_millis(300), ..options() };
    assert_words(
        &failed_login(&impatient, &silent).await,
        Unreachable,
        &["cannot connect to 127.0.0.1:", "within 0.3 s"],
    );
}

#[tokio::test]
#[ignore = "run by another test, in an environment without CA certificates"]
async fn alone_without_ca_certificates() {
    assert!(login_with(&options(), &answering(http("200 OK", "", LOGIN))).await.result.is_ok());
    let (base, ca) = https("127.0.0.1", 4000);
    assert_words(&failed_login(&options(), &base).await, Unreachable, &["install ca-certificates", "network.ca_file"]);
    assert!(login_with(&trusting(ca), &base).await.result.is_ok());
}
