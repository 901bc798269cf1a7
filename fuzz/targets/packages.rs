//! Any bytes as an answer about quota packages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use poskeeper::vendors::pospal::parse_access_config;

fuzz_target!(|body: &[u8]| match parse_access_config(body) {
    Ok(rows) => {
        for row in &rows.good {
            assert!(row.limit_times >= 0, "{row:?}");
            for text in [&row.start_date, &row.end_date].into_iter().flatten() {
                assert!(text.len() >= 10 && !text.contains(char::is_control), "{row:?}");
            }
        }
        assert_eq!(rows.bad_rows > 0, rows.first_error.is_some());
        assert!(!rows.first_error.unwrap_or_default().contains(char::is_control));
    }
    Err(failure) => assert!(!failure.message.is_empty() && !failure.message.contains(char::is_control), "{failure:?}"),
});
