//! The days that a report covers.

use chrono::{Days, NaiveDate};

/// Days of the vendor's calendar, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First day.
    pub from: NaiveDate,
    /// Last day; not before the first.
    pub to: NaiveDate,
}

impl Span {
    /// Days of a report whose first day nobody named.
    const USUAL_DAYS: u64 = 30;

    /// The days asked for: the last 30 up to today where nothing is said, none after today.
    /// `None`: the first day lies after the last.
    pub fn asked(from: Option<NaiveDate>, to: Option<NaiveDate>, today: NaiveDate) -> Option<Self> {
        let to = to.unwrap_or(today).min(today);
        let from = from.unwrap_or_else(|| to.checked_sub_days(Days::new(Self::USUAL_DAYS - 1)).unwrap_or(to));
        (from <= to).then_some(Self { from, to })
    }

    /// How many days.
    pub fn days(&self) -> i64 {
        (self.to - self.from).num_days() + 1
    }

    /// Days from the first to `day`.
    pub fn offset(&self, day: NaiveDate) -> i64 {
        (day - self.from).num_days()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    #[test]
    fn without_a_wish_the_last_30_days_are_told_and_never_the_future() {
        let today = day("2026-11-21");
        let asked = |from: Option<&str>, to: Option<&str>| Span::asked(from.map(day), to.map(day), today);
        assert_eq!(asked(None, None), Some(Span { from: day("2026-10-23"), to: today }));
        assert_eq!(asked(None, None).map(|span| span.days()), Some(30));
        assert_eq!(asked(None, Some("2026-01-30")), Some(Span { from: day("2026-01-01"), to: day("2026-01-30") }));
        assert_eq!(asked(Some("2026-11-20"), Some("2027-01-01")).map(|span| span.to), Some(today));
        assert_eq!(asked(Some("2026-11-22"), None), None);
    }
}
