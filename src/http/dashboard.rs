//! `/`: the report of the last days, which renews itself.

use super::language::wanted;
use super::pages::Pages;
use super::{Site, answer, remark};
use crate::clock;
use crate::model::day_of;
use crate::report::{Lang, Span, live_page, load, style};
use crate::store::StoreError;
use axum::Extension;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::sync::{Arc, LazyLock};

pub(super) const SCRIPT_PATH: &str = "/refresh.js";
const SCRIPT: &str = include_str!("refresh.js");

/// What the browser may do with any answer: this one style, this one script, and ask here again. `data:`
/// is the empty icon that keeps browsers from asking for one.
pub(super) fn policy() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let style = STANDARD.encode(Sha256::digest(style()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; script-src 'self'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        HeaderValue::from_str(&policy).expect("made of ASCII")
    });
    POLICY.clone()
}

pub(super) async fn script() -> Response<Body> {
    answer(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT)
}

pub(super) async fn page(
    Extension(site): Extension<Arc<Site>>,
    Extension(pages): Extension<Pages>,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let lang = wanted(&uri, &headers);
    match pages.recent(lang.code(), make(site, lang)).await {
        Ok(page) => {
            let mut response = answer(StatusCode::OK, "text/html; charset=utf-8", page);
            response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-language"));
            response
        }
        Err(error) => remark(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

async fn make(site: Arc<Site>, lang: Lang) -> Result<String, StoreError> {
    let (now, timezone) = (clock::wall(), site.plan.timezone);
    let today = day_of(now, timezone);
    let span = Span::asked(None, None, today).unwrap_or(Span { from: today, to: today });
    let report = load(&site.store, span, now, timezone).await?;
    // Drawing thousands of stores takes its time, and the workers share this thread.
    let drawn = tokio::task::spawn_blocking(move || live_page(&report, lang, SCRIPT_PATH)).await;
    Ok(drawn.unwrap_or_default())
}
