//! What the settings amount to, in types.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use keep::{AuditMode, Limits};
use login::{Browsers, TrustedPeers};
use serde_json::{Map, Value};

use super::bootstrap::BootstrapSecrets;
use super::browsers::{read_browsers, read_trusted_peers, read_xsrf_cookie};
use super::certificates::{Authorities, read_authorities};
use super::dangers::{Danger, check_dangers, read_dangers};
use super::kms_login::{KmsLogin, read_kms_login};
use super::metrics::{MetricsShown, read_metrics};
use super::names::SETTINGS;
use super::notices::{Notices, read_notices};
use super::reader::{Reader, Source, WrongSettings, size};
use super::roles::{IamRoles, read_iam_roles};
use super::setting::Setting;
use super::storage::{Backend, read_backend};
use super::web_tokens::{WebTokens, read_web_tokens};
use crate::HttpLimits;

/// What holds when nothing is set, and depends on the platform.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// The platform's folder for a program's data.
    pub data_dir: PathBuf,
}

/// Everything a server needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Limits of the HTTP side.
    pub http: HttpLimits,
    /// Where items and keys rest.
    pub backend: Backend,
    /// The folder of the embedded table, its keyring and the audit log.
    pub data_dir: PathBuf,
    /// The folder of the audit log.
    pub audit_dir: PathBuf,
    /// What to do when an event cannot be recorded.
    pub audit: AuditMode,
    /// Sizes and lifetimes of what is kept in memory.
    pub limits: Limits,
    /// Confidant's rules and behaviour.
    pub confidant: Confidant,
    /// This server's name in tokens.
    pub auth_context: String,
    /// Longest lifetime of a token of any kind.
    pub token_lifetime: Duration,
    /// Whose word about a request counts.
    pub trusted_peers: TrustedPeers,
    /// How people at browsers log in.
    pub browsers: Browsers,
    /// Whether who comes without https is sent there.
    pub redirect_to_https: bool,
    /// When nothing may be changed.
    pub maintenance: Maintenance,
    /// Where an operator's own pages for the browser lie.
    pub custom_frontend: Option<PathBuf>,
    /// What clients are told.
    pub client: ClientConfig,
    /// Switches that are set and make the server unsafe.
    pub dangers: Vec<Danger>,
    /// Grace for clients' clocks. Units: seconds.
    pub token_skew: u32,
    /// Login by KMS token; `None` when no key is configured.
    pub kms_login: Option<KmsLogin>,
    /// Which certificate authorities there are.
    pub authorities: Authorities,
    /// JSON web tokens.
    pub web_tokens: WebTokens,
    /// The names of IAM roles.
    pub iam_roles: IamRoles,
    /// Where metrics are shown.
    pub metrics: MetricsShown,
    /// Where metrics and notices of changes go.
    pub notices: Notices,
    /// Users who may manage client keys.
    pub administrators: BTreeSet<String>,
    /// The log filter.
    pub log: String,
    /// Whether the log is JSON lines.
    pub log_json: bool,
    /// Settings that are given and have no effect, for `config check` and the log.
    pub without_effect: Vec<&'static Setting>,
    /// Settings whose text stands between quotes, which then belong to it.
    pub quoted: Vec<&'static Setting>,
    /// Settings that are given, and where.
    pub given: Vec<(&'static Setting, Source)>,
}

/// Confidant's two shipped rule sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfidantRules {
    /// `default_acl`.
    Default,
    /// `no_acl`.
    None,
}

/// Confidant's behaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confidant {
    /// Who may what.
    pub rules: ConfidantRules,
    /// The master key of credentials.
    pub master_key: String,
    /// `false` stores values in the clear.
    pub encrypt: bool,
    /// Credentials need documentation.
    pub enforce_documentation: bool,
    /// Credentials of one service may share a key.
    pub ignore_conflicts: bool,
    /// Services may write blind credentials.
    pub blind_writes_by_services: bool,
    /// Of a certificate's names only the start of the common one must be the caller's.
    pub certificates_by_name_start: bool,
    /// Reading a credential's values notes when.
    pub save_last_decryption_time: bool,
    /// When credentials are due.
    pub rotation: Rotation,
}

/// When credentials are due for rotation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Days for every credential.
    pub maximum_days: u32,
    /// Days by tag.
    pub by_tag: BTreeMap<String, u32>,
    /// Tags of credentials that are never due.
    pub excluded_tags: BTreeSet<String>,
}

/// When nothing may be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintenance {
    /// Always.
    pub always: bool,
    /// While this file is there.
    pub touch_file: Option<PathBuf>,
}

/// What clients are told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientConfig {
    /// Whatever the operator wants them to know, keys in order.
    pub defined: Map<String, Value>,
    /// Whether grants are managed.
    pub manage_grants: bool,
    /// The name of the XSRF cookie.
    pub xsrf_cookie: String,
    /// Default size of a page of history; `None` for all.
    pub history_page_limit: Option<u32>,
}

impl Config {
    /// Reads settings through `var`, so that a test passes a map and not the process.
    ///
    /// `secrets` are those of `SECRETS_BOOTSTRAP`, opened ([`Bootstrap`](super::Bootstrap)).
    /// Errors: every bad setting at once, one line each, never the value.
    pub fn read(
        secrets: &BootstrapSecrets,
        var: &dyn Fn(&str) -> Option<String>,
        file: Option<&str>,
        defaults: &Defaults,
    ) -> Result<Self, WrongSettings> {
        let reader = Reader::new(secrets, var, file);
        let given: Vec<_> = SETTINGS
            .iter()
            .filter_map(|setting| reader.source(setting).map(|source| (setting, source)))
            .collect();
        let backend = read_backend(&reader);
        let embedded = backend == Backend::Embedded;
        let data_dir = reader
            .text("KEEPWARD_DATA_DIR")
            .map_or_else(|| defaults.data_dir.clone(), PathBuf::from);
        let audit_dir = reader
            .text("AUDIT_DIR")
            .map_or_else(|| data_dir.join("audit"), PathBuf::from);
        let kms_login = read_kms_login(&reader);
        let listen = read_listen(&reader);
        let trusted_peers = read_trusted_peers(&reader);
        let xsrf_cookie = read_xsrf_cookie(&reader);
        let dangers = read_dangers(&reader);
        check_dangers(&reader, listen, &dangers);
        // A server of one machine has no proxy with a certificate in front.
        let sslify = !(embedded && listen.ip().is_loopback());
        let config = Self {
            listen,
            http: HttpLimits {
                connections: size(reader.number("KEEPWARD_MAX_CONNECTIONS", 4_096, 1..=1_000_000)),
                request: read_request_limit(&reader),
                ..HttpLimits::default()
            },
            audit: read_audit(&reader),
            limits: Limits {
                data_key_life: Duration::from_secs(reader.number(
                    "KEEPWARD_DATA_KEY_SECONDS",
                    300,
                    1..=86_400,
                )),
                opened_life: Duration::from_secs(reader.number(
                    "KEEPWARD_OPENED_VALUE_SECONDS",
                    60,
                    0..=86_400,
                )),
                ..Limits::default()
            },
            confidant: read_confidant(&reader, embedded),
            auth_context: read_auth_context(&reader, embedded, kms_login.is_some()),
            token_lifetime: Duration::from_secs(
                60 * reader.number("AUTH_TOKEN_MAX_LIFETIME", 60, 1..=525_600),
            ),
            token_skew: u32::try_from(reader.number("KEEPWARD_TOKEN_SKEW_SECONDS", 0, 0..=300))
                .unwrap_or(0),
            administrators: read_administrators(&reader, embedded),
            metrics: read_metrics(&reader),
            log: read_log(&reader),
            log_json: read_log_format(&reader),
            without_effect: given
                .iter()
                .filter(|(setting, _)| !setting.has_effect())
                .map(|(setting, _)| *setting)
                .collect(),
            quoted: SETTINGS
                .iter()
                .filter(|setting| reader.is_quoted(setting))
                .collect(),
            browsers: read_browsers(&reader, &xsrf_cookie),
            trusted_peers,
            redirect_to_https: reader.flag("SSLIFY", sslify) && !reader.flag("DEBUG", false),
            maintenance: Maintenance {
                always: reader.flag("MAINTENANCE_MODE", false),
                touch_file: reader
                    .text("MAINTENANCE_MODE_TOUCH_FILE")
                    .map(PathBuf::from),
            },
            client: read_client_config(&reader, xsrf_cookie),
            authorities: read_authorities(&reader),
            web_tokens: read_web_tokens(&reader),
            iam_roles: read_iam_roles(&reader),
            notices: read_notices(&reader),
            custom_frontend: reader.text("CUSTOM_FRONTEND_DIRECTORY").map(PathBuf::from),
            dangers,
            backend,
            data_dir,
            audit_dir,
            kms_login,
            given,
        };
        reader.finish(config)
    }
}

/// How long a request may take: our setting, or else that of the original's server.
fn read_request_limit(reader: &Reader<'_>) -> Duration {
    let old = reader.number("GEVENT_REQUEST_TIMEOUT_MS", 30_000, 1..=3_600_000);
    let seconds = reader.number("KEEPWARD_REQUEST_SECONDS", 0, 1..=3_600);
    match seconds {
        0 => Duration::from_millis(old),
        seconds => Duration::from_secs(seconds),
    }
}

fn read_client_config(reader: &Reader<'_>, xsrf_cookie: String) -> ClientConfig {
    let mut defined: Value = Value::Object(reader.json("CLIENT_CONFIG", "{\"name\": \"value\"}"));
    defined.sort_all_objects();
    let limit = reader.number("HISTORY_PAGE_LIMIT", 0, 0..=u32::MAX.into());
    ClientConfig {
        defined: match defined {
            Value::Object(defined) => defined,
            _ => Map::new(),
        },
        manage_grants: reader.flag("KMS_AUTH_MANAGE_GRANTS", true),
        xsrf_cookie,
        history_page_limit: u32::try_from(limit).ok().filter(|limit| *limit > 0),
    }
}

fn read_listen(reader: &Reader<'_>) -> SocketAddr {
    let host = reader
        .text("HOST")
        .unwrap_or_else(|| "127.0.0.1".to_owned());
    let address = host.parse::<IpAddr>().unwrap_or_else(|_| {
        if host != "localhost" {
            reader.complain(
                "HOST",
                "takes an IP address, for example 127.0.0.1 or 0.0.0.0",
            );
        }
        IpAddr::from([127, 0, 0, 1])
    });
    let port = reader.number("PORT", 8080, 0..=65_535);
    SocketAddr::new(address, u16::try_from(port).unwrap_or(8080))
}

fn read_audit(reader: &Reader<'_>) -> AuditMode {
    match reader.text("AUDIT").as_deref() {
        None | Some("required") => AuditMode::Required,
        Some("best-effort") => AuditMode::BestEffort,
        Some(_) => {
            reader.complain("AUDIT", "takes required or best-effort");
            AuditMode::Required
        }
    }
}

/// A list of levels, each for everything or for one target: `info`, `keepward=debug,warn`.
fn read_log(reader: &Reader<'_>) -> String {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let default = if reader.flag("DEBUG", false) {
        "debug"
    } else {
        "info"
    };
    let filter = reader
        .text("KEEPWARD_LOG")
        .unwrap_or_else(|| default.to_owned());
    let well = filter.split(',').all(|part| {
        let level = part.rsplit_once('=').map_or(part, |(_target, level)| level);
        part.matches('=').count() <= 1 && LEVELS.contains(&level.trim())
    });
    if !well {
        let fix = "takes off, error, warn, info, debug or trace, also for single parts: keepward=debug,warn";
        reader.complain("KEEPWARD_LOG", fix);
    }
    filter
}

fn read_log_format(reader: &Reader<'_>) -> bool {
    match reader.text("KEEPWARD_LOG_FORMAT").as_deref() {
        None | Some("text") => false,
        Some("json") => true,
        Some(_) => {
            reader.complain("KEEPWARD_LOG_FORMAT", "takes text or json");
            false
        }
    }
}

fn read_auth_context(reader: &Reader<'_>, embedded: bool, kms_login: bool) -> String {
    match reader.text("AUTH_CONTEXT") {
        Some(context) => context,
        None if embedded => "keepward".to_owned(),
        None => {
            if kms_login {
                reader.complain(
                    "AUTH_CONTEXT",
                    "is needed with AUTH_KEY: the `to` that clients put in their tokens",
                );
            }
            "keepward".to_owned()
        }
    }
}

fn read_administrators(reader: &Reader<'_>, embedded: bool) -> BTreeSet<String> {
    let mut names: BTreeSet<_> = reader.list("KEEPWARD_ADMINISTRATORS").into_iter().collect();
    if embedded {
        names.insert("operator".to_owned());
    }
    names
}

fn read_confidant(reader: &Reader<'_>, embedded: bool) -> Confidant {
    let rules = match reader.text("ACL_MODULE").as_deref() {
        None | Some("confidant.authnz.rbac:default_acl") => ConfidantRules::Default,
        Some("confidant.authnz.rbac:no_acl") => ConfidantRules::None,
        Some(_) => {
            reader.complain(
                "ACL_MODULE",
                "Python plug-ins cannot be loaded; takes confidant.authnz.rbac:default_acl or confidant.authnz.rbac:no_acl",
            );
            ConfidantRules::Default
        }
    };
    let master_key = reader.text("KMS_MASTER_KEY");
    Confidant {
        rules,
        master_key: master_key.unwrap_or_else(|| {
            if embedded {
                "alias/keepward".to_owned()
            } else {
                String::new()
            }
        }),
        encrypt: reader.flag("USE_ENCRYPTION", true),
        enforce_documentation: reader.flag("ENFORCE_DOCUMENTATION", false),
        ignore_conflicts: reader.flag("IGNORE_CONFLICTS", false),
        blind_writes_by_services: reader.flag("KEEPWARD_BLIND_WRITES_BY_SERVICES", true),
        certificates_by_name_start: reader.flag("KEEPWARD_CERTIFICATES_BY_NAME_START", false),
        save_last_decryption_time: reader.flag("ENABLE_SAVE_LAST_DECRYPTION_TIME", false),
        rotation: Rotation {
            maximum_days: u32::try_from(reader.number("MAXIMUM_ROTATION_DAYS", 0, 0..=100_000))
                .unwrap_or(0),
            by_tag: reader.json("ROTATION_DAYS_CONFIG", "{\"tag\": 30}"),
            excluded_tags: reader.json("TAGS_EXCLUDING_ROTATION", "[\"tag\"]"),
        },
    }
}
