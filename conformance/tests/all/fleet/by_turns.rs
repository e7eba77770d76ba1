//! By turns: after each random operation, whoever did it, both read the same.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::operations::{OPERATIONS, Operation, Shown, Stage};
use super::{Draw, Fleet, Side};

#[test]
fn the_real_confidant_and_keepward_read_the_same_after_every_operation_of_either() {
    let operations = if testkit::long() { 1_000 } else { 150 };
    let seed = testkit::seed();
    let fleet = Fleet::start();
    let mut stage = Stage::new(&fleet, Draw::new(seed));
    let mut done: BTreeMap<(&str, Side), usize> = BTreeMap::new();
    let mut last = String::new();

    for number in 1..=operations {
        let (operation, shown) = loop {
            stage.side = stage.draw.side();
            let operation = draw(&stage.draw);
            // One that needs what nobody has made yet is drawn again.
            if let Some(shown) = (operation.play)(&mut stage) {
                break (operation, shown);
            }
        };
        *done.entry((operation.name, stage.side)).or_default() += 1;
        last = format!(
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
    for operation in OPERATIONS {
        for side in [Side::Keepward, Side::Confidant] {
            let times = done.get(&(operation.name, side)).copied().unwrap_or(0);
            assert!(
                times > 0,
                "{side:?} never came to {}; after {last}",
                operation.name
            );
        }
    }
    fleet.stop();
}

fn draw(draw: &Draw) -> &'static Operation {
    let weights: usize = OPERATIONS.iter().map(|operation| operation.weight).sum();
    let mut place = draw.below(weights);
    OPERATIONS
        .iter()
        .find(|operation| {
            let here = place < operation.weight;
            place = place.saturating_sub(operation.weight);
            here
        })
        .expect("the weights add up")
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
