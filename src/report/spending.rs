//! What poskeeper itself spent.

use super::chart::{Bar, Bars, grouped};
use super::data::Report;
use super::words::Words;
use maud::{Markup, html};

pub(super) fn spending(report: &Report, words: &Words) -> Markup {
    let bars: Vec<_> = report
        .spending
        .iter()
        .map(|day| {
            let told = (words.spent)(&grouped(day.spent.calls), &grouped(day.spent.failed));
            Bar {
                day: day.day,
                value: day.spent.calls,
                part: day.spent.failed,
                limit: None,
                is_marked: false,
                tip: format!("{}: {told}", day.day),
            }
        })
        .collect();
    let (calls, failed) =
        report.spending.iter().fold((0, 0), |sum, day| (sum.0 + day.spent.calls, sum.1 + day.spent.failed));
    let told = (words.spent)(&grouped(calls), &grouped(failed));
    html! {
        section {
            h2 { (words.own) }
            p.note { (words.own_note) " " @if calls > 0 { (told) } }
            @if calls == 0 {
                p { (words.no_own) }
            } @else {
                ({
                    let keys = [("bar", words.good), ("failed", words.failed)];
                    Bars { span: report.ledger_span, bars, title: words.own_bars, description: &told, keys: &keys, part: "failed" }.draw()
                })
            }
        }
    }
}
