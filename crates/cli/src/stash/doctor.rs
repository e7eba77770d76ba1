//! `keepward stash doctor`: the whole table, read once and not changed.

use std::io::Read as _;
use std::path::Path;

use serde_json::json;
use stash::{Examine, Examined, Finding, Manifest, examine};

use crate::client::printable;
use crate::exit::{self, Failure, Kind, Outcome};
use crate::output;
use crate::ports::local;
use crate::progress::Progress;
use crate::stash::arguments::Doctor;
use crate::stash::session::Session;

pub(super) async fn run(session: &Session, asked: &Doctor) -> Outcome {
    let before = match &asked.manifest {
        Some(path) => read_manifest(path, session.secrets.table().as_str())?,
        None => None,
    };
    let progress = Progress::of(None);
    let examined = examine(
        &session.secrets,
        Examine {
            open: asked.open.then_some(&session.context),
            manifest: before.as_ref(),
        },
        &|rows| progress.tell(rows as u64, "rows"),
    )
    .await;
    drop(progress);
    let mut examined = session.told(examined)?;
    let went_back = examined.findings.iter().any(against_manifest);
    examined
        .findings
        .retain(|finding| !asked.ignore.iter().any(|kind| kind == finding.kind()));
    show(session, asked, &examined)?;
    if let Some(path) = &asked.manifest {
        if went_back && !asked.accept {
            output::warning(&format!(
                "{} was left as it is; --accept puts the state of now into it",
                path.display()
            ));
        } else {
            let text = output::pretty(&examined.manifest)?;
            ::local::replace_private_file(path, text.as_bytes()).map_err(local)?;
        }
    }
    match examined.findings.len() {
        0 => Ok(()),
        1 => Err(Failure::new(Kind::Findings, "1 finding")),
        found => Err(Failure::new(Kind::Findings, format!("{found} findings"))),
    }
}

fn against_manifest(finding: &Finding) -> bool {
    matches!(
        finding,
        Finding::WentBack { .. } | Finding::Replaced { .. } | Finding::Gone { .. }
    )
}

/// The state of before; `None` when there is no file yet.
fn read_manifest(path: &Path, table: &str) -> Outcome<Option<Manifest>> {
    let mut file = match std::fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| exit::file("reading", path, &error))?,
    };
    let bytes = manifest_bytes(&mut file, path)?;
    let manifest = Manifest::parse(&bytes)
        .map_err(|error| Failure::new(Kind::Usage, format!("{}: {error}", path.display())))?;
    if manifest.table() != table {
        return Err(Failure::new(
            Kind::Usage,
            format!(
                "{} is of the table {}, and this is {table}",
                path.display(),
                printable(manifest.table())
            ),
        )
        .hint("keep one manifest for each table"));
    }
    Ok(Some(manifest))
}

/// Nothing in it is secret.
fn manifest_bytes(file: &mut std::fs::File, path: &Path) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(Manifest::MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| exit::file("reading", path, &error))?;
    Ok(bytes)
}

fn show(session: &Session, asked: &Doctor, examined: &Examined) -> Outcome {
    if session.json {
        return output::json(&json!({
            "ok": examined.findings.is_empty(),
            "table": session.secrets.table().as_str(),
            "rows": examined.rows,
            "secrets": examined.secrets,
            "opened": asked.open,
            "findings": examined.findings,
        }));
    }
    output::text(&as_text(
        session.secrets.table().as_str(),
        asked.open,
        examined,
    ))
}

fn as_text(table: &str, opened: bool, examined: &Examined) -> String {
    let Examined {
        rows,
        secrets,
        findings,
        ..
    } = examined;
    let mut text = format!("table {table}: {rows} rows of {secrets} secrets\n");
    let mut heading = "";
    let mut advice = "";
    for finding in findings {
        let (kind, about) = finding.about();
        if kind != heading {
            if !advice.is_empty() {
                text.push_str(&format!("  {advice}\n"));
            }
            text.push_str(&format!("\n{kind}\n"));
            (heading, advice) = (kind, about);
        }
        text.push_str(&format!("  - {}\n", printable(&finding.to_string())));
    }
    if !advice.is_empty() {
        text.push_str(&format!("  {advice}\n"));
    }
    if findings.is_empty() {
        text.push_str("nothing is wrong\n");
    }
    if !opened {
        text.push_str("\nno row was opened; --open does that\n");
    }
    text
}
