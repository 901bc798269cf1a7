//! A server on loopback that answers what a test tells it to, byte by byte.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

/// A good answer to any login.
pub(crate) const LOGIN: &str = include_str!("../fixtures/vendor/login-success.json");

/// Serves every connection with `talk`, each in a thread of its own, and tells the base URL.
pub(crate) fn serve(talk: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let talk = talk.clone();
            thread::spawn(move || talk(stream));
        }
    });
    format!("http://{address}")
}

/// Reads each request and sends `answer` as it is; the connection is then closed.
pub(crate) fn answering(answer: impl Into<Vec<u8>>) -> String {
    let answer = answer.into();
    serve(move |mut stream| {
        read_request(&mut stream);
        stream.write_all(&answer).ok();
    })
}

/// As [`answering`], and tells the requests as they were sent.
pub(crate) fn recording(answer: impl Into<Vec<u8>>) -> (String, mpsc::Receiver<String>) {
    let (answer, (tell, told)) = (answer.into(), mpsc::channel());
    let base = serve(move |mut stream| {
        tell.send(read_request(&mut stream)).ok();
        stream.write_all(&answer).ok();
    });
    (base, told)
}

/// An answer with a length, after which the server closes, and says so: a client that does not know of it may
/// lose its next request.
pub(crate) fn http(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Head and body of the next request on this connection; empty where there is none.
pub(crate) fn read_request(stream: &mut impl Read) -> String {
    let (mut text, mut byte) = (Vec::new(), [0]);
    while !text.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        text.push(byte[0]);
    }
    let head = String::from_utf8(text).expect("a head of ASCII");
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok();
    head + &String::from_utf8(body).expect("a body of UTF-8")
}

/// Waits until the other side gives up.
pub(crate) fn wait_for_close(stream: &mut impl Read) {
    while stream.read(&mut [0; 1024]).is_ok_and(|n| n > 0) {}
}
