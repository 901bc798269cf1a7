//! Faults of a whole body: its coding, its character set, its JSON.

use super::Fault;
use crate::answers::{gzip, login_with, object, row, sent, success};
use crate::expected::{Expected, ok, refused, unexpected};
use crate::server::http;
use crate::vendor::{Act, Place};
use flate2::Compression;
use poskeeper::model::Endpoint;

pub(super) fn faults() -> Vec<Fault> {
    [coded(), not_the_documented_json(), envelopes()].into_iter().flatten().collect()
}

fn coded() -> Vec<Fault> {
    let packed = |body: String| gzip(body.as_bytes(), Compression::default());
    let flagged = |body: Vec<u8>| http("200 OK", "Content-Encoding: gzip\r\n", body);
    let not_utf8 = "it is not UTF-8 text";
    let gbk = b"{\"status\":\"success\",\"messages\":[\"\xb3\xc9\xb9\xa6\"],\"data\":[],\"error\":false}";
    let utf16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        Fault::changed("gzip", move |body| flagged(packed(body)), ok(1)),
        Fault::changed(
            "gzip truncated",
            move |body| flagged(packed(body)[..60].to_vec()),
            unexpected(200, "gzip data ends too early"),
        ),
        Fault::changed("gzip that is none", move |body| flagged(body.into()), unexpected(200, "gzip data is damaged")),
        Fault::changed(
            "unknown coding",
            |body| http("200 OK", "Content-Encoding: br\r\n", body),
            unexpected(200, "\"br\" is unknown"),
        ),
        Fault::bytes(
            "other charset",
            http("200 OK", "Content-Type: application/json; charset=gbk\r\n", gbk),
            unexpected(200, not_utf8),
        ),
        Fault::body("UTF-16", utf16, unexpected(200, not_utf8)),
        Fault::body("invalid UTF-8", b"{\"status\":\"\xff\xfe\"}", unexpected(200, not_utf8)),
        Fault::changed(
            "charset named wrongly",
            |body| http("200 OK", "Content-Type: text/html; charset=latin1\r\n", body),
            ok(1),
        ),
        Fault::changed("BOM", |body| sent(format!("\u{feff}{body}")), ok(1)),
    ]
}

fn not_the_documented_json() -> Vec<Fault> {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let page = "<!DOCTYPE html><html><title>Hotel</title>";
    vec![
        Fault::bytes(
            "HTML with 200",
            http("200 OK", "Content-Type: text/html\r\n", page),
            unexpected(200, "an HTML page (captive portal?"),
        ),
        Fault::body("empty body", "", unexpected(200, "the answer is empty")),
        Fault::body("half a JSON", "{\"status\":\"success\",\"data\":[", unexpected(200, "not JSON: EOF")),
        Fault::body("JSON null", "null", unexpected(200, "null, not an object")),
        Fault::body("JSON array", "[1,2]", unexpected(200, "a list, not an object")),
        Fault::body("JSON string", "\"success\"", unexpected(200, "a text, not an object")),
        Fault::body("JSON number", "7.5", unexpected(200, "a number, not an object")),
        Fault::body("JSON 200 levels deep", &deep, unexpected(200, "a list, not an object")),
        Fault::changed(
            "200 levels deep in an unknown field",
            move |body| sent(body.replacen('{', &format!("{{\"x\":{deep},"), 1)),
            ok(1),
        ),
        Fault::body("JSON {}", "{}", unexpected(200, "")),
        Fault::changed("something after the JSON", |body| sent(body + "x"), unexpected(200, "trailing characters")),
    ]
}

/// The same fault in other words on the two vendors.
fn envelopes() -> Vec<Fault> {
    let of_both = |name: &str, login: String, pospal: String, expected: [Expected; 2]| {
        let [of_login, of_pospal] = expected;
        let place = Place::plain(move |asked| {
            let own = || object(&row(asked.endpoint, &asked.app_id));
            let pospal = || pospal.replace("ROW", &own());
            Act::Send(sent(if asked.endpoint == Endpoint::Login { login.clone() } else { pospal() }))
        });
        let of_login = Expected { rows: None, ..of_login };
        Fault::new(name, place, [Some(of_login), Some(of_pospal.clone()), Some(of_pospal)])
    };
    let rows = || success("ROW");
    let login = || login_with("", Some(""));
    vec![
        of_both(
            "duplicate keys",
            login().replacen('{', "{\"error\":true,\"content\":7,", 1),
            rows().replacen('{', "{\"status\":\"error\",\"data\":null,", 1),
            [ok(1), ok(1)],
        ),
        of_both(
            "payload missing",
            "{\"error\":false}".into(),
            "{\"status\":\"success\"}".into(),
            [unexpected(200, "no content object"), unexpected(200, "success, but without data")],
        ),
        of_both(
            "payload null",
            "{\"error\":false,\"content\":null}".into(),
            "{\"status\":\"success\",\"data\":null}".into(),
            [unexpected(200, "no content object"), unexpected(200, "data is null")],
        ),
        of_both(
            "status missing",
            login_with("success", None),
            rows().replace("\"status\":\"success\",", ""),
            [unexpected(200, "content.success is neither"), unexpected(200, "status is neither success nor error")],
        ),
        of_both("no rows", login(), success(""), [ok(1), ok(0)]),
        of_both(
            "rows that are none",
            login_with("loginSecretId", Some("[7]")),
            success("ROW,7,null,[],\"x\""),
            [unexpected(200, "loginSecretId is not a text"), crate::expected::odd("data[1]: a number, not an object")],
        ),
        of_both(
            "refusal",
            "{\"error\":true,\"errorCode\":7,\"errorMessage\":\"not approved\"}".into(),
            "{\"status\":\"error\",\"errorCode\":7,\"messages\":[\"not approved\"]}".into(),
            [refused("not approved"), refused("not approved")],
        ),
        of_both(
            "refusal that forges log lines",
            "{\"error\":true,\"errorMessage\":\"no\\nlevel=ERROR \\u001b[31m\\u0000\\u009b\\u202e end\"}".into(),
            "{\"status\":\"error\",\"messages\":[\"no\\nlevel=ERROR \\u001b[31m\\u0000\\u009b\\u202e end\"]}".into(),
            [refused("no level=ERROR [31m end"), refused("no level=ERROR [31m end")],
        ),
        of_both(
            "status that forges log lines",
            login_with("status", Some("\"a\\r\\n\\u001b]0;x\\u0007b\"")),
            "{\"status\":\"a\\r\\n\\u001b]0;x\\u0007b\"}".into(),
            [unexpected(200, "text \"a ]0;x b\""), unexpected(200, "text \"a ]0;x b\"")],
        ),
    ]
}
