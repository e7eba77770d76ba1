//! Whether the tables can be used as the server uses them. Changes nothing: each write is tried
//! under a condition that never holds, so that a missing right is told from a condition that failed.

use keep::{
    Action, Clause, Condition, Consistency, Item, Key, Order, Query, Table, TableError, TableName,
    Value,
};

use super::examination::{Examination, Resource};

/// One table, and what the server does with it.
pub(crate) struct Place<'p> {
    /// Its name.
    pub(crate) name: &'p TableName,
    /// Its ARN, `*` for what is not known; none where there is no IAM.
    pub(crate) arn: String,
    /// Confidant's items are in it.
    pub(crate) confidant: bool,
    /// Our own items are in it.
    pub(crate) own: bool,
    /// Single attributes are updated in it.
    pub(crate) updates: bool,
}

/// Tries every action that the server needs.
pub(crate) async fn examine(examination: &mut Examination, table: &dyn Table, place: &Place<'_>) {
    let name = place.name;
    let what = |action: &str| format!("table {name}: {action}");
    let whole = Resource::arn(&place.arn);
    let index = Resource::arn(format!("{}/index/*", place.arn));

    let key = || Key::id(NOWHERE);
    let got = table.get(name, &key(), Consistency::Strong).await;
    if let Err(error @ (TableError::Unavailable(_) | TableError::NoSuchTable(_))) = &got {
        // What follows would say the same.
        return tell(examination, what("GetItem"), Err(error.clone()), &whole);
    }
    tell(examination, what("GetItem"), got.map(drop), &whole);
    let got = table.batch_get(name, &[key()], Consistency::Strong).await;
    tell(examination, what("BatchGetItem"), got.map(drop), &whole);
    if place.confidant {
        let got = table.query(&newest(name)).await;
        tell(
            examination,
            what("Query of data_type_date_index"),
            got.map(drop),
            &index,
        );
    }

    let mut tries: Vec<(&str, Action)> = vec![(
        "PutItem",
        Action::Put {
            table: name.clone(),
            item: Item::from([("id".to_owned(), Value::s(NOWHERE))]),
            condition: never(),
        },
    )];
    if place.updates {
        tries.push((
            "UpdateItem",
            Action::Update {
                table: name.clone(),
                key: key(),
                attribute: "never".to_owned(),
                value: Some(Value::Null),
                condition: never(),
            },
        ));
    }
    if place.own {
        tries.push((
            "DeleteItem",
            Action::Delete {
                table: name.clone(),
                key: key(),
                condition: never(),
            },
        ));
    }
    if place.confidant {
        tries.push((
            "ConditionCheckItem",
            Action::Check {
                table: name.clone(),
                key: key(),
                condition: never(),
            },
        ));
    }
    for (action, tried) in tries {
        let done = match table.transact(&[tried]).await {
            Err(TableError::ConditionFailed(_)) => Ok(()),
            // A condition that never holds held: nothing that says so can be trusted with writes.
            Ok(()) => Err(TableError::Invalid(
                "a write whose condition cannot hold was acknowledged".to_owned(),
            )),
            Err(error) => Err(error),
        };
        tell(examination, what(action), done, &whole);
    }
}

fn tell(
    examination: &mut Examination,
    what: String,
    done: Result<(), TableError>,
    resource: &Resource,
) {
    match done {
        Ok(()) => examination.ok(what, "permitted"),
        Err(TableError::Denied(told)) => examination.denied(what, told.as_str(), resource),
        Err(error @ TableError::NoSuchTable(_)) => examination.wrong(
            what,
            error.to_string(),
            "start the server once with DYNAMODB_CREATE_TABLE=true, or name the table that there is",
        ),
        Err(error @ (TableError::Unavailable(_) | TableError::Ambiguous(_))) => examination.wrong(
            what,
            error.to_string(),
            "AWS_DEFAULT_REGION and DYNAMODB_URL say where the table is; PYNAMO_CONNECT_TIMEOUT_SECONDS and \
             PYNAMO_READ_TIMEOUT_SECONDS how long an answer may take",
        ),
        Err(error @ (TableError::Throttled | TableError::Conflict)) => examination.unknown(
            what,
            error.to_string(),
            "the table has more to do than it is provisioned for; run this again",
        ),
        Err(error) => examination.wrong(what, error.to_string(), "see what answers at DYNAMODB_URL"),
    }
}

/// The newest credential, as lists ask for it.
fn newest(table: &TableName) -> Query {
    Query {
        table: table.clone(),
        index: Some("data_type_date_index".to_owned()),
        hash: ("data_type".to_owned(), Value::s("credential")),
        from: None,
        order: Order::Descending,
        limit: Some(1),
        start: None,
        consistency: Consistency::Eventual,
    }
}

/// Holds of no item and of no absence of one.
fn never() -> Condition {
    Condition(vec![
        Clause::Present("id".to_owned()),
        Clause::Absent("id".to_owned()),
    ])
}

/// No id of Confidant's holds a slash, and none of ours is this one.
const NOWHERE: &str = "kw/doctor";

/// Says how far this machine's clock is from that of AWS, in seconds.
pub(crate) fn clocks(examination: &mut Examination, ours: i64, theirs: Option<i64>) {
    let Some(theirs) = theirs else {
        return examination.unknown(
            "clock",
            "the table's answers carry no time",
            "compare it with a time server",
        );
    };
    let off = ours.saturating_sub(theirs);
    let says = match off {
        0 => "as AWS has it".to_owned(),
        1.. => format!("{off} s ahead of AWS"),
        _ => format!("{} s behind AWS", off.unsigned_abs()),
    };
    if off.unsigned_abs() <= CLOCK_SECONDS {
        examination.ok("clock", says);
    } else {
        examination.wrong(
            "clock",
            says,
            "run a time service; tokens of callers with a right clock are refused, and from 5 minutes on every call of AWS",
        );
    }
}

/// An answer's time is in whole seconds and some way old.
const CLOCK_SECONDS: u64 = 10;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use keep::{BatchGot, Page, Scan, Schema};
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    /// Refuses one action as AWS does, and says that every condition failed.
    struct Without {
        missing: &'static str,
        acknowledged: bool,
        asked: Mutex<Vec<String>>,
    }

    impl Without {
        fn of(missing: &'static str) -> Self {
            Self {
                missing,
                acknowledged: false,
                asked: Mutex::default(),
            }
        }

        fn ask<T>(&self, action: &str, answer: T) -> Result<T, TableError> {
            self.asked.lock().unwrap().push(action.to_owned());
            if self.missing == action {
                return Err(TableError::Denied(format!("dynamodb:{action}").into()));
            }
            Ok(answer)
        }
    }

    #[async_trait::async_trait]
    impl Table for Without {
        async fn create(&self, _: &Schema) -> Result<(), TableError> {
            panic!("a doctor makes no table")
        }

        async fn get(
            &self,
            _: &TableName,
            _: &Key,
            _: Consistency,
        ) -> Result<Option<Item>, TableError> {
            self.ask("GetItem", None)
        }

        async fn batch_get(
            &self,
            _: &TableName,
            _: &[Key],
            _: Consistency,
        ) -> Result<BatchGot, TableError> {
            self.ask("BatchGetItem", BatchGot::default())
        }

        async fn query(&self, _: &Query) -> Result<Page, TableError> {
            self.ask("Query", Page::default())
        }

        async fn scan(&self, _: &Scan) -> Result<Page, TableError> {
            panic!("a doctor scans nothing unasked")
        }

        async fn transact(&self, actions: &[Action]) -> Result<(), TableError> {
            let (action, condition) = match actions {
                [Action::Put { condition, .. }] => ("PutItem", condition),
                [Action::Update { condition, .. }] => ("UpdateItem", condition),
                [Action::Delete { condition, .. }] => ("DeleteItem", condition),
                [Action::Check { condition, .. }] => ("ConditionCheckItem", condition),
                several => panic!("{several:?}"),
            };
            let there = Item::from([("id".to_owned(), Value::s(NOWHERE))]);
            assert!(!condition.holds(None) && !condition.holds(Some(&there)));
            self.ask(action, ())?;
            if self.acknowledged {
                Ok(())
            } else {
                Err(TableError::ConditionFailed(vec![0]))
            }
        }
    }

    fn place(name: &TableName) -> Place<'_> {
        Place {
            name,
            arn: "arn:t".to_owned(),
            confidant: true,
            own: true,
            updates: true,
        }
    }

    async fn examined(table: &Without) -> Examination {
        let mut examination = Examination::default();
        examine(&mut examination, table, &place(&TableName::new("t"))).await;
        examination
    }

    #[rstest]
    #[case::get("GetItem", "arn:t")]
    #[case::batch("BatchGetItem", "arn:t")]
    #[case::index("Query", "arn:t/index/*")]
    #[case::put("PutItem", "arn:t")]
    #[case::update("UpdateItem", "arn:t")]
    #[case::delete("DeleteItem", "arn:t")]
    #[case::check("ConditionCheckItem", "arn:t")]
    #[tokio::test]
    async fn each_missing_right_is_named_alone(
        #[case] missing: &'static str,
        #[case] resource: &str,
    ) {
        let examination = examined(&Without::of(missing)).await;
        assert_eq!(examination.wrongs(), 1, "{}", examination.text());
        let statement = &examination.json()["policy"]["Statement"][0];
        assert_eq!(
            (&statement["Action"], &statement["Resource"]),
            (&json!([format!("dynamodb:{missing}")]), &json!(resource))
        );
    }

    #[tokio::test]
    async fn only_what_the_server_does_is_tried() {
        let table = Without::of("nothing");
        let name = TableName::new("t");
        let place = Place {
            confidant: false,
            updates: false,
            ..place(&name)
        };
        let mut examination = Examination::default();
        examine(&mut examination, &table, &place).await;
        assert_eq!(examination.wrongs(), 0);
        assert_eq!(
            *table.asked.lock().unwrap(),
            ["GetItem", "BatchGetItem", "PutItem", "DeleteItem"]
        );
    }

    #[tokio::test]
    async fn a_store_that_acknowledges_the_impossible_is_told() {
        let table = Without {
            acknowledged: true,
            ..Without::of("nothing")
        };
        let examination = examined(&table).await;
        assert_eq!(examination.wrongs(), 4, "{}", examination.text());
        assert!(examination.text().contains("cannot hold was acknowledged"));
    }

    #[tokio::test]
    async fn the_embedded_table_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let table = local::SqliteTable::open(&folder.path().join("table.sqlite")).unwrap();
        let name = TableName::new("t");
        table
            .create(&confidant::Confidant::schema(&name))
            .await
            .unwrap();
        let before = table.generation();
        let mut examination = Examination::default();
        examine(&mut examination, &table, &place(&name)).await;
        assert_eq!(examination.wrongs(), 0, "{}", examination.text());
        let left = table
            .get(&name, &Key::id(NOWHERE), Consistency::Strong)
            .await;
        assert_eq!((table.generation(), left), (before, Ok(None)));
    }

    #[rstest]
    #[case::same(100, Some(100), 0, "as AWS has it")]
    #[case::a_little_ahead(110, Some(100), 0, "10 s ahead")]
    #[case::ahead(111, Some(100), 1, "11 s ahead")]
    #[case::behind(0, Some(100), 1, "100 s behind")]
    #[case::not_told(0, None, 0, "carry no time")]
    fn a_clock_that_is_off_is_told(
        #[case] ours: i64,
        #[case] theirs: Option<i64>,
        #[case] wrongs: usize,
        #[case] says: &str,
    ) {
        let mut examination = Examination::default();
        clocks(&mut examination, ours, theirs);
        assert_eq!(examination.wrongs(), wrongs);
        assert!(examination.text().contains(says), "{}", examination.text());
    }
}
