//! The one `Config`, read once, from environment variables and an optional TOML file.
//!
//! Confidant's names are accepted as they are. Every wrong setting is reported at once, with its
//! name and the fix, never its value.

mod browsers;
mod config;
mod dangers;
mod names;
mod reader;

pub use config::{
    Aws, Backend, ClientConfig, Confidant, ConfidantRules, Config, Defaults, KmsLogin, Maintenance,
    Rotation,
};
pub use dangers::Danger;
pub use names::{Kind, SETTINGS, Setting, State};
pub use reader::{Source, Wrong, WrongSettings};
