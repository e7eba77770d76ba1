//! Every exchange recorded with the real Confidant 7.0.0, in the order of recording.
//!
//! Ids and page tokens are translated, and of dates the form is compared. What the recorded server
//! answered with 500 is played on a copy of the world, so that the ones after it meet what they met.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::house::{Answer, As};
use crate::recorded::Recorded;
use crate::repairs::{LATER, REPAIRED, Repair};

#[tokio::test]
async fn every_recorded_exchange_is_answered_as_it_was_or_better() {
    let file: Value = serde_json::from_str(include_str!(
        "../../../../vectors/confidant/http_exchanges.json"
    ))
    .unwrap();
    let all = file["exchanges"].as_array().unwrap();
    let mut replay = Replay::new().await;
    let mut faults = Vec::new();
    let mut played = 0;
    // The last of the browser's user were recorded after the tokens'.
    for number in (0..136).chain(172..all.len()).chain(136..172) {
        if let Err(fault) = replay.play(number, &all[number]).await {
            faults.push(format!("{number} {}: {fault}", all[number]["name"]));
        }
        played += 1;
    }
    println!("{played} exchanges replayed");
    assert_eq!(played, all.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_exchange_that_differs_is_named_as_in_the_file() {
    let file: Value = serde_json::from_str(include_str!(
        "../../../../vectors/confidant/http_exchanges.json"
    ))
    .unwrap();
    let all = file["exchanges"].as_array().unwrap();
    let later = LATER.iter().map(|(number, name)| (*number, *name));
    let repaired = REPAIRED.iter().map(|(number, name, _)| (*number, *name));
    for (number, name) in later.chain(repaired) {
        assert_eq!(all[number]["name"], name, "{number}");
    }
    // Nothing that failed so is taken over.
    for (number, entry) in all.iter().enumerate() {
        if entry["status"] == 500 {
            let named = LATER.iter().any(|(listed, _)| *listed == number)
                || REPAIRED.iter().any(|(listed, _, _)| *listed == number);
            assert!(named, "{number} {} has no repair", entry["name"]);
        }
    }
}

struct Replay {
    recorded: Recorded,
    /// Their ids and page tokens, and ours.
    ours: BTreeMap<String, String>,
}

impl Replay {
    async fn new() -> Self {
        Self {
            recorded: Recorded::open().await,
            ours: BTreeMap::new(),
        }
    }

    async fn play(&mut self, number: usize, entry: &Value) -> Result<(), String> {
        let house = &self.recorded.house;
        // Real time went by between the recorded requests.
        house
            .clock
            .advance(std::time::Duration::from_micros(1_100_001));
        self.recorded.before(number).await;
        let later = LATER.iter().any(|(listed, _)| *listed == number);
        let repair = REPAIRED.iter().find(|(listed, _, _)| *listed == number);
        let kept = match repair {
            Some(_) => Some(house.copy().await),
            None => None,
        };
        let request = self
            .recorded
            .request(number, entry, |text| self.to_ours(text));
        let answer = house.send_raw(As::Nobody, request).await;
        if repair.is_none() {
            self.recorded.keep_cookies(&answer);
        }
        let compared = match repair {
            // The server's own front page stands there until the browser's UI comes; not the door's.
            _ if number == FRONT_PAGE => match answer.status.as_u16() {
                404 => Ok(()),
                _ => Err(format!("the door claims the front page: {answer}")),
            },
            Some((_, _, repair)) => self.is_repaired(repair, &answer),
            None if later => is_of_later(&answer),
            None => self.is_the_same(entry, &answer),
        };
        if let Some(kept) = kept {
            self.recorded.house.restore(kept).await;
        }
        self.recorded.after(number, |text| self.to_ours(text)).await;
        compared
    }

    fn is_the_same(&mut self, entry: &Value, answer: &Answer) -> Result<(), String> {
        let status = entry["status"].as_u64().unwrap();
        if u64::from(answer.status.as_u16()) != status {
            return Err(format!("{status} is answered with {answer}"));
        }
        let page = entry["body_kind"] == "html page";
        if page && matches!(status, 400 | 401 | 403) {
            // Refused requests are told why, in JSON: the official client reads a 403 as JSON.
            return match answer.json()["error"].as_str() {
                Some(told) if !told.is_empty() => Ok(()),
                _ => Err(format!("says nothing: {answer}")),
            };
        }
        let kind = |text: &str| text.split(';').next().unwrap_or_default().to_owned();
        let mut theirs = kind(entry["content_type"].as_str().unwrap());
        // Certificates and tokens were called HTML, though they are JSON.
        if entry.get("body").is_some() {
            theirs = "application/json".to_owned();
        }
        let held = answer.headers.get("content-type");
        let ours = kind(held.map_or("", |kind| kind.to_str().unwrap()));
        // A redirect of theirs has a page that nobody reads.
        if theirs != ours && status != 302 {
            return Err(format!("{theirs} is answered as {ours}"));
        }
        if let Some(headers) = entry["response_headers"].as_object() {
            for (name, value) in headers {
                let ours = answer.headers.get(name).map(|ours| ours.to_str().unwrap());
                if ours != value.as_str() {
                    return Err(format!("header {name}: {value} is {ours:?}"));
                }
            }
        }
        let Some(theirs) = entry.get("body") else {
            return match (entry["body_kind"].as_str(), answer.body.is_empty()) {
                (Some("empty"), false) => Err(format!("is not empty: {answer}")),
                _ => Ok(()),
            };
        };
        let told = answer.json();
        self.learn(theirs, &told);
        let theirs: Value = serde_json::from_str(&self.to_ours(&theirs.to_string())).unwrap();
        let (theirs, mut ours) = (comparable(&theirs), comparable(&told));
        // A page may be the last one without knowing it (DynamoDB's semantics; the emulator knew).
        if theirs["next_page"].is_null() && ours["next_page"] == "a page" {
            ours["next_page"] = Value::Null;
        }
        match theirs == ours {
            true => Ok(()),
            false => Err(format!("\n  was {theirs}\n  is  {ours}")),
        }
    }

    fn is_repaired(&self, repair: &Repair, answer: &Answer) -> Result<(), String> {
        match repair {
            Repair::Refused(status, told) => {
                let well =
                    answer.status == *status && answer.json()["error"].as_str() == Some(told);
                well.then_some(())
                    .ok_or_else(|| format!("is not repaired: {answer}"))
            }
            Repair::Works(whole) => {
                if answer.status != 200 {
                    return Err(format!("is not repaired: {answer}"));
                }
                let whole = serde_json::from_str(&self.to_ours(&whole().to_string())).unwrap();
                let (mut whole, told) = (comparable(&whole), comparable(&answer.json()));
                if whole["id"] == NEW_ID && told["id"].as_str().is_some_and(is_new_id) {
                    whole["id"] = told["id"].clone();
                }
                match whole == told {
                    true => Ok(()),
                    false => Err(format!("\n  should be {whole}\n  is        {told}")),
                }
            }
        }
    }

    /// Notes which of our ids and page tokens stand for theirs.
    fn learn(&mut self, theirs: &Value, ours: &Value) {
        for name in ["id", "next_page"] {
            if let (Some(theirs), Some(ours)) = (theirs[name].as_str(), ours[name].as_str()) {
                self.ours.insert(theirs.to_owned(), ours.to_owned());
                self.ours.insert(in_url(theirs), in_url(ours));
            }
        }
    }

    fn to_ours(&self, text: &str) -> String {
        self.ours
            .iter()
            .fold(text.to_owned(), |text, (theirs, ours)| {
                text.replace(theirs, ours)
            })
    }
}

/// In an expected answer, the id of what it made.
pub(crate) const NEW_ID: &str = "<new id>";

fn is_new_id(id: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    id.len() == 32 && id.bytes().all(is_digit)
}

fn in_url(token: &str) -> String {
    token
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D")
}

fn is_of_later(answer: &Answer) -> Result<(), String> {
    let told = answer.json();
    match answer.status == 501 && told["error"].as_str().is_some_and(|told| !told.is_empty()) {
        true => Ok(()),
        false => Err(format!("is not 501 with a reason: {answer}")),
    }
}

/// With the form of dates and pages in their place, generated values out, and unordered lists in
/// order. Lists that were asked for are in order; what a service maps, ids and tags are not.
fn comparable(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with("-----BEGIN ") => json!("<PEM>"),
        Value::Object(map) => {
            let is_list = map.contains_key("next_page") || map.len() == 1;
            map.iter()
                .map(|(name, value)| {
                    let value = match (name.as_str(), value) {
                        ("value", Value::String(text)) => json!(text.len()),
                        ("next_page", Value::String(_)) => json!("a page"),
                        (name, date) if name.ends_with("_date") => form_of_date(date),
                        (_, Value::Array(list)) => {
                            let mut list: Vec<_> = list.iter().map(comparable).collect();
                            if !is_list {
                                list.sort_by_key(in_any_order);
                            }
                            list.into()
                        }
                        (_, value) => comparable(value),
                    };
                    (name.clone(), value)
                })
                .collect()
        }
        other => other.clone(),
    }
}

fn in_any_order(value: &Value) -> String {
    match value.get("id") {
        Some(id) => id.to_string(),
        None => value.to_string(),
    }
}

const FRONT_PAGE: usize = 125;

fn form_of_date(value: &Value) -> Value {
    match value {
        Value::String(text) if text.ends_with(" GMT") => json!("an HTTP date"),
        Value::String(text) => json!(format!("{} letters of ISO 8601", text.len())),
        // A difference of two revisions.
        Value::Object(map) => map
            .iter()
            .map(|(name, date)| (name.clone(), form_of_date(date)))
            .collect(),
        other => other.clone(),
    }
}
