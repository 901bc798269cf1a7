//! Sudden deaths of the program and of the machine, at every moment that matters. After each of them:
//! the database is sound, the ledger counts no fewer calls than the vendor, the key file and the session
//! file are whole or absent, and nothing that a log line has told of is lost.
//!
//! ```text
//! kills.rs      kill -9 at random moments of a busy life
//! steps.rs      kill -9 before the first, the second, the third … step of a short life
//! power.rs      the disk as a power failure may leave it, rebuilt from a recorded life
//! ext4.rs       a real file system that ends as by a power failure, cut_power.c
//! life.rs       one run of the program
//! verdict.rs    what must be true after all of these
//! shim.rs       puts shim.c between the program and the kernel
//! recording.rs  the steps of a life, as shim.c wrote them down
//! disk.rs       which of them are still there when the power fails
//! cc.rs         compiles the two C files
//! ```
//!
//! An ordinary run takes a sample. For more, set
//! `POSKEEPER_TEST_KILLS` (100 random kills), `POSKEEPER_TEST_STRIDE` (11: every eleventh step; 1: each) or
//! `POSKEEPER_TEST_STATES` (60 states of the disk), and `POSKEEPER_TEST_SEED` for other random choices.
//! What needs root and a loop device runs with `--ignored`; `POSKEEPER_TEST_CUTS` (30) says how often.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(clippy::print_stdout, reason = "how many deaths there were, with --nocapture")]

mod cc;
mod disk;
mod ext4;
#[path = "../keeper/harness.rs"]
#[allow(dead_code, reason = "written for another test binary, which uses the rest")]
mod harness;
mod kills;
mod life;
mod power;
mod recording;
mod shim;
mod steps;
mod verdict;

/// A number from the environment.
fn wanted(name: &str, default: usize) -> usize {
    let value = std::env::var(format!("POSKEEPER_TEST_{name}"));
    value.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("POSKEEPER_TEST_{name} is no number: {text}")))
}

/// The same choices each time, unless others are wanted.
fn random() -> fastrand::Rng {
    fastrand::Rng::with_seed(wanted("SEED", 20_261_121) as u64)
}
