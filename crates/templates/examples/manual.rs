//! Prints docs/templates.md.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "a task of the repository, which shares a file with the tests"
)]

#[path = "../tests/all/table.rs"]
mod table;

fn main() {
    print!("{}", table::manual());
}
