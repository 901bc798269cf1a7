//! What a pass costs after one year, and after eight.

use crate::answers::Manner;
use crate::database::History;
use crate::machine::Bench;
use crate::measure::Usage;
use crate::rounds::{Contender, take_turns};
use crate::shop::settings;
use crate::table::print_runs;
use crate::trial::{BY_POSKEEPER, Trial};
use crate::vendor::Vendor;
use crate::verdict::Verdict;

const YEARS: [u32; 4] = [1, 2, 4, 8];
/// More would be more than what disturbs a measurement.
const NO_GROWTH: f64 = 1.05;

pub fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let apps = bench.options.sizes.growing_apps;
    let folder = bench.folder("growth")?;
    let vendor = Vendor::start(bench, Manner::default())?;
    let mut trials = Vec::new();
    for years in YEARS {
        let days = years * 365;
        let history = History::of(apps, days).database(bench)?;
        let name = format!("{years}.db");
        let file = folder.join(format!("{years}.toml"));
        std::fs::write(&file, settings(&name, &vendor.base_url, apps, "max_concurrency = 16\n"))?;
        let stored = (BY_POSKEEPER, i64::from(apps) * i64::from(days));
        let command = bench.poskeeper(&file, &["once"]);
        trials.push((format!("{years} years"), history, Trial { command, database: folder.join(name), stored }));
    }
    let contenders = trials.iter().map(|(name, history, trial)| Contender::new(name, || trial.after(history)));
    let runs = take_turns(contenders.collect(), bench.options.runs);
    let names: Vec<_> = runs.iter().map(|runs| runs.name.as_str()).collect();
    print_runs(&format!("A pass over {apps} apps by the length of their history"), &runs, &names[..1.min(names.len())]);
    let mut verdicts = Vec::new();
    if let [first, .., last] = runs.as_slice() {
        let growth = last.ratio(first, Usage::cpu_ms);
        verdicts.push(Verdict::ratio(
            format!("growth: CPU of a pass after {}", last.name),
            &first.name,
            growth,
            NO_GROWTH,
        ));
    }
    Ok(verdicts)
}
