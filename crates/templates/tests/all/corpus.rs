//! Every template of the corpus comes out as in the real CredSmash, or as the table of differences says.

use std::collections::BTreeMap;

use crate::table::{Corpus, Outcome, differences, manual};

#[test]
fn every_template_comes_out_as_in_credsmash_or_as_the_table_of_differences_says() {
    let corpus = Corpus::read();
    assert_eq!(corpus.cases.len(), 885, "cases were added or lost");
    let mut listed: BTreeMap<String, Outcome> = BTreeMap::new();
    for difference in differences() {
        for (id, ours) in difference.cases {
            assert!(
                listed.insert(id.clone(), ours).is_none(),
                "{id} stands in the table twice"
            );
        }
    }
    let mut wrong = Vec::new();
    for case in &corpus.cases {
        let ours = corpus.ours(case);
        match (ours.is_as(&case.expect), listed.remove(&case.id)) {
            (true, None) => {}
            (true, Some(_)) => wrong.push(format!(
                "{} differs no more: take it out of the table",
                case.id
            )),
            (false, Some(told)) if told == ours => {}
            (false, told) => wrong.push(format!(
                "{} {:?}\n  CredSmash {:?}\n  ours {ours:?}\n  the table says {told:?}",
                case.id, case.template, case.expect
            )),
        }
    }
    wrong.extend(
        listed
            .into_keys()
            .map(|id| format!("{id} is in the table and is no case")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_manual_page_holds_the_table_as_it_is() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/templates.md");
    assert!(
        std::fs::read_to_string(path).unwrap_or_default() == manual(),
        "docs/templates.md is old: cargo run -p templates --example manual > docs/templates.md"
    );
}
