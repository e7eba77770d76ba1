//! `list`, `keys` and `delete`: what the table holds, and away with it.

use std::collections::BTreeSet;

use stash::Listed;

use crate::credstash::arguments::Delete;
use crate::credstash::run::{Run, fault, name};
use crate::faces::Done;
use crate::output;

pub(crate) fn list(run: &Run) -> Done {
    let secrets = run.secrets()?;
    let listed = run.wait(secrets.list()).map_err(|error| fault(&error))?;
    Ok(output::lines(&lines(&listed))?)
}

pub(crate) fn keys(run: &Run) -> Done {
    let secrets = run.secrets()?;
    let listed = run.wait(secrets.list()).map_err(|error| fault(&error))?;
    let names: BTreeSet<_> = listed.iter().map(|one| one.name.as_str()).collect();
    let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
    Ok(output::lines(&lines)?)
}

/// All versions, each told before it goes.
pub(crate) fn delete(run: &Run, delete: &Delete) -> Done {
    let name = name(&delete.credential)?;
    let secrets = run.secrets()?;
    let versions = run
        .wait(secrets.versions(&name))
        .map_err(|error| fault(&error))?;
    for one in versions {
        output::lines(&format!("Deleting {name} -- version {}\n", one.version))?;
        run.wait(secrets.delete(&name, &one.version))
            .map_err(|error| fault(&error))?;
    }
    Ok(())
}

/// Shape: `NAME` filled to the longest, ` -- version TEXT -- comment C`, in the order given.
fn lines(listed: &[Listed]) -> String {
    let width = listed
        .iter()
        .map(|one| one.name.as_str().chars().count())
        .max()
        .unwrap_or_default();
    listed
        .iter()
        .map(|one| {
            let comment = one.comment.as_deref().unwrap_or_default();
            format!(
                "{:width$} -- version {} -- comment {comment}\n",
                one.name.as_str(),
                one.version
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use stash::Version;

    use super::*;

    #[test]
    fn lines_have_the_stored_version_and_end_with_a_blank_without_a_comment() {
        let listed =
            [("db.password", Some("a remark")), ("uni", None)].map(|(name, comment)| Listed {
                name: name.parse().unwrap(),
                version: Version::of(1),
                comment: comment.map(str::to_owned),
            });
        assert_eq!(
            lines(&listed),
            "db.password -- version 0000000000000000001 -- comment a remark\n\
             uni         -- version 0000000000000000001 -- comment \n"
        );
    }
}
