//! What is wrong now.

use super::data::Report;
use super::words::Words;
use crate::rules::alarms::Rule;
use crate::store::OpenAlert;
use maud::{Markup, html};

/// More are folded away.
const MOST_SHOWN: usize = 25;

pub(super) fn alerts(report: &Report, words: &Words) -> Markup {
    let (shown, more) = report.alerts.split_at(report.alerts.len().min(MOST_SHOWN));
    html! {
        section.alerts {
            h2 { (words.alerts) @if !shown.is_empty() { " (" (report.alerts.len()) ")" } }
            @if shown.is_empty() { p.fine { "✓ " (words.no_alerts) } } @else { (table(report, words, shown)) }
            @if !more.is_empty() {
                details { summary { ((words.more_alerts)(more.len())) } (table(report, words, more)) }
            }
        }
    }
}

fn table(report: &Report, words: &Words, alerts: &[OpenAlert]) -> Markup {
    html! {
        table.stacked {
            thead { tr { @for column in words.alert_columns { th scope="col" { (column) } } } }
            tbody {
                @for alert in alerts {
                    @let rule = Rule::from_name(&alert.rule).map_or(alert.rule.as_str(), words.rule);
                    tr class=(if alert.is_error { "error" } else { "warning" }) {
                        td {
                            span.badge { (if alert.is_error { words.error } else { words.warning }) }
                            " " b { (rule) }
                        }
                        td { (subject(report, alert)) }
                        td.when { (report.time(alert.opened_at)) }
                        td { ((words.alert)(alert, report.timezone)) }
                    }
                }
            }
        }
    }
}

/// The operator's name where there is one: an alert's own subject is for programs.
fn subject<'a>(report: &'a Report, alert: &'a OpenAlert) -> &'a str {
    let Some(id) = &alert.fields.app_id else { return &alert.subject };
    let app = report.apps.iter().find(|app| app.known.app_id.eq_ignore_ascii_case(id));
    app.map_or(id.as_str(), |app| app.label())
}
