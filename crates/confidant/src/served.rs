//! Whole service views, kept while nothing has been written: what makes a fetch cheap.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use moka::future::Cache;
use zeroize::Zeroizing;

use crate::{Service, Want};

/// A service as one kind of caller sees it, with room for a door's finished answer.
pub struct ServiceView {
    /// The service and what it maps.
    pub service: Service,
    /// Whether values are shown.
    pub want: Want,
    /// Whether the caller may change it: a hint for people's browsers.
    pub may_update: bool,
    rendered: OnceLock<Rendered>,
}

/// The bytes of a finished answer, wiped when the last holder lets go.
#[derive(Clone)]
pub struct Rendered(Arc<Zeroizing<Box<[u8]>>>);

impl Rendered {
    /// Takes bytes of exact size, so that no growing buffer leaves an unwiped copy.
    pub fn new(bytes: Box<[u8]>) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }
}

impl AsRef<[u8]> for Rendered {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl ServiceView {
    pub(crate) fn new(service: Service, want: Want, may_update: bool) -> Self {
        Self {
            service,
            want,
            may_update,
            rendered: OnceLock::new(),
        }
    }

    /// The finished answer, made once a view.
    pub fn rendered(&self, make: impl FnOnce(&Self) -> Rendered) -> Rendered {
        self.rendered.get_or_init(|| make(self)).clone()
    }

    /// The data keys that were needed to open it.
    pub(crate) fn keys_needed(&self) -> u64 {
        u64::try_from(self.service.credentials.len()).unwrap_or(u64::MAX)
    }

    fn weight(&self) -> u32 {
        let opened: usize = self
            .service
            .credentials
            .iter()
            .map(|credential| {
                let values = credential
                    .pairs
                    .as_ref()
                    .map_or(0, |pairs| pairs.expose_json().len());
                values + credential.record.sealed.credential_pairs.len() + 1_024
            })
            .sum();
        // The finished answer holds all of it once more.
        u32::try_from(opened.saturating_add(2_048).saturating_mul(2)).unwrap_or(u32::MAX)
    }
}

/// Views by service, want and hint; each good for one generation of the table and 60 seconds.
pub(crate) struct Served {
    views: Cache<String, Kept>,
}

#[derive(Clone)]
struct Kept {
    generation: u64,
    since: Duration,
    view: Arc<ServiceView>,
}

impl Served {
    pub(crate) fn new() -> Self {
        let views = Cache::builder()
            .weigher(|_, kept: &Kept| kept.view.weight())
            .max_capacity(CAPACITY)
            .time_to_live(LIFE)
            .build();
        Self { views }
    }

    /// The view kept for exactly this generation.
    pub(crate) async fn get(
        &self,
        key: &str,
        generation: u64,
        now: Duration,
    ) -> Option<Arc<ServiceView>> {
        let kept = self.views.get(key).await?;
        (kept.generation == generation && now.saturating_sub(kept.since) < LIFE)
            .then_some(kept.view)
    }

    /// Keeps a view whose items were all read at or after this generation.
    pub(crate) async fn keep(
        &self,
        key: String,
        generation: u64,
        now: Duration,
        view: Arc<ServiceView>,
    ) {
        self.views
            .insert(
                key,
                Kept {
                    generation,
                    since: now,
                    view,
                },
            )
            .await;
    }

    /// Drops what has expired, so that it is wiped without waiting for the next use.
    pub(crate) async fn sweep(&self) {
        self.views.run_pending_tasks().await;
    }

    /// The key of a view. No id holds a slash.
    pub(crate) fn key(id: &str, want: Want, may_update: bool) -> String {
        let want = match want {
            Want::Metadata => 'm',
            Want::Values => 'v',
        };
        format!("{want}{}/{id}", u8::from(may_update))
    }
}

const LIFE: Duration = Duration::from_secs(60);
/// Units: bytes of views and finished answers together.
const CAPACITY: u64 = 64 * 1024 * 1024;
