//! Cron lines where clocks are put forward and back, against a walk through every second.

use super::cases;
use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use poskeeper::model::{BootInstant, CronLine, Moment};
use poskeeper::rules::polling::{Due, SlotProgress, due};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::iter;
use std::sync::LazyLock;

/// One field of a cron line, in numbers and as it is written.
#[derive(Debug, Clone)]
struct Field {
    values: BTreeSet<u32>,
    text: String,
}

fn any(least: u32, most: u32) -> Field {
    Field { values: (least..=most).collect(), text: "*".into() }
}

fn field(least: u32, most: u32) -> impl Strategy<Value = Field> {
    let step = (2..=(most - least).min(30)).prop_map(move |step| Field {
        values: (least..=most).step_by(step as usize).collect(),
        text: format!("*/{step}"),
    });
    let range = (least..=most, least..=most, 1..6_u32).prop_map(|(one, other, step)| {
        let (from, to) = (one.min(other), one.max(other));
        Field {
            values: (from..=to).step_by(step as usize).collect(),
            text: if step == 1 { format!("{from}-{to}") } else { format!("{from}-{to}/{step}") },
        }
    });
    let list = prop::collection::btree_set(least..=most, 1..4).prop_map(|values| {
        let text = values.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        Field { values, text }
    });
    prop_oneof![2 => Just(any(least, most)), 2 => step, 1 => range, 3 => list]
}

/// Seconds, minutes, hours, days, months, weekdays.
#[derive(Debug, Clone)]
struct Line([Field; 6]);

impl Line {
    fn text(&self) -> String {
        self.0.iter().map(|field| field.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    fn names(&self, local: NaiveDateTime) -> bool {
        let [second, minute, hour, day, month, weekday] = &self.0;
        let is_day = day.values.contains(&local.day());
        let is_weekday = weekday.values.contains(&local.weekday().num_days_from_sunday());
        // Of two restrictions either will do.
        let is_date = if day.text != "*" && weekday.text != "*" { is_day || is_weekday } else { is_day && is_weekday };
        second.values.contains(&local.second())
            && minute.values.contains(&local.minute())
            && hour.values.contains(&local.hour())
            && is_date
            && month.values.contains(&local.month())
    }

    fn goes_by_the_clock(&self) -> bool {
        self.0[..3].iter().any(|field| field.text.starts_with('*'))
    }

    /// Every slot after `from` and not after `to`, by walking through the seconds.
    fn slots(&self, timezone: Tz, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let second = TimeDelta::seconds(1);
        let local = |at: DateTime<Utc>| at.with_timezone(&timezone).naive_local();
        let (mut at, mut before, mut slots) = (from, local(from), Vec::new());
        let mut shown_until = before;
        while at < to {
            at += second;
            let now = local(at);
            let mut left_out = before + second;
            let mut is_slot = false;
            while left_out < now {
                is_slot |= !self.goes_by_the_clock() && self.names(left_out);
                left_out += second;
            }
            is_slot |= self.names(now) && (self.goes_by_the_clock() || now > shown_until);
            slots.extend(is_slot.then_some(at));
            shown_until = shown_until.max(now);
            before = now;
        }
        slots
    }
}

/// Mostly lines that come true on every day: a few hours are walked through.
fn line() -> impl Strategy<Value = Line> {
    let second = prop_oneof![4 => Just(Field { values: [0].into(), text: "0".into() }), 1 => field(0, 59)];
    let day = prop_oneof![5 => Just(any(1, 31)), 1 => field(1, 31)];
    let month = prop_oneof![5 => Just(any(1, 12)), 1 => field(1, 12)];
    let weekday = prop_oneof![5 => Just(any(0, 6)), 1 => field(0, 6)];
    (second, field(0, 59), field(0, 23), day, month, weekday).prop_map(Into::into).prop_map(Line)
}

/// Every zone with the moments at which its clocks jump, from 1971 (no more local mean time) to 2037.
fn jumps() -> &'static [(Tz, DateTime<Utc>)] {
    static JUMPS: LazyLock<Vec<(Tz, DateTime<Utc>)>> = LazyLock::new(|| {
        let (start, end) = (31_536_000, 2_145_916_800);
        let mut found = Vec::new();
        for timezone in chrono_tz::TZ_VARIANTS {
            let offset = |seconds: i64| {
                let at = DateTime::from_timestamp(seconds, 0).expect("a time");
                timezone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
            };
            let mut before = offset(start);
            for day in (start..end).step_by(86_400) {
                let after = offset(day + 86_400);
                if before != after {
                    let (mut low, mut high) = (day, day + 86_400);
                    while high - low > 1 {
                        let middle = low.midpoint(high);
                        if offset(middle) == before { low = middle } else { high = middle }
                    }
                    let jump = DateTime::from_timestamp(high, 0);
                    found.push((timezone, jump.expect("a time")));
                }
                before = after;
            }
        }
        found
    });
    &JUMPS
}

/// A jump of any zone; half of the time of one that is unlike Europe's.
fn jump() -> impl Strategy<Value = (Tz, DateTime<Utc>)> {
    let odd = ["Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Antarctica/Troll", "America/Sao_Paulo"];
    let odd: Vec<_> = jumps().iter().filter(|(timezone, _)| odd.contains(&timezone.name())).copied().collect();
    prop_oneof![prop::sample::select(jumps()), prop::sample::select(odd)]
}

const AROUND: TimeDelta = TimeDelta::hours(4);

fn parsed(line: &Line, timezone: Tz) -> Result<CronLine, TestCaseError> {
    // 31 April is refused, and rightly.
    CronLine::parse(&line.text(), timezone).map_err(|error| TestCaseError::reject(error.to_string()))
}

/// What a daemon does that wakes up when it is told to, and whose polls all succeed at once.
fn polls(
    line: &CronLine,
    served: &mut Option<DateTime<Utc>>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Vec<DateTime<Utc>> {
    let moment = |wall: DateTime<Utc>| Moment {
        wall,
        boot: BootInstant { boot_id: "a".into(), uptime_ms: wall.timestamp_millis() },
    };
    let (mut now, mut polls) = (from, Vec::new());
    while now <= to {
        let progress =
            served.map(|slot| SlotProgress { slot, attempts: 1, done: true, last_attempt: Some(moment(now)) });
        match due(&moment(now), Some(line), progress.as_ref(), TimeDelta::zero()) {
            Due::Now(slot) => {
                polls.push(slot);
                *served = Some(slot);
            }
            Due::At(at) => now = at,
            Due::Never => break,
        }
    }
    polls
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn the_slots_around_a_jump_are_those_that_a_walk_through_its_seconds_finds(line in line(), (timezone, jump) in jump()) {
        let cron = parsed(&line, timezone)?;
        let (from, to) = (jump - AROUND, jump + AROUND);
        let expected = line.slots(timezone, from, to);
        let forwards = iter::successors(cron.next_after(from), |slot| cron.next_after(*slot));
        prop_assert_eq!(&forwards.take_while(|slot| *slot <= to).collect::<Vec<_>>(), &expected, "{} in {}", line.text(), timezone);
        let before = |at: DateTime<Utc>| cron.last_slot(at - TimeDelta::milliseconds(1));
        let backwards = iter::successors(cron.last_slot(to), |slot| before(*slot)).take_while(|slot| *slot > from);
        let mut backwards: Vec<_> = backwards.collect();
        backwards.reverse();
        prop_assert_eq!(&backwards, &expected, "{} in {}", line.text(), timezone);
    }

    #[test]
    fn at_any_time_now_lies_between_its_last_and_its_next_slot(line in line(), (timezone, jump) in jump(), millis in -20_000_000..20_000_000_i64) {
        let cron = parsed(&line, timezone)?;
        let now = jump + TimeDelta::milliseconds(millis);
        let (last, next) = (cron.last_slot(now), cron.next_after(now));
        prop_assert!(last.is_none_or(|last| last <= now) && next.is_none_or(|next| next > now), "{last:?} {now} {next:?}");
        prop_assert!(last.is_none_or(|last| cron.next_after(last) == next));
        prop_assert!(next.is_none_or(|next| cron.last_slot(next) == Some(next)));
        prop_assert!(next.is_none_or(|next| cron.last_slot(next - TimeDelta::milliseconds(1)) == last));
    }

    #[test]
    fn every_slot_is_served_once_and_none_is_lost(line in line(), (timezone, jump) in jump()) {
        let cron = parsed(&line, timezone)?;
        let (from, to) = (jump - AROUND, jump + AROUND);
        let expected: Vec<_> = cron.last_slot(from).into_iter().chain(line.slots(timezone, from, to)).collect();
        prop_assert_eq!(polls(&cron, &mut None, from, to), expected);
    }

    #[test]
    fn a_change_of_the_time_zone_costs_at_most_one_poll_and_loses_none(line in line(), (old, jump) in jump(), new in prop::sample::select(&chrono_tz::TZ_VARIANTS[..])) {
        let (before, after) = (parsed(&line, old)?, parsed(&line, new)?);
        let mut served = None;
        polls(&before, &mut served, jump - AROUND, jump);
        let polled = polls(&after, &mut served, jump, jump + AROUND);
        let expected = line.slots(new, jump, jump + AROUND);
        let extra = polled.len().saturating_sub(expected.len());
        prop_assert!(extra <= 1, "{polled:?} {expected:?}");
        prop_assert_eq!(&polled[extra..], &expected);
    }
}
