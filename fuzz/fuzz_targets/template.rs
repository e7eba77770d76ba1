//! Templates: no text panics or runs for ever, and no error holds a secret's value.
#![no_main]

use std::error::Error;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use seal::Plaintext;
use templates::{KeyFormat, Limits, Lookup, Secrets, Settings, manifest, render};

const VALUE: &str = "kYw4rD-value";

struct Same;

impl Lookup for Same {
    fn look_up(&self, name: &str) -> Result<Option<Plaintext>, Box<dyn Error + Send + Sync>> {
        Ok((!name.is_empty()).then(|| Plaintext::new(VALUE.as_bytes().into())))
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = serde_json::from_slice(bytes) {
        let _ = manifest::entries(&document);
    }
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let format = KeyFormat::new(text).unwrap_or_default();
    let secrets = Secrets::new(Arc::new(Same), format);
    let settings = Settings {
        limits: Limits {
            steps: 20_000,
            output: 1 << 16,
            ..Limits::default()
        },
        ..Settings::default()
    };
    if let Err(error) = render(text, &secrets, &settings)
        && !text.contains("kYw")
    {
        assert!(!format!("{error} {error:?}").contains("kYw"));
    }
});
