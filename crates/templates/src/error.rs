//! Why a template did not become text. No message holds a secret's value, or anything made from one.

use std::error::Error;
use std::fmt;

/// Why a rendering or a manifest failed.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The template is not well formed; nothing was looked up.
    #[error("template line {line}: {what}")]
    Syntax {
        /// Counted from one.
        line: usize,
        /// The engine's words. They can only quote the template.
        what: String,
    },
    /// The template asked for something that cannot be done.
    #[error("{}{what}{}", Line(*.line), In(expression.as_deref()))]
    Failed {
        /// Counted from one; `None` where the engine did not say.
        line: Option<usize>,
        /// What is wrong, without any value.
        what: String,
        /// The expression as the template's text has it.
        expression: Option<String>,
    },
    /// A secret could not be read: the lookup's own error is the source.
    #[error("secret {name} could not be read")]
    Lookup {
        /// The name that was asked for.
        name: String,
        /// What the [`Lookup`](crate::Lookup) said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The secret's bytes are not UTF-8; only `get_bytes` and manifests can use it.
    #[error("secret {0} is not UTF-8 text")]
    NotText(String),
    /// A method was asked for a secret that does not exist.
    #[error("no secret named {0}")]
    NoSuchSecret(String),
    /// The template's text is longer than the limit.
    #[error("the template is larger than {0} bytes")]
    TemplateTooLarge(usize),
    /// The rendered text would be longer than the limit.
    #[error("the rendered text is larger than {0} bytes")]
    OutputTooLarge(usize),
    /// The template does more work than the limit allows.
    #[error("{}the template takes more than {limit} steps", Line(*.line))]
    TooMuchWork {
        /// Where it ran out; counted from one.
        line: Option<usize>,
        /// The limit.
        limit: u64,
    },
    /// The system gives no thread to render on.
    #[error("no thread can be started for the template: the system is out of memory or threads")]
    NoThread {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The pattern that turns keys into names is not usable.
    #[error("--key-fmt: {0}")]
    KeyFormat(String),
    /// An entry of a manifest is not usable.
    #[error("{0}")]
    Manifest(String),
}

struct Line(Option<usize>);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(line) => write!(f, "template line {line}: "),
            None => Ok(()),
        }
    }
}

struct In<'a>(Option<&'a str>);

impl fmt::Display for In<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(expression) => write!(f, ", in `{expression}`"),
            None => Ok(()),
        }
    }
}

/// A message of ours within an engine error: written here, so known to hold no value.
#[derive(Debug)]
pub(crate) struct Told(pub(crate) String);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Told {}

/// An engine error that says `what`, which must not hold a value.
pub(crate) fn told(what: impl Into<String>) -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, "").with_source(Told(what.into()))
}

/// Turns the engine's error into ours. Its own words are kept only where no value can be in them: before the template
/// runs. Afterwards the kind of the error speaks, and the template's own text at that place.
pub(crate) fn of_engine(error: &minijinja::Error, source: &str, running: bool) -> TemplateError {
    let line = error.line();
    if !running {
        return TemplateError::Syntax {
            line: line.unwrap_or(1),
            what: error
                .detail()
                .map_or_else(|| error.kind().to_string(), str::to_owned),
        };
    }
    let what = told_within(error).unwrap_or_else(|| words(error.kind()).to_owned());
    TemplateError::Failed {
        line,
        what,
        expression: error
            .range()
            .and_then(|range| source.get(range))
            .and_then(short),
    }
}

fn told_within(error: &minijinja::Error) -> Option<String> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(Told(what)) = error.downcast_ref() {
            return Some(what.clone());
        }
        next = error.source();
    }
    None
}

fn words(kind: minijinja::ErrorKind) -> &'static str {
    use minijinja::ErrorKind as Kind;
    match kind {
        Kind::NonPrimitive | Kind::InvalidOperation => "this cannot be done with these values",
        Kind::NonKey => "this value cannot be a key",
        Kind::TemplateNotFound | Kind::BadInclude => {
            "no loader for this environment specified: a template cannot read other files"
        }
        Kind::TooManyArguments => "too many arguments",
        Kind::MissingArgument => "an argument is missing",
        Kind::UnknownFilter => "no filter of this name",
        Kind::UnknownTest => "no test of this name",
        Kind::UnknownFunction => "no function of this name",
        Kind::UnknownMethod => "the value has no method of this name",
        Kind::UndefinedError => "the value is undefined",
        Kind::CannotUnpack => "the value cannot be unpacked into these names",
        Kind::UnknownBlock => "no block of this name",
        _ => "this cannot be rendered",
    }
}

/// One line of at most eighty characters of the template's own text.
fn short(text: &str) -> Option<String> {
    let line = text.trim().lines().next()?;
    let mut shown: String = line.chars().take(80).collect();
    if shown.len() < text.trim().len() {
        shown.push('…');
    }
    (!shown.is_empty()).then_some(shown)
}
