//! What one write costs with so many credentials in the table.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};
use bench::standin::ITEMS_READ;
use serde::Serialize;
use serde_json::{Value, json};

use crate::aws::StandIn;
use crate::connection::{Answer, Connection, request};
use crate::keepward;
use crate::process::Process;
use crate::programs::Programs;
use crate::say;
use crate::workload::{Credential, Shape};

/// One size of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Size {
    pub(crate) credentials: usize,
    /// Create, rename, update.
    pub(crate) writes: Vec<Write>,
}

/// One kind of write, as the mean of many.
#[derive(Debug, Serialize)]
pub(crate) struct Write {
    pub(crate) what: &'static str,
    /// By operation.
    pub(crate) aws_calls: BTreeMap<String, f64>,
    pub(crate) items_read: f64,
    pub(crate) cpu_us: f64,
}

impl Write {
    /// All AWS calls together.
    pub(crate) fn calls(&self) -> f64 {
        self.aws_calls.values().sum()
    }
}

/// Makes a table of so many credentials, each mapped to a service with nineteen others, and writes to it.
///
/// Every size writes the same things in the same order: caches that fill with the table play no part.
pub(crate) fn at(
    programs: &Programs,
    folder: &Path,
    shape: &Shape,
    credentials: usize,
    writes: usize,
) -> Result<Size> {
    say(&format!("growth: {credentials} credentials"));
    let services = Shape {
        services: credentials / shape.credentials_per_service,
        ..*shape
    }
    .services();
    let stand_in = StandIn::start(&programs.stand_in, folder)?;
    stand_in.fill(&services)?;
    let server = keepward::start_on_aws(&programs.keepward, folder, &stand_in)?;
    let mut user = User {
        authorization: stand_in.user_login()?.basic(),
        connection: Connection::to(server.address),
    };
    // The same services at every size, each credential once.
    let same = services.get(..SERVICES).unwrap_or(&services);
    let mut mapped = (0..shape.credentials_per_service).flat_map(|place| {
        same.iter()
            .filter_map(move |service| service.credentials.get(place))
    });
    let mut take = |count: usize| -> Vec<&Credential> { mapped.by_ref().take(count).collect() };

    // What a server learns once is learned before: names, mappings, the caller's token. And the newest of each kind
    // is of today at every size, for how much was written in the day before it costs too.
    let first = take(1);
    user.create("the very first")?;
    user.map("of-today")?;
    for credential in first {
        user.rename(credential, "the very second")?;
        user.update(credential)?;
    }
    let (renamed, updated) = (take(writes), take(writes));
    ensure!(
        updated.len() == writes,
        "too few credentials for {writes} writes"
    );
    let writes = vec![
        measure("create", &server, &stand_in, 0..writes, |number| {
            user.create(&format!("a new one, {number}"))
        })?,
        measure(
            "rename",
            &server,
            &stand_in,
            renamed.iter().enumerate(),
            |(number, credential)| user.rename(credential, &format!("a new name, {number}")),
        )?,
        measure(
            "update, mapped",
            &server,
            &stand_in,
            updated,
            |credential| user.update(credential),
        )?,
    ];
    Ok(Size {
        credentials,
        writes,
    })
}

fn measure<T>(
    what: &'static str,
    server: &Process,
    stand_in: &StandIn,
    of: impl IntoIterator<Item = T>,
    mut write: impl FnMut(T) -> Result<()>,
) -> Result<Write> {
    let (before, cpu) = (stand_in.counts()?, server.cpu_us()?);
    let mut count = 0_u32;
    for one in of {
        write(one)?;
        count += 1;
    }
    let per_write = |total: u64| total as f64 / f64::from(count);
    let cpu_us = per_write(server.cpu_us()? - cpu);
    let mut aws_calls = BTreeMap::new();
    for (operation, after) in stand_in.counts()? {
        let made = after - before.get(&operation).copied().unwrap_or_default();
        if made > 0 {
            aws_calls.insert(operation, per_write(made));
        }
    }
    Ok(Write {
        what,
        items_read: aws_calls.remove(ITEMS_READ).unwrap_or_default(),
        aws_calls,
        cpu_us,
    })
}

/// Who writes, one request after the other.
struct User {
    authorization: String,
    connection: Connection,
}

impl User {
    fn create(&mut self, name: &str) -> Result<()> {
        let body = json!({ "name": name, "credential_pairs": { "key": name }, "enabled": true });
        self.send("POST", "/v1/credentials", &body)
    }

    fn rename(&mut self, credential: &Credential, name: &str) -> Result<()> {
        self.send("PUT", &path(credential), &json!({ "name": name }))
    }

    fn update(&mut self, credential: &Credential) -> Result<()> {
        let pairs: serde_json::Map<String, Value> = credential
            .pairs
            .iter()
            .map(|(key, _)| (key.clone(), json!("new")))
            .collect();
        let body = json!({ "credential_pairs": pairs });
        self.send("PUT", &path(credential), &body)
    }

    fn map(&mut self, service: &str) -> Result<()> {
        let body = json!({ "credentials": [], "blind_credentials": [], "enabled": true });
        self.send("PUT", &format!("/v1/services/{service}"), &body)
    }

    fn send(&mut self, method: &str, path: &str, body: &Value) -> Result<()> {
        let headers = [
            ("Authorization", self.authorization.as_str()),
            ("Content-Type", "application/json"),
        ];
        let mut answer = Answer::default();
        let request = request(method, path, &headers, &body.to_string());
        self.connection.send(&request, &mut answer)?;
        ensure!(
            answer.status == 200,
            "{method} {path}: status {}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        Ok(())
    }
}

fn path(credential: &Credential) -> String {
    format!("/v1/credentials/{}", credential.id)
}

/// As many as the smallest table has.
const SERVICES: usize = 50;
