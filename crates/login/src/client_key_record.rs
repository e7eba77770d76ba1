//! A registered client key, as it is stored.

use domain::{PrincipalKind, Timestamp};
use keep::{Item, Key, Value};
use seal::signature::VerifyingKey;

use crate::ClientKeyId;

/// A registered client key: the public half, and who it speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientKey {
    /// Its name.
    pub id: ClientKeyId,
    /// The public half.
    pub public_key: VerifyingKey,
    /// User or service.
    pub kind: PrincipalKind,
    /// Who it speaks for.
    pub name: String,
    /// The account it proves, where services belong to accounts.
    pub account: Option<String>,
    /// The last moment it counts; `None` only for the operator's own key.
    pub expires: Option<Timestamp>,
    /// The administrator who registered it.
    pub created_by: String,
    /// When.
    pub created: Timestamp,
}

impl ClientKey {
    /// The key of its item: `kw/client-key/<id>`.
    pub(crate) fn item_key(id: &ClientKeyId) -> Key {
        Key::id(format!("kw/client-key/{id}"))
    }

    /// The item.
    ///
    /// Shape: `public_key` B of 32 bytes; `kind`, `name`, `created_by`, `created` (as
    /// [`Timestamp::stored`]) S; where known `account` S and `expires` N, seconds since 1970.
    pub(crate) fn to_item(&self) -> Item {
        let Self {
            id,
            public_key,
            kind,
            name,
            account,
            expires,
            created_by,
            created,
        } = self;
        let Key {
            hash: (attribute, item_id),
            ..
        } = Self::item_key(id);
        let mut item = Item::from([
            (attribute, item_id),
            (
                "public_key".to_owned(),
                Value::B(public_key.as_bytes().to_vec()),
            ),
            ("kind".to_owned(), Value::s(kind.word())),
            ("name".to_owned(), Value::s(name)),
            ("created_by".to_owned(), Value::s(created_by)),
            ("created".to_owned(), Value::s(created.stored())),
        ]);
        if let Some(account) = account {
            item.insert("account".to_owned(), Value::s(account));
        }
        if let Some(expires) = expires {
            item.insert("expires".to_owned(), Value::n(expires.seconds()));
        }
        item
    }

    /// Reads the item stored under `id`; `None` when it is damaged.
    pub(crate) fn from_item(id: &ClientKeyId, item: &Item) -> Option<Self> {
        let text = |name: &str| item.get(name).and_then(Value::as_s).map(str::to_owned);
        let public_key = match item.get("public_key") {
            Some(Value::B(bytes)) => VerifyingKey::parse(bytes).ok()?,
            _ => return None,
        };
        let kind = match text("kind")?.as_str() {
            "user" => PrincipalKind::User,
            "service" => PrincipalKind::Service,
            _ => return None,
        };
        let expires = match item.get("expires") {
            None => None,
            Some(value) => Some(Timestamp::from_seconds(
                i64::try_from(value.as_u64()?).ok()?,
            )),
        };
        let account = match item.get("account") {
            None => None,
            Some(value) => Some(value.as_s()?.to_owned()),
        };
        let key = Self {
            id: *id,
            public_key,
            kind,
            name: text("name")?,
            account,
            expires,
            created_by: text("created_by")?,
            created: Timestamp::from_stored(&text("created")?)?,
        };
        // A public key exchanged by somebody who can write the table is no key of this id.
        (ClientKeyId::of(&key.public_key) == *id).then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use seal::signature::SigningKey;

    use super::*;

    fn key() -> ClientKey {
        let public_key = SigningKey::from_seed(Box::new([7; 32]))
            .unwrap()
            .verifying_key();
        ClientKey {
            id: ClientKeyId::of(&public_key),
            public_key,
            kind: PrincipalKind::Service,
            name: "svc-a".to_owned(),
            account: Some("sandbox".to_owned()),
            expires: Some(Timestamp::from_seconds(2_000_000_000)),
            created_by: "operator".to_owned(),
            created: Timestamp::from_micros(1_700_000_000_123_456),
        }
    }

    #[test]
    fn what_is_stored_is_read_back() {
        for key in [
            key(),
            ClientKey {
                account: None,
                expires: None,
                kind: PrincipalKind::User,
                ..key()
            },
        ] {
            assert_eq!(ClientKey::from_item(&key.id, &key.to_item()), Some(key));
        }
    }

    #[test]
    fn an_item_with_an_attribute_missing_or_wrong_is_damaged() {
        let key = key();
        for name in ["public_key", "kind", "name", "created_by", "created"] {
            let mut item = key.to_item();
            item.remove(name);
            assert_eq!(ClientKey::from_item(&key.id, &item), None, "without {name}");
        }
        for name in [
            "public_key",
            "kind",
            "name",
            "created_by",
            "created",
            "account",
            "expires",
        ] {
            let mut item = key.to_item();
            item.insert(name.to_owned(), Value::Bool(true));
            assert_eq!(ClientKey::from_item(&key.id, &item), None, "wrong {name}");
        }
    }

    #[test]
    fn an_exchanged_public_key_is_damage() {
        let other = SigningKey::from_seed(Box::new([8; 32]))
            .unwrap()
            .verifying_key();
        let item = ClientKey {
            public_key: other,
            ..key()
        }
        .to_item();
        assert_eq!(ClientKey::from_item(&key().id, &item), None);
    }
}
