//! Typed values out of one section of the settings. A wrong value is reported and becomes `None`, so
//! that reading goes on.

use super::faults::{Complaint, Fault};
use super::reader::Reader;
use super::shown::{kind_of, label_of, shown};
use config::{Map, Value, ValueKind};
use std::ops::{Bound, RangeBounds, RangeInclusive};

/// What `config` calls the origin of a value that an environment variable gave.
const ENVIRONMENT: &str = "the environment";

/// A table of the tree, or the want of one. No `Debug`: it may hold secrets.
#[derive(Clone)]
pub(super) struct Section<'a> {
    reader: &'a Reader,
    table: Option<&'a Map<String, Value>>,
    /// As the operator must look for it: `devices[0]`
    path: String,
    /// As the contract names it: `devices`
    pattern: String,
}

/// A value asked for.
pub(super) enum Given<T> {
    /// Not in the tree.
    Absent,
    /// In the tree, but wrong, and reported.
    Faulty,
    /// There.
    Is(T),
}

impl<'a> Section<'a> {
    pub(super) fn root(reader: &'a Reader, tree: &'a Map<String, Value>) -> Self {
        Self { reader, table: Some(tree), path: String::new(), pattern: String::new() }
    }

    /// As the contract names it: `devices`
    pub(super) fn pattern(&self) -> &str {
        &self.pattern
    }

    /// What is in it.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.table.into_iter().flatten()
    }

    /// `[key]`
    pub(super) fn section(&self, key: &str) -> Section<'a> {
        let table = match self.find(key) {
            None => None,
            Some(Value { kind: ValueKind::Table(table), .. }) => Some(table),
            Some(other) => {
                let wrong = format!("is {}, not a section", kind_of(other));
                self.report(key, None, Complaint::new(wrong, format!("write [{}]", join(&self.pattern, key))));
                None
            }
        };
        self.child(key, table)
    }

    /// `[[key]]`, each of them.
    pub(super) fn items(&self, key: &str) -> Vec<Section<'a>> {
        let heading = || format!("write [[{}]] above each of them", join(&self.pattern, key));
        let items = match self.find(key) {
            None => return Vec::new(),
            Some(Value { kind: ValueKind::Array(items), .. }) => items,
            Some(other) => {
                let wrong = format!("is {}, not a list of sections", kind_of(other));
                self.report(key, None, Complaint::new(wrong, heading()));
                return Vec::new();
            }
        };
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if let ValueKind::Table(table) = &item.kind {
                sections.push(self.item(key, index, table));
            } else {
                let wrong = format!("is {}, not a section", kind_of(item));
                self.report(&format!("{key}[{index}]"), None, Complaint::new(wrong, heading()));
            }
        }
        sections
    }

    /// Text, made into something by `parse`. `None`: faulty, and reported.
    pub(super) fn parsed<T>(
        &self,
        key: &str,
        default: &str,
        parse: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> Option<T> {
        match self.text(key) {
            Given::Absent => self.accept(key, None, parse(default)),
            Given::Faulty => None,
            Given::Is(text) => self.accept(key, Some(&text), parse(&text)),
        }
    }

    /// Text that must be there. `None`: missing or faulty, and reported.
    pub(super) fn required<T>(
        &self,
        key: &str,
        example: &str,
        parse: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> Option<T> {
        match self.text(key) {
            Given::Absent => {
                self.report(key, None, Complaint::new("is missing", format!("write e.g. {key} = \"{example}\"")));
                None
            }
            Given::Faulty => None,
            Given::Is(text) => self.accept(key, Some(&text), parse(&text)),
        }
    }

    /// As [`Section::required`], of an identifier: operators write those without quotes, too.
    pub(super) fn required_id<T>(
        &self,
        key: &str,
        example: &str,
        parse: impl FnOnce(&str) -> Result<T, Complaint>,
    ) -> Option<T> {
        let number = match self.ask(key).map(|value| &value.kind) {
            Some(ValueKind::I64(number)) => number.to_string(),
            _ => return self.required(key, example, parse),
        };
        self.accept(key, Some(&number), parse(&number))
    }

    fn accept<T>(&self, key: &str, text: Option<&str>, result: Result<T, Complaint>) -> Option<T> {
        result.map_err(|complaint| self.report(key, text.and_then(|text| shown(&text.into())), complaint)).ok()
    }

    fn text(&self, key: &str) -> Given<String> {
        match self.ask(key) {
            None => Given::Absent,
            Some(Value { kind: ValueKind::String(text), .. }) => Given::Is(text.clone()),
            Some(other) => {
                self.wrong_kind(key, other, "text", "write it in quotes");
                Given::Faulty
            }
        }
    }

    /// Text that may be a secret: never shown, empty is absent.
    pub(super) fn secret_text(&self, key: &str) -> Given<String> {
        match self.ask(key) {
            None => Given::Absent,
            Some(Value { kind: ValueKind::String(text), .. }) if text.is_empty() => Given::Absent,
            Some(Value { kind: ValueKind::String(text), .. }) => Given::Is(text.clone()),
            Some(other) => {
                let wrong = format!("is {}, not text", kind_of(other));
                self.report(key, None, Complaint::new(wrong, "write it in quotes"));
                Given::Faulty
            }
        }
    }

    /// A whole number. `None`: faulty, and reported.
    pub(super) fn whole(&self, key: &str, default: u32, range: RangeInclusive<u32>) -> Option<u32> {
        let Some(value) = self.ask(key) else { return Some(default) };
        self.whole_of(key, value, &range)
    }

    fn whole_of(&self, key: &str, value: &Value, range: &RangeInclusive<u32>) -> Option<u32> {
        let number = match &value.kind {
            ValueKind::I64(number) => Some(*number),
            ValueKind::String(text) if is_from_environment(value) => text.trim().parse().ok(),
            _ => None,
        };
        let Some(number) = number else {
            self.wrong_kind(key, value, "a whole number", &format!("write a number: {}", bounds_of(range)));
            return None;
        };
        let fits = u32::try_from(number).ok().filter(|number| range.contains(number));
        if fits.is_none() {
            self.out_of_range(key, value, &bounds_of(range));
        }
        fits
    }

    /// Any number. `None`: faulty, and reported.
    pub(super) fn number(&self, key: &str, default: f64, range: impl RangeBounds<f64>) -> Option<f64> {
        let Some(value) = self.ask(key) else { return Some(default) };
        let number = match &value.kind {
            #[expect(clippy::cast_precision_loss, reason = "every number within a range here is exact")]
            ValueKind::I64(number) => Some(*number as f64),
            ValueKind::Float(number) => Some(*number),
            ValueKind::String(text) if is_from_environment(value) => text.trim().parse().ok(),
            _ => None,
        };
        let Some(number) = number else {
            self.wrong_kind(key, value, "a number", &format!("write a number: {}", bounds_of(&range)));
            return None;
        };
        if !range.contains(&number) {
            self.out_of_range(key, value, &bounds_of(&range));
            return None;
        }
        Some(number)
    }

    /// `true` or `false`. `None`: faulty, and reported.
    pub(super) fn flag(&self, key: &str, default: bool) -> Option<bool> {
        let Some(value) = self.ask(key) else { return Some(default) };
        match &value.kind {
            ValueKind::Boolean(flag) => Some(*flag),
            ValueKind::String(text) if is_from_environment(value) && text.eq_ignore_ascii_case("true") => Some(true),
            ValueKind::String(text) if is_from_environment(value) && text.eq_ignore_ascii_case("false") => Some(false),
            _ => {
                self.wrong_kind(key, value, "true or false", "write true or false, without quotes");
                None
            }
        }
    }

    /// Whole numbers; "80, 95" in the environment. `None`: faulty, and reported.
    pub(super) fn wholes(&self, key: &str, default: &[u32], range: RangeInclusive<u32>) -> Option<Vec<u32>> {
        let Some(value) = self.ask(key) else { return Some(default.to_vec()) };
        let items = match &value.kind {
            ValueKind::Array(items) => items.clone(),
            ValueKind::String(text) if is_from_environment(value) => {
                let parts = text.split(',').filter(|_| !text.trim().is_empty());
                parts.map(|part| Value::new(Some(&ENVIRONMENT.to_owned()), part.trim())).collect()
            }
            _ => {
                self.wrong_kind(key, value, "a list of whole numbers", "write e.g. [80, 95], or [] for none");
                return None;
            }
        };
        let read = |(index, item)| self.whole_of(&format!("{key}[{index}]"), item, &range);
        let numbers: Vec<_> = items.iter().enumerate().map(read).collect();
        numbers.into_iter().collect()
    }

    /// Reports a fault of `key`; a value that an environment variable gave is traced back to it.
    pub(super) fn report(&self, key: &str, value: Option<String>, complaint: Complaint) {
        let whole_key = key.split('[').next().unwrap_or(key);
        let full = match self.find(whole_key) {
            Some(value) if is_from_environment(value) => {
                format!("{} (from {})", self.key(key), variable_of(&join(&self.pattern, whole_key)))
            }
            _ => self.key(key),
        };
        self.reader.report(Fault::of_key(full, complaint).with_value(value));
    }

    /// The section's own name: `devices[0]`
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    fn wrong_kind(&self, key: &str, value: &Value, wanted: &str, cure: &str) {
        let wrong = format!("is {}, not {wanted}", kind_of(value));
        self.report(key, shown(value), Complaint::new(wrong, cure));
    }

    fn out_of_range(&self, key: &str, value: &Value, bounds: &str) {
        self.report(key, shown(value), Complaint::new("is out of range", format!("write a number: {bounds}")));
    }

    /// The value of a key that is hereby known.
    fn ask(&self, key: &str) -> Option<&'a Value> {
        self.reader.asked_for(join(&self.pattern, key));
        self.find(key)
    }

    fn find(&self, key: &str) -> Option<&'a Value> {
        self.table.and_then(|table| table.get(key)).filter(|value| value.kind != ValueKind::Nil)
    }

    pub(super) fn child(&self, key: &str, table: Option<&'a Map<String, Value>>) -> Section<'a> {
        Section { reader: self.reader, table, path: join(&self.path, key), pattern: join(&self.pattern, key) }
    }

    pub(super) fn item(&self, key: &str, index: usize, table: &'a Map<String, Value>) -> Section<'a> {
        let path = format!("{}[{index}]", join(&self.path, key));
        Section { reader: self.reader, table: Some(table), path, pattern: join(&self.pattern, key) }
    }

    /// The full name of one of its keys, with the device or app in words.
    fn key(&self, key: &str) -> String {
        let full = join(&self.path, key);
        self.table
            .and_then(|table| label_of(&self.pattern, table))
            .map_or(full.clone(), |label| format!("{full} {label}"))
    }
}

fn is_from_environment(value: &Value) -> bool {
    value.origin() == Some(ENVIRONMENT)
}

/// The environment variable that overrides `key`.
pub(super) fn variable_of(key: &str) -> String {
    format!("POSKEEPER__{}", key.replace('.', "__").to_uppercase())
}

/// A dotted key.
pub(super) fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

fn bounds_of<T: std::fmt::Display>(range: &impl RangeBounds<T>) -> String {
    match (range.start_bound(), range.end_bound()) {
        (Bound::Included(from), Bound::Included(to)) => format!("{from} to {to}"),
        (Bound::Excluded(from), Bound::Included(to)) => format!("over {from}, at most {to}"),
        (Bound::Included(from) | Bound::Excluded(from), _) => format!("{from} or more"),
        (Bound::Unbounded, Bound::Included(to) | Bound::Excluded(to)) => format!("up to {to}"),
        (Bound::Unbounded, Bound::Unbounded) => "any".to_owned(),
    }
}
