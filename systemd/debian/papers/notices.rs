//! Whose work is in the program: every crate that is linked in, and its licence files word for word.

use anyhow::Context;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const HEAD: &str = "\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: poskeeper
Comment:
 The program is linked statically with the Rust crates below, each in the folder
 to which `cargo vendor --versioned-dirs vendor` brings it. SQLite, within
 libsqlite3-sys, and the time zone database, within chrono-tz, are in the public
 domain. This file is made from the crates' own manifests and licence files.

Files: *
Copyright: 2026 the poskeeper developers
License: MIT or Apache-2.0

License: MIT
";
const APACHE: &str = "
License: Apache-2.0
 On Debian systems the full text of the Apache License, version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
";
const WHERE: &str = " Its licence files, word for word: /usr/share/doc/poskeeper/third-party-notices.gz";

/// What `cargo metadata` says, as far as it is read here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    authors: Vec<String>,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    root: String,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// `None`: linked in; else for builds or tests only.
    kind: Option<String>,
}

pub(super) struct Notices {
    /// In Debian's form.
    pub(super) copyright: String,
    /// Each text once, under the names of the crates that bring it.
    pub(super) licence_files: String,
}

pub(super) fn collect() -> anyhow::Result<Notices> {
    let metadata = metadata()?;
    let mut copyright = HEAD.to_owned();
    include_str!("../../../LICENSE-MIT").lines().skip(2).for_each(|line| copyright.push_str(&debian_line(line)));
    copyright.push_str(APACHE);
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in linked(&metadata) {
        let title = format!("{}-{}", package.name, package.version);
        let licence = package.license.as_deref().with_context(|| format!("{title} names no licence"))?;
        let files = licence_files(&package.manifest_path)?;
        let holders = holders(&files, &package.authors);
        writeln!(copyright, "\nFiles: vendor/{title}/*\nCopyright: {}", holders.join("\n           "))?;
        writeln!(copyright, "License: {}\n{WHERE}", in_debians_words(licence))?;
        if files.is_empty() {
            let text = format!("No licence file is in this crate. Its manifest says: {licence}\n");
            texts.entry(text).or_default().insert(title.clone());
        }
        files.into_iter().for_each(|text| _ = texts.entry(text).or_default().insert(title.clone()));
    }
    let mut licence_files = String::new();
    for (text, crates) in texts {
        let crates = crates.into_iter().collect::<Vec<_>>().join(", ");
        writeln!(licence_files, "{0}\n{crates}\n{0}\n\n{1}\n", "=".repeat(80), text.trim_end())?;
    }
    Ok(Notices { copyright, licence_files })
}

fn metadata() -> anyhow::Result<Metadata> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["metadata", "--locked", "--format-version=1", "--filter-platform", &platform])
        .output()?;
    anyhow::ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The crates whose code is in the program: not those of tests, build scripts and macros.
fn linked(metadata: &Metadata) -> Vec<&Package> {
    let nodes: HashMap<_, _> = metadata.resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let packages: HashMap<_, _> = metadata.packages.iter().map(|package| (&package.id, package)).collect();
    let is_macro = |package: &Package| package.targets.iter().any(|target| target.kind.contains(&"proc-macro".into()));
    let mut seen = HashSet::from([&metadata.resolve.root]);
    let mut open = vec![&metadata.resolve.root];
    while let Some(id) = open.pop() {
        let deps = nodes[id].deps.iter().filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind.is_none()));
        let deps = deps.map(|dep| &dep.pkg).filter(|id| !is_macro(packages[id]));
        open.extend(deps.filter(|id| seen.insert(id)));
    }
    seen.remove(&metadata.resolve.root);
    let mut found: Vec<_> = seen.into_iter().map(|id| packages[id]).collect();
    found.sort_by_key(|package| (&package.name, &package.version));
    found
}

/// The texts of the files at the top of a crate that tell of its licence.
fn licence_files(manifest: &Path) -> anyhow::Result<Vec<String>> {
    let folder = manifest.parent().context("a manifest lies in a folder")?;
    let mut files: Vec<_> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        path.is_file() && ["licen", "copying", "copyright", "notice", "unlicense"].iter().any(|s| name.starts_with(s))
    });
    files.sort();
    let text = |path: &PathBuf| Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned());
    files.iter().map(text).collect()
}

/// Who is named as the holder of a copyright; the authors, where no file names any.
fn holders(files: &[String], authors: &[String]) -> Vec<String> {
    let lines = files.iter().flat_map(|text| text.lines()).map(str::trim);
    let claims = lines.filter_map(|line| {
        let rest = line.trim_start_matches(['*', '/', '#', ' ']).strip_prefix("Copyright")?;
        let rest = rest.trim_start().trim_start_matches("(c)").trim_start_matches("(C)").trim_start_matches('©');
        // The Apache License has blanks to fill in, and sentences that begin with the word.
        let names_a_year = rest.trim_start().starts_with(|letter: char| letter.is_ascii_digit());
        names_a_year.then(|| rest.trim().to_owned())
    });
    let claims: BTreeSet<_> = claims.collect();
    match (claims.is_empty(), authors.is_empty()) {
        (false, _) => claims.into_iter().collect(),
        (true, false) => authors.to_vec(),
        (true, true) => vec!["the developers of the crate".to_owned()],
    }
}

/// An expression of SPDX, or the older form with a slash.
fn in_debians_words(licence: &str) -> String {
    licence.replace(" / ", "/").replace('/', " or ").replace(" OR ", " or ").replace(" AND ", " and ")
}

/// A line of a text within a field: indented, and a blank one is a dot.
fn debian_line(line: &str) -> String {
    if line.trim().is_empty() { " .\n".to_owned() } else { format!(" {line}\n") }
}
