//! The recorded scenarios: how a step is run and what it is judged by.
//!
//! A step with a `want` is judged by that, since the reference is wrong there; every other by what the reference did:
//! exit code, standard output, needed texts on standard error, files with their modes. A scenario is judged by the form
//! of the items that it leaves: everything that the random data key does not decide.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use testkit::{Fault, Moto};

use super::tools::{LIMIT, Tools, Way, run, settings};

/// CredSmash 3.0.2 and credstash 1.17.1, as they were recorded.
const RECORDED: &str = include_str!("../../../../vectors/credsmash/transcripts.json");

/// All scenarios of the file.
pub fn scenarios() -> Vec<Value> {
    let mut document: Value = serde_json::from_str(RECORDED).expect("JSON");
    match document["scenarios"].take() {
        Value::Array(scenarios) => scenarios,
        other => panic!("no scenarios: {other}"),
    }
}

/// What one step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
    /// Operations of AWS, in the order in which they came.
    pub calls: Vec<String>,
    /// Files that the step made or changed: mode and content.
    pub files: BTreeMap<String, (u32, Vec<u8>)>,
}

/// Which steps are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Each: by its `want` where it has one.
    All,
    /// Only those in which the reference is right: for the reference itself.
    WithoutWant,
}

/// Runs a scenario on an emptied moto. Gives what differs, and each step with what it came to.
pub fn play<'s>(
    scenario: &'s Value,
    number: usize,
    tools: &Tools,
    moto: &Moto,
    judged: Judged,
) -> (Vec<String>, Vec<(&'s Value, Got)>) {
    moto.reset();
    let none = json!({ "secret-store": [], "credential-store": [] });
    let tables = scenario.get("tables").unwrap_or(&none);
    for (table, items) in tables.as_object().expect("tables") {
        moto.load(table, "stash", items.as_array().expect("items"));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let work = folder.path().canonicalize().expect("its path").join("work");
    fs::create_dir_all(work.join("home")).expect("a home");
    let (mut problems, mut played) = (Vec::new(), Vec::new());
    for (index, step) in list(&scenario["steps"]).iter().enumerate() {
        let got = run_step(step, tools, Way::in_turn(number + index), moto, &work);
        if judged == Judged::All || step.get("want").is_none() {
            let found = judge(step, &got);
            problems.extend(
                found
                    .into_iter()
                    .map(|one| format!("step {index} {} {}: {one}", step["tool"], step["args"])),
            );
        }
        played.push((step, got));
    }
    let wanted = list(&scenario["steps"])
        .iter()
        .any(|step| step.get("want").is_some());
    if scenario.get("loose_tables").is_none() && !(wanted && judged == Judged::WithoutWant) {
        problems.extend(judge_tables(scenario, moto));
    }
    (problems, played)
}

fn run_step(step: &Value, tools: &Tools, way: Way, moto: &Moto, work: &Path) -> Got {
    let here = |text: &str| text.replace("<CWD>", &work.display().to_string());
    for (path, content) in step
        .get("files")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let path = work.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
        fs::write(path, bytes(content)).expect("the file is written");
    }
    match step.get("fault") {
        None => {}
        Some(Value::Array(faults)) => faults.iter().for_each(|one| moto.fault(fault(one))),
        Some(one) => moto.fault(fault(one)),
    }
    let before = snapshot(work);
    moto.forget_calls();
    let arguments: Vec<String> = list(&step["args"])
        .iter()
        .map(|one| here(text(one)))
        .collect();
    let mut command = tools.command(text(&step["tool"]), way, &arguments);
    command
        .current_dir(work)
        .envs(settings(moto, &work.join("home")));
    for (name, value) in step
        .get("env")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        match value.as_str() {
            Some(value) => command.env(name, here(value)),
            None => command.env_remove(name),
        };
    }
    let input = match (step.get("stdin"), step.get("stdin_b64")) {
        (_, Some(encoded)) => STANDARD.decode(text(encoded)).expect("base64"),
        (Some(given), None) => text(given).as_bytes().to_vec(),
        (None, None) => Vec::new(),
    };
    let limit = step["timeout"].as_u64().map_or(LIMIT, Duration::from_secs);
    let ran = run(command, &input, limit);
    let files = snapshot(work)
        .into_iter()
        .filter(|(path, after)| before.get(path) != Some(after))
        .collect();
    Got {
        code: ran.code,
        stderr: ran.told().replace(&work.display().to_string(), "<CWD>"),
        stdout: ran.stdout,
        calls: moto
            .calls()
            .iter()
            .map(|call| call.operation().to_owned())
            .collect(),
        files,
    }
}

/// An order of the transcripts, which name the operation by its whole target.
fn fault(order: &Value) -> Fault {
    let number = |name| order.get(name).and_then(Value::as_u64);
    let small = |name, otherwise| {
        number(name).map_or(otherwise, |number| {
            u32::try_from(number).expect("a small number")
        })
    };
    let status = u16::try_from(small("status", 400)).expect("a status");
    Fault::refuse(text(&order["target"]), text(&order["code"]), status)
        .saying(text(&order["message"]))
        .times(small("times", 1))
        .after(small("skip", 0))
}

/// What differs from what is wanted of a step.
pub fn judge(step: &Value, got: &Got) -> Vec<String> {
    let expected = &step["expect"];
    let want = step.get("want").and_then(Value::as_object);
    let wants = |name| want.and_then(|want| want.get(name));
    let mut bad = Vec::new();
    if wants("any").is_some() {
        return bad;
    }
    let code = wants("rc").unwrap_or(&expected["rc"]);
    if json!(got.code) != *code {
        bad.push(format!("code {:?}, expected {code}", got.code));
    }
    let stdout = match want {
        Some(want) if want.contains_key("keep_stdout") => Some(output(expected)),
        Some(want) => want.get("stdout").map(bytes),
        None if step.get("loose_stdout").is_some() => None,
        None => Some(output(expected)),
    };
    if let Some(stdout) = stdout
        && stdout != got.stdout
    {
        bad.push(format!(
            "stdout {:?}, expected {:?}",
            lossy(&got.stdout),
            lossy(&stdout)
        ));
    }
    let needed = match wants("stderr_contains") {
        Some(texts) => list(texts).iter().map(|one| text(one).to_owned()).collect(),
        // The wording of usage errors is free.
        None if want.is_some() || expected["rc"] == 2 || step.get("loose_stderr").is_some() => {
            Vec::new()
        }
        None => needed_texts(text(&expected["stderr"])),
    };
    for needed in needed {
        if !got.stderr.contains(&needed) {
            bad.push(format!("stderr lacks {needed:?} (it has {:?})", got.stderr));
        }
    }
    let files = match want {
        Some(want) => want.get("out_files"),
        None => expected.get("out_files"),
    };
    for (path, wanted) in files.and_then(Value::as_object).into_iter().flatten() {
        // The reference makes a log at every run.
        if path.ends_with(".log") {
            continue;
        }
        let found = got.files.get(path);
        let mode = found.map(|(mode, _)| format!("{mode:04o}"));
        if mode.as_deref() != wanted["mode"].as_str() {
            bad.push(format!(
                "file {path} has mode {mode:?}, expected {}",
                wanted["mode"]
            ));
        }
        let content = ["data", "data_b64"]
            .iter()
            .any(|name| wanted.get(name).is_some());
        let found = found
            .map(|(_, content)| content.clone())
            .unwrap_or_default();
        let content = content.then(|| named_bytes(wanted, "data"));
        if let Some(content) = content
            && content != found
        {
            bad.push(format!(
                "file {path} holds {:?}, expected {:?}",
                lossy(&found),
                lossy(&content)
            ));
        }
    }
    bad
}

/// Lines of the reference's standard error that another program must say too: of a stack dump its last line without the
/// class, of a log line its text.
fn needed_texts(stderr: &str) -> Vec<String> {
    stderr
        .lines()
        .map(str::trim)
        .filter(|line| {
            !["usage:", "Usage:", "Try "]
                .iter()
                .any(|usage| line.starts_with(usage))
        })
        .map(|line| {
            if let Some(last) = line.strip_prefix("<TRACEBACK> ") {
                let class = last
                    .find(|letter: char| {
                        !(letter.is_alphanumeric() || letter == '_' || letter == '.')
                    })
                    .unwrap_or(last.len());
                let (_, rest) = last.split_at(class);
                // `Class: text`, or `Class` alone.
                return match rest.strip_prefix(':') {
                    Some(said) => said.trim_start(),
                    None if rest.is_empty() => "",
                    None => last,
                };
            }
            match line
                .strip_prefix("<TIME> ")
                .and_then(|logged| logged.split_once("] "))
            {
                Some((logger, said)) if logger.contains(" [") => said,
                _ => line,
            }
        })
        .filter(|said| !said.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What differs in the tables that a scenario leaves.
fn judge_tables(scenario: &Value, moto: &Moto) -> Vec<String> {
    let there = moto.tables();
    let mut bad = Vec::new();
    for (table, expected) in scenario["expect_tables"].as_object().expect("tables") {
        let found = if there.contains(table) {
            Value::Array(moto.dump(table).iter().map(shape).collect())
        } else {
            Value::Null
        };
        if found != *expected {
            bad.push(format!(
                "table {table} holds\n      {found}\n      expected\n      {expected}"
            ));
        }
    }
    bad
}

/// What of a stored item is the same whatever the random data key was.
pub fn shape(item: &Value) -> Value {
    let mut shape = Map::new();
    for (name, value) in item.as_object().expect("an item") {
        let (kind, held) = value
            .as_object()
            .and_then(|value| value.iter().next())
            .expect("a value");
        let told = if ["name", "version", "digest", "algorithm", "comment"].contains(&name.as_str())
        {
            json!({ kind: held })
        } else if name == "key" {
            json!({ "type": kind })
        } else {
            let held = text(held);
            let length = match kind.as_str() {
                "B" => STANDARD.decode(held).expect("base64").len(),
                _ => held.chars().count(),
            };
            json!({ "type": kind, "len": length })
        };
        shape.insert(name.clone(), told);
    }
    Value::Object(shape)
}

/// Every file below a folder: mode and content.
fn snapshot(folder: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).expect("the folder") {
            let path = entry.expect("an entry").path();
            let known = fs::metadata(&path).expect("a file");
            if known.is_dir() {
                open.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .expect("below")
                    .display()
                    .to_string();
                let content = fs::read(&path).expect("the file");
                files.insert(name, (known.permissions().mode() & 0o7777, content));
            }
        }
    }
    files
}

fn output(expected: &Value) -> Vec<u8> {
    named_bytes(expected, "stdout")
}

/// A text, or bytes under the same name with `_b64`.
fn named_bytes(of: &Value, name: &str) -> Vec<u8> {
    match of.get(format!("{name}_b64")) {
        Some(encoded) => STANDARD.decode(text(encoded)).expect("base64"),
        None => bytes(&of[name]),
    }
}

/// A text, or `{"b64": ...}`.
fn bytes(content: &Value) -> Vec<u8> {
    match content.get("b64") {
        Some(encoded) => STANDARD.decode(text(encoded)).expect("base64"),
        None => text(content).as_bytes().to_vec(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The elements of a list.
pub fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("no list: {value}"))
}
