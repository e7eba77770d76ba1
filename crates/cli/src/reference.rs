//! The command line's manual, made from the same declarations that parse it.

use clap::{Command, CommandFactory};

use crate::arguments::Arguments;
use crate::exit::{EXIT_CODES, Outcome};
use crate::output;

/// Prints `docs/cli.md`; a test compares the two.
pub(crate) fn run() -> Outcome {
    let mut page = String::from(
        "# Command line\n\n\
         This page is made by `keepward admin reference`. Values of secrets never stand on a command line: they come\n\
         by prompt, standard input or file.\n\n\
         ## Exit codes\n\n| code | meaning |\n|---|---|\n| 0 | done |\n",
    );
    for (kind, meaning) in EXIT_CODES {
        page.push_str(&format!("| {} | {meaning} |\n", kind.code()));
    }
    let mut program = Arguments::command()
        .term_width(100)
        .disable_help_subcommand(true);
    program.build();
    describe(&mut page, &program, "");
    output::text(&page)
}

fn describe(page: &mut String, command: &Command, parents: &str) {
    let name = format!("{parents}{}", command.get_name());
    let mut plain = command.clone().term_width(100);
    let help = plain.render_long_help().to_string();
    let help: String = help
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    page.push_str(&format!(
        "\n## {name}\n\n```text\n{}\n```\n",
        help.trim_end()
    ));
    for child in command
        .get_subcommands()
        .filter(|child| !child.is_hide_set())
    {
        describe(page, child, &format!("{name} "));
    }
}
