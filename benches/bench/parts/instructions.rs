//! Instructions of fetching, parsing and storing a large answer: they repeat where times do not.

use crate::answers::Manner;
use crate::database::{copy, number, remove};
use crate::machine::{Bench, is_installed};
use crate::shop::{DAYS, settings};
use crate::table;
use crate::trial::BY_POSKEEPER;
use crate::vendor::Vendor;
use crate::verdict::Verdict;
use anyhow::{Context, ensure};
use serde::Deserialize;
use std::path::Path;
use std::process::{Command, Stdio};

const STORES: u32 = 5_000;
/// More than a compiler's whim, less than a mistake.
const ROOM: f64 = 1.1;

/// `benches/instructions.toml`.
#[derive(Debug, Deserialize)]
struct Figures {
    first: u64,
    unchanged: u64,
}

pub fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    ensure!(is_installed("valgrind"), "valgrind is not there: apt install valgrind");
    let file = bench.root.join("benches/instructions.toml");
    let folder = bench.folder("instructions")?;
    let vendor = Vendor::start(bench, Manner { stores: STORES, ..Manner::default() })?;
    let own = folder.join("settings.toml");
    std::fs::write(&own, settings("poskeeper.db", &vendor.base_url, 1, "access_config_cron = \"\"\n"))?;
    let (database, seen) = (folder.join("poskeeper.db"), folder.join("seen.db"));

    let first = count(bench, &own)?;
    let stored = number(&database, BY_POSKEEPER)?;
    ensure!(stored == i64::from(STORES) * DAYS as i64, "{stored} days are stored");
    copy(&database, &seen)?;
    remove(&database)?;
    copy(&seen, &database)?;
    let unchanged = count(bench, &own)?;

    if bench.options.write {
        let head = "# Instructions of `poskeeper once` with one answer of 40,000 rows, counted by valgrind's callgrind.\n\
                    # Written by `bash .ci/instructions --write`; a run that needs 10% more fails.\n";
        std::fs::write(&file, format!("{head}first = {first}\nunchanged = {unchanged}\n"))?;
    }
    let known = config::Config::builder().add_source(config::File::from(file.as_path())).build()?;
    let known: Figures = known.try_deserialize().context("benches/instructions.toml")?;
    let rows = [("first", first, known.first), ("unchanged", unchanged, known.unchanged)];
    let row = |(name, counted, known): (&str, u64, u64)| {
        vec![name.to_owned(), counted.to_string(), known.to_string(), format!("{:.3}", counted as f64 / known as f64)]
    };
    table::print(
        "Instructions of one answer of 40,000 rows",
        &["", "counted", "known", "ratio"],
        rows.map(row).to_vec(),
    );
    for (name, counted, known) in rows {
        let ratio = counted as f64 / known as f64;
        ensure!(
            ratio <= ROOM,
            "{name}: {counted} instructions, {known} are known; where the price is right: bash .ci/instructions --write"
        );
        if ratio < 1.0 / ROOM {
            println!("{name} has become cheaper: hold it with bash .ci/instructions --write");
        }
    }
    Ok(Vec::new())
}

/// Runs a pass under valgrind.
fn count(bench: &Bench, settings: &Path) -> anyhow::Result<u64> {
    let product = bench.poskeeper(settings, &["once"]);
    let output = settings.with_file_name("callgrind.out");
    // Everything that could differ from run to run: the place of the memory, the environment.
    let mut command = Command::new("valgrind");
    command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", output.display()));
    command.arg(product.get_program()).args(product.get_args());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    ensure!(ended.success(), "{command:?}: {ended}");
    let profile = std::fs::read_to_string(&output)?;
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: ")).context("callgrind's totals")?;
    total.trim().parse().context("callgrind's totals")
}
