//! The map in src/lib.rs is true: it names every module, and imports point down its list. Nor does any
//! import run in a circle within a module.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
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

/// A module by its way down from src/: `["store", "views"]`.
type Module = Vec<String>;

/// The code of every module, without its tests.
fn modules() -> BTreeMap<Module, String> {
    let mut modules = BTreeMap::new();
    for file in files(&source()).into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "rs")) {
        let place = file.strip_prefix(source()).expect("below src/").with_extension("");
        let mut module: Module = place.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        module.pop_if(|name| name == "mod" || name == "lib");
        if module.iter().all(|name| name != "tests") {
            let text = std::fs::read_to_string(&file).expect("source");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let lines: Vec<_> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            modules.insert(module, lines.join("\n"));
        }
    }
    modules
}

/// What a module's code names: `super::views::View`, and each of `crate::store::{Store, StoreError}`.
fn paths(module: &[String], code: &str) -> Vec<Module> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(start) = [rest.find("super::"), rest.find("crate::")].into_iter().flatten().min() {
        rest = &rest[start..];
        let mut path = if rest.starts_with("super") { module.to_vec() } else { Module::new() };
        while let Some((name, below)) = rest.split_once("::").filter(|(name, _)| name.chars().all(is_part)) {
            match name {
                "super" => drop(path.pop()),
                "crate" => {}
                _ => path.push(name.to_owned()),
            }
            rest = below;
        }
        let last = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default(),
            None => rest.split(|letter| !is_part(letter)).next().unwrap_or_default(),
        };
        assert!(!last.contains('{'), "{}: one `use` line for each module, please: {last}", module.join("::"));
        let first = |path: &str| path.trim().split(|letter| !is_part(letter)).next().unwrap_or_default().to_owned();
        found.extend(last.split(',').map(first).map(|name| [path.as_slice(), &[name]].concat()));
    }
    found
}

/// What a module has from a file of its folder and is named as the module's own, and where it comes from.
fn re_exports(modules: &BTreeMap<Module, String>) -> BTreeMap<Module, Module> {
    let mut homes = BTreeMap::new();
    for (module, code) in modules {
        for import in code.split(';').filter_map(|statement| Some(statement.rsplit_once("use ")?.1)) {
            let absolute = format!("crate::{}::{import}", module.join("::"));
            let from_below = paths(module, &absolute)
                .into_iter()
                .filter(|path| path.len() == module.len() + 2 && modules.contains_key(&path[..=module.len()]));
            homes.extend(from_below.map(|path| ([module.as_slice(), &path[module.len() + 1..]].concat(), path)));
        }
    }
    homes
}

/// The shortest way from a module back to itself.
fn circle(imports: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<&str>> {
    let ways_back = imports.keys().filter_map(|start| {
        let mut ways = VecDeque::from([vec![start.as_str()]]);
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop_front() {
            for next in imports.get(*way.last()?).into_iter().flatten() {
                let longer = [way.as_slice(), &[next.as_str()]].concat();
                if next == start {
                    return Some(longer);
                }
                if seen.insert(next) {
                    ways.push_back(longer);
                }
            }
        }
        None
    });
    ways_back.min_by_key(Vec::len)
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

#[test]
fn no_imports_among_the_files_of_a_folder_run_in_a_circle() {
    let modules = modules();
    let homes = re_exports(&modules);
    let mut folders: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (module, code) in &modules {
        for path in paths(module, code) {
            let depth = module.iter().zip(&path).take_while(|(own, other)| own == other).count();
            let (Some(from), Some(sibling)) = (module.get(depth), path.get(..=depth)) else { continue };
            let to = homes.get(sibling).map_or(sibling, |home| &home[..=depth]);
            if modules.contains_key(to) && to[depth] != *from {
                let folder = folders.entry(module[..depth].to_vec()).or_default();
                folder.entry(from.clone()).or_default().insert(to[depth].clone());
            }
        }
    }
    assert!(folders.contains_key(["store".to_owned()].as_slice()), "the files of src/store do import each other");
    let circles = folders.iter().filter_map(|(folder, imports)| {
        Some(format!("src/{}: {}", folder.join("/"), circle(imports)?.join(" imports ")))
    });
    let circles: Vec<_> = circles.collect();
    assert!(circles.is_empty(), "imports run in a circle: {}", circles.join("; "));
}
