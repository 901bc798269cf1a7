//! One answer with the rows of a whole chain: all stores, eight days.

use crate::answers::{Manner, stores, usage};
use crate::database::{remove, run_sql, schema};
use crate::helpers::FETCH;
use crate::machine::Bench;
use crate::measure::{Usage, measure};
use crate::peers::Peer;
use crate::process::idle_daemon;
use crate::rounds::{Contender, find, take_turns};
use crate::shop::{DAYS, LIMIT, app_id, day_number, now_ms, peer_settings, settings, used_times, window};
use crate::table::{number, print, print_runs};
use crate::trial::{BY_PEER, BY_POSKEEPER, Trial};
use crate::vendor::Vendor;
use crate::verdict::Verdict;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const FIRST: &str = "poskeeper, first";
const UNCHANGED: &str = "poskeeper, unchanged";
const CHANGED: &str = "poskeeper, 1% changed";
const OWN_TABLE: &str = "limit: sqlite3 .import into poskeeper's tables";
const TEXT_TABLE: &str = "limit: sqlite3 .import into a table with text keys";
/// Only the daily numbers are asked for, by one app.
const POSPAL: &str = "access_config_cron = \"\"\n";

pub fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let count = bench.options.sizes.stores;
    let rows = i64::from(count) * DAYS as i64;
    let folder = bench.folder("chain")?;
    let same = Manner { stores: count, ..Manner::default() };
    // One row in a hundred: the newest of these stores.
    let grown = Manner { changed: u32::try_from(rows / 100)?, ..same };
    let (vendor, grown_vendor) = (Vendor::start(bench, same)?, Vendor::start(bench, grown)?);

    let trial = |name: &str, vendor: &Vendor| -> anyhow::Result<Trial> {
        let file = folder.join(format!("{name}.toml"));
        std::fs::write(&file, settings(&format!("{name}.db"), &vendor.base_url, 1, POSPAL))?;
        let command = bench.poskeeper(&file, &["once"]);
        Ok(Trial { command, database: folder.join(format!("{name}.db")), stored: (BY_POSKEEPER, rows) })
    };
    let (own, own_grown) = (trial("same", &vendor)?, trial("grown", &grown_vendor)?);
    let seen = own.seen()?;
    let peers_settings = folder.join("peers.json");
    std::fs::write(&peers_settings, peer_settings(&vendor.base_url, 1, true))?;
    let mut trials = Vec::new();
    for (number, peer) in Peer::installed(bench, &[Peer::Requests, Peer::Aiohttp, Peer::Undici]).into_iter().enumerate()
    {
        let database = folder.join(format!("peer-{number}.db"));
        let command = peer.command(bench, &peers_settings, &database, false);
        trials.push((peer.name(), Trial { command, database, stored: (BY_PEER, rows) }));
    }
    let imports = [(OWN_TABLE, own_import(bench, &folder)?), (TEXT_TABLE, text_import(bench, &folder)?)];
    let mut bare = Command::new(std::env::current_exe()?);
    bare.arg(FETCH).arg(&peers_settings);

    let mut contenders = vec![
        Contender::new(FIRST, || own.first()),
        Contender::new(UNCHANGED, || own.after(&seen)),
        Contender::new(CHANGED, || own_grown.after(&seen)),
    ];
    for (name, trial) in &trials {
        let seen = trial.seen()?;
        contenders.push(Contender::new(format!("{name}, first"), || trial.first()));
        contenders.push(Contender::new(format!("{name}, unchanged"), move || trial.after(&seen)));
    }
    for (name, (database, import)) in &imports {
        contenders.push(Contender::new(*name, || {
            remove(database)?;
            measure(import)
        }));
    }
    contenders.push(Contender::new("limit: fetch, unpack and parse alone", || measure(&bare)));

    let runs = take_turns(contenders, bench.options.runs);
    print_runs(&format!("One answer of {rows} rows"), &runs, &[FIRST, UNCHANGED, CHANGED]);

    let mut verdicts = Vec::new();
    for (own, at_most) in [(FIRST, 1.6), (UNCHANGED, 0.9)] {
        for import in [OWN_TABLE, TEXT_TABLE] {
            if let (Some(own), Some(import)) = (find(&runs, own), find(&runs, import)) {
                let work = format!("answer of {rows} rows: CPU of {}", own.name);
                verdicts.push(Verdict::ratio(work, &import.name, own.ratio(import, Usage::cpu_ms), at_most));
            }
        }
    }
    if let Some(unchanged) = find(&runs, UNCHANGED) {
        let written = unchanged.median(|usage| usage.written_kb);
        verdicts.push(Verdict::amount("the same, unchanged: written", written, 64.0, "kB"));
    }

    let idle = idle_memory(bench, &folder, &vendor)?;
    let body_kb = usage(&stores(count), same, window().0, window().1).len() as f64 / 1024.0;
    for own in [FIRST, UNCHANGED].into_iter().filter_map(|name| find(&runs, name)) {
        let above = (own.median(|usage| usage.peak_kb) - idle) / body_kb;
        verdicts.push(Verdict::ratio(
            format!("peak memory of {}, above idle", own.name),
            "the answer, unpacked",
            above,
            3.0,
        ));
    }
    let memory = [("idle daemon, RSS", idle), ("the answer, unpacked", body_kb)];
    let memory = memory.map(|(name, kb)| vec![name.to_owned(), number(kb / 1024.0)]).to_vec();
    print("For the peak of memory", &["", "MB"], memory);
    Ok(verdicts)
}

/// Of a daemon that never has seen such an answer.
fn idle_memory(bench: &Bench, folder: &Path, vendor: &Vendor) -> anyhow::Result<f64> {
    let file = folder.join("idle.toml");
    let never = "access_config_cron = \"\"\ndaily_access_cron = \"\"\nbackfill_days = 0\n";
    std::fs::write(&file, settings("idle.db", &vendor.base_url, 1, never))?;
    Ok(idle_daemon(bench, &file)?.rss_kb)
}

/// The rows as they stand in poskeeper's own table of days.
fn own_import(bench: &Bench, folder: &Path) -> anyhow::Result<(PathBuf, Command)> {
    let mut rows = String::new();
    for day in days() {
        let (number, is_final) = (day_number(day), u8::from(day < window().1));
        let seen_after = now_ms() - number * 86_400_000;
        for index in 0..bench.options.sizes.stores {
            let (key, used) = (index + 1, used_times(index, day));
            let _ = writeln!(rows, "{number}\t{key}\t{LIMIT}\t{used}\t{is_final}\t{seen_after}\t{seen_after}\t1");
        }
    }
    import(folder, "own", &schema(bench, folder)?, "daily_usage", &rows)
}

/// The rows as the peers keep them.
fn text_import(bench: &Bench, folder: &Path) -> anyhow::Result<(PathBuf, Command)> {
    let now = now_ms();
    let mut rows = String::new();
    for index in 0..bench.options.sizes.stores {
        for day in days() {
            let _ = writeln!(rows, "{}\t{day}\t{LIMIT}\t{}\t{now}", app_id(index), used_times(index, day));
        }
    }
    let schema = std::fs::read_to_string(bench.root.join("benches/peers/schema.sql"))?;
    import(folder, "text", &schema, "usage", &rows)
}

fn days() -> impl Iterator<Item = chrono::NaiveDate> {
    let (first, last) = window();
    first.iter_days().take_while(move |day| *day <= last)
}

fn import(folder: &Path, name: &str, schema: &str, table: &str, rows: &str) -> anyhow::Result<(PathBuf, Command)> {
    let file = |ending: &str| folder.join(format!("import-{name}.{ending}"));
    std::fs::write(file("tsv"), rows)?;
    std::fs::write(file("schema"), schema)?;
    let script = format!(
        "PRAGMA journal_mode = WAL;\nPRAGMA synchronous = FULL;\n.mode tabs\nBEGIN;\n.read {}\n.import {} {table}\nCOMMIT;\n",
        file("schema").display(),
        file("tsv").display()
    );
    std::fs::write(file("sql"), script)?;
    let mut command = Command::new("sqlite3");
    command.arg("-bail").arg(file("db")).arg(format!(".read {}", file("sql").display()));
    // That it works is seen once, not measured.
    run_sql(&file("db"), &format!(".read {}\n", file("sql").display()))?;
    anyhow::ensure!(
        crate::database::number(&file("db"), &format!("SELECT count(*) FROM {table}"))? == rows.lines().count() as i64,
        "the import is not complete"
    );
    Ok((file("db"), command))
}
