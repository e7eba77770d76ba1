//! Base64 as Python reads it, since Confidant's stored values were judged by that reader.
//!
//! Looser than the standard: bytes outside the alphabet are passed over, text after complete
//! padding is not read, the spare bits of the last letter are free. So one value has many texts;
//! who needs one text per value digests the decoded bytes.

use zeroize::Zeroizing;

/// Which letters stand for 62 and 63.
#[derive(Clone, Copy)]
pub(crate) enum Alphabet {
    /// `+` and `/`, as `base64.b64decode` reads.
    Standard,
    /// `-` and `_` besides `+` and `/`, as `base64.urlsafe_b64decode` reads.
    UrlSafe,
}

/// The bytes of `text`; `None` where Python raises `binascii.Error`.
///
/// Wiped on drop, and never grown, since they may be a key or a plaintext.
/// Source: CPython 3.11, `binascii_a2b_base64_impl`, not strict; vectors `fernet/python_base64.json`.
pub(crate) fn decode(text: &[u8], alphabet: Alphabet) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 4 * 3 + 3));
    // Letters seen of the current group of four, bits of the last one not yet given out.
    let (mut letters, mut left, mut pads) = (0u8, 0u8, 0u8);
    for &letter in text {
        if letter == b'=' {
            if letters >= 2 {
                pads += 1;
                if letters + pads >= 4 {
                    return Some(bytes);
                }
            }
            continue;
        }
        let Some(six) = six_bits(letter, alphabet) else {
            continue;
        };
        pads = 0;
        match letters {
            0 => left = six,
            1 => {
                bytes.push(left << 2 | six >> 4);
                left = six & 0x0f;
            }
            2 => {
                bytes.push(left << 4 | six >> 2);
                left = six & 0x03;
            }
            _ => bytes.push(left << 6 | six),
        }
        letters = (letters + 1) % 4;
    }
    (letters == 0).then_some(bytes)
}

fn six_bits(letter: u8, alphabet: Alphabet) -> Option<u8> {
    match (letter, alphabet) {
        (b'A'..=b'Z', _) => Some(letter - b'A'),
        (b'a'..=b'z', _) => Some(letter - b'a' + 26),
        (b'0'..=b'9', _) => Some(letter - b'0' + 52),
        (b'+', _) | (b'-', Alphabet::UrlSafe) => Some(62),
        (b'/', _) | (b'_', Alphabet::UrlSafe) => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str = include_str!("../../../vectors/fernet/python_base64.json");

    #[test]
    fn reads_and_refuses_what_python_does() {
        let file: serde_json::Value = serde_json::from_str(RECORDED).unwrap();
        let cases = file["cases"].as_array().unwrap();
        let mut run = 0;
        for case in cases {
            let text = hex::decode(case["text_hex"].as_str().unwrap()).unwrap();
            for (reader, alphabet) in [
                ("b64decode", Alphabet::Standard),
                ("urlsafe_b64decode", Alphabet::UrlSafe),
            ] {
                let ours = decode(&text, alphabet).map(|bytes| hex::encode(&*bytes));
                assert_eq!(
                    ours.as_deref(),
                    case[reader].as_str(),
                    "{reader} {}",
                    case["name"]
                );
            }
            run += 1;
        }
        assert_eq!(Some(run), file["count"].as_u64());
        assert!(run >= 400, "{run}");
    }

    #[test]
    fn never_grows_the_buffer_that_may_hold_a_secret() {
        for length in 0..200 {
            let text = vec![b'A'; length];
            let room = length / 4 * 3 + 3;
            if let Some(bytes) = decode(&text, Alphabet::Standard) {
                assert!(bytes.len() <= room && bytes.capacity() == room, "{length}");
            }
        }
    }
}
