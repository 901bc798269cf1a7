//! Rows as JSON: an array of objects with the columns in their order.

use crate::store::{Cell, Sheet};
use serde::{Serialize, Serializer};

/// A sheet, ready for JSON.
pub(super) struct Objects<'a>(pub(super) &'a Sheet);

struct Object<'a> {
    columns: &'a [String],
    row: &'a [Cell],
}

impl Serialize for Objects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.rows.iter().map(|row| Object { columns: &self.0.columns, row }))
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.columns.iter().zip(self.row))
    }
}

/// For people and programs alike: indented, with a newline at the end.
pub(super) fn json(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
