//! A write's audit event as an item, so that it commits with the write or not at all.

use domain::EventId;

use crate::{Item, Key, Value};

/// The key of the item that holds the event `id`.
///
/// Shape: `kw/event/<server>/<number>`. No id of Confidant's holds a slash, and the item has no
/// attribute that Confidant's index covers, so old servers never see it.
pub fn event_key(id: &EventId) -> Key {
    Key::id(format!("kw/event/{}/{}", id.server, id.number))
}

/// The item: its key and the event's line of JSON under `event`.
pub(crate) fn event_item(id: &EventId, line: &str) -> Item {
    let Key {
        hash: (name, value),
        ..
    } = event_key(id);
    Item::from([(name, value), (EVENT.to_owned(), Value::s(line))])
}

/// An item in the place of an event that must never come: the same key and no line.
pub(crate) fn no_event_item(id: &EventId) -> Item {
    let Key {
        hash: (name, value),
        ..
    } = event_key(id);
    Item::from([(name, value)])
}

/// The line inside an event item; `None` where no event is.
pub(crate) fn line_of(item: &Item) -> Option<&str> {
    item.get(EVENT).and_then(Value::as_s)
}

const EVENT: &str = "event";
