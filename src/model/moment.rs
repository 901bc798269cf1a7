//! A point in time, told by two clocks.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

/// A reading of the boot clock: counts through suspend, is never stepped, starts anew with each boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootInstant {
    /// Which boot; empty where the machine does not tell, and then equal to no other.
    pub boot_id: String,
    /// Milliseconds since that boot.
    pub uptime_ms: i64,
}

impl BootInstant {
    /// Time from `earlier` to here; `None` where the two lie in different boots or the clock ran
    /// backwards, which a boot clock does only if it is another boot's.
    pub fn since(&self, earlier: &Self) -> Option<TimeDelta> {
        let comparable =
            !self.boot_id.is_empty() && self.boot_id == earlier.boot_id && self.uptime_ms >= earlier.uptime_ms;
        comparable.then(|| TimeDelta::milliseconds(self.uptime_ms - earlier.uptime_ms))
    }
}

/// Now, or then: what the wall clock said, and what the boot clock said at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// May be wrong and may be stepped.
    pub wall: DateTime<Utc>,
    /// Right, but comparable within one boot only.
    pub boot: BootInstant,
}

impl Moment {
    /// Time since `earlier`, by the boot clock where that can tell, else by the wall clock; negative
    /// where only the wall clock can tell and it lies before `earlier`.
    pub fn since(&self, earlier: &Self) -> TimeDelta {
        self.boot.since(&earlier.boot).unwrap_or(self.wall - earlier.wall)
    }

    /// How far the wall clock was stepped between `earlier` and now (positive: forward). `None` across
    /// a reboot, where nothing can tell.
    pub fn step_since(&self, earlier: &Self) -> Option<TimeDelta> {
        Some((self.wall - earlier.wall) - self.boot.since(&earlier.boot)?)
    }
}

/// The calendar day of `at` where the vendor lives.
pub fn day_of(at: DateTime<Utc>, timezone: Tz) -> NaiveDate {
    at.with_timezone(&timezone).date_naive()
}

/// As the database's views and the log lines write an instant: `2026-11-21T16:01:49.123Z`.
pub fn instant_text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The first instant of a day where the vendor lives.
pub fn start_of(day: NaiveDate, timezone: Tz) -> DateTime<Utc> {
    // Where daylight saving time skips midnight, the day begins when the clock goes on.
    let local = (0..24)
        .find_map(|hour| day.and_time(NaiveTime::from_hms_opt(hour, 0, 0)?).and_local_timezone(timezone).earliest());
    local.map_or(DateTime::UNIX_EPOCH, |at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(wall: &str, boot_id: &str, uptime_s: i64) -> Moment {
        let wall = wall.parse().expect("a test's time");
        Moment { wall, boot: BootInstant { boot_id: boot_id.into(), uptime_ms: uptime_s * 1000 } }
    }

    #[test]
    fn within_one_boot_the_boot_clock_tells_the_time_however_the_wall_clock_is_stepped() {
        let then = moment("2026-11-21T10:00:00Z", "a", 100);
        let now = moment("1970-01-01T00:00:00Z", "a", 160);
        assert_eq!(now.since(&then), TimeDelta::seconds(60));
        assert!(now.step_since(&then).is_some_and(|step| step < TimeDelta::days(-365)));
    }

    #[test]
    fn a_day_begins_when_the_clock_goes_on_where_midnight_is_skipped() {
        let start = |day: &str, timezone| start_of(day.parse().expect("a day"), timezone).to_rfc3339();
        assert_eq!(start("2026-11-21", chrono_tz::Asia::Shanghai), "2026-11-20T16:00:00+00:00");
        assert_eq!(start("2018-11-04", chrono_tz::America::Sao_Paulo), "2018-11-04T03:00:00+00:00");
    }

    #[test]
    fn across_a_reboot_only_the_wall_clock_is_left() {
        let then = moment("2026-11-21T10:00:00Z", "a", 100);
        let now = moment("2026-11-21T10:10:00Z", "b", 5);
        assert_eq!(now.since(&then), TimeDelta::minutes(10));
        assert_eq!(now.step_since(&then), None);
    }

    #[test]
    fn a_boot_clock_that_ran_backwards_is_another_boots() {
        let then = moment("2026-11-21T10:00:00Z", "a", 100);
        let now = moment("2026-11-21T10:10:00Z", "a", 5);
        assert_eq!(now.since(&then), TimeDelta::minutes(10));
    }
}
