//! Registering, listing and revoking client keys, each one decision and one audit event.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Action, LoginMethod, Principal, PrincipalKind, RequestId, Resource, Target, Verb};
use keep::{
    Ask, AuditUnavailable, CommitError, Condition, Consistency, Item, Items, Key, Permit, Refused,
    TableError, Value,
};
use seal::signature::VerifyingKey;

use crate::client_key_token::MAX_PART;
use crate::{ClientKey, ClientKeyId, ClientKeys};

/// A client key to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewClientKey {
    /// The public half, 32 bytes.
    pub public_key: Vec<u8>,
    /// User or service.
    pub kind: PrincipalKind,
    /// Who it speaks for: 1 to 512 bytes, no slash, no control character.
    pub name: String,
    /// The account it proves, where services belong to accounts.
    pub account: Option<String>,
    /// Days until it expires, 1 to 3,650.
    pub days: u32,
}

/// Why an operation on client keys did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientKeyError {
    /// No rule allows it.
    #[error(transparent)]
    Refused(#[from] Box<Refused>),
    /// A field is wrong; says which and what it must be.
    #[error("{field}: {must}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What it must be.
        must: &'static str,
    },
    /// This public key is registered already, for this or another name.
    #[error("this public key is registered already, as {0}")]
    AlreadyRegistered(ClientKeyId),
    /// No such client key.
    #[error("no client key {0}")]
    NotFound(ClientKeyId),
    /// The stored key is damaged.
    #[error("client key {0} is damaged in the store")]
    Damaged(ClientKeyId),
    /// Others kept changing the keys at the same moment. Safe to retry.
    #[error("others are changing the client keys, try again")]
    Contended,
    /// The table could not do it. Safe to retry.
    #[error("the table is unavailable: {0}")]
    Unavailable(TableError),
    /// The event could not be recorded, and it must be.
    #[error(transparent)]
    Audit(#[from] AuditUnavailable),
}

impl ClientKeys {
    /// Registers a public key for a principal.
    pub async fn issue(
        &self,
        who: &Principal,
        request: &RequestId,
        new: &NewClientKey,
    ) -> Result<ClientKey, ClientKeyError> {
        let ask = ask(who, request, Verb::Create, Target::All);
        let permit = self.keep.permit(ask)?;
        let now = self.keep.clock().now();
        let key = match checked(new) {
            Ok(public_key) => ClientKey {
                id: ClientKeyId::of(&public_key),
                public_key,
                kind: new.kind,
                name: new.name.clone(),
                account: new.account.clone(),
                expires: Some(now.plus_seconds(i64::from(new.days) * DAY)),
                created_by: who.name.clone(),
                created: now,
            },
            Err(invalid) => {
                permit.failed("bad-input");
                return Err(invalid);
            }
        };
        self.register(permit, key).await
    }

    /// Every registered key, by kind and name.
    pub async fn list(
        &self,
        who: &Principal,
        request: &RequestId,
    ) -> Result<Vec<ClientKey>, ClientKeyError> {
        let permit = self
            .keep
            .permit(ask(who, request, Verb::List, Target::All))?;
        let found = self.all(permit.items()).await;
        match found {
            Ok(mut keys) => {
                permit.read(None)?;
                keys.sort_by(|a, b| (a.kind, &a.name, a.id).cmp(&(b.kind, &b.name, b.id)));
                Ok(keys)
            }
            Err(error) => {
                permit.failed(error.word());
                Err(error)
            }
        }
    }

    /// Removes a key; tokens it made stop at once.
    pub async fn revoke(
        &self,
        who: &Principal,
        request: &RequestId,
        id: &ClientKeyId,
    ) -> Result<(), ClientKeyError> {
        let mut permit =
            self.keep
                .permit(ask(who, request, Verb::Delete, Target::one(id.to_string())))?;
        match self.remove(&mut permit, id).await {
            Ok(()) => Ok(()),
            Err(error) => {
                permit.failed(error.word());
                Err(error)
            }
        }
    }

    /// Makes sure that the operator's own key is registered; the way in where there is no
    /// administrator yet. Call it when an embedded server starts.
    ///
    /// The file with the private half lies in the server's own data directory, and who can read it
    /// could read the whole table too: so its owner counts as the user `name`, who must be one of
    /// the administrators in the rules. The key does not expire; a revoked one comes back at the
    /// next start unless its file is deleted.
    pub async fn ensure_operator(
        &self,
        request: &RequestId,
        public_key: &VerifyingKey,
        name: &str,
    ) -> Result<ClientKeyId, ClientKeyError> {
        let id = ClientKeyId::of(public_key);
        let stored = self
            .keep
            .items()
            .get(
                self.keep.own_table(),
                &ClientKey::item_key(&id),
                Consistency::Strong,
            )
            .await
            .map_err(ClientKeyError::Unavailable)?;
        if let Some(item) = stored {
            let key = ClientKey::from_item(&id, &item).ok_or(ClientKeyError::Damaged(id))?;
            let same = key.kind == PrincipalKind::User && key.name == name && key.expires.is_none();
            return if same {
                Ok(id)
            } else {
                Err(ClientKeyError::AlreadyRegistered(id))
            };
        }
        let operator = Principal {
            kind: PrincipalKind::User,
            name: name.to_owned(),
            login: LoginMethod::ClientKey,
            account: None,
        };
        let permit = self
            .keep
            .permit(ask(&operator, request, Verb::Create, Target::All))?;
        let key = ClientKey {
            id,
            public_key: *public_key,
            kind: PrincipalKind::User,
            name: name.to_owned(),
            account: None,
            expires: None,
            created_by: name.to_owned(),
            created: self.keep.clock().now(),
        };
        self.register(permit, key).await.map(|key| key.id)
    }

    async fn register(
        &self,
        mut permit: Permit<'_>,
        key: ClientKey,
    ) -> Result<ClientKey, ClientKeyError> {
        match self.add(&mut permit, &key).await {
            Ok(()) => Ok(key),
            Err(error) => {
                permit.failed(error.word());
                Err(error)
            }
        }
    }

    async fn add(&self, permit: &mut Permit<'_>, key: &ClientKey) -> Result<(), ClientKeyError> {
        let own = self.keep.own_table();
        for _ in 0..TRIES {
            let shelf = self.shelf(permit.items(), &key.id).await?;
            let mut tx = permit.begin();
            tx.target(Target::one(key.id.to_string()));
            tx.put(own, key.to_item(), Condition::new_item("id"));
            let mut ids = ids_of(shelf.as_ref());
            ids.insert(key.id.to_string());
            let unchanged = Condition::unchanged(&shelf.unwrap_or_default(), &[IDS]);
            tx.put(own, shelf_item(&key.id, ids), unchanged);
            match tx.commit(None).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Moved(positions)) if positions.contains(&0) => {
                    return Err(ClientKeyError::AlreadyRegistered(key.id));
                }
                Err(CommitError::Moved(_)) => self.step_aside().await,
                Err(CommitError::Table(error)) => return Err(ClientKeyError::Unavailable(error)),
            }
        }
        Err(ClientKeyError::Contended)
    }

    async fn remove(
        &self,
        permit: &mut Permit<'_>,
        id: &ClientKeyId,
    ) -> Result<(), ClientKeyError> {
        let own = self.keep.own_table();
        for _ in 0..TRIES {
            let shelf = self.shelf(permit.items(), id).await?;
            let mut tx = permit.begin();
            tx.delete(
                own,
                ClientKey::item_key(id),
                Condition(vec![keep::Clause::Present("id".to_owned())]),
            );
            let mut ids = ids_of(shelf.as_ref());
            ids.remove(&id.to_string());
            let unchanged = Condition::unchanged(&shelf.unwrap_or_default(), &[IDS]);
            if ids.is_empty() {
                tx.delete(own, shelf_key(id), unchanged);
            } else {
                tx.put(own, shelf_item(id, ids), unchanged);
            }
            match tx.commit(None).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Moved(positions)) if positions.contains(&0) => {
                    return Err(ClientKeyError::NotFound(*id));
                }
                Err(CommitError::Moved(_)) => self.step_aside().await,
                Err(CommitError::Table(error)) => return Err(ClientKeyError::Unavailable(error)),
            }
        }
        Err(ClientKeyError::Contended)
    }

    async fn all(&self, items: Items<'_>) -> Result<Vec<ClientKey>, ClientKeyError> {
        let own = self.keep.own_table();
        let shelves: Vec<Key> = SHELVES.iter().map(|digit| shelf_key_of(*digit)).collect();
        let shelves = items
            .batch_get(own, &shelves, Consistency::Strong)
            .await
            .map_err(ClientKeyError::Unavailable)?;
        let ids: Vec<ClientKeyId> = shelves
            .iter()
            .flat_map(|shelf| ids_of(Some(shelf)))
            .filter_map(|id| id.parse().ok())
            .collect();
        let keys: Vec<Key> = ids.iter().map(ClientKey::item_key).collect();
        let found = items
            .batch_get(own, &keys, Consistency::Strong)
            .await
            .map_err(ClientKeyError::Unavailable)?;
        // One revoked meanwhile is not found, and is not listed.
        ids.iter()
            .zip(&keys)
            .filter_map(|(id, key)| {
                found
                    .iter()
                    .find(|item| key.is_of(item))
                    .map(|item| (id, item))
            })
            .map(|(id, item)| ClientKey::from_item(id, item).ok_or(ClientKeyError::Damaged(*id)))
            .collect()
    }

    async fn shelf(
        &self,
        items: Items<'_>,
        id: &ClientKeyId,
    ) -> Result<Option<Item>, ClientKeyError> {
        items
            .get(self.keep.own_table(), &shelf_key(id), Consistency::Strong)
            .await
            .map_err(ClientKeyError::Unavailable)
    }

    async fn step_aside(&self) {
        let jitter = u64::from(u8::from_be_bytes(self.keep.random().bytes()));
        self.keep
            .clock()
            .sleep(Duration::from_millis(1 + jitter / 8))
            .await;
    }
}

impl ClientKeyError {
    /// The fixed word for the audit event of an operation that did not happen.
    fn word(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Invalid { .. } => "bad-input",
            Self::AlreadyRegistered(_) => "already-registered",
            Self::NotFound(_) => "not-found",
            Self::Damaged(_) => "damaged",
            Self::Contended => "contended",
            Self::Unavailable(_) => "table-unavailable",
            Self::Audit(_) => "audit-unavailable",
        }
    }
}

fn ask(who: &Principal, request: &RequestId, verb: Verb, target: Target) -> Ask {
    Ask {
        who: who.clone(),
        request: request.clone(),
        action: Action::new(Resource::ClientKey, verb),
        target,
    }
}

fn checked(new: &NewClientKey) -> Result<VerifyingKey, ClientKeyError> {
    let invalid = |field, must| Err(ClientKeyError::Invalid { field, must });
    let NewClientKey {
        public_key,
        kind,
        name,
        account,
        days,
    } = new;
    if *kind == PrincipalKind::Other {
        return invalid("kind", "must be user or service");
    }
    if !is_name(name) {
        return invalid(
            "name",
            "must be 1 to 512 bytes without a slash or a control character",
        );
    }
    if account.as_deref().is_some_and(|account| !is_name(account)) {
        return invalid(
            "account",
            "must be 1 to 512 bytes without a slash or a control character",
        );
    }
    if !(1..=3_650).contains(days) {
        return invalid("days", "must be a whole number from 1 to 3650");
    }
    match VerifyingKey::parse(public_key) {
        Ok(key) => Ok(key),
        Err(_) => invalid(
            "public_key",
            "must be base64 of the 32 bytes of an Ed25519 public key",
        ),
    }
}

fn is_name(text: &str) -> bool {
    (1..=usize::from(MAX_PART)).contains(&text.len())
        && !text.chars().any(|c| c == '/' || c.is_control())
}

/// The item that lists the ids beginning with one hex digit, so that listing needs no scan.
fn shelf_key_of(digit: char) -> Key {
    Key::id(format!("kw/client-key-shelf/{digit}"))
}

fn shelf_key(id: &ClientKeyId) -> Key {
    shelf_key_of(id.to_string().chars().next().unwrap_or('0'))
}

fn shelf_item(id: &ClientKeyId, ids: BTreeSet<String>) -> Item {
    let Key {
        hash: (attribute, value),
        ..
    } = shelf_key(id);
    Item::from([(attribute, value), (IDS.to_owned(), Value::Ss(ids))])
}

fn ids_of(shelf: Option<&Item>) -> BTreeSet<String> {
    match shelf.and_then(|shelf| shelf.get(IDS)) {
        Some(Value::Ss(ids)) => ids.clone(),
        _ => BTreeSet::new(),
    }
}

const IDS: &str = "ids";
const SHELVES: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
];
const TRIES: u32 = 16;
/// Seconds.
const DAY: i64 = 86_400;
