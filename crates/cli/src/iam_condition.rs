//! One condition of a policy statement: whether a request meets it, and why. Pure.

use crate::iam_policy::{Facts, wildcard_match};

/// Whether something holds, as far as the known facts go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// It hangs on a fact that was not given, or on an operator that is not judged here.
    Unknown,
}

/// An operator, a condition key and the values wanted.
#[derive(Debug)]
pub(crate) struct Condition {
    operator: String,
    key: String,
    wanted: Vec<String>,
    /// Whether `${...}` in a wanted value is a variable.
    variables: bool,
}

/// How the values of a key with several values are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    One,
    Any,
    All,
}

/// What an operator compares.
#[derive(Clone, Copy)]
enum Comparison {
    Same,
    SameInAnyCase,
    Like,
    Number(fn(f64, f64) -> bool),
}

/// An operator that is judged here.
struct Operator {
    comparison: Comparison,
    /// It holds when no wanted value compares.
    negated: bool,
}

impl Condition {
    pub(crate) fn new(operator: &str, key: &str, wanted: Vec<String>, variables: bool) -> Self {
        Self {
            variables,
            operator: operator.to_owned(),
            key: key.to_owned(),
            wanted,
        }
    }

    /// Judges it, with a sentence that says why.
    pub(crate) fn judge(&self, facts: &Facts) -> (Met, String) {
        let (quantifier, rest) = match self.operator.split_once(':') {
            Some((word, rest)) if word.eq_ignore_ascii_case("ForAnyValue") => {
                (Quantifier::Any, rest)
            }
            Some((word, rest)) if word.eq_ignore_ascii_case("ForAllValues") => {
                (Quantifier::All, rest)
            }
            Some(_) => return self.unknown("an operator that is not known here"),
            None => (Quantifier::One, self.operator.as_str()),
        };
        let word = rest.to_ascii_lowercase();
        let (word, if_exists) = match word.strip_suffix("ifexists") {
            Some(word) => (word, true),
            None => (word.as_str(), false),
        };
        let Some(known) = facts.of(&self.key) else {
            return self.unknown("a fact that was not given");
        };
        if word == "null" {
            let absent = known.is_none();
            let met = self
                .wanted
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case("true") == absent);
            return self.told(met, known);
        }
        let Some(operator) = operator_named(word) else {
            return self.unknown("an operator that is not judged here");
        };
        let wanted: Option<Vec<String>> = self
            .wanted
            .iter()
            .map(|wanted| {
                if self.variables {
                    with_variables(wanted, facts)
                } else {
                    Some(wanted.clone())
                }
            })
            .collect();
        let Some(wanted) = wanted else {
            return self.unknown("a policy variable that was not given");
        };
        let met = match known {
            // What is not there is unlike everything.
            None => match quantifier {
                Quantifier::One => if_exists || operator.negated,
                Quantifier::All => true,
                Quantifier::Any => if_exists,
            },
            Some(held) => {
                let one = |held: &String| {
                    let compares = wanted.iter().any(|wanted| operator.compares(held, wanted));
                    compares != operator.negated
                };
                match quantifier {
                    Quantifier::Any => held.iter().any(one),
                    Quantifier::One | Quantifier::All => held.iter().all(one),
                }
            }
        };
        self.told(met, known)
    }

    fn told(&self, met: bool, known: Option<&[String]>) -> (Met, String) {
        let has = match known {
            None if self.key.eq_ignore_ascii_case("aws:MultiFactorAuthPresent") => {
                "none: long-term access keys never have it, temporary credentials do".to_owned()
            }
            None => "none".to_owned(),
            Some(values) => quoted(values),
        };
        let told = format!(
            "{} {} wants {}, the request has {has}{}",
            self.operator,
            self.key,
            quoted(&self.wanted),
            if self.variables || !self.wanted.iter().any(|wanted| wanted.contains("${")) {
                ""
            } else {
                "; without \"Version\": \"2012-10-17\" in the policy ${...} is plain text"
            }
        );
        (if met { Met::Yes } else { Met::No }, told)
    }

    fn unknown(&self, what: &str) -> (Met, String) {
        let told = format!("{} {} hangs on {what}", self.operator, self.key);
        (Met::Unknown, told)
    }
}

impl Operator {
    fn compares(&self, held: &str, wanted: &str) -> bool {
        match self.comparison {
            Comparison::Same => held == wanted,
            Comparison::SameInAnyCase => held.to_lowercase() == wanted.to_lowercase(),
            Comparison::Like => wildcard_match(wanted, held),
            Comparison::Number(compare) => match (held.parse(), wanted.parse()) {
                (Ok(held), Ok(wanted)) => compare(held, wanted),
                _ => false,
            },
        }
    }
}

/// Whether AWS knows an operator of this name.
pub(crate) fn is_operator(name: &str) -> bool {
    let rest = match name.split_once(':') {
        Some((word, rest)) => {
            if !["forallvalues", "foranyvalue"].contains(&word.to_ascii_lowercase().as_str()) {
                return false;
            }
            rest
        }
        None => name,
    };
    let word = rest.to_ascii_lowercase();
    let word = word.strip_suffix("ifexists").unwrap_or(&word);
    word == "null" || operator_named(word).is_some() || NOT_JUDGED.contains(&word)
}

/// Operators about times, addresses and bytes, of which a token's maker knows little beforehand.
const NOT_JUDGED: &[&str] = &[
    "dateequals",
    "datenotequals",
    "datelessthan",
    "datelessthanequals",
    "dategreaterthan",
    "dategreaterthanequals",
    "binaryequals",
    "ipaddress",
    "notipaddress",
];

/// The operator of a name in lower case, without `ForAllValues:` and `IfExists`.
fn operator_named(word: &str) -> Option<Operator> {
    let (comparison, negated) = match word {
        "stringequals" => (Comparison::Same, false),
        "stringnotequals" => (Comparison::Same, true),
        "stringequalsignorecase" | "bool" => (Comparison::SameInAnyCase, false),
        "stringnotequalsignorecase" => (Comparison::SameInAnyCase, true),
        "stringlike" | "arnlike" | "arnequals" => (Comparison::Like, false),
        "stringnotlike" | "arnnotlike" | "arnnotequals" => (Comparison::Like, true),
        "numericequals" => (Comparison::Number(|held, wanted| held == wanted), false),
        "numericnotequals" => (Comparison::Number(|held, wanted| held == wanted), true),
        "numericlessthan" => (Comparison::Number(|held, wanted| held < wanted), false),
        "numericlessthanequals" => (Comparison::Number(|held, wanted| held <= wanted), false),
        "numericgreaterthan" => (Comparison::Number(|held, wanted| held > wanted), false),
        "numericgreaterthanequals" => (Comparison::Number(|held, wanted| held >= wanted), false),
        _ => return None,
    };
    Some(Operator {
        comparison,
        negated,
    })
}

/// A wanted value with its `${variables}` put in; `None` when one is not known.
fn with_variables(wanted: &str, facts: &Facts) -> Option<String> {
    let mut whole = String::new();
    let mut rest = wanted;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}')?;
        whole.push_str(before);
        match name {
            "*" | "?" | "$" => whole.push_str(name),
            name => match facts.of(name) {
                Some(Some([value])) => whole.push_str(value),
                _ => return None,
            },
        }
        rest = behind;
    }
    whole.push_str(rest);
    Some(whole)
}

fn quoted(values: &[String]) -> String {
    let quoted: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
    quoted.join(" or ")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn facts() -> Facts {
        let mut facts = Facts::default();
        facts.set("kms:EncryptionContext:from", vec!["web".to_owned()]);
        facts.set(
            "kms:EncryptionContextKeys",
            vec!["from".to_owned(), "to".to_owned()],
        );
        facts.set("aws:username", vec!["web".to_owned()]);
        facts.set("aws:MultiFactorAuthAge", vec!["600".to_owned()]);
        facts.absent("aws:MultiFactorAuthPresent");
        facts
    }

    const FROM: &str = "kms:EncryptionContext:from";
    const TYPE: &str = "kms:EncryptionContext:user_type";
    const KEYS: &str = "kms:EncryptionContextKeys";
    const AGE: &str = "aws:MultiFactorAuthAge";
    const MFA: &str = "aws:MultiFactorAuthPresent";

    #[rstest]
    #[case::equal("StringEquals", FROM, &["db", "web"], Met::Yes)]
    #[case::key_in_other_case("StringEquals", "KMS:encryptioncontext:FROM", &["web"], Met::Yes)]
    #[case::value_in_other_case("StringEquals", FROM, &["Web"], Met::No)]
    #[case::any_case("StringEqualsIgnoreCase", FROM, &["WEB"], Met::Yes)]
    #[case::unequal("StringNotEquals", FROM, &["db"], Met::Yes)]
    #[case::not_unequal("StringNotEquals", FROM, &["db", "web"], Met::No)]
    #[case::like("StringLike", FROM, &["w*"], Met::Yes)]
    #[case::not_like("StringNotLike", FROM, &["w*"], Met::No)]
    #[case::absent("StringEquals", TYPE, &["service"], Met::No)]
    #[case::absent_if_exists("StringEqualsIfExists", TYPE, &["service"], Met::Yes)]
    #[case::absent_negated("StringNotEquals", TYPE, &["service"], Met::Yes)]
    #[case::all_of_them("ForAllValues:StringEquals", KEYS, &["from", "to", "user_type"], Met::Yes)]
    #[case::one_too_many("ForAllValues:StringEquals", KEYS, &["from"], Met::No)]
    #[case::any_of_them("ForAnyValue:StringEquals", KEYS, &["user_type", "to"], Met::Yes)]
    #[case::none_of_them("ForAnyValue:StringEquals", KEYS, &["user_type"], Met::No)]
    #[case::all_of_nothing("ForAllValues:StringEquals", TYPE, &["x"], Met::Yes)]
    #[case::any_of_nothing("ForAnyValue:StringEquals", TYPE, &["x"], Met::No)]
    #[case::null("Null", TYPE, &["true"], Met::Yes)]
    #[case::not_null("Null", FROM, &["true"], Met::No)]
    #[case::null_false("Null", FROM, &["false"], Met::Yes)]
    #[case::young("NumericLessThan", AGE, &["3600"], Met::Yes)]
    #[case::old("NumericLessThan", AGE, &["300"], Met::No)]
    #[case::mfa("Bool", MFA, &["true"], Met::No)]
    #[case::mfa_if_exists("BoolIfExists", MFA, &["true"], Met::Yes)]
    #[case::variable("StringEquals", FROM, &["${aws:username}"], Met::Yes)]
    #[case::unknown_variable("StringEquals", FROM, &["${aws:userid}"], Met::Unknown)]
    #[case::unknown_fact("StringEquals", "aws:SourceVpc", &["vpc-1"], Met::Unknown)]
    #[case::unknown_operator("DateLessThan", FROM, &["2020-01-01"], Met::Unknown)]
    #[case::unknown_quantifier("ForSome:StringEquals", FROM, &["web"], Met::Unknown)]
    #[case::any_of_nothing_negated("ForAnyValue:StringNotEquals", TYPE, &["x"], Met::No)]
    #[case::all_unequal("ForAllValues:StringNotEquals", KEYS, &["user_type"], Met::Yes)]
    #[case::one_unequal("ForAnyValue:StringNotEquals", KEYS, &["from"], Met::Yes)]
    #[case::mfa_false("Bool", MFA, &["false"], Met::No)]
    #[case::mfa_false_if_exists("BoolIfExists", MFA, &["false"], Met::Yes)]
    #[case::no_mfa("Null", MFA, &["true"], Met::Yes)]
    #[case::old_if_exists("NumericLessThanIfExists", AGE, &["300"], Met::No)]
    #[case::at_the_limit("NumericLessThanEquals", AGE, &["600"], Met::Yes)]
    #[case::no_number("NumericLessThan", AGE, &["an hour"], Met::No)]
    fn is_judged_as_aws_documents_it(
        #[case] operator: &str,
        #[case] key: &str,
        #[case] wanted: &[&str],
        #[case] expected: Met,
    ) {
        let wanted = wanted.iter().map(|wanted| (*wanted).to_owned()).collect();
        let (met, why) = Condition::new(operator, key, wanted, true).judge(&facts());
        assert_eq!(met, expected, "{why}");
    }

    #[rstest]
    #[case("StringEquals", true)]
    #[case("ForAllValues:StringLikeIfExists", true)]
    #[case("boolifexists", true)]
    #[case("Null", true)]
    #[case("IpAddress", true)]
    #[case("StringEqual", false)]
    #[case("ForEachValue:StringEquals", false)]
    #[case("BoolIfExist", false)]
    #[case("", false)]
    fn a_misspelt_operator_is_none(#[case] name: &str, #[case] expected: bool) {
        assert_eq!(is_operator(name), expected);
    }
}
