//! `keepward stash template`: text with secrets in it, as CredSmash renders it.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use keep::Plaintext;
use templates::{KeyFormat, Limits, Lookup, Secrets, Settings, TemplateError, render};
use tokio::runtime::Runtime;

use crate::client::printable;
use crate::exit::{self, Failure, Kind, Outcome, internal};
use crate::stash::arguments::{Repair, Template};
use crate::stash::session::Session;
use crate::stash::value_source::limited;
use crate::stash::written;

/// Renders; the file is written only when all went well.
pub(super) fn run(runtime: &Runtime, session: Session, asked: &Template) -> Outcome {
    let text = read(&asked.template)?;
    let text = str::from_utf8(&text).map_err(|_| {
        let path = asked.template.display();
        Failure::new(Kind::Usage, format!("{path} is not UTF-8 text"))
    })?;
    // Rendering waits for each look-up, on a thread that the runtime does not run on.
    let (ask, mut asked_for) = tokio::sync::mpsc::unbounded_channel::<Question>();
    let rendered = std::thread::scope(|scope| {
        let renders = scope.spawn(move || {
            let format = KeyFormat::new("{0}")?;
            let secrets = Secrets::new(Arc::new(Asking(ask)), format);
            render(text, &secrets, &Settings::default())
        });
        runtime.block_on(async {
            while let Some(Question { name, answer }) = asked_for.recv().await {
                // Who does not wait any more has failed already.
                let _gone = answer.send(look_up(&session, &name).await);
            }
        });
        renders.join()
    });
    let rendered = rendered.map_err(|_| internal("rendering", "it did not end"))?;
    let rendered = rendered.map_err(|error| told(&error))?;
    written::bytes(asked.out.as_deref(), rendered.expose())
}

fn read(path: &Path) -> Outcome<zeroize::Zeroizing<Vec<u8>>> {
    let limit = Limits::default().template;
    if path.as_os_str() == "-" {
        return limited(&mut std::io::stdin().lock(), path, limit);
    }
    let mut file =
        std::fs::File::open(path).map_err(|error| exit::file("reading", path, &error))?;
    limited(&mut file, path, limit)
}

/// One look-up, and where its answer goes.
struct Question {
    name: String,
    answer: std::sync::mpsc::SyncSender<Outcome<Option<Plaintext>>>,
}

/// Asks the thread that speaks with the table.
struct Asking(tokio::sync::mpsc::UnboundedSender<Question>);

impl Lookup for Asking {
    fn look_up(&self, name: &str) -> Result<Option<Plaintext>, Box<dyn Error + Send + Sync>> {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        let name = name.to_owned();
        self.0
            .send(Question { name, answer })
            .map_err(|_| "nobody answers")?;
        Ok(answered.recv()?.map_err(Refused)?)
    }
}

/// A failure on its way through the renderer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(Failure);

async fn look_up(session: &Session, name: &str) -> Outcome<Option<Plaintext>> {
    let Ok(name) = name.parse() else {
        return Ok(None);
    };
    match session.told(session.secrets.newest(&name).await)? {
        None => Ok(None),
        Some(record) => session
            .open_value(&record, Repair::default())
            .await
            .map(Some),
    }
}

fn told(error: &TemplateError) -> Failure {
    let refused = error
        .source()
        .and_then(|source| source.downcast_ref::<Refused>());
    let what = printable(&error.to_string());
    match refused {
        Some(Refused(failure)) => {
            Failure::new(failure.kind(), format!("{what}: {}", failure.what())).like(failure)
        }
        None => Failure::new(Kind::Usage, what),
    }
}
