//! Proof of a decision, and the duty to record how it ended.

use std::future::Future;
use std::sync::Arc;

use domain::{AuditEvent, EventId, Outcome, Revision, Timestamp};
use seal::{DataKey, EncryptionContext, Plaintext, WrappedKey};

use crate::{
    Action, Ask, AuditMode, AuditUnavailable, Condition, Fact, Items, Keep, Key, KeyError,
    MasterKey, TableError, TableName, Tx, Unwrapped, Value, event_line,
};

/// One allowed operation under way.
///
/// It ends in exactly one audit event: by [`Permit::read`], by [`Permit::failed`], by the commit of
/// a [`Tx`], or, dropped unfinished, as failed; whichever comes first. Dropped while nobody knows
/// whether a commit happened, it fails as `in-doubt`, and if the write turns out to have happened,
/// its own event follows at the next start, with the same request.
pub struct Permit<'k> {
    pub(crate) keep: &'k Keep,
    pub(crate) ask: Ask,
    pub(crate) rule: &'static str,
    pub(crate) recorded: bool,
    /// A write is on its way whose end nobody knows.
    pub(crate) in_doubt: bool,
}

impl<'k> Permit<'k> {
    pub(crate) fn new(keep: &'k Keep, ask: Ask, rule: &'static str) -> Self {
        Self {
            keep,
            ask,
            rule,
            recorded: false,
            in_doubt: false,
        }
    }

    /// What was asked.
    pub fn ask(&self) -> &Ask {
        &self.ask
    }

    /// Stored items.
    pub fn items(&self) -> Items<'k> {
        self.keep.items()
    }

    /// Opens a data key, from the cache when it was opened before under the same context.
    pub async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Arc<Unwrapped>, KeyError> {
        self.keep.keys.unwrap(wrapped, context).await
    }

    /// Wraps a data key under `master`.
    pub async fn wrap(
        &self,
        master: &str,
        key: &DataKey,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, KeyError> {
        self.keep.keys.service().wrap(master, key, context).await
    }

    /// Keeps a data key that was just wrapped for its first reader.
    pub async fn remember(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
        key: DataKey,
        master: &str,
    ) {
        self.keep
            .keys
            .remember(wrapped, context, key, MasterKey(master.to_owned()))
            .await;
    }

    /// Random bytes from the key service.
    pub async fn random(&self, bytes: usize) -> Result<DataKey, KeyError> {
        self.keep.keys.service().random(bytes).await
    }

    /// An opened value, from the cache when the same ciphertext was opened before under the same
    /// wrapped key and context; else by `open`.
    pub async fn opened<E: Clone + Send + Sync + 'static>(
        &self,
        ciphertext: &[u8],
        wrapped: &WrappedKey,
        context: &EncryptionContext,
        open: impl Future<Output = Result<Plaintext, E>>,
    ) -> Result<Arc<Plaintext>, E> {
        self.keep
            .opened
            .get(ciphertext, wrapped, context, open)
            .await
    }

    /// Sets one attribute of a stored item where the condition holds: the bookkeeping of an
    /// operation that reads. One try, and no event of its own, since the operation has one.
    pub async fn mark(
        &self,
        table: &TableName,
        key: Key,
        attribute: &str,
        value: Value,
        condition: Condition,
    ) -> Result<(), TableError> {
        let update = Action::Update {
            table: table.clone(),
            key,
            attribute: attribute.to_owned(),
            value: Some(value),
            condition,
        };
        self.keep.ports.table.transact(&[update]).await
    }

    /// Begins a transaction; it may be begun again when its commit did not happen.
    pub fn begin(&mut self) -> Tx<'_, 'k> {
        Tx::new(self)
    }

    /// Ends an operation that only read. Call it after the last read and before the first byte of
    /// the answer.
    ///
    /// Errors: the event could not be recorded and `AUDIT=required`; then do not answer.
    pub fn read(mut self, revision: Option<Revision>) -> Result<(), AuditUnavailable> {
        let rule = self.rule;
        match self.record(revision, Outcome::Allowed, rule) {
            Err(unavailable) if self.keep.mode == AuditMode::Required => Err(unavailable),
            _ => Ok(()),
        }
    }

    /// Ends an operation that was allowed and did not happen. `why` is a fixed word, never input.
    pub fn failed(mut self, why: &'static str) {
        let why = if self.in_doubt { "in-doubt" } else { why };
        let _shouted = self.record(None, Outcome::Failed, why);
    }

    fn record(
        &mut self,
        revision: Option<Revision>,
        outcome: Outcome,
        rule: &'static str,
    ) -> Result<(), AuditUnavailable> {
        if std::mem::replace(&mut self.recorded, true) {
            return Ok(());
        }
        let id = self.keep.ports.audit.next_id();
        let event = event(
            &id,
            self.keep.ports.clock.now(),
            &self.ask,
            revision,
            outcome,
            rule,
        );
        self.keep.ended(self.ask.action, outcome);
        self.keep
            .ports
            .audit
            .append(&id, &event_line(&event))
            .inspect_err(|unavailable| {
                tracing::error!(event = %id, %unavailable, "audit event not recorded");
                self.keep.watch().happened(Fact::AuditFailed);
            })
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let why = if self.in_doubt {
            "in-doubt"
        } else {
            "abandoned"
        };
        let _shouted = self.record(None, Outcome::Failed, why);
    }
}

pub(crate) fn event(
    id: &EventId,
    at: Timestamp,
    ask: &Ask,
    revision: Option<Revision>,
    outcome: Outcome,
    rule: &'static str,
) -> AuditEvent {
    AuditEvent {
        id: id.clone(),
        at,
        request: ask.request.clone(),
        who: ask.who.clone(),
        action: ask.action,
        target: ask.target.clone(),
        revision,
        outcome,
        rule,
    }
}
