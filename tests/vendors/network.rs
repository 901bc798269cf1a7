//! Everything that a network and a confused server can do to an answer.

use super::server::{LOGIN, answering, http, read_request, recording, serve, wait_for_close};
use super::{assert_words, failed_login, login_with, options};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use poskeeper::model::Outcome::{Unexpected, Unreachable};
use poskeeper::vendors::ClientOptions;
use std::io::Write;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn impatient() -> ClientOptions {
    ClientOptions { timeout: Duration::from_millis(300), ..options() }
}

#[tokio::test]
async fn compressed_chunked_and_mislabelled_answers_are_all_read() {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(LOGIN.as_bytes()).unwrap();
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
    raw.write_all(LOGIN.as_bytes()).unwrap();
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{LOGIN}\r\n0\r\n\r\n", LOGIN.len());
    for (name, answer) in [
        ("gzip", http("200 OK", "Content-Encoding: gzip\r\n", gzip(LOGIN.as_bytes()))),
        ("zlib", http("200 OK", "Content-Encoding: deflate\r\n", zlib.finish().unwrap())),
        ("raw deflate", http("200 OK", "Content-Encoding: deflate\r\n", raw.finish().unwrap())),
        ("byte order mark", http("200 OK", "", format!("\u{feff}{LOGIN}"))),
        ("wrong type", http("200 OK", "Content-Type: text/html; charset=latin1\r\n", LOGIN)),
        ("chunks", chunked.into_bytes()),
        ("until closed", format!("HTTP/1.0 200 OK\r\n\r\n{LOGIN}").into_bytes()),
    ] {
        let reply = login_with(&options(), &answering(answer)).await;
        assert!(reply.result.is_ok_and(|login| login.live_hours == Some(240.0)), "{name}");
    }
}

#[tokio::test]
async fn a_complete_but_broken_body_is_unexpected() {
    let mut cut = gzip(LOGIN.as_bytes());
    cut.truncate(cut.len() / 2);
    for (headers, body, words) in [
        ("Content-Encoding: gzip\r\n", cut, "gzip data ends too early"),
        ("Content-Encoding: gzip\r\n", LOGIN.into(), "gzip data is damaged"),
        ("Content-Encoding: br\r\n", LOGIN.into(), "\"br\" is unknown"),
        ("", b"<html><title>Hotel</title>".to_vec(), "HTML page"),
        ("", Vec::new(), "empty"),
    ] {
        let failure = failed_login(&options(), &answering(http("200 OK", headers, body))).await;
        assert_words(&failure, Unexpected, &[words]);
        assert_eq!(failure.http_status, Some(200));
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_given_up_early() {
    let announced =
        http("200 OK", "", "x").into_iter().take(17).chain(*b"Content-Length: 99999999999\r\n\r\n").collect::<Vec<_>>();
    let bomb = gzip(&vec![0; 1 << 20]).repeat(200);
    assert!(bomb.len() < options().max_response_bytes, "the bomb is small as it is sent");
    let endless = serve(|mut stream| {
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok();
        while stream.write_all(&[b' '; 65536]).is_ok() {}
    });
    for (name, base) in [
        ("announced", answering(announced)),
        ("endless", endless),
        ("bomb", answering(http("200 OK", "Content-Encoding: gzip\r\n", bomb))),
    ] {
        let failure = failed_login(&options(), &base).await;
        assert_words(&failure, Unexpected, &["larger than 1048576 bytes", "network.max_response_bytes"]);
        assert_eq!(failure.http_status, Some(200), "{name}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_its_target_is_named_without_its_query() {
    let location = "Location: https://user:pass@portal.example:8443/login?session=s3cr3t\r\n";
    let (base, requests) = recording(http("301 Moved Permanently", location, ""));
    let failure = failed_login(&options(), &base).await;
    assert_words(&failure, Unexpected, &["redirected to https://portal.example:8443 ", "HTTP 301", "base_url"]);
    assert!(!failure.message.contains("s3cr3t") && !failure.message.contains("pass"));
    assert_eq!(failure.http_status, Some(301));
    assert_eq!(requests.try_iter().count(), 1);
}

#[tokio::test]
async fn what_is_no_http_at_all_is_unexpected() {
    let banner = serve(|mut stream| {
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").ok();
        wait_for_close(&mut stream);
    });
    let bad_chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n";
    for base in
        [answering("220 mail.example ESMTP\r\n"), answering([0x15, 3, 1, 0, 2, 2, 70]), banner, answering(bad_chunk)]
    {
        let failure = failed_login(&options(), &base).await;
        assert_words(&failure, Unexpected, &["does not speak proper HTTP", "base_url"]);
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_is_unreachable_at_whatever_byte() {
    let whole = http("200 OK", "", LOGIN);
    for length in [0, 5, 30, whole.len() - 300, whole.len() - 1] {
        let failure = failed_login(&options(), &answering(&whole[..length])).await;
        assert_words(&failure, Unreachable, &["cut the connection off"]);
    }
    let chunk = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{LOGIN}\r\n", LOGIN.len());
    let failure = failed_login(&options(), &answering(chunk)).await;
    assert_words(&failure, Unreachable, &["cut the connection off"]);
}

#[tokio::test]
async fn a_reset_connection_is_unreachable() {
    // A socket that is closed with unread bytes in it resets the connection.
    let at_once = serve(|stream| _ = stream.peek(&mut [0]));
    let in_the_body = serve(|mut stream| {
        stream.peek(&mut [0]).ok();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{").ok();
    });
    for base in [at_once, in_the_body] {
        assert_words(&failed_login(&options(), &base).await, Unreachable, &["cut the connection off"]);
    }
}

#[tokio::test]
async fn the_time_limit_covers_the_whole_exchange() {
    let silent = serve(|mut stream| wait_for_close(&mut stream));
    let failure = failed_login(&impatient(), &silent).await;
    assert_words(&failure, Unreachable, &["no answer from 127.0.0.1:", "within 0.3 s"]);
    assert_eq!(failure.http_status, None);
    // Every byte comes soon after the last one, and yet the answer never ends.
    let dripping = serve(|mut stream| {
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n").ok();
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let start = Instant::now();
    let failure = failed_login(&impatient(), &dripping).await;
    assert_words(&failure, Unreachable, &["no complete answer from 127.0.0.1:", "within 0.3 s"]);
    assert_eq!(failure.http_status, Some(200));
    assert!(start.elapsed() < Duration::from_secs(10), "took {:?}", start.elapsed());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let failure = failed_login(&options(), &format!("http://127.0.0.1:{port}")).await;
    let words = format!("cannot connect to 127.0.0.1:{port}: Connection refused; is the server running");
    assert_words(&failure, Unreachable, &[&words]);
    let failure = failed_login(&options(), "http://till.invalid:8080/path").await;
    assert_words(&failure, Unreachable, &["cannot find till.invalid:8080", "is the network up?"]);
    assert!(!failure.message.contains("path"));
}

/// Runs an ignored test of this binary in an environment of its own.
fn run_alone(test: &str, environment: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).envs(environment.iter().copied());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_proxy_of_the_environment_serves_the_world_but_never_this_machine() {
    let (proxy, requests) = recording(http("200 OK", "", LOGIN));
    let (till, at_till) = recording(http("200 OK", "", LOGIN));
    let environment =
        [("HTTP_PROXY", proxy.as_str()), ("http_proxy", &proxy), ("NO_PROXY", ""), ("no_proxy", ""), ("TILL", &till)];
    run_alone("network::alone_log_in_at_a_till_and_in_the_world", &environment);
    assert!(requests.recv().unwrap().starts_with("POST http://pos.example/posservice/"));
    assert_eq!((requests.try_iter().count(), at_till.try_iter().count()), (0, 1));
}

#[tokio::test]
#[ignore = "run by another test, in an environment with a proxy"]
async fn alone_log_in_at_a_till_and_in_the_world() {
    assert!(login_with(&options(), &std::env::var("TILL").unwrap()).await.result.is_ok());
    assert!(login_with(&options(), "http://pos.example").await.result.is_ok());
}

#[test]
fn a_machine_without_ca_certificates_can_still_speak_http() {
    let nowhere = [("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", "/nonexistent")];
    run_alone("tls::alone_without_ca_certificates", &nowhere);
}
