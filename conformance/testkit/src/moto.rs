//! Real moto (DynamoDB, KMS and STS) in a process of its own, one call at a time.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::settings::python;

/// One running moto. It ends when this value is dropped, and in any case with this process.
pub struct Moto {
    /// Its address, for `DYNAMODB_URL`, `KMS_URL` and `AWS_ENDPOINT_URL`.
    pub url: String,
    process: Child,
}

impl Moto {
    /// Starts one with the keys of `conformance/python/kms_seed.json` and `vectors/credsmash/kms_seed.json` and no
    /// tables. Ciphertexts of `vectors/confidant/dynamodb_items.json` and `vectors/credsmash/items.json` open as
    /// recorded.
    ///
    /// Panics: when [`python`] does, or when it does not come up.
    pub fn start() -> Self {
        let root = root();
        let folder = root.join("conformance/python");
        let vectors = root.join("vectors/confidant");
        let stash = root.join("vectors/credsmash");
        let mut process = Command::new(python())
            .arg("-B")
            .arg(folder.join("moto_server.py"))
            .arg("--seed")
            .arg(folder.join("kms_seed.json"))
            .arg("--seed")
            .arg(stash.join("kms_seed.json"))
            .arg("--recorded")
            .arg(vectors.join("dynamodb_items.json"))
            .arg("--recorded")
            .arg(stash.join("items.json"))
            .arg("--confidant-layout")
            .arg(vectors.join("dynamodb_table.json"))
            .env("AWS_ACCESS_KEY_ID", "testing")
            .env("AWS_SECRET_ACCESS_KEY", "testing")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("moto does not start: {error}"));
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .unwrap_or_else(|error| panic!("moto said nothing: {error}"));
        }
        let Some(port) = line
            .strip_prefix("ready ")
            .and_then(|port| port.trim().parse::<u16>().ok())
        else {
            panic!("moto is not ready (its standard error says why): {line:?}");
        };
        Self {
            url: format!("http://127.0.0.1:{port}"),
            process,
        }
    }

    /// The one that all tests of this process share; keep apart by table and access key, and leave
    /// [`Moto::reset`] alone.
    pub fn shared() -> &'static Self {
        // Never dropped; it ends when the end of this process closes its standard input.
        static SHARED: LazyLock<Moto> = LazyLock::new(Moto::start);
        // Every test that cannot have it says why, not only the first.
        let _known = python();
        &SHARED
    }

    /// Forgets tables, faults, permissions and calls.
    pub fn reset(&self) {
        self.control("POST", "reset", &json!({}));
    }

    /// Puts items (DynamoDB JSON) into a table, which is made when missing.
    ///
    /// `layout`: `confidant` (hash `id`, the date index) or `stash` (hash `name`, range `version`).
    pub fn load(&self, table: &str, layout: &str, items: &[Value]) {
        self.control(
            "POST",
            "load",
            &json!({ "tables": { table: { "layout": layout, "items": items } } }),
        );
    }

    /// Makes a root of AWS Private CA that is ready to issue, tagged `hello: world`; its ARN.
    pub fn private_ca(&self) -> String {
        let made = self.control("POST", "private_ca", &json!({}));
        let arn = made.get("arn").and_then(Value::as_str);
        arn.map(str::to_owned)
            .unwrap_or_else(|| panic!("moto made no private CA: {made}"))
    }

    /// The names of its tables.
    pub fn tables(&self) -> Vec<String> {
        list(self.control("GET", "tables", &Value::Null))
            .into_iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    }

    /// All items of a table (DynamoDB JSON), sorted by key.
    pub fn dump(&self, table: &str) -> Vec<Value> {
        list(self.control("GET", &format!("dump?table={table}"), &Value::Null))
    }

    /// The calls since the start or [`Moto::forget_calls`], the last 20,000 of them.
    pub fn calls(&self) -> Vec<Call> {
        let told = self.control("GET", "calls", &Value::Null);
        list(told.get("calls").cloned().unwrap_or_default())
            .into_iter()
            .map(Call)
            .collect()
    }

    /// The calls by this access key.
    pub fn calls_by(&self, access_key: &str) -> Vec<Call> {
        self.calls()
            .into_iter()
            .filter(|call| call.access_key() == access_key)
            .collect()
    }

    /// Begins the record of calls anew.
    pub fn forget_calls(&self) {
        self.control("DELETE", "calls", &Value::Null);
    }

    /// Orders a fault for calls to come.
    pub fn fault(&self, fault: Fault) {
        self.control("POST", "fault", &Value::Object(fault.0));
    }

    /// The ordered faults that have not struck often enough yet.
    pub fn open_faults(&self) -> usize {
        list(self.control("GET", "fault", &Value::Null)).len()
    }

    /// Takes back all ordered faults.
    pub fn forget_faults(&self) {
        self.control("DELETE", "fault", &Value::Null);
    }

    /// Takes back the faults ordered for calls by this access key.
    pub fn forget_faults_by(&self, access_key: &str) {
        self.control(
            "DELETE",
            &format!("fault?access_key={access_key}"),
            &Value::Null,
        );
    }

    /// Allows an access key these IAM actions (patterns) and nothing else.
    pub fn allow_only(&self, access_key: &str, actions: &[&str]) {
        self.control(
            "POST",
            "allow",
            &json!({ "actions": actions, "access_key": access_key }),
        );
    }

    /// Allows an access key everything again.
    pub fn allow_all(&self, access_key: &str) {
        self.control(
            "POST",
            "allow",
            &json!({ "actions": null, "access_key": access_key }),
        );
    }

    /// The process, for a test that stops or kills it.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    fn control(&self, method: &str, path: &str, order: &Value) -> Value {
        let url = format!("{}/_ctl/{path}", self.url);
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let answered = match method {
            "GET" => agent.get(&url).call(),
            "DELETE" => agent.delete(&url).call(),
            _ => agent.post(&url).send(order.to_string()),
        };
        let mut answer =
            answered.unwrap_or_else(|error| panic!("moto does not answer {path}: {error}"));
        let mut text = String::new();
        let read = answer.body_mut().as_reader().read_to_string(&mut text);
        match (answer.status().as_u16(), read, serde_json::from_str(&text)) {
            (200, Ok(_), Ok(told)) => told,
            (status, ..) => panic!("moto answers {path} with {status}: {text}"),
        }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // Closing its standard input ends it; waiting leaves no zombie.
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}

/// One recorded AWS call.
#[derive(Clone, Debug)]
pub struct Call(pub Value);

impl Call {
    /// For example `PutItem`.
    pub fn operation(&self) -> &str {
        self.text("operation")
    }

    /// For example `dynamodb`.
    pub fn service(&self) -> &str {
        self.text("service")
    }

    /// Who signed it.
    pub fn access_key(&self) -> &str {
        self.text("access_key")
    }

    /// The DynamoDB tables that it names.
    pub fn tables(&self) -> Vec<&str> {
        let tables = self.0.get("tables").and_then(Value::as_array);
        tables
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// The fault that struck it, by its name or error code.
    pub fn fault(&self) -> Option<&str> {
        self.0.get("fault").and_then(Value::as_str)
    }

    /// The number of the connection that it came over.
    pub fn connection(&self) -> u64 {
        self.0
            .get("connection")
            .and_then(Value::as_u64)
            .unwrap_or_default()
    }

    /// What was asked.
    pub fn body(&self) -> &Value {
        self.0.get("body").unwrap_or(&Value::Null)
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// A fault to order: what it does, and which calls it strikes.
///
/// An operation is one name (`PutItem`, or with its service as `TrentService.Decrypt`), several (`PutItem|UpdateItem`),
/// or `*` for any.
#[derive(Clone, Debug)]
pub struct Fault(Map<String, Value>);

impl Fault {
    /// The call is not applied and the connection closes without an answer.
    pub fn drop_request(operation: &str) -> Self {
        Self::of(operation).with("drop_request", true)
    }

    /// The call is applied and the connection closes without an answer.
    pub fn drop_reply(operation: &str) -> Self {
        Self::of(operation).with("drop_reply", true)
    }

    /// The call is not applied and answered with this error code and status.
    pub fn refuse(operation: &str, code: &str, status: u16) -> Self {
        Self::of(operation)
            .with("code", code)
            .with("status", status)
    }

    /// The call is applied so many milliseconds later.
    pub fn delay(operation: &str, milliseconds: u32) -> Self {
        Self::of(operation).with("delay_ms", milliseconds)
    }

    /// A `BatchGetItem` looks at so many keys and leaves the others unprocessed.
    pub fn partial(keys: usize) -> Self {
        Self::of("BatchGetItem").with("partial", keys)
    }

    /// Strikes so many calls; once, without this.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        self.with("times", times)
    }

    /// Lets so many calls pass first.
    #[must_use]
    pub fn after(self, calls: u32) -> Self {
        self.with("skip", calls)
    }

    /// Strikes only calls that name this table.
    #[must_use]
    pub fn on(self, table: &str) -> Self {
        self.with("table", table)
    }

    /// Strikes only calls signed by this access key.
    #[must_use]
    pub fn by(self, access_key: &str) -> Self {
        self.with("access_key", access_key)
    }

    /// Kills who makes the call: of a dropped request before it is applied, of a dropped reply after. The file holds the
    /// number of its process.
    #[must_use]
    pub fn killing(self, process: &Path) -> Self {
        self.with("kill", process.display().to_string())
    }

    /// Says this in the error's body.
    #[must_use]
    pub fn saying(self, message: &str) -> Self {
        self.with("message", message)
    }

    /// Further fields of the error's body, for example `CancellationReasons`.
    #[must_use]
    pub fn telling(self, extra: Value) -> Self {
        self.with("extra", extra)
    }

    fn of(operation: &str) -> Self {
        Self(Map::new()).with("operation", operation)
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }
}

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        other => panic!("moto answers with no list: {other}"),
    }
}
