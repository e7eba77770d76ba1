//! What an IAM or key policy says to one call, and which condition decides it. Pure.
//!
//! Source: AWS's reference of policy elements: "Condition operators", "Conditions with multiple
//! context keys or values", "Policy evaluation logic"; KMS's "Condition keys".

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::iam_condition::{Condition, Met, is_operator};
use crate::iam_json::{TWICE, WithoutTwins};
use crate::iam_principal::Principal;

/// One or more policies, read as one list of statements.
#[derive(Debug, Default)]
pub(crate) struct Policies(Vec<Statement>);

/// The call that is judged.
#[derive(Debug)]
pub(crate) struct Call {
    /// `kms:Encrypt` and the like.
    pub(crate) action: String,
    /// The ARN of the key; `None` when it is not known, and then every resource matches.
    pub(crate) key: Option<String>,
    /// The ARN of who calls, when it is known.
    pub(crate) principal: Option<String>,
    /// What is known of the request.
    pub(crate) facts: Facts,
}

/// Condition keys, in lower case, with their values; `None` for a key that is known to be absent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts(BTreeMap<String, Option<Vec<String>>>);

/// What the policies say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A statement allows the call, and none denies it.
    Allowed(String),
    /// A statement denies the call; says which, and why its conditions hold.
    Denied(Vec<String>),
    /// No statement allows it; says of each that comes near what keeps it from doing so.
    NotAllowed(Vec<String>),
    /// It hangs on facts that were not given; names them.
    Unknown(Vec<String>),
}

/// Why a text is no policy.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadPolicy {
    /// Longer than any policy that AWS takes.
    #[error("longer than {MAX_POLICY} bytes, which no policy is")]
    TooLong,
    /// Not JSON.
    #[error("not JSON: line {0}, column {1}")]
    NotJson(usize, usize),
    /// Of two equal names only one could count.
    #[error("a name comes twice in one object: line {0}, column {1}")]
    Twice(usize, usize),
    /// A part is not what it must be.
    #[error("{0}")]
    Shape(String),
}

#[derive(Debug)]
struct Statement {
    /// How to find it: its number, and its Sid when it has one.
    name: String,
    denies: bool,
    principal: Principal,
    actions: Patterns,
    resources: Patterns,
    conditions: Vec<Condition>,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Debug)]
struct Patterns {
    patterns: Vec<String>,
    negated: bool,
}

impl Policies {
    /// Reads a policy document, plain or as the AWS command line wraps it, behind those read before.
    /// `prefix` stands before the names of its statements.
    pub(crate) fn read(&mut self, text: &[u8], prefix: &str) -> Result<(), BadPolicy> {
        if text.len() > MAX_POLICY {
            return Err(BadPolicy::TooLong);
        }
        let whole: Value = json(text)?;
        let document = unwrapped(whole)?;
        let statements = match document.get("Statement") {
            Some(Value::Array(statements)) => statements.as_slice(),
            Some(one @ Value::Object(_)) => std::slice::from_ref(one),
            _ => return Err(shape("there is no Statement")),
        };
        // Before this version `${...}` is plain text.
        let variables = document.get("Version").and_then(Value::as_str) == Some("2012-10-17");
        for (at, statement) in statements.iter().enumerate() {
            let mut statement = Statement::read(at + 1, statement, variables)?;
            statement.name.insert_str(0, prefix);
            self.0.push(statement);
        }
        Ok(())
    }

    /// Judges a call: a denial beats every permission, and without a permission nothing goes.
    pub(crate) fn judge(&self, call: &Call) -> Verdict {
        let judged: Vec<_> = self
            .0
            .iter()
            .filter(|statement| statement.actions.match_action(&call.action))
            .map(|statement| (statement, statement.judge(call)))
            .collect();
        let of = |denies: bool, wanted: Met| {
            judged
                .iter()
                .filter(move |(statement, (met, _))| statement.denies == denies && *met == wanted)
        };
        let reasons = |denies, wanted| -> Vec<String> {
            of(denies, wanted)
                .map(|(statement, (met, why))| statement.told(*met, why))
                .collect()
        };
        let denied = reasons(true, Met::Yes);
        if !denied.is_empty() {
            return Verdict::Denied(denied);
        }
        let perhaps_denied = reasons(true, Met::Unknown);
        match of(false, Met::Yes).next() {
            Some((statement, _)) if perhaps_denied.is_empty() => {
                Verdict::Allowed(statement.name.clone())
            }
            Some(_) => Verdict::Unknown(perhaps_denied),
            None => {
                let perhaps = reasons(false, Met::Unknown);
                if perhaps.is_empty() {
                    Verdict::NotAllowed(reasons(false, Met::No))
                } else {
                    Verdict::Unknown(perhaps)
                }
            }
        }
    }
}

impl Statement {
    fn read(number: usize, statement: &Value, variables: bool) -> Result<Self, BadPolicy> {
        let statement = statement
            .as_object()
            .ok_or_else(|| shape(&format!("statement {number} is no object")))?;
        let name = match statement.get("Sid").and_then(Value::as_str) {
            Some(sid) if !sid.is_empty() => format!("statement {number} ({sid})"),
            _ => format!("statement {number}"),
        };
        let denies = match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => false,
            Some("Deny") => true,
            _ => return Err(shape(&format!("{name}: Effect is neither Allow nor Deny"))),
        };
        let mut conditions = Vec::new();
        match statement.get("Condition") {
            None => {}
            Some(Value::Object(operators)) => {
                for (operator, keys) in operators {
                    if !is_operator(operator) {
                        return Err(shape(&format!(
                            "{name}: there is no condition operator {operator:?}"
                        )));
                    }
                    let keys = keys.as_object().ok_or_else(|| {
                        shape(&format!("{name}: the condition {operator} is no object"))
                    })?;
                    for (key, values) in keys {
                        let values = texts(values).ok_or_else(|| {
                            shape(&format!(
                                "{name}: the values of {operator} {key} are no texts"
                            ))
                        })?;
                        conditions.push(Condition::new(operator, key, values, variables));
                    }
                }
            }
            Some(_) => return Err(shape(&format!("{name}: Condition is no object"))),
        }
        Ok(Self {
            principal: Principal::read(statement)
                .map_err(|what| shape(&format!("{name}: {what}")))?,
            actions: Patterns::read(&name, statement, "Action")?
                .ok_or_else(|| shape(&format!("{name}: there is no Action")))?,
            // A trust policy has none; then it is about whatever it is attached to.
            resources: Patterns::read(&name, statement, "Resource")?.unwrap_or(Patterns {
                patterns: vec!["*".to_owned()],
                negated: false,
            }),
            name,
            denies,
            conditions,
        })
    }

    /// Whether the statement holds for a call to which its action applies, and why.
    fn judge(&self, call: &Call) -> (Met, Vec<String>) {
        if let Some(key) = &call.key
            && !self.resources.match_resource(key)
        {
            return (
                Met::No,
                vec![format!(
                    "its Resource does not cover {key} (a policy names the key's ARN, never its alias)"
                )],
            );
        }
        let about_caller = self.principal.judge(call.principal.as_deref(), self.denies);
        let judged: Vec<_> = std::iter::once((about_caller.0, about_caller.1.to_owned()))
            .filter(|(met, _)| *met != Met::Yes)
            .chain(
                self.conditions
                    .iter()
                    .map(|condition| condition.judge(&call.facts)),
            )
            .collect();
        let met = match &judged {
            judged if judged.iter().any(|(met, _)| *met == Met::No) => Met::No,
            judged if judged.iter().any(|(met, _)| *met == Met::Unknown) => Met::Unknown,
            _ => Met::Yes,
        };
        let why = judged
            .into_iter()
            .filter(|(one, _)| *one == met)
            .map(|(_, why)| why)
            .collect();
        (met, why)
    }

    fn told(&self, met: Met, why: &[String]) -> String {
        let (name, why) = (&self.name, why.join("; "));
        match (self.denies, met) {
            (true, Met::Yes) if why.is_empty() => format!("{name} denies it, whatever the request"),
            (true, Met::Yes) => format!("{name} denies it: {why}"),
            (true, _) => format!("{name} may deny it: {why}"),
            (false, Met::No) => format!("{name} would allow it, but {why}"),
            (false, _) => format!("{name} may allow it: {why}"),
        }
    }
}

impl Patterns {
    fn read(
        name: &str,
        statement: &Map<String, Value>,
        element: &str,
    ) -> Result<Option<Self>, BadPolicy> {
        let negation = format!("Not{element}");
        let (values, negated) = match (statement.get(element), statement.get(&negation)) {
            (Some(values), None) => (values, false),
            (None, Some(values)) => (values, true),
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                return Err(shape(&format!("{name}: both {element} and {negation}")));
            }
        };
        let patterns = texts(values)
            .ok_or_else(|| shape(&format!("{name}: {element} holds something but texts")))?;
        Ok(Some(Self { patterns, negated }))
    }

    /// Actions are the same in any case.
    fn match_action(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let found = self
            .patterns
            .iter()
            .any(|pattern| wildcard_match(&pattern.to_ascii_lowercase(), &action));
        found != self.negated
    }

    fn match_resource(&self, arn: &str) -> bool {
        let found = self
            .patterns
            .iter()
            .any(|pattern| wildcard_match(pattern, arn));
        found != self.negated
    }
}

impl Facts {
    /// Adds a key with its values.
    pub(crate) fn set(&mut self, key: &str, values: Vec<String>) {
        self.0.insert(key.to_ascii_lowercase(), Some(values));
    }

    /// Adds a key that the request does not have.
    pub(crate) fn absent(&mut self, key: &str) {
        self.0.insert(key.to_ascii_lowercase(), None);
    }

    /// `None` when nothing is known of the key, `Some(None)` when it is absent.
    ///
    /// Of the encryption context everything is known: what was not given is not in it.
    pub(crate) fn of(&self, key: &str) -> Option<Option<&[String]>> {
        let key = key.to_ascii_lowercase();
        match self.0.get(&key) {
            Some(values) => Some(values.as_deref()),
            None if key.starts_with(CONTEXT) => Some(None),
            None => None,
        }
    }
}

/// Whether `text` has the form of `pattern`, where `*` stands for any text and `?` for one letter.
///
/// Linear in space and, for the lengths that are allowed, quick: one way back to the last star.
pub(crate) fn wildcard_match(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(letter) if *letter == '?' || text.get(read) == Some(letter) => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((place, taken)) = star else {
                    return false;
                };
                star = Some((place, taken + 1));
                at = place + 1;
                read = taken + 1;
            }
        }
    }
    pattern
        .get(at..)
        .is_none_or(|rest| rest.iter().all(|letter| *letter == '*'))
}

fn json(text: &[u8]) -> Result<Value, BadPolicy> {
    match serde_json::from_slice(text) {
        Ok(WithoutTwins(value)) => Ok(value),
        Err(error) if error.to_string().starts_with(TWICE) => {
            Err(BadPolicy::Twice(error.line(), error.column()))
        }
        Err(error) => Err(BadPolicy::NotJson(error.line(), error.column())),
    }
}

/// The document itself, out of what `aws iam get-role-policy`, `get-policy-version` or
/// `aws kms get-key-policy` print.
fn unwrapped(whole: Value) -> Result<Map<String, Value>, BadPolicy> {
    let Value::Object(mut whole) = whole else {
        return Err(shape("a policy is a JSON object"));
    };
    if let Some(Value::Object(mut version)) = whole.shift_remove("PolicyVersion")
        && let Some(Value::Object(document)) = version.shift_remove("Document")
    {
        return Ok(document);
    }
    if let Some(Value::Object(document)) = whole.shift_remove("PolicyDocument") {
        return Ok(document);
    }
    if let Some(Value::String(text)) = whole.get("Policy") {
        return match json(text.as_bytes())? {
            Value::Object(document) => Ok(document),
            _ => Err(shape("a policy is a JSON object")),
        };
    }
    Ok(whole)
}

/// A text or a list of them; numbers and booleans are written as texts.
fn texts(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(held) => Some(held.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match value {
        Value::Array(values) => values.iter().map(one).collect(),
        value => one(value).map(|text| vec![text]),
    }
}

fn shape(told: &str) -> BadPolicy {
    BadPolicy::Shape(told.to_owned())
}

/// Key policies, the longest, have at most 32 KiB; the rest is white space and wrapping.
pub(crate) const MAX_POLICY: usize = 128 * 1024;
const CONTEXT: &str = "kms:encryptioncontext";

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/k";

    /// A token of `from` for `confidant`, with these facts beside.
    fn call(context: &[(&str, &str)], facts: &[(&str, &str)]) -> Call {
        let mut known = Facts::default();
        for (name, value) in context {
            known.set(
                &format!("kms:EncryptionContext:{name}"),
                vec![(*value).to_owned()],
            );
        }
        known.set(
            "kms:EncryptionContextKeys",
            context.iter().map(|(name, _)| (*name).to_owned()).collect(),
        );
        for (name, value) in facts {
            known.set(name, vec![(*value).to_owned()]);
        }
        Call {
            action: "kms:Encrypt".to_owned(),
            key: Some(KEY.to_owned()),
            principal: None,
            facts: known,
        }
    }

    fn judge(statements: Value, call: &Call) -> Verdict {
        let mut policies = Policies::default();
        policies
            .read(
                json!({ "Version": "2012-10-17", "Statement": statements })
                    .to_string()
                    .as_bytes(),
                "",
            )
            .unwrap();
        policies.judge(call)
    }

    const V2: &[(&str, &str)] = &[
        ("from", "web"),
        ("to", "confidant"),
        ("user_type", "service"),
    ];
    const V1: &[(&str, &str)] = &[("from", "web"), ("to", "confidant")];

    fn of_the_forum() -> Value {
        json!([{
            "Sid": "Tokens", "Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": KEY,
            "Condition": { "StringEquals": {
                "kms:EncryptionContext:from": "web", "kms:EncryptionContext:user_type": "service",
            }},
        }])
    }

    #[test]
    fn the_condition_that_a_token_without_user_type_fails_is_named() {
        assert_eq!(
            judge(of_the_forum(), &call(V2, &[])),
            Verdict::Allowed("statement 1 (Tokens)".to_owned())
        );
        let Verdict::NotAllowed(why) = judge(of_the_forum(), &call(V1, &[])) else {
            panic!("allowed")
        };
        assert_eq!(
            why,
            [
                "statement 1 (Tokens) would allow it, but StringEquals kms:EncryptionContext:user_type \
                 wants \"service\", the request has none"
            ]
        );
    }

    #[rstest]
    #[case::present("true", true)]
    #[case::not_present("false", false)]
    fn a_denial_without_mfa_beats_the_permission(#[case] mfa: &str, #[case] allowed: bool) {
        let policy = json!([
            { "Effect": "Allow", "Action": "kms:*", "Resource": "*" },
            { "Sid": "NoMfa", "Effect": "Deny", "Action": "*", "Resource": "*",
              "Condition": { "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } } },
        ]);
        let verdict = judge(policy, &call(V2, &[("aws:MultiFactorAuthPresent", mfa)]));
        if allowed {
            assert_eq!(verdict, Verdict::Allowed("statement 1".to_owned()));
        } else {
            let Verdict::Denied(why) = verdict else {
                panic!("not denied")
            };
            assert!(why[0].contains("NoMfa") && why[0].contains("MultiFactorAuthPresent"));
        }
    }

    #[test]
    fn what_hangs_on_an_unknown_fact_is_not_decided() {
        let policy = json!({ "Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*",
            "Condition": { "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } } });
        let Verdict::Unknown(why) = judge(policy, &call(V2, &[])) else {
            panic!("decided")
        };
        assert!(why[0].contains("aws:SourceIp"), "{why:?}");
        let denied = json!([
            { "Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*" },
            { "Effect": "Deny", "Action": "kms:Encrypt", "Resource": "*",
              "Condition": { "Bool": { "aws:MultiFactorAuthPresent": "false" } } },
        ]);
        assert!(matches!(judge(denied, &call(V2, &[])), Verdict::Unknown(_)));
    }

    #[rstest]
    #[case::other_key(json!({ "Effect": "Allow", "Action": "kms:Encrypt", "Resource": "arn:aws:kms:us-east-1:1:key/other" }), "Resource")]
    #[case::alias(json!({ "Effect": "Allow", "Action": "kms:Encrypt", "Resource": "arn:aws:kms:us-east-1:111122223333:alias/k" }), "never its alias")]
    fn a_resource_that_is_another_is_named(#[case] statement: Value, #[case] told: &str) {
        let Verdict::NotAllowed(why) = judge(statement, &call(V2, &[])) else {
            panic!("allowed")
        };
        assert!(why[0].contains(told), "{why:?}");
    }

    #[rstest]
    #[case::other_action(json!({ "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*" }))]
    #[case::not_action(json!({ "Effect": "Allow", "NotAction": "kms:En*", "Resource": "*" }))]
    #[case::none(json!([]))]
    fn without_a_statement_for_the_action_nothing_comes_near(#[case] statements: Value) {
        assert_eq!(
            judge(statements, &call(V2, &[])),
            Verdict::NotAllowed(vec![])
        );
    }

    #[rstest]
    #[case::role_policy(json!({ "RoleName": "r", "PolicyDocument": { "Statement": of_the_forum() } }))]
    #[case::policy_version(json!({ "PolicyVersion": { "Document": { "Statement": of_the_forum() } } }))]
    #[case::key_policy(json!({ "Policy": json!({ "Statement": of_the_forum() }).to_string(), "PolicyName": "default" }))]
    fn reads_what_the_aws_command_line_prints(#[case] document: Value) {
        let mut policies = Policies::default();
        policies.read(document.to_string().as_bytes(), "").unwrap();
        assert!(matches!(
            policies.judge(&call(V2, &[])),
            Verdict::Allowed(_)
        ));
    }

    #[rstest]
    #[case::not_json("{", BadPolicy::NotJson(1, 1))]
    #[case::list("[]", shape("a policy is a JSON object"))]
    #[case::no_statement("{}", shape("there is no Statement"))]
    #[case::effect(
        r#"{"Statement": {"Effect": "allow", "Action": "*"}}"#,
        shape("statement 1: Effect is neither Allow nor Deny")
    )]
    #[case::no_action(
        r#"{"Statement": {"Effect": "Allow"}}"#,
        shape("statement 1: there is no Action")
    )]
    #[case::operator(
        r#"{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"StringEqual": {}}}}"#,
        shape("statement 1: there is no condition operator \"StringEqual\"")
    )]
    #[case::twice(
        r#"{"Statement": {"Effect": "Allow", "Effect": "Deny", "Action": "*"}}"#,
        BadPolicy::Twice(1, 50)
    )]
    #[case::principal(
        r#"{"Statement": {"Effect": "Allow", "Action": "*", "Principal": "web"}}"#,
        shape("statement 1: Principal is neither \"*\" nor an object")
    )]
    #[case::condition(
        r#"{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"Bool": 1}}}"#,
        shape("statement 1: the condition Bool is no object")
    )]
    fn says_why_a_text_is_no_policy(#[case] text: &str, #[case] expected: BadPolicy) {
        assert_eq!(Policies::default().read(text.as_bytes(), ""), Err(expected));
        let long = vec![b' '; MAX_POLICY + 1];
        assert_eq!(Policies::default().read(&long, ""), Err(BadPolicy::TooLong));
    }

    #[test]
    fn a_key_policy_that_leaves_it_to_iam_is_decided_by_the_iam_policy_beside_it() {
        let key_policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "kms:*", "Resource": "*",
            "Principal": { "AWS": "arn:aws:iam::111122223333:root" } }] });
        let iam = json!({ "Version": "2012-10-17", "Statement": of_the_forum() });
        let mut policies = Policies::default();
        policies
            .read(key_policy.to_string().as_bytes(), "key.json, ")
            .unwrap();
        let Verdict::Unknown(why) = policies.judge(&call(V2, &[])) else {
            panic!("decided")
        };
        assert!(
            why[0].starts_with("key.json, statement 1 may allow it"),
            "{why:?}"
        );
        assert!(why[0].contains("IAM policies of that account"), "{why:?}");
        policies
            .read(iam.to_string().as_bytes(), "iam.json, ")
            .unwrap();
        assert_eq!(
            policies.judge(&call(V2, &[])),
            Verdict::Allowed("iam.json, statement 1 (Tokens)".to_owned())
        );
    }

    #[test]
    fn a_policy_of_the_old_version_has_no_variables_and_says_so() {
        let of_version = |version: &str| {
            let policy = json!({ "Version": version, "Statement": [{
                "Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*",
                "Condition": { "StringEquals": { "kms:EncryptionContext:from": "${aws:username}" } } }] });
            let mut policies = Policies::default();
            policies.read(policy.to_string().as_bytes(), "").unwrap();
            policies.judge(&call(V2, &[("aws:username", "web")]))
        };
        assert!(matches!(of_version("2012-10-17"), Verdict::Allowed(_)));
        let Verdict::NotAllowed(why) = of_version("2008-10-17") else {
            panic!("allowed")
        };
        assert!(why[0].contains("plain text"), "{why:?}");
    }

    #[rstest]
    #[case::same("abc", "abc", true)]
    #[case::longer("abc", "abcd", false)]
    #[case::star("a*c", "abbbc", true)]
    #[case::stars("*a*b*", "xxaxxbxx", true)]
    #[case::back("*ab", "aab", true)]
    #[case::one("a?c", "abc", true)]
    #[case::one_missing("a?c", "ac", false)]
    #[case::empty("", "", true)]
    #[case::only_star("*", "", true)]
    #[case::letters("?", "é", true)]
    fn wildcards_match_as_in_policies(
        #[case] pattern: &str,
        #[case] text: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(wildcard_match(pattern, text), expected);
    }
}
