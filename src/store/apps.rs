//! Which accounts the settings name.

use super::columns::millis;
use super::database::Store;
use super::error::StoreError;
use super::known_apps::{Apps, known_apps};
use crate::model::AppId;
use chrono::{DateTime, Utc};
use sqlx::Row;
use std::collections::HashMap;

impl Store {
    /// Writes down which accounts the settings name (`None` for a name that is only the appId). An
    /// account that they name no more becomes a sister; its history stays.
    ///
    /// # Errors
    /// Nothing is changed.
    pub async fn sync_apps(
        &self,
        configured: &[(AppId, Option<String>)],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        // Most starts change nothing; then nothing is written, even where somebody has locked the file.
        let known = sqlx::query("SELECT app_id, app_name FROM app WHERE configured = 1").fetch_all(self.pool()).await?;
        let known = known.iter().map(|row| Ok((AppId::parse(row.try_get(0)?), row.try_get(1)?)));
        let known = known.collect::<Result<HashMap<Option<AppId>, Option<String>>, StoreError>>()?;
        let is_known = |(app_id, name): &(AppId, Option<String>)| known.get(&Some(app_id.clone())) == Some(name);
        if known.len() == configured.len() && configured.iter().all(is_known) {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE app SET configured = 0, app_name = NULL WHERE configured = 1")
            .execute(&mut *transaction)
            .await?;
        for (app_id, name) in configured {
            sqlx::query(
                "INSERT INTO app (app_id, app_name, configured, first_seen_at, configured_at) VALUES (?1, ?2, 1, ?3, ?3)
                 ON CONFLICT DO UPDATE SET configured = 1, app_name = ?2, configured_at = coalesce(configured_at, ?3)",
            )
            .bind(app_id.as_str())
            .bind(name.clone())
            .bind(millis(now))
            .execute(&mut *transaction)
            .await?;
        }
        sqlx::query("UPDATE app SET configured_at = NULL WHERE configured = 0 AND configured_at IS NOT NULL")
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        self.groups.apps.forget();
        Ok(())
    }

    /// All accounts that were ever configured or seen.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn apps(&self) -> Result<Apps, StoreError> {
        let mut connection = self.pool().acquire().await?;
        known_apps(&mut connection).await
    }
}
