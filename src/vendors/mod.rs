//! The two vendors: one request each way, and `parse_*` as a function of bytes.
//!
//! Nothing in here retries, logs, or reads a clock or a setting: `now` and every value of the settings
//! are arguments. What other people wrote leaves this folder as good values, or as a
//! [`CallFailure`] whose text is short, on one line and without the secrets of the call.

pub mod client;
pub mod encoding;
mod envelope;
mod failure;
mod lenient;
pub mod pospal;
mod scalar;
pub mod v8std;

pub use client::{Client, ClientError, ClientOptions};

use crate::model::CallFailure;
use chrono::{DateTime, Utc};

/// What came of one call.
#[derive(Debug)]
pub struct Reply<T> {
    /// The vendor's `Date` header, of refusals and unexpected answers too.
    pub date: Option<DateTime<Utc>>,
    /// Absent where no HTTP answer came.
    pub http_status: Option<u16>,
    /// The good answer, or why there is none.
    pub result: Result<T, CallFailure>,
}

impl<T> Reply<T> {
    /// Reads a good answer further; a failure learns the HTTP status that it came with.
    fn and_then<U>(self, read: impl FnOnce(T) -> Result<U, CallFailure>) -> Reply<U> {
        let http_status = self.http_status;
        let result = self.result.and_then(read).map_err(|failure| CallFailure { http_status, ..failure });
        Reply { date: self.date, http_status, result }
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
