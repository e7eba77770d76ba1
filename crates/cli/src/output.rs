//! What a command prints for its user: to stdout, and nothing else goes there.

use std::io::{self, Write};

use serde::Serialize;

use crate::exit::{Failure, Kind, Outcome};

/// Prints text, which ends its own lines.
pub(crate) fn text(text: &str) -> Outcome {
    bytes(text.as_bytes())
}

/// Prints indented JSON.
pub(crate) fn json(value: &impl Serialize) -> Outcome {
    text(&pretty(value)?)
}

/// Indented JSON, which ends its line.
pub(crate) fn pretty(value: &impl Serialize) -> Outcome<String> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| crate::exit::internal("writing JSON", error))?;
    text.push('\n');
    Ok(text)
}

/// Tells of something on standard error; where that is closed, nobody wants to know.
pub(crate) fn warning(text: &str) {
    let _nobody_reads = writeln!(io::stderr().lock(), "keepward: {text}");
}

/// Prints bytes as they are.
pub(crate) fn bytes(bytes: &[u8]) -> Outcome {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // `keepward ... | head` is no error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(
            Kind::Internal,
            format!("writing to standard output: {error}"),
        )),
        Ok(()) => Ok(()),
    }
}
