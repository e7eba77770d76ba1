//! `keepward` with a kill before or after any port call: see `conformance::dying`.

use std::process::ExitCode;

fn main() -> ExitCode {
    keepward::main(conformance::dying::wiring())
}
