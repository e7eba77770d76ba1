//! Whether an answer is the right one: the service asked for, all its credentials, every byte of every value.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;

use crate::connection::Answer;
use crate::workload::Service;

#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    credentials: Vec<ToldCredential<'a>>,
}

#[derive(Deserialize)]
struct ToldCredential<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    credential_pairs: HashMap<Cow<'a, str>, Cow<'a, str>>,
}

/// What is wrong with `answer` as `service`; never holds a value.
pub(crate) fn wrong(answer: &Answer, service: &Service) -> Option<String> {
    if answer.status != 200 {
        return Some(format!("{}: status {}", service.id, answer.status));
    }
    let told: Told<'_> = match serde_json::from_slice(&answer.body) {
        Ok(told) => told,
        Err(error) => return Some(format!("{}: {error}", service.id)),
    };
    if told.id != service.id {
        return Some(format!("{}: answered as {}", service.id, told.id));
    }
    if told.credentials.len() != service.credentials.len() {
        return Some(format!(
            "{}: {} credentials",
            service.id,
            told.credentials.len()
        ));
    }
    for credential in &service.credentials {
        let Some(found) = told
            .credentials
            .iter()
            .find(|found| found.name == credential.name)
        else {
            return Some(format!("{}: no {}", service.id, credential.name));
        };
        let right = found.credential_pairs.len() == credential.pairs.len()
            && credential.pairs.iter().all(|(key, value)| {
                found
                    .credential_pairs
                    .get(key.as_str())
                    .is_some_and(|told| told == value)
            });
        if !right {
            return Some(format!(
                "{}: wrong pairs in {}",
                service.id, credential.name
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::workload::Shape;

    fn service() -> Service {
        let shape = Shape {
            seed: 1,
            services: 1,
            credentials_per_service: 2,
            pairs_per_credential: 2,
            value_bytes: 10,
        };
        shape.services().remove(0)
    }

    fn body(service: &Service) -> Value {
        let credentials: Vec<_> = service
            .credentials
            .iter()
            .rev()
            .map(|credential| {
                let pairs = credential.pairs.iter().map(|(key, value)| (key.clone(), json!(value)));
                json!({ "name": credential.name, "credential_pairs": pairs.collect::<serde_json::Map<_, _>>() })
            })
            .collect();
        json!({ "id": service.id, "credentials": credentials })
    }

    fn told(status: u16, body: &Value) -> Option<String> {
        wrong(
            &Answer {
                status,
                head: String::new(),
                body: body.to_string().into_bytes(),
            },
            &service(),
        )
    }

    #[test]
    fn the_right_answer_passes_in_any_order() {
        assert_eq!(told(200, &body(&service())), None);
    }

    #[test]
    fn a_wrong_answer_is_found() {
        let right = body(&service());
        assert!(told(403, &right).is_some());
        for (pointer, other) in [
            ("/id", json!("svc-0001")),
            ("/credentials", json!([right["credentials"][0]])),
            ("/credentials/0/name", json!("another")),
            (
                "/credentials/1/credential_pairs/key_00_1",
                json!("0123456789"),
            ),
            (
                "/credentials/1/credential_pairs",
                json!({ "key_00_0": "0123456789" }),
            ),
            ("/credentials/1/credential_pairs", json!(null)),
        ] {
            let mut body = right.clone();
            *body.pointer_mut(pointer).expect("a place in the answer") = other;
            assert!(told(200, &body).is_some(), "{pointer}");
        }
    }
}
