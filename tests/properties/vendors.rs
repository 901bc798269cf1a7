//! Answers of the vendors: any bytes, any value in any field, good rows among bad ones.

use super::cases;
use chrono::{Days, NaiveDate};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use poskeeper::model::{CallFailure, Outcome};
use poskeeper::vendors::encoding::{Decoder, EncodingError, decode};
use poskeeper::vendors::pospal::{parse_access_config, parse_daily_access};
use poskeeper::vendors::v8std::parse_login;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::Write;

const TODAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 21).expect("a day");

/// One line, and not an endless one.
fn is_fit_for_a_log(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= 300 && !text.contains(char::is_control)
}

fn check(failure: &CallFailure) -> Result<(), TestCaseError> {
    prop_assert!(matches!(failure.outcome, Outcome::Refused | Outcome::Unexpected), "{failure:?}");
    prop_assert!(is_fit_for_a_log(&failure.message), "{failure:?}");
    prop_assert!(failure.error_code.as_ref().is_none_or(|code| is_fit_for_a_log(code)), "{failure:?}");
    Ok(())
}

fn check_all(body: &[u8]) -> Result<(), TestCaseError> {
    match parse_login(body) {
        Ok(answer) => prop_assert!(answer.first_error.is_none_or(|error| is_fit_for_a_log(&error))),
        Err(failure) => check(&failure)?,
    }
    match parse_daily_access(body, TODAY) {
        Ok(rows) => {
            prop_assert_eq!(rows.bad_rows > 0, rows.first_error.is_some());
            prop_assert!(rows.first_error.is_none_or(|error| is_fit_for_a_log(&error)));
            prop_assert!(rows.good.iter().all(|row| row.day <= TODAY && row.used_times >= 0 && row.limit_times >= 0));
        }
        Err(failure) => check(&failure)?,
    }
    match parse_access_config(body) {
        Ok(rows) => {
            prop_assert_eq!(rows.bad_rows > 0, rows.first_error.is_some());
            prop_assert!(rows.first_error.is_none_or(|error| is_fit_for_a_log(&error)));
        }
        Err(failure) => check(&failure)?,
    }
    Ok(())
}

/// Any text, oddities among it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ \\PC\u{0}-\u{1f}\u{200b}\u{202e}\u{feff}]{0,300}",
        Just("SUCCESS".to_owned()),
        Just("true".to_owned()),
        "-?[0-9]{1,25}(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,4})?",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9:.]{0,9}(Z|[+-][0-9:]{2,5})?)?",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map(text(), inner, 0..5).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// An object of which each field is as documented, or any value at all, or missing.
fn object(documented: Value) -> impl Strategy<Value = Value> {
    let fields: Vec<_> = documented.as_object().expect("an object").clone().into_iter().collect();
    prop::collection::vec((0..8_u8, value()), fields.len()).prop_map(move |odd| {
        let kept = fields.iter().zip(odd).filter_map(|((name, documented), (kind, odd))| match kind {
            0..=1 => Some((name.clone(), odd)),
            2 => None,
            _ => Some((name.clone(), documented.clone())),
        });
        kept.collect()
    })
}

fn usage_row() -> impl Strategy<Value = Value> {
    object(json!({
        "appId": "A1",
        "accessDate": "2026-11-20",
        "limitTimes": 3000,
        "haveAcessTimes": 996,
        "haveAccessTimes": 7,
        "startDate": "2026-01-01 00:00:00",
        "endDate": null,
    }))
}

fn login() -> impl Strategy<Value = Value> {
    let content = object(json!({
        "success": true,
        "status": "SUCCESS",
        "loginSecretId": "#56A011DB",
        "loginSecretLiveHours": 240,
        "reloginDurationHours": 6,
        "registrationCode": "a,b,9AB93FBBAD2D828E147695FE",
        "activationCode": "3204B21A343FCBD0",
    }));
    let envelope = object(json!({
        "error": false,
        "errorCode": 0,
        "errorMessage": "wrong",
        "asynMessage": null,
    }));
    (envelope, content, value(), 0..5_u8).prop_map(|(mut envelope, content, odd, kind)| {
        envelope["content"] = if kind == 0 { odd } else { content };
        envelope
    })
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn no_bytes_break_a_parser(body in prop::collection::vec(any::<u8>(), 0..200)) {
        check_all(&body)?;
    }

    #[test]
    fn no_value_anywhere_breaks_a_parser(body in value(), envelope in login(), rows in prop::collection::vec(usage_row(), 0..6), status in value()) {
        check_all(body.to_string().as_bytes())?;
        check_all(envelope.to_string().as_bytes())?;
        check_all(json!({ "status": status, "messages": body, "data": rows }).to_string().as_bytes())?;
        check_all(json!({ "status": "success", "data": rows }).to_string().as_bytes())?;
        check_all(json!({ "status": "error", "messages": [body, status], "errorCode": envelope }).to_string().as_bytes())?;
    }

    #[test]
    fn an_answer_that_is_cut_off_or_damaged_anywhere_breaks_no_parser(envelope in login(), rows in prop::collection::vec(usage_row(), 0..4), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        for body in [envelope.to_string(), json!({ "status": "success", "data": rows }).to_string()] {
            let mut body = body.into_bytes();
            let at = at.index(body.len());
            body[at] = byte;
            check_all(&body)?;
            check_all(&body[..at])?;
        }
    }

    #[test]
    fn good_rows_survive_among_bad_ones_and_all_are_counted(rows in prop::collection::vec(prop_oneof![
        (0..3000_u64, 0..i64::MAX, "[A-Za-z0-9]{1,40}").prop_map(Ok),
        value().prop_map(Err),
    ], 0..40)) {
        let day = |back| TODAY - Days::new(back);
        let sent: Vec<Value> = rows.iter().map(|row| match row {
            Ok((back, used, app_id)) => json!({ "appId": app_id, "accessDate": day(*back), "limitTimes": 3000, "haveAcessTimes": used }),
            // No odd value is a whole good row by chance.
            Err(odd) => json!({ "appId": "A", "accessDate": "2026-11-20", "limitTimes": [odd], "haveAcessTimes": 1 }),
        }).collect();
        let body = json!({ "data": sent, "status": "success", "messages": [] }).to_string();
        let found = parse_daily_access(body.as_bytes(), TODAY).expect("an answer");
        let good: Vec<_> = rows.iter().flatten().map(|(back, used, app_id)| (app_id.as_str(), day(*back), *used)).collect();
        prop_assert_eq!(found.good.iter().map(|row| (row.app_id.as_str(), row.day, row.used_times)).collect::<Vec<_>>(), good);
        prop_assert_eq!(found.good.len() + found.bad_rows, rows.len());
    }

    #[test]
    fn what_was_compressed_comes_back_under_the_limit_alone(body in prop::collection::vec(0..4_u8, 0..3000), limit in 0..3500_usize) {
        let level = Compression::fast();
        let (mut gzip, mut zlib, mut raw) =
            (GzEncoder::new(Vec::new(), level), ZlibEncoder::new(Vec::new(), level), DeflateEncoder::new(Vec::new(), level));
        for encoder in [&mut gzip as &mut dyn Write, &mut zlib, &mut raw] {
            encoder.write_all(&body).expect("written");
        }
        let (gzip, zlib, raw) = (gzip.finish().expect("gzip"), zlib.finish().expect("zlib"), raw.finish().expect("raw"));
        for (coding, packed) in [("gzip", &gzip), ("deflate", &zlib), ("deflate", &raw)] {
            let expected = if body.len() > limit { Err(EncodingError::TooLarge(limit)) } else { Ok(body.clone()) };
            prop_assert_eq!(decode(coding, packed.clone(), limit), expected);
        }
        let mut twice = ZlibEncoder::new(Vec::new(), level);
        twice.write_all(&gzip).expect("written");
        prop_assert_eq!(decode("gzip, deflate", twice.finish().expect("zlib"), 10_000), Ok(body));
    }

    #[test]
    fn in_whatever_pieces_a_body_arrives_it_is_the_same(
        coding in prop::sample::select(vec!["gzip", "deflate", "gzip, gzip", ""]), body in prop::collection::vec(0..4_u8, 0..300),
        odd in prop::collection::vec(any::<u8>(), 0..20), is_packed in any::<bool>(), piece in 1..40_usize, limit in 0..400_usize,
    ) {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&body).expect("written");
        let sent = [if is_packed { gzip.finish().expect("gzip") } else { body }, odd].concat();
        let in_pieces = Decoder::new(coding, limit).and_then(|mut decoder| {
            sent.chunks(piece).try_for_each(|piece| decoder.push(piece))?;
            decoder.finish()
        });
        prop_assert_eq!(in_pieces.is_ok(), decode(coding, sent.clone(), limit).is_ok());
        if let Ok(whole) = decode(coding, sent, limit) {
            prop_assert_eq!(in_pieces, Ok(whole));
        }
    }

    #[test]
    fn what_is_cut_off_or_damaged_is_refused_and_no_more_than_the_limit(body in prop::collection::vec(0..4_u8, 1..300), at in any::<prop::sample::Index>(), byte in any::<u8>(), limit in 0..400_usize) {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&body).expect("written");
        let packed = gzip.finish().expect("gzip");
        for length in 0..packed.len() {
            let cut = decode("gzip", packed[..length].to_vec(), 10_000);
            prop_assert!(matches!(cut, Err(EncodingError::Truncated(_))), "{length} of {}: {cut:?}", packed.len());
        }
        let mut damaged = packed.clone();
        damaged[at.index(packed.len())] = byte;
        for coding in ["gzip", "deflate", "deflate, gzip"] {
            let out = decode(coding, damaged.clone(), limit);
            prop_assert!(out.is_err() || out.is_ok_and(|out| out.len() <= limit));
        }
    }
}
