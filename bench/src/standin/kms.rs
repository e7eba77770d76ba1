//! The KMS operations. A "ciphertext" is an envelope that holds key, context and plaintext in clear.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::refusal::Refusal;

/// Keys that exist, with their aliases.
#[derive(Default)]
pub(super) struct Keys {
    keys: RwLock<Vec<Key>>,
    randomness: AtomicU64,
}

struct Key {
    id: String,
    aliases: Vec<String>,
}

/// What a wrapped text really is.
#[derive(Serialize, Deserialize)]
struct Envelope {
    key: String,
    context: Value,
    plaintext: String,
}

type Answer = Result<String, Refusal>;

impl Keys {
    pub(super) fn call(&self, operation: &str, request: &Value) -> Answer {
        let text = |member: &str| request[member].as_str().unwrap_or_default();
        match operation {
            "CreateKey" => Ok(self.create().to_string()),
            "CreateAlias" => self.create_alias(text("AliasName"), text("TargetKeyId")),
            "ListAliases" => Ok(self.aliases().to_string()),
            "DescribeKey" => {
                Ok(json!({ "KeyMetadata": metadata(&self.id(text("KeyId"))?) }).to_string())
            }
            "Encrypt" => {
                let id = self.id(text("KeyId"))?;
                let wrapped = wrap(&id, request, text("Plaintext"))?;
                Ok(json!({ "CiphertextBlob": wrapped, "KeyId": arn(&id) }).to_string())
            }
            "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" => {
                let id = self.id(text("KeyId"))?;
                let bytes = match text("KeySpec") {
                    "AES_128" => 16,
                    "AES_256" => 32,
                    _ => request["NumberOfBytes"].as_u64().unwrap_or(32),
                };
                let plaintext = STANDARD.encode(self.random(bytes));
                let mut answer =
                    json!({ "CiphertextBlob": wrap(&id, request, &plaintext)?, "KeyId": arn(&id) });
                if operation == "GenerateDataKey" {
                    answer["Plaintext"] = json!(plaintext);
                }
                Ok(answer.to_string())
            }
            "Decrypt" => self.decrypt(request),
            "GenerateRandom" => {
                let bytes = self.random(request["NumberOfBytes"].as_u64().unwrap_or(32));
                Ok(json!({ "Plaintext": STANDARD.encode(bytes) }).to_string())
            }
            "ListGrants" => Ok(json!({ "Grants": [], "Truncated": false }).to_string()),
            "CreateGrant" => Ok(json!({ "GrantId": "0", "GrantToken": "0" }).to_string()),
            "RevokeGrant" => Ok("{}".to_owned()),
            other => Err(Refusal::new("UnknownOperationException", other)),
        }
    }

    fn decrypt(&self, request: &Value) -> Answer {
        let damaged = || Refusal::new("InvalidCiphertextException", "");
        let blob = STANDARD
            .decode(request["CiphertextBlob"].as_str().unwrap_or_default())
            .map_err(|_| damaged())?;
        let envelope: Envelope = serde_json::from_slice(&blob).map_err(|_| damaged())?;
        if envelope.context != context(request) {
            return Err(damaged());
        }
        if let Some(name) = request["KeyId"].as_str()
            && self.id(name)? != envelope.key
        {
            return Err(Refusal::new(
                "IncorrectKeyException",
                "The key ID does not identify the key",
            ));
        }
        let key = arn(&envelope.key);
        let plaintext = envelope.plaintext;
        Ok(json!({ "KeyId": key, "Plaintext": plaintext, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" }).to_string())
    }

    fn create(&self) -> Value {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let id = format!("00000000-0000-4000-8000-{:012}", keys.len());
        keys.push(Key {
            id: id.clone(),
            aliases: Vec::new(),
        });
        json!({ "KeyMetadata": metadata(&id) })
    }

    fn create_alias(&self, alias: &str, target: &str) -> Answer {
        let id = self.id(target)?;
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys
            .iter()
            .any(|key| key.aliases.iter().any(|known| known == alias))
        {
            return Err(Refusal::new("AlreadyExistsException", alias));
        }
        if let Some(key) = keys.iter_mut().find(|key| key.id == id) {
            key.aliases.push(alias.to_owned());
        }
        Ok("{}".to_owned())
    }

    fn aliases(&self) -> Value {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let aliases = keys.iter().flat_map(|key| {
            key.aliases
                .iter()
                .map(|alias| json!({ "AliasName": alias, "TargetKeyId": key.id }))
        });
        json!({ "Aliases": aliases.collect::<Vec<_>>(), "Truncated": false })
    }

    /// The id behind an id, an ARN or an alias.
    fn id(&self, name: &str) -> Result<String, Refusal> {
        // An ARN ends in the id or the alias.
        let short = name
            .strip_prefix("arn:")
            .and_then(|arn| arn.rsplit(':').next())
            .unwrap_or(name);
        let short = short.strip_prefix("key/").unwrap_or(short);
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let found = keys
            .iter()
            .find(|key| key.id == short || key.aliases.iter().any(|alias| alias == short));
        let found = found.map(|key| key.id.clone());
        found.ok_or_else(|| Refusal::new("NotFoundException", &format!("{name} is not found.")))
    }

    /// Bytes that differ from call to call; nothing here needs to be unguessable.
    fn random(&self, bytes: u64) -> Vec<u8> {
        let mut state = self.randomness.fetch_add(1, Ordering::Relaxed) << 20;
        let mut out = Vec::new();
        while (out.len() as u64) < bytes {
            state = state.wrapping_add(1);
            out.extend_from_slice(&crate::mix(state).to_le_bytes());
        }
        out.truncate(usize::try_from(bytes).unwrap_or_default());
        out
    }
}

fn context(request: &Value) -> Value {
    match &request["EncryptionContext"] {
        Value::Null => json!({}),
        context => context.clone(),
    }
}

fn wrap(id: &str, request: &Value, plaintext: &str) -> Result<String, Refusal> {
    let envelope = Envelope {
        key: id.to_owned(),
        context: context(request),
        plaintext: plaintext.to_owned(),
    };
    let bytes =
        serde_json::to_vec(&envelope).map_err(|error| Refusal::invalid(&error.to_string()))?;
    Ok(STANDARD.encode(bytes))
}

fn arn(id: &str) -> String {
    format!("arn:aws:kms:us-east-1:123456789012:key/{id}")
}

fn metadata(id: &str) -> Value {
    json!({
        "AWSAccountId": "123456789012", "KeyId": id, "Arn": arn(id), "Enabled": true, "KeyState": "Enabled",
        "KeyUsage": "ENCRYPT_DECRYPT", "KeyManager": "CUSTOMER", "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"], "MultiRegion": false,
    })
}
