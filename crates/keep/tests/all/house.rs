//! A kernel in memory, each part of which can be told to fail.

use std::sync::Arc;

use domain::{Action, LoginMethod, Principal, PrincipalKind, Resource, Rules, Target, Verb};
use keep::contract::{Faulty as _, OrderedFault};
use keep::simulator::{
    Faults, MemoryAudit, MemoryKeys, MemoryTable, SimClock, SimRandom, SimTable, World,
};
use keep::{
    Ask, AuditMode, Clause, Condition, Consistency, Item, Keep, Key, Limits, Ports, Random, Schema,
    Table, TableName, Value, event_key,
};

pub(crate) struct House {
    pub(crate) keep: Keep,
    pub(crate) table: Arc<SimTable>,
    pub(crate) audit: Arc<MemoryAudit>,
    pub(crate) keys: Arc<MemoryKeys>,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) world: Arc<World>,
    pub(crate) name: TableName,
}

impl House {
    pub(crate) async fn new(mode: AuditMode) -> Self {
        Self::with(mode, Limits::default(), MemoryAudit::new("server")).await
    }

    pub(crate) async fn with(mode: AuditMode, limits: Limits, audit: Arc<MemoryAudit>) -> Self {
        let world = World::new(1, Faults::none());
        let table = world.table(Arc::new(MemoryTable::default()));
        let name = TableName::new("things");
        let schema = Schema {
            name: name.clone(),
            hash: "id".to_owned(),
            range: None,
            indexes: vec![],
        };
        table.create(&schema).await.unwrap();
        Self::over(world, table, mode, limits, audit)
    }

    /// In another world than the quiet one.
    pub(crate) async fn over_world(world: &Arc<World>, table: &Arc<SimTable>) -> Self {
        let schema = Schema {
            name: TableName::new("things"),
            hash: "id".to_owned(),
            range: None,
            indexes: vec![],
        };
        table.create(&schema).await.unwrap();
        let audit = MemoryAudit::new("server");
        Self::over(
            Arc::clone(world),
            Arc::clone(table),
            AuditMode::Required,
            Limits::default(),
            audit,
        )
    }

    /// Another run on the same table.
    pub(crate) fn restarted(self) -> Self {
        let Self {
            table,
            audit,
            world,
            ..
        } = self;
        Self::over(
            world,
            table,
            AuditMode::Required,
            Limits::default(),
            audit.restarted(),
        )
    }

    fn over(
        world: Arc<World>,
        table: Arc<SimTable>,
        mode: AuditMode,
        limits: Limits,
        audit: Arc<MemoryAudit>,
    ) -> Self {
        let name = TableName::new("things");
        let random: Arc<dyn Random> = Arc::new(SimRandom::new(1));
        let keys = Arc::new(MemoryKeys::new(Arc::clone(&random)));
        let clock = world.clock();
        let ports = Ports {
            table: Arc::clone(&table) as _,
            keys: Arc::clone(&keys) as _,
            audit: Arc::clone(&audit) as _,
            clock: Arc::clone(&clock) as _,
            random,
        };
        let keep = Keep::new(ports, name.clone(), Rules::default(), mode, limits);
        Self {
            keep,
            table,
            audit,
            keys,
            clock,
            world,
            name,
        }
    }

    pub(crate) fn order(&self, fault: OrderedFault, times: u32) {
        self.table.order(fault, times);
    }

    pub(crate) async fn number(&self, id: &str) -> Option<u64> {
        self.item(&Key::id(id))
            .await
            .map(|item| item["number"].as_u64().unwrap())
    }

    /// What is really there.
    pub(crate) async fn item(&self, key: &Key) -> Option<Item> {
        self.table
            .inner()
            .get(&self.name, key, Consistency::Strong)
            .await
            .unwrap()
    }

    /// The lines of events that rest in the table.
    pub(crate) async fn events_in_table(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for number in 1..100 {
            let id = domain::EventId {
                server: "server".to_owned(),
                number,
            };
            let item = self.item(&event_key(&id)).await;
            lines.extend(item.and_then(|item| Some(item.get("event")?.as_s()?.to_owned())));
        }
        lines
    }
}

pub(crate) fn ask(kind: PrincipalKind, verb: Verb) -> Ask {
    Ask {
        who: Principal {
            kind,
            name: "ann".to_owned(),
            login: LoginMethod::ClientKey,
            account: None,
        },
        request: domain::RequestId::new([7; 16]),
        action: Action::new(Resource::Credential, verb),
        target: Target::one("c1"),
    }
}

pub(crate) fn numbered(id: &str, number: u64) -> Item {
    [
        ("id".to_owned(), Value::s(id)),
        ("number".to_owned(), Value::n(number)),
    ]
    .into()
}

pub(crate) fn at(number: u64) -> Condition {
    Condition(vec![Clause::Equals("number".to_owned(), Value::n(number))])
}
