//! `cargo xtask promises`: every test that `docs/guarantees.md` names exists.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::machine::Machine;

/// Returns how many tests and groups of tests are named.
///
/// Errors: names those that are not there, or says that none is named.
pub(crate) fn check(machine: &Machine) -> Result<usize> {
    let page = machine.root.join("docs/guarantees.md");
    let page = std::fs::read_to_string(&page)
        .with_context(|| format!("cannot read {}", page.display()))?;
    let mut known = BTreeSet::new();
    for folder in ["crates", "conformance", "xtask", "bench", "fuzz"] {
        gather(&machine.root.join(folder), &mut known)?;
    }
    let named = named(&page);
    if named.is_empty() {
        bail!("docs/guarantees.md names no test");
    }
    let missing: Vec<_> = named.iter().filter(|name| !known.contains(*name)).collect();
    if !missing.is_empty() {
        bail!("docs/guarantees.md names tests that do not exist: {missing:?}");
    }
    Ok(named.len())
}

/// The names in the right-hand column: `name_of_a_test`, `a_module::` or `a_macro!`.
fn named(page: &str) -> BTreeSet<String> {
    let rows = page.lines().filter(|line| line.starts_with("| "));
    rows.filter_map(|row| row.split(" | ").nth(1))
        .flat_map(|cell| {
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .filter(|name| name.contains('_') || name.ends_with("::") || name.ends_with('!'))
        .map(|name| match name.strip_suffix("::") {
            Some(module) => format!("{}::", module.rsplit("::").next().unwrap_or(module)),
            None => name.rsplit("::").next().unwrap_or(&name).to_owned(),
        })
        .collect()
}

/// What the sources declare, in the forms of [`named`].
fn gather(folder: &Path, known: &mut BTreeSet<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                gather(&path, known)?;
            }
            continue;
        }
        if !path
            .extension()
            .is_some_and(|kind| kind == "rs" || kind == "py")
        {
            continue;
        }
        if let Some(module) = path.file_stem().and_then(|stem| stem.to_str()) {
            known.insert(format!("{module}::"));
        }
        for line in std::fs::read_to_string(&path)?.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            for pair in words.windows(2) {
                if let [kind @ ("fn" | "def" | "mod" | "macro_rules!"), name] = pair {
                    let end = name.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
                    let name = name.get(..end.unwrap_or(name.len())).unwrap_or_default();
                    known.insert(match *kind {
                        "mod" => format!("{name}::"),
                        "macro_rules!" => format!("{name}!"),
                        _ => name.to_owned(),
                    });
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_right_hand_column_are_read_in_their_three_forms() {
        let page = "| promise `not_this` | shown by |\n|---|---|\n| p | `seal` `laws::`, `a::b::laws_hold`, `table_contract!` |\n";
        let found: Vec<_> = named(page).into_iter().collect();
        assert_eq!(found, ["laws::", "laws_hold", "table_contract!"]);
    }

    #[test]
    fn every_promise_of_this_repository_names_tests_that_exist() {
        assert!(check(&Machine::here().unwrap()).unwrap() > 20);
    }
}
