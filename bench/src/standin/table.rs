//! One table: its items in the order of the primary key and of each index.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::attribute::key_bytes;
use super::refusal::Refusal;

/// An item, as attributes and as the text that answers carry.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) attributes: Map<String, Value>,
    pub(super) text: String,
}

/// Names of the hash and range attributes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct KeyNames {
    pub(super) hash: String,
    pub(super) range: Option<String>,
}

/// A position in an order: hash and range value, then the primary key, since index keys repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Position {
    pub(super) hash: Vec<u8>,
    pub(super) range: Vec<u8>,
    item: (Vec<u8>, Vec<u8>),
}

/// Items in the order of some key.
#[derive(Debug)]
pub(super) struct Ordered {
    pub(super) names: KeyNames,
    items: BTreeMap<Position, Arc<Stored>>,
}

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    /// The request that made it, which describes it too.
    pub(super) made_by: Value,
    primary: Ordered,
    indexes: Vec<(String, Ordered)>,
}

impl KeyNames {
    fn of(schema: &Value) -> Result<Self, Refusal> {
        let part = |kind: &str| {
            let parts = schema.as_array()?;
            let part = parts.iter().find(|part| part["KeyType"] == kind)?;
            part["AttributeName"].as_str().map(str::to_owned)
        };
        let hash = part("HASH")
            .ok_or_else(|| Refusal::invalid("a key schema without a hash attribute"))?;
        Ok(Self {
            hash,
            range: part("RANGE"),
        })
    }

    /// The names, hash first.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        [Some(self.hash.as_str()), self.range.as_deref()]
            .into_iter()
            .flatten()
    }

    fn values(&self, item: &Map<String, Value>) -> Option<(Vec<u8>, Vec<u8>)> {
        let hash = key_bytes(item.get(&self.hash)?)?;
        let range = match &self.range {
            Some(name) => key_bytes(item.get(name)?)?,
            None => Vec::new(),
        };
        Some((hash, range))
    }
}

impl Ordered {
    fn new(names: KeyNames) -> Self {
        Self {
            names,
            items: BTreeMap::new(),
        }
    }

    /// All items after `start`, which ends before the order does when `hash` is given.
    ///
    /// `low` is the smallest range value wanted; a greatest one is the caller's to check.
    pub(super) fn walk<'a>(
        &'a self,
        hash: Option<&[u8]>,
        low: &[u8],
        start: Option<&Position>,
        descending: bool,
    ) -> Box<dyn Iterator<Item = (&'a Position, &'a Arc<Stored>)> + 'a> {
        let (mut first, mut last) = (Bound::Unbounded, Bound::Unbounded);
        if let Some(hash) = hash {
            let end = [hash, &[0]].concat();
            first = Bound::Included(Position {
                hash: hash.to_vec(),
                range: low.to_vec(),
                ..Position::default()
            });
            last = Bound::Excluded(Position {
                hash: end,
                ..Position::default()
            });
        }
        match start {
            Some(start) if descending => last = Bound::Excluded(start.clone()),
            Some(start) => first = Bound::Excluded(start.clone()),
            None => {}
        }
        // A page start outside of the range leaves nothing; BTreeMap would panic on such bounds.
        if let (Bound::Included(a) | Bound::Excluded(a), Bound::Excluded(b)) = (&first, &last)
            && a >= b
        {
            return Box::new(std::iter::empty());
        }
        let items = self.items.range((first, last));
        if descending {
            Box::new(items.rev())
        } else {
            Box::new(items)
        }
    }
}

impl Table {
    /// The table that a CreateTable request describes.
    pub(super) fn new(request: &Value) -> Result<Self, Refusal> {
        let mut indexes = Vec::new();
        for index in request["GlobalSecondaryIndexes"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let name = index["IndexName"].as_str().unwrap_or_default().to_owned();
            indexes.push((name, Ordered::new(KeyNames::of(&index["KeySchema"])?)));
        }
        let primary = Ordered::new(KeyNames::of(&request["KeySchema"])?);
        Ok(Self {
            made_by: request.clone(),
            primary,
            indexes,
        })
    }

    /// The primary order, or that of an index.
    pub(super) fn order(&self, index: Option<&str>) -> Result<&Ordered, Refusal> {
        let Some(index) = index else {
            return Ok(&self.primary);
        };
        let found = self.indexes.iter().find(|(name, _)| name == index);
        found
            .map(|(_, order)| order)
            .ok_or_else(|| Refusal::invalid("The table does not have the specified index"))
    }

    /// The position of an item, or of a key, in the primary order.
    pub(super) fn position(&self, key: &Value) -> Result<Position, Refusal> {
        let values = key
            .as_object()
            .and_then(|key| self.primary.names.values(key));
        let (hash, range) = values.ok_or_else(|| Refusal::invalid(WRONG_KEY))?;
        Ok(Position {
            hash,
            range,
            ..Position::default()
        })
    }

    /// The position that a page token names in the order of `index`.
    pub(super) fn page_start(
        &self,
        index: Option<&str>,
        token: &Value,
    ) -> Result<Position, Refusal> {
        let primary = self.position(token)?;
        if index.is_none() {
            return Ok(primary);
        }
        let values = token
            .as_object()
            .and_then(|token| self.order(index).ok()?.names.values(token));
        let (hash, range) =
            values.ok_or_else(|| Refusal::invalid("The provided starting key is invalid"))?;
        Ok(Position {
            hash,
            range,
            item: (primary.hash, primary.range),
        })
    }

    /// The page token that names `item` in the order of `index`.
    pub(super) fn page_token(&self, index: Option<&str>, item: &Map<String, Value>) -> Value {
        let order = self.order(index).unwrap_or(&self.primary);
        let names = self.primary.names.all().chain(order.names.all());
        let members = names.filter_map(|name| Some((name.to_owned(), item.get(name)?.clone())));
        json!(members.collect::<Map<_, _>>())
    }

    /// The item at a position of the primary order.
    pub(super) fn item(&self, position: &Position) -> Option<&Arc<Stored>> {
        self.primary.items.get(position)
    }

    /// Writes an item; returns the one it replaced.
    pub(super) fn put(
        &mut self,
        attributes: Map<String, Value>,
    ) -> Result<Option<Arc<Stored>>, Refusal> {
        let text = serde_json::to_string(&attributes)
            .map_err(|error| Refusal::invalid(&error.to_string()))?;
        if text.len() > MAX_ITEM_TEXT {
            return Err(Refusal::invalid(
                "Item size has exceeded the maximum allowed size",
            ));
        }
        let (hash, range) = self
            .primary
            .names
            .values(&attributes)
            .ok_or_else(|| Refusal::invalid(WRONG_KEY))?;
        let position = Position {
            hash,
            range,
            ..Position::default()
        };
        let old = self.remove(&position);
        let stored = Arc::new(Stored { attributes, text });
        for (_, index) in &mut self.indexes {
            // Items without the index's attributes are not in it.
            if let Some(place) = index
                .names
                .values(&stored.attributes)
                .map(|values| index_place(values, &position))
            {
                index.items.insert(place, Arc::clone(&stored));
            }
        }
        self.primary.items.insert(position, stored);
        Ok(old)
    }

    /// Removes and returns an item.
    pub(super) fn remove(&mut self, position: &Position) -> Option<Arc<Stored>> {
        let old = self.primary.items.remove(position)?;
        for (_, index) in &mut self.indexes {
            if let Some(values) = index.names.values(&old.attributes) {
                index.items.remove(&index_place(values, position));
            }
        }
        Some(old)
    }

    /// How many items there are.
    pub(super) fn len(&self) -> usize {
        self.primary.items.len()
    }
}

fn index_place((hash, range): (Vec<u8>, Vec<u8>), primary: &Position) -> Position {
    Position {
        hash,
        range,
        item: (primary.hash.clone(), primary.range.clone()),
    }
}

const WRONG_KEY: &str = "The provided key element does not match the schema";
/// DynamoDB counts 400 KB of names and values; the JSON text is always longer, so twice that is a loose bound.
const MAX_ITEM_TEXT: usize = 800 * 1024;
