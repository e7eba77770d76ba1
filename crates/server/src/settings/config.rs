//! What the settings amount to, in types.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use keep::{AuditMode, Limits};
use login::{Browsers, TrustedPeers};
use serde_json::{Map, Value};

use super::browsers::{read_browsers, read_trusted_peers, read_xsrf_cookie};
use super::dangers::{Danger, check_dangers, read_dangers};
use super::names::{SETTINGS, Setting, State};
use super::reader::{Reader, Source, WrongSettings};
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
    /// Users who may manage client keys.
    pub administrators: BTreeSet<String>,
    /// The log filter.
    pub log: String,
    /// Whether the log is JSON lines.
    pub log_json: bool,
    /// Settings that are given and have no effect, for `config check` and the log.
    pub without_effect: Vec<&'static Setting>,
    /// Settings that are given, and where.
    pub given: Vec<(&'static Setting, Source)>,
}

/// Where items and keys rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// SQLite and a keyring file in the data folder.
    Embedded,
    /// DynamoDB and KMS.
    Aws(Aws),
}

/// DynamoDB and KMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aws {
    /// The region of both.
    pub region: String,
    /// Confidant's table.
    pub table: String,
    /// The table of our own items.
    pub own_table: String,
    /// Whether to make them when missing.
    pub create_table: bool,
    /// Endpoint of DynamoDB.
    pub dynamodb_url: Option<String>,
    /// Endpoint of KMS.
    pub kms_url: Option<String>,
    /// Connections kept.
    pub pool: usize,
    /// To connect to DynamoDB, and to wait for its answer.
    pub dynamodb_timeouts: (Duration, Duration),
    /// To connect to KMS, and to wait for its answer.
    pub kms_timeouts: (Duration, Duration),
    /// Tries of one call, the first included.
    pub attempts: u32,
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

/// Login by KMS token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsLogin {
    /// Keys of services' tokens.
    pub auth_keys: Vec<String>,
    /// Keys of users' tokens.
    pub user_auth_keys: Vec<String>,
    /// Keys of other accounts, in the order of the setting.
    pub scoped: Vec<(String, String)>,
    /// Smallest token version.
    pub minimum_version: u8,
    /// Greatest token version.
    pub maximum_version: u8,
    /// User types that may log in.
    pub user_types: BTreeSet<String>,
    /// Verified tokens kept.
    pub cache_size: u64,
    /// How often a kept token is checked with KMS again.
    pub recheck: Duration,
    /// Whether whole days of a token's lifetime count as nothing.
    pub drop_days: bool,
}

impl Config {
    /// Reads settings through `var`, so that a test passes a map and not the process.
    ///
    /// Errors: every bad setting at once, one line each, never the value.
    pub fn read(
        var: &dyn Fn(&str) -> Option<String>,
        file: Option<&str>,
        defaults: &Defaults,
    ) -> Result<Self, WrongSettings> {
        let reader = Reader::new(var, file);
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
            log: read_log(&reader),
            log_json: read_log_format(&reader),
            without_effect: given
                .iter()
                .filter(|(setting, _)| setting.state != State::Used)
                .map(|(setting, _)| *setting)
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

fn read_backend(reader: &Reader<'_>) -> Backend {
    let Some(table) = reader.text("DYNAMODB_TABLE") else {
        for name in ["KEEPWARD_TABLE", "DYNAMODB_URL", "KMS_URL"] {
            if reader.text(name).is_some() {
                reader.complain(
                    name,
                    "is set without DYNAMODB_TABLE; name the table, or unset it to run embedded",
                );
            }
        }
        return Backend::Embedded;
    };
    if reader.text("KMS_MASTER_KEY").is_none() && reader.flag("USE_ENCRYPTION", true) {
        reader.complain(
            "KMS_MASTER_KEY",
            "is needed with DYNAMODB_TABLE: the alias, id or ARN of a KMS key",
        );
    }
    let seconds = |name, default| Duration::from_secs(reader.number(name, default, 1..=300));
    let old = reader.number("PYNAMO_REQUEST_TIMEOUT_SECONDS", 1, 1..=300);
    Backend::Aws(Aws {
        region: reader
            .text("AWS_DEFAULT_REGION")
            .unwrap_or_else(|| "us-east-1".to_owned()),
        own_table: reader
            .text("KEEPWARD_TABLE")
            .unwrap_or_else(|| table.clone()),
        table,
        create_table: reader.flag("DYNAMODB_CREATE_TABLE", false),
        dynamodb_url: read_url(reader, "DYNAMODB_URL"),
        kms_url: read_url(reader, "KMS_URL"),
        pool: size(reader.number("PYNAMO_CONNECTION_POOL_SIZE", 100, 1..=10_000)),
        dynamodb_timeouts: (
            seconds("PYNAMO_CONNECT_TIMEOUT_SECONDS", old),
            seconds("PYNAMO_READ_TIMEOUT_SECONDS", old),
        ),
        kms_timeouts: (
            seconds("KMS_CONNECTION_TIMEOUT", 1),
            seconds("KMS_READ_TIMEOUT", 1),
        ),
        attempts: u32::try_from(reader.number("KEEPWARD_AWS_ATTEMPTS", 2, 1..=10)).unwrap_or(2),
    })
}

fn read_url(reader: &Reader<'_>, name: &str) -> Option<String> {
    let url = reader.text(name)?;
    if !url.starts_with("http://") && !url.starts_with("https://") {
        reader.complain(name, "takes a URL that begins with http:// or https://");
    }
    Some(url)
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
        save_last_decryption_time: reader.flag(
            "ENABLE_SAVE_LAST_DECRYPTION_TIME",
            reader.flag("ENABLE_SAVE_LAST_DECRYPT_TIME", false),
        ),
        rotation: Rotation {
            maximum_days: u32::try_from(reader.number("MAXIMUM_ROTATION_DAYS", 0, 0..=100_000))
                .unwrap_or(0),
            by_tag: reader.json("ROTATION_DAYS_CONFIG", "{\"tag\": 30}"),
            excluded_tags: reader.json("TAGS_EXCLUDING_ROTATION", "[\"tag\"]"),
        },
    }
}

fn read_kms_login(reader: &Reader<'_>) -> Option<KmsLogin> {
    let auth_keys = reader.list("AUTH_KEY");
    let user_auth_keys = reader.list("USER_AUTH_KEY");
    let scoped: serde_json::Map<String, serde_json::Value> =
        reader.json("SCOPED_AUTH_KEYS", "{\"key\": \"account\"}");
    let mut accounts = BTreeSet::new();
    let mut pairs = Vec::new();
    for (key, account) in scoped {
        match account {
            serde_json::Value::String(account) if accounts.insert(account.clone()) => {
                pairs.push((key, account))
            }
            serde_json::Value::String(_) => {
                reader.complain("SCOPED_AUTH_KEYS", "each account may stand once")
            }
            _ => reader.complain(
                "SCOPED_AUTH_KEYS",
                "takes JSON of the form {\"key\": \"account\"}",
            ),
        }
    }
    let version = |name, default| u8::try_from(reader.number(name, default, 1..=2)).unwrap_or(1);
    let (minimum_version, maximum_version) = (
        version("KMS_MINIMUM_TOKEN_VERSION", 1),
        version("KMS_MAXIMUM_TOKEN_VERSION", 2),
    );
    if minimum_version > maximum_version {
        reader.complain(
            "KMS_MINIMUM_TOKEN_VERSION",
            "is above KMS_MAXIMUM_TOKEN_VERSION; no token could pass",
        );
    }
    let mut user_types: BTreeSet<_> = reader.list("KMS_AUTH_USER_TYPES").into_iter().collect();
    if user_types.is_empty() {
        user_types.insert("service".to_owned());
    }
    let login = KmsLogin {
        minimum_version,
        maximum_version,
        user_types,
        cache_size: reader.number("KMS_AUTH_TOKEN_CACHE_SIZE", 4_096, 1..=1_000_000),
        recheck: Duration::from_secs(reader.number(
            "KEEPWARD_TOKEN_RECHECK_SECONDS",
            300,
            1..=86_400,
        )),
        drop_days: reader.flag("KEEPWARD_TOKEN_DROP_DAYS", false),
        auth_keys,
        user_auth_keys,
        scoped: pairs,
    };
    let keys = login.auth_keys.len() + login.user_auth_keys.len() + login.scoped.len();
    (keys > 0).then_some(login)
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
