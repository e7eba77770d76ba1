//! `render-template` and `render-templates`: files with secrets in them.
//!
//! Everything is rendered before anything is written, and with `--secrets-file` no store is asked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use documents::{Format, Tree, read_tree};
use keep::Plaintext;
use serde_json::{Map, Value};
use templates::manifest::{Content, Entry, entries};
use templates::{KeyFormat, Lookup, Secrets, Settings, TemplateError, render};

use crate::credsmash::arguments::{RenderTemplate, RenderTemplates, Rendering};
use crate::credsmash::files;
use crate::credsmash::log::Level;
use crate::credsmash::run::Run;
use crate::credsmash::template_secrets::{InFile, InStore};
use crate::faces::{Done, Fault};
use crate::placed_file::{Destination, Rights, place};
use crate::python_text::repr;

pub(crate) fn render_template(run: &Run, ask: &RenderTemplate) -> Done {
    let template = template(&ask.template, "TEMPLATE")?;
    let (secrets, settings) = prepared(run, &ask.rendering)?;
    let text = render(&template, &secrets, &settings).map_err(|error| fault(&error))?;
    let destination = match ask.destination.to_str() {
        Some(text) => Destination::argument(text),
        None => Destination::File(ask.destination.clone()),
    };
    Ok(place(&destination, text.expose(), &Rights::default())?)
}

/// Renders all files of a manifest, then puts them in their places in its order. Nothing is written
/// unless every entry is well formed, can be rendered, and names a user and a group that exist.
pub(crate) fn render_templates(run: &Run, ask: &RenderTemplates) -> Done {
    let format = files::format(ask.manifest_format.as_deref(), &ask.manifest, Format::Json)?;
    let document = files::read(&ask.manifest, "MANIFEST")?;
    let manifest = read_tree(format, document.expose())
        .map(json)
        .map_err(|error| Fault::new(error.to_string()))?;
    let entries = entries(&manifest).map_err(|error| fault(&error))?;
    let (secrets, settings) = prepared(run, &ask.rendering)?;
    let ready = entries
        .iter()
        .map(|entry| Ready::of(entry, &secrets, &settings))
        .collect::<Done<Vec<_>>>()?;
    for (entry, ready) in entries.iter().zip(ready) {
        let destination = Destination::File(PathBuf::from(&entry.destination));
        place(&destination, ready.content.expose(), &ready.rights)?;
        let made = match &entry.content {
            Content::Template(source) => format!("Rendered template=\"{source}\""),
            Content::Secret(name) => format!("Wrote secret=\"{name}\""),
        };
        run.log.info(
            "credsmash.templates",
            &format!("{made} destination=\"{}\"", entry.destination),
        );
    }
    Ok(())
}

/// What a file of a manifest will hold, and whose it will be.
struct Ready {
    content: Plaintext,
    rights: Rights,
}

impl Ready {
    fn of(entry: &Entry, secrets: &Secrets, settings: &Settings) -> Done<Self> {
        let owner = entry
            .owner
            .as_ref()
            .map(|owner| (owner.user.as_str(), owner.group.as_str()));
        let rights = Rights::new(entry.mode, owner)?;
        let content = match &entry.content {
            Content::Template(source) => {
                let template = template(Path::new(source), "source")?;
                render(&template, secrets, settings)
            }
            Content::Secret(key) => secrets.bytes(key),
        };
        let content = content.map_err(|error| {
            fault(&error).hint(format!("for destination \"{}\"", entry.destination))
        })?;
        Ok(Self { content, rights })
    }
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
        None => Arc::new(InStore::of(run)?),
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

/// The store's own words where the store failed.
fn fault(error: &TemplateError) -> Fault {
    match error {
        TemplateError::Lookup { name, source } => {
            Fault::new(source.to_string()).hint(format!("secret {name}"))
        }
        error => Fault::new(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser as _;
    use tempfile::TempDir;

    use super::*;
    use crate::credsmash::arguments::{Arguments, Command};

    /// Runs a rendering command in a folder with these files, which the words call `DIR/...`.
    ///
    /// There is no store: a command that opened one would fail, since its folder is a file.
    fn rendered(files: &[(&str, &str)], words: &str) -> (TempDir, Done) {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display().to_string();
        for (name, text) in files {
            fs::write(folder.path().join(name), text.replace("DIR", &place)).unwrap();
        }
        fs::write(folder.path().join("no-folder"), "").unwrap();
        let words = format!("credsmash --config DIR/none --local DIR/no-folder {words}")
            .replace("DIR", &place);
        let arguments = Arguments::try_parse_from(words.split(' ')).unwrap();
        let run = Run::begin(arguments.globals).unwrap();
        let done = match &arguments.command {
            Command::RenderTemplate(render) => render_template(&run, render),
            Command::RenderTemplates(render) => render_templates(&run, render),
            other => panic!("{other:?}"),
        };
        (folder, done)
    }

    fn text(folder: &TempDir, name: &str) -> Option<String> {
        fs::read_to_string(folder.path().join(name)).ok()
    }

    #[test]
    fn secrets_of_a_file_need_no_store() {
        let files = [
            (
                "t.j2",
                "{{ secrets.a }} {{ n + 1 }}{% for x in list %} {{ x }}{% endfor %}\n",
            ),
            ("s.json", r#"{"a": "1"}"#),
            ("v.yaml", "n: 2\nlist: [x, 3]\n"),
        ];
        let words =
            "render-template DIR/t.j2 DIR/out --secrets-file DIR/s.json --template-vars DIR/v.yaml";
        let (folder, done) = rendered(&files, words);
        assert_eq!(done, Ok(()));
        assert_eq!(text(&folder, "out").as_deref(), Some("1 3 x 3"));
    }

    #[test]
    fn the_store_is_opened_without_a_file_of_secrets() {
        let (_folder, done) = rendered(&[("t.j2", "x")], "render-template DIR/t.j2 DIR/out");
        assert!(done.is_err());
    }

    #[test]
    fn no_file_of_a_manifest_is_written_unless_all_can_be() {
        for (second, told) in [
            (
                r#"{"source": "DIR/bad.j2", "destination": "DIR/two"}"#,
                "for destination",
            ),
            (
                r#"{"secret": "nosuch", "destination": "DIR/two"}"#,
                "nosuch",
            ),
            (
                r#"{"destination": "DIR/two"}"#,
                "Manifest entry must contain a secret or source",
            ),
            (
                r#"{"secret": "a", "destination": "DIR/two", "owner": "no-such-user", "group": "no-such-group"}"#,
                "no-such-user",
            ),
        ] {
            let manifest =
                format!(r#"[{{"source": "DIR/ok.j2", "destination": "DIR/one"}}, {second}]"#);
            let files = [
                ("m.json", manifest.as_str()),
                ("ok.j2", "{{ secrets.a }}"),
                ("bad.j2", "{{ 1 / 0 }}"),
                ("s.json", r#"{"a": "1"}"#),
                ("two", "old"),
            ];
            let (folder, done) = rendered(
                &files,
                "render-templates DIR/m.json --secrets-file DIR/s.json",
            );
            let fault = done.unwrap_err().to_string();
            assert!(fault.contains(told), "{fault}");
            assert_eq!(text(&folder, "one"), None, "{second}");
            assert_eq!(text(&folder, "two").as_deref(), Some("old"), "{second}");
        }
    }

    #[test]
    fn a_template_error_leaves_the_old_file_alone() {
        let files = [("t.j2", "{% if %}"), ("s.json", "{}"), ("out", "old")];
        let words = "render-template DIR/t.j2 DIR/out --secrets-file DIR/s.json";
        let (folder, done) = rendered(&files, words);
        assert!(done.is_err());
        assert_eq!(text(&folder, "out").as_deref(), Some("old"));
    }
}
