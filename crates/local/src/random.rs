//! The operating system's randomness as a [`Random`], through the one crypto library.

use keep::Random;

/// Randomness for ids, nonces and keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "this is the random adapter")]
    #[expect(
        clippy::panic,
        reason = "without randomness there is no safe way on, and the library does not fail once it started"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        if aws_lc_rs::rand::fill(bytes).is_err() {
            panic!("the random generator failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn gives_other_bytes_each_time_and_leaves_none_unfilled() {
        let random: &dyn Random = &SystemRandom;
        let drawn: BTreeSet<[u8; 16]> = (0..1_000).map(|_| random.bytes()).collect();
        assert_eq!(drawn.len(), 1_000);
        for position in 0..16 {
            assert!(
                drawn.iter().any(|bytes| bytes[position] != 0),
                "byte {position} is never filled"
            );
        }
    }
}
