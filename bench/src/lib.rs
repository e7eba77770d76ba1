//! Measured figures, with a named reference in the same run.
//!
//! The command `bench` (src/main.rs) starts the servers, drives them and prints the table. What they are measured
//! on is here: [`standin`] plays DynamoDB and KMS, cheaply enough never to be the bottleneck. It is a stand-in and
//! never a judge of correctness; the contract suites run against other things.

pub mod standin;

/// Scrambles a number (splitmix64): the same numbers in every run, and no two inputs with one output.
pub fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
