//! The only file that reads a clock. Everything else is handed a [`Moment`].

use crate::model::{BootInstant, Moment};
use chrono::{DateTime, SubsecRound, Utc};
use nix::time::{ClockId, clock_gettime};
use std::sync::OnceLock;

/// Both clocks, now; the wall clock in whole milliseconds, which is what the database keeps.
pub fn now() -> Moment {
    Moment { wall: wall(), boot: BootInstant { boot_id: boot_id().to_owned(), uptime_ms: uptime_ms() } }
}

/// The wall clock alone.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
pub fn wall() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}

/// Milliseconds since boot, suspend included. Through libc, so that a test can fake it.
fn uptime_ms() -> i64 {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(0, |t| t.tv_sec() * 1000 + t.tv_nsec() / 1_000_000)
}

/// Which boot this is. The unit passes systemd's `%b`, because its sandbox hides /proc/sys.
fn boot_id() -> &'static str {
    static BOOT_ID: OnceLock<String> = OnceLock::new();
    BOOT_ID.get_or_init(|| {
        let told = std::env::var("POSKEEPER_BOOT_ID").ok();
        let read = || std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        told.or_else(read).map(|id| id.trim().replace('-', "").to_lowercase()).unwrap_or_default()
    })
}
