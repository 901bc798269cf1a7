//! A store's packages as a time line.

use super::chart::{Piece, TimeLine, grouped, scale};
use super::data::{App, Report};
use super::span::Span;
use super::words::Words;
use crate::model::{day_of, start_of};
use crate::store::PackageRow;
use chrono::{NaiveDate, TimeDelta};
use maud::{Markup, html};

/// How far a time line looks ahead.
const MOST_AHEAD: TimeDelta = TimeDelta::days(366);

pub(super) fn packages(report: &Report, app: &App, words: &Words) -> Markup {
    let rows = &app.packages;
    let ends = rows.iter().filter(|row| row.removed_at.is_none()).filter_map(|row| date(row.end_date.as_ref()?));
    let (from, to) = (report.span.from, report.span.to);
    let window = Span { from, to: ends.max().map_or(to, |end| end.clamp(to, to + MOST_AHEAD)) };
    html! {
        div.packages {
            h4 { (words.packages) }
            @if rows.is_empty() {
                p { (words.no_packages) }
            } @else {
                @for row in rows { (one(report, window, row, words)) }
                (scale(window))
            }
        }
    }
}

fn one(report: &Report, window: Span, row: &PackageRow, words: &Words) -> Markup {
    let today = day_of(report.now, report.timezone);
    let removed = row.removed_at.map(|at| day_of(at, report.timezone));
    let dates = row.start_date.as_deref().zip(row.end_date.as_deref());
    let days = dates.and_then(|(start, end)| Some((date(start)?, date(end)?)));
    let place = |day: NaiveDate| window.offset(day) as f64 / window.days() as f64;
    let tomorrow = |day: NaiveDate| day + TimeDelta::days(1);
    let (from, to, class) = match days {
        None if row.removed_at.is_none() => (0.0, 1.0, "default"),
        None => (0.0, removed.map_or(1.0, place), "gone"),
        Some((start, end)) if removed.is_none() => (place(start), place(tomorrow(end)), "package"),
        Some((start, end)) => {
            (place(start), place(removed.map_or(tomorrow(end), |day| day.min(tomorrow(end)))), "gone")
        }
    };
    let when =
        dates.map_or_else(|| words.default_quota.into(), |(start, end)| (words.from_to)(short(start), short(end)));
    let state = match (removed, days) {
        (Some(day), _) => Some((words.gone_since)(&day.to_string())),
        (None, Some((_, end))) if end < today => Some(words.ended.into()),
        (None, Some((_, end))) => Some((words.days_left)((end - today).num_days())),
        (None, None) => None,
    };
    let told = [Some((words.per_day)(&grouped(row.limit))), Some(when), state];
    let told = told.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let now =
        (report.now - start_of(window.from, report.timezone)).num_seconds() as f64 / (86_400 * window.days()) as f64;
    let line = TimeLine {
        pieces: vec![Piece { from, to, class, tip: String::new() }],
        strokes: Vec::new(),
        crosses: Vec::new(),
        now: Some(now).filter(|now| *now < 1.0),
        description: &told,
    };
    html! { div.lane { p { (told) } (line.draw()) } }
}

/// The day in the vendor's own text.
fn date(text: impl AsRef<str>) -> Option<NaiveDate> {
    text.as_ref().trim().get(..10)?.parse().ok()
}

/// That day alone, where it can be told; else the text as it is.
fn short(text: &str) -> &str {
    if date(text).is_some() { text.trim().get(..10).unwrap_or(text) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendors_date_is_read_where_it_is_one() {
        assert_eq!(date("2026-11-21 23:59:59"), NaiveDate::from_ymd_opt(2026, 11, 21));
        assert_eq!(short("2026-11-21 23:59:59"), "2026-11-21");
        for odd in ["", "soon", "2026-13-01 00:00:00", "二〇二六年十一月"] {
            assert_eq!((date(odd), short(odd)), (None, odd));
        }
    }
}
