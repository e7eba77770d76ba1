//! Query parameters, as forgiving as the original, and page tokens.

use axum::extract::Query;
use axum::http::Uri;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use confidant::{Asked, BadField, PageSize, Want, python_json_text};
use keep::{PageStart, Value};
use serde_json::Map;

/// The parameters of a request; of equal names the first counts.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn of(uri: &Uri) -> Self {
        Self(
            Query::try_from_uri(uri)
                .map(|Query(pairs)| pairs)
                .unwrap_or_default(),
        )
    }

    /// The first of that name.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }

    /// All of that name, in their order.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let named = self.0.iter().filter(|(given, _)| given == name);
        named.map(|(_, value)| value.clone()).collect()
    }

    /// `validity`: what does not parse counts as absent.
    pub(crate) fn days(&self) -> Option<i64> {
        self.text("validity")
            .and_then(|text| text.trim().parse().ok())
    }

    /// `metadata_only`: true only for these texts; the Python client sends `False` literally.
    pub(crate) fn want(&self) -> Want {
        match self.text("metadata_only") {
            Some("True" | "true" | "1") => Want::Metadata,
            _ => Want::Values,
        }
    }

    /// `limit`: what does not parse counts as absent.
    pub(crate) fn limit(&self) -> Option<usize> {
        self.text("limit").and_then(|text| text.trim().parse().ok())
    }

    /// `limit` of a history list: 0 is an empty page, a negative one none at all.
    pub(crate) fn page_size(&self) -> PageSize {
        let number = self
            .text("limit")
            .and_then(|text| text.trim().parse::<i64>().ok());
        match number.map(usize::try_from) {
            None => PageSize::Configured,
            Some(Ok(limit)) => PageSize::AtMost(limit),
            Some(Err(_negative)) => PageSize::All,
        }
    }

    /// `page`. Errors: `BadPage`.
    pub(crate) fn page(&self) -> Asked<PageStart> {
        self.text("page")
            .filter(|token| !token.is_empty())
            .map_or(Ok(None), page_start)
    }
}

/// Reads a page token.
///
/// Shape: standard base64 of the JSON of DynamoDB's LastEvaluatedKey; an empty list or object
/// counts as no key. Source: vectors `confidant/pagination.json`.
pub(crate) fn page_start(token: &str) -> Asked<PageStart> {
    let json = STANDARD.decode(token).map_err(|_| BadField::BadPage)?;
    let key = match serde_json::from_slice(&json).map_err(|_| BadField::BadPage)? {
        serde_json::Value::Object(key) => key,
        serde_json::Value::Array(list) if list.is_empty() => return Ok(None),
        serde_json::Value::Null => return Ok(None),
        _ => return Err(BadField::BadPage),
    };
    if key.is_empty() {
        return Ok(None);
    }
    let text = |value: &serde_json::Value| {
        let typed = value.as_object().filter(|typed| typed.len() == 1)?;
        typed.get("S")?.as_str().map(Value::s)
    };
    let start: Option<_> = key
        .iter()
        .map(|(name, value)| Some((name.clone(), text(value)?)))
        .collect();
    start
        .map(|start| Some(PageStart(start)))
        .ok_or(BadField::BadPage)
}

/// The token of a page, in the order of the original.
pub(crate) fn page_token(start: &PageStart) -> String {
    let mut key = Map::new();
    for name in ["id", "data_type", "modified_date"] {
        if let Some(text) = start.0.get(name).and_then(Value::as_s) {
            key.insert(name.to_owned(), serde_json::json!({ "S": text }));
        }
    }
    STANDARD.encode(python_json_text(&key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_tokens_are_those_of_the_reference() {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../../../vectors/confidant/pagination.json"))
                .unwrap();
        let mut seen = 0;
        for case in file["cases"].as_array().unwrap() {
            let Some(token) = case["token"].as_str() else {
                continue;
            };
            let start = page_start(token).unwrap().unwrap();
            for (name, typed) in case["key"].as_object().unwrap() {
                assert_eq!(start.0[name], Value::s(typed["S"].as_str().unwrap()));
            }
            assert_eq!(page_token(&start), token);
            seen += 1;
        }
        assert!(seen > 0);
        for bad in file["bad"].as_array().unwrap() {
            assert!(matches!(
                page_start(bad.as_str().unwrap()),
                Err(BadField::BadPage)
            ));
        }
    }

    #[test]
    fn an_empty_key_is_no_key_and_a_strange_one_a_bad_page() {
        let token = |json: &str| page_start(&STANDARD.encode(json));
        assert!(matches!(token("[]"), Ok(None)));
        assert!(matches!(token("{}"), Ok(None)));
        for bad in [
            "[1]",
            "1",
            "\"x\"",
            r#"{"id": "x"}"#,
            r#"{"id": {"N": "1"}}"#,
            r#"{"id": {"S": 1}}"#,
        ] {
            assert!(matches!(token(bad), Err(BadField::BadPage)), "{bad}");
        }
    }

    #[rstest::rstest]
    #[case::python_true("metadata_only=True", Want::Metadata)]
    #[case::one("metadata_only=1", Want::Metadata)]
    #[case::python_false("metadata_only=False", Want::Values)]
    #[case::upper("metadata_only=TRUE", Want::Values)]
    #[case::first_counts("metadata_only=0&metadata_only=1", Want::Values)]
    #[case::absent("x=1", Want::Values)]
    fn metadata_only_is_true_for_three_texts(#[case] query: &str, #[case] expected: Want) {
        let uri: Uri = format!("/v1/services/s?{query}").parse().unwrap();
        assert_eq!(Parameters::of(&uri).want(), expected);
    }

    #[rstest::rstest]
    #[case::number("limit=3", Some(3))]
    #[case::letters("limit=abc", None)]
    #[case::negative("limit=-1", None)]
    #[case::absent("", None)]
    fn a_limit_that_does_not_parse_is_absent(#[case] query: &str, #[case] expected: Option<usize>) {
        let uri: Uri = format!("/v1/credentials?{query}").parse().unwrap();
        assert_eq!(Parameters::of(&uri).limit(), expected);
    }

    #[rstest::rstest]
    #[case::number("limit=3", PageSize::AtMost(3))]
    #[case::none("limit=0", PageSize::AtMost(0))]
    #[case::negative("limit=-1", PageSize::All)]
    #[case::letters("limit=abc", PageSize::Configured)]
    #[case::absent("", PageSize::Configured)]
    fn a_history_list_has_its_own_limits(#[case] query: &str, #[case] expected: PageSize) {
        let uri: Uri = format!("/v1/archive/credentials?{query}").parse().unwrap();
        assert_eq!(Parameters::of(&uri).page_size(), expected);
    }
}
