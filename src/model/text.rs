//! Other people's text, made fit for a log line and a database row.

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

/// Replaces every known secret in `text`, in any letter case, by `[secret]`. A vendor that echoes the
/// request in its error message must not carry a secret into the log.
pub fn blank_secrets<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    let mut blanked = text.to_owned();
    let mut secrets: Vec<_> = secrets.into_iter().filter(|secret| secret.len() >= 4).collect();
    // A secret that is the beginning of another must not leave the other's end.
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in secrets {
        let folded_secret = secret.to_ascii_lowercase();
        let mut from = 0;
        while let Some(found) = blanked[from..].to_ascii_lowercase().find(&folded_secret) {
            let start = from + found;
            blanked.replace_range(start..start + secret.len(), "[secret]");
            from = start + "[secret]".len();
        }
    }
    blanked
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
}
