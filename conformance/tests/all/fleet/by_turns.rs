//! By turns: after each random operation, whoever did it, both read the same.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::history;
use super::operations::{OPERATIONS, Operation, Shown, Stage};
use super::{Draw, Fleet, Side};

#[test]
fn the_real_confidant_and_keepward_read_the_same_after_every_operation_of_either() {
    let operations = if testkit::long() { 1_000 } else { 150 };
    let seed = testkit::seed();
    let fleet = Fleet::start();
    let mut stage = Stage::new(&fleet, Draw::new(seed));
    let (mut cards, mut done) = (Vec::new(), BTreeMap::<_, usize>::new());

    for number in 1..=operations {
        let (operation, shown) = play_a_card(&mut cards, &mut stage);
        *done.entry((operation.name, stage.side)).or_default() += 1;
        let last = format!(
            "operation {number}, {}, by {:?}",
            operation.name, stage.side
        );
        println!("{last}");
        for Shown { path, fields } in shown {
            let read = fleet.read(&path);
            for (field, wanted) in fields {
                assert_eq!(
                    as_shown(&read[&field], &wanted),
                    wanted,
                    "{last}: {field} of {path}"
                );
            }
            let revisions = read["revision"].as_u64().expect("a revision");
            for path in history::paths(&stage, &path, revisions) {
                fleet.read(&path);
            }
            stage.saw(&path, read);
        }
        for (list, names) in stage.lists() {
            let read = fleet.read(list.path);
            let things = read[list.field].as_array().expect("a list");
            let mut listed: Vec<_> = things
                .iter()
                .map(|thing| thing[list.name].clone())
                .collect();
            listed.sort_by_key(Value::to_string);
            assert_eq!(listed, names, "{last}: {}", list.path);
        }
    }
    println!("{done:?}");
    for list in ["credentials", "services", "blind_credentials"] {
        page_through(&fleet, &format!("/v1/archive/{list}"), list);
        page_through(&fleet, &format!("/v1/{list}"), list);
    }
    fleet.stop();
}

/// Both give the same pages, and go on at each other's page tokens.
fn page_through(fleet: &Fleet, path: &str, list: &str) {
    let whole = fleet.read(path);
    let (mut found, mut page) = (0, String::new());
    loop {
        let read = fleet.read(&format!("{path}?limit=7{page}"));
        found += read[list].as_array().expect("a list").len();
        let Some(next) = read["next_page"].as_str() else {
            break;
        };
        page = format!("&page={}", next.replace('+', "%2B").replace('=', "%3D"));
    }
    assert_eq!(Some(found), whole[list].as_array().map(Vec::len), "{path}");
}

/// Plays one of the cards, which come back when all have been played: so each operation comes to
/// each side soon and often, in an order by chance.
fn play_a_card(
    cards: &mut Vec<(&'static Operation, Side)>,
    stage: &mut Stage<'_>,
) -> (&'static Operation, Vec<Shown>) {
    let mut stuck = 0;
    loop {
        // When what is left waits for something, others bring it.
        if cards.is_empty() || stuck > 2 * cards.len() {
            for operation in OPERATIONS {
                for side in [Side::Keepward, Side::Confidant] {
                    cards.extend(std::iter::repeat_n((operation, side), operation.weight));
                }
            }
        }
        let place = stage.draw.below(cards.len());
        let (operation, side) = cards[place];
        stage.side = side;
        if let Some(shown) = (operation.play)(stage) {
            cards.swap_remove(place);
            return (operation, shown);
        }
        stuck += 1;
    }
}

/// Things that are wanted by id alone are shown by id alone.
fn as_shown(read: &Value, wanted: &Value) -> Value {
    match (read.as_array(), wanted.as_array()) {
        (Some(things), Some(ids)) if ids.iter().all(Value::is_string) => things
            .iter()
            .map(|thing| thing.get("id").unwrap_or(thing).clone())
            .collect(),
        _ => match read {
            Value::Null => json!(null),
            read => read.clone(),
        },
    }
}
