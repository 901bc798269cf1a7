//! Values as a fault may show them.

use crate::model::single_line;
use config::{Map, Value, ValueKind};

/// A number, a flag or a short text. `None`: too much to show, or a URL with a password or a key in it.
pub(super) fn shown(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::String(text) if text.contains(['@', '?', '#']) && text.contains('/') => None,
        ValueKind::String(text) => Some(format!("\"{}\"", single_line(text))),
        ValueKind::Boolean(flag) => Some(flag.to_string()),
        ValueKind::I64(number) => Some(number.to_string()),
        ValueKind::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The kind of a value, in an operator's words.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match &value.kind {
        ValueKind::Nil => "nothing",
        ValueKind::Boolean(_) => "true or false",
        ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => "a whole number",
        ValueKind::Float(_) => "a number with a fraction",
        ValueKind::String(_) => "text",
        ValueKind::Table(_) => "a section",
        ValueKind::Array(_) => "a list",
    }
}

/// Which device or app a section is, so that nobody has to count sections.
pub(super) fn label_of(pattern: &str, table: &Map<String, Value>) -> Option<String> {
    let (noun, keys): (_, &[&str]) = match pattern {
        "devices" => ("device", &["name"]),
        "pospal.apps" => ("app", &["name", "app_id"]),
        _ => return None,
    };
    let named = keys.iter().find_map(|key| match &table.get(*key)?.kind {
        ValueKind::String(text) if !text.trim().is_empty() => Some(single_line(text)),
        ValueKind::I64(number) => Some(number.to_string()),
        _ => None,
    });
    named.map(|name| format!("({noun} \"{name}\")"))
}
