//! How much of one answer is kept: enough for any chain, little enough for any machine.
//!
//! The bytes of an answer are bounded by `max_response_bytes`; these bounds are for what is made of them.

use super::fault::Fault;
use super::scalar::{Raw, Scalar};
use crate::model::AppId;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Rows of one answer: 12,500 stores with 8 days each.
const MOST_ROWS: usize = 100_000;
/// What the bytes of an answer and the rows that are made of them may take together.
const MOST_BYTES: usize = 30 << 20;
/// What the rows may take of that, at most and however large the answer is.
const BYTES_OF_ROWS: RangeInclusive<usize> = 1 << 20..=9 << 20;
/// What the rows of configured stores may take besides, where they come after all others.
const BYTES_OF_CONFIGURED: usize = 2 << 20;
/// What a shared text takes besides its bytes.
const TEXT_OVERHEAD: usize = 32;

/// Decides which rows are kept. Those of configured stores are kept wherever in the answer they stand.
#[derive(Clone, Copy)]
pub(super) struct Room {
    bytes: usize,
    is_full: bool,
}

impl Room {
    /// Why a good row was not kept.
    pub(super) const FULL: &str = "more rows than any chain of stores has, so only those of configured stores are kept \
                                   from here on";

    /// What there is for the rows of an answer of so many bytes.
    pub(super) fn beside(answer: usize) -> Self {
        let (least, most) = BYTES_OF_ROWS.into_inner();
        Self { bytes: MOST_BYTES.saturating_sub(answer).clamp(least, most), is_full: false }
    }

    /// Whether one more row is kept where so many `rows` take so many `bytes`.
    pub(super) fn takes(&mut self, rows: usize, bytes: usize, is_configured: impl FnOnce() -> bool) -> bool {
        self.is_full |= rows >= MOST_ROWS || bytes > self.bytes;
        !self.is_full || bytes <= self.bytes + BYTES_OF_CONFIGURED && is_configured()
    }
}

/// The texts of rows, shared with the row before: answers come sorted by store.
#[derive(Default)]
pub(super) struct Texts {
    app_id: Option<AppId>,
    dates: [Option<Arc<str>>; 2],
    bytes: usize,
}

impl Texts {
    /// What they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The row that they were read for is not kept.
    pub(super) fn back_to(&mut self, bytes: usize) {
        self.bytes = bytes;
    }

    /// Reads `appId`.
    pub(super) fn app_id<'de>(&mut self, raw: Raw<'de>) -> Result<AppId, Fault<'de>> {
        let sent = Scalar::of(raw);
        let Scalar::Text(text) = &sent else {
            return Err(Fault { field: "appId", problem: "not an appId:", sent });
        };
        let Some(new) = AppId::parse(text) else {
            return Err(Fault { field: "appId", problem: "not an appId:", sent });
        };
        if new.heap_bytes() == 0 {
            return Ok(new);
        }
        if let Some(known) = self.app_id.as_ref().filter(|known| known.as_str() == new.as_str()) {
            return Ok(known.clone());
        }
        self.bytes += new.heap_bytes() + TEXT_OVERHEAD;
        self.app_id = Some(new.clone());
        Ok(new)
    }

    /// The vendor's own text of a date, one of two in a row.
    pub(super) fn date(&mut self, which: usize, text: &str) -> Arc<str> {
        if let Some(known) = self.dates[which].as_ref().filter(|known| known.as_ref() == text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.bytes += text.len() + TEXT_OVERHEAD;
        self.dates[which] = Some(Arc::clone(&new));
        new
    }
}
