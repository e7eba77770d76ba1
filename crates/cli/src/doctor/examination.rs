//! What an examination finds: checks for a person or a program, and the IAM policy that is missing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// Checks in the order they were made, and the permissions they showed to be missing.
#[derive(Debug, Default)]
pub(crate) struct Examination {
    checks: Vec<Check>,
    missing: BTreeMap<Resource, BTreeSet<String>>,
}

#[derive(Debug)]
struct Check {
    what: String,
    status: Status,
    says: String,
    fix: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Ok,
    Wrong,
    /// It could not be looked at, which is no fault.
    Unknown,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Wrong => "wrong",
            Self::Unknown => "unknown",
        }
    }
}

/// What a permission is for, as a policy names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Resource {
    /// An ARN, with `*` for parts that are not known.
    pub(crate) arn: String,
    /// The alias of a key whose ARN is not known.
    pub(crate) alias: Option<String>,
}

impl Resource {
    /// The resource of this ARN.
    pub(crate) fn arn(arn: impl Into<String>) -> Self {
        Self {
            arn: arn.into(),
            alias: None,
        }
    }
}

impl Examination {
    /// It is as it must be.
    pub(crate) fn ok(&mut self, what: impl Into<String>, says: impl Into<String>) {
        self.add(what, Status::Ok, says, None);
    }

    /// It is not as it must be; `fix` says what to do.
    pub(crate) fn wrong(
        &mut self,
        what: impl Into<String>,
        says: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.add(what, Status::Wrong, says, Some(fix.into()));
    }

    /// It could not be looked at; `how` says how it can be.
    pub(crate) fn unknown(
        &mut self,
        what: impl Into<String>,
        says: impl Into<String>,
        how: impl Into<String>,
    ) {
        self.add(what, Status::Unknown, says, Some(how.into()));
    }

    /// AWS refused: `told` names the action that is missing, or says why the credentials are no good.
    pub(crate) fn denied(&mut self, what: impl Into<String>, told: &str, resource: &Resource) {
        if told.contains(' ') {
            self.wrong(
                what,
                format!("AWS refuses the credentials: {told}"),
                "give this process valid credentials of AWS; `aws sts get-caller-identity` shows whose it has",
            );
            return;
        }
        let actions = self.missing.entry(resource.clone()).or_default();
        actions.insert(told.to_owned());
        self.wrong(
            what,
            format!("missing permission {told}"),
            "add the policy statement below to the role of the server",
        );
    }

    fn add(
        &mut self,
        what: impl Into<String>,
        status: Status,
        says: impl Into<String>,
        fix: Option<String>,
    ) {
        self.checks.push(Check {
            what: what.into(),
            status,
            says: says.into(),
            fix,
        });
    }

    /// The checks that found something wrong.
    pub(crate) fn wrongs(&self) -> usize {
        let wrong = |check: &&Check| check.status == Status::Wrong;
        self.checks.iter().filter(wrong).count()
    }

    /// The statements to add to the server's role, when any are missing.
    fn policy(&self) -> Option<Value> {
        let statements: Vec<Value> = self
            .missing
            .iter()
            .enumerate()
            .map(|(number, (resource, actions))| {
                let mut statement = json!({
                    "Sid": format!("Keepward{}", number + 1),
                    "Effect": "Allow",
                    "Action": actions,
                    "Resource": resource.arn,
                });
                if let (Some(alias), Some(fields)) = (&resource.alias, statement.as_object_mut()) {
                    fields.insert(
                        "Condition".to_owned(),
                        json!({ "ForAnyValue:StringEquals": { "kms:ResourceAliases": alias } }),
                    );
                }
                statement
            })
            .collect();
        (!statements.is_empty())
            .then(|| json!({ "Version": "2012-10-17", "Statement": statements }))
    }

    /// For a program.
    pub(crate) fn json(&self) -> Value {
        json!({
            "ok": self.wrongs() == 0,
            "checks": self.checks.iter().map(|check| json!({
                "what": check.what,
                "status": check.status.word(),
                "says": check.says,
                "fix": check.fix,
            })).collect::<Vec<_>>(),
            "missing_permissions": self.missing.values().flatten().collect::<BTreeSet<_>>(),
            "policy": self.policy(),
        })
    }

    /// For a person.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for check in &self.checks {
            let status = check.status.word();
            text.push_str(&format!("{status:<8} {}: {}\n", check.what, check.says));
            if let Some(fix) = &check.fix {
                text.push_str(&format!("         {fix}\n"));
            }
        }
        if let Some(policy) = self.policy() {
            text.push_str(&format!("\nmissing in the role's policy:\n{policy:#}\n"));
        }
        text.push_str(&match self.wrongs() {
            0 => "\nverdict: well\n".to_owned(),
            wrongs => format!("\nverdict: {wrongs} wrong\n"),
        });
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_permissions_become_one_statement_a_resource() {
        let mut examination = Examination::default();
        let table = Resource::arn("arn:aws:dynamodb:us-east-1:123456789012:table/confidant");
        let key = Resource {
            arn: "arn:aws:kms:us-east-1:*:key/*".to_owned(),
            alias: Some("alias/confidant".to_owned()),
        };
        examination.denied("a", "dynamodb:PutItem", &table);
        examination.denied("b", "kms:Encrypt", &key);
        examination.denied("c", "dynamodb:GetItem", &table);
        examination.denied("d", "dynamodb:GetItem", &table);
        assert_eq!(examination.wrongs(), 4);
        assert_eq!(
            examination.json()["policy"],
            json!({
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "Keepward1",
                        "Effect": "Allow",
                        "Action": ["dynamodb:GetItem", "dynamodb:PutItem"],
                        "Resource": "arn:aws:dynamodb:us-east-1:123456789012:table/confidant",
                    },
                    {
                        "Sid": "Keepward2",
                        "Effect": "Allow",
                        "Action": ["kms:Encrypt"],
                        "Resource": "arn:aws:kms:us-east-1:*:key/*",
                        "Condition": { "ForAnyValue:StringEquals": { "kms:ResourceAliases": "alias/confidant" } },
                    },
                ],
            })
        );
    }

    #[test]
    fn bad_credentials_are_no_missing_permission() {
        let mut examination = Examination::default();
        let told = "dynamodb:GetItem (ExpiredTokenException)";
        examination.denied("a", told, &Resource::arn("*"));
        assert_eq!(examination.wrongs(), 1);
        assert_eq!(examination.json()["policy"], Value::Null);
        assert!(examination.text().contains("ExpiredTokenException"));
    }

    #[test]
    fn what_could_not_be_looked_at_is_no_fault() {
        let mut examination = Examination::default();
        examination.unknown("a", "not tried", "try it");
        examination.ok("b", "fine");
        assert_eq!(
            examination.text(),
            "unknown  a: not tried\n         try it\nok       b: fine\n\nverdict: well\n"
        );
    }
}
