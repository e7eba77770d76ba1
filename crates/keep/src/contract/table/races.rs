//! Many writers at once.

use futures_util::future::join_all;

use crate::contract::Ground;
use crate::contract::ground::{Layout, Rows, item, numbered};
use crate::{Action, Clause, Condition, Item, Key, TableError, Value};

/// Applies what `change` makes of the items read, and reads again when somebody was faster.
async fn settle(rows: &Rows, keys: &[Key], change: impl Fn(&[Item]) -> Vec<Action>) {
    for _ in 0..100_000 {
        let mut seen = Vec::new();
        for key in keys {
            seen.push(rows.get(key).await.expect("the item"));
        }
        match rows.transact(change(&seen)).await {
            Ok(()) => return,
            Err(TableError::ConditionFailed(_) | TableError::Conflict | TableError::Throttled) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("a writer never got through");
}

fn number(item: &Item) -> u64 {
    item["number"].as_u64().expect("a number")
}

fn at(number: u64) -> Vec<Clause> {
    vec![Clause::Equals("number".to_owned(), Value::n(number))]
}

/// 8 tasks of 10 conditional increments each, by put and by update, count to 80.
pub async fn concurrent_increments_are_never_lost(ground: Ground) {
    const TASKS: u64 = 8;
    const EACH: u64 = 10;
    let rows = ground.rows(Layout::Plain).await;
    rows.put(numbered("counter", 0)).await;
    let tasks = (0..TASKS).map(|task| {
        let rows = rows.clone();
        tokio::spawn(async move {
            for _ in 0..EACH {
                settle(&rows, &[Key::id("counter")], |seen| {
                    let now = number(&seen[0]);
                    vec![match task % 2 {
                        0 => rows.putting_if(numbered("counter", now + 1), at(now)),
                        _ => rows.updating_if(
                            Key::id("counter"),
                            "number",
                            Some(Value::n(now + 1)),
                            at(now),
                        ),
                    }]
                })
                .await;
            }
        })
    });
    for task in join_all(tasks).await {
        task.expect("a writer");
    }
    assert_eq!(
        rows.get(&Key::id("counter")).await,
        Some(numbered("counter", TASKS * EACH))
    );
}

/// Of 16 who create one item at once, by a put and by a transaction, one is told that it did.
pub async fn one_of_many_creators_wins(ground: Ground) {
    let rows = ground.rows(Layout::Plain).await;
    for round in 0..5 {
        let id = format!("round{round}");
        let tasks = (0..16).map(|task: u64| {
            let (rows, id) = (rows.clone(), id.clone());
            tokio::spawn(async move {
                let mut actions =
                    vec![rows.putting_if(numbered(&id, task), Condition::new_item("id").0)];
                if task.is_multiple_of(2) {
                    actions.push(rows.putting(numbered(&format!("{id}-{task}"), task)));
                }
                loop {
                    match rows.transact(actions.clone()).await {
                        Ok(()) => return Some(task),
                        Err(TableError::ConditionFailed(failed)) => {
                            assert_eq!(failed, [0]);
                            return None;
                        }
                        Err(TableError::Conflict | TableError::Throttled) => {}
                        Err(other) => panic!("{other:?}"),
                    }
                }
            })
        });
        let winners: Vec<u64> = join_all(tasks)
            .await
            .into_iter()
            .filter_map(|task| task.expect("a writer"))
            .collect();
        let [winner] = winners[..] else {
            panic!("winners {winners:?} in round {round}")
        };
        assert_eq!(
            rows.get(&Key::id(id.clone())).await,
            Some(numbered(&id, winner))
        );
        for task in (0..16).step_by(2) {
            let with = rows.get(&Key::id(format!("{id}-{task}"))).await;
            assert_eq!(
                with.is_some(),
                task == winner,
                "task {task} of round {round}"
            );
        }
    }
}

/// Transfers between accounts of two tables, in transactions of two updates, neither make nor lose
/// anything.
pub async fn concurrent_transfers_keep_the_sum(ground: Ground) {
    const ACCOUNTS: u64 = 3;
    const START: u64 = 100;
    let rows = ground.rows(Layout::Plain).await;
    let account = |n: u64| {
        item([
            ("id", Value::s(format!("a{n}"))),
            ("number", Value::n(START)),
        ])
    };
    rows.put_all(&(0..ACCOUNTS).map(account).collect::<Vec<_>>())
        .await;
    let tasks = (0..6_u64).map(|task| {
        let rows = rows.clone();
        tokio::spawn(async move {
            for step in 0..8 {
                let [from, to] =
                    [task + step, task + step + 1].map(|n| Key::id(format!("a{}", n % ACCOUNTS)));
                settle(&rows, &[from.clone(), to.clone()], |seen| {
                    let (has, gets) = (number(&seen[0]), number(&seen[1]));
                    let moved = has.min(7);
                    vec![
                        rows.updating_if(
                            from.clone(),
                            "number",
                            Some(Value::n(has - moved)),
                            at(has),
                        ),
                        rows.updating_if(
                            to.clone(),
                            "number",
                            Some(Value::n(gets + moved)),
                            at(gets),
                        ),
                    ]
                })
                .await;
            }
        })
    });
    for task in join_all(tasks).await {
        task.expect("a writer");
    }
    let mut sum = 0;
    for n in 0..ACCOUNTS {
        sum += number(
            &rows
                .get(&Key::id(format!("a{n}")))
                .await
                .expect("an account"),
        );
    }
    assert_eq!(sum, ACCOUNTS * START);
}
