//! Other people's text, made fit for a log line and a database row.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Longest text of a vendor that is kept, in characters.
const MAX_CHARS: usize = 200;

/// One short line: as [`one_line`], cut at 200 characters.
pub fn single_line(text: &str) -> String {
    let head: String = text.chars().take(64 * MAX_CHARS).collect();
    let mut line = one_line(&head);
    if let Some((end, _)) = line.char_indices().nth(MAX_CHARS) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// One line: control characters (terminal escapes among them) become spaces, runs of white space one.
pub fn one_line(text: &str) -> String {
    let harmless = |c: char| if c.is_control() || is_format(c) { ' ' } else { c };
    text.chars().map(harmless).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Line and paragraph separators, direction overrides and zero-width characters: invisible, yet they
/// can make a log line read as something else.
pub(super) fn is_format(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Replaces every known secret in `text` by `[secret]`, in any letter case and in the forms that it takes
/// inside JSON, a URL and an `Authorization` header. A vendor that echoes the request in its error message
/// must not carry a secret into the log.
pub fn blank_secrets<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    const BLANK: &str = "[secret]";
    let mut blanked = text.to_owned();
    let mut folded = text.to_ascii_lowercase();
    let mut secrets: Vec<_> = secrets.into_iter().filter(|secret| secret.len() >= 4).collect();
    // A secret that is the beginning of another must not leave the other's end.
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    for form in secrets.into_iter().flat_map(forms) {
        let mut from = 0;
        while let Some(found) = folded[from..].find(&form) {
            let (start, end) = (from + found, from + found + form.len());
            blanked.replace_range(start..end, BLANK);
            folded.replace_range(start..end, BLANK);
            from = start + BLANK.len();
        }
    }
    blanked
}

/// How a secret may be written, in small letters.
fn forms(secret: &str) -> Vec<String> {
    let in_url = |keep: &[u8]| -> String {
        let byte = |byte: u8| match byte.is_ascii_alphanumeric() || keep.contains(&byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02x}"),
        };
        secret.bytes().map(byte).collect()
    };
    let in_json = serde_json::Value::from(secret).to_string();
    let in_ascii_json: String = in_json.chars().map(|c| if c.is_ascii() { c.into() } else { escaped(c) }).collect();
    let unquoted = |json: &str| json[1..json.len() - 1].to_owned();
    let base64 = STANDARD_NO_PAD.encode(secret);
    let mut forms = vec![
        secret.to_owned(),
        unquoted(&in_json),
        unquoted(&in_ascii_json),
        in_url(b"-._~"),
        base64.replace('+', "-").replace('/', "_"),
        base64,
        hex::encode(secret),
    ];
    forms.iter_mut().for_each(|form| form.make_ascii_lowercase());
    forms.sort_unstable();
    forms.dedup();
    // The longest first: the others may be parts of it.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms
}

fn escaped(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendors_text_becomes_one_short_line_without_control_characters() {
        let line = single_line(&format!("a\r\nlevel=ERROR \u{1b}[31m\0b\u{202e} {}", "x".repeat(5000)));
        assert!(line.starts_with("a level=ERROR [31m b x"), "{line}");
        assert_eq!(line.chars().count(), MAX_CHARS + 1);
    }

    #[test]
    fn a_secret_is_blanked_in_any_letter_case_and_every_time() {
        let text = "bad key ABCD1234, you sent abcd1234; é abcd1234";
        assert_eq!(blank_secrets(text, ["AbCd1234"]), "bad key [secret], you sent [secret]; é [secret]");
    }

    #[test]
    fn a_secret_within_another_leaves_nothing_of_it() {
        assert_eq!(blank_secrets("bad key abcd1234!", ["abcd", "abcd1234", "1234"]), "bad key [secret]!");
    }
    #[test]
    fn a_secret_is_blanked_in_every_form_that_a_server_writes_a_request_in() {
        let secret = "pa\"ss/wörd+\\1?";
        for form in [
            r#"{"k":"pa\"ss/wörd+\\1?"}"#,
            r#"{"k":"pa\"ss/w\u00F6rd+\\1?"}"#,
            "k=pa%22ss%2Fw%C3%B6rd%2B%5C1%3F&x",
            "k=pa%22ss%2fw%c3%b6rd%2b%5c1%3f",
            "Basic cGEic3Mvd8O2cmQrXDE/",
            "Basic cGEic3Mvd8O2cmQrXDE_",
            "70612273732F77C3B672642B5C313F",
        ] {
            let blanked = blank_secrets(form, [secret]);
            assert!(blanked.contains("[secret]"), "{form}: {blanked}");
            for part in ["ss", "rd", "c3", "C3", "cmQ"] {
                assert!(!blanked.replace("[secret]", "").replace("Basic", "").contains(part), "{form}: {blanked}");
            }
        }
    }
}
