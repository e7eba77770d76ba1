//! The three forms that CredSmash stores a secret in, with their options.

use seal::Hash;
use stash::Form;

use crate::credsmash::config::{Options, only, text};
use crate::faces::{Done, Fault};
use crate::python_text::{int, repr};

/// The form unless the configuration says otherwise.
pub(crate) const DEFAULT: &str = "aes-ctr";

/// The form of this name under the options of its section.
///
/// Errors: a name, option, length or digest that there is not, before anything is asked of AWS.
pub(crate) fn form(name: &str, options: &Options) -> Done<Form> {
    let section = format!("credsmash:{name}");
    match name {
        "aes-ctr" => {
            only(options, &["key_length", "digest_method"], &section)?;
            let key_length = length(options, "key_length", 64)?;
            // The first half encrypts, the rest authenticates.
            aes_key(key_length / 2)?;
            Ok(Form::Ctr {
                key_length,
                hash: digest(options)?,
            })
        }
        "aes-gcm" => {
            only(options, &["key_length", "iv_length"], &section)?;
            let key_length = length(options, "key_length", 32)?;
            aes_key(key_length)?;
            let iv_length = length(options, "iv_length", 12)?;
            if !(8..=128).contains(&iv_length) {
                return Err(Fault::new(
                    "initialization_vector must be between 8 and 128 bytes (64 and 1024 bits).",
                )
                .hint(format!("iv_length in [{section}] is {iv_length}")));
            }
            Ok(Form::Gcm {
                key_length,
                iv_length,
            })
        }
        "aes-ctr-legacy" => {
            only(options, &["digest_method"], &section)?;
            Ok(Form::Legacy {
                hash: digest(options)?,
                hex_bytes: false,
            })
        }
        _ => Err(Fault::new(format!("Unsupported algo: {name}"))
            .hint("algorithm is aes-ctr, aes-gcm or aes-ctr-legacy")),
    }
}

fn length(options: &Options, option: &str, default: usize) -> Done<usize> {
    let Some(text) = text(options, option)? else {
        return Ok(default);
    };
    int(text)
        .and_then(|number| usize::try_from(number).ok())
        .ok_or_else(|| {
            Fault::new(format!(
                "invalid literal for int() with base 10: {}",
                repr(text)
            ))
            .hint(format!("{option} is a number of bytes"))
        })
}

fn aes_key(bytes: usize) -> Done {
    if matches!(bytes, 16 | 24 | 32) {
        return Ok(());
    }
    Err(Fault::new(format!(
        "Invalid key size ({}) for AES.",
        bytes.saturating_mul(8)
    ))
    .hint("key_length is 32, 48 or 64 for aes-ctr, and 16, 24 or 32 for aes-gcm"))
}

/// The hash of `digest_method`: those that CredSmash has.
fn digest(options: &Options) -> Done<Hash> {
    let name = text(options, "digest_method")?.unwrap_or("SHA256");
    matches!(name, "SHA224" | "SHA256" | "SHA384" | "SHA512")
        .then(|| name.parse().ok())
        .flatten()
        .ok_or_else(|| {
            Fault::new(format!(
                "Could not find {name} in cryptography.hazmat.primitives.hashes"
            ))
            .hint("digest_method is SHA224, SHA256, SHA384 or SHA512")
        })
}
