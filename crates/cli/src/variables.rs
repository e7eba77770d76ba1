//! A service's pairs as variables: what each is called, and which of them cannot be one.

use std::collections::HashMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use crate::client::printable;
use crate::exit::{Failure, Kind, Outcome};
use crate::output;

/// How pairs get their names.
pub(crate) struct Naming<'n> {
    /// Stands before each name.
    pub(crate) prefix: &'n str,
    /// Names in upper case.
    pub(crate) upper: bool,
}

impl Naming<'_> {
    /// Names are the keys.
    pub(crate) const AS_IS: Naming<'static> = Naming {
        prefix: "",
        upper: false,
    };

    /// The name of a key's variable; without prefix and upper case, the key itself.
    fn name(&self, key: &str) -> String {
        let name = format!("{}{key}", self.prefix);
        if self.upper {
            name.to_uppercase()
        } else {
            name
        }
    }
}

impl crate::arguments::Naming {
    /// The pairs of a served service, named as was typed.
    pub(crate) fn variables(&self, service: Value) -> Variables {
        let naming = Naming {
            prefix: self.prefix.as_deref().unwrap_or_default(),
            upper: self.upper,
        };
        Variables::of(service, &naming)
    }
}

/// One pair.
pub(crate) struct Variable {
    pub(crate) name: String,
    value: SecretString,
    /// The name of the credential that holds it.
    credential: String,
}

impl Variable {
    /// The variable of a secret.
    pub(crate) fn new(name: String, value: SecretString, secret: &str) -> Self {
        Self {
            name,
            value,
            credential: secret.to_owned(),
        }
    }

    /// The only way to the value: grep `expose` to audit every reader.
    pub(crate) fn expose(&self) -> &str {
        self.value.expose_secret()
    }

    /// Whether a shell, and so every program, takes the name.
    pub(crate) fn is_shell_name(&self) -> bool {
        is_shell_name(&self.name)
    }

    /// Whether it can be a variable of a shell.
    pub(crate) fn fits_shell(&self) -> bool {
        self.is_shell_name() && self.fits_environment()
    }

    /// Whether an environment can hold it: a name with a letter and without `=`, no NUL anywhere.
    pub(crate) fn fits_environment(&self) -> bool {
        !self.name.is_empty() && !self.name.contains(['=', '\0']) && !self.expose().contains('\0')
    }
}

/// All pairs of a service, one for each name, and what its user should know about them.
#[derive(Default)]
pub(crate) struct Variables {
    list: Vec<Variable>,
    /// Where in the list a name is.
    places: HashMap<String, usize>,
    remarks: Vec<String>,
}

impl Variables {
    /// The pairs of a served service, blind credentials last; of equal names the last one wins.
    ///
    /// Shape: values are text; numbers and booleans as JSON writes them, null is empty.
    pub(crate) fn of(service: Value, naming: &Naming<'_>) -> Self {
        let mut all = Self::default();
        for (credential, pairs) in credentials(service) {
            all.add(&credential, pairs, naming);
        }
        all
    }

    /// Adds the pairs of one credential.
    pub(crate) fn add(
        &mut self,
        credential: &Map<String, Value>,
        pairs: Map<String, Value>,
        naming: &Naming<'_>,
    ) {
        let owner = credential
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        for (key, value) in pairs {
            self.put(Variable {
                name: naming.name(&key),
                value: value_text(value),
                credential: owner.to_owned(),
            });
        }
    }

    fn put(&mut self, variable: Variable) {
        let place = *self
            .places
            .entry(variable.name.clone())
            .or_insert(self.list.len());
        match self.list.get_mut(place) {
            None => self.list.push(variable),
            Some(before) => {
                self.remarks.push(format!(
                    "{} is in both {} and {}; the value of the latter is taken",
                    quoted(&variable.name),
                    quoted(&before.credential),
                    quoted(&variable.credential),
                ));
                *before = variable;
            }
        }
    }

    /// Takes out those that are not `good` for what `reason` says.
    pub(crate) fn leave_out_unless(&mut self, good: fn(&Variable) -> bool, reason: &str) {
        let all = std::mem::take(&mut self.list);
        self.places.clear();
        let (kept, out): (Vec<_>, Vec<_>) = all.into_iter().partition(good);
        for variable in kept {
            self.put(variable);
        }
        self.remarks.extend(out.iter().map(|variable| {
            format!(
                "{} of {} {reason}; it is left out",
                quoted(&variable.name),
                quoted(&variable.credential)
            )
        }));
    }

    /// Remarks on those for which `found` is true.
    pub(crate) fn remark_on(&mut self, found: impl Fn(&Variable) -> bool, reason: &str) {
        let found = self.list.iter().filter(|variable| found(variable));
        self.remarks.extend(found.map(|variable| {
            format!(
                "{} of {} {reason}",
                quoted(&variable.name),
                quoted(&variable.credential)
            )
        }));
    }

    /// The variables, after telling what there is to remark.
    ///
    /// Errors: `Conflict`, when `strict` and there is something to remark.
    pub(crate) fn settle(self, strict: bool) -> Outcome<Vec<Variable>> {
        if strict && !self.remarks.is_empty() {
            return Err(Failure::new(Kind::Conflict, self.remarks.join("\n  "))
                .hint("--strict takes no service with such pairs"));
        }
        for remark in &self.remarks {
            output::warning(remark);
        }
        Ok(self.list)
    }
}

/// Whether POSIX shells take this as the name of a variable.
pub(crate) fn is_shell_name(name: &str) -> bool {
    let mut letters = name.bytes();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_')
}

/// The credentials of a served service, blind ones last, each with its pairs beside it.
pub(crate) fn credentials(mut service: Value) -> Vec<(Map<String, Value>, Map<String, Value>)> {
    let mut all = Vec::new();
    for (list, pairs) in [
        ("credentials", "credential_pairs"),
        ("blind_credentials", "decrypted_credential_pairs"),
    ] {
        let Some(Value::Array(list)) = service.get_mut(list).map(Value::take) else {
            continue;
        };
        for credential in list {
            let Value::Object(mut credential) = credential else {
                continue;
            };
            let pairs = match credential.remove(pairs) {
                Some(Value::Object(pairs)) => pairs,
                _ => Map::new(),
            };
            all.push((credential, pairs));
        }
    }
    all
}

/// A value as text, moved where it is text already.
pub(crate) fn value_text(value: Value) -> SecretString {
    match value {
        Value::String(text) => text.into(),
        Value::Null => SecretString::default(),
        other => other.to_string().into(),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", printable(name))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn service() -> Value {
        json!({
            "credentials": [
                { "name": "one", "credential_pairs": { "a": "1", "port": 5432, "on": true, "none": null } },
                { "name": "two", "credential_pairs": { "a": "2" } },
            ],
            "blind_credentials": [{ "name": "blind", "decrypted_credential_pairs": { "B": "3" } }],
        })
    }

    fn told(variables: &[Variable]) -> Vec<String> {
        variables
            .iter()
            .map(|variable| format!("{}={}", variable.name, variable.expose()))
            .collect()
    }

    #[test]
    fn each_name_is_there_once_and_the_last_value_wins() {
        let mut variables = Variables::of(service(), &Naming::AS_IS);
        assert_eq!(
            told(&variables.list),
            ["a=2", "port=5432", "on=true", "none=", "B=3"]
        );
        assert_eq!(
            std::mem::take(&mut variables.remarks),
            [r#""a" is in both "one" and "two"; the value of the latter is taken"#]
        );
    }

    #[test]
    fn strict_refuses_what_is_otherwise_remarked_on() {
        assert!(
            Variables::of(service(), &Naming::AS_IS)
                .settle(false)
                .is_ok()
        );
        let failure = Variables::of(service(), &Naming::AS_IS)
            .settle(true)
            .err()
            .expect("two values of one name");
        assert_eq!(failure.kind(), Kind::Conflict);
    }

    #[test]
    fn names_take_a_prefix_and_upper_case_when_asked() {
        let naming = Naming {
            prefix: "App_",
            upper: true,
        };
        let names: Vec<_> = Variables::of(service(), &naming)
            .list
            .into_iter()
            .map(|variable| variable.name)
            .collect();
        assert_eq!(names, ["APP_A", "APP_PORT", "APP_ON", "APP_NONE", "APP_B"]);
    }

    #[rstest]
    #[case::plain("db_password1", "v", true, true)]
    #[case::dash("bad-key", "v", false, true)]
    #[case::digit_first("1st", "v", false, true)]
    #[case::letter_beyond_ascii("schlüssel", "v", false, true)]
    #[case::equals_sign("a=b", "v", false, false)]
    #[case::empty("", "v", false, false)]
    #[case::nul_in_the_value("a", "v\0w", true, false)]
    fn tells_what_a_shell_and_an_environment_take(
        #[case] name: &str,
        #[case] value: &str,
        #[case] shell: bool,
        #[case] environment: bool,
    ) {
        let variable = Variable {
            name: name.to_owned(),
            value: value.into(),
            credential: String::new(),
        };
        assert_eq!(
            (variable.is_shell_name(), variable.fits_environment()),
            (shell, environment)
        );
    }
}
