//! CredSmash's templates: text with secrets in it, made from a template and a way to look secrets up.
//!
//! Jinja2 as `credsmash render-template` has it (CredSmash 3.0.2 on Jinja2 3.1.6, its sandbox), on minijinja. No I/O and
//! no async: whoever renders brings the template's text and a [`Lookup`].
//!
//! - [`render`] makes the text; [`Settings`] hold the variables, the name of the secrets object and the [`Limits`];
//! - [`Secrets`] is that object: each name is asked once per run and kept, then wiped;
//! - [`KeyFormat`] turns what a template writes into a secret's name;
//! - [`manifest`] reads the list of files that `render-templates` writes.
//!
//! Where the outcome differs from Python's is a table that a test keeps true: `docs/templates.md`.

mod arguments;
mod checks;
mod error;
mod filters;
mod globals;
mod json;
mod key_format;
mod limits;
pub mod manifest;
mod methods;
mod percent;
mod python;
mod render;
mod secrets;
mod shell;
mod source;
mod text_methods;
mod tokens;

pub use error::TemplateError;
pub use key_format::KeyFormat;
pub use limits::Limits;
pub use render::{Settings, render};
pub use secrets::{Lookup, Secrets};
