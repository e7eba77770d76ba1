//! `keepward exec`: a command with a service's secrets in its environment, and nowhere else.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::arguments::Exec;
use crate::client::{Client, printable};
use crate::environment;
use crate::exit::{Failure, Kind, Outcome};
use crate::served;
use crate::variables::Variable;

/// Becomes the command. What this process held in memory is gone with that, its id and its signals
/// are the command's from then on, and so is its exit status.
///
/// Errors: before the command runs, as every command; `NoSuchCommand`, `CannotRun` as `env`.
pub(crate) fn run(exec: &Exec) -> Outcome {
    let (program, arguments) = exec
        .command
        .split_first()
        .ok_or_else(|| Failure::new(Kind::Usage, "there is no command after --"))?;
    let client = Client::connect(&exec.connection)?;
    let service = served::service(&client, exec.service.as_deref(), &exec.blind)?;
    let mut variables = exec.naming.variables(service);
    variables.leave_out_unless(
        Variable::fits_environment,
        "cannot be in an environment (no name, or = or NUL in it)",
    );
    if exec.naming.strict {
        variables.remark_on(|one| !one.is_shell_name(), "is not a name that shells take");
        let pristine = exec.pristine;
        variables.remark_on(
            |one| {
                if pristine {
                    one.name == "PATH"
                } else {
                    environment::has(&one.name)
                }
            },
            "would replace what is in the environment",
        );
    }
    let variables = variables.settle(exec.naming.strict)?;

    Err(become_command(
        program,
        arguments,
        exec.pristine,
        &variables,
    ))
}

/// Becomes this command, with these variables in its environment; with `pristine`, with nothing else
/// there but a minimal PATH. Returns only when that failed.
pub(crate) fn become_command(
    program: &OsStr,
    arguments: &[OsString],
    pristine: bool,
    variables: &[Variable],
) -> Failure {
    let mut command = Command::new(program);
    command.args(arguments);
    if pristine {
        command.env_clear().env("PATH", MINIMAL_PATH);
    }
    for variable in variables {
        command.env(&variable.name, variable.expose());
    }
    let error = command.exec();
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => Kind::NoSuchCommand,
        _ => Kind::CannotRun,
    };
    let program = printable(&program.to_string_lossy());
    let failure = Failure::new(kind, format!("running {program}: {error}"));
    match error.kind() {
        std::io::ErrorKind::ArgumentListTooLong => failure.hint(
            "an environment holds about 2 MiB, and 128 KiB in one variable; \
             secrets that do not fit can be written to a file instead",
        ),
        std::io::ErrorKind::NotFound if pristine => failure.hint(format!(
            "with --pristine it is looked for in {MINIMAL_PATH}; an absolute path finds others"
        )),
        _ => failure,
    }
}

/// The `PATH` of a command that gets nothing else of this environment.
const MINIMAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
