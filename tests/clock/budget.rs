//! `calls_per_app_per_day` holds on the vendor's days, whatever our clock says.

use crate::machine::{HOURLY, Machine, wait_for_more};
use chrono::TimeDelta;
use poskeeper::sandbox::SandboxOptions;

const NOW: &str = "2026-11-21T04:30:00Z";
const BUDGET: u32 = 4;

/// A machine that has used up its budget.
async fn machine() -> Machine {
    let pospal = format!("{HOURLY}calls_per_app_per_day = {BUDGET}\n").replace("0 0 * * * *", "*/2 * * * * *");
    Machine::at(NOW, SandboxOptions::default(), &pospal).await
}

#[tokio::test]
async fn a_reboot_with_a_wrong_clock_brings_no_fresh_budget() {
    let mut machine = machine().await;
    let mut daemon = machine.daemon();
    wait_for_more(&mut daemon, "poll.done", 12).await;
    wait_for_more(&mut daemon, "poll.skipped", 6).await;
    for error in [TimeDelta::days(1), TimeDelta::days(-1), TimeDelta::days(3653), TimeDelta::days(-20_000)] {
        machine.reboot(&mut daemon).await;
        machine.step_to(error);
        daemon = machine.daemon();
        daemon.wait_for("clock.wrong").await;
        wait_for_more(&mut daemon, "poll.skipped", 6).await;
        machine.assert_calls_are_counted(BUDGET);
        machine.step_to(TimeDelta::zero());
        wait_for_more(&mut daemon, "poll.skipped", 6).await;
        machine.assert_calls_are_counted(BUDGET);
    }
    assert!(daemon.stop().await.success());
}
