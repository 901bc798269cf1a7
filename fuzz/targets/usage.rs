//! Any bytes as an answer about daily usage.
#![no_main]

use chrono::NaiveDate;
use libfuzzer_sys::fuzz_target;
use poskeeper::vendors::pospal::parse_daily_access;

const TODAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 21).expect("a day");

fuzz_target!(|body: &[u8]| match parse_daily_access(body, TODAY) {
    Ok(rows) => {
        for row in &rows.good {
            assert!(row.limit_times >= 0 && row.used_times >= 0 && row.day <= TODAY, "{row:?}");
            assert!(!row.app_id.as_str().contains(char::is_control));
        }
        assert_eq!(rows.bad_rows > 0, rows.first_error.is_some());
        assert!(!rows.first_error.unwrap_or_default().contains(char::is_control));
    }
    Err(failure) => assert!(!failure.message.is_empty() && !failure.message.contains(char::is_control), "{failure:?}"),
});
