//! What an answer adds to the history. Nothing observed is lost or overwritten: a changed number adds
//! a sample, a vanished package is closed, an empty or partial answer deletes nothing.

use crate::model::{AppId, Package, UsageReading};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::{HashMap, HashSet};

/// News of one kind in one answer: all are counted, the first are kept to be named. A mad server must not flood
/// the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News<T> {
    /// How many.
    pub count: usize,
    /// Which: no more than [`News::MOST_NAMED`].
    pub named: Vec<T>,
}

impl<T> News<T> {
    /// More than this are only counted.
    pub const MOST_NAMED: usize = 1000;
}

impl<T> Default for News<T> {
    fn default() -> Self {
        Self { count: 0, named: Vec::new() }
    }
}

impl<T> Extend<T> for News<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, news: I) {
        for one in news {
            self.count += 1;
            if self.count <= Self::MOST_NAMED {
                self.named.push(one);
            }
        }
    }
}

impl<T> FromIterator<T> for News<T> {
    fn from_iter<I: IntoIterator<Item = T>>(news: I) -> Self {
        let mut all = Self::default();
        all.extend(news);
        all
    }
}

/// Sister stores that the history takes in: more than any chain has. A server that makes new ones up in every
/// answer must not fill the disk, nor the memory of whoever reads the list of them.
pub const MOST_SISTERS: usize = 100_000;

/// What becomes of rows beyond that.
pub const TOO_MANY_SISTERS: &str =
    "the history has 100000 sister stores, more than any chain; rows of further ones are left out";

/// Which answer speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// The ledger row of the call. It grows with time, whatever the clocks say, and so tells which of
    /// two answers is the newer one.
    pub call_id: i64,
    /// When the request left.
    pub observed_at: DateTime<Utc>,
    /// The first day that was not over when the request left, by the more cautious of our clock and the
    /// vendor's.
    pub today: NaiveDate,
}

/// A day of an app as the database has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredDay {
    /// Calls allowed.
    pub limit_times: i64,
    /// Calls made.
    pub used_times: i64,
    /// Seen after that day ended.
    pub is_final: bool,
    /// When it was first seen.
    pub first_observed_at: DateTime<Utc>,
    /// When a number last changed.
    pub last_changed_at: DateTime<Utc>,
    /// Which call last changed it.
    pub changed_by: i64,
}

/// What to write for one day of one app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayChange<'a> {
    /// App, day and numbers.
    pub reading: &'a UsageReading,
    /// The row as it will stand.
    pub row: StoredDay,
    /// A number is new or changed: a sample is added.
    pub is_sample: bool,
    /// The day had been final, with this many calls, and the vendor now says otherwise.
    pub corrected_from: Option<i64>,
}

/// The rows that count: of those for the same app and day in one answer only the last.
pub fn readings_that_count(rows: &[UsageReading]) -> Vec<&UsageReading> {
    let mut seen = HashSet::with_capacity(rows.len());
    let mut readings: Vec<_> = rows.iter().rev().filter(|row| seen.insert((&row.app_id, row.day))).collect();
    readings.reverse();
    readings
}

/// Compares readings, no two of them for the same app and day, with what is stored.
pub fn day_changes<'a>(
    observation: &Observation,
    readings: &[&'a UsageReading],
    stored: impl Fn(&AppId, NaiveDate) -> Option<StoredDay>,
) -> Vec<DayChange<'a>> {
    let changes =
        readings.iter().filter_map(|reading| day_change(observation, reading, stored(&reading.app_id, reading.day)));
    changes.collect()
}

fn day_change<'a>(
    observation: &Observation,
    reading: &'a UsageReading,
    stored: Option<StoredDay>,
) -> Option<DayChange<'a>> {
    let is_over = reading.day < observation.today;
    let Some(stored) = stored else {
        let row = StoredDay {
            limit_times: reading.limit_times,
            used_times: reading.used_times,
            is_final: is_over,
            first_observed_at: observation.observed_at,
            last_changed_at: observation.observed_at,
            changed_by: observation.call_id,
        };
        return Some(DayChange { reading, row, is_sample: true, corrected_from: None });
    };
    if observation.call_id < stored.changed_by {
        return None;
    }
    let is_changed = (reading.limit_times, reading.used_times) != (stored.limit_times, stored.used_times);
    if !is_changed && (stored.is_final || !is_over) {
        return None;
    }
    let mut row = StoredDay { is_final: stored.is_final || is_over, ..stored };
    if is_changed {
        row.limit_times = reading.limit_times;
        row.used_times = reading.used_times;
        row.last_changed_at = observation.observed_at;
        row.changed_by = observation.call_id;
    }
    let corrected_from = (is_changed && stored.is_final).then_some(stored.used_times);
    Some(DayChange { reading, row, is_sample: is_changed, corrected_from })
}

/// The vendor's today by our clock or by its own `Date`, whichever is earlier: no day is over before
/// both clocks say so.
pub fn unfinished_day(by_ours: NaiveDate, by_theirs: Option<NaiveDate>) -> NaiveDate {
    by_theirs.map_or(by_ours, |theirs| theirs.min(by_ours))
}

/// How the packages of the apps in an answer changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PackageChanges<'a> {
    /// Listed for the first time, or again.
    pub added: Vec<&'a Package>,
    /// Keys of stored packages that the vendor lists no more.
    pub removed: Vec<i64>,
}

/// Compares an answer with the stored packages that are not yet removed (`stored`: key and package).
/// An app without any row in the answer keeps its packages.
pub fn package_changes<'a>(listed: &'a [Package], stored: &[(i64, Package)]) -> PackageChanges<'a> {
    let key_of: HashMap<&Package, i64> = stored.iter().map(|(key, package)| (package, *key)).collect();
    let mut seen = HashSet::with_capacity(listed.len());
    let added = listed.iter().filter(|package| seen.insert(*package) && !key_of.contains_key(package)).collect();
    let apps: HashSet<_> = listed.iter().map(|package| &package.app_id).collect();
    let removed = stored
        .iter()
        .filter(|(_, package)| apps.contains(&package.app_id) && !seen.contains(package))
        .map(|(key, _)| *key)
        .collect();
    PackageChanges { added, removed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(offset: i64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 21).expect("a date") + chrono::TimeDelta::days(offset)
    }

    fn reading(app: &str, offset: i64, used_times: i64) -> UsageReading {
        let app_id = AppId::parse(app).expect("an app id");
        UsageReading { app_id, day: day(offset), limit_times: 3000, used_times }
    }

    fn observation(call_id: i64, today: i64) -> Observation {
        let observed_at = DateTime::from_timestamp(1_800_000_000 + call_id, 0).expect("a time");
        Observation { call_id, observed_at, today: day(today) }
    }

    fn after(call_id: i64, readings: &[UsageReading]) -> StoredDay {
        day_changes(&observation(call_id, 0), &readings_that_count(readings), |_, _| None)[0].row
    }

    #[test]
    fn a_new_number_is_stored_with_a_sample_and_todays_is_not_final() {
        let readings = [reading("A", -1, 996), reading("A", 0, 456)];
        let changes = day_changes(&observation(1, 0), &readings_that_count(&readings), |_, _| None);
        assert_eq!(
            changes.iter().map(|c| (c.row.is_final, c.is_sample)).collect::<Vec<_>>(),
            [(true, true), (false, true)]
        );
    }

    #[test]
    fn an_unchanged_answer_changes_nothing() {
        let readings = [reading("A", -1, 996), reading("A", 0, 456)];
        let stored = |_: &AppId, d: NaiveDate| {
            Some(if d == day(0) { after(1, &readings[1..]) } else { after(1, &readings[..1]) })
        };
        assert_eq!(day_changes(&observation(2, 0), &readings_that_count(&readings), stored), []);
    }

    #[test]
    fn a_day_becomes_final_without_a_sample_when_it_is_confirmed_after_its_end() {
        let readings = [reading("A", 0, 456)];
        let stored = after(1, &readings);
        let changes = day_changes(&observation(2, 1), &readings_that_count(&readings), |_, _| Some(stored));
        assert_eq!((changes[0].row, changes[0].is_sample), (StoredDay { is_final: true, ..stored }, false));
    }

    #[test]
    fn a_final_day_that_changes_is_a_correction() {
        let stored = after(1, &[reading("A", -1, 996)]);
        let readings = [reading("a", -1, 997)];
        let changes = day_changes(&observation(2, 0), &readings_that_count(&readings), |_, _| Some(stored));
        assert_eq!((changes[0].corrected_from, changes[0].row.used_times), (Some(996), 997));
        assert_eq!(changes[0].row.first_observed_at, stored.first_observed_at);
    }

    #[test]
    fn an_older_answer_never_overwrites_a_newer_one() {
        let stored = after(7, &[reading("A", 0, 500)]);
        assert_eq!(day_changes(&observation(6, 0), &[&reading("A", 0, 400)], |_, _| Some(stored)), []);
    }

    #[test]
    fn of_a_day_that_comes_twice_in_one_answer_the_last_row_counts() {
        let readings = [reading("A", 0, 1), reading("a", 0, 2)];
        let changes = day_changes(&observation(1, 0), &readings_that_count(&readings), |_, _| None);
        assert_eq!(changes.iter().map(|c| c.row.used_times).collect::<Vec<_>>(), [2]);
    }

    fn package(app: &str, start: &str) -> Package {
        let app_id = AppId::parse(app).expect("an app id");
        Package { app_id, limit_times: 3000, start_date: Some(start.into()), end_date: None }
    }

    #[test]
    fn a_vanished_package_is_closed_but_an_app_without_rows_keeps_its_packages() {
        let stored = [(1, package("A", "x")), (2, package("A", "y")), (3, package("B", "z"))];
        let listed = [package("a", "y"), package("A", "new"), package("A", "new")];
        let changes = package_changes(&listed, &stored);
        assert_eq!((changes.added, changes.removed), (vec![&listed[1]], vec![1]));
        assert_eq!(package_changes(&[], &stored), PackageChanges::default());
    }
}
