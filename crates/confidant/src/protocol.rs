//! The decisions of the write protocol: pure, and shared by the code that writes and by the
//! exhaustive model in `tests/model.rs`.
//!
//! A write puts two items at once: the archive copy on the condition that its number is new, and
//! the current item on the condition that it is as it was read. Old servers put both without any
//! condition, one after the other, and may stop in between.

/// What to do after a write was not done because something moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Apply the requested change to what is there now.
    ApplyAnew,
    /// The archive item in the way is an orphan of somebody's failed write, or a copy by an old
    /// server that is about to replace the current item: step over it, to the next free number.
    NextNumber,
}

/// Decides on the next step.
///
/// `read` is the current item that the failed write was based on, `found` what is there now, both
/// by what the write's condition compares; `number_taken` is whether an archive item of the
/// wanted number exists, read after `found`.
pub fn next_step<S: PartialEq>(
    read: Option<&S>,
    found: Option<&S>,
    number_taken: bool,
) -> NextStep {
    if read == found && number_taken {
        NextStep::NextNumber
    } else {
        NextStep::ApplyAnew
    }
}

/// Whether a guard keeps others from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard<I> {
    /// The name is free: put the guard, on the condition that guard and owner are as read.
    Free,
    /// The guard is the writer's own already: put it again under the same condition.
    Own,
    /// Its owner is current under this name.
    HeldBy(I),
}

/// Judges a guard: a lock, not the truth.
///
/// `owner` is who the guard names, if there is one; `owner_is_live` is whether that owner is
/// current under the guarded name, read consistently; `writer` is who wants the name.
pub fn judge_guard<I: PartialEq>(owner: Option<I>, owner_is_live: bool, writer: &I) -> Guard<I> {
    match owner {
        None => Guard::Free,
        Some(owner) if owner == *writer => Guard::Own,
        Some(owner) if owner_is_live => Guard::HeldBy(owner),
        Some(_) => Guard::Free,
    }
}
