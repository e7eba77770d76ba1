//! The whole server, built from the settings: kernel, data model, logins, doors.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use confidant::{Confidant, Encryption, Rotation};
use domain::{BlindWriters, CertificateRule, ConfidantRules, PrincipalKind, Rules};
use door_confidant::{ClientConfig, DoorSettings, Maintenance};
use keep::{Clock, IndexSchema, Keep, KeyService, Purpose, Schema, TableName};
use local::{AuditFile, AuditSegments, DataDir, signing_key};
use login::{ClientKeyFile, ClientKeySettings, ClientKeys, KmsTokenSettings, KmsTokens, Login};
use server::metrics::Metrics;
use server::{Config, Ending, Notices, Router};
use tokio::task::JoinHandle;

use crate::exit::{Failure, Kind, Outcome, internal};
use crate::ports::{self, Adapters, local};
use crate::token::with_cause;
use crate::watching::Watching;
use crate::wiring::Wiring;
use crate::{authorities, signing_keys};

/// The user whose key an embedded server makes at its first start.
pub(crate) const OPERATOR: &str = "operator";

/// A server that is ready to answer.
pub(crate) struct House {
    keep: Arc<Keep>,
    confidant: Arc<Confidant>,
    login: Arc<Login>,
    client_keys: Arc<ClientKeys>,
    audit: Arc<AuditFile>,
    segments: Arc<AuditSegments>,
    door_settings: Arc<DoorSettings>,
    watching: Watching,
    notices: Option<SendingNotices>,
    /// Where the operator's key lies, in embedded mode.
    pub(crate) operator_key: Option<PathBuf>,
    _data: Option<DataDir>,
}

/// Notices on their way, and how to end that.
struct SendingNotices {
    ending: Ending,
    sending: JoinHandle<()>,
}

/// How long a stop waits for receivers.
const LAST_NOTICES: Duration = Duration::from_secs(4);

impl House {
    /// Opens everything, makes what is missing, and takes up what a crash left.
    pub(crate) async fn open(config: &Config, wiring: &Wiring) -> Outcome<Self> {
        // First, since they can be wrong and open nothing.
        let web_tokens = signing_keys::web_tokens(config)?;
        let authorities = authorities::open(config).await?;
        let Adapters {
            ports,
            table,
            own,
            create_tables,
            audit,
            data,
        } = ports::open(config, wiring).await?;
        let watching = Watching::begin(config, &ports.clock);
        if create_tables {
            for schema in schemas(&table, &own) {
                let made = ports.table.create(&schema).await;
                made.map_err(|error| unavailable(&format!("making table {}", schema.name), error))?;
            }
        }
        let key = signing_key(&config.audit_dir, &*ports.random).map_err(local)?;
        let segments = AuditSegments::new(
            Arc::clone(&audit),
            Arc::clone(&ports.table),
            own.clone(),
            Arc::clone(&ports.clock),
            key,
        );
        let clock = Arc::clone(&ports.clock);
        let kms = kms_tokens(config, watching.keys(&ports, Purpose::Login), &clock)
            .map(|tokens| tokens.watched_by(Arc::clone(&watching.watch)));
        let keep = Keep::new(
            watching.ports(ports),
            own,
            rules(config),
            config.audit,
            config.limits,
        );
        let keep = Arc::new(keep.watched_by(Arc::clone(&watching.watch)));
        let exported = keep
            .export_missing_events()
            .await
            .map_err(|error| unavailable("reading the table", error))?;
        if exported > 0 {
            tracing::info!(
                exported,
                "events of writes before the last stop are now in the audit log"
            );
        }
        let client_keys = Arc::new(ClientKeys::new(
            Arc::clone(&keep),
            client_key_settings(config),
        ));
        let operator_key = match &data {
            Some(data) => Some(operator(&keep, &client_keys, data).await?),
            None => None,
        };
        let confidant = Confidant::new(Arc::clone(&keep), confidant_settings(config, table))
            .with_authorities(authorities)
            .with_web_tokens(web_tokens);
        let notices = Notices::new(
            &config.notices,
            Arc::clone(&watching.watch),
            Arc::clone(&clock),
            Arc::clone(keep.random()),
        );
        let (confidant, notices) = match notices {
            None => (Arc::new(confidant), None),
            Some((notices, notifier, ending)) => {
                let confidant = Arc::new(confidant.heard_by(Arc::new(notices)));
                let sending = tokio::spawn(notifier.run(Arc::clone(&confidant)));
                (confidant, Some(SendingNotices { ending, sending }))
            }
        };
        Ok(Self {
            login: Arc::new(
                Login::new(kms, Arc::clone(&client_keys))
                    .with_browsers(config.browsers.clone(), config.trusted_peers.clone()),
            ),
            door_settings: Arc::new(door_settings(config)),
            keep,
            confidant,
            client_keys,
            audit,
            segments: Arc::new(segments),
            watching,
            notices,
            operator_key,
            _data: data,
        })
    }

    /// The doors, ready to be mounted.
    pub(crate) fn doors(&self) -> Vec<Router> {
        let confidant = door_confidant::Door {
            confidant: Arc::clone(&self.confidant),
            login: Arc::clone(&self.login),
            keep: Arc::clone(&self.keep),
            settings: Arc::clone(&self.door_settings),
        };
        let console = door_console::Door {
            client_keys: Arc::clone(&self.client_keys),
            login: Arc::clone(&self.login),
            keep: Arc::clone(&self.keep),
        };
        vec![
            door_confidant::router(confidant),
            door_console::router(console),
        ]
    }

    /// Who counts for Prometheus.
    pub(crate) fn metrics(&self) -> Option<&Arc<Metrics>> {
        self.watching.metrics.as_ref()
    }

    /// The clock of this server.
    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        self.keep.clock()
    }

    /// Starts what comes round again.
    pub(crate) fn start_background(&mut self) -> Vec<JoinHandle<()>> {
        let statsd = self.watching.start_statsd(Arc::clone(self.clock()));
        let clock = || Arc::clone(self.clock());
        let (confidant, keep, login, segments) = (
            Arc::clone(&self.confidant),
            Arc::clone(&self.keep),
            Arc::clone(&self.login),
            Arc::clone(&self.segments),
        );
        let sweeping = Arc::clone(&self.keep);
        let mut background = vec![
            server::every("directory", clock(), Duration::from_secs(15), move || {
                let confidant = Arc::clone(&confidant);
                async move { confidant.refresh().await }
            }),
            server::every("caches", clock(), Duration::from_secs(10), move || {
                let keep = Arc::clone(&sweeping);
                async move {
                    keep.sweep().await;
                    Ok::<_, std::convert::Infallible>(())
                }
            }),
            server::every(
                "refused logins",
                clock(),
                Duration::from_secs(60),
                move || {
                    login.refusals().flush(&keep);
                    std::future::ready(Ok::<_, std::convert::Infallible>(()))
                },
            ),
            server::every(
                "audit segments",
                clock(),
                Duration::from_secs(60),
                move || {
                    let segments = Arc::clone(&segments);
                    async move { segments.seal_closed().await.map(drop) }
                },
            ),
        ];
        background.extend(statsd);
        background
    }

    /// Writes down what is only in memory, before a stop.
    pub(crate) async fn close(&mut self) {
        if let Some(SendingNotices {
            ending,
            mut sending,
        }) = self.notices.take()
        {
            drop(ending);
            tokio::select! {
                _ended = &mut sending => {}
                () = self.clock().sleep(LAST_NOTICES) => {
                    tracing::warn!("notices are left that were not delivered");
                    sending.abort();
                }
            }
        }
        self.login.refusals().flush(&self.keep);
        if let Err(error) = self.segments.seal_now().await {
            tracing::warn!(%error, "the last audit segment is not sealed; the next start seals it");
        }
        tracing::debug!(directory = %self.audit.directory().display(), "audit log closed");
    }
}

fn schemas(table: &TableName, own: &TableName) -> Vec<Schema> {
    let mut schemas = vec![Confidant::schema(table)];
    if own != table {
        schemas.push(Schema {
            indexes: Vec::<IndexSchema>::new(),
            ..Confidant::schema(own)
        });
    }
    schemas
}

fn rules(config: &Config) -> Rules {
    let confidant = match config.confidant.rules {
        server::settings::ConfidantRules::Default => ConfidantRules::Default,
        server::settings::ConfidantRules::None => ConfidantRules::None,
    };
    Rules {
        confidant,
        administrators: config.administrators.clone(),
        blind_writers: if config.confidant.blind_writes_by_services {
            BlindWriters::UsersAndServices
        } else {
            BlindWriters::Users
        },
        certificate_names: if config.confidant.certificates_by_name_start {
            CertificateRule::DangerStartOfCommonName
        } else {
            CertificateRule::EveryName
        },
    }
}

fn confidant_settings(config: &Config, table: TableName) -> confidant::Settings {
    let server::settings::Confidant {
        master_key,
        encrypt,
        enforce_documentation,
        ignore_conflicts,
        save_last_decryption_time,
        rotation,
        ..
    } = &config.confidant;
    let accounts: BTreeSet<String> = config
        .kms_login
        .iter()
        .flat_map(|login| login.scoped.iter().map(|(_, account)| account.clone()))
        .collect();
    confidant::Settings {
        table,
        master_key: master_key.clone(),
        encryption: if *encrypt {
            Encryption::Fernet
        } else {
            Encryption::DangerNone
        },
        ignore_conflicts: *ignore_conflicts,
        enforce_documentation: *enforce_documentation,
        history_page_limit: config
            .client
            .history_page_limit
            .and_then(|limit| usize::try_from(limit).ok()),
        save_last_decryption_time: *save_last_decryption_time,
        rotation: Rotation {
            maximum_days: rotation.maximum_days,
            by_tag: rotation.by_tag.clone(),
            excluded_tags: rotation.excluded_tags.clone(),
        },
        accounts,
    }
}

fn door_settings(config: &Config) -> DoorSettings {
    let server::settings::Maintenance { always, touch_file } = config.maintenance.clone();
    let client = config.client.clone();
    let rotation = &config.confidant.rotation;
    let tags: BTreeSet<_> = rotation
        .excluded_tags
        .iter()
        .chain(rotation.by_tag.keys())
        .cloned()
        .collect();
    let scoped = config.kms_login.iter().flat_map(|login| &login.scoped);
    DoorSettings {
        maintenance: Maintenance { always, touch_file },
        client: ClientConfig {
            defined: client.defined,
            manage_grants: client.manage_grants,
            accounts: scoped.map(|(_, account)| account.clone()).collect(),
            xsrf_cookie: client.xsrf_cookie,
            history_page_limit: client.history_page_limit,
            tags: tags.into_iter().collect(),
        },
        custom_frontend: config.custom_frontend.clone(),
    }
}

fn minutes(config: &Config) -> u32 {
    u32::try_from(config.token_lifetime.as_secs() / 60).unwrap_or(u32::MAX)
}

fn kms_tokens(
    config: &Config,
    keys: Arc<dyn KeyService>,
    clock: &Arc<dyn Clock>,
) -> Option<KmsTokens> {
    let login = config.kms_login.as_ref()?;
    let settings = KmsTokenSettings {
        to: config.auth_context.clone(),
        auth_keys: login.auth_keys.clone(),
        user_auth_keys: login.user_auth_keys.clone(),
        scoped: login.scoped.clone(),
        minimum_version: login.minimum_version.into(),
        maximum_version: login.maximum_version.into(),
        user_types: login.user_types.iter().cloned().collect(),
        max_lifetime_minutes: minutes(config),
        cache_size: login.cache_size,
        recheck: login.recheck,
        skew_seconds: config.token_skew,
        danger_drop_days: login.drop_days,
        ..KmsTokenSettings::default()
    };
    Some(KmsTokens::new(keys, Arc::clone(clock), settings))
}

fn client_key_settings(config: &Config) -> ClientKeySettings {
    ClientKeySettings {
        to: config.auth_context.clone(),
        max_lifetime_minutes: minutes(config),
        skew_seconds: config.token_skew,
        ..ClientKeySettings::default()
    }
}

/// Makes the operator's key at the first start, and sees that the table knows it.
async fn operator(keep: &Keep, client_keys: &ClientKeys, data: &DataDir) -> Outcome<PathBuf> {
    let path = data.operator_key();
    let failed = |error| {
        Failure::new(
            Kind::Denied,
            format!(
                "the operator's key {}: {}",
                path.display(),
                with_cause(&error)
            ),
        )
    };
    let key = if path.exists() {
        ClientKeyFile::read(&path).map_err(failed)?
    } else {
        let key = ClientKeyFile::generate(&**keep.random(), PrincipalKind::User, OPERATOR)
            .map_err(failed)?;
        key.create(&path).map_err(failed)?;
        key
    };
    client_keys
        .ensure_operator(&keep.request_id(), &key.public_key(), OPERATOR)
        .await
        .map_err(|error| internal("registering the operator's key", error))?;
    Ok(path)
}

fn unavailable(doing: &str, error: impl std::fmt::Display) -> Failure {
    Failure::new(Kind::Unavailable, format!("{doing}: {error}"))
}
