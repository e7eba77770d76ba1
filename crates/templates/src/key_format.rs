//! How a key of a template becomes a secret's name: `--key-fmt`, a small part of Python's `str.format`.

use crate::error::TemplateError;

/// `{0}`, `{1}`, ... (or `{}` in order) stand for the parts of the key, `{{` and `}}` for braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFormat(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Key(usize),
}

impl KeyFormat {
    /// Reads the pattern.
    ///
    /// Errors: `KeyFormat` for a lone brace, a name (`{env}`), a format or a conversion (`{0:>5}`, `{0!r}`), an
    /// attribute or item (`{0.x}`), and for numbered fields mixed with `{}`.
    pub fn new(pattern: &str) -> Result<Self, TemplateError> {
        let wrong = |what: &str| TemplateError::KeyFormat(format!("{what} in {pattern:?}"));
        let mut parts = Vec::new();
        let mut text = String::new();
        // `Some(true)` once `{}` was seen, `Some(false)` once a number was.
        let mut in_order = None;
        let mut rest = pattern;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            text.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                text.push('{');
                rest = after;
            } else if let Some(after) = from.strip_prefix("}}") {
                text.push('}');
                rest = after;
            } else if let Some(after) = from.strip_prefix('{') {
                let (field, after) = after
                    .split_once('}')
                    .ok_or_else(|| wrong("a { without its }"))?;
                let automatic = field.is_empty();
                if in_order.is_some_and(|before| before != automatic) {
                    return Err(wrong("numbered fields cannot be mixed with {}"));
                }
                in_order = Some(automatic);
                let number = if automatic {
                    parts
                        .iter()
                        .filter(|part| matches!(part, Part::Key(_)))
                        .count()
                } else if field.bytes().all(|byte| byte.is_ascii_digit()) && field.len() <= 4 {
                    field.parse().map_err(|_| wrong("a bad number"))?
                } else {
                    return Err(wrong(
                        "only {0}, {1}, ... and {} can be used: names, formats and conversions cannot, found one",
                    ));
                };
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(Part::Key(number));
                rest = after;
            } else {
                return Err(wrong("a } without its {"));
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(Self(parts))
    }

    /// The secret's name for the parts of a key; `None` when the pattern asks for more parts than there are.
    pub fn name(&self, keys: &[String]) -> Option<String> {
        let mut name = String::new();
        for part in &self.0 {
            name.push_str(match part {
                Part::Text(text) => text,
                Part::Key(number) => keys.get(*number)?,
            });
        }
        Some(name)
    }
}

impl Default for KeyFormat {
    /// `{0}`: the key is the name.
    fn default() -> Self {
        Self(vec![Part::Key(0)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("{0}", &["a"], Some("a"))]
    #[case("dev.{0}", &["a.b"], Some("dev.a.b"))]
    #[case("{1}/{0}", &["a", "b"], Some("b/a"))]
    #[case("{}-{}", &["a", "b"], Some("a-b"))]
    #[case("{{{0}}}", &["a"], Some("{a}"))]
    #[case("fixed", &["a"], Some("fixed"))]
    #[case("{0}", &["a", "left out"], Some("a"))]
    #[case("{1}", &["a"], None)]
    fn a_key_becomes_a_name(
        #[case] pattern: &str,
        #[case] keys: &[&str],
        #[case] name: Option<&str>,
    ) {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        assert_eq!(
            KeyFormat::new(pattern).unwrap().name(&keys).as_deref(),
            name
        );
    }

    #[rstest]
    #[case::name("{env}")]
    #[case::format("{0:>5}")]
    #[case::conversion("{0!r}")]
    #[case::attribute("{0.x}")]
    #[case::item("{0[1]}")]
    #[case::open("{0")]
    #[case::close("0}")]
    #[case::mixed("{}{0}")]
    #[case::huge("{99999999999999999999}")]
    fn a_pattern_that_does_more_is_refused_and_named(#[case] pattern: &str) {
        let error = KeyFormat::new(pattern).unwrap_err().to_string();
        assert!(
            error.starts_with("--key-fmt: ") && error.contains(&format!("{pattern:?}")),
            "{error}"
        );
    }

    #[test]
    fn the_default_is_the_key_itself() {
        assert_eq!(KeyFormat::default(), KeyFormat::new("{0}").unwrap());
    }
}
