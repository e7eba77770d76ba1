//! What `keepward doctor` looks at: storage, keys, folders, stored data. Each part only looks; what
//! it cannot look at without a change it tries under a condition that never holds.

pub(crate) mod examination;
pub(crate) mod folders;
pub(crate) mod keys;
pub(crate) mod repair;
pub(crate) mod storage;
