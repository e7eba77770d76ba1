//! The recorded corpus, what this crate makes of it, and the table of what differs.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use seal::Plaintext;
use serde::Deserialize;
use templates::{KeyFormat, Lookup, Secrets, Settings, render};

/// Templates, their variables and secrets, and what the real CredSmash made of them.
#[derive(Deserialize)]
pub(crate) struct Corpus {
    variables: serde_json::Map<String, serde_json::Value>,
    secrets: BTreeMap<String, String>,
    /// Secrets that are no text, in hexadecimal digits.
    secrets_hex: BTreeMap<String, String>,
    pub(crate) cases: Vec<Case>,
}

/// One template.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) template: String,
    key_fmt: Option<String>,
    pub(crate) expect: Outcome,
}

/// What a template becomes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Text(String),
    /// Python's exception, or our message; only that there is one must agree.
    Error(String),
}

/// Cases that differ for one reason.
#[derive(Deserialize)]
pub(crate) struct Difference {
    pub(crate) reason: String,
    /// What we make of each.
    pub(crate) cases: BTreeMap<String, Outcome>,
}

impl Corpus {
    pub(crate) fn read() -> Self {
        from_file("corpus.json")
    }

    /// What this crate makes of a case.
    pub(crate) fn ours(&self, case: &Case) -> Outcome {
        let mut values: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for (name, text) in &self.secrets {
            values.insert(name.clone(), text.clone().into_bytes());
        }
        for (name, digits) in &self.secrets_hex {
            let bytes = digits
                .as_bytes()
                .chunks(2)
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
            values.insert(name.clone(), bytes.collect());
        }
        let format = match &case.key_fmt {
            Some(pattern) => KeyFormat::new(pattern).unwrap(),
            None => KeyFormat::default(),
        };
        let secrets = Secrets::new(Arc::new(Fixed(values)), format);
        let settings = Settings {
            variables: self.variables.clone(),
            ..Settings::default()
        };
        match render(&case.template, &secrets, &settings) {
            Ok(text) => Outcome::Text(String::from_utf8(text.expose().to_vec()).unwrap()),
            Err(error) => Outcome::Error(error.to_string()),
        }
    }
}

impl Outcome {
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Error(_), Self::Error(_)) => true,
            _ => false,
        }
    }
}

pub(crate) fn differences() -> Vec<Difference> {
    from_file("differences.json")
}

fn from_file<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../vectors/templates")
        .join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The text of docs/templates.md.
pub(crate) fn manual() -> String {
    let corpus = Corpus::read();
    let differences = differences();
    let differing: usize = differences.iter().map(|entry| entry.cases.len()).sum();
    let mut page = INTRODUCTION
        .replace("{cases}", &corpus.cases.len().to_string())
        .replace("{differing}", &differing.to_string());
    for difference in &differences {
        writeln!(page, "\n**{}**\n", difference.reason).unwrap();
        writeln!(page, "| template | CredSmash | Keepward |\n|---|---|---|").unwrap();
        for (id, ours) in &difference.cases {
            let case = corpus
                .cases
                .iter()
                .find(|case| case.id == *id)
                .unwrap_or_else(|| panic!("the table names {id}, which is no case"));
            writeln!(
                page,
                "| {} | {} | {} |",
                code(&case.template),
                shown(&case.expect),
                shown(ours)
            )
            .unwrap();
        }
    }
    page
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Text(text) if text.is_empty() => "nothing".to_owned(),
        Outcome::Text(text) => code(text),
        Outcome::Error(what) => format!("error: {}", code(what)),
    }
}

/// As code within a table: one line, at most a hundred letters.
fn code(text: &str) -> String {
    let mut line: String = text
        .replace('\n', "⏎")
        .replace('|', "\\|")
        .chars()
        .take(100)
        .collect();
    if text.chars().count() > 100 {
        line.push('…');
    }
    if line.contains('`') {
        format!("`` {line} ``")
    } else {
        format!("`{line}`")
    }
}

/// Secrets held in memory.
pub(crate) struct Fixed(pub(crate) BTreeMap<String, Vec<u8>>);

impl Lookup for Fixed {
    fn look_up(&self, name: &str) -> Result<Option<Plaintext>, Box<dyn Error + Send + Sync>> {
        Ok(self
            .0
            .get(name)
            .map(|value| Plaintext::new(value.as_slice().into())))
    }
}

const INTRODUCTION: &str = "\
# Templates

*Made by `cargo run -p templates --example manual > docs/templates.md`; a test compares.*

`keepward credsmash render-template` and `render-templates` read Jinja2 templates as CredSmash 3.0.2 does with
Jinja2 3.1.6: its sandbox, `trim_blocks` and `lstrip_blocks` on, no escaping for HTML, one line end at the end of the
template removed, no loader (a template cannot include, import or extend a file).

| in a template | gives |
|---|---|
| `secrets.name`, `secrets['a.b']` | the secret as text (UTF-8); nothing when there is no such secret |
| `secrets['a', 'b']` | the secret whose name `--key-fmt` makes from both, as in `--key-fmt '{0}/{1}'` |
| `secrets.get_str('name')`, `secrets.get_bytes('name')` | text, bytes; an error when there is no such secret |
| `'name' in secrets` | whether there is such a secret |
| `value \\| sh` | one word of a shell, always in single quotes |
| `value \\| env` | double quotes, for a file of variables |
| `value \\| jsonify`, `text \\| minjson` | JSON on one line as Python prints it; JSON text read and printed again |
| `'%s:%s' % (a, b)` | Python's formatting, when the text stands there; `'...' \\| format(a, b)` works with any |

Each name is looked up at most once in a run, and only if the template asks for it.

## Limits

A template may have 4 MiB and become 64 MiB; it may take 5 million steps (a step also pays for 64 bytes made on the
way), nest 200 deep, and a `range` may have 100 000 numbers. Beyond any of these it fails, and the old file stays.

## Errors

An error names the line, and the expression as it stands in the template; never a value.

## What differs

{cases} templates were given to the real program, and its outcomes are kept in `vectors/templates/corpus.json`. All
come out the same here, but for the {differing} below. A test checks both directions: a template that differs and is
not in this list fails it, and so does one that is in the list and differs no more.
";
