//! `poskeeper sandbox`: both vendors simulated, for trials and tests.

use super::failure::Failure;
use super::once::stop_on_signal;
use super::{Place, output};
use crate::model::Endpoint;
use crate::sandbox::{Sandbox, SandboxOptions, Scenario, Seen};
use chrono::TimeDelta;
use std::io::Write;
use std::net::SocketAddr;

/// The longest lifetime that poskeeper believes a vendor: ten years.
const LONGEST_HOURS: f64 = 87_600.0;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The settings file goes to stdout, one line for each request to stderr. In two terminals:

  poskeeper sandbox > trial.toml
  poskeeper --config trial.toml run

Nothing is contacted, no settings are read. Everything is forgotten when the sandbox ends.")]
pub(super) struct Options {
    /// Loopback address and port. The port 0 takes a free one, so that the sandbox never stands where
    /// the shop's own V8STD service does; name a port to use one settings file again and again
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// What goes wrong: steady (nothing), busy-day, flaky, down-at-night, refusing or chain-of-500
    #[arg(long, value_name = "NAME", default_value_t = Scenario::Steady)]
    scenario: Scenario,
    /// Hours that a login's key lives; fractions are allowed
    #[arg(long, value_name = "HOURS", default_value = "240", value_parser = hours)]
    live_hours: TimeDelta,
    /// Hours after which V8STD wants a new login; fractions are allowed
    #[arg(long, value_name = "HOURS", default_value = "6", value_parser = hours)]
    relogin_hours: TimeDelta,
}

pub(super) async fn run(place: &Place, options: &Options) -> Result<(), Failure> {
    place.refuse_config("the sandbox reads no settings, it prints some")?;
    let &Options { listen, scenario, live_hours: live, relogin_hours: relogin } = options;
    if !listen.ip().is_loopback() {
        let why = "the sandbox is for this machine alone; name a loopback address, e.g. 127.0.0.1:18080";
        return Err(Failure::Usage(format!("--listen {listen}: {why}")));
    }
    let stop = stop_on_signal();
    let sandbox = Sandbox::start(SandboxOptions { listen, scenario, live, relogin, ..SandboxOptions::default() })
        .await
        .map_err(|error| Failure::Failed(format!("cannot listen on {listen}: {error}; name another --listen")))?;
    output::print(&sandbox.settings_toml())?;
    tell(&format!("both vendors answer at {} (scenario {scenario}) until ctrl-c", sandbox.base_url()));
    tokio::select! {
        () = tell_requests(&sandbox) => {}
        () = stop.cancelled() => {}
    }
    sandbox.stop().await;
    Ok(())
}

/// One line for each request, for ever.
async fn tell_requests(sandbox: &Sandbox) {
    let mut told = 0;
    loop {
        sandbox.world().wait_until(|world| world.requests_after(told).0 > told).await;
        let (arrived, new) = sandbox.world().requests_after(told);
        told = arrived;
        new.iter().for_each(|seen| tell(&in_words(seen)));
    }
}

fn in_words(seen: &Seen) -> String {
    let at = seen.at.format("%H:%M:%SZ");
    let json = seen.json().unwrap_or_default();
    let (kind, subject) = match seen.endpoint {
        Endpoint::Login => ("device", &json["content"]["deviceId"]),
        Endpoint::AccessConfig | Endpoint::DailyAccess => ("app", &json["appId"]),
    };
    // Whatever a client sent, quoted: a line stays a line.
    let subject = subject.as_str().map_or_else(|| format!("no {kind}"), |subject| format!("{kind} {subject:?}"));
    format!("{at} {} of {subject}: {}", seen.endpoint, seen.reply)
}

fn tell(line: &str) {
    // A closed stderr is no reason to panic, and none to stop answering.
    let _ = writeln!(std::io::stderr(), "sandbox: {line}");
}

fn hours(text: &str) -> Result<TimeDelta, String> {
    let hours = text.parse::<f64>().ok().filter(|hours| *hours > 0.0 && *hours <= LONGEST_HOURS);
    let hours = hours.ok_or_else(|| format!("hours over 0 and up to {LONGEST_HOURS} are wanted"))?;
    #[expect(clippy::cast_possible_truncation, reason = "ten years of milliseconds are far from the edge")]
    let span = TimeDelta::milliseconds((hours * 3_600_000.0) as i64);
    if span > TimeDelta::zero() { Ok(span) } else { Err("a millisecond at least is wanted".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_be_fractions_and_make_sense() {
        assert_eq!(hours("240"), Ok(TimeDelta::hours(240)));
        assert_eq!(hours("0.01"), Ok(TimeDelta::seconds(36)));
        for bad in ["0", "-1", "NaN", "inf", "1e-9", "87601", "soon", ""] {
            assert!(hours(bad).is_err(), "{bad}");
        }
    }
}
