//! Makes one page at a time, and none more often than every two seconds: however many ask, and however
//! often, the daemon's own work comes first.

use crate::store::StoreError;
use axum::body::Bytes;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// A page of this age is shown to whoever asks next.
const RECENT: Duration = Duration::from_secs(2);

/// The newest copy of each page.
#[derive(Debug, Clone, Default)]
pub(super) struct Pages {
    newest: Arc<Mutex<HashMap<&'static str, (Instant, Bytes)>>>,
}

impl Pages {
    /// The page of this name, a recent copy or a new one.
    ///
    /// # Errors
    /// It could not be made.
    pub(super) async fn recent<M>(&self, name: &'static str, make: M) -> Result<Bytes, StoreError>
    where
        M: Future<Output = Result<String, StoreError>> + Send + 'static,
    {
        let newest = Arc::clone(&self.newest);
        // A task of its own: one that asks and goes away must not make the next one start again.
        let making = tokio::spawn(async move {
            let mut newest = newest.lock().await;
            if let Some((made_at, page)) = newest.get(name)
                && made_at.elapsed() < RECENT
            {
                return Ok(page.clone());
            }
            let page = Bytes::from(make.await?);
            newest.insert(name, (Instant::now(), page.clone()));
            Ok(page)
        });
        making.await.unwrap_or_else(|_| Ok(Bytes::from_static(b"this page could not be made; the log has the reason")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::Notify;

    #[tokio::test]
    async fn one_page_serves_all_who_ask_within_a_moment_and_survives_who_asked_first() {
        let pages = Pages::default();
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (begin, wait) = (Arc::clone(&begun), Arc::clone(&go_on));
        let first = {
            let pages = pages.clone();
            tokio::spawn(async move {
                let make = async move {
                    begin.notify_one();
                    wait.notified().await;
                    Ok("the first".into())
                };
                pages.recent("page", make).await
            })
        };
        begun.notified().await;
        first.abort();
        go_on.notify_one();
        for _ in 0..100 {
            assert_eq!(pages.recent("page", async { Ok("another".into()) }).await.expect("a page"), "the first");
        }
        pages.recent("other", async { Err(StoreError::Missing("db".into())) }).await.expect_err("failed");
        assert_eq!(pages.recent("other", async { Ok("good again".into()) }).await.expect("a page"), "good again");
    }
}
