//! Audit events in memory as an [`AuditSink`], which can be told to fail: for tests.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::EventId;

use crate::{AuditSink, AuditUnavailable};

/// The lines, in the order in which they came.
pub struct MemoryAudit {
    server: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    given: u64,
    lines: Vec<(EventId, String)>,
    failing: bool,
    /// Named in an earlier run, without a line.
    missing: BTreeSet<u64>,
}

impl MemoryAudit {
    /// The sink of one server.
    pub fn new(server: &str) -> Arc<Self> {
        Arc::new(Self {
            server: server.to_owned(),
            state: Mutex::default(),
        })
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.state()
            .lines
            .iter()
            .map(|(_, line)| line.clone())
            .collect()
    }

    /// The events of those lines.
    pub fn ids(&self) -> Vec<EventId> {
        self.state()
            .lines
            .iter()
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Events told so far as `action outcome rule`, for short comparisons.
    pub fn told(&self) -> Vec<String> {
        let word = |event: &serde_json::Value, name: &str| {
            event
                .get(name)
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let parse =
            |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap_or_default();
        let told = |event: serde_json::Value| {
            [
                word(&event, "action"),
                word(&event, "outcome"),
                word(&event, "rule"),
            ]
            .join(" ")
        };
        self.lines().iter().map(|line| told(parse(line))).collect()
    }

    /// From now on every append fails, or not any more.
    pub fn fail(&self, failing: bool) {
        self.state().failing = failing;
    }

    /// The next run of this server: same lines, and whatever had a name and no line is missing.
    #[must_use]
    pub fn restarted(&self) -> Arc<Self> {
        let state = self.state();
        let told = |number: &u64| state.lines.iter().any(|(id, _)| id.number == *number);
        let missing = (1..=state.given).filter(|number| !told(number)).collect();
        let state = State {
            given: state.given,
            lines: state.lines.clone(),
            failing: false,
            missing,
        };
        Arc::new(Self {
            server: self.server.clone(),
            state: Mutex::new(state),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuditSink for MemoryAudit {
    fn next_id(&self) -> EventId {
        let mut state = self.state();
        state.given += 1;
        EventId {
            server: self.server.clone(),
            number: state.given,
        }
    }

    fn append(&self, id: &EventId, line: &str) -> Result<(), AuditUnavailable> {
        let mut state = self.state();
        if state.failing {
            return Err(AuditUnavailable("told to fail".to_owned()));
        }
        state.missing.remove(&id.number);
        if !state.lines.iter().any(|(known, _)| known == id) {
            state.lines.push((id.clone(), line.to_owned()));
        }
        Ok(())
    }

    fn missing(&self) -> Vec<EventId> {
        let event = |number: &u64| EventId {
            server: self.server.clone(),
            number: *number,
        };
        self.state().missing.iter().map(event).collect()
    }
}
