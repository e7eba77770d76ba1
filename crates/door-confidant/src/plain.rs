//! The original's "plain" style: all errors, diffs, dependencies, blind credentials.

use serde::Serialize;

/// Public `told` in the plain style.
///
/// Shape: JSON with sorted keys, compact, everything but ASCII as `\uXXXX`, ending in a newline.
pub(crate) fn plain<T: Serialize + ?Sized>(told: &T) -> String {
    // Maps with text keys, printed to memory: nothing to fail.
    let mut told = serde_json::to_value(told).unwrap_or_default();
    told.sort_all_objects();
    let mut text = String::new();
    for letter in told.to_string().chars() {
        if letter.is_ascii() {
            text.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_plain_answer_is_sorted_compact_ascii_and_ends_with_a_newline() {
        assert_eq!(
            plain(&json!({ "error": "Ex\u{e4}mple \u{1f511}", "a": [{ "z": 1, "b": null }] })),
            "{\"a\":[{\"b\":null,\"z\":1}],\"error\":\"Ex\\u00e4mple \\ud83d\\udd11\"}\n"
        );
    }
}
