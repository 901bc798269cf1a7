//! The settings file and the environment, merged into one tree of values.

use super::faults::{Complaint, Fault};
use super::nearest::nearest;
use super::reader::Reader;
use super::section::variable_of;
use config::{Config, ConfigError, Environment, FileFormat, Map, Source, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// More than any settings, and no way to fill the memory.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The settings file as it was found. No `Debug`: it may hold secrets.
pub(super) struct Document {
    pub(super) text: String,
    pub(super) mode: u32,
}

impl Document {
    pub(super) fn read(file: &Path) -> Result<Self, Fault> {
        let (bytes, mode) = read_bytes(file).map_err(|error| {
            let cure = match error.kind() {
                ErrorKind::NotFound => "create it from the annotated settings.toml, or name another with --config FILE",
                ErrorKind::PermissionDenied => "let the user that poskeeper runs as read it",
                ErrorKind::IsADirectory => "name the file in it with --config FILE",
                _ => "see to the file, or name another with --config FILE",
            };
            Fault::of_file(Complaint::new(format!("the file cannot be read: {error}"), cure))
        })?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            let wrong = "the file is over 1 MiB, so it is no settings file";
            return Err(Fault::of_file(Complaint::new(wrong, "name another with --config FILE")));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
            let wrong = format!("the file is not UTF-8 text (line {line})");
            Fault::of_file(Complaint::new(wrong, "save it as UTF-8"))
        })?;
        // Editors on Windows put a mark before the first line.
        let text = text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned);
        Ok(Self { text, mode })
    }
}

fn read_bytes(file: &Path) -> std::io::Result<(Vec<u8>, u32)> {
    let open = File::open(file)?;
    let mode = open.metadata()?.mode() & 0o7777;
    let mut bytes = Vec::new();
    open.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok((bytes, mode))
}

/// The values of `text`, overridden by `overrides` (which hold known names only).
pub(super) fn tree(text: &str, overrides: HashMap<String, String>) -> Result<Map<String, Value>, Fault> {
    let environment = Environment::with_prefix("POSKEEPER").prefix_separator("__").separator("__");
    let built = Config::builder()
        .add_source(config::File::from_str(text, FileFormat::Toml))
        .add_source(environment.source(Some(overrides)))
        .build();
    built.and_then(|config| config.collect()).map_err(|error| Fault::of_file(syntax_complaint(&error)))
}

/// The parser's own message quotes the line that it stumbled over, and that may hold a secret: only
/// the position and the reason are kept.
fn syntax_complaint(error: &ConfigError) -> Complaint {
    let cure = "correct that line (text needs quotes, every section its [heading])";
    let ConfigError::FileParse { cause, .. } = error else {
        return Complaint::new("the file cannot be understood", cure);
    };
    let message = cause.to_string();
    let mut lines = message.lines();
    let first = lines.next().unwrap_or_default();
    match first.strip_prefix("TOML parse error at ") {
        Some(position) => {
            let reason = lines.next_back().unwrap_or("not TOML").trim();
            Complaint::new(format!("the file is not TOML at {position}: {reason}"), cure)
        }
        None => Complaint::new(format!("the file is not TOML: {first}"), cure),
    }
}

/// Those of `overrides` that override a key of `known`; the others are reported.
pub(super) fn sift(
    overrides: &BTreeMap<String, String>,
    known: &BTreeSet<String>,
    reader: &Reader,
) -> HashMap<String, String> {
    let listed = |key: &&String| !key.starts_with("devices.") && !key.starts_with("pospal.apps.");
    let variables: BTreeSet<_> = known.iter().filter(listed).map(|key| variable_of(key)).collect();
    let mut sifted = HashMap::new();
    for (name, value) in overrides {
        let complaint = if variables.contains(name) && !value.contains('\u{fffd}') {
            sifted.insert(name.clone(), value.clone());
            continue;
        } else if variables.contains(name) {
            Complaint::new("is not UTF-8 text", "write it in UTF-8, or unset it")
        } else if ["POSKEEPER__DEVICES", "POSKEEPER__POSPAL__APPS"].iter().any(|list| name.starts_with(list)) {
            Complaint::new("cannot be set in the environment", "devices and apps come from the settings file only")
        } else {
            let near = nearest(name, variables.iter().map(String::as_str)).unwrap_or("none");
            Complaint::new("is not a known variable", format!("unset it; the nearest known one is {near}"))
        };
        reader.report(Fault::of_key(name, complaint));
    }
    sifted
}
