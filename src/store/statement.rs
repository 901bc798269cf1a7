//! How many rows one statement writes, and which statements are kept prepared.

/// Rows in one statement: more gains nothing (SQLite allows 32,766 values).
pub(super) const ROWS_PER_STATEMENT: usize = 500;

/// Whether a statement of so many rows is kept prepared: a full one, and the few of a store's own answer.
/// Each that is kept takes some hundred bytes for a value.
pub(super) fn is_worth_keeping(rows: usize) -> bool {
    rows == ROWS_PER_STATEMENT || rows <= 9
}
