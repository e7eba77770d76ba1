//! `KEY=VALUE` words: encryption contexts and tags.

use keep::EncryptionContext;

use crate::faces::{Done, Fault};

/// The pairs of these words, each split at its first `=`, neither side empty.
///
/// Errors: a usage error that names the place and not the word, which can be a part of a value that was
/// typed without quotes.
pub(crate) fn pairs(words: &[String], argument: &str) -> Done<Vec<(String, String)>> {
    (1..)
        .zip(words)
        .map(|(place, word)| match word.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                Ok((key.to_owned(), value.to_owned()))
            }
            _ => Err(Fault::usage(format!(
                "argument {argument}: word {place} of them is not the form of \"key=value\""
            ))),
        })
        .collect()
}

/// The encryption context of these words; of equal keys the last one wins.
pub(crate) fn context(words: &[String]) -> Done<EncryptionContext> {
    Ok(EncryptionContext::new(pairs(words, "context")?))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_pair_is_split_at_its_first_equals_sign() {
        let words = ["a=b=c", "d=", "e=1"].map(str::to_owned);
        assert_eq!(
            pairs(&words[..1], "context"),
            Ok(vec![("a".to_owned(), "b=c".to_owned())])
        );
        assert!(pairs(&words, "context").is_err());
    }

    #[rstest]
    #[case::no_sign("hunter2")]
    #[case::no_key("=x")]
    #[case::no_value("x=")]
    #[case::nothing("")]
    fn another_word_is_refused_and_not_shown(#[case] word: &str) {
        let fault = context(&["a=1".to_owned(), word.to_owned()]).unwrap_err();
        assert!(fault.is_usage());
        assert_eq!(
            fault.to_string(),
            "argument context: word 2 of them is not the form of \"key=value\""
        );
    }
}
