//! SHA-256, and comparison that takes the same time wherever two secrets differ.

use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use subtle::ConstantTimeEq;

/// The SHA-256 digest of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; SHA256_OUTPUT_LEN] {
    let mut context = Context::new(&SHA256);
    context.update(bytes);
    finish(context)
}

/// The SHA-256 digest of several parts, none of which can pass for a piece of its neighbour.
///
/// Shape: SHA-256 over each part preceded by its length as 8 big-endian bytes.
pub fn sha256_parts(parts: &[&[u8]]) -> [u8; SHA256_OUTPUT_LEN] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    finish(context)
}

/// Whether `a` and `b` are the same bytes, in a time that depends on their lengths alone.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

fn finish(context: Context) -> [u8; SHA256_OUTPUT_LEN] {
    let mut digest = [0; SHA256_OUTPUT_LEN];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_digests_of_fips_180() {
        for (message, digest) in [
            (
                "",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                "abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
        ] {
            assert_eq!(
                hex::encode(sha256(message.as_bytes())),
                digest,
                "{message:?}"
            );
        }
    }

    #[test]
    fn parts_are_digested_with_their_lengths_before_them() {
        let flat = b"\0\0\0\0\0\0\0\x02ab\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01c";
        assert_eq!(sha256_parts(&[b"ab", b"", b"c"]), sha256(flat));
    }

    #[test]
    fn moving_a_byte_over_a_border_between_parts_changes_the_digest() {
        let all = [
            sha256_parts(&[b"ab", b"c"]),
            sha256_parts(&[b"a", b"bc"]),
            sha256_parts(&[b"abc"]),
            sha256_parts(&[b"abc", b""]),
            sha256_parts(&[b"", b"abc"]),
            sha256(b"abc"),
        ];
        for (i, one) in all.iter().enumerate() {
            for other in &all[i + 1..] {
                assert_ne!(one, other);
            }
        }
    }

    #[test]
    fn only_the_same_bytes_are_equal() {
        assert!(equal(b"", b""));
        assert!(equal(b"token", b"token"));
        for other in [&b"Token"[..], b"tokeN", b"toke", b"tokens", b""] {
            assert!(!equal(b"token", other), "{other:?}");
        }
    }
}
