//! Runs one command of `keepward stash` on an opened table.

use crate::exit::{Outcome, internal};
use crate::stash::arguments::{Stash, StashCommand};
use crate::stash::session::Session;
use crate::stash::{
    copy, delete, doctor, exec, export, get, import, list, migrate, put, rewrap, setup, template,
};

pub(crate) fn run(stash: &Stash) -> Outcome {
    let Stash { options, command } = stash;
    // One thread is enough: it waits for answers nearly all the time, and starts at once.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| internal("starting the runtime", error))?;
    let session = runtime.block_on(Session::open(options))?;
    match command {
        // Renders between its look-ups.
        StashCommand::Template(asked) => return template::run(&runtime, session, asked),
        // Ends this process.
        StashCommand::Exec(asked) => {
            let variables = runtime.block_on(exec::variables(&session, asked))?;
            drop(session);
            return exec::run(asked, &variables);
        }
        _ => {}
    }
    runtime.block_on(async {
        match command {
            StashCommand::Get(asked) => get::run(&session, asked).await,
            StashCommand::Put(asked) => put::run(&session, asked).await,
            StashCommand::List(asked) => list::list(&session, asked).await,
            StashCommand::Versions { name } => list::versions(&session, name).await,
            StashCommand::Find { pattern } => list::find(&session, pattern).await,
            StashCommand::Delete(asked) => delete::delete(&session, asked).await,
            StashCommand::Prune(asked) => delete::prune(&session, asked).await,
            StashCommand::Export(asked) => export::run(&session, asked).await,
            StashCommand::Import(asked) => import::run(&session, asked).await,
            StashCommand::Doctor(asked) => doctor::run(&session, asked).await,
            StashCommand::Rewrap(asked) => rewrap::run(&session, options.bind, asked).await,
            StashCommand::Migrate(asked) => migrate::run(&session, asked).await,
            StashCommand::Copy(asked) => copy::run(&session, options, asked).await,
            StashCommand::Setup => setup::run(&session).await,
            StashCommand::Template(_) | StashCommand::Exec(_) => Ok(()),
        }
    })
}
