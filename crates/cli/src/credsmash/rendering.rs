//! `render-template` and `render-templates`: files with secrets in them.
//!
//! Everything is rendered before anything is written, and with `--secrets-file` no store is asked.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::path::Path;
use std::sync::Arc;

use documents::{Format, Tree, read_many, read_tree};
use keep::{EncryptionContext, Plaintext};
use serde_json::{Map, Value};
use stash::Secrets as Store;
use templates::{KeyFormat, Lookup, Secrets, Settings, TemplateError, render};
use tokio::runtime::Runtime;

use crate::credsmash::arguments::{RenderTemplate, Rendering};
use crate::credsmash::files;
use crate::credsmash::log::Level;
use crate::credsmash::run::{Run, name};
use crate::faces::{Done, Face, Fault};
use crate::python_text::repr;
use crate::stash_words;

pub(crate) fn render_template(run: &Run, ask: &RenderTemplate) -> Done {
    let template = template(&ask.template, "TEMPLATE")?;
    let (secrets, settings) = prepared(run, &ask.rendering)?;
    let text = render(&template, &secrets, &settings).map_err(|error| fault(&error))?;
    files::write(&ask.destination, &text)
}

/// The secrets and the variables that templates see.
fn prepared(run: &Run, rendering: &Rendering) -> Done<(Secrets, Settings)> {
    let format = KeyFormat::new(&rendering.key_fmt).map_err(|error| fault(&error))?;
    let variables = variables(rendering)?;
    if variables.contains_key(&rendering.obj_name) {
        run.log.line(
            Level::Warning,
            "credsmash.templates",
            &format!(
                "Overwrote {} from template vars with secrets var.",
                repr(&rendering.obj_name)
            ),
        );
    }
    let lookup: Arc<dyn Lookup> = match &rendering.secrets_file {
        Some(path) => Arc::new(InFile::read(
            path,
            rendering.secrets_file_format.as_deref(),
        )?),
        None => Arc::new(InStore {
            secrets: run.secrets()?,
            context: run.context()?,
            runtime: run.runtime(),
        }),
    };
    let settings = Settings {
        object: rendering.obj_name.clone(),
        variables,
        ..Settings::default()
    };
    Ok((Secrets::new(lookup, format), settings))
}

/// A template's text.
fn template(path: &Path, argument: &str) -> Done<String> {
    let bytes = files::read(path, argument)?;
    let text = std::str::from_utf8(bytes.expose());
    text.map(str::to_owned)
        .map_err(|_| Fault::new(format!("template '{}' is not UTF-8 text", path.display())))
}

fn variables(rendering: &Rendering) -> Done<Map<String, Value>> {
    let Some(path) = &rendering.template_vars else {
        return Ok(Map::new());
    };
    let format = files::format(
        rendering.template_vars_format.as_deref(),
        path,
        Format::Json,
    )?;
    let document = files::read(path, "--template-vars")?;
    let entries = read_tree(format, document.expose())
        .and_then(Tree::into_entries)
        .map_err(|error| Fault::new(error.to_string()))?;
    Ok(entries
        .into_iter()
        .map(|(name, tree)| (name, json(tree)))
        .collect())
}

/// As a template sees it: numbers and truth values as such, what else is no text as text.
fn json(tree: Tree) -> Value {
    let text = |bytes: &Plaintext| String::from_utf8_lossy(bytes.expose()).into_owned();
    match tree {
        Tree::Null => Value::Null,
        Tree::Bool(value) => value.into(),
        Tree::Integer(value) => match (i64::try_from(value), u64::try_from(value)) {
            (Ok(value), _) => value.into(),
            (_, Ok(value)) => value.into(),
            _ => value.to_string().into(),
        },
        Tree::Float(value) => value.into(),
        Tree::Text(value) | Tree::Bytes(value) => text(&value).into(),
        Tree::Date(value) => value.into(),
        Tree::List(list) => list.into_iter().map(json).collect(),
        Tree::Map(entries) => entries
            .into_iter()
            .map(|(key, value)| {
                let key = match json(key) {
                    Value::String(key) => key,
                    other => other.to_string(),
                };
                (key, json(value))
            })
            .collect(),
    }
}

/// Secrets from a file.
struct InFile(HashMap<String, Plaintext>);

impl InFile {
    fn read(path: &Path, format: Option<&str>) -> Done<Self> {
        let format = files::format(format, path, Format::Json)?;
        let document = files::read(path, "--secrets-file")?;
        let values =
            read_many(format, document.expose()).map_err(|error| Fault::new(error.to_string()))?;
        Ok(Self(values.into_iter().collect()))
    }
}

impl Lookup for InFile {
    fn look_up(&self, name: &str) -> Result<Option<Plaintext>, Box<dyn StdError + Send + Sync>> {
        let value = self.0.get(name);
        Ok(value.map(|value| Plaintext::new(Box::from(value.expose()))))
    }
}

/// Secrets from the store, the newest version of each.
struct InStore {
    secrets: Store,
    context: EncryptionContext,
    runtime: Arc<Runtime>,
}

impl Lookup for InStore {
    fn look_up(&self, text: &str) -> Result<Option<Plaintext>, Box<dyn StdError + Send + Sync>> {
        let name = name(text)?;
        let found = self.runtime.block_on(async {
            match self.secrets.newest(&name).await? {
                Some(record) => self.secrets.open(&record, &self.context).await.map(Some),
                None => Ok(None),
            }
        });
        Ok(found.map_err(|error| stash_words::fault(Face::Credsmash, &error, ""))?)
    }
}

/// The store's own words where the store failed.
fn fault(error: &TemplateError) -> Fault {
    match error {
        TemplateError::Lookup { name, source } => {
            Fault::new(source.to_string()).hint(format!("secret {name}"))
        }
        error => Fault::new(error.to_string()),
    }
}
