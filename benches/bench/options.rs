//! What the caller wants measured.

use crate::parts::Part;
use anyhow::{Context, bail};

pub const USAGE: &str = "\
cargo bench -- [PART…] [--quick] [--alone] [--runs N] [--seconds N]

parts: pass, chain, idle, start, reports, growth, disk; all of them where none is named
       instructions [--write]: counts instructions with valgrind, compares with (writes) benches/instructions.toml
--quick      everything small, to see that it works; the figures mean nothing
--alone      poskeeper and the limits only, without the peers, which take most of the time
--runs N     rounds, after one that does not count (5)
--seconds N  how long idle processes are watched (60)
--help       this";

/// How much of everything.
#[derive(Debug, Clone)]
pub struct Options {
    pub parts: Vec<Part>,
    pub runs: usize,
    pub seconds: u64,
    pub sizes: Sizes,
    /// Without the peers.
    pub alone: bool,
    /// Write the counted instructions down instead of comparing them.
    pub write: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Apps of a pass.
    pub apps: u32,
    /// Stores in one answer.
    pub stores: u32,
    /// Of the large history.
    pub history: (u32, u32),
    /// Of the HTML report.
    pub page: (u32, u32),
    /// Apps whose history grows.
    pub growing_apps: u32,
    /// Of the history whose bytes are counted.
    pub counted: (u32, u32),
}

const FULL: Sizes = Sizes {
    apps: 1_000,
    stores: 5_000,
    history: (5_000, 1_825),
    page: (500, 365),
    growing_apps: 200,
    counted: (500, 365),
};
const QUICK: Sizes =
    Sizes { apps: 100, stores: 500, history: (200, 100), page: (20, 60), growing_apps: 20, counted: (100, 60) };

impl Options {
    /// `None`: only help is wanted.
    pub fn parse(arguments: &[String]) -> anyhow::Result<Option<Self>> {
        let mut options = Self { parts: Vec::new(), runs: 5, seconds: 60, sizes: FULL, alone: false, write: false };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut number = || -> anyhow::Result<u64> {
                let value = rest.next().with_context(|| format!("{argument} wants a number"))?;
                value.parse().with_context(|| format!("{argument}: {value} is no number"))
            };
            match argument.as_str() {
                "--help" => return Ok(None),
                // Cargo says so itself.
                "--bench" => {}
                "--quick" => options.sizes = QUICK,
                "--alone" => options.alone = true,
                "--write" => options.write = true,
                "--runs" => options.runs = usize::try_from(number()?)?.max(1),
                "--seconds" => options.seconds = number()?.max(1),
                name => match Part::named(name) {
                    Some(part) => options.parts.push(part),
                    None => bail!("no part {name:?}\n\n{USAGE}"),
                },
            }
        }
        if options.parts.is_empty() {
            options.parts = Part::DEFAULT.to_vec();
        }
        Ok(Some(options))
    }
}
