//! One template and its settings in, one text out.

use std::borrow::Cow;
use std::io;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State};
use seal::Plaintext;
use serde_json::Map;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{TemplateError, of_engine};
use crate::limits::Limits;
use crate::secrets::Secrets;
use crate::{checks, filters, globals, methods, python, source};

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
/// The engine's own copies of values are freed without being wiped: they live no longer than this call. It runs, and
/// asks the lookup, on a thread of its own, whose stack holds whatever the limits let a template nest.
///
/// Errors: all of [`TemplateError`] but `KeyFormat` and `Manifest`.
pub fn render(
    template: &str,
    secrets: &Secrets,
    settings: &Settings,
) -> Result<Plaintext, TemplateError> {
    std::thread::scope(|scope| {
        let engine = std::thread::Builder::new()
            .name("template".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || on_this_thread(template, secrets, settings))
            .map_err(|source| TemplateError::NoThread { source })?;
        engine
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn on_this_thread(
    template: &str,
    secrets: &Secrets,
    settings: &Settings,
) -> Result<Plaintext, TemplateError> {
    let limits = &settings.limits;
    if template.len() > limits.template {
        return Err(TemplateError::TemplateTooLarge(limits.template));
    }
    let template = source::prepare(template)?;
    let environment = environment(limits)?;
    let compiled = environment
        .template_from_str(&template)
        .map_err(|error| of_engine(&error, &template, false))?;

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
        Err(error) => Err(of_engine(&error, &template, true)),
    }
}

fn environment(limits: &Limits) -> Result<Environment<'static>, TemplateError> {
    let mut environment = Environment::new();
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            // One line end is gone already.
            .keep_trailing_newline(true)
            .build()
            .map_err(|error| of_engine(&error, "", false))?,
    );
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_debug(false);
    environment.set_fuel(Some(limits.steps));
    environment.set_recursion_limit(limits.depth);
    environment.set_formatter(print);
    environment.set_unknown_method_callback(methods::call);
    filters::add(&mut environment);
    checks::add(&mut environment);
    globals::add(&mut environment);
    Ok(environment)
}

/// What `{{ value }}` writes.
fn print(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    let text = match python::text_of(value) {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(python::str(value)),
    };
    let written = match state.auto_escape() {
        AutoEscape::Html if !value.is_safe() => out.write_str(&filters::escaped(&text)),
        _ => out.write_str(&text),
    };
    written.map_err(|_| minijinja::ErrorKind::WriteFailure.into())
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

/// Room for lists within lists as many as `Limits::steps` can make, which free each other, one inside the other. Only
/// what is used of it costs memory.
const STACK: usize = 256 << 20;
