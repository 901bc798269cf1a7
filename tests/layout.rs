//! The map in src/lib.rs is true: it names every module, and imports point down its list.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Modules whose imports are named one by one: they can be read, tested and trusted alone.
const USES_ONLY: [(&str, &[&str]); 6] = [
    ("model", &[]),
    ("rules", &["model"]),
    ("vendors", &["model"]),
    ("store", &["rules", "model"]),
    ("settings", &["model"]),
    ("sandbox", &["clock", "model"]),
];
/// They turn the settings into constructor arguments for all others.
const MAY_SEE_SETTINGS: [&str; 3] = ["cli", "daemon", "logging"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The modules in the order of the map, each as it stands there: `cli/` or `clock.rs`.
fn map() -> Vec<String> {
    let text = std::fs::read_to_string(source().join("lib.rs")).expect("src/lib.rs");
    let block = text.split("//! ```").nth(1).expect("a map in src/lib.rs").to_owned();
    let lines = block.lines().skip(1).filter_map(|line| line.strip_prefix("//! "));
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn module(entry: &str) -> &str {
    entry.trim_end_matches('/').trim_end_matches(".rs")
}

fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|entry| files(&entry)).collect()
}

/// The top-level modules that a file names, its own included.
fn imports(file: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(file).expect("source");
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut found = BTreeSet::new();
    for line in code {
        for rest in line.split("crate::").skip(1) {
            let name: String = rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
            assert!(!name.is_empty(), "{}: one `use crate::` line for each module, please: {line}", file.display());
            found.insert(name);
        }
    }
    found
}

/// Who imports whom, and the file that does.
fn all_imports() -> Vec<(String, String, PathBuf)> {
    let mut all = Vec::new();
    for entry in map() {
        let name = module(&entry);
        for file in files(&source().join(&entry)) {
            let others = imports(&file).into_iter().filter(|import| import != name);
            all.extend(others.map(|import| (name.to_owned(), import, file.clone())));
        }
    }
    all
}

#[test]
fn the_map_names_every_module() {
    let entries = std::fs::read_dir(source()).expect("src").map(|entry| entry.expect("an entry").path());
    let there = entries.filter(|path| !path.ends_with("lib.rs")).map(|path| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() { format!("{name}/") } else { name }
    });
    assert_eq!(map().into_iter().collect::<BTreeSet<_>>(), there.collect());
}

#[test]
fn imports_point_down_the_map() {
    let map = map();
    let place = |name: &str| map.iter().position(|entry| module(entry) == name);
    for (from, to, file) in all_imports() {
        let place_of = |name: &str| place(name).unwrap_or_else(|| panic!("{}: no module {name}", file.display()));
        assert!(place_of(&from) < place_of(&to), "{}: {from} must not import {to}", file.display());
    }
}

#[test]
fn what_can_be_trusted_alone_imports_nothing_else() {
    for (from, to, file) in all_imports() {
        let is_allowed = USES_ONLY.iter().all(|(name, uses)| *name != from || uses.contains(&to.as_str()));
        assert!(is_allowed, "{}: {from} must not import {to}", file.display());
    }
}

#[test]
fn settings_and_clock_are_for_the_upper_floors() {
    let map = map();
    let jobs = map.iter().position(|entry| module(entry) == "jobs").expect("jobs");
    let upper: BTreeSet<_> = map[..=jobs].iter().map(|entry| module(entry)).collect();
    for (from, to, file) in all_imports() {
        if to == "settings" {
            assert!(MAY_SEE_SETTINGS.contains(&from.as_str()), "{}: hand it values, not settings", file.display());
        }
        // The sandbox is a world of its own; log lines carry the time.
        if to == "clock" && !["sandbox", "logging"].contains(&from.as_str()) {
            assert!(upper.contains(from.as_str()), "{}: hand it `now`", file.display());
        }
    }
}
