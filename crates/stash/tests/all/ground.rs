//! A table whose rows a test reads and writes behind the operations' back, and keys that rotate.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keep::simulator::{Faults, MemoryTable, World};
use keep::{
    Action, BatchGot, Condition, Consistency, EncryptionContext, Item, Key, Page, Query, Scan,
    Schema, Table, TableError, TableName, Value,
};
use local::Keyring;
use stash::{Binding, Form, Ports, Sealing, Secrets, Version};

use crate::house::{secret, value};

pub(crate) struct Ground {
    /// Through the faults of the world.
    pub(crate) secrets: Secrets,
    pub(crate) keys: Arc<Keyring>,
    pub(crate) world: Arc<World>,
    /// What is really there.
    pub(crate) table: Arc<dyn Table>,
    pub(crate) name: TableName,
    _place: tempfile::TempDir,
}

pub(crate) type Rows = BTreeMap<(String, String), Item>;

impl Ground {
    /// With no faults.
    pub(crate) async fn new() -> Self {
        Self::of(
            World::new(1, Faults::none()),
            Arc::new(MemoryTable::default()),
        )
        .await
    }

    pub(crate) async fn of(world: Arc<World>, table: Arc<dyn Table>) -> Self {
        let name = TableName::new(&format!("stash-{}", world.seed()));
        let faulty = world.table(Arc::clone(&table));
        faulty.create(&Secrets::schema(&name)).await.unwrap();
        let memory = Path::new("/dev/shm");
        let place = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let place = place.unwrap();
        let keyring = place.path().join("keyring.json");
        let keys = Arc::new(Keyring::open_or_create(&keyring, world.random()).unwrap());
        let ports = Ports {
            table: faulty,
            keys: world.keys(Arc::clone(&keys) as _),
            clock: world.clock(),
            random: world.random(),
        };
        Self {
            secrets: Secrets::new(ports, name.clone()).with_concurrency(4),
            keys,
            world,
            table,
            name,
            _place: place,
        }
    }

    /// The operations with no faults between.
    pub(crate) fn calm(&self) -> Secrets {
        self.over(Arc::clone(&self.table))
    }

    /// The operations on the same rows, through this table.
    pub(crate) fn over(&self, table: Arc<dyn Table>) -> Secrets {
        let ports = Ports {
            table,
            keys: Arc::clone(&self.keys) as _,
            clock: self.world.clock(),
            random: self.world.random(),
        };
        Secrets::new(ports, self.name.clone()).with_concurrency(4)
    }

    /// As an old program does: any text for a version.
    pub(crate) async fn put(&self, name: &str, version: &str, text: &str) {
        self.put_as(name, version, text, &sealing(Form::CREDSTASH))
            .await;
    }

    pub(crate) async fn put_as(&self, name: &str, version: &str, text: &str, sealing: &Sealing) {
        self.put_bound(name, version, text, sealing, Binding::AsMarked)
            .await;
    }

    pub(crate) async fn put_bound(
        &self,
        name: &str,
        version: &str,
        text: &str,
        sealing: &Sealing,
        binding: Binding,
    ) {
        let (secrets, version) = (self.calm().with_binding(binding), Version::stored(version));
        let (name, value) = (secret(name), value(text));
        secrets.put(&name, &version, &value, sealing).await.unwrap();
    }

    /// The row as it is stored.
    pub(crate) async fn row(&self, name: &str, version: &str) -> Item {
        self.rows().await[&(name.to_owned(), version.to_owned())].clone()
    }

    /// Writes a row, whatever was there.
    pub(crate) async fn set(&self, item: Item) {
        let put = Action::Put {
            table: self.name.clone(),
            item,
            condition: Condition::always(),
        };
        self.table.transact(&[put]).await.unwrap();
    }

    /// Puts a row into another place, as whoever may write the table can.
    pub(crate) async fn copy_row(&self, from: (&str, &str), to: (&str, &str)) {
        let mut item = self.row(from.0, from.1).await;
        item.insert("name".to_owned(), Value::s(to.0));
        item.insert("version".to_owned(), Value::s(to.1));
        self.set(item).await;
    }

    /// Changes one attribute of a row.
    pub(crate) async fn change(&self, place: (&str, &str), attribute: &str, to: Option<Value>) {
        let mut item = self.row(place.0, place.1).await;
        match to {
            Some(value) => item.insert(attribute.to_owned(), value),
            None => item.remove(attribute),
        };
        self.set(item).await;
    }

    pub(crate) async fn rows(&self) -> Rows {
        let text = |item: &Item, attribute: &str| item[attribute].as_s().unwrap().to_owned();
        let scan = Scan {
            table: self.name.clone(),
            attributes: vec![],
            limit: None,
            start: None,
            consistency: Consistency::Strong,
        };
        let items = self.table.scan(&scan).await.unwrap().items;
        items
            .into_iter()
            .map(|item| ((text(&item, "name"), text(&item, "version")), item))
            .collect()
    }

    /// What every reader takes for the value of a secret.
    pub(crate) async fn read(&self, name: &str) -> String {
        let secrets = self.calm();
        let record = secrets.newest(&secret(name)).await.unwrap().unwrap();
        let opened = secrets.open(&record, &EncryptionContext::default()).await;
        String::from_utf8(opened.unwrap().expose().to_vec()).unwrap()
    }
}

pub(crate) fn sealing(form: Form) -> Sealing {
    Sealing {
        master: "alias/any".to_owned(),
        context: EncryptionContext::default(),
        form,
        comment: None,
    }
}

/// A padded version.
pub(crate) fn v(number: i128) -> String {
    Version::of(number).as_str().to_owned()
}

/// A table that takes so many writes, and then nothing: its process was killed.
pub(crate) struct Dying {
    inner: Arc<dyn Table>,
    left: AtomicUsize,
}

impl Dying {
    pub(crate) fn after(writes: usize, inner: &Arc<dyn Table>) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::clone(inner),
            left: AtomicUsize::new(writes),
        })
    }
}

#[async_trait::async_trait]
impl Table for Dying {
    async fn create(&self, schema: &Schema) -> Result<(), TableError> {
        self.inner.create(schema).await
    }

    async fn get(
        &self,
        table: &TableName,
        key: &Key,
        consistency: Consistency,
    ) -> Result<Option<Item>, TableError> {
        self.inner.get(table, key, consistency).await
    }

    async fn batch_get(
        &self,
        table: &TableName,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<BatchGot, TableError> {
        self.inner.batch_get(table, keys, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Page, TableError> {
        self.inner.query(query).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Page, TableError> {
        self.inner.scan(scan).await
    }

    async fn transact(&self, actions: &[Action]) -> Result<(), TableError> {
        let left = self
            .left
            .try_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        match left {
            Ok(_) => self.inner.transact(actions).await,
            Err(_) => Err(TableError::Denied("killed".into())),
        }
    }
}
