//! The whole page.

use super::alerts::alerts;
use super::chain::chain;
use super::data::Report;
use super::devices::devices;
use super::spending::spending;
use super::stores::stores;
use super::words::Lang;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Nothing is loaded and no script runs, whatever stands in a name. `data:` is the empty icon that
/// keeps browsers from asking for one.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// For browsers without scripts.
const RENEWAL_SECONDS: u32 = 30;

/// The text of the page's only `<style>`, for a policy that names its hash.
pub fn style() -> &'static str {
    include_str!("style.css")
}

/// The page as one file.
pub fn page(report: &Report, lang: Lang) -> String {
    whole(report, lang, None)
}

/// The page for a server: `script` is the address of one that renews it, and the policy is the server's
/// to send. What such a script relies on are `header`, `main`, `footer` and `#lost`.
pub fn live_page(report: &Report, lang: Lang, script: &str) -> String {
    whole(report, lang, Some(script))
}

fn whole(report: &Report, lang: Lang, script: Option<&str>) -> String {
    let words = lang.words();
    let span = report.span;
    let zone = report.timezone.name();
    let body: Markup = html! {
        @if script.is_some() { p #lost.bad role="alert" hidden { (words.lost) } }
        header {
            h1 { (words.title) }
            p { (span_of_days(report, lang)) " · " ((words.made)(&report.time(report.now), zone)) }
            @if script.is_some() { p { (other_languages(lang)) } }
        }
        main {
            (alerts(report, words))
            @if report.apps.is_empty() && report.devices.is_empty() { p { (words.nothing_yet) } }
            @if !report.apps.is_empty() { (chain(report, words)) }
            (devices(report, words))
            @if !report.apps.is_empty() { (spending(report, words)) (stores(report, words)) }
        }
        footer { p { ((words.footer)(env!("CARGO_PKG_VERSION"), zone)) } }
    };
    html! {
        (DOCTYPE)
        html lang=(words.html_lang) {
            head {
                meta charset="utf-8";
                @if script.is_none() { meta http-equiv="Content-Security-Policy" content=(POLICY); }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                link rel="icon" href="data:,";
                title { (words.title) ", " (span.from) " – " (span.to) }
                style { (PreEscaped(style())) }
                @if let Some(script) = script {
                    script src=(script) defer {}
                    noscript { meta http-equiv="refresh" content=(RENEWAL_SECONDS); }
                }
            }
            body { (body) }
        }
    }
    .into_string()
}

fn other_languages(lang: Lang) -> Markup {
    html! {
        @for other in Lang::ALL.into_iter().filter(|other| *other != lang) {
            a href={ "?lang=" (other.code()) } lang=(other.words().html_lang) { (other.words().language) }
        }
    }
}

fn span_of_days(report: &Report, lang: Lang) -> String {
    let span = report.span;
    (lang.words().span)(span.from, span.to, span.days())
}
