//! Where audit events go.

use domain::{AuditEvent, EventId, Outcome, Target, Timestamp};

/// What to do when an event cannot be recorded (`AUDIT`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditMode {
    /// Refuse the operation.
    #[default]
    Required,
    /// Go on, and shout in the log.
    BestEffort,
}

/// The event could not be appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot be written: {0}")]
pub struct AuditUnavailable(pub String);

/// An append-only record of events, one line of JSON each.
///
/// `append` returns when the line has left this process (a crash of the process loses nothing; the
/// adapter syncs to disk within 5 ms for a crash of the machine). It does not wait, because a
/// permit that is dropped must still record its event.
pub trait AuditSink: Send + Sync {
    /// A name for the next event. Never given twice, also over restarts.
    fn next_id(&self) -> EventId;

    /// Appends the line of one event. The same id appended twice is kept once.
    fn append(&self, id: &EventId, line: &str) -> Result<(), AuditUnavailable>;

    /// Names that were or may have been given before the last stop without a line following: a
    /// write's event may rest in the table under one of them.
    fn missing(&self) -> Vec<EventId>;
}

/// One event as its line of JSON, without the line break.
///
/// Shape: an object with the keys `id, at, request, login, kind, who, account, action, target,
/// revision, outcome, rule` in this order; `at` is ISO 8601, absent things are `null`.
pub fn event_line(event: &AuditEvent) -> String {
    let AuditEvent {
        id,
        at,
        request,
        who,
        action,
        target,
        revision,
        outcome,
        rule,
    } = event;
    let target = Target::id(target);
    serde_json::json!({
        "id": id.to_string(),
        "at": at.iso(),
        "request": request.as_str(),
        "login": who.login.word(),
        "kind": who.kind.word(),
        "who": who.name,
        "account": who.account,
        "action": action.to_string(),
        "target": target,
        "revision": revision.map(domain::Revision::number),
        "outcome": Outcome::word(*outcome),
        "rule": rule,
    })
    .to_string()
}

/// Login attempts that proved nobody, counted, as one line of JSON.
///
/// Shape: an object with the keys `id, at, source, refused_logins, since`; times are ISO 8601.
pub(crate) fn refused_logins_line(
    id: &EventId,
    at: Timestamp,
    source: &str,
    count: u64,
    since: Timestamp,
) -> String {
    serde_json::json!({
        "id": id.to_string(),
        "at": at.iso(),
        "source": source,
        "refused_logins": count,
        "since": since.iso(),
    })
    .to_string()
}
