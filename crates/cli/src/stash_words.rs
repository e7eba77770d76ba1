//! Why an operation on a stash failed, in the words of the two old tools (and so of AWS).

use keep::{KeyError, TableError};
use stash::Error;

use crate::faces::{Face, Fault};
use crate::python_text::repr;

/// The fault that this tool tells. `master` is the key that was to seal, where one was.
///
/// Source: spec/credsmash.md section 2.5; where the tools' own text names nothing, ours does.
pub(crate) fn fault(face: Face, error: &Error, master: &str) -> Fault {
    let words = || match error.aws() {
        Some(words) => words.to_string(),
        None => error.to_string(),
    };
    match error {
        Error::Key {
            operation: "Decrypt",
            source: KeyError::DoesNotOpen,
        } => Fault::new(CONTEXT),
        Error::Key {
            operation: "GenerateDataKey",
            ..
        } => {
            let text = format!("KMS ERROR: Could not generate key using KMS key {master}");
            match face {
                Face::Credsmash => Fault::new(text).hint(words()),
                Face::Credstash => Fault::new(format!("{text} (Details: {})", words())),
            }
        }
        Error::Key { .. } => Fault::new(format!("KMS ERROR: Decryption error {}", words())),
        Error::Forged { name, proof, .. } => Fault::new(format!(
            "INTEGRITY ERROR: Computed {proof} on {name} does not match stored {proof}"
        )),
        Error::UnknownDigest { digest, .. } => Fault::new(format!(
            "Could not find {digest} in cryptography.hazmat.primitives.hashes"
        )),
        Error::UnknownAlgorithm { algorithm, .. } => {
            Fault::new(format!("Unsupported algo: {algorithm}"))
        }
        Error::NoNextVersion { newest, .. } => uncountable(face, newest),
        Error::Table {
            source: TableError::NoSuchTable(table),
            ..
        } => Fault::new(words()).hint(format!(
            "there is no table {} in this account and region; {} makes one",
            // Some say more after the name.
            table.split(':').next().unwrap_or_default(),
            match face {
                Face::Credsmash => "setup-dynamodb",
                Face::Credstash => "setup",
            }
        )),
        _ => Fault::new(words()),
    }
}

/// No such item, or none of this version; `version` is shown as the tool shows it.
pub(crate) fn not_found(name: &str, version: Option<&str>) -> Fault {
    let version = version.map(|version| format!(", 'version': {version}"));
    Fault::new(format!(
        "Item {{'name': {}{}}} couldn't be found.",
        repr(name),
        version.unwrap_or_default()
    ))
}

fn uncountable(face: Face, newest: &stash::Version) -> Fault {
    if newest.number().is_some() {
        return Fault::new(format!(
            "Can not autoincrement version. The current version: {newest} is not padded, so a higher number \
             would not be newer"
        ))
        .hint("put the next one with -v and a version that sorts after it, or pad the stored versions first");
    }
    match face {
        Face::Credstash => Fault::new(format!(
            "Can not autoincrement version. The current version: {newest} is not an int"
        )),
        Face::Credsmash => Fault::new(format!("Could not unwrap as integer: {newest}"))
            .hint("no number comes after it: name the version with -v"),
    }
}

const CONTEXT: &str = "KMS ERROR: Could not decrypt hmac key with KMS. The encryption context provided may not match \
    the one used when the credential was stored.";

#[cfg(test)]
mod tests {
    use keep::About;
    use rstest::rstest;
    use stash::{SecretName, Version};

    use super::*;

    fn key(operation: &'static str, source: KeyError) -> Error {
        Error::Key { operation, source }
    }

    fn denied() -> KeyError {
        KeyError::Denied(About::from("kms:Decrypt").told("AccessDeniedException", "nope"))
    }

    fn name() -> SecretName {
        "db".parse().unwrap()
    }

    #[rstest]
    #[case::context(
        key("Decrypt", KeyError::DoesNotOpen),
        Face::Credstash,
        "KMS ERROR: Could not decrypt hmac key with KMS. The encryption context provided may not match the one used \
         when the credential was stored."
    )]
    #[case::decrypt(
        key("Decrypt", denied()),
        Face::Credsmash,
        "KMS ERROR: Decryption error An error occurred (AccessDeniedException) when calling the Decrypt operation: nope"
    )]
    #[case::generate_in_credsmash(
        key("GenerateDataKey", denied()),
        Face::Credsmash,
        "KMS ERROR: Could not generate key using KMS key alias/k\n  An error occurred (AccessDeniedException) when \
         calling the GenerateDataKey operation: nope"
    )]
    #[case::generate_in_credstash(
        key("GenerateDataKey", denied()),
        Face::Credstash,
        "KMS ERROR: Could not generate key using KMS key alias/k (Details: An error occurred (AccessDeniedException) \
         when calling the GenerateDataKey operation: nope)"
    )]
    #[case::forged(Error::Forged { name: name(), version: Version::of(1), proof: "HMAC" }, Face::Credstash,
        "INTEGRITY ERROR: Computed HMAC on db does not match stored HMAC")]
    #[case::taken(Error::Taken { name: name(), version: Version::of(1) }, Face::Credstash,
        "An error occurred (ConditionalCheckFailedException) when calling the PutItem operation: The conditional \
         request failed")]
    #[case::no_table(Error::Table { operation: "Scan", source: TableError::NoSuchTable("t".into()) }, Face::Credsmash,
        "An error occurred (ResourceNotFoundException) when calling the Scan operation: Requested resource not found\n  \
         there is no table t in this account and region; setup-dynamodb makes one")]
    #[case::text_version(Error::NoNextVersion { name: name(), newest: Version::padded("rel-1") }, Face::Credstash,
        "Can not autoincrement version. The current version: 00000000000000rel-1 is not an int")]
    #[case::text_version_in_credsmash(Error::NoNextVersion { name: name(), newest: Version::padded("rel-1") },
        Face::Credsmash, "Could not unwrap as integer: 00000000000000rel-1\n  no number comes after it: name the \
         version with -v")]
    fn a_failure_is_told_in_the_tools_words(
        #[case] error: Error,
        #[case] face: Face,
        #[case] text: &str,
    ) {
        assert_eq!(fault(face, &error, "alias/k").to_string(), text);
    }

    #[rstest]
    #[case::newest(None, "Item {'name': 'db'} couldn't be found.")]
    #[case::version(Some("9"), "Item {'name': 'db', 'version': 9} couldn't be found.")]
    fn what_is_not_there_is_shown_as_python_shows_it(
        #[case] version: Option<&str>,
        #[case] text: &str,
    ) {
        assert_eq!(not_found("db", version).to_string(), text);
    }
}
