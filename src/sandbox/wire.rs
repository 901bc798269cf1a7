//! How an answer gets on the wire: packed, late, cut off, or not at all.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use hyper::body::Frame;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// What the vendor has to say.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
    words: &'static str,
}

/// What becomes of it.
#[derive(Debug)]
pub(super) enum Delivery {
    Whole(Answer),
    After(Duration, Answer),
    Cut(Answer),
    Close,
    Hang,
}

/// Marks a response in place of which the connection is to be closed.
#[derive(Clone)]
pub(super) struct HangUp;

impl Answer {
    /// A plain JSON answer: the vendor's yes or no.
    pub(super) fn json(body: Result<Vec<u8>, Vec<u8>>) -> Self {
        let words = if body.is_ok() { "ok" } else { "refused" };
        Self::new(200, "application/json;charset=UTF-8", body.unwrap_or_else(|refusal| refusal), words)
    }

    /// Somebody else's page.
    pub(super) fn page(status: u16, words: &str) -> Self {
        Self::new(
            status,
            "text/html",
            format!("<!DOCTYPE html><html><body><h1>{words}</h1></body></html>").into(),
            "somebody else's page",
        )
    }

    /// Exactly what a test wants; headers that HTTP does not allow are left out.
    pub(super) fn scripted(status: u16, headers: &[(String, String)], body: Vec<u8>) -> Self {
        let pair = |(name, value): &(String, String)| Some((name.parse().ok()?, value.parse().ok()?));
        Self { status: status_of(status), headers: headers.iter().filter_map(pair).collect(), body, words: "scripted" }
    }

    /// A JSON answer, packed in one of three ways in turn where the client takes gzip and deflate.
    /// "deflate" is zlib's format by the book and a raw stream with many servers, so it is both.
    pub(super) fn packed(json: Result<Vec<u8>, Vec<u8>>, accepted: Option<&str>, turn: u64) -> Self {
        let accepted = accepted.unwrap_or_default();
        let mut answer = Self::json(json);
        if accepted.contains("gzip") && accepted.contains("deflate") {
            let (name, packed) = match turn % 3 {
                1 => ("gzip", gzip(&answer.body)),
                2 => ("deflate", zlib(&answer.body)),
                _ => ("deflate", raw_deflate(&answer.body)),
            };
            answer.body = packed.expect("memory takes every byte");
            answer.headers.push((header::CONTENT_ENCODING, HeaderValue::from_static(name)));
        }
        answer
    }

    fn new(status: u16, content_type: &'static str, body: Vec<u8>, words: &'static str) -> Self {
        let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static(content_type))];
        Self { status: status_of(status), headers, body, words }
    }

    /// `cut`: only half of the body will ever come.
    fn into_response(self, date: Option<&str>, cut: bool) -> Response<Body> {
        let length = self.body.len();
        let body = if cut { Body::new(HalfBody::of(self.body)) } else { Body::from(self.body) };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        if let Some(Ok(date)) = date.map(HeaderValue::from_str) {
            response.headers_mut().insert(header::DATE, date);
        }
        if cut {
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl Delivery {
    /// For people who watch.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Whole(answer) if answer.status == StatusCode::OK => answer.words.to_owned(),
            Self::Whole(answer) => format!("HTTP {}, {}", answer.status.as_u16(), answer.words),
            Self::After(time, answer) => format!("{}, {} ms late", answer.words, time.as_millis()),
            Self::Cut(_) => "cut off half-way".to_owned(),
            Self::Close => "closed without an answer".to_owned(),
            Self::Hang => "left hanging".to_owned(),
        }
    }

    /// Waits as long as it is to take, and gives what the server has to send, with this `Date`.
    pub(super) async fn carry_out(self, date: Option<&str>) -> Response<Body> {
        match self {
            Self::Whole(answer) => answer.into_response(date, false),
            Self::After(time, answer) => {
                tokio::time::sleep(time).await;
                answer.into_response(date, false)
            }
            Self::Cut(answer) => answer.into_response(date, true),
            Self::Close => {
                let mut response = Response::new(Body::empty());
                response.extensions_mut().insert(HangUp);
                response
            }
            Self::Hang => std::future::pending().await,
        }
    }
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn gzip(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

fn zlib(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

fn raw_deflate(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

/// Half of a body, then the end of the connection.
enum HalfBody {
    Half(Bytes),
    Flushing,
    Broken,
}

impl HalfBody {
    fn of(whole: Vec<u8>) -> Self {
        let half = whole.len() / 2;
        Self::Half(Bytes::from(whole).slice(..half))
    }
}

impl HttpBody for HalfBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match std::mem::replace(&mut *self, Self::Broken) {
            Self::Half(half) => {
                *self = Self::Flushing;
                Poll::Ready(Some(Ok(Frame::data(half))))
            }
            // hyper throws away what it has not flushed when a body breaks, and it flushes when a body
            // makes it wait.
            Self::Flushing => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Broken => Poll::Ready(Some(Err(io::Error::other("cut off by the sandbox")))),
        }
    }
}
