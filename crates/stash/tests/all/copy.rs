//! Copying between tables under faults and kills.

use std::sync::Arc;

use keep::simulator::{Faults, MemoryTable, World, under_seeds};
use keep::{EncryptionContext, TableError, Value};
use stash::{Binding, Copied, Copy, Error, Form, Record, Sealing, Secrets, copy};

use crate::ground::{Dying, Ground, sealing, v};

fn there() -> Sealing {
    Sealing {
        context: EncryptionContext::new([("region", "eu")]),
        ..sealing(Form::CREDSMASH)
    }
}

async fn run(from: &Secrets, to: &Secrets, newest: bool, write: bool) -> Result<Copied, Error> {
    let asked = Copy {
        context: &EncryptionContext::default(),
        to,
        sealing: &there(),
        newest,
        le_counter: false,
        wanted: &|name| name.as_str() != "not wanted",
        write,
    };
    copy(from, asked, &|_| ()).await
}

async fn fill(ground: &Ground) {
    ground.put("db", &v(1), "one").await;
    ground.put("db", &v(2), "two").await;
    ground
        .change(("db", &v(2)), "comment", Some(Value::s("a remark")))
        .await;
    ground
        .put_as("web", &v(7), "w", &sealing(Form::CREDSMASH))
        .await;
    ground.put("not wanted", &v(1), "n").await;
}

async fn filled() -> Ground {
    let ground = Ground::new().await;
    fill(&ground).await;
    ground
}

/// Name, version, comment and value of each row.
async fn values(ground: &Ground) -> Vec<String> {
    let mut values = Vec::new();
    let secrets = ground.calm().with_binding(Binding::Bound);
    for item in ground.rows().await.values() {
        let record = Record::of(item).unwrap();
        let value = secrets.open(&record, &there().context).await.unwrap();
        values.push(format!(
            "{} {} {:?} {}",
            record.name,
            record.version.number().unwrap(),
            record.sealed.comment.as_deref(),
            String::from_utf8(value.expose().to_vec()).unwrap()
        ));
    }
    values
}

const ALL: [&str; 3] = [
    "db 1 None one",
    "db 2 Some(\"a remark\") two",
    "web 7 None w",
];

#[tokio::test]
async fn versions_comments_and_values_are_kept_under_the_other_keys() {
    let (from, to) = (filled().await, Ground::new().await);
    let shown = run(&from.calm(), &to.calm(), false, false).await.unwrap();
    assert_eq!(shown.copied.len(), 3);
    assert!(to.rows().await.is_empty(), "a dry run writes nothing");
    let done = run(&from.calm(), &to.calm(), false, true).await.unwrap();
    assert_eq!(done.copied, shown.copied);
    assert_eq!(values(&to).await, ALL);
    let again = run(&from.calm(), &to.calm(), false, true).await.unwrap();
    assert_eq!((again.copied.len(), again.same), (0, 3));
}

#[tokio::test]
async fn only_the_newest_is_copied_when_asked_and_copies_can_be_bound() {
    let (from, to) = (filled().await, Ground::new().await);
    let bound = to.calm().with_binding(Binding::Required);
    let done = run(&from.calm(), &bound, true, true).await.unwrap();
    assert_eq!(done.copied.len(), 2);
    assert_eq!(values(&to).await, &ALL[1..]);
    for item in to.rows().await.values() {
        let record = Record::of(item).unwrap();
        bound.open(&record, &there().context).await.unwrap();
    }
}

#[tokio::test]
async fn what_does_not_open_or_does_not_fit_there_is_told_and_the_others_are_copied() {
    let (from, to) = (filled().await, Ground::new().await);
    from.put_as("closed", &v(1), "c", &there()).await;
    // Base64 takes a third more.
    let large = "x".repeat(310_000);
    from.put_as("large", &v(1), &large, &sealing(Form::CREDSMASH))
        .await;
    let copied = async |write| {
        let asked = Copy {
            context: &EncryptionContext::default(),
            to: &to.calm(),
            sealing: &sealing(Form::CREDSTASH),
            newest: false,
            le_counter: false,
            wanted: &|_| true,
            write,
        };
        let done = copy(&from.calm(), asked, &|_| ()).await.unwrap();
        assert_eq!(done.stopped, None);
        let failed: Vec<_> = done.failed.into_iter().map(|(place, _)| place).collect();
        (done.copied.len(), failed)
    };
    let closed = format!("closed version {}", v(1));
    assert_eq!(copied(false).await, (5, vec![closed.clone()]));
    let (done, mut failed) = copied(true).await;
    failed.sort();
    assert_eq!(
        (done, failed),
        (4, vec![closed, format!("large version {}", v(1))])
    );
}

#[tokio::test]
async fn what_is_there_with_another_value_is_not_written_over() {
    let (from, to) = (filled().await, Ground::new().await);
    to.put_as("db", &v(2), "mine", &there()).await;
    let done = run(&from.calm(), &to.calm(), false, true).await.unwrap();
    let differing: Vec<_> = done.differing.iter().map(ToString::to_string).collect();
    assert_eq!(differing, [format!("db version {}", v(2))]);
    assert_eq!(done.copied.len(), 2);
    assert_eq!(values(&to).await[1], "db 2 None mine");
}

#[tokio::test]
async fn killed_at_any_write_it_goes_on() {
    for writes in 0..3 {
        let (from, to) = (filled().await, Ground::new().await);
        let dying = to.over(Dying::after(writes, &to.table));
        let stopped = run(&from.calm(), &dying, false, true).await.unwrap();
        assert!(stopped.stopped.is_some());
        let done = run(&from.calm(), &to.calm(), false, true).await.unwrap();
        assert_eq!((done.copied.len(), done.same), (3 - writes, writes));
        assert_eq!(values(&to).await, ALL);
    }
}

#[tokio::test]
async fn under_faults_on_both_sides_all_is_copied_once() {
    let runs = std::cell::Cell::new(0);
    let seeds = under_seeds(200, async |seed| {
        let world = World::new(seed, Faults::harsh());
        let from = Ground::of(Arc::clone(&world), Arc::new(MemoryTable::default())).await;
        let to = Ground::of(world, Arc::new(MemoryTable::default())).await;
        fill(&from).await;
        for tries in 1.. {
            assert!(tries < 100, "it never ends");
            runs.set(runs.get() + 1);
            match run(&from.secrets, &to.secrets, false, true).await {
                Ok(Copied {
                    stopped: None,
                    failed,
                    differing,
                    ..
                }) if failed.is_empty() => {
                    assert_eq!(differing, []);
                    break;
                }
                Ok(Copied {
                    stopped, failed, ..
                }) => {
                    for error in stopped
                        .into_iter()
                        .chain(failed.into_iter().map(|(_, error)| error))
                    {
                        assert!(passes(&error), "{error}");
                    }
                }
                Err(error) => assert!(passes(&error), "{error}"),
            }
        }
        to.world.calm().await;
        assert_eq!(values(&to).await, ALL);
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
