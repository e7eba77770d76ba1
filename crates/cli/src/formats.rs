//! Variables as text for other programs, quoted so that what they read is the value, byte for byte.

use documents::dotenv::Line;
use serde_json::Value;

use crate::arguments::{Format, Naming};
use crate::exit::{Failure, Kind, Outcome};
use crate::variables::Variable;
use crate::{confidant_format, output};

/// Why a pair cannot be a line for a shell or its like.
pub(crate) const NO_SHELL_NAME: &str =
    "cannot be a variable of a shell (letters, digits and _ in its name, no NUL in its value)";

/// A served service in one of these forms; `Format::Json` is all about it.
pub(crate) fn print(service: Value, format: Format, naming: &Naming) -> Outcome<String> {
    let strict = naming.strict;
    let for_shells = |service| {
        let mut all = naming.variables(service);
        all.leave_out_unless(Variable::fits_shell, NO_SHELL_NAME);
        all.settle(strict)
    };
    Ok(match format {
        Format::Json => output::pretty(&service)?,
        Format::Env => env(&for_shells(service)?)?,
        Format::Export => export(&for_shells(service)?),
        Format::Dotenv => dotenv(&for_shells(service)?),
        Format::Yaml => yaml(&naming.variables(service).settle(strict)?),
        Format::EnvExport => {
            confidant_format::env_export(service, naming.prefix.as_deref(), strict)?
        }
        Format::CredentialCombined => confidant_format::credential_combined(service)?,
    })
}

/// `NAME=value` lines with nothing quoted, as `env` prints them and `docker run --env-file` reads
/// them.
///
/// Errors: `Usage`, naming every variable whose value has several lines.
fn env(variables: &[Variable]) -> Outcome<String> {
    let long: Vec<_> = variables
        .iter()
        .filter(|variable| variable.expose().contains(['\n', '\r']))
        .map(|variable| variable.name.as_str())
        .collect();
    if !long.is_empty() {
        return Err(Failure::new(
            Kind::Usage,
            format!(
                "a line of this format cannot hold the line breaks in the value of {}",
                long.join(", ")
            ),
        )
        .hint("--format dotenv, export, yaml and json can"));
    }
    Ok(lines(variables, |name, value| format!("{name}={value}\n")))
}

/// `export NAME='value'` lines for a POSIX shell.
fn export(variables: &[Variable]) -> String {
    quoted(Line::Export, variables)
}

/// `NAME='value'` lines of a `.env` file.
fn dotenv(variables: &[Variable]) -> String {
    quoted(Line::Dotenv, variables)
}

fn quoted(line: Line, variables: &[Variable]) -> String {
    let variables = variables
        .iter()
        .map(|variable| (variable.name.as_str(), variable.expose()));
    let document = documents::dotenv::lines(line, variables);
    String::from_utf8_lossy(document.expose()).into_owned()
}

/// A YAML mapping of names to texts, the same in YAML 1.1 and 1.2.
fn yaml(variables: &[Variable]) -> String {
    if variables.is_empty() {
        return "{}\n".to_owned();
    }
    lines(variables, |name, value| {
        format!("{}: {}\n", yaml_text(name), yaml_text(value))
    })
}

fn lines(variables: &[Variable], line: impl Fn(&str, &str) -> String) -> String {
    variables
        .iter()
        .map(|variable| line(&variable.name, variable.expose()))
        .collect()
}

/// In double quotes, with everything escaped that is not plain ASCII: which other letters may stand
/// there, and which of them break a line, differs between the versions.
fn yaml_text(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            ' '..='~' => quoted.push(letter),
            letter => quoted.push_str(&format!("\\U{:08x}", u32::from(letter))),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::{Map, json};

    use super::*;
    use crate::variables::{self, Variables};

    fn variables(pairs: &[(String, String)]) -> Vec<Variable> {
        let pairs: Map<_, _> = pairs
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
        let service = json!({ "credentials": [{ "name": "c", "credential_pairs": pairs }] });
        Variables::of(service, &variables::Naming::AS_IS)
            .settle(true)
            .expect("no remarks")
    }

    fn one(value: &str) -> Vec<Variable> {
        variables(&[("k".to_owned(), value.to_owned())])
    }

    #[rstest]
    #[case::plain("plain", "'plain'", "'plain'")]
    #[case::empty("", "''", "''")]
    #[case::lines("a\nb\n", "'a\nb\n'", "'a\nb\n'")]
    #[case::apostrophe("it's", r"'it'\''s'", "\"it's\"")]
    #[case::both_quotes(r#"it's "x""#, r#"'it'\''s "x"'"#, r#"'it\'s "x"'"#)]
    #[case::dollar("$HOME `id`", "'$HOME `id`'", "'$HOME `id`'")]
    #[case::backslash(r"C:\dir", r"'C:\dir'", r"'C:\dir'")]
    #[case::backslash_at_the_end(r"dir\", r"'dir\'", r"'dir\\'")]
    #[case::two_backslashes(r"\\host", r"'\\host'", r"'\\\host'")]
    #[case::carriage_return("a\r\n'\"b", "'a\r\n'\\''\"b'", r#""a\r\n'\"b""#)]
    fn quotes(#[case] value: &str, #[case] in_a_shell: &str, #[case] in_dotenv: &str) {
        let variables = one(value);
        assert_eq!(export(&variables), format!("export k={in_a_shell}\n"));
        assert_eq!(dotenv(&variables), format!("k={in_dotenv}\n"));
    }

    #[test]
    fn yaml_escapes_all_that_is_not_plain_ascii() {
        assert_eq!(
            yaml(&one("a\"b\\c\n\té\u{2028}😀")),
            "\"k\": \"a\\\"b\\\\c\\n\\U00000009\\U000000e9\\U00002028\\U0001f600\"\n"
        );
        assert_eq!(yaml(&[]), "{}\n");
    }

    #[test]
    fn a_line_that_cannot_hold_a_value_is_refused_by_name() {
        assert_eq!(env(&one("a=b 'c' #d")).expect("one line"), "k=a=b 'c' #d\n");
        let failure = env(&one("kw-canary\nb")).expect_err("two lines");
        assert_eq!(failure.kind(), Kind::Usage);
        let told = failure.to_string();
        assert!(
            told.contains("value of k\n") && !told.contains("kw-canary"),
            "{told}"
        );
    }

    /// What `sh` has in its variables after it ran `script`.
    fn read_back(script: &str, names: &[&str]) -> Vec<Vec<u8>> {
        let mut script = script.to_owned();
        for name in names {
            script.push_str(&format!("printf '%s\\0' \"${name}\"\n"));
        }
        let mut shell = Command::new("sh")
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut stdin = shell.stdin.take().expect("stdin is piped");
        let writer = std::thread::spawn(move || stdin.write_all(script.as_bytes()));
        let output = shell.wait_with_output().expect("it ends");
        writer.join().expect("no panic").expect("it is read");
        assert!(output.status.success());
        let mut values: Vec<_> = output
            .stdout
            .split(|byte| *byte == 0)
            .map(<[u8]>::to_vec)
            .collect();
        assert_eq!(values.pop(), Some(Vec::new()), "each value ends with NUL");
        values
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_shell_reads_back_the_same_values(
            values in proptest::collection::vec(r#"([ -~]|['"\\$`\n\r\t!]|[^\x00])*"#, 1..20)
        ) {
            let pairs: Vec<_> = values
                .iter()
                .enumerate()
                .map(|(place, value)| (format!("kw_{place}"), value.clone()))
                .collect();
            let names: Vec<_> = pairs.iter().map(|(name, _)| name.as_str()).collect();
            let read = read_back(&export(&variables(&pairs)), &names);
            let wanted: Vec<_> = values.iter().map(|value| value.as_bytes().to_vec()).collect();
            prop_assert_eq!(read, wanted);
        }
    }
}
