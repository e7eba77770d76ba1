//! The stand-in as seen by the driver: made, filled with Confidant's items, asked for tokens and counts.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fernet_oracle::Fernet;
use serde_json::{Value, json};
use time::Duration;
use time::macros::format_description;

use crate::clock;
use crate::connection::{Answer, Connection, request};
use crate::load::Login;
use crate::process::Process;
use crate::workload::{Credential, Service};

/// The table.
pub(crate) const TABLE: &str = "confidant";
/// The master key of credentials, the keys of services' and of users' tokens.
pub(crate) const MASTER_KEY: &str = "alias/confidant";
pub(crate) const AUTH_KEY: &str = "alias/authnz-services";
pub(crate) const USER_AUTH_KEY: &str = "alias/authnz-users";
/// The server's name in tokens.
pub(crate) const AUTH_CONTEXT: &str = "confidant-bench";

/// A stand-in that runs.
pub(crate) struct StandIn {
    process: Process,
}

impl StandIn {
    /// Starts one, with keys and an empty table.
    pub(crate) fn start(program: &Path, folder: &Path) -> Result<Self> {
        let process = Process::start(
            "standin",
            program,
            folder,
            "/__counts",
            |command, address| {
                command.arg(address.to_string());
            },
        )?;
        let stand_in = Self { process };
        let mut caller = stand_in.caller();
        for alias in [MASTER_KEY, AUTH_KEY, USER_AUTH_KEY] {
            caller.key(alias)?;
        }
        caller.dynamodb("CreateTable", &table())?;
        Ok(stand_in)
    }

    /// Makes tables of credstash's layout, and the keys that credstash and CredSmash use when told nothing.
    pub(crate) fn stash_tables(&self, names: &[&str]) -> Result<()> {
        let mut caller = self.caller();
        for name in names {
            let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
            caller.dynamodb(
                "CreateTable",
                &json!({ "TableName": name, "KeySchema": [key("name", "HASH"), key("version", "RANGE")] }),
            )?;
        }
        for alias in ["alias/credstash", "alias/credsmash"] {
            caller.key(alias)?;
        }
        Ok(())
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.process.address)
    }

    /// Its own CPU time, to show that it is not the bottleneck.
    pub(crate) fn cpu_us(&self) -> Result<u64> {
        self.process.cpu_us()
    }

    /// How often each operation was called so far.
    pub(crate) fn counts(&self) -> Result<BTreeMap<String, u64>> {
        let mut answer = Answer::default();
        Connection::to(self.process.address)
            .send(&request("GET", "/__counts", &[], ""), &mut answer)?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// Writes the items that Confidant 7.0.0 would have written: current and archived, credentials and services.
    pub(crate) fn fill(&self, services: &[Service]) -> Result<()> {
        each(services, |service| {
            let mut caller = self.caller();
            let mut items = Vec::new();
            for credential in &service.credentials {
                items.extend(both(
                    credential_item(&mut caller, credential)?,
                    "credential",
                ));
            }
            items.extend(both(service_item(service)?, "service"));
            // The most that one call takes.
            for chunk in items.chunks(25) {
                let puts: Vec<_> = chunk
                    .iter()
                    .map(|item| json!({ "PutRequest": { "Item": item } }))
                    .collect();
                caller.dynamodb(
                    "BatchWriteItem",
                    &json!({ "RequestItems": { TABLE: puts } }),
                )?;
            }
            Ok(())
        })
        .map(|_| ())
    }

    /// A token for each service.
    pub(crate) fn logins(&self, services: &[Service]) -> Result<Vec<Login>> {
        each(services, |service| {
            self.login(AUTH_KEY, "service", &service.id)
        })
    }

    /// A token for a user.
    pub(crate) fn user_login(&self) -> Result<Login> {
        self.login(USER_AUTH_KEY, "user", "operator")
    }

    /// A version 2 token, good for most of the hour that servers allow.
    fn login(&self, key: &str, kind: &str, name: &str) -> Result<Login> {
        let now = clock::today();
        let stamp = format_description!("[year][month][day]T[hour][minute][second]Z");
        let (before, after) = (
            (now - Duration::minutes(3)).format(stamp)?,
            (now + Duration::minutes(55)).format(stamp)?,
        );
        let times = json!({ "not_before": before, "not_after": after }).to_string();
        let context = json!({ "from": name, "to": AUTH_CONTEXT, "user_type": kind });
        let token = self.caller().encrypt(key, times.as_bytes(), &context)?;
        Ok(Login {
            username: format!("2/{kind}/{name}"),
            token,
        })
    }

    fn caller(&self) -> Caller {
        Caller(Connection::to(self.process.address))
    }
}

/// Runs `work` for each service on a few threads; the results are in the services' order.
pub(crate) fn each<T: Send>(
    services: &[Service],
    work: impl Fn(&Service) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let (next, done) = (
        AtomicUsize::new(0),
        Mutex::new(Vec::with_capacity(services.len())),
    );
    thread::scope(|scope| {
        for _ in 0..crate::load::CONNECTIONS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(service) = services.get(at) else {
                        break;
                    };
                    let result = work(service);
                    let failed = result.is_err();
                    done.lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .push((at, result));
                    if failed {
                        break;
                    }
                }
            });
        }
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

struct Caller(Connection);

impl Caller {
    /// Makes a master key with an alias.
    fn key(&mut self, alias: &str) -> Result<()> {
        let key = self.kms("CreateKey", &json!({}))?;
        let target = key
            .pointer("/KeyMetadata/KeyId")
            .context("a key without id")?;
        self.kms(
            "CreateAlias",
            &json!({ "AliasName": alias, "TargetKeyId": target }),
        )?;
        Ok(())
    }

    fn dynamodb(&mut self, operation: &str, body: &Value) -> Result<Value> {
        self.call(&format!("DynamoDB_20120810.{operation}"), body)
    }

    fn kms(&mut self, operation: &str, body: &Value) -> Result<Value> {
        self.call(&format!("TrentService.{operation}"), body)
    }

    fn call(&mut self, target: &str, body: &Value) -> Result<Value> {
        let mut answer = Answer::default();
        let headers = [
            ("X-Amz-Target", target),
            ("Content-Type", "application/x-amz-json-1.1"),
        ];
        self.0.send(
            &request("POST", "/", &headers, &body.to_string()),
            &mut answer,
        )?;
        ensure!(
            answer.status == 200,
            "{target}: {}",
            String::from_utf8_lossy(&answer.body)
        );
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// The ciphertext's base64 text.
    fn encrypt(&mut self, key: &str, plaintext: &[u8], context: &Value) -> Result<String> {
        let plaintext = STANDARD.encode(plaintext);
        let request = json!({ "KeyId": key, "Plaintext": plaintext, "EncryptionContext": context });
        let answer = self.kms("Encrypt", &request)?;
        answer
            .get("CiphertextBlob")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .context("an answer without ciphertext")
    }
}

/// A current item of revision 1 and its archive copy.
fn both(current: Value, data_type: &str) -> [Value; 2] {
    let mut archived = current.clone();
    if let Some(item) = archived.as_object_mut() {
        let id = item
            .get("id")
            .and_then(|id| id.get("S")?.as_str())
            .unwrap_or_default();
        let id = json!({ "S": format!("{id}-1") });
        item.insert("id".to_owned(), id);
        item.insert(
            "data_type".to_owned(),
            json!({ "S": format!("archive-{data_type}") }),
        );
    }
    [current, archived]
}

fn credential_item(caller: &mut Caller, credential: &Credential) -> Result<Value> {
    let pairs: serde_json::Map<_, _> = credential
        .pairs
        .iter()
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    // The data key is the text of a Fernet key; the item holds its ciphertext in base64 twice.
    let key = Fernet::generate_key();
    let fernet = Fernet::new(&key).ok_or_else(|| anyhow!("a generated key is no key"))?;
    let wrapped = caller.encrypt(MASTER_KEY, key.as_bytes(), &json!({ "id": credential.id }))?;
    let date = written(&credential.id)?;
    Ok(json!({
        "id": { "S": credential.id },
        "revision": { "N": "1" },
        "data_type": { "S": "credential" },
        "name": { "S": credential.name },
        "credential_pairs": { "S": fernet.encrypt(json!(pairs).to_string().as_bytes()) },
        "enabled": { "BOOL": true },
        "data_key": { "B": STANDARD.encode(wrapped) },
        "cipher_version": { "N": "2" },
        "metadata": { "S": "{}" },
        "modified_date": { "S": date },
        "modified_by": { "S": "operator@example.com" },
        "documentation": { "S": "made for a benchmark" },
        "tags": { "L": [] },
        "last_rotation_date": { "S": date },
    }))
}

fn service_item(service: &Service) -> Result<Value> {
    let ids: Vec<&str> = service
        .credentials
        .iter()
        .map(|credential| credential.id.as_str())
        .collect();
    Ok(json!({
        "id": { "S": service.id },
        "revision": { "N": "1" },
        "data_type": { "S": "service" },
        "enabled": { "BOOL": true },
        "credentials": { "SS": ids },
        "modified_date": { "S": written(&service.id)? },
        "modified_by": { "S": "operator@example.com" },
    }))
}

/// When the item of this id was written: some time in a year that ended two days ago, so that a table of any size
/// has seen no recent writes.
fn written(id: &str) -> Result<String> {
    let draw = id
        .bytes()
        .fold(0, |draw, byte| bench::mix(draw ^ u64::from(byte)));
    let date = clock::today()
        - Duration::days(2)
        - Duration::microseconds((draw % MICROSECONDS_A_YEAR).try_into()?);
    let form = format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]+0000"
    );
    Ok(date.format(form)?)
}

fn table() -> Value {
    let text = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
    let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
    json!({
        "TableName": TABLE,
        "AttributeDefinitions": [text("id"), text("data_type"), text("modified_date")],
        "KeySchema": [key("id", "HASH")],
        "GlobalSecondaryIndexes": [{
            "IndexName": "data_type_date_index",
            "KeySchema": [key("data_type", "HASH"), key("modified_date", "RANGE")],
            "Projection": { "ProjectionType": "ALL" },
        }],
    })
}

const MICROSECONDS_A_YEAR: u64 = 365 * 24 * 3600 * 1_000_000;
