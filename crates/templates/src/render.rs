//! One template and its settings in, one text out.

use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, ErrorKind};
use seal::Plaintext;
use serde_json::Map;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{TemplateError, of_engine, told};
use crate::limits::Limits;
use crate::secrets::Secrets;
use crate::shell;

/// What a rendering needs besides the template and the secrets.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of the secrets object in templates; `secrets` unless told otherwise.
    pub object: String,
    /// Variables of the template. One named like the secrets object is hidden by it; the caller warns.
    pub variables: Map<String, serde_json::Value>,
    /// What one rendering may cost.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            object: "secrets".to_owned(),
            variables: Map::new(),
            limits: Limits::default(),
        }
    }
}

/// The template as text, in memory that is wiped on drop. Looks up the secrets it uses, and only those.
///
/// The engine's own copies of values are freed without being wiped: they live no longer than this call.
///
/// Errors: all of [`TemplateError`] but `KeyFormat` and `Manifest`.
pub fn render(
    template: &str,
    secrets: &Secrets,
    settings: &Settings,
) -> Result<Plaintext, TemplateError> {
    let limits = &settings.limits;
    if template.len() > limits.template {
        return Err(TemplateError::TemplateTooLarge(limits.template));
    }
    let environment = environment(limits)?;
    let compiled = environment
        .template_from_str(template)
        .map_err(|error| of_engine(&error, template, false))?;

    let mut context: Vec<(String, Value)> = Vec::with_capacity(settings.variables.len() + 1);
    for (name, value) in &settings.variables {
        context.push((name.clone(), of_json(value)));
    }
    context.push((settings.object.clone(), Value::from_object(secrets.clone())));

    let mut output = Bounded {
        bytes: Zeroizing::new(Vec::new()),
        limit: limits.output,
        is_full: false,
    };
    let rendered = compiled
        .render_captured_to(Value::from_pairs(context), &mut output)
        .map(drop);
    if let Some(failure) = secrets.take_failure() {
        return Err(failure);
    }
    match rendered {
        Ok(()) => Ok(Plaintext::new(output.bytes.as_slice().into())),
        Err(_) if output.is_full => Err(TemplateError::OutputTooLarge(limits.output)),
        Err(error) if error.kind() == ErrorKind::OutOfFuel => Err(TemplateError::TooMuchWork {
            line: error.line(),
            limit: limits.steps,
        }),
        Err(error) => Err(of_engine(&error, template, true)),
    }
}

fn environment(limits: &Limits) -> Result<Environment<'static>, TemplateError> {
    let mut environment = Environment::new();
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .map_err(|error| of_engine(&error, "", false))?,
    );
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_debug(false);
    environment.set_fuel(Some(limits.steps));
    environment.set_recursion_limit(limits.depth);
    environment.add_filter("sh", |text: &Value| quote(text, shell::sh));
    environment.add_filter("env", |text: &Value| quote(text, shell::env));
    Ok(environment)
}

fn quote(
    value: &Value,
    quoted: impl FnOnce(&str) -> Zeroizing<String>,
) -> Result<Value, minijinja::Error> {
    match value.as_str() {
        Some(text) => Ok(Value::from(quoted(text).as_str())),
        None if !value.is_true() => Ok(Value::from(quoted("").as_str())),
        None => Err(told("only text can be quoted")),
    }
}

fn of_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(value) => Value::from(*value),
        serde_json::Value::Number(number) => number
            .as_i64()
            .map(Value::from)
            .or_else(|| number.as_u64().map(Value::from))
            .or_else(|| number.as_f64().map(Value::from))
            .unwrap_or_default(),
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => items.iter().map(of_json).collect(),
        serde_json::Value::Object(pairs) => Value::from_pairs(
            pairs
                .iter()
                .map(|(name, value)| (name.as_str(), of_json(value))),
        ),
    }
}

/// Bytes up to a limit; what it outgrows is wiped.
struct Bounded {
    bytes: Zeroizing<Vec<u8>>,
    limit: usize,
    is_full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if more.len() > self.limit - self.bytes.len() {
            self.is_full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        if self.bytes.capacity() - self.bytes.len() < more.len() {
            let mut larger = Vec::with_capacity((self.bytes.len() + more.len()).max(512) * 2);
            larger.extend_from_slice(&self.bytes);
            self.bytes.zeroize();
            self.bytes = Zeroizing::new(larger);
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
