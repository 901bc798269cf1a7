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

#[test]
fn whenever_no_good_key_is_served_the_server_was_down_or_came_up_less_than_a_minute_ago() {
    for hours in [Hours::Good(240.0, 6.0), Hours::Good(6.0, 6.0), Hours::Good(0.5, 0.5), Hours::Unusable] {
        for seed in 1..=3 {
            live(Scenario { name: "key", hours, apps: 1, reboots: Reboots::Once1970, ..Scenario::default() }, seed);
        }
    }
}

#[test]
fn a_year_of_outages_steps_and_reboots_never_exceeds_the_budget_on_any_of_the_vendors_days() {
    for (budget, daily_cron) in [
        (6, "0 10 0,8-22/2 * * *"),
        (6, "0 */10 * * * *"),
        (12, "59 59 * * * *"),
        (12, "0 */30 * * * *"),
        (24, "0 10 0,8-22/2 * * *"),
    ] {
        for seed in 1..=3 {
            let splay_seconds = if daily_cron.starts_with("59") { 0 } else { 60 };
            let scenario = Scenario { name: "budget", budget, daily_cron, splay_seconds, ..Scenario::default() };
            live(scenario, seed);
        }
    }
}

#[test]
fn three_sisters_share_the_turns_evenly() {
    for seed in 1..=3 {
        live(Scenario { name: "chain", apps: 3, is_chain: true, ..Scenario::default() }, seed);
    }
}

#[test]
fn wrong_clocks_over_reboots() {
    for seed in 1..=3 {
        live(
            Scenario {
                name: "any clock",
                reboots: Reboots::AnyClock,
                budget: 12,
                daily_cron: "0 */30 * * * *",
                ..Scenario::default()
            },
            seed,
        );
    }
}
