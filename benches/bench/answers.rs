//! What the simulated vendor says: bodies made once, compressed once, sent many times.

use crate::shop::{LIMIT, app_id, used_times};
use chrono::NaiveDate;
use flate2::{Compression, write::GzEncoder};
use std::fmt::Write as _;
use std::io::Write as _;

pub const PACKAGES: &str = "/pospal-api2/openapi/v1/openApiLimitAccess/queryAccessTimes";
pub const USAGE: &str = "/pospal-api2/openapi/v1/openApiLimitAccess/queryDailyAccessTimesLog";

/// What kind of vendor it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    pub latency_ms: u64,
    /// Stores in each answer; 0: only the one that asks.
    pub stores: u32,
    /// Stores whose number of today has grown.
    pub changed: u32,
}

/// Rows of the usage of these stores, as they are sent before compression.
pub fn usage(ids: &[(String, u32)], manner: Manner, first: NaiveDate, last: NaiveDate) -> String {
    let mut rows = Rows::default();
    for (id, index) in ids {
        for day in first.iter_days().take_while(|day| *day <= last) {
            let grown = u32::from(day == last && *index < manner.changed);
            let used = used_times(*index, day) + grown;
            rows.add(format_args!(
                r#"{{"appId":"{id}","accessDate":"{day}","limitTimes":{LIMIT},"haveAcessTimes":{used}}}"#
            ));
        }
    }
    rows.end()
}

/// One package of each store, long before its end.
pub fn packages(ids: &[(String, u32)]) -> String {
    let mut rows = Rows::default();
    for (id, _) in ids {
        rows.add(format_args!(
            r#"{{"appId":"{id}","limitTimes":{LIMIT},"startDate":"2026-01-01 00:00:00","endDate":"2099-12-31 23:59:59"}}"#
        ));
    }
    rows.end()
}

/// The first stores of the benches.
pub fn stores(count: u32) -> Vec<(String, u32)> {
    (0..count).map(|index| (app_id(index), index)).collect()
}

pub fn gzip(text: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}

#[derive(Default)]
struct Rows(String);

impl Rows {
    fn add(&mut self, row: std::fmt::Arguments<'_>) {
        let comma = if self.0.is_empty() { "" } else { "," };
        let _ = write!(self.0, "{comma}{row}");
    }

    fn end(self) -> String {
        format!(r#"{{"status":"success","messages":[],"data":[{}]}}"#, self.0)
    }
}
