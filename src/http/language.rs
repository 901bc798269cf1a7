//! Which language a reader wants: `?lang=`, else what the browser prefers, else English.

use axum::http::{HeaderMap, Uri, header};

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lang {
    /// English
    En,
    /// 简体中文
    Zh,
}

impl Lang {
    /// The value of the attribute `lang`.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// Of a tag like `zh-Hans-CN`.
    fn of_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.trim().to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            "zh" => Some(Self::Zh),
            _ => None,
        }
    }

    /// Of a request.
    pub(super) fn wanted(uri: &Uri, headers: &HeaderMap) -> Self {
        let parameters = uri.query().unwrap_or_default().split('&');
        let asked = parameters.filter_map(|pair| pair.strip_prefix("lang=")).find_map(Self::of_tag);
        let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        asked.or_else(|| preferred(header?)).unwrap_or(Self::En)
    }
}

/// The language of the highest weight, the first where several have it.
fn preferred(header: &str) -> Option<Lang> {
    let mut best: Option<(f32, Lang)> = None;
    for range in header.split(',') {
        let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        if let Some(lang) = Lang::of_tag(tag.trim())
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

    fn wanted(uri: &str, accept: &str) -> Lang {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, accept.parse().expect("a header"));
        Lang::wanted(&uri.parse().expect("an address"), &headers)
    }

    #[test]
    fn the_reader_chooses_then_the_browser_then_english() {
        assert_eq!(wanted("/?lang=zh", "en"), Lang::Zh);
        assert_eq!(wanted("/?a=b&lang=en", "zh-CN"), Lang::En);
        assert_eq!(wanted("/?lang=tlh", "zh-CN,zh;q=0.9,en;q=0.8"), Lang::Zh);
        assert_eq!(wanted("/", "de, en;q=0.7, zh;q=0.9"), Lang::Zh);
        assert_eq!(wanted("/", "en-GB,en;q=0.9,zh;q=0.8"), Lang::En);
        assert_eq!(wanted("/", "de, zh;q=0"), Lang::En);
        assert_eq!(wanted("/", ""), Lang::En);
    }
}
