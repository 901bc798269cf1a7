//! Faults of one field: in a row beside a good one, or in a login.

use super::Fault;
use crate::answers::{in_two_days, quoted, sent, spoiled};
use crate::expected::{Expected, odd, unexpected};
use crate::vendor::{Act, Place};

/// Both rows are good, or for a login: nothing to tell.
const GOOD: Option<Expected> = Some(Expected { outcome: "ok", http_status: Some(200), words: "", rows: Some(2) });

/// A field of each endpoint, written as `value` (`None`: left out).
fn field(name: String, fields: [&'static str; 3], value: Option<String>, expected: [Option<Expected>; 3]) -> Fault {
    let [login, access, daily] = expected;
    let login = login.map(|login| Expected { rows: None, ..login });
    let place = Place::plain(move |asked| Act::Send(sent(spoiled(asked, fields, value.as_deref()))));
    Fault::new(name, place, [login, access, daily])
}

pub(super) fn faults() -> Vec<Fault> {
    [numbers(), dates(), ids()].into_iter().flatten().collect()
}

fn numbers() -> Vec<Fault> {
    /// Words for a bad number, and whether the hours of a login may be so.
    const DRESSES: [(&str, Option<&str>, &str, bool); 11] = [
        ("string", Some("\"12\""), "", true),
        ("whole float", Some("12.0"), "", true),
        ("fraction", Some("12.5"), "not a whole number: number 12.5", true),
        ("negative", Some("-12"), "negative number -12", false),
        ("zero", Some("0"), "", false),
        ("10^30", Some("1e30"), "too large: number 1e30", false),
        ("10^999", Some("1e999"), "too large: number 1e999", false),
        ("NaN text", Some("\"NaN\""), "not a number: text \"NaN\"", false),
        ("null", Some("null"), "not a number: null", false),
        ("missing", None, "not a number: absent", false),
        ("object", Some("{\"a\":[1]}"), "not a number: an object", false),
    ];
    let fields = [
        (["loginSecretLiveHours", "limitTimes", "limitTimes"], true),
        (["reloginDurationHours", "", "haveAcessTimes"], false),
    ];
    let mut faults = Vec::new();
    for ([login, access, daily], is_of_access) in fields {
        for (dress, value, words, is_good_hour) in DRESSES {
            let of_rows = if words.is_empty() { GOOD } else { Some(odd(words)) };
            let of_login = if is_good_hour { GOOD } else { Some(odd("no usable number of hours")) };
            let name = [login, daily].join("/");
            let expected = [of_login, of_rows.clone().filter(|_| is_of_access), of_rows];
            faults.push(field(format!("{name}: {dress}"), [login, access, daily], value.map(str::to_owned), expected));
        }
    }
    faults
}

fn dates() -> Vec<Fault> {
    let text = |text: &str| Some(quoted(text));
    let (no_day, no_date) = (Some(odd("not a day (yyyy-MM-dd): ")), Some(odd("not a date: ")));
    let future = || Some(odd("a day in the future: "));
    let cases = [
        ("malformed", text("21.11.2026"), no_date.clone(), no_day.clone()),
        ("impossible", text("2026-02-30"), no_date.clone(), no_day.clone()),
        ("with a line end in it", text("2026-01-01 \n00:00"), no_date.clone(), no_day.clone()),
        ("a number", Some("20261121".into()), no_date, no_day.clone()),
        ("future", text(&in_two_days()), GOOD, future()),
        ("year 9999", text("9999-12-31"), GOOD, future()),
        ("year 0001", text("0001-01-01"), GOOD, Some(odd("a day before 2000: "))),
        ("null", Some("null".into()), GOOD, no_day.clone()),
        ("missing", None, GOOD, no_day),
    ];
    let case = |(name, value, access, daily)| {
        field(format!("endDate/accessDate: {name}"), ["", "endDate", "accessDate"], value, [None, access, daily])
    };
    cases.map(case).into()
}

fn ids() -> Vec<Fault> {
    let no_id = || Some(odd("data[1].appId: not an appId: "));
    let no_key = || Some(unexpected(200, "loginSecretId is no key"));
    let bad = |login| [login, no_id(), no_id()];
    let cases = [
        ("1 MB", Some(quoted(&"x".repeat(1 << 20))), bad(no_key())),
        ("with quotes", Some(quoted("A\"B'C;--\\")), [GOOD, GOOD, GOOD]),
        ("with NUL", Some(quoted("A\0B")), bad(no_key())),
        ("with a line end", Some(quoted("A\nlevel=ERROR forged")), bad(no_key())),
        ("with terminal escapes", Some(quoted("\u{1b}[31mred\u{1b}]0;title\u{7}")), bad(no_key())),
        ("with direction overrides", Some(quoted("A\u{202e}B\u{2028}C")), [GOOD, no_id(), no_id()]),
        ("with half a surrogate", Some("\"\\ud800\"".into()), bad(Some(unexpected(200, "not a text")))),
        ("empty", Some("\"\"".into()), bad(Some(unexpected(200, "loginSecretId is empty")))),
        ("a number", Some("7".into()), bad(Some(unexpected(200, "not a text")))),
        ("null", Some("null".into()), bad(Some(unexpected(200, "loginSecretId is null")))),
        ("missing", None, bad(Some(unexpected(200, "loginSecretId is absent")))),
    ];
    let mut faults: Vec<_> = cases
        .into_iter()
        .map(|(name, value, expected)| {
            field(format!("loginSecretId/appId: {name}"), ["loginSecretId", "appId", "appId"], value, expected)
        })
        .collect();
    let raw_nul = Place::plain(|asked| {
        let body = spoiled(asked, ["status", "appId", "appId"], Some("\"NUL-HERE\""));
        Act::Send(sent(body.replace("NUL-HERE", "\0")))
    });
    faults.push(Fault::everywhere("a raw NUL in the JSON", raw_nul, unexpected(200, "control character")));
    faults
}
