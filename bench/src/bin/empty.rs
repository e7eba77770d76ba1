//! `empty`: does nothing, as a measure of what starting any Rust program costs.

fn main() {}
