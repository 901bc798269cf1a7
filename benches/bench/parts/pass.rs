//! A pass over many apps, each asked for itself: two calls an app.

use crate::answers::Manner;
use crate::helpers::FETCH;
use crate::machine::Bench;
use crate::measure::{Usage, measure};
use crate::peers::Peer;
use crate::rounds::{Contender, Runs, find, take_turns};
use crate::shop::{DAYS, peer_settings, settings};
use crate::table::{number, print_runs};
use crate::trial::{BY_PEER, BY_POSKEEPER, Trial};
use crate::vendor::Vendor;
use crate::verdict::Verdict;
use std::process::Command;

const PARALLEL: u32 = 16;
const LATENCY_MS: u64 = 20;
const FIRST: &str = "poskeeper";
const AGAIN: &str = "poskeeper, again";
const LOOP: &str = "limit: bare reqwest loop";

pub fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let apps = bench.options.sizes.apps;
    let mut verdicts = Vec::new();

    let near = turns(bench, 0, &Peer::ALL)?;
    print_runs(&format!("Pass over {apps} apps ({} calls), latency 0", 2 * apps), &near, &[FIRST, AGAIN]);
    for (own, ending) in [(FIRST, ""), (AGAIN, ", again")] {
        let (aiohttp, undici) = (Peer::Aiohttp.name(), Peer::Undici.name());
        let limits = [(format!("{aiohttp}{ending}"), 0.25), (format!("{undici}{ending}"), 0.2), (LOOP.into(), 2.0)];
        for (other, at_most) in limits {
            if let (Some(own), Some(other)) = (find(&near, own), find(&near, &other)) {
                let work = format!("pass, latency 0: CPU of {}", own.name);
                verdicts.push(Verdict::ratio(work, &other.name, own.ratio(other, Usage::cpu_ms), at_most));
            }
        }
    }

    let far = turns(bench, LATENCY_MS, &[Peer::RequestsThreads, Peer::Aiohttp, Peer::Undici])?;
    print_runs(&format!("Pass over {apps} apps, latency {LATENCY_MS} ms, {PARALLEL} at a time"), &far, &[FIRST, AGAIN]);
    let floor_ms = f64::from(2 * apps) * LATENCY_MS as f64 / f64::from(PARALLEL);
    for own in [FIRST, AGAIN].into_iter().filter_map(|name| find(&far, name)) {
        let work = format!("pass, latency {LATENCY_MS} ms: wall of {}", own.name);
        let against = format!("calls × latency / {PARALLEL} = {} ms", number(floor_ms));
        verdicts.push(Verdict::ratio(work, against, own.median(|usage| usage.wall_ms) / floor_ms, 1.1));
    }
    Ok(verdicts)
}

fn turns(bench: &Bench, latency_ms: u64, peers: &[Peer]) -> anyhow::Result<Vec<Runs>> {
    let apps = bench.options.sizes.apps;
    let folder = bench.folder("pass")?;
    let vendor = Vendor::start(bench, Manner { latency_ms, ..Manner::default() })?;
    let (own_settings, peers_settings) = (folder.join("settings.toml"), folder.join("peers.json"));
    let pospal = format!("max_concurrency = {PARALLEL}\n");
    std::fs::write(&own_settings, settings("poskeeper.db", &vendor.base_url, apps, &pospal))?;
    std::fs::write(&peers_settings, peer_settings(&vendor.base_url, apps, false))?;

    let days = i64::from(apps) * DAYS as i64;
    let command = bench.poskeeper(&own_settings, &["once"]);
    let mut trials = vec![(
        FIRST,
        AGAIN.to_owned(),
        Trial { command, database: folder.join("poskeeper.db"), stored: (BY_POSKEEPER, days) },
    )];
    for (number, peer) in Peer::installed(bench, peers).into_iter().enumerate() {
        let database = folder.join(format!("peer-{number}.db"));
        let command = peer.command(bench, &peers_settings, &database, false);
        trials.push((
            peer.name(),
            format!("{}, again", peer.name()),
            Trial { command, database, stored: (BY_PEER, days) },
        ));
    }
    let mut bare = Command::new(std::env::current_exe()?);
    bare.arg(FETCH).arg(&peers_settings);
    let mut contenders = Vec::new();
    for (first, again, trial) in &trials {
        let seen = trial.seen()?;
        contenders.push(Contender::new(*first, || trial.first()));
        contenders.push(Contender::new(again, move || trial.after(&seen)));
    }
    contenders.push(Contender::new(LOOP, || measure(&bare)));
    Ok(take_turns(contenders, bench.options.runs))
}
