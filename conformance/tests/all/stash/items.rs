//! Every recorded item, read by our program and by the real tools from one table.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::preloaded::Preloaded;
use super::tools::{Desk, Ran, Tools};
use super::transcripts::list;

/// Items of CredSmash, credstash and others, as they are stored.
const RECORDED: &str = include_str!("../../../../vectors/credsmash/items.json");

const FACES: [&str; 3] = ["credsmash", "credstash", "stash"];

/// How many of them are real tools.
const TOOLS: usize = 2;

fn vectors() -> Vec<Value> {
    let document: Value = serde_json::from_str(RECORDED).expect("JSON");
    list(&document["vectors"]).to_vec()
}

/// A desk whose tables hold all of them.
fn laid_out(vectors: &[Value]) -> Desk {
    let desk = Desk::open(Tools::ours());
    for vector in vectors {
        desk.moto.load(
            text(&vector["table"]),
            "stash",
            std::slice::from_ref(&vector["item"]),
        );
    }
    desk
}

/// How a face is asked for the newest value of an item, and for nothing but its bytes.
fn question<'v>(face: &str, vector: &'v Value, pairs: &'v [String]) -> Vec<&'v str> {
    let (table, name) = (text(&vector["table"]), text(&vector["item"]["name"]["S"]));
    let context = vector["encryption_context"].as_object().expect("pairs");
    let mut words = vec!["-t", table];
    if face == "stash" {
        words = vec!["get", name, "--table", table];
        for pair in pairs {
            words.extend(["--context", pair]);
        }
    } else if face == "credsmash" {
        if !context.is_empty() {
            // It takes a context with a key only.
            words.extend(["-k", "alias/credsmash"]);
        }
        for (key, value) in context {
            words.extend(["--context", key.as_str(), text(value)]);
        }
        words.extend(["get", name]);
    } else {
        words.extend(["get", "-n", name]);
        words.extend(pairs.iter().map(String::as_str));
    }
    words
}

/// The encryption context as credstash takes it.
fn pairs(vector: &Value) -> Vec<String> {
    let context = vector["encryption_context"].as_object().expect("pairs");
    context
        .iter()
        .map(|(key, value)| format!("{key}={}", text(value)))
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn plaintext(vector: &Value) -> Option<Vec<u8>> {
    vector
        .get("plaintext_b64")
        .map(|encoded| STANDARD.decode(text(encoded)).expect("base64"))
}

#[test]
fn the_real_tools_read_every_recorded_item_as_recorded() {
    let vectors = vectors();
    let desk = laid_out(&vectors);
    let mut real = Preloaded::at(&desk);
    let (mut read, mut refused) = (0, 0);
    for vector in &vectors {
        let recorded = vector["reference_reads"]
            .as_object()
            .expect("what the tools say");
        assert_eq!(recorded.len(), TOOLS);
        for (tool, told) in recorded {
            let told = text(told);
            let pairs = pairs(vector);
            let ran = real.run(tool, &question(tool, vector, &pairs));
            let about = format!("{} by {tool}: {ran:?}", vector["id"]);
            if told == "ok" {
                assert_eq!(ran.code, Some(0), "{about}");
                assert_eq!(Some(ran.stdout), plaintext(vector), "{about}");
                read += 1;
            } else {
                let words = told.strip_prefix("rc 1: ").expect("a code of 1");
                let words = words.strip_prefix("<TRACEBACK> ").unwrap_or(words);
                assert_eq!(ran.code, Some(1), "{about}");
                assert!(ran.told().contains(words), "{about}");
                refused += 1;
            }
        }
    }
    println!(
        "{} items: {read} reads and {refused} refusals by the real tools",
        vectors.len()
    );
    assert_eq!(read + refused, vectors.len() * TOOLS);
}

#[test]
fn every_face_reads_every_recorded_item_and_no_damaged_one() {
    let vectors = vectors();
    let desk = laid_out(&vectors);
    let (mut read, mut refused, mut left) = (0, 0, 0);
    for vector in &vectors {
        for face in FACES {
            let pairs = pairs(vector);
            let ran = desk.run(face, &question(face, vector, &pairs));
            let about = format!("{} by {face}: {ran:?}", vector["id"]);
            match plaintext(vector) {
                // Hashes that nobody offers any more: read right, or not at all.
                Some(_) if vector.get("optional").is_some() && ran.code != Some(0) => {
                    is_refused(&ran, &about);
                    left += 1;
                }
                Some(plaintext) => {
                    assert_eq!(ran.code, Some(0), "{about}");
                    assert_eq!(ran.stdout, plaintext, "{about}");
                    read += 1;
                }
                None => {
                    assert!(vector.get("must_fail").is_some(), "{about}");
                    is_refused(&ran, &about);
                    refused += 1;
                }
            }
        }
    }
    println!(
        "{} items: {read} reads, {refused} refusals of damaged ones, {left} of hashes not offered",
        vectors.len()
    );
    assert_eq!(read + refused + left, vectors.len() * FACES.len());
}

fn is_refused(ran: &Ran, about: &str) {
    assert!(ran.code.is_some_and(|code| code != 0), "{about}");
    assert!(ran.stdout.is_empty(), "{about}");
    assert!(ran.told().contains(' '), "{about}");
}
