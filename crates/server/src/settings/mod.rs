//! The one `Config`, read once, from environment variables and an optional TOML file.
//!
//! Confidant's names are accepted as they are. Every wrong setting is reported at once, with its
//! name and the fix, never its value.

mod bootstrap;
mod browsers;
mod certificates;
mod config;
mod dangers;
mod kms_login;
mod metrics;
mod names;
mod notices;
mod reader;
mod roles;
mod secret_text;
mod setting;
mod signing_keys;
mod storage;
mod web_tokens;

pub use bootstrap::{Bootstrap, BootstrapSecrets, Sealed, secrets_in_effect};
pub use certificates::{AcmAuthority, Authorities, CustomAuthorities, Subject};
pub use config::{
    ClientConfig, Confidant, ConfidantRules, Config, Defaults, Maintenance, Rotation,
};
pub use dangers::Danger;
pub use kms_login::KmsLogin;
pub use metrics::{MetricsAt, MetricsShown};
pub use names::SETTINGS;
pub use notices::{NoticeTarget, Notices, Statsd};
pub use reader::{Source, Wrong, WrongSettings};
pub use roles::IamRoles;
pub use secret_text::SecretText;
pub use setting::{Kind, Setting, State};
pub use signing_keys::{Environments, SigningKey};
pub use storage::{Aws, Backend};
pub use web_tokens::{Redis, WebTokenCache, WebTokens};
