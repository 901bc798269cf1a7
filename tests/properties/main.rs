//! What holds for any input, however it comes about.
//!
//! Cases and seed are fixed, so that a run says the same on every machine; no file of regressions is
//! kept. What a longer run finds (`PROPTEST_CASES=100000 PROPTEST_RNG_SEED=7`) becomes a test with a
//! name beside the code that was wrong.

mod alarms;
mod budget;
mod cron;
mod renewal;
mod settings;
mod store;
mod vendors;
mod windows;

use proptest::test_runner::{Config, RngSeed};

/// So many cases, unless the environment asks for more.
fn cases(cases: u32) -> Config {
    let given = Config::default();
    let is_set = |name| std::env::var_os(name).is_some();
    Config {
        cases: if is_set("PROPTEST_CASES") { given.cases } else { cases },
        rng_seed: if is_set("PROPTEST_RNG_SEED") { given.rng_seed } else { RngSeed::Fixed(20_261_121) },
        failure_persistence: None,
        max_shrink_iters: 10_000,
        ..given
    }
}
