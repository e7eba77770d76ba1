//! `keepward completions`: what a shell needs to complete command lines.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::exit::Outcome;
use crate::output;

pub(crate) fn run(shell: Shell) -> Outcome {
    let mut command = Arguments::command();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "keepward", &mut script);
    output::text(&String::from_utf8_lossy(&script))
}
