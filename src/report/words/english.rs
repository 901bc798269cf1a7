//! English.

use super::Words;
use crate::rules::alarms::Rule;

fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

pub(super) static WORDS: Words = Words {
    html_lang: "en",
    title: "Pospal API quota and device logins",
    span: |from, to, days| format!("{from} to {to} ({})", counted(days, "day", "days")),
    made: |time, zone| format!("as of {time}, {zone} time"),
    footer: |version, zone| {
        format!("Made by poskeeper {version} from its database. Days and times are those of {zone}.")
    },
    nothing_yet: "Nothing has been recorded yet.",

    alerts: "Open alerts",
    no_alerts: "None: nothing is wrong.",
    alert_columns: ["Alert", "Concerns", "Since", "What it says"],
    error: "Error",
    warning: "Warning",
    rule: |rule| match rule {
        Rule::QuotaHigh => "Quota nearly used up",
        Rule::QuotaExhausted => "Quota used up",
        Rule::QuotaForecast => "Quota will not last the day",
        Rule::PackageEnding => "Package ends soon",
        Rule::PackageEnded => "Package has ended",
        Rule::LoginFailing => "Login fails, key still good",
        Rule::LoginOverdue => "Login overdue",
        Rule::LoginExpired => "No live key",
        Rule::PollStale => "No fresh numbers",
        Rule::UsageLost => "A day is lost",
        Rule::ClockWrong => "Clock is wrong",
        Rule::StoreFailing => "Database fails",
    },
    alert: |alert, _| alert.message.clone(),
    more_alerts: |count| format!("{count} more"),

    chain: "The chain",
    stores: "stores",
    of_them_sisters: |count| format!("{count} of them not in the settings"),
    calls_made: "calls made",
    of_allowed: |limit| format!("of {limit} allowed"),
    exhausted_days: "store-days used up",
    missing_days: "store-days without a number",
    own_calls: "calls spent by poskeeper",
    own_calls_short: "spent by poskeeper",
    spent: |calls, failed| format!("{calls} calls, {failed} of them failed"),
    of_them_failed: |count| format!("{count} of them failed"),
    chain_bars: "Calls of all stores per day",
    exhausted_bars: "Stores that used up their limit, per day",
    heat_map: "Share of its daily limit that each store used, per day",
    heat_keys: ["below 20%", "20% to 40%", "40% to 60%", "60% to 80%", "80% and more", "used up"],
    heat_missing: "no number",
    heat_ranks: "Rows are stores, the busiest on top; the numbers are their ranks in the table of stores.",
    ranking: "Stores by use",
    ranking_columns: ["#", "Store", "Last day", "Mean", "Peak", "Days used up", "Days missing"],
    more_stores: |count| format!("{count} more stores, with less use"),
    all_stores: "Each store",
    compact_note: "Share of the daily limit per day; the line is the limit, ticks above it are days used up. \
                   Open a store for its last day, its packages and its gaps.",
    left_out: |count| {
        format!("{count} more stores are left out here; `poskeeper report usage_daily` has the numbers of all.")
    },

    used: "calls made",
    limit: "daily limit",
    exhausted: "▼ limit used up",
    some_exhausted: "▼ some store used up its limit",
    failed: "failed",
    good: "answered",
    calls_of: |used, limit, percent| format!("{used} of {limit} calls ({percent})"),
    stores_exhausted: |count| counted(count, "store used up its limit", "stores used up their limits"),
    days: |days| counted(days, "day", "days"),
    seen: "calls made so far",
    forecast: "forecast",

    sister: "not in the settings",
    usage: "Calls per day",
    today: "today",
    curve: |day| format!("Calls in the course of {day}"),
    no_samples: |day| format!("Nothing was seen of {day} while it lasted."),
    mean: "mean",
    peak: "peak",
    packages: "Packages (calls per day)",
    no_packages: "The vendor has listed none.",
    per_day: |limit| format!("{limit} calls per day"),
    default_quota: "default quota",
    from_to: |from, to| format!("{from} to {to}"),
    gone_since: |day| format!("no longer listed since {day}"),
    days_left: |days| format!("{} left", counted(days, "day", "days")),
    ended: "ended",
    gaps: "Days without a number",
    no_gaps: "None.",
    as_table: "As a table",
    table_columns: ["Day", "Calls", "Limit", "Share"],

    own: "What poskeeper itself spent",
    own_note: "Its calls to Pospal count against the stores' quota; logins are free.",
    own_bars: "Calls by poskeeper per day, all stores",
    no_own: "No calls in these days.",

    logins: "Device logins",
    no_devices: "The settings name no device.",
    key_lives: "a key was live",
    login: "login",
    failed_login: "× failed login",
    login_counts: |good, failed| format!("{}, {failed} failed", counted(good, "login", "logins")),
    key_until: |time| format!("key lives until {time}"),
    key_dead: |time| format!("NO LIVE KEY since {time}"),
    never_logged_in: "never logged in",
    failures: |shown, all| format!("Failed logins: the newest {shown} of {all}"),
    failure_columns: ["Time", "Outcome", "Said"],
    outcome: |outcome| match outcome {
        "refused" => "refused",
        "unreachable" => "unreachable",
        "interrupted" => "interrupted",
        _ => "unexpected answer",
    },
};
