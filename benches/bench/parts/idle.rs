//! What a daemon costs that has nothing to do.

use crate::answers::Manner;
use crate::helpers::TICK;
use crate::machine::Bench;
use crate::peers::Peer;
use crate::process::{Look, Process, wait_until_idle};
use crate::shop::{RARELY, peer_settings, settings};
use crate::table::{number, print};
use crate::vendor::Vendor;
use crate::verdict::Verdict;
use std::process::Command;
use std::time::Duration;

const APPS: u32 = 50;
const OWN: &str = "poskeeper";
const TICKING: &str = "limit: bare tick of the scheduler";
const SLEEPING: &str = "limit: a process that sleeps";

struct Seen {
    name: &'static str,
    process: Process,
    before: Option<Look>,
    after: Option<Look>,
}

pub fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let folder = bench.folder("idle")?;
    let vendor = Vendor::start(bench, Manner::default())?;
    let (own_settings, peers_settings) = (folder.join("settings.toml"), folder.join("peers.json"));
    // Both endpoints are polled at the first start, then not before next year.
    let pospal = format!(
        "access_config_cron = \"{RARELY}\"\ndaily_access_cron = \"{RARELY}\"\nsplay_seconds = 0\nbackfill_days = 0\n"
    );
    std::fs::write(&own_settings, settings("poskeeper.db", &vendor.base_url, APPS, &pospal))?;
    std::fs::write(&peers_settings, peer_settings(&vendor.base_url, APPS, false))?;

    let (own, _) = Process::start_until_ready(&mut bench.poskeeper(&own_settings, &["run"]), &folder)?;
    let mut all = vec![Seen { name: OWN, process: own, before: None, after: None }];
    let mut start = |name: &'static str, mut command: Command| -> anyhow::Result<()> {
        all.push(Seen { name, process: Process::start(&mut command)?, before: None, after: None });
        Ok(())
    };
    for (number, peer) in Peer::installed(bench, &[Peer::Requests, Peer::Aiohttp, Peer::Undici]).into_iter().enumerate()
    {
        start(peer.name(), peer.command(bench, &peers_settings, &folder.join(format!("peer-{number}.db")), true))?;
    }
    let mut tick = Command::new(std::env::current_exe()?);
    tick.arg(TICK);
    start(TICKING, tick)?;
    let mut sleep = Command::new("sleep");
    sleep.arg("1000000");
    start(SLEEPING, sleep)?;

    for seen in &all {
        wait_until_idle(&seen.process)?;
    }
    for seen in &mut all {
        seen.before = Some(seen.process.look()?);
    }
    std::thread::sleep(Duration::from_secs(bench.options.seconds));
    for seen in &mut all {
        seen.after = Some(seen.process.look()?);
    }
    let spent: Vec<_> = all.iter().filter_map(|seen| Some((seen.name, spent(&seen.before?, &seen.after?)))).collect();

    let row = |(name, look): &(&str, Look)| {
        vec![
            (*name).to_owned(),
            number(look.rss_kb / 1024.0),
            number(look.pss_kb / 1024.0),
            number(look.cpu_ms),
            number(look.switches / bench.options.seconds as f64),
            number(look.written_kb),
        ]
    };
    let head = ["", "RSS MB", "PSS MB", "CPU ms", "context switches a second", "written kB"];
    let title = format!("Idle with {APPS} apps, {} s, all at the same time", bench.options.seconds);
    print(&title, &head, spent.iter().map(row).collect());
    Ok(verdicts(&spent, bench.options.seconds as f64))
}

/// What happened between two looks; memory as it is in the end.
fn spent(before: &Look, after: &Look) -> Look {
    Look {
        cpu_ms: after.cpu_ms - before.cpu_ms,
        switches: after.switches - before.switches,
        written_kb: after.written_kb - before.written_kb,
        ..*after
    }
}

fn verdicts(spent: &[(&str, Look)], seconds: f64) -> Vec<Verdict> {
    let find = |name: &str| spent.iter().find(|(found, _)| *found == name).map(|(_, look)| *look);
    let mut verdicts = Vec::new();
    let Some(own) = find(OWN) else { return verdicts };
    if let Some(peer) = find(Peer::Requests.name()) {
        let against = Peer::Requests.name();
        verdicts.push(Verdict::ratio("idle: RSS", against, own.rss_kb / peer.rss_kb, 1.0 / 3.0));
        verdicts.push(Verdict::ratio("idle: PSS", against, own.pss_kb / peer.pss_kb, 1.0 / 3.0));
    }
    if let Some(tick) = find(TICKING) {
        verdicts.push(Verdict::ratio("idle: CPU", TICKING, own.cpu_ms / tick.cpu_ms, 1.2));
        verdicts.push(Verdict::ratio("idle: context switches", TICKING, own.switches / tick.switches, 1.2));
    }
    verdicts.push(Verdict::amount(format!("idle for {seconds} s: written"), own.written_kb, 0.0, "kB"));
    verdicts
}
