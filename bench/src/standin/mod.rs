//! An in-memory stand-in for the DynamoDB, KMS, IAM and STS calls that a Confidant-compatible server makes.
//!
//! For benchmarks only. Conditions, transactions, indexes, page tokens and encryption contexts behave as callers
//! rely on, so that a server takes the same path through its code as in production; but nothing is encrypted (a
//! "ciphertext" holds its own plaintext), no signature is looked at, there are no rights, no throttling and no
//! delays, and indexes are never late. What passes here has not been shown to be right.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value answers an absent member with null"
)]

mod attribute;
mod condition;
mod dynamodb;
mod http;
mod kms;
mod query_api;
mod reads;
mod refusal;
mod table;
mod tokens;
mod update;
mod writes;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

pub use refusal::Refusal;

/// What stands beside the operations in the counts.
pub const ITEMS_READ: &str = "items read";

/// Everything the stand-in remembers.
#[derive(Default)]
pub struct World {
    tables: dynamodb::Tables,
    keys: kms::Keys,
    counts: Mutex<BTreeMap<String, u64>>,
}

impl World {
    /// A world without tables and keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers one call, named as in `X-Amz-Target` (`DynamoDB_20120810.GetItem`, `TrentService.Decrypt`).
    ///
    /// Errors: what the real service would say, as far as callers look at it.
    pub fn call(&self, target: &str, body: &[u8]) -> Result<String, Refusal> {
        let (service, operation) = target.split_once('.').unwrap_or(("", target));
        self.count(operation);
        let request = serde_json::from_slice(body)
            .map_err(|error| Refusal::new("SerializationException", &error.to_string()))?;
        match service {
            "TrentService" => self.keys.call(operation, &request),
            _ => self.tables.call(operation, &request),
        }
    }

    /// Answers a call of the older form-encoded services, IAM and STS.
    pub fn form_call(&self, body: &[u8]) -> Result<String, Refusal> {
        let form = String::from_utf8_lossy(body);
        let action = form
            .split('&')
            .find_map(|pair| pair.strip_prefix("Action="))
            .unwrap_or("");
        self.count(action);
        query_api::call(action)
    }

    /// How often each operation was called, and under `items read` how many items all reads looked at, as a JSON
    /// object.
    pub fn counts(&self) -> String {
        let mut counts = self
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        counts.insert(ITEMS_READ.to_owned(), self.tables.items_read());
        serde_json::json!(counts).to_string()
    }

    fn count(&self, operation: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(operation) {
            Some(count) => *count += 1,
            None => {
                counts.insert(operation.to_owned(), 1);
            }
        }
    }
}

/// Serves `world` on `address` for ever, one thread per connection; `ready` is told the address.
///
/// Errors: the address cannot be bound.
pub fn serve(
    world: Arc<World>,
    address: &str,
    ready: impl FnOnce(SocketAddr),
) -> std::io::Result<()> {
    let listener = TcpListener::bind(address)?;
    ready(listener.local_addr()?);
    for connection in listener.incoming().flatten() {
        let world = Arc::clone(&world);
        std::thread::spawn(move || {
            // A connection that breaks ends its thread; the client opens another.
            let _ = http::converse(connection, &world);
        });
    }
    Ok(())
}
