//! What there is to see at this moment.

use super::Site;
use std::sync::{Arc, Mutex, PoisonError};

/// Where the site of this moment is found.
#[derive(Debug)]
pub(super) struct Stage {
    site: Mutex<Option<Arc<Site>>>,
    /// Only requests that name this machine are answered.
    pub(super) is_loopback: bool,
}

impl Stage {
    /// Empty as yet.
    pub(super) fn new(is_loopback: bool) -> Self {
        Self { site: Mutex::default(), is_loopback }
    }

    /// Shows this site from now on.
    pub(super) fn show(&self, site: Site) {
        *self.site.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(site));
    }

    /// `None` while the daemon starts.
    pub(super) fn site(&self) -> Option<Arc<Site>> {
        self.site.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
