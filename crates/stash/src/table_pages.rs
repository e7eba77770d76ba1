//! The whole table as stored, a page at a time, so that no more than a page is in memory.

use keep::{Consistency, Item, Scan};

use crate::{Error, Secrets};

/// Goes through every row once. Sees every write acknowledged before its page was read.
pub(crate) struct TablePages<'s> {
    secrets: &'s Secrets,
    scan: Option<Scan>,
}

impl<'s> TablePages<'s> {
    pub(crate) fn of(secrets: &'s Secrets) -> Self {
        Self {
            secrets,
            scan: Some(Scan {
                table: secrets.table.clone(),
                attributes: vec![],
                limit: None,
                start: None,
                consistency: Consistency::Strong,
            }),
        }
    }

    /// The next page, which may be empty; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Item>>, Error> {
        let Some(mut scan) = self.scan.take() else {
            return Ok(None);
        };
        let table = &self.secrets.ports.table;
        let page = self.secrets.read("Scan", || table.scan(&scan)).await?;
        if page.next.is_some() {
            scan.start = page.next;
            self.scan = Some(scan);
        }
        Ok(Some(page.items))
    }
}
