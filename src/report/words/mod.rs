//! The two languages of the report. A text that one of them lacks does not compile.

mod english;
mod simplified;

use crate::rules::alarms::Rule;
use crate::store::OpenAlert;
use chrono::NaiveDate;
use chrono_tz::Tz;

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// Simplified Chinese: what the vendors' users read.
    Zh,
}

impl Lang {
    /// Both.
    pub const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// As on the command line.
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// The reverse of [`Lang::code`].
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lang| lang.code() == code)
    }

    pub(super) const fn words(self) -> &'static Words {
        match self {
            Self::En => &english::WORDS,
            Self::Zh => &simplified::WORDS,
        }
    }
}

/// Every text of the page.
pub(super) struct Words {
    pub(super) html_lang: &'static str,
    pub(super) language: &'static str,
    pub(super) lost: &'static str,
    pub(super) title: &'static str,
    pub(super) span: fn(from: NaiveDate, to: NaiveDate, days: i64) -> String,
    pub(super) made: fn(time: &str, zone: &str) -> String,
    pub(super) footer: fn(version: &str, zone: &str) -> String,
    pub(super) nothing_yet: &'static str,

    pub(super) alerts: &'static str,
    pub(super) no_alerts: &'static str,
    pub(super) alert_columns: [&'static str; 4],
    pub(super) error: &'static str,
    pub(super) warning: &'static str,
    pub(super) rule: fn(Rule) -> &'static str,
    pub(super) alert: fn(&OpenAlert, Tz) -> String,
    pub(super) more_alerts: fn(usize) -> String,

    pub(super) chain: &'static str,
    pub(super) stores: &'static str,
    pub(super) of_them_sisters: fn(usize) -> String,
    pub(super) calls_made: &'static str,
    pub(super) of_allowed: fn(&str) -> String,
    pub(super) exhausted_days: &'static str,
    pub(super) missing_days: &'static str,
    pub(super) own_calls: &'static str,
    pub(super) own_calls_short: &'static str,
    pub(super) spent: fn(calls: &str, failed: &str) -> String,
    pub(super) of_them_failed: fn(&str) -> String,
    pub(super) chain_bars: &'static str,
    pub(super) exhausted_bars: &'static str,
    pub(super) heat_map: &'static str,
    pub(super) heat_keys: [&'static str; 6],
    pub(super) heat_missing: &'static str,
    pub(super) heat_ranks: &'static str,
    pub(super) ranking: &'static str,
    pub(super) ranking_columns: [&'static str; 7],
    pub(super) more_stores: fn(usize) -> String,
    pub(super) all_stores: &'static str,
    pub(super) compact_note: &'static str,
    pub(super) left_out: fn(usize) -> String,

    pub(super) used: &'static str,
    pub(super) limit: &'static str,
    pub(super) exhausted: &'static str,
    pub(super) some_exhausted: &'static str,
    pub(super) failed: &'static str,
    pub(super) good: &'static str,
    pub(super) calls_of: fn(used: &str, limit: &str, percent: &str) -> String,
    pub(super) stores_exhausted: fn(i64) -> String,
    pub(super) days: fn(i64) -> String,
    pub(super) seen: &'static str,
    pub(super) forecast: &'static str,

    pub(super) sister: &'static str,
    pub(super) usage: &'static str,
    pub(super) today: &'static str,
    pub(super) curve: fn(day: &str) -> String,
    pub(super) no_samples: fn(day: &str) -> String,
    pub(super) mean: &'static str,
    pub(super) peak: &'static str,
    pub(super) packages: &'static str,
    pub(super) no_packages: &'static str,
    pub(super) per_day: fn(&str) -> String,
    pub(super) default_quota: &'static str,
    pub(super) from_to: fn(from: &str, to: &str) -> String,
    pub(super) gone_since: fn(&str) -> String,
    pub(super) days_left: fn(i64) -> String,
    pub(super) ended: &'static str,
    pub(super) gaps: &'static str,
    pub(super) no_gaps: &'static str,
    pub(super) as_table: &'static str,
    pub(super) table_columns: [&'static str; 4],

    pub(super) own: &'static str,
    pub(super) own_note: &'static str,
    pub(super) own_bars: &'static str,
    pub(super) no_own: &'static str,

    pub(super) logins: &'static str,
    pub(super) no_devices: &'static str,
    pub(super) key_lives: &'static str,
    pub(super) login: &'static str,
    pub(super) failed_login: &'static str,
    pub(super) login_counts: fn(good: i64, failed: i64) -> String,
    pub(super) key_until: fn(&str) -> String,
    pub(super) key_dead: fn(&str) -> String,
    pub(super) never_logged_in: &'static str,
    pub(super) failures: fn(shown: usize, all: i64) -> String,
    pub(super) failure_columns: [&'static str; 3],
    pub(super) outcome: fn(&str) -> &'static str,
}
