//! The recorded cases in the repository's `vectors` folder.

use std::fs;

use seal::fernet::FernetKey;
use seal::{DataKey, Plaintext};
use serde_json::Value;

/// One recorded file; absent or damaged, it fails the test.
pub(crate) fn read(name: &str) -> Value {
    let path = format!("{}/../../vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The list of cases under `name`.
pub(crate) fn list<'file>(file: &'file Value, name: &str) -> &'file [Value] {
    file[name]
        .as_array()
        .unwrap_or_else(|| panic!("no list {name}"))
}

/// The text under `name`.
pub(crate) fn text<'case>(case: &'case Value, name: &str) -> &'case str {
    case[name]
        .as_str()
        .unwrap_or_else(|| panic!("no text {name} in {case}"))
}

/// A Fernet key from its text.
pub(crate) fn fernet_key(text: &str) -> FernetKey {
    FernetKey::parse(&data_key(text.as_bytes())).expect("a recorded key")
}

/// A data key of these bytes.
pub(crate) fn data_key(bytes: &[u8]) -> DataKey {
    DataKey::new(Box::from(bytes))
}

/// A plaintext of these bytes.
pub(crate) fn plaintext(bytes: &[u8]) -> Plaintext {
    Plaintext::new(Box::from(bytes))
}

/// The error of a result whose good side may not be printed.
#[track_caller]
pub(crate) fn refusal<T>(result: Result<T, seal::SealError>) -> seal::SealError {
    match result {
        Ok(_) => panic!("this was not refused"),
        Err(error) => error,
    }
}
