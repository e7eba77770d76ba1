//! A value that nobody can guess, for who needs one to store.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use keep::Random;
use zeroize::Zeroizing;

use crate::Confidant;

/// A fresh value; wiped on drop.
pub struct GeneratedValue(Zeroizing<String>);

impl Confidant {
    /// A fresh value: 50 letters and digits.
    pub fn generate_value(&self) -> GeneratedValue {
        GeneratedValue::new(&**self.keep.random())
    }
}

impl GeneratedValue {
    /// The only way to the text: grep `expose` to audit every reader.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn new(random: &dyn Random) -> Self {
        Self::of(&Zeroizing::new(random.bytes()))
    }

    /// Shape: the letters and digits of the bytes' base64url text, the first 50 of them.
    /// Source: vectors `confidant/value_generator.json`.
    fn of(bytes: &[u8; RANDOM]) -> Self {
        let text = Zeroizing::new(URL_SAFE.encode(bytes));
        let mut value = Zeroizing::new(String::with_capacity(LENGTH));
        let letters = text.chars().filter(char::is_ascii_alphanumeric);
        value.extend(letters.take(LENGTH));
        Self(value)
    }
}

const RANDOM: usize = 128;
const LENGTH: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recorded_case_gives_the_recorded_value() {
        let file: serde_json::Value = serde_json::from_str(include_str!(
            "../../../vectors/confidant/value_generator.json"
        ))
        .unwrap();
        let cases = file["cases"].as_array().unwrap();
        for case in cases {
            let bytes = hex::decode(case["random_hex"].as_str().unwrap()).unwrap();
            let value = GeneratedValue::of(&bytes.try_into().unwrap());
            assert_eq!(value.expose(), case["value"].as_str().unwrap());
        }
        assert_eq!(cases.len(), 4);
    }
}
