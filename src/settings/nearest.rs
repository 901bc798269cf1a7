//! The known name that the operator most likely meant.

/// The name most like `wanted`, however little that is.
pub(super) fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let by_likeness = |a: &f64, b: &f64| a.total_cmp(b);
    let rated = known.into_iter().map(|name| (likeness(wanted, name), name));
    rated.max_by(|(a, _), (b, _)| by_likeness(a, b)).map(|(_, name)| name)
}

/// The known key most like `key` of `section`. A key of the same name in another section is likelier
/// meant than a different one of this section.
pub(super) fn nearest_key<'a>(section: &str, key: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let rate = |full: &str| {
        let (its_section, its_key) = full.rsplit_once('.').unwrap_or(("", full));
        likeness(key, its_key) * if its_section == section { 1.0 } else { 0.9 }
    };
    known.into_iter().max_by(|a, b| rate(a).total_cmp(&rate(b)))
}

fn likeness(a: &str, b: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(&a.to_lowercase(), &b.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_the_wrong_section_is_led_to_the_right_one() {
        let known = ["database", "database.path", "pospal", "pospal.apps.app_key", "pospal.splay_seconds"];
        assert_eq!(nearest_key("pospal", "app_key", known), Some("pospal.apps.app_key"));
        assert_eq!(nearest_key("pospal", "splay_secs", known), Some("pospal.splay_seconds"));
        assert_eq!(nearest_key("", "Databse", known), Some("database"));
    }
}
