//! What a command prints for its user: to stdout, and nothing else goes there.

use std::io::{self, IsTerminal as _, Write};

use serde::Serialize;

use crate::exit::{Failure, Kind, Outcome};

/// Prints text, which ends its own lines.
pub(crate) fn text(text: &str) -> Outcome {
    bytes(text.as_bytes())
}

/// Prints bytes as they are.
pub(crate) fn bytes(bytes: &[u8]) -> Outcome {
    write(bytes)
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

/// Prints lines with names in them: as they are to a program, and to a terminal without letters that
/// would steer it.
pub(crate) fn lines(text: &str) -> Outcome {
    if io::stdout().is_terminal() {
        return write(harmless(text).as_bytes());
    }
    write(text.as_bytes())
}

/// Tells of something on standard error, with no name before it; to a terminal as [`lines`].
pub(crate) fn told(text: &str) {
    let mut err = io::stderr().lock();
    let _nobody_reads = if err.is_terminal() {
        writeln!(err, "{}", harmless(text))
    } else {
        writeln!(err, "{text}")
    };
}

/// Lines stay lines.
fn harmless(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\n' => letter,
            _ if letter.is_control() => '\u{fffd}',
            _ => letter,
        })
        .collect()
}

fn write(bytes: &[u8]) -> Outcome {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_steer_a_terminal() {
        assert_eq!(
            harmless("a\u{1b}[2J\u{7}é\nb\r"),
            "a\u{fffd}[2J\u{fffd}é\nb\u{fffd}"
        );
    }
}
