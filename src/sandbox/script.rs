//! Replies that a test lays ready: they come before anything the scenario does.

use crate::model::Endpoint;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// What one request gets instead of the ordinary answer. The call is charged all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Exactly this. `Date` is added where no header gives one.
    Http {
        /// Any HTTP status.
        status: u16,
        /// Name and value, as they go out.
        headers: Vec<(String, String)>,
        /// Not compressed any further.
        body: Vec<u8>,
    },
    /// Neither an answer nor an end; until the client or the sandbox gives up.
    Hang,
    /// The connection is closed before the first byte of an answer.
    CloseWithoutAnswer,
    /// The ordinary answer, but the connection is closed half-way through the body.
    CutBody,
    /// A well-formed no.
    Refuse,
    /// The ordinary answer, this much later.
    Delay(Duration),
}

impl Reply {
    /// An answer with a JSON content type, whatever the body is.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::http(status, body).with_header("content-type", "application/json;charset=UTF-8")
    }

    /// An answer without any header of its own.
    pub fn http(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Http { status, headers: Vec::new(), body: body.into() }
    }

    /// One header more; no effect on the replies that are no [`Reply::Http`].
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if let Self::Http { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

/// What the header `Date` of every answer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DateHeader {
    /// The vendors' time.
    #[default]
    True,
    /// So much more than the time that the vendors reckon with.
    Off(TimeDelta),
    /// This, whatever it is.
    Text(String),
    /// There is none.
    Absent,
}

impl DateHeader {
    /// As it goes out at `now`.
    pub(super) fn value(&self, now: DateTime<Utc>) -> Option<String> {
        let written = |at: DateTime<Utc>| at.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        match self {
            Self::True => Some(written(now)),
            Self::Off(by) => Some(written(now + *by)),
            Self::Text(text) => Some(text.clone()),
            Self::Absent => None,
        }
    }
}

/// The replies that are laid ready, first come first served for each endpoint.
#[derive(Debug, Default)]
pub(super) struct Script(HashMap<Endpoint, VecDeque<Reply>>);

impl Script {
    /// Lays a reply ready.
    pub(super) fn push(&mut self, endpoint: Endpoint, reply: Reply) {
        self.0.entry(endpoint).or_default().push_back(reply);
    }

    /// The reply for the request that has just come.
    pub(super) fn next(&mut self, endpoint: Endpoint) -> Option<Reply> {
        self.0.get_mut(&endpoint)?.pop_front()
    }

    /// How many are still waiting for a request.
    pub(super) fn left(&self, endpoint: Endpoint) -> usize {
        self.0.get(&endpoint).map_or(0, VecDeque::len)
    }

    /// Back to the scenario.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
