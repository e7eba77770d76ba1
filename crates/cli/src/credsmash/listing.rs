//! `list`: all secrets and their versions.

use documents::pattern::Pattern;
use stash::Listed;

use crate::credsmash::arguments::List;
use crate::credsmash::run::Run;
use crate::credsmash::version::Number;
use crate::faces::Done;
use crate::output;

pub(crate) fn list(run: &Run, list: &List) -> Done {
    let secrets = run.secrets()?;
    let mut listed = run
        .wait(secrets.list())
        .map_err(|error| run.fault(&error))?;
    // An empty pattern is none.
    if let Some(pattern) = list
        .pattern
        .as_deref()
        .filter(|pattern| !pattern.is_empty())
    {
        let pattern = Pattern::fnmatch(pattern);
        listed.retain(|one| pattern.matches(one.name.as_str()));
    }
    Ok(output::lines(&lines(listed))?)
}

/// Shape: `NAME` filled to the longest, ` -- version N`; by name, then by number.
fn lines(listed: Vec<Listed>) -> String {
    let mut rows: Vec<_> = listed
        .into_iter()
        .map(|one| (one.name, Number::of(one.version.as_str())))
        .collect();
    rows.sort();
    let width = rows
        .iter()
        .map(|(name, _)| name.as_str().chars().count())
        .max()
        .unwrap_or_default();
    rows.iter()
        .map(|(name, version)| format!("{:width$} -- version {version}\n", name.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use stash::Version;

    use super::*;

    #[test]
    fn lines_are_by_name_and_number_and_texts_come_last() {
        let listed = [
            ("b", "0000000000000000010"),
            ("b", "00000000000000rel-1"),
            ("b", "9"),
            ("äaaa", "0000000000000000001"),
        ]
        .map(|(name, version)| Listed {
            name: name.parse().unwrap(),
            version: Version::stored(version),
            comment: None,
        });
        assert_eq!(
            lines(listed.to_vec()),
            "b    -- version 9\nb    -- version 10\nb    -- version 00000000000000rel-1\näaaa -- version 1\n"
        );
    }

    #[test]
    fn nothing_is_no_line() {
        assert_eq!(lines(vec![]), "");
    }
}
