//! Which adapters a process gets, and a place for tests to stand between them and the kernel.

use std::sync::Arc;

use keep::{AuditSink, KeyService, Table};

/// What is laid round each adapter before the kernel sees it. The program itself lays nothing.
pub struct Wiring {
    /// Round the table.
    pub table: fn(Arc<dyn Table>) -> Arc<dyn Table>,
    /// Round the key service.
    pub keys: fn(Arc<dyn KeyService>) -> Arc<dyn KeyService>,
    /// Round the audit log.
    pub audit: fn(Arc<dyn AuditSink>) -> Arc<dyn AuditSink>,
}

impl Default for Wiring {
    fn default() -> Self {
        Self {
            table: |table| table,
            keys: |keys| keys,
            audit: |audit| audit,
        }
    }
}
