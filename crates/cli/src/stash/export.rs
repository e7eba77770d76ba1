//! `keepward stash export`: the newest values as one document, complete or not at all.

use documents::{Dialect, Format, NotText, write_many};

use crate::client::printable;
use crate::exit::{Failure, Kind, Outcome};
use crate::output;
use crate::stash::arguments::{Binary, DocumentForm, Export};
use crate::stash::names::matching;
use crate::stash::newest_values::Newest;
use crate::stash::session::Session;
use crate::stash::written;

pub(super) async fn run(session: &Session, asked: &Export) -> Outcome {
    let by_name = |path: &std::path::Path| Format::of_file(&path.to_string_lossy());
    let format = match asked.format {
        Some(form) => form.format(),
        None => asked
            .out
            .as_deref()
            .and_then(by_name)
            .unwrap_or(Format::Json),
    };
    let wanted = matching(asked.pattern.as_deref());
    let newest = Newest::read(session, &wanted, asked.repair).await?;
    let complete = newest.complete();
    if !asked.skip_errors {
        complete?;
        write(&newest, format, asked)
    } else {
        write(&newest, format, asked)?;
        complete
    }
}

fn write(newest: &Newest, format: Format, asked: &Export) -> Outcome {
    let values = newest
        .values
        .iter()
        .map(|(record, value)| (record.name.as_str(), value));
    let written = write_many(format, Dialect::Keepward, asked.binary.not_text(), values)
        .map_err(|error| refused(&error))?;
    if !written.not_text.is_empty() {
        let what = match asked.binary {
            Binary::Base64 => "are written as base64",
            Binary::Fail | Binary::Skip => "are left out",
        };
        let names = printable(&written.not_text.join(", "));
        output::warning(&format!("values that are not UTF-8 text {what}: {names}"));
    }
    written::document(asked.out.as_deref(), written.document.expose())
}

fn refused(error: &documents::Error) -> Failure {
    let failure = Failure::new(Kind::Conflict, printable(&error.to_string()));
    match error {
        documents::Error::ValuesNotUtf8 { .. } => {
            failure.hint("--binary base64 writes them as base64, --binary skip leaves them out")
        }
        documents::Error::NoVariable(_)
        | documents::Error::SameVariable { .. }
        | documents::Error::Nul(_) => {
            failure.hint("a pattern leaves it out; --format json and yaml hold every name")
        }
        _ => failure,
    }
}

impl DocumentForm {
    /// As documents know it.
    pub(super) fn format(self) -> Format {
        match self {
            Self::Json => Format::Json,
            Self::Yaml => Format::Yaml,
            Self::Csv => Format::Csv,
            Self::Dotenv => Format::Dotenv,
            Self::Env => Format::Export,
        }
    }
}

impl Binary {
    fn not_text(self) -> NotText {
        match self {
            Self::Fail => NotText::Refuse,
            Self::Base64 => NotText::Base64,
            Self::Skip => NotText::LeaveOut,
        }
    }
}
