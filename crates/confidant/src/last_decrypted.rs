//! When a credential's values were last read, which moves its rotation date.

use futures_util::future::join;
use keep::{Clause, Condition, Item, Key, Permit, TableError, Value};

use crate::write::{as_read, history_key};
use crate::{Confidant, CredentialRecord};

impl Confidant {
    /// Notes that the values of `record`, which was read from `item`, are read now: in the item
    /// and in its archive copy, with `ENABLE_SAVE_LAST_DECRYPTION_TIME`.
    ///
    /// Only the one attribute is written, and only while the item is as it was read: another
    /// writer's revision is not undone, and does not get the date of its predecessor. A failure is
    /// logged and the read goes on.
    pub(crate) async fn note_decryption(
        &self,
        permit: &Permit<'_>,
        item: &Item,
        record: &mut CredentialRecord,
    ) {
        if !self.settings.save_last_decryption_time {
            return;
        }
        let now = self.keep.clock().now();
        record.last_decrypted_date = Some(now);
        let mark = async |key: Key, unchanged: Condition| {
            let date = Value::S(now.stored());
            let table = &self.settings.table;
            match permit.mark(table, key, ATTRIBUTE, date, unchanged).await {
                // A newer revision has no such date yet, and rightly so.
                Ok(()) | Err(TableError::ConditionFailed(_)) => {}
                Err(error) => {
                    tracing::warn!(credential = %record.id, %error, "time of decryption not saved");
                }
            }
        };
        let same_revision = Condition(vec![
            Clause::Equals("data_type".to_owned(), Value::s(CredentialRecord::ARCHIVE)),
            Clause::Equals("revision".to_owned(), Value::n(record.revision)),
        ]);
        join(
            mark(Key::id(&record.id), as_read(Some(item))),
            mark(history_key(&record.id, record.revision), same_revision),
        )
        .await;
    }
}

const ATTRIBUTE: &str = "last_decrypted_date";
