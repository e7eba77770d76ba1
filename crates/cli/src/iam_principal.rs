//! Whom a statement of a key policy is about. Pure.

use serde_json::{Map, Value};

use crate::iam_condition::Met;

/// The `Principal` of a statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    /// None: a policy of the caller's own.
    Caller,
    /// `*`.
    Everybody,
    /// ARNs and account numbers.
    Named(Vec<String>),
    /// AWS services or identity providers, which no client of ours is.
    NobodyOfOurs,
    /// `NotPrincipal`.
    AllBut,
}

impl Principal {
    /// Errors: what is wrong with it.
    pub(crate) fn read(statement: &Map<String, Value>) -> Result<Self, &'static str> {
        if statement.contains_key("NotPrincipal") {
            return Ok(Self::AllBut);
        }
        let names = match statement.get("Principal") {
            None => return Ok(Self::Caller),
            Some(Value::String(all)) if all == "*" => return Ok(Self::Everybody),
            Some(Value::Object(kinds)) => match kinds.get("AWS") {
                None => return Ok(Self::NobodyOfOurs),
                Some(Value::String(name)) => vec![name.clone()],
                Some(Value::Array(names)) => names
                    .iter()
                    .map(|name| name.as_str().map(str::to_owned))
                    .collect::<Option<_>>()
                    .ok_or("Principal holds something but texts")?,
                Some(_) => return Err("Principal holds something but texts"),
            },
            Some(_) => return Err("Principal is neither \"*\" nor an object"),
        };
        Ok(if names.iter().any(|name| name == "*") {
            Self::Everybody
        } else {
            Self::Named(names)
        })
    }

    /// Whether the statement is about `caller`, and why not, when it is not certain that it is.
    pub(crate) fn judge(&self, caller: Option<&str>, denies: bool) -> (Met, &'static str) {
        let names = match self {
            Self::Caller | Self::Everybody => return (Met::Yes, ""),
            Self::NobodyOfOurs => {
                return (
                    Met::No,
                    "its Principal is an AWS service or identity provider",
                );
            }
            Self::AllBut => return (Met::Unknown, "its NotPrincipal is not judged here"),
            Self::Named(names) => names,
        };
        let is_named = caller.is_some_and(|caller| names.iter().any(|name| name == caller));
        let whole_account = names.iter().any(|name| is_account(name));
        match caller {
            _ if is_named => (Met::Yes, ""),
            _ if whole_account && denies => (
                Met::Unknown,
                "its Principal is a whole account: it is about every caller of that account",
            ),
            _ if whole_account => (
                Met::Unknown,
                "its Principal is a whole account: the IAM policies of that account decide (give them as further --policy)",
            ),
            Some(_) => (Met::No, "its Principal does not name the caller"),
            None => (
                Met::Unknown,
                "it is about certain callers only (--principal ARN says who calls)",
            ),
        }
    }
}

/// `arn:aws:iam::111122223333:root`, or the number alone.
fn is_account(name: &str) -> bool {
    name.ends_with(":root") || (name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    const WEB: Option<&str> = Some("arn:aws:iam::111122223333:role/web");

    #[rstest]
    #[case::none(json!({}), None, Met::Yes)]
    #[case::everybody(json!({"Principal": "*"}), None, Met::Yes)]
    #[case::everybody_of_aws(json!({"Principal": {"AWS": "*"}}), None, Met::Yes)]
    #[case::caller(json!({"Principal": {"AWS": ["arn:aws:iam::111122223333:role/web"]}}), WEB, Met::Yes)]
    #[case::another(json!({"Principal": {"AWS": "arn:aws:iam::111122223333:role/api"}}), WEB, Met::No)]
    #[case::caller_not_told(json!({"Principal": {"AWS": "arn:aws:iam::111122223333:role/api"}}), None, Met::Unknown)]
    #[case::root(json!({"Principal": {"AWS": "arn:aws:iam::111122223333:root"}}), WEB, Met::Unknown)]
    #[case::account(json!({"Principal": {"AWS": "111122223333"}}), WEB, Met::Unknown)]
    #[case::service(json!({"Principal": {"Service": "s3.amazonaws.com"}}), WEB, Met::No)]
    #[case::all_but(json!({"NotPrincipal": {"AWS": "*"}}), WEB, Met::Unknown)]
    fn is_about_whom_it_names(
        #[case] statement: Value,
        #[case] caller: Option<&str>,
        #[case] expected: Met,
    ) {
        let principal = Principal::read(statement.as_object().unwrap()).unwrap();
        assert_eq!(principal.judge(caller, false).0, expected);
    }

    #[rstest]
    #[case::name(json!({"Principal": "web"}))]
    #[case::number(json!({"Principal": {"AWS": 1}}))]
    #[case::numbers(json!({"Principal": {"AWS": [1]}}))]
    fn what_is_no_principal_is_refused(#[case] statement: Value) {
        assert!(Principal::read(statement.as_object().unwrap()).is_err());
    }
}
