//! The command line's manual, made from the same declarations that parse it.

use clap::{Command, CommandFactory};

use crate::arguments::Arguments;
use crate::exit::{EXIT_CODES, Outcome};
use crate::output;
use crate::{credsmash, credstash};

/// Prints `docs/cli.md`; a test compares the two.
pub(crate) fn run() -> Outcome {
    let mut page = String::from(
        "# Command line\n\n\
         This page is made by `keepward admin reference`. Values of secrets never stand on a command line: they come\n\
         by prompt, standard input or file. `keepward credstash put` and `putall` alone take them there too, as credstash does.\n\n\
         ## Exit codes\n\n| code | meaning |\n|---|---|\n| 0 | done |\n",
    );
    for (kind, meaning) in EXIT_CODES {
        page.push_str(&format!("| {} | {meaning} |\n", kind.code()));
    }
    page.push_str(
        "\n`keepward credsmash` and `keepward credstash` end as the tools they stand for: 0 done, 2 the command line or a\n\
         file that it names is wrong, 1 anything else.\n",
    );
    let mut program = Arguments::command()
        .term_width(100)
        .disable_help_subcommand(true);
    program.build();
    describe(&mut page, &program, "");
    for face in [
        credsmash::arguments::Arguments::command(),
        credstash::arguments::Arguments::command(),
    ] {
        let name = format!("keepward {}", face.get_name());
        let mut face = face.term_width(100).bin_name(name);
        face.build();
        describe(&mut page, &face, "keepward ");
    }
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
        .filter(|child| !child.is_hide_set() && !is_face(&name, child))
    {
        describe(page, child, &format!("{name} "));
    }
}

/// Whether this is an entry in our list of commands for one that has a parser, and so a part, of its own.
fn is_face(parent: &str, child: &Command) -> bool {
    parent == "keepward" && matches!(child.get_name(), "credsmash" | "credstash")
}
