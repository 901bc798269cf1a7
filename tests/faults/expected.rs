//! What the contract says about one fault on one endpoint.

/// The ledger's word, the log line's words, and the rows that are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    pub outcome: &'static str,
    pub http_status: Option<u16>,
    /// In the one line about it; empty: there is nothing to tell.
    pub words: &'static str,
    /// Good rows in the ledger; a login has none.
    pub rows: Option<u32>,
}

impl Expected {
    /// Requests of one slot: the first, and two retries of an unreachable server.
    pub fn attempts(&self) -> usize {
        if self.outcome == "unreachable" { 3 } else { 1 }
    }
}

/// A good answer with so many rows, and nothing to tell.
pub fn ok(rows: u32) -> Expected {
    Expected { outcome: "ok", http_status: Some(200), words: "", rows: Some(rows) }
}

/// A good answer with the one row of the app itself, and something that was left out.
pub fn odd(words: &'static str) -> Expected {
    Expected { words, ..ok(1) }
}

pub fn refused(words: &'static str) -> Expected {
    Expected { outcome: "refused", http_status: Some(200), words, rows: None }
}

pub fn unexpected(http_status: u16, words: &'static str) -> Expected {
    Expected { outcome: "unexpected", http_status: Some(http_status), words, rows: None }
}

/// No answer, or only a part of one with this status.
pub fn unreachable(http_status: Option<u16>, words: &'static str) -> Expected {
    Expected { outcome: "unreachable", http_status, words, rows: None }
}
