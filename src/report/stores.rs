//! Each store: large where there are few, folded to a line where there are many.

use super::chart::{Bar, Bars, Curve, grouped, sparkline};
use super::data::{App, Report, is_exhausted, percent};
use super::packages::packages;
use super::told::{share, use_of};
use super::words::Words;
use crate::model::{day_of, start_of};
use crate::store::UsageDay;
use maud::{Markup, html};

/// As many stores have full-size charts.
pub(super) const MOST_LARGE: usize = 20;
/// More would make the file too large to open; the database has them all.
pub(super) const MOST_STORES: usize = 500;
/// Days in a table of days.
const MOST_TABLE_DAYS: usize = 400;

pub(super) fn stores(report: &Report, words: &Words) -> Markup {
    if report.apps.len() <= MOST_LARGE {
        return html! { @for app in &report.apps { (large(report, app, words)) } };
    }
    let ranking = report.ranking();
    let left_out = ranking.len().saturating_sub(MOST_STORES);
    html! {
        section {
            h2 { (words.all_stores) }
            p.note { (words.compact_note) }
            @for (index, app) in ranking.iter().take(MOST_STORES).enumerate() { (folded(report, app, index + 1, words)) }
            @if left_out > 0 { p.note { ((words.left_out)(left_out)) } }
        }
    }
}

fn large(report: &Report, app: &App, words: &Words) -> Markup {
    html! {
        section.store id=(format!("s{}", app.known.app_key)) {
            h2 { (app.label()) @if !app.known.configured { " " small { "(" (words.sister) ")" } } }
            p.note { (app.known.app_id) }
            (facts(app, words))
            (bars(report, app, words))
            div.pair { (curve(report, app, words)) (packages(report, app, words)) }
            (gaps(app, words))
            details {
                summary { (words.as_table) }
                (day_table(app, words))
            }
        }
    }
}

fn folded(report: &Report, app: &App, rank: usize, words: &Words) -> Markup {
    let exhausted = app.exhausted_days();
    let last = app.days.last().map(|day| use_of(day, words)).unwrap_or_default();
    html! {
        details.row id=(format!("s{}", app.known.app_key)) {
            summary {
                span.rank { (rank) }
                span.name { (app.label()) }
                (sparkline(report.span, &app.days, app.label()))
                span.last { (last) }
                span.times { @if exhausted > 0 { b.bad { "▼ " (exhausted) } } }
            }
            p.note { (app.known.app_id) @if !app.known.configured { " (" (words.sister) ")" } }
            (facts(app, words))
            div.pair { (curve(report, app, words)) (packages(report, app, words)) }
            (gaps(app, words))
        }
    }
}

/// The few numbers that matter, in one line.
fn facts(app: &App, words: &Words) -> Markup {
    let Some(last) = app.days.last() else { return html! { p { (words.nothing_yet) } } };
    let mean = app.mean_percent().map(share).unwrap_or_default();
    html! {
        p.facts {
            span { (last.day) ": " b { (use_of(last, words)) } } " "
            span { (words.mean) " " b { (mean) } } " "
            @if let Some(peak) = app.peak() { span { (words.peak) " " b { (share(percent(peak))) } " (" (peak.day) ")" } }
            " " span { (words.ranking_columns[5]) " " b { (app.exhausted_days()) } }
            " " span { (words.own_calls_short) " " b { (grouped(app.spent.calls)) } }
        }
    }
}

fn bars(report: &Report, app: &App, words: &Words) -> Markup {
    let bar = |day: &UsageDay| {
        let tip = format!("{}: {}", day.day, use_of(day, words));
        Bar { day: day.day, value: day.used, part: 0, limit: Some(day.limit), is_marked: is_exhausted(day), tip }
    };
    let keys = [("bar", words.used), ("limit", words.limit), ("full", words.exhausted)];
    let bars: Vec<_> = app.days.iter().map(bar).collect();
    let description = format!("{}: {} × {}", app.label(), words.exhausted, app.exhausted_days());
    Bars { span: report.span, bars, title: words.usage, description: &description, keys: &keys, part: "failed" }.draw()
}

fn curve(report: &Report, app: &App, words: &Words) -> Markup {
    let day = report.span.to;
    let is_today = day == day_of(report.now, report.timezone);
    let name = if is_today { format!("{} ({day})", words.today) } else { day.to_string() };
    let title = (words.curve)(&name);
    if app.curve.is_empty() {
        return html! { div.chart { h4 { (title) } p { ((words.no_samples)(&name)) } } };
    }
    let next = day.succ_opt().unwrap_or(day);
    let last = app.on(day);
    let description = last.map(|day| use_of(day, words)).unwrap_or_default();
    let mut keys = vec![("curve", words.seen), ("limit", words.limit)];
    if app.forecast.is_some() {
        keys.push(("forecast", words.forecast));
    }
    Curve {
        day: (start_of(day, report.timezone), start_of(next, report.timezone)),
        timezone: report.timezone,
        points: &app.curve,
        limit: last.map(|day| day.limit),
        now: report.now,
        forecast: app.forecast,
        title: &title,
        description: &description,
        keys: &keys,
    }
    .draw()
}

fn gaps(app: &App, words: &Words) -> Markup {
    let told = app.gaps.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => (words.from_to)(&first.to_string(), &last.to_string()),
    });
    let told: Vec<_> = told.collect();
    html! {
        @if app.known.configured {
            p.gaps {
                b { (words.gaps) } ": "
                @if told.is_empty() { (words.no_gaps) } @else { ((words.days)(app.gap_days())) " (" (told.join(", ")) ")" }
            }
        }
    }
}

fn day_table(app: &App, words: &Words) -> Markup {
    html! {
        table.days {
            thead { tr { @for column in words.table_columns { th scope="col" { (column) } } } }
            tbody {
                @for day in app.days.iter().rev().take(MOST_TABLE_DAYS) {
                    tr class=[is_exhausted(day).then_some("error")] {
                        th scope="row" { (day.day) }
                        td { (grouped(day.used)) }
                        td { (grouped(day.limit)) }
                        td { (share(percent(day))) @if is_exhausted(day) { " ▼" } }
                    }
                }
            }
        }
    }
}
