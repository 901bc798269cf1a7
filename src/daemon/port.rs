//! The HTTP port over the reloads: opened, kept, moved or given up, as the settings say.

use super::workers::status_plan;
use crate::events;
use crate::http::{ListenError, Server, Site};
use crate::jobs::{ProgressBoard, QuotaCaller};
use crate::settings::Settings;
use crate::store::{Store, StoreError};
use chrono::{DateTime, Utc};
use std::net::SocketAddr;
use std::sync::Arc;

/// Closed until it is opened.
pub(super) struct Port {
    started_at: DateTime<Utc>,
    open: Option<Open>,
}

struct Open {
    /// As the settings have it; the system chooses where they say port 0.
    address: SocketAddr,
    server: Server,
    /// The pages' own connection.
    reader: Store,
}

/// Why it is not open.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// The address cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The database cannot be opened a second time.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Port {
    pub(super) fn closed(started_at: DateTime<Utc>) -> Self {
        Self { started_at, open: None }
    }

    /// Listens where the settings say, if they do. Nothing happens where that is so already.
    pub(super) async fn open(&mut self, settings: &Settings) -> Result<(), PortError> {
        let wanted = settings.http.listen;
        if self.open.as_ref().map(|open| open.address) == wanted {
            return Ok(());
        }
        self.close().await;
        if let Some(address) = wanted {
            let server = Server::open(address).await?;
            let reader = Store::open_for_reading(&settings.database.path).await?;
            events::http_listening(server.address());
            if !server.is_loopback() {
                events::http_exposed(server.address());
            }
            self.open = Some(Open { address, server, reader });
        }
        Ok(())
    }

    /// Tells of these workers from now on.
    pub(super) fn show(&self, settings: &Settings, workers: &QuotaCaller, board: &Arc<ProgressBoard>) {
        let Some(Open { server, reader, .. }) = &self.open else { return };
        server.show(Site {
            store: reader.clone(),
            health: Arc::clone(&workers.health),
            observations: Arc::clone(&workers.observations),
            board: Arc::clone(board),
            tally: workers.tally.clone(),
            plan: status_plan(settings),
            started_at: self.started_at,
        });
    }

    pub(super) async fn close(&mut self) {
        if let Some(open) = self.open.take() {
            open.server.stop().await;
            // The database is to be left to its readers as one file, which a second connection forbids.
            open.reader.close_for_reading().await;
        }
    }
}
