//! Two bytes for a time zone, eight for an instant, the rest is a cron line.
#![no_main]

use chrono::{DateTime, TimeDelta, Utc};
use libfuzzer_sys::fuzz_target;
use poskeeper::model::CronLine;

fuzz_target!(|input: &[u8]| {
    let Some((zone, rest)) = input.split_first_chunk::<2>() else { return };
    let Some((instant, text)) = rest.split_first_chunk::<8>() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let zones = chrono_tz::TZ_VARIANTS;
    let timezone = zones[usize::from(u16::from_le_bytes(*zone)) % zones.len()];
    let Ok(line) = CronLine::parse(text, timezone) else { return };
    // Between 1970 and 2100.
    let millis = i64::try_from(u64::from_le_bytes(*instant) % 4_102_444_800_000).unwrap_or_default();
    let now: DateTime<Utc> = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    let (last, next) = (line.last_slot(now), line.next_after(now));
    assert!(last.is_none_or(|last| last <= now), "{text:?} in {timezone}: {last:?} {now}");
    assert!(next.is_none_or(|next| next > now), "{text:?} in {timezone}: {next:?} {now}");
    if let Some(last) = last {
        // Whichever way one looks for it, it is the same slot, and none lies between it and now.
        let before = last - TimeDelta::seconds(1);
        assert_eq!(line.next_after(before), Some(last), "{text:?} in {timezone} at {now}");
        assert_eq!(line.next_after(last), next, "{text:?} in {timezone} at {now}");
    }
    if let Some(next) = next {
        assert_eq!(line.last_slot(next), Some(next), "{text:?} in {timezone} at {now}");
    }
});
