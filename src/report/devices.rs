//! Logins over time: when a key was live, what was tried, what failed.

use super::chart::{Piece, TimeLine, scale};
use super::data::Report;
use super::words::Words;
use crate::model::start_of;
use crate::store::DeviceHistory;
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

pub(super) fn devices(report: &Report, words: &Words) -> Markup {
    html! {
        section {
            h2 { (words.logins) }
            @if report.devices.is_empty() {
                p { (words.no_devices) }
            } @else {
                p.note {
                    span.key { i.live {} (words.key_lives) } " "
                    span.key { i.stroke {} (words.login) } " "
                    span.key.bad { (words.failed_login) }
                }
                @for device in &report.devices { (one(report, words, device)) }
            }
        }
    }
}

fn one(report: &Report, words: &Words, device: &DeviceHistory) -> Markup {
    let start = start_of(report.ledger_span.from, report.timezone);
    let length =
        (start_of(report.ledger_span.to, report.timezone) + TimeDelta::days(1) - start).num_seconds().max(1) as f64;
    let place = |at: DateTime<Utc>| (at - start).num_seconds() as f64 / length;
    let now = place(report.now);
    let pieces = lives(&device.logins).into_iter().map(|(from, to)| Piece {
        from: place(from),
        to: place(to).min(now),
        class: "live",
        tip: (words.from_to)(&report.time(from), &report.time(to)),
    });
    let (good, failed) = device.attempts.iter().fold((0, 0), |sum, slice| (sum.0 + slice.good, sum.1 + slice.failed));
    let counts = (words.login_counts)(good, failed);
    let crosses = device.attempts.iter().filter(|slice| slice.failed > 0);
    let line = TimeLine {
        pieces: pieces.collect(),
        strokes: device.attempts.iter().filter(|slice| slice.good > 0).map(|slice| place(slice.at)).collect(),
        crosses: crosses
            .map(|slice| (place(slice.at), format!("{}: {} {}", report.time(slice.at), slice.failed, words.failed)))
            .collect(),
        now: Some(now).filter(|now| *now < 1.0),
        description: &format!("{}: {counts}", device.name),
    };
    let state = match device.expires_at {
        None => html! { b.bad { (words.never_logged_in) } },
        Some(at) if at <= report.now => html! { b.bad { ((words.key_dead)(&report.time(at))) } },
        Some(at) => html! { ((words.key_until)(&report.time(at))) },
    };
    html! {
        div.lane {
            p { b { (device.name) } " · " (state) " · " (counts) }
            (line.draw())
            (scale(report.ledger_span))
        }
        @if !device.failures.is_empty() {
            details {
                summary { ((words.failures)(device.failures.len(), failed)) }
                table.stacked {
                    thead { tr { @for column in words.failure_columns { th scope="col" { (column) } } } }
                    tbody {
                        @for failure in &device.failures {
                            tr {
                                td.when { (report.time(failure.at)) }
                                td { ((words.outcome)(&failure.outcome)) }
                                td { (failure.error.as_deref().unwrap_or_default()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Times with a live key: lives that overlap are one.
fn lives(logins: &[(DateTime<Utc>, DateTime<Utc>)]) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let mut lives: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
    for (from, to) in logins {
        match lives.last_mut().filter(|last| *from <= last.1) {
            Some(last) => last.1 = last.1.max(*to),
            None => lives.push((*from, *to)),
        }
    }
    lives
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_follow_each_other_are_one_life() {
        let at = |hours| DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
        let logins = [(at(0), at(6)), (at(4), at(10)), (at(10), at(11)), (at(20), at(26))];
        assert_eq!(lives(&logins), [(at(0), at(11)), (at(20), at(26))]);
    }
}
