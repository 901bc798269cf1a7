//! The stores of the benches: ids, keys, numbers, settings. `benches/history.sql` has the same formulas.

use chrono::{Datelike, Days, NaiveDate, Utc};
use chrono_tz::Asia::Shanghai;
use std::fmt::Write;

/// Of each app and day.
pub const LIMIT: u32 = 3_000;
/// Days in one answer: today and the seven before.
pub const DAYS: u64 = 8;
/// Once a year: no poll falls into a measurement, and the slot of this year counts as served.
pub const RARELY: &str = "0 0 0 1 1 *";

pub fn app_id(index: u32) -> String {
    let i = u64::from(index);
    format!("{:08X}{:08X}{:016X}", i * 2_654_435_761 % (1 << 32), i * 40_503 % (1 << 32), i * 11_400_714_819)
}

pub fn app_key(index: u32) -> String {
    format!("{:018}", 700_000_000_000_000_000 + u64::from(index) * 7_919)
}

/// Calls on one of the last days; below the share of the limit at which somebody is alerted.
pub fn used_times(index: u32, day: NaiveDate) -> u32 {
    let days = u64::try_from(day_number(day)).unwrap_or_default();
    u32::try_from((u64::from(index) * 7_919 + days * 10_473) % 1_500).unwrap_or_default()
}

/// Since 1970.
pub fn day_number(day: NaiveDate) -> i64 {
    day.signed_duration_since(NaiveDate::default()).num_days()
}

/// The vendor's today.
#[expect(clippy::disallowed_methods, reason = "a bench has no `now` to be handed")]
pub fn today() -> NaiveDate {
    Utc::now().with_timezone(&Shanghai).date_naive()
}

#[expect(clippy::disallowed_methods, reason = "a bench has no `now` to be handed")]
pub fn now_ms() -> i64 {
    Utc::now().timestamp_millis()
}

/// The newest slot of [`RARELY`].
pub fn slot_ms() -> i64 {
    let new_year = NaiveDate::from_ymd_opt(today().year(), 1, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
    let new_year = new_year.and_then(|start| start.and_local_timezone(Shanghai).single());
    new_year.map_or(0, |start| start.timestamp_millis())
}

/// The window that poskeeper asks for.
pub fn window() -> (NaiveDate, NaiveDate) {
    (today() - Days::new(DAYS - 1), today())
}

/// Settings of the first `apps` stores; `pospal`: lines of that section.
pub fn settings(database: &str, base_url: &str, apps: u32, pospal: &str) -> String {
    let mut text = format!("[database]\npath = \"{database}\"\n\n[pospal]\nbase_url = \"{base_url}\"\n{pospal}\n");
    for index in 0..apps {
        let (id, key) = (app_id(index), app_key(index));
        let _ = write!(text, "\n[[pospal.apps]]\napp_id = \"{id}\"\napp_key = \"{key}\"\nname = \"Store {index}\"\n");
    }
    text
}

/// What the peers read instead.
pub fn peer_settings(base_url: &str, apps: u32, daily_only: bool) -> String {
    let (begin, end) = window();
    let apps: Vec<_> = (0..apps).map(|index| serde_json::json!({"id": app_id(index), "key": app_key(index)})).collect();
    serde_json::json!({
        "base_url": base_url, "begin": begin, "end": end, "parallel": 16, "daily_only": daily_only, "apps": apps,
    })
    .to_string()
}
