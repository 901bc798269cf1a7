//! The two vendors: one request each way, and `parse_*` as a function of bytes.
//!
//! Nothing in here retries, logs, or reads a clock or a setting: `now` and every value of the settings
//! are arguments. What other people wrote leaves this folder as good values, or as a
//! [`CallFailure`] whose text is short, on one line and without the secrets of the call.

pub mod client;
pub mod encoding;
mod envelope;
mod failure;
mod fault;
mod lenient;
pub mod pospal;
mod room;
mod scalar;
pub mod v8std;

pub use client::{Client, ClientError, ClientOptions};

use crate::model::CallFailure;
use chrono::{DateTime, Utc};
use tokio::sync::OwnedSemaphorePermit;

/// What came of one call.
#[derive(Debug)]
pub struct Reply<T> {
    /// The vendor's `Date` header, of refusals and unexpected answers too.
    pub date: Option<DateTime<Utc>>,
    /// Absent where no HTTP answer came.
    pub http_status: Option<u16>,
    /// Only one large answer at a time is in memory: until this is dropped, the next one waits.
    pub place: Option<OwnedSemaphorePermit>,
    /// The good answer, or why there is none.
    pub result: Result<T, CallFailure>,
}

/// Many answers of this size may be in memory together.
const SMALL_ANSWER: usize = 256 * 1024;

/// To read more than this takes so long that everything else on the thread would feel it.
const LARGE_ANSWER: usize = 1 << 20;

impl<T> Reply<T> {
    /// No HTTP answer came.
    fn failed(failure: CallFailure) -> Self {
        Self { date: None, http_status: None, place: None, result: Err(failure) }
    }
}

impl Reply<Vec<u8>> {
    /// Reads a good answer further, a large one on a thread of its own; a failure learns the HTTP status
    /// that it came with.
    async fn read<U: Send + 'static>(
        self,
        read: impl FnOnce(&[u8]) -> Result<U, CallFailure> + Send + 'static,
    ) -> Reply<U> {
        let Self { date, http_status, place, result } = self;
        let result = match result {
            Ok(body) if body.len() > LARGE_ANSWER => {
                let reading = tokio::task::spawn_blocking(move || read(&body));
                reading.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
            }
            Ok(body) => read(&body),
            Err(failure) => Err(failure),
        };
        Reply { date, http_status, place, result: result.map_err(|failure| CallFailure { http_status, ..failure }) }
    }
}

/// The good rows of an answer; the bad ones are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows<T> {
    /// In the vendor's order.
    pub good: Vec<T>,
    /// How many rows could not be used.
    pub bad_rows: usize,
    /// The first of them: which field, and what was sent in it.
    pub first_error: Option<String>,
}
