//! The table of all settings: what each is called, takes, and means.

/// How a setting's text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it stands.
    Text,
    /// A whole number.
    Number,
    /// False for `False`, `false`, `0` and empty; true for everything else, as in Confidant.
    Flag,
    /// Comma-separated; blanks round the commas do not count.
    List,
    /// JSON.
    Json,
}

impl Kind {
    /// The word in tables and messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Flag => "flag",
            Self::List => "list",
            Self::Json => "json",
        }
    }
}

/// What this version does with a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It works.
    Used,
    /// A setting of Confidant's whose feature this version does not have; accepted, without effect.
    Later,
    /// It has no meaning here; accepted, without effect.
    Ignored,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The environment variable, and the key in the settings file. One that ends in `_x` is a
    /// family: the `x` stands for an upper-case name of `ACM_PRIVATE_CAS`.
    pub name: &'static str,
    /// How it is read.
    pub kind: Kind,
    /// The default, as text; empty for none.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// Whether this version uses it.
    pub state: State,
}

impl Setting {
    /// What the names of a family begin with; `None` for a single setting.
    pub fn family(&self) -> Option<&'static str> {
        self.name
            .strip_suffix('x')
            .filter(|start| start.ends_with('_'))
    }

    /// Whether this row is about the setting of that name.
    pub fn is(&self, name: &str) -> bool {
        match self.family() {
            Some(start) => name.starts_with(start),
            None => name == self.name,
        }
    }
}

/// The setting whose entries, in upper case, end the names of families.
pub(super) const AUTHORITIES: &str = "ACM_PRIVATE_CAS";

const fn used(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting {
        name,
        kind,
        default,
        meaning,
        state: State::Used,
    }
}

const fn later(name: &'static str, kind: Kind) -> Setting {
    Setting {
        name,
        kind,
        default: "",
        meaning: "Confidant's; its feature is not in this version",
        state: State::Later,
    }
}

const fn ignored(name: &'static str, meaning: &'static str) -> Setting {
    Setting {
        name,
        kind: Kind::Text,
        default: "",
        meaning,
        state: State::Ignored,
    }
}

use Kind::{Flag, Json, List, Number, Text};

/// Every setting there is.
pub const SETTINGS: &[Setting] = &[
    // Listening.
    used("HOST", Text, "127.0.0.1", "address to listen on"),
    used(
        "PORT",
        Number,
        "8080",
        "port to listen on; 0 takes a free one",
    ),
    used(
        "KEEPWARD_MAX_CONNECTIONS",
        Number,
        "4096",
        "connections at once; further ones wait",
    ),
    used(
        "KEEPWARD_REQUEST_SECONDS",
        Number,
        "as the next",
        "longest a request may take before 503",
    ),
    used(
        "GEVENT_REQUEST_TIMEOUT_MS",
        Number,
        "30000",
        "the same in milliseconds; KEEPWARD_REQUEST_SECONDS wins",
    ),
    used(
        "FORWARDED_ALLOW_IPS",
        Text,
        "",
        "proxies that are believed: addresses and networks (10.0.0.0/8), or *; loopback always is. X-Forwarded-For counts from those that are named",
    ),
    used(
        "SSLIFY",
        Flag,
        "true; false when embedded on a loopback address",
        "requests without https (X-Forwarded-Proto) are sent there; false is dangerous",
    ),
    used(
        "DEBUG",
        Flag,
        "false",
        "no request is sent to https, and more is logged; dangerous",
    ),
    used(
        "KEEPWARD_DANGER_ALLOW_INSECURE",
        List,
        "",
        "of USE_AUTH, USE_ENCRYPTION, SSLIFY and DEBUG, those whose danger is wanted on an address other than loopback",
    ),
    // Where things rest.
    used(
        "KEEPWARD_DATA_DIR",
        Text,
        "by platform",
        "folder of the embedded table, its keyring, and the audit log",
    ),
    used(
        "DYNAMODB_TABLE",
        Text,
        "",
        "table on DynamoDB; without it the embedded table is used",
    ),
    used(
        "KEEPWARD_TABLE",
        Text,
        "the same table",
        "table on DynamoDB for our own items (guards, audit, client keys)",
    ),
    used(
        "DYNAMODB_CREATE_TABLE",
        Flag,
        "false",
        "make the table and its index at start when missing",
    ),
    used(
        "DYNAMODB_URL",
        Text,
        "",
        "endpoint of DynamoDB or a compatible engine",
    ),
    used(
        "PYNAMO_CONNECTION_POOL_SIZE",
        Number,
        "100",
        "connections to DynamoDB and KMS kept",
    ),
    used(
        "PYNAMO_CONNECT_TIMEOUT_SECONDS",
        Number,
        "1",
        "seconds to connect to DynamoDB",
    ),
    used(
        "PYNAMO_READ_TIMEOUT_SECONDS",
        Number,
        "1",
        "seconds to wait for an answer of DynamoDB",
    ),
    used(
        "PYNAMO_REQUEST_TIMEOUT_SECONDS",
        Number,
        "1",
        "old name for both of the two above",
    ),
    used(
        "KEEPWARD_AWS_ATTEMPTS",
        Number,
        "2",
        "tries of one AWS call, the first included",
    ),
    // Keys.
    used(
        "AWS_DEFAULT_REGION",
        Text,
        "us-east-1",
        "region of DynamoDB and KMS",
    ),
    used("KMS_URL", Text, "", "endpoint of KMS"),
    used(
        "KMS_MASTER_KEY",
        Text,
        "alias/keepward when embedded",
        "master key of credentials: alias, id or ARN",
    ),
    used(
        "KMS_CONNECTION_TIMEOUT",
        Number,
        "1",
        "seconds to connect to KMS",
    ),
    used(
        "KMS_READ_TIMEOUT",
        Number,
        "1",
        "seconds to wait for an answer of KMS",
    ),
    used(
        "USE_ENCRYPTION",
        Flag,
        "true",
        "false stores values in the clear; dangerous",
    ),
    used(
        "KEEPWARD_DATA_KEY_SECONDS",
        Number,
        "300",
        "how long an unwrapped data key is kept in memory",
    ),
    used(
        "KEEPWARD_OPENED_VALUE_SECONDS",
        Number,
        "60",
        "how long an opened value is kept in memory; 0 keeps none",
    ),
    // Login.
    used(
        "AUTH_CONTEXT",
        Text,
        "keepward when embedded",
        "`to` in the context of tokens: this server's name",
    ),
    used(
        "AUTH_KEY",
        List,
        "",
        "KMS keys of services' tokens: aliases, ids or ARNs",
    ),
    used("USER_AUTH_KEY", List, "", "KMS keys of users' tokens"),
    used(
        "SCOPED_AUTH_KEYS",
        Json,
        "{}",
        "KMS keys of other accounts: {\"key\": \"account\"}",
    ),
    used(
        "AUTH_TOKEN_MAX_LIFETIME",
        Number,
        "60",
        "longest lifetime of a token, minutes; whole days count",
    ),
    used("KMS_MINIMUM_TOKEN_VERSION", Number, "1", "1 or 2"),
    used("KMS_MAXIMUM_TOKEN_VERSION", Number, "2", "1 or 2"),
    used(
        "KMS_AUTH_USER_TYPES",
        List,
        "service",
        "user types that may log in with a KMS token",
    ),
    used(
        "KMS_AUTH_TOKEN_CACHE_SIZE",
        Number,
        "4096",
        "verified tokens kept",
    ),
    used(
        "KEEPWARD_TOKEN_RECHECK_SECONDS",
        Number,
        "300",
        "how often a kept token is checked with KMS again",
    ),
    used(
        "KEEPWARD_TOKEN_SKEW_SECONDS",
        Number,
        "0",
        "grace for clients' clocks at both ends of a token's time, up to 300",
    ),
    used(
        "KEEPWARD_TOKEN_DROP_DAYS",
        Flag,
        "false",
        "whole days of a KMS token's lifetime do not count, as in Confidant: for clients that cannot be mended yet",
    ),
    used(
        "KEEPWARD_ADMINISTRATORS",
        List,
        "operator when embedded",
        "users who may manage client keys",
    ),
    // Browsers.
    used(
        "USE_AUTH",
        Flag,
        "true",
        "false lets everybody do everything; dangerous; from this machine, the Host must be localhost or a loopback address",
    ),
    used(
        "USER_AUTH_MODULE",
        Text,
        "google",
        "how people at browsers log in: header; google and saml come with a later version",
    ),
    used(
        "HEADER_AUTH_USERNAME_HEADER",
        Text,
        "",
        "header of a trusted proxy that must be there",
    ),
    used(
        "HEADER_AUTH_EMAIL_HEADER",
        Text,
        "",
        "header of a trusted proxy that names the user",
    ),
    used(
        "SESSION_SECRET",
        Text,
        "",
        "signs session cookies; the same on every server",
    ),
    used(
        "SESSION_COOKIE_NAME",
        Text,
        "confidant_session",
        "cookie of the session",
    ),
    used(
        "XSRF_COOKIE_NAME",
        Text,
        "XSRF-TOKEN",
        "cookie of the XSRF token; writes show it in the header X-XSRF-TOKEN",
    ),
    used(
        "PERMANENT_SESSION_LIFETIME",
        Number,
        "43200",
        "seconds a session lasts without a request; 0 for as long as the browser runs",
    ),
    used(
        "MAX_PERMANENT_SESSION_LIFETIME",
        Number,
        "86400",
        "seconds a session lasts at most, however often it is used; 0 for the same",
    ),
    // Behaviour.
    used("MAINTENANCE_MODE", Flag, "false", "nothing may be changed"),
    used(
        "MAINTENANCE_MODE_TOUCH_FILE",
        Text,
        "",
        "nothing may be changed while this file is there",
    ),
    used(
        "CUSTOM_FRONTEND_DIRECTORY",
        Text,
        "",
        "folder of your own pages, styles and images, shown to proven callers under /custom",
    ),
    used(
        "CLIENT_CONFIG",
        Json,
        "{}",
        "what clients are told as `defined` by /v1/client_config",
    ),
    used(
        "HISTORY_PAGE_LIMIT",
        Number,
        "0",
        "revisions on a page of history; 0 for all",
    ),
    used(
        "KMS_AUTH_MANAGE_GRANTS",
        Flag,
        "true",
        "what clients are told by /v1/client_config; grants come with a later version",
    ),
    used(
        "ACL_MODULE",
        Text,
        "confidant.authnz.rbac:default_acl",
        "that, or confidant.authnz.rbac:no_acl",
    ),
    used(
        "ENFORCE_DOCUMENTATION",
        Flag,
        "false",
        "credentials need documentation",
    ),
    used(
        "IGNORE_CONFLICTS",
        Flag,
        "false",
        "credentials of one service may share a key",
    ),
    used(
        "KEEPWARD_BLIND_WRITES_BY_SERVICES",
        Flag,
        "true",
        "services may create, change and revert every blind credential, as Confidant lets them; false leaves it to users",
    ),
    used(
        "MAXIMUM_ROTATION_DAYS",
        Number,
        "0",
        "days after which every credential is due for rotation",
    ),
    used(
        "ROTATION_DAYS_CONFIG",
        Json,
        "{}",
        "days by tag: {\"tag\": 30}",
    ),
    used(
        "TAGS_EXCLUDING_ROTATION",
        Json,
        "[]",
        "tags of credentials that are never due",
    ),
    used(
        "ENABLE_SAVE_LAST_DECRYPTION_TIME",
        Flag,
        "false",
        "reading a credential's values notes when, in its items",
    ),
    used(
        "ENABLE_SAVE_LAST_DECRYPT_TIME",
        Flag,
        "false",
        "old name of ENABLE_SAVE_LAST_DECRYPTION_TIME",
    ),
    // Audit and log.
    used(
        "AUDIT",
        Text,
        "required",
        "required refuses what cannot be recorded; best-effort shouts",
    ),
    used(
        "AUDIT_DIR",
        Text,
        "audit in the data folder",
        "folder of the audit log",
    ),
    used(
        "KEEPWARD_LOG",
        Text,
        "info",
        "log filter, for example debug or keepward=debug,warn",
    ),
    used("KEEPWARD_LOG_FORMAT", Text, "text", "text or json"),
    // Confidant's, whose features come later.
    later("SECRETS_BOOTSTRAP", Text),
    later("DYNAMODB_TABLE_ARCHIVE", Text),
    later("BACKGROUND_CACHE_IAM_ROLES", Flag),
    later("USER_EMAIL_SUFFIX", Text),
    later("USERS_FILE", Text),
    later("REDIS_URL", Text),
    later("REDIS_URL_FLASK_SESSIONS", Text),
    later("STATSD_HOST", Text),
    later("STATSD_PORT", Number),
    later("GRAPHITE_EVENT_URL", Text),
    later("WEBHOOK_URL", Text),
    later("CA_TYPE", Text),
    later("ACM_PRIVATE_CAS", List),
    later("ACM_PRIVATE_CA_ARN_x", Text),
    later("ACM_PRIVATE_CA_SIGNING_ALGORITHM_x", Text),
    later("ACM_PRIVATE_CA_TEMPLATE_ARN_x", Text),
    later("ACM_PRIVATE_CA_MAX_VALIDITY_DAYS_x", Number),
    later("ACM_PRIVATE_CA_CSR_COUNTRY_NAME_x", Text),
    later("ACM_PRIVATE_CA_CSR_STATE_OR_PROVINCE_NAME_x", Text),
    later("ACM_PRIVATE_CA_CSR_LOCALITY_NAME_x", Text),
    later("ACM_PRIVATE_CA_CSR_ORGANIZATION_NAME_x", Text),
    later("ACM_PRIVATE_CA_SELF_SIGN_x", Flag),
    later("ACM_PRIVATE_CA_KEY_SIZE_x", Number),
    later("ACM_PRIVATE_CA_KEY_PUBLIC_EXPONENT_SIZE_x", Number),
    later("ACM_PRIVATE_CA_CERTIFICATE_USE_CACHE_x", Flag),
    later("ACM_PRIVATE_CA_CERTIFICATE_CACHE_SIZE_x", Number),
    later("ACM_PRIVATE_CA_DOMAIN_REGEX_x", Text),
    later("JWT_CERTIFICATE_AUTHORITIES", Text),
    later("STATIC_FOLDER", Text),
    later("GOOGLE_AUTH_EMAIL_SUFFIX", Text),
    later("GOOGLE_OAUTH_CLIENT_ID", Text),
    later("GOOGLE_OAUTH_CONSUMER_SECRET", Text),
    later("AUTHOMATIC_SALT", Text),
    later("HEADER_AUTH_FIRST_NAME_HEADER", Text),
    later("HEADER_AUTH_LAST_NAME_HEADER", Text),
    later("REDIS_SOCKET_TIMEOUT", Text),
    later("SESSION_TYPE", Text),
    later("SESSION_KEY_PREFIX", Text),
    later("SESSION_USE_SIGNER", Text),
    later("SAML_CONFIDANT_URL_ROOT", Text),
    later("SAML_IDP_ENTITY_ID", Text),
    later("SAML_IDP_SIGNON_URL", Text),
    later("SAML_IDP_LOGOUT_URL", Text),
    later("SAML_IDP_CERT", Text),
    later("SAML_IDP_CERT_FILE", Text),
    later("SAML_SP_CERT", Text),
    later("SAML_SP_CERT_FILE", Text),
    later("SAML_SP_KEY", Text),
    later("SAML_SP_KEY_FILE", Text),
    later("SAML_SP_KEY_FILE_PASSWORD", Text),
    later("SAML_SECURITY_SIG_ALGO", Text),
    later("SAML_SECURITY_SLO_RESP_SIGNED", Text),
    later("SAML_SECURITY_MESSAGES_SIGNED", Text),
    later("SAML_SECURITY_ASSERTIONS_SIGNED", Text),
    later("SAML_WANT_ATTRIBUTE_STATEMENT", Text),
    later("SAML_DEBUG", Text),
    later("SAML_FAKE_HTTPS", Text),
    later("SAML_RAW_JSON_SETTINGS", Text),
    later("GRAPHITE_USERNAME", Text),
    later("GRAPHITE_PASSWORD", Text),
    later("WEBHOOK_USERNAME", Text),
    later("WEBHOOK_PASSWORD", Text),
    later("BACKGROUND_CACHE_IAM_ROLE_REFRESH_RATE", Text),
    later("BACKGROUND_CACHE_IAM_ROLE_JITTER", Text),
    later("CUSTOM_CERTIFICATE_AUTHORITIES", Text),
    later("CUSTOM_CA_ENCRYPTED", Text),
    later("CUSTOM_CA_ACTIVE_KEYS", Text),
    later("CUSTOM_CA_MAX_VALIDITY_DAYS", Text),
    later("CUSTOM_CA_DOMAIN_REGEX", Text),
    later("CERTIFICATE_AUTHORITIES", Text),
    later("JWT_IS_CA_ENCRYPTED", Text),
    later("JWT_ACTIVE_SIGNING_KEYS", Text),
    later("ACTIVE_SIGNING_KEYS", Text),
    later("JWT_DEFAULT_JWT_EXPIRATION_SECONDS", Text),
    later("DEFAULT_JWT_EXPIRATION_SECONDS", Text),
    later("JWT_CACHING_ENABLED", Text),
    later("JWT_CACHING_MAX_SIZE", Text),
    later("JWT_CACHING_TTL_SECONDS", Text),
    later("JWT_CACHING_USE_REDIS", Text),
    later("REDIS_URL_JWT_CACHE", Text),
    // Of no meaning here.
    ignored("SESSION_PERMANENT", "a dead name of old releases"),
    ignored("REDIRECT_URI", "a dead name of old releases"),
    ignored("KMS_MASTER_KEY_SPEC", "a dead name of old releases"),
    ignored("CONFIG_FILE", "a dead name of old releases"),
    ignored("APPLICATION_ENV", "a dead name of old releases"),
    ignored("GEVENT_RESOLVER", "of the old server's runtime"),
    ignored(
        "KMS_MAX_POOL_CONNECTIONS",
        "connections are pooled by PYNAMO_CONNECTION_POOL_SIZE",
    ),
];
