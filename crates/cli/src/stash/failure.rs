//! Errors of a stash for a person at a terminal: what happened, and what to do next.

use std::path::PathBuf;

use keep::{About, EncryptionContext, KeyError, TableError};
use serde_json::json;
use stash::{Error, Numbering, Record};

use crate::client::printable;
use crate::exit::{Failure, Kind};

/// What was worked on, for messages.
#[derive(Clone, Debug)]
pub(super) struct Where {
    pub(super) table: String,
    /// As named on the command line.
    pub(super) region: Option<String>,
    /// The folder in place of AWS.
    pub(super) local: Option<PathBuf>,
    /// Only bound rows are taken.
    pub(super) strict: bool,
}

/// An error that concerns this row: names the pairs that the row asks for.
pub(super) fn of_row(
    error: &Error,
    record: &Record,
    given: &EncryptionContext,
    place: &Where,
) -> Failure {
    let failure = of(error, place);
    let does_not_open = matches!(
        error,
        Error::Key {
            source: KeyError::DoesNotOpen,
            ..
        }
    );
    if !does_not_open {
        return failure;
    }
    let failure = failure.about(&printable(&record.place().to_string()));
    let named = &record.sealed.context_names;
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !name.starts_with("keepward:") && given.get(name).is_none())
        .map(|name| format!("--context {}=...", printable(name)))
        .collect();
    match missing.is_empty() {
        true => failure,
        false => failure.hint_too(&format!(
            "the row says that it was sealed with {}",
            missing.join(" ")
        )),
    }
}

/// Any error.
pub(super) fn of(error: &Error, place: &Where) -> Failure {
    let says = |kind| Failure::new(kind, told(error));
    match error {
        Error::NotFound(_) => says(Kind::NotFound).hint("`keepward stash list` names those that there are"),
        Error::Taken { .. } => {
            says(Kind::Conflict).hint("without --version the value becomes the next version")
        }
        Error::NoNextVersion { newest, .. } => {
            says(Kind::Conflict).hint(match Numbering::of(newest) {
                Numbering::Text => "--version names it; a number sorts before a text, which is read until it is deleted",
                _ => "`keepward stash migrate` pads the versions, so that the next one can be counted",
            })
        }
        Error::Damaged { .. }
        | Error::UnknownAlgorithm { .. }
        | Error::UnknownDigest { .. }
        | Error::Forged { .. }
        | Error::WrongKey { .. } => says(Kind::Conflict)
            .hint("an older version may be whole: `keepward stash versions`; `keepward stash doctor` looks at all rows"),
        Error::TooBusy(_) => says(Kind::Conflict).hint("run this again"),
        Error::Table { operation, source } => of_table(operation, source, place),
        Error::Key { operation, source } => of_keys(operation, source, place),
    }
}

fn of_table(operation: &str, error: &TableError, place: &Where) -> Failure {
    let table = printable(&place.table);
    let says = |kind| Failure::new(kind, format!("table {table}: {}", told(error)));
    match error {
        TableError::NoSuchTable(_) => {
            Failure::new(Kind::NotFound, format!("there is no table {table}"))
                .hint("--table and --region name another one; `keepward stash setup` makes it")
        }
        TableError::Denied(about) => denied(about, &table_arn(place)),
        TableError::Throttled => says(Kind::Unavailable)
            .hint("the table has too few capacity units; --concurrency asks for less at a time"),
        TableError::Unavailable(why) => unavailable(says(Kind::Unavailable), why),
        TableError::Conflict | TableError::ConditionFailed(_) => {
            says(Kind::Conflict).hint("somebody else wrote at the same time; run this again")
        }
        TableError::Ambiguous(_) => says(Kind::Unavailable)
            .hint("`keepward stash versions` shows whether it happened, before this is run again"),
        TableError::Limit(_) => says(Kind::Usage).hint(
            "DynamoDB holds 400 KB a row, and the legacy form takes a third more than the value",
        ),
        TableError::Invalid(_) => {
            Failure::new(Kind::Internal, format!("{operation}: {}", told(error)))
        }
    }
}

fn of_keys(operation: &str, error: &KeyError, place: &Where) -> Failure {
    let says = |kind| Failure::new(kind, told(error));
    match error {
        KeyError::DoesNotOpen if place.strict => says(Kind::Denied).hint(
            "--strict takes rows that are bound to their name and version only, and under the pairs they were \
             sealed with: --context NAME=VALUE; `keepward stash rewrap --bind` binds rows",
        ),
        KeyError::DoesNotOpen => says(Kind::Denied).hint(
            "a value opens under the pairs it was sealed with: give each with --context NAME=VALUE",
        ),
        KeyError::NoSuchKey(_) => says(Kind::NotFound).hint(match (operation, place.local.is_some()) {
            ("Decrypt", _) => "the key that the row is under is gone, or in another region: --kms-region names it",
            (_, true) => "`keyring:<id>` names a key of the keyring, every other name its newest one",
            (_, false) => "--key-id names the key (alias, id or ARN), --kms-region its region",
        }),
        KeyError::Unusable(_) => {
            says(Kind::Unavailable).hint("enable the key again, or cancel its deletion")
        }
        KeyError::Denied(about) => denied(about, &format!("arn:aws:kms:{}:*:key/*", region(place))),
        KeyError::Throttled => {
            says(Kind::Unavailable).hint("--concurrency asks for less at a time")
        }
        KeyError::Unavailable(why) => unavailable(says(Kind::Unavailable), why),
    }
}

/// Not reached; where that is for want of credentials, says what gives them.
fn unavailable(failure: Failure, why: &str) -> Failure {
    match why.contains("credential") {
        false => failure,
        true => failure.hint(
            "AWS_ACCESS_KEY_ID, --profile or the role of the machine give credentials of AWS; --local needs none",
        ),
    }
}

/// In one line.
fn told(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    printable(&lines.join(" "))
}

/// AWS refused: names the statement to add, where the rights were lacking.
fn denied(about: &About, resource: &str) -> Failure {
    let action = about.as_str();
    if action.contains(' ') || !action.contains(':') {
        return Failure::new(
            Kind::Denied,
            format!("AWS refuses the credentials: {}", printable(action)),
        )
        .hint(
            "`aws sts get-caller-identity` shows whose they are; --profile and --role name others",
        );
    }
    let statement = json!({ "Effect": "Allow", "Action": action, "Resource": resource });
    Failure::new(Kind::Denied, format!("missing permission {action}")).hint(format!(
        "add this statement to the caller's policy:\n  {statement}"
    ))
}

fn table_arn(place: &Where) -> String {
    format!(
        "arn:aws:dynamodb:{}:*:table/{}",
        region(place),
        printable(&place.table)
    )
}

fn region(place: &Where) -> &str {
    place.region.as_deref().unwrap_or("*")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use stash::Version;

    use super::*;

    fn place() -> Where {
        Where {
            table: "credential-store".to_owned(),
            region: Some("eu-west-1".to_owned()),
            local: None,
            strict: false,
        }
    }

    fn key(operation: &'static str, source: KeyError) -> Error {
        Error::Key { operation, source }
    }

    fn table(source: TableError) -> Error {
        Error::Table {
            operation: "Query",
            source,
        }
    }

    fn unpadded() -> Error {
        Error::NoNextVersion {
            name: "db".parse().expect("a name"),
            newest: Version::stored("9"),
        }
    }

    #[rstest]
    #[case::another_context(
        key("Decrypt", KeyError::DoesNotOpen),
        Kind::Denied,
        "--context NAME=VALUE"
    )]
    #[case::no_key(key("GenerateDataKey", KeyError::NoSuchKey("alias/x".into())), Kind::NotFound, "--key-id")]
    #[case::gone_key(key("Decrypt", KeyError::NoSuchKey("key/1".into())), Kind::NotFound, "--kms-region")]
    #[case::disabled_key(
        key("Decrypt", KeyError::Unusable("DisabledException: key/1 is disabled.".to_owned())),
        Kind::Unavailable,
        "key/1 is disabled.\n  enable the key again"
    )]
    #[case::doomed_key(
        key("Decrypt", KeyError::Unusable("KMSInvalidStateException: key/1 is pending deletion.".to_owned())),
        Kind::Unavailable,
        "cancel its deletion"
    )]
    #[case::no_right_to_a_key(
        key("Decrypt", KeyError::Denied("kms:Decrypt".into())),
        Kind::Denied,
        r#"{"Effect":"Allow","Action":"kms:Decrypt","Resource":"arn:aws:kms:eu-west-1:*:key/*"}"#
    )]
    #[case::no_right_to_the_table(
        table(TableError::Denied("dynamodb:Query".into())),
        Kind::Denied,
        r#""Resource":"arn:aws:dynamodb:eu-west-1:*:table/credential-store"}"#
    )]
    #[case::expired(
        table(TableError::Denied("dynamodb:Query (ExpiredTokenException)".into())),
        Kind::Denied,
        "aws sts get-caller-identity"
    )]
    #[case::no_table(table(TableError::NoSuchTable("t".into())), Kind::NotFound, "keepward stash setup")]
    #[case::no_credentials(table(TableError::Unavailable("no credentials\nin chain".into())), Kind::Unavailable, "no credentials in chain\n  AWS_ACCESS_KEY_ID")]
    #[case::in_doubt(table(TableError::Ambiguous("x".into())), Kind::Unavailable, "whether it happened")]
    #[case::unpadded(unpadded(), Kind::Conflict, "keepward stash migrate")]
    fn each_error_says_what_to_do(#[case] error: Error, #[case] kind: Kind, #[case] hint: &str) {
        let failure = of(&error, &place());
        assert_eq!(failure.kind(), kind);
        assert!(failure.to_string().contains(hint), "{failure}");
    }
}
