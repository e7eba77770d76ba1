//! `keepward stash exec`: a command with secrets in its environment, and nowhere else.

use std::collections::BTreeMap;

use documents::dotenv::variable;
use secrecy::SecretString;

use crate::client::printable;
use crate::exec_command::become_command;
use crate::exit::{Failure, Kind, Outcome};
use crate::stash::arguments::{Exec, Repair};
use crate::stash::names::matching_any;
use crate::stash::newest_values::Newest;
use crate::stash::session::Session;
use crate::variables::Variable;

/// Becomes the command.
///
/// Errors: `NoSuchCommand`, `CannotRun` as `env`.
pub(super) fn run(asked: &Exec, variables: &[Variable]) -> Outcome {
    let (program, arguments) = asked
        .command
        .split_first()
        .ok_or_else(|| Failure::new(Kind::Usage, "there is no command after --"))?;
    Err(become_command(
        program,
        arguments,
        asked.pristine,
        variables,
    ))
}

/// The secrets as variables, complete or not at all.
///
/// Errors: `Conflict` for two secrets of one variable and for values that no environment holds.
pub(super) async fn variables(session: &Session, asked: &Exec) -> Outcome<Vec<Variable>> {
    let wanted = matching_any(&asked.patterns);
    let newest = Newest::read(session, &wanted, Repair::default()).await?;
    newest.complete()?;
    if newest.values.is_empty() && !asked.patterns.is_empty() {
        let patterns = printable(&asked.patterns.join(", "));
        return Err(Failure::new(
            Kind::NotFound,
            format!("no secret matches {patterns}"),
        ));
    }
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    let mut variables = Vec::new();
    for (record, value) in &newest.values {
        let secret = record.name.as_str();
        let name = name(secret, asked)?;
        if steers_the_loader(&name) {
            return Err(Failure::new(
                Kind::Conflict,
                format!(
                    "{} would be the variable {name}, which says what code a program loads",
                    printable(secret)
                ),
            )
            .hint("a pattern leaves it out; --prefix puts something before each name"));
        }
        if let Some(first) = owners.insert(name.clone(), secret) {
            let (first, second) = (printable(first), printable(secret));
            return Err(Failure::new(
                Kind::Conflict,
                format!("{first} and {second} would both be the variable {name}"),
            )
            .hint("a pattern leaves one out"));
        }
        let text = match str::from_utf8(value.expose()) {
            Ok(text) if !text.contains('\0') => text,
            _ => {
                let secret = printable(secret);
                return Err(Failure::new(
                    Kind::Conflict,
                    format!(
                        "no environment holds the value of {secret}: it is not text, or has a NUL"
                    ),
                )
                .hint("a pattern leaves it out; `keepward stash get --out` writes it to a file"));
            }
        };
        variables.push(Variable::new(name, SecretString::from(text), secret));
    }
    Ok(variables)
}

/// Whoever may write a secret must not so be able to run code where secrets are used.
fn steers_the_loader(variable: &str) -> bool {
    variable == "PATH" || variable.starts_with("LD_") || variable.starts_with("DYLD_")
}

fn name(secret: &str, asked: &Exec) -> Outcome<String> {
    let stripped = asked
        .strip_prefix
        .as_deref()
        .and_then(|prefix| secret.strip_prefix(prefix))
        .unwrap_or(secret);
    let prefix = asked.prefix.as_deref().unwrap_or_default();
    variable(&format!("{prefix}{stripped}")).map_err(|_| {
        Failure::new(
            Kind::Conflict,
            format!(
                "no variable can have the name of {}: it needs a letter, a digit or _",
                printable(secret)
            ),
        )
        .hint("--prefix puts something before it")
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn asked(strip_prefix: Option<&str>, prefix: Option<&str>) -> Exec {
        Exec {
            patterns: vec![],
            strip_prefix: strip_prefix.map(str::to_owned),
            prefix: prefix.map(str::to_owned),
            pristine: false,
            command: vec![],
        }
    }

    #[rstest]
    #[case::made_valid("app/db.password", None, None, Some("APP_DB_PASSWORD"))]
    #[case::stripped("app/db.password", Some("app/"), None, Some("DB_PASSWORD"))]
    #[case::another_prefix("web/x", Some("app/"), None, Some("WEB_X"))]
    #[case::prefixed("x", None, Some("app_"), Some("APP_X"))]
    #[case::digit_first("1st", None, None, Some("_1ST"))]
    #[case::nothing_left("app/", Some("app/"), None, None)]
    #[case::letters_beyond_ascii("ключ", None, None, None)]
    fn a_secret_has_one_variable_or_none(
        #[case] secret: &str,
        #[case] strip: Option<&str>,
        #[case] prefix: Option<&str>,
        #[case] expected: Option<&str>,
    ) {
        let name = name(secret, &asked(strip, prefix));
        assert_eq!(name.ok().as_deref(), expected);
    }
}
