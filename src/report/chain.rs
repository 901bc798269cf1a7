//! All stores together: sums, use per day, the heat map, the ranking.

use super::chart::{Bar, Bars, Cell, HeatMap, grouped};
use super::data::{App, ChainDay, Report, is_exhausted, percent, total};
use super::stores::{MOST_LARGE, MOST_STORES};
use super::told::{share, use_of};
use super::words::Words;
use crate::store::UsageDay;
use chrono::NaiveDate;
use maud::{Markup, html};

/// Rows of the ranking that are not folded away.
const TOP: usize = 20;

pub(super) fn chain(report: &Report, words: &Words) -> Markup {
    let ranking = report.ranking();
    let (top, rest) = ranking.split_at(ranking.len().min(TOP));
    html! {
        section {
            h2 { (words.chain) }
            (sums(report, words))
            (bars(report, words))
            @if !is_small(report) { (exhausted(report, words)) }
            (heat_map(report, words, &ranking))
            h3 { (words.ranking) }
            (table(words, top, 0))
            @if !rest.is_empty() {
                details { summary { ((words.more_stores)(rest.len())) } (table(words, rest, TOP)) }
            }
        }
    }
}

fn sums(report: &Report, words: &Words) -> Markup {
    let apps = &report.apps;
    let sum = |value: fn(&App) -> i64| total(apps.iter().map(value));
    let used = sum(App::used);
    let limit = sum(|app| total(app.days.iter().map(|day| day.limit)));
    let failed = (words.of_them_failed)(&grouped(sum(|app| app.spent.failed)));
    let exhausted = sum(|app| i64::try_from(app.exhausted_days()).unwrap_or_default());
    let sisters = apps.iter().filter(|app| !app.known.configured).count();
    let tile =
        |number: i64, name: &str, more: &str| html! { div { b { (grouped(number)) } " " (name) small { (more) } } };
    let sisters = if sisters == 0 { String::new() } else { (words.of_them_sisters)(sisters) };
    html! {
        div.sums {
            (tile(i64::try_from(apps.len()).unwrap_or_default(), words.stores, &sisters))
            (tile(used, words.calls_made, &(words.of_allowed)(&grouped(limit))))
            (tile(exhausted, words.exhausted_days, ""))
            (tile(sum(App::gap_days), words.missing_days, ""))
            (tile(sum(|app| app.spent.calls), words.own_calls, &failed))
        }
    }
}

/// A day on which one of few stores is exhausted can be marked; of many stores, one always is.
fn is_small(report: &Report) -> bool {
    report.apps.len() <= MOST_LARGE
}

fn exhausted(report: &Report, words: &Words) -> Markup {
    let bar = |(day, sum): (&NaiveDate, &ChainDay)| {
        let tip = format!("{day}: {}", (words.stores_exhausted)(sum.exhausted));
        Bar { day: *day, value: 0, part: sum.exhausted, limit: None, is_marked: false, tip }
    };
    let bars: Vec<_> = report.chain().iter().map(bar).collect();
    let description = bars.last().map(|bar| bar.tip.clone()).unwrap_or_default();
    let title = words.exhausted_bars;
    Bars { span: report.span, bars, title, description: &description, keys: &[], part: "full" }.draw()
}

fn bars(report: &Report, words: &Words) -> Markup {
    let chain = report.chain();
    let bar = |(day, sum): (&NaiveDate, &ChainDay)| {
        let share = share(100.0 * sum.used as f64 / sum.limit.max(1) as f64);
        let told = (words.calls_of)(&grouped(sum.used), &grouped(sum.limit), &share);
        let exhausted = (words.stores_exhausted)(sum.exhausted);
        Bar {
            day: *day,
            value: sum.used,
            part: 0,
            limit: Some(sum.limit),
            is_marked: is_small(report) && sum.exhausted > 0,
            tip: format!("{day}: {told}, {exhausted}"),
        }
    };
    let keys = [("bar", words.used), ("limit", words.limit), ("full", words.some_exhausted)];
    let keys = if is_small(report) { &keys[..] } else { &keys[..2] };
    let bars: Vec<_> = chain.iter().map(bar).collect();
    let description = bars.last().map(|bar| bar.tip.clone()).unwrap_or_default();
    Bars { span: report.span, bars, title: words.chain_bars, description: &description, keys, part: "failed" }.draw()
}

fn heat_map(report: &Report, words: &Words, ranking: &[&App]) -> Markup {
    let cells = |app: &App| {
        let cell = |day: &UsageDay| Cell { day: day.day, percent: percent(day), is_exhausted: is_exhausted(day) };
        app.days.iter().map(cell).collect()
    };
    let tip = |name: &str, cell: &Cell| format!("{name}, {}: {}", cell.day, share(cell.percent));
    let map = HeatMap {
        span: report.span,
        rows: ranking.iter().take(MOST_STORES).map(|app| (app.label(), cells(app))).collect(),
        title: words.heat_map,
        description: words.heat_ranks,
        keys: words.heat_keys,
        missing: words.heat_missing,
        tip: &tip,
    };
    html! {
        (map.draw())
        @if !map.has_names() { p.note { (words.heat_ranks) } }
    }
}

fn table(words: &Words, apps: &[&App], before: usize) -> Markup {
    let [_, _, last, mean, peak, exhausted, missing] = words.ranking_columns;
    html! {
        table.ranked {
                thead { tr { @for column in words.ranking_columns { th scope="col" { (column) } } } }
                tbody {
                    @for (index, app) in apps.iter().enumerate() {
                        tr {
                            td { (before + index + 1) }
                            th scope="row" {
                                @if before + index < MOST_STORES {
                                    a href=(format!("#s{}", app.known.app_key)) { (app.label()) }
                                } @else {
                                    (app.label())
                                }
                            }
                            td data-label=(last) { (app.days.last().map(|day| use_of(day, words)).unwrap_or_default()) }
                            td data-label=(mean) { (app.mean_percent().map(share).unwrap_or_default()) }
                            td data-label=(peak) { (app.peak().map(|day| share(percent(day))).unwrap_or_default()) }
                            td data-label=(exhausted) class=[(app.exhausted_days() > 0).then_some("bad")] { (app.exhausted_days()) }
                            td data-label=(missing) { (app.gap_days()) }
                        }
                    }
                }
            }
    }
}
