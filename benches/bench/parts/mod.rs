//! The parts, one file each.

mod chain;
mod disk;
mod growth;
mod idle;
mod instructions;
mod pass;
mod reports;
mod start;

use crate::machine::Bench;
use crate::verdict::Verdict;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Pass,
    Chain,
    Idle,
    Start,
    Reports,
    Growth,
    Disk,
    Instructions,
}

impl Part {
    /// Those that tell what poskeeper costs beside others.
    pub const DEFAULT: [Self; 7] =
        [Self::Pass, Self::Chain, Self::Idle, Self::Start, Self::Reports, Self::Growth, Self::Disk];

    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "pass" => Self::Pass,
            "chain" => Self::Chain,
            "idle" => Self::Idle,
            "start" => Self::Start,
            "reports" => Self::Reports,
            "growth" => Self::Growth,
            "disk" => Self::Disk,
            "instructions" => Self::Instructions,
            _ => return None,
        })
    }
}

/// Runs what is wanted; returns the targets.
pub fn run(bench: &Bench) -> anyhow::Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for part in &bench.options.parts {
        verdicts.extend(match part {
            Part::Pass => pass::run(bench)?,
            Part::Chain => chain::run(bench)?,
            Part::Idle => idle::run(bench)?,
            Part::Start => start::run(bench)?,
            Part::Reports => reports::run(bench)?,
            Part::Growth => growth::run(bench)?,
            Part::Disk => disk::run(bench)?,
            Part::Instructions => instructions::run(bench)?,
        });
    }
    Ok(verdicts)
}
