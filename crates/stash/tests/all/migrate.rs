//! Padding versions under faults, kills and other writers.

use std::sync::Arc;

use keep::simulator::{Faults, MemoryTable, World, under_seeds};
use keep::{Item, TableError, Value};
use stash::{Binding, Error, Form, Left, Migrated, Secrets, migrate, plan_migration};

use crate::ground::{Dying, Ground, Rows, sealing, v};

async fn run(secrets: &Secrets) -> Result<Migrated, Error> {
    let planned = plan_migration(secrets, &|_| true).await?;
    Ok(migrate(secrets, planned, &|_| ()).await)
}

/// Eleven versions of a release that never padded, with a comment and an attribute of another tool.
async fn fill(ground: &Ground) {
    for number in 1..=11 {
        let version = number.to_string();
        ground.put("db", &version, &format!("value {number}")).await;
        ground
            .change(("db", &version), "comment", Some(Value::s("kept")))
            .await;
        ground
            .change(("db", &version), "created_at", Some(Value::n(number)))
            .await;
        ground.change(("db", &version), "digest", None).await;
    }
    ground.put("web", &v(3), "padded").await;
}

async fn filled() -> Ground {
    let ground = Ground::new().await;
    fill(&ground).await;
    ground
}

/// The rows as they shall be: padded, and else as they were.
fn padded(before: &Rows) -> Rows {
    let mut after = Rows::new();
    for ((name, version), item) in before {
        let version = v(version.parse().unwrap());
        let mut item: Item = item.clone();
        item.insert("version".to_owned(), Value::s(&version));
        after.insert((name.clone(), version), item);
    }
    after
}

#[tokio::test]
async fn every_unpadded_row_moves_with_all_it_has() {
    let ground = filled().await;
    assert_eq!(ground.read("db").await, "value 9");
    let before = ground.rows().await;
    let planned = plan_migration(&ground.calm(), &|_| true).await.unwrap();
    assert_eq!((planned.moves.len(), planned.left.len()), (11, 0));
    assert_eq!(ground.rows().await, before, "a plan changes nothing");
    let done = run(&ground.calm()).await.unwrap();
    assert_eq!(
        (done.moved.len(), done.left.len(), done.failed.len()),
        (11, 0, 0)
    );
    assert_eq!(ground.rows().await, padded(&before));
    assert_eq!(ground.read("db").await, "value 11");
    let again = run(&ground.calm()).await.unwrap();
    assert_eq!(again.moved.len(), 0);
}

#[tokio::test]
async fn killed_at_any_write_it_goes_on_and_readers_see_what_they_saw_until_the_end() {
    for writes in 0..22 {
        let ground = filled().await;
        let before = ground.rows().await;
        let stopped = run(&ground.over(Dying::after(writes, &ground.table)))
            .await
            .unwrap();
        assert!(!stopped.failed.is_empty(), "after {writes} writes");
        // The old row that is read goes last.
        assert_eq!(ground.read("db").await, "value 9", "after {writes} writes");
        let done = run(&ground.calm()).await.unwrap();
        assert_eq!((done.left.len(), done.failed.len()), (0, 0));
        assert_eq!(
            ground.rows().await,
            padded(&before),
            "after {writes} writes"
        );
    }
}

#[tokio::test]
async fn what_cannot_move_stays_as_it_is_and_is_told() {
    let ground = Ground::new().await;
    ground.put("db", "2", "two").await;
    ground.put("db", &v(2), "another two").await;
    ground.put("db", "02", "a third").await;
    ground.put("rel", "rel-1", "text").await;
    let sealing = sealing(Form::CREDSTASH);
    ground
        .put_bound("bound", "7", "b", &sealing, Binding::Bound)
        .await;
    let before = ground.rows().await;
    let mut done = run(&ground.calm()).await.unwrap();
    done.left.sort_by(|one, other| one.0.cmp(&other.0));
    let left: Vec<_> = done
        .left
        .iter()
        .map(|(place, why)| (place.to_string(), *why))
        .collect();
    assert_eq!(
        left,
        [
            ("bound version 7".to_owned(), Left::Bound),
            ("db version 02".to_owned(), Left::Taken),
            ("db version 2".to_owned(), Left::Taken),
            ("rel version rel-1".to_owned(), Left::NoNumber),
        ]
    );
    assert_eq!(ground.rows().await, before);
}

#[tokio::test]
async fn a_row_rewrapped_between_the_copy_and_the_deletion_is_no_other_value() {
    let ground = Ground::new().await;
    ground.put("db", "2", "two").await;
    // The copy of a run that was killed.
    ground.copy_row(("db", "2"), ("db", &v(2))).await;
    let new = ground.keys.rotate().unwrap();
    let asked = stash::Rewrap {
        master: &new.0,
        context: &keep::EncryptionContext::default(),
        wanted: &|_| true,
        write: true,
    };
    stash::rewrap(&ground.calm(), asked, &|_| ()).await.unwrap();
    let done = run(&ground.calm()).await.unwrap();
    assert_eq!((done.moved.len(), done.left.len()), (1, 0));
    assert_eq!(ground.rows().await.len(), 1);
    assert_eq!(ground.read("db").await, "two");
}

#[tokio::test]
async fn under_faults_no_value_is_lost_and_in_the_end_all_are_padded() {
    let runs = std::cell::Cell::new(0);
    let seeds = under_seeds(200, async |seed| {
        let world = World::new(seed, Faults::harsh());
        let ground = Ground::of(world, Arc::new(MemoryTable::default())).await;
        fill(&ground).await;
        let before = ground.rows().await;
        for tries in 1.. {
            assert!(tries < 100, "it never ends");
            runs.set(runs.get() + 1);
            let done = run(&ground.secrets).await;
            let read = ground.read("db").await;
            assert!(["value 9", "value 11"].contains(&read.as_str()), "{read}");
            match done {
                Ok(Migrated { failed, left, .. }) => {
                    assert_eq!(left, []);
                    if failed.is_empty() {
                        break;
                    }
                    assert!(failed.iter().all(|(_, error)| passes(error)), "{failed:?}");
                }
                Err(error) => assert!(passes(&error), "{error}"),
            }
        }
        ground.world.calm().await;
        assert_eq!(ground.rows().await, padded(&before));
    })
    .await;
    println!("{seeds} seeds, {} runs", runs.get());
}

fn passes(error: &Error) -> bool {
    let doubt = matches!(
        error,
        Error::Table {
            source: TableError::Ambiguous(_),
            ..
        }
    );
    doubt || error.may_pass()
}
