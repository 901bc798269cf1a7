//! A year of shop life through the pure rules, with a fake now: outages, restarts, power losses,
//! suspends and wrong clocks. The judge knows the truth and fails the year where a promise is broken;
//! the seed in its message brings the same year again.

#[path = "year/judge.rs"]
mod judge;
#[path = "year/machine.rs"]
mod machine;
#[path = "year/memory.rs"]
mod memory;
#[path = "year/shop.rs"]
mod shop;
#[path = "year/simulation.rs"]
mod simulation;
#[path = "year/vendor.rs"]
mod vendor;

use machine::Reboots;
use simulation::{Scenario, live};
use vendor::Hours;

/// True time.
type Time = chrono::DateTime<chrono::Utc>;

const DEFAULT_DAILY: &str = "0 10 0,8-22/2 * * *";
/// Budgets and cron lines; most of the lines would use more than the budget.
const BUDGETS: [(u32, &str); 5] = [
    (6, DEFAULT_DAILY),
    (6, "0 */20 * * * *"),
    (12, "59 59 * * * *"), // a second before the hour, and once a day before midnight
    (12, "0 */30 * * * *"),
    (24, DEFAULT_DAILY),
];

fn with_budget(name: &'static str, reboots: Reboots, (budget, daily_cron): (u32, &'static str)) -> Scenario {
    let splay_seconds = if daily_cron.starts_with("59") { 0 } else { 60 };
    Scenario { name, budget, daily_cron, splay_seconds, reboots, apps: 1, ..Scenario::default() }
}

#[test]
fn whenever_no_good_key_is_served_the_server_was_down_or_came_up_less_than_a_minute_ago() {
    for hours in [Hours::Good(240.0, 6.0), Hours::Good(6.0, 6.0), Hours::Good(0.5, 0.5), Hours::Unusable] {
        for seed in 1..=2 {
            live(Scenario { name: "key", hours, apps: 1, reboots: Reboots::Once1970, ..Scenario::default() }, seed);
        }
    }
}

#[test]
fn a_dead_key_is_never_served_where_no_clock_was_ever_wrong_or_nobody_rebooted() {
    for (seed, reboots) in [(1, Reboots::Never), (2, Reboots::NeverStepped)] {
        for hours in [Hours::Good(6.0, 6.0), Hours::Good(0.5, 0.5)] {
            let world = live(Scenario { name: "dead key", hours, apps: 1, reboots, ..Scenario::default() }, seed);
            assert!(world.judge.with_dead_key.is_zero(), "seed {seed}: {}", world.judge.with_dead_key);
        }
    }
}

#[test]
fn a_year_of_outages_restarts_and_steps_never_exceeds_the_budget_on_any_of_the_vendors_days() {
    for (seed, budget) in (1..).zip(BUDGETS) {
        let world = live(with_budget("budget, steps", Reboots::Never, budget), seed);
        assert_eq!(world.judge.days_over, 0, "seed {seed}");
    }
}

#[test]
fn a_year_of_outages_restarts_and_reboots_never_exceeds_the_budget_on_any_of_the_vendors_days() {
    for (seed, budget) in (11..).zip(BUDGETS) {
        let world = live(with_budget("budget, reboots", Reboots::NeverStepped, budget), seed);
        assert_eq!(world.judge.days_over, 0, "seed {seed}");
    }
}

#[test]
fn steps_and_reboots_together_exceed_the_budget_at_most_by_calls_under_a_wrong_clock_before_a_boots_first_answer() {
    for (seed, budget) in (21..).zip(BUDGETS) {
        live(with_budget("budget, both", Reboots::RightClock, budget), seed);
    }
    live(with_budget("budget, 1970", Reboots::Once1970, BUDGETS[1]), 31);
    live(with_budget("budget, any clock", Reboots::AnyClock, BUDGETS[3]), 32);
}

#[test]
fn three_sisters_share_one_answer_and_take_turns_evenly() {
    for seed in 1..=2 {
        let world = live(Scenario { name: "chain", apps: 3, is_chain: true, ..Scenario::default() }, seed);
        let calls = &world.judge.calls;
        let mean = calls.values().sum::<u32>() / 3;
        let is_even = |calls: &u32| calls.abs_diff(mean) * 5 <= mean;
        assert!(calls.len() == 3 && calls.values().all(is_even), "seed {seed}: {calls:?}");
        // Each of 365 days has ten slots and few retries: one call serves all three.
        assert!(calls.values().sum::<u32>() < 4000, "seed {seed}: {calls:?}");
    }
}
