//! One current credential of its kind to a name: guards that lock, and the directory for those without one.

use domain::Timestamp;
use keep::{Clause, Condition, Consistency, Item, Items, Key, TableError, TableName, Value};
use seal::digest;

use crate::Error;
use crate::attributes::kind_of;
use crate::directory::Directory;
use crate::protocol::{Guard, judge_guard};
use crate::{BlindRecord, CredentialRecord};

/// The kinds of thing that have names; each kind has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Credentials.
    Credential,
    /// Blind credentials.
    BlindCredential,
}

impl Named {
    /// The `data_type` of current ones.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Credential => CredentialRecord::KIND,
            Self::BlindCredential => BlindRecord::KIND,
        }
    }
}

/// What a write must put and check so that a name becomes its own.
pub(crate) struct Claim {
    /// The guard, naming the writer.
    pub(crate) guard: Item,
    /// The guard is as it was read.
    pub(crate) guard_unchanged: Condition,
    /// The owner named by the guard is as it was read, when that is not the writer.
    pub(crate) owner_unchanged: Option<(Key, Condition)>,
}

/// Where the guards and the named things of one kind rest.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) of: Named,
    pub(crate) items: Items<'a>,
    pub(crate) own: &'a TableName,
    pub(crate) table: &'a TableName,
    pub(crate) directory: &'a Directory,
}

impl Names<'_> {
    /// Finds `name` free for `writer` and says what its write must prove.
    ///
    /// Errors: `NameTaken` when another one is current under it, with or without a guard.
    pub(crate) async fn claim(
        &self,
        name: &str,
        writer: &str,
        now: Timestamp,
    ) -> Result<Claim, Error> {
        for other in self.directory.named(self.of, name) {
            if other != writer && self.is_live(self.owner(&other).await?.as_ref(), name) {
                return Err(Error::NameTaken { owner: other });
            }
        }
        let key = guard_key(self.of, name);
        let seen = self.items.get(self.own, &key, Consistency::Strong).await?;
        let owner = seen.as_ref().and_then(|guard| guard.get(OWNER)?.as_s());
        let owner_item = match owner {
            Some(owner) if owner != writer => self.owner(owner).await?,
            _ => None,
        };
        let is_live = self.is_live(owner_item.as_ref(), name);
        let owner_unchanged = match judge_guard(owner, is_live, &writer) {
            Guard::HeldBy(owner) => {
                return Err(Error::NameTaken {
                    owner: owner.to_owned(),
                });
            }
            Guard::Own => None,
            Guard::Free => owner.map(|owner| (Key::id(owner), unchanged(owner_item.as_ref()))),
        };
        let guard_unchanged = match &seen {
            Some(guard) => Condition(vec![
                Clause::Present("id".to_owned()),
                match guard.get(OWNER) {
                    Some(owner) => Clause::Equals(OWNER.to_owned(), owner.clone()),
                    None => Clause::Absent(OWNER.to_owned()),
                },
            ]),
            None => Condition::new_item("id"),
        };
        Ok(Claim {
            guard: guard_item(key, writer, now),
            guard_unchanged,
            owner_unchanged,
        })
    }

    async fn owner(&self, id: &str) -> Result<Option<Item>, TableError> {
        self.items
            .get(self.table, &Key::id(id), Consistency::Strong)
            .await
    }

    fn is_live(&self, owner: Option<&Item>, name: &str) -> bool {
        owner.is_some_and(|item| {
            kind_of(item) == Some(self.of.kind())
                && item.get("name").and_then(Value::as_s) == Some(name)
        })
    }
}

/// The key of the guard of a name.
///
/// Shape: `kw/name/<64 hex digits>`, the SHA-256 of the length-prefixed kind and name. No id of
/// Confidant's holds a slash, and the item has no attribute that Confidant's index covers.
pub fn guard_key(of: Named, name: &str) -> Key {
    let digest = digest::sha256_parts(&[of.kind().as_bytes(), name.as_bytes()]);
    Key::id(format!("kw/name/{}", hex::encode(digest)))
}

fn guard_item(key: Key, writer: &str, now: Timestamp) -> Item {
    let (id, value) = key.hash;
    Item::from([
        (id, value),
        (OWNER.to_owned(), Value::s(writer)),
        ("since".to_owned(), Value::S(now.stored())),
    ])
}

fn unchanged(owner: Option<&Item>) -> Condition {
    match owner {
        Some(item) => {
            Condition::unchanged(item, &["data_type", "name", "revision", "modified_date"])
        }
        None => Condition::new_item("id"),
    }
}

const OWNER: &str = "owner";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_names_have_different_guards_out_of_reach_of_old_ids() {
        let Value::S(id) = guard_key(Named::Credential, "a").hash.1 else {
            panic!("a text")
        };
        assert!(id.starts_with("kw/name/") && id.len() == 8 + 64);
        assert_ne!(
            guard_key(Named::Credential, "a"),
            guard_key(Named::Credential, "b")
        );
        assert_ne!(
            guard_key(Named::Credential, "a"),
            guard_key(Named::BlindCredential, "a")
        );
    }
}
