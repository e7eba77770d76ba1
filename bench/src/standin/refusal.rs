//! An error answer of an AWS service.

use serde_json::{Value, json};

/// An error answer: an HTTP status and a body in the service's own form.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Refusal {
    /// The usual JSON error: status 400, the type and a message.
    pub fn new(kind: &str, message: &str) -> Self {
        Self::with(kind, message, &[])
    }

    /// The same with further members.
    pub fn with(kind: &str, message: &str, members: &[(&str, Value)]) -> Self {
        let mut body = json!({ "__type": format!("com.amazonaws#{kind}"), "message": message, "Message": message });
        if let Some(object) = body.as_object_mut() {
            for (name, value) in members {
                object.insert((*name).to_owned(), value.clone());
            }
        }
        Self {
            status: 400,
            body: body.to_string(),
        }
    }

    /// What DynamoDB answers to a malformed request, and this stand-in to one it does not know.
    pub fn invalid(message: &str) -> Self {
        Self::new("ValidationException", message)
    }
}
