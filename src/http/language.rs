//! Which language a reader wants: `?lang=`, else what the browser prefers, else English.

use crate::report::Lang;
use axum::http::{HeaderMap, Uri, header};

/// The language of a tag like `zh-Hans-CN`.
fn of_tag(tag: &str) -> Option<Lang> {
    Lang::from_code(&tag.split(['-', '_']).next()?.trim().to_ascii_lowercase())
}

/// Of a request.
pub(super) fn wanted(uri: &Uri, headers: &HeaderMap) -> Lang {
    let parameters = uri.query().unwrap_or_default().split('&');
    let asked = parameters.filter_map(|pair| pair.strip_prefix("lang=")).find_map(of_tag);
    let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    asked.or_else(|| preferred(header?)).unwrap_or(Lang::En)
}

/// The language of the highest weight, the first where several have it.
fn preferred(header: &str) -> Option<Lang> {
    let mut best: Option<(f32, Lang)> = None;
    for range in header.split(',') {
        let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        if let Some(lang) = of_tag(tag.trim())
            && weight > best.map_or(0.0, |(weight, _)| weight)
        {
            best = Some((weight, lang));
        }
    }
    best.map(|(_, lang)| lang)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lang_of(uri: &str, accept: &str) -> Lang {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, accept.parse().expect("a header"));
        wanted(&uri.parse().expect("an address"), &headers)
    }

    #[test]
    fn the_reader_chooses_then_the_browser_then_english() {
        assert_eq!(lang_of("/?lang=zh", "en"), Lang::Zh);
        assert_eq!(lang_of("/?a=b&lang=en", "zh-CN"), Lang::En);
        assert_eq!(lang_of("/?lang=tlh", "zh-CN,zh;q=0.9,en;q=0.8"), Lang::Zh);
        assert_eq!(lang_of("/", "de, en;q=0.7, zh;q=0.9"), Lang::Zh);
        assert_eq!(lang_of("/", "en-GB,en;q=0.9,zh;q=0.8"), Lang::En);
        assert_eq!(lang_of("/", "de, zh;q=0"), Lang::En);
        assert_eq!(lang_of("/", ""), Lang::En);
    }
}
