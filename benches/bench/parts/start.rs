//! From the start of the daemon to READY, with nothing and with years of history.

use crate::database::{History, copy};
use crate::machine::Bench;
use crate::measure::Usage;
use crate::process::Process;
use crate::rounds::{Contender, find, take_turns};
use crate::shop::{RARELY, settings};
use crate::table::{number, print};
use crate::verdict::Verdict;
use std::path::PathBuf;

const EMPTY: &str = "no history";
const LARGE: &str = "large history";

pub fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let (apps, days) = bench.options.sizes.history;
    let folder = bench.folder("start")?;
    let (empty, large) = (History::of(apps, 0).database(bench)?, History::of(apps, days).database(bench)?);
    let own_copy = folder.join("empty.db");
    copy(&empty, &own_copy)?;
    let size = std::fs::metadata(&large)?.len();
    println!("large history: {} MB, {apps} apps × {days} days", size / 1_000_000);

    // Every app is configured and every slot served: what is left is the start itself.
    let pospal = format!(
        "access_config_cron = \"{RARELY}\"\ndaily_access_cron = \"{RARELY}\"\nsplay_seconds = 0\nbackfill_days = 0\ncoverage = \"chain\"\n"
    );
    let start = |name: &str, database: &PathBuf| -> anyhow::Result<_> {
        let file = folder.join(format!("{name}.toml"));
        std::fs::write(&file, settings(&database.to_string_lossy(), "http://127.0.0.1:9", apps, &pospal))?;
        Ok(Contender::new(name, move || {
            let folder = file.parent().unwrap_or(&file);
            let (process, took) = Process::start_until_ready(&mut bench.poskeeper(&file, &["run"]), folder)?;
            let look = process.look()?;
            process.stop()?;
            Ok(Usage {
                wall_ms: took.as_secs_f64() * 1e3,
                user_ms: look.cpu_ms,
                peak_kb: look.rss_kb,
                written_kb: look.written_kb,
                ..Usage::default()
            })
        }))
    };
    let runs = take_turns(vec![start(EMPTY, &own_copy)?, start(LARGE, &large)?], bench.options.runs);
    let row = |runs: &crate::rounds::Runs| {
        vec![
            runs.name.clone(),
            number(runs.median(|usage| usage.wall_ms)),
            number(runs.median(Usage::cpu_ms)),
            number(runs.median(|usage| usage.peak_kb / 1024.0)),
            number(runs.median(|usage| usage.written_kb)),
        ]
    };
    let head = ["", "wall ms", "CPU ms", "RSS MB", "written kB"];
    print(&format!("Start to READY with {apps} apps"), &head, runs.iter().map(row).collect());

    let mut verdicts = Vec::new();
    if let (Some(empty), Some(large)) = (find(&runs, EMPTY), find(&runs, LARGE)) {
        let differences = large.each.iter().zip(&empty.each).map(|(large, empty)| large.wall_ms - empty.wall_ms);
        let more = crate::rounds::median(differences.collect());
        verdicts.push(Verdict::amount("start to READY: large history over none", more, 20.0, "ms"));
    }
    Ok(verdicts)
}
