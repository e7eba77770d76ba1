//! What an operator decides about this door.

use std::path::PathBuf;

use serde_json::{Map, Value};

/// What an operator decides about this door.
#[derive(Clone, Debug, Default)]
pub struct DoorSettings {
    /// When nothing may be changed.
    pub maintenance: Maintenance,
    /// What browsers and clients are told about this server.
    pub client: ClientConfig,
    /// `CUSTOM_FRONTEND_DIRECTORY`: an operator's own pages.
    pub custom_frontend: Option<PathBuf>,
}

/// When nothing may be changed.
#[derive(Clone, Debug, Default)]
pub struct Maintenance {
    /// `MAINTENANCE_MODE`.
    pub always: bool,
    /// `MAINTENANCE_MODE_TOUCH_FILE`: while this file is there.
    pub touch_file: Option<PathBuf>,
}

/// What `client_config` tells.
#[derive(Clone, Debug, Default)]
pub struct ClientConfig {
    /// `CLIENT_CONFIG`, passed on as it is.
    pub defined: Map<String, Value>,
    /// `KMS_AUTH_MANAGE_GRANTS`.
    pub manage_grants: bool,
    /// The accounts of `SCOPED_AUTH_KEYS`.
    pub accounts: Vec<String>,
    /// `XSRF_COOKIE_NAME`.
    pub xsrf_cookie: String,
    /// `HISTORY_PAGE_LIMIT`; `None` for all in one page.
    pub history_page_limit: Option<u32>,
    /// The tags that settings speak of, in order.
    pub tags: Vec<String>,
}

impl Maintenance {
    /// Whether it is on at this moment; a file that cannot be looked for counts as there.
    pub(crate) async fn is_on(&self) -> bool {
        if self.always {
            return true;
        }
        let Some(file) = self.touch_file.clone() else {
            return false;
        };
        // A network drive may keep us waiting.
        let looked = tokio::task::spawn_blocking(move || file.try_exists()).await;
        looked
            .map_err(Into::into)
            .flatten()
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "MAINTENANCE_MODE_TOUCH_FILE cannot be looked for");
                true
            })
    }
}
