//! Who did what to which secret; never the value.

use std::fmt;

use crate::{Action, Principal, Revision, Target, Timestamp};

/// Names one request in answers, logs and audit events.
///
/// Shape: 32 lower-case hex digits from the random port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(String);

impl RequestId {
    /// The id of these random bytes.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(hex_of(&bytes))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names one audit event, for ever.
///
/// Shape: `<server>.<number>`; the number counts the events of that server from 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId {
    /// The server that recorded it: 32 lower-case hex digits, made once per audit directory.
    pub server: String,
    /// Counts the events of that server.
    pub number: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.server, self.number)
    }
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Decided for, and done.
    Allowed,
    /// Decided against; nothing was read or written.
    Refused,
    /// Decided for, but not done: bad input, a conflict, damage or a dependency down.
    Failed,
}

impl Outcome {
    /// The word used in audit events.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// One operation, told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its name.
    pub id: EventId,
    /// When it ended.
    pub at: Timestamp,
    /// The request that asked.
    pub request: RequestId,
    /// Who asked.
    pub who: Principal,
    /// What was asked.
    pub action: Action,
    /// Of which thing.
    pub target: Target,
    /// The revision read or written, where there is one.
    pub revision: Option<Revision>,
    /// How it ended.
    pub outcome: Outcome,
    /// The rule that decided, or why it failed; a fixed word, never input.
    pub rule: &'static str,
}

fn hex_of(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)])
        .collect()
}
