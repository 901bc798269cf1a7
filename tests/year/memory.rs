//! What survives a restart: the simplest thing that does what `src/store` does.

use chrono::{DateTime, NaiveDate, Utc};
use poskeeper::model::{AppId, Endpoint, Moment, Session, UsageReading};
use poskeeper::rules::budget::LedgerMark;
use poskeeper::rules::history::{Observation, StoredDay, day_changes, readings_that_count};
use poskeeper::rules::polling::SlotProgress;
use poskeeper::rules::windows::{DayRange, merge, settled};
use std::collections::{HashMap, HashSet};

/// One app and one of the two endpoints.
pub(crate) type Line = (usize, Endpoint);

#[derive(Default)]
pub(crate) struct Memory {
    pub session: Option<Session>,
    /// Row n is call n.
    pub calls: Vec<LedgerMark>,
    calls_of: HashMap<usize, Vec<usize>>,
    polls: HashMap<Line, SlotProgress>,
    pub last_asked: HashMap<Line, DateTime<Utc>>,
    pub asked: HashMap<usize, Vec<DayRange>>,
    pub days: HashMap<(usize, NaiveDate), StoredDay>,
    pub sightings: HashSet<(i64, i64)>,
}

impl Memory {
    pub(crate) fn progress(&self, line: Line) -> Option<&SlotProgress> {
        self.polls.get(&line)
    }

    /// `Store::newest_calls`
    pub(crate) fn newest_calls(&self, app: usize, most: u32) -> Vec<LedgerMark> {
        let calls = self.calls_of.get(&app).map_or(&[][..], Vec::as_slice);
        calls.iter().rev().take(most as usize).map(|call| self.calls[*call].clone()).collect()
    }

    /// Whether an answer of this boot has told this app the vendor's time.
    pub(crate) fn is_answered_in(&self, boot_id: &str, app: usize) -> bool {
        let calls = self.calls_of.get(&app).map_or(&[][..], Vec::as_slice);
        let of_boot =
            calls.iter().rev().map(|call| &self.calls[*call]).take_while(|m| m.started_at.boot.boot_id == boot_id);
        of_boot.into_iter().any(|mark| mark.skew.is_some())
    }

    /// `Store::open_poll_call`
    pub(crate) fn open_call(
        &mut self,
        line: Line,
        slot: Option<DateTime<Utc>>,
        now: &Moment,
        vendor_day: NaiveDate,
    ) -> usize {
        let call = self.calls.len();
        let mark = LedgerMark { started_at: now.clone(), vendor_day, skew: None };
        self.calls.push(mark);
        self.calls_of.entry(line.0).or_default().push(call);
        if let Some(slot) = slot {
            let before = self.polls.get(&line).filter(|progress| progress.slot == slot);
            let attempts = before.map_or(1, |progress| progress.attempts + 1);
            self.polls.insert(line, SlotProgress { slot, attempts, done: false, last_attempt: Some(now.clone()) });
            self.last_asked.insert(line, now.wall);
        }
        call
    }

    /// `Store::close_failed_call`, for a call that served a slot.
    pub(crate) fn close_slot(&mut self, line: Line) {
        if let Some(progress) = self.polls.get_mut(&line) {
            progress.done = true;
        }
    }

    /// `Store::skip_slot`, and what a sister's answer does to a slot.
    pub(crate) fn skip_slot(&mut self, line: Line, slot: DateTime<Utc>, is_covered: bool) {
        let before = self.polls.remove(&line);
        let last_attempt = before.as_ref().and_then(|progress| progress.last_attempt.clone());
        let attempts = before.filter(|progress| progress.slot == slot && !is_covered).map_or(0, |p| p.attempts);
        self.polls.insert(line, SlotProgress { slot, attempts, done: true, last_attempt });
    }

    /// `Store::record_usage`: the days, and which of them need not be asked again.
    pub(crate) fn record_usage(
        &mut self,
        asker: usize,
        apps: &[AppId],
        observation: &Observation,
        rows: &[UsageReading],
        window: DayRange,
    ) -> HashSet<usize> {
        let key_of = |app_id: &AppId| apps.iter().position(|known| known == app_id);
        let stored = |app_id: &AppId, day| self.days.get(&(key_of(app_id)?, day)).copied();
        let changes = day_changes(observation, &readings_that_count(rows), stored);
        let written: Vec<_> =
            changes.iter().filter_map(|c| Some(((key_of(&c.reading.app_id)?, c.reading.day), c.row))).collect();
        self.days.extend(written);
        let mut contained: HashSet<usize> = apps
            .iter()
            .enumerate()
            .filter(|(_, app_id)| rows.iter().any(|row| row.app_id == **app_id))
            .map(|(app, _)| app)
            .collect();
        if let Some(settled) = settled(window, observation.today) {
            for app in contained.iter().copied().chain([asker]).collect::<HashSet<_>>() {
                let ranges = self.asked.entry(app).or_default();
                *ranges = merge(ranges, settled);
            }
        }
        self.sightings.extend(contained.iter().map(|app| (asker as i64, *app as i64)));
        contained.remove(&asker);
        contained
    }
}
