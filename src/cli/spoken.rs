//! Times as people say them.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// Now, and whose calendar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spoken {
    pub(super) now: DateTime<Utc>,
    pub(super) timezone: Tz,
}

impl Spoken {
    /// `2026-11-22 04:45:00`
    pub(super) fn time(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.timezone).format("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// `in 3 h 50 min`, `4 min ago`, `now`
    pub(super) fn distance(&self, at: DateTime<Utc>) -> String {
        let left = at - self.now;
        if left.abs() < TimeDelta::seconds(1) {
            "now".into()
        } else if left > TimeDelta::zero() {
            format!("in {}", span(left))
        } else {
            format!("{} ago", span(-left))
        }
    }

    /// `in 3 h 50 min (2026-11-22 04:45:00)`
    pub(super) fn both(&self, at: DateTime<Utc>) -> String {
        format!("{} ({})", self.distance(at), self.time(at))
    }
}

/// The two largest units: more is no help.
fn span(span: TimeDelta) -> String {
    let (seconds, minutes, hours, days) = (span.num_seconds(), span.num_minutes(), span.num_hours(), span.num_days());
    let two = |more: i64, unit: &str, rest: i64, smaller: &str| match rest {
        0 => format!("{more} {unit}"),
        rest => format!("{more} {unit} {rest} {smaller}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, _) => two(hours, "h", minutes % 60, "min"),
        (days, ..) => two(days, "d", hours % 24, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_told_in_the_two_largest_units() {
        let now = "2026-11-21T20:10:00Z".parse().expect("a time");
        let spoken = Spoken { now, timezone: chrono_tz::Asia::Shanghai };
        for (seconds, words) in [
            (0, "now"),
            (12, "in 12 s"),
            (59 * 60 + 59, "in 59 min"),
            (3 * 3600 + 50 * 60, "in 3 h 50 min"),
            (2 * 3600, "in 2 h"),
            (-(9 * 86_400 + 23 * 3600 + 5), "9 d 23 h ago"),
            (86_400, "in 1 d"),
        ] {
            assert_eq!(spoken.distance(now + TimeDelta::seconds(seconds)), words);
        }
        assert_eq!(spoken.both(now), "now (2026-11-22 04:10:00)");
    }
}
