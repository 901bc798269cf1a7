//! One value of other people's JSON: numbers that come as text, dates that carry a time.

use chrono::{NaiveDate, NaiveTime};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Whole numbers beyond this cannot be told apart once they were floats.
const LARGEST_WHOLE_FLOAT: f64 = 9_007_199_254_740_992.0;

/// A longer text is not even looked at: what a person may read of it is far shorter.
const MOST_TEXT_BYTES: usize = 64 * 1024;

/// A date and a time to the nanosecond with its zone, and some more.
const MOST_DAY_BYTES: usize = 40;

/// The raw text of one field; `None` where it is absent.
pub(super) type Raw<'de> = Option<&'de RawValue>;

/// A field's value. `Display` says what was sent, for the operator.
pub(super) enum Scalar<'de> {
    Absent,
    Null,
    Bool(bool),
    /// As it was written.
    Number(&'de str),
    Text(Cow<'de, str>),
    BrokenText,
    /// So many bytes as it was written.
    LongText(usize),
    Object,
    List,
}

impl<'de> Scalar<'de> {
    pub(super) fn of(raw: Raw<'de>) -> Self {
        let Some(json) = raw.map(RawValue::get) else { return Self::Absent };
        match json.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'{') => Self::Object,
            Some(b'[') => Self::List,
            Some(b'"') => text(json),
            _ if json.len() > MOST_TEXT_BYTES => Self::LongText(json.len()),
            _ => Self::Number(json),
        }
    }

    /// A yes or no, also as text.
    pub(super) fn flag(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            Self::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// Text or a number, as text; `None` where there is nothing to read.
    pub(super) fn words(&self) -> Option<&str> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// A count: a whole number that is not negative; or what is wrong with it.
    pub(super) fn count(&self) -> Result<i64, &'static str> {
        let digits = self.digits().ok_or("not a number:")?;
        if let Ok(count) = digits.parse::<i64>() {
            return if count < 0 { Err("negative") } else { Ok(count) };
        }
        match digits.parse::<f64>() {
            Ok(float) if float < 0.0 => Err("negative"),
            Ok(float) if float > LARGEST_WHOLE_FLOAT => Err("too large:"),
            Ok(float) if float.fract() != 0.0 => Err("not a whole number:"),
            Ok(float) => Ok(float as i64),
            Err(_) => Err("not a number:"),
        }
    }

    /// Any number.
    pub(super) fn float(&self) -> Option<f64> {
        self.digits()?.parse().ok()
    }

    /// What looks like a number. Rust also reads "inf" and "nan", which are none here.
    fn digits(&self) -> Option<&str> {
        let text = self.words()?;
        text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)).then_some(text)
    }

    /// A day in the vendor's calendar: `yyyy-MM-dd`, which may carry a time.
    pub(super) fn day(&self) -> Option<NaiveDate> {
        match self {
            Self::Text(text) => day(text.trim()),
            _ => None,
        }
    }
}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::Null => f.write_str("null"),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "number {number}"),
            Self::Text(text) => write!(f, "text \"{text}\""),
            Self::BrokenText => f.write_str("text with a broken escape"),
            Self::LongText(bytes) => write!(f, "a text of {bytes} bytes"),
            Self::Object => f.write_str("an object"),
            Self::List => f.write_str("a list"),
        }
    }
}

fn text(json: &str) -> Scalar<'_> {
    match json.get(1..json.len() - 1) {
        _ if json.len() > MOST_TEXT_BYTES => Scalar::LongText(json.len()),
        Some(inner) if !inner.contains('\\') => Scalar::Text(Cow::Borrowed(inner)),
        _ => serde_json::from_str(json).map_or(Scalar::BrokenText, |text: String| Scalar::Text(Cow::Owned(text))),
    }
}

fn day(text: &str) -> Option<NaiveDate> {
    if text.len() > MOST_DAY_BYTES {
        return None;
    }
    let (date, rest) = text.split_at_checked(10)?;
    let (year, month, day) = (date.get(..4)?, date.get(5..7)?, date.get(8..)?);
    if date.as_bytes()[4] != b'-' || date.as_bytes()[7] != b'-' || !is_time(rest) {
        return None;
    }
    NaiveDate::from_ymd_opt(number(year)?.cast_signed(), number(month)?, number(day)?)
}

/// Digits only: `parse` alone would take "+1".
fn number(digits: &str) -> Option<u32> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Nothing, or a time of day after a space or `T`. A zone is good only with midnight: then a day was
/// meant, in whatever zone it was written down. Else it is a moment, which may lie in another day here.
fn is_time(rest: &str) -> bool {
    let Some(time) = rest.strip_prefix([' ', 'T']) else { return rest.is_empty() };
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at(zone);
    // chrono alone would skip white space, line ends among it.
    let tight = time.bytes().all(|b| b.is_ascii_digit() || b":.".contains(&b));
    let read = NaiveTime::parse_from_str(time, "%H:%M:%S%.f").or_else(|_| NaiveTime::parse_from_str(time, "%H:%M"));
    let zoned = zone == "Z" || zone.len() > 1 && zone[1..].bytes().all(|b| b.is_ascii_digit() || b == b':');
    tight && read.is_ok_and(|time| zone.is_empty() || zoned && time == NaiveTime::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(json: &str, read: impl FnOnce(Scalar<'_>) -> T) -> T {
        let raw: &RawValue = serde_json::from_str(json).expect("a test's JSON");
        read(Scalar::of(Some(raw)))
    }

    #[test]
    fn whole_numbers_come_in_many_dresses() {
        for (json, count) in [
            ("3000", 3000),
            ("3000.0", 3000),
            ("3e3", 3000),
            ("\" 3000 \"", 3000),
            ("\"3000.0\"", 3000),
            ("\"\\u0033000\"", 3000),
            ("0", 0),
            ("-0", 0),
            ("-0.0", 0),
            ("9223372036854775807", i64::MAX),
            ("9007199254740992.0", 9_007_199_254_740_992),
        ] {
            assert_eq!(with(json, |value| value.count()), Ok(count), "{json}");
        }
    }

    #[test]
    fn what_is_no_count_is_named_as_it_was_sent() {
        for (json, what) in [
            ("-5", "negative number -5"),
            ("\"-5\"", "negative text \"-5\""),
            ("-1e999", "negative number -1e999"),
            ("3.5", "not a whole number: number 3.5"),
            ("1e999", "too large: number 1e999"),
            ("9223372036854775808", "too large: number 9223372036854775808"),
            ("9007199254740994.0", "too large: number 9007199254740994.0"),
            ("\"NaN\"", "not a number: text \"NaN\""),
            ("\"inf\"", "not a number: text \"inf\""),
            ("\"\"", "not a number: text \"\""),
            ("\"1-2\"", "not a number: text \"1-2\""),
            ("true", "not a number: true"),
            ("null", "not a number: null"),
            ("{\"a\":[1]}", "not a number: an object"),
            ("[1]", "not a number: a list"),
            ("\"\\ud800\"", "not a number: text with a broken escape"),
        ] {
            let told = |value: Scalar<'_>| value.count().map_err(|problem| format!("{problem} {value}"));
            assert_eq!(with(json, told), Err(what.to_owned()), "{json}");
        }
        assert_eq!(Scalar::of(None).count(), Err("not a number:"));
    }

    #[test]
    fn a_day_may_carry_a_time() {
        for json in [
            "\"2016-12-23\"",
            "\" 2016-12-23 \"",
            "\"2016-12-23 23:59:59\"",
            "\"2016-12-23T08:30\"",
            "\"2016-12-23 00:00:00.0\"",
            "\"2016-12-23T00:00:00.000+0800\"",
            "\"2016-12-23T00:00:00Z\"",
        ] {
            assert_eq!(with(json, |value| value.day()), NaiveDate::from_ymd_opt(2016, 12, 23), "{json}");
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2016-12-2",
            "2016-13-01",
            "2015-02-29",
            "0000-00-00 00:00:00",
            "2016/12/23",
            "20161223",
            "+016-12-23",
            "2016-12-23x",
            "2016-12-23 25:00:00",
            "2016-12-23  08:00:00",
            "2016-12-22T16:00:00Z",
            "2016-12-23T00:00:00+x",
            "é016-12-23",
            "2016-12-2é",
        ] {
            assert_eq!(with(&format!("\"{text}\""), |value| value.day()), None, "{text}");
        }
        let endless = format!("\"2016-12-23 00:00:00.{}\"", "0".repeat(40));
        assert_eq!(with(&endless, |value| value.day()), None);
        assert_eq!(with("1482451200000", |value| value.day()), None);
        assert_eq!(Scalar::of(None).day(), None);
    }

    #[test]
    fn an_endless_text_or_number_is_told_by_its_length() {
        let digits = "1".repeat(70_000);
        for json in [digits.clone(), format!("\"\\n{digits}\"")] {
            let told = with(&json, |value| (value.words().is_some(), value.count(), value.to_string()));
            assert_eq!(told, (false, Err("not a number:"), format!("a text of {} bytes", json.len())));
        }
    }
}
