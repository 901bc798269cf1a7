//! The two formats that a scraper may ask for: OpenMetrics, and the older text format of Prometheus.

use axum::body::Bytes;
use axum::http::{HeaderMap, header};

/// How metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// What is sent unless text is asked for.
    OpenMetrics,
    /// For a browser, for `promtool check metrics`, and for scrapers that know no other.
    Text,
}

impl Format {
    /// Of a request. Prometheus names both, and prefers OpenMetrics.
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if accept.contains("text/") && !accept.contains("application/openmetrics-text") {
            Self::Text
        } else {
            Self::OpenMetrics
        }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Turns OpenMetrics into this format.
    pub(super) fn of_open_metrics(self, metrics: Bytes) -> Bytes {
        match self {
            Self::OpenMetrics => metrics,
            Self::Text => classic(&String::from_utf8_lossy(&metrics)).into(),
        }
    }
}

/// The text format calls a counter by the name of its samples, and has neither units nor an end.
fn classic(text: &str) -> String {
    let counters: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
    let mut classic = String::with_capacity(text.len());
    for line in text.lines().filter(|line| !line.starts_with("# UNIT ") && *line != "# EOF") {
        let description = ["# HELP ", "# TYPE "].into_iter().find_map(|word| Some((word, line.strip_prefix(word)?)));
        match description.and_then(|(word, rest)| Some((word, rest.split_once(' ')?))) {
            Some((word, (name, rest))) if counters.contains(&name) => {
                classic.extend([word, name, "_total ", rest, "\n"]);
            }
            _ => classic.extend([line, "\n"]),
        }
    }
    classic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_format_differs_in_a_few_lines() {
        let open = "# HELP a_calls Calls.\n# TYPE a_calls counter\na_calls_total{b=\"# EOF\"} 1\n\
                    # HELP c_seconds A time.\n# TYPE c_seconds gauge\n# UNIT c_seconds seconds\nc_seconds 2.5\n# EOF\n";
        let text = "# HELP a_calls_total Calls.\n# TYPE a_calls_total counter\na_calls_total{b=\"# EOF\"} 1\n\
                    # HELP c_seconds A time.\n# TYPE c_seconds gauge\nc_seconds 2.5\n";
        assert_eq!(Format::Text.of_open_metrics(open.into()), text);
        assert_eq!(Format::OpenMetrics.of_open_metrics(open.into()), open);
    }

    #[test]
    fn prometheus_gets_open_metrics_and_a_browser_gets_text() {
        for (accept, format) in [
            (None, Format::OpenMetrics),
            (Some("*/*"), Format::OpenMetrics),
            (
                Some("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
                Format::OpenMetrics,
            ),
            (Some("text/plain;version=0.0.4"), Format::Text),
            (Some("text/html,application/xhtml+xml,*/*;q=0.8"), Format::Text),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(accept.map(|accept| (header::ACCEPT, accept.parse().expect("a header"))));
            assert_eq!(Format::wanted(&headers), format, "{accept:?}");
        }
    }
}
