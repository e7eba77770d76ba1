//! Walks a table for a preflight, page by page, reading only.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use keep::{
    Clock, Consistency, Item, Items, Key, KeyError, KeyService, Scan, TableName, item_bytes,
};

use super::{Inside, Preflight, Verdict};
use crate::attributes::kind_of;
use crate::{CredentialRecord, Encryption, Error, sealing};

/// How fast to read: so many DynamoDB read units a second, or as fast as it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace(pub Option<u64>);

/// With what to open values, to judge them.
///
/// This asks no [`keep::Keep`] for a permit: it is an operator looking at a table under rights of
/// their own, which the key service grants or refuses and records.
#[derive(Clone, Copy)]
pub struct Opening<'k> {
    /// Unwraps the data keys.
    pub keys: &'k dyn KeyService,
}

/// How far a survey is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Items read.
    pub items: u64,
    /// Credentials opened or tried.
    pub opened: u64,
}

/// Reads the whole table, opens the current credentials when that is asked for, and judges.
///
/// [`Items`] offers no write, so this cannot make one. Opened values are judged and wiped at once;
/// only the names of keys stay.
/// Errors: `Table` or `Key`, when either says no or cannot be reached.
pub async fn survey(
    (items, clock): (Items<'_>, &dyn Clock),
    (table, encryption): (&TableName, Encryption),
    pace: Pace,
    opening: Option<Opening<'_>>,
    mut told: impl FnMut(Progress),
) -> Result<Verdict, Error> {
    let mut preflight = Preflight::new(encryption);
    let mut progress = Progress {
        items: 0,
        opened: 0,
    };
    let mut scan = Scan {
        table: table.clone(),
        attributes: Vec::new(),
        limit: pace.0.map(|_| PACED_PAGE),
        start: None,
        consistency: Consistency::Eventual,
    };
    loop {
        let page = items.scan(&scan).await?;
        progress.items += page.items.len() as u64;
        for item in &page.items {
            preflight.see(item);
        }
        if let Some(opening) = opening {
            let current = |item: &&Item| kind_of(item) == Some(CredentialRecord::KIND);
            let credentials: Vec<&Item> = page.items.iter().filter(current).collect();
            progress.opened += credentials.len() as u64;
            open(&mut preflight, opening, encryption, &credentials).await?;
        }
        told(progress);
        let Some(next) = page.next else { break };
        scan.start = Some(next);
        if let Some(units) = pace.0 {
            clock.sleep(pause(&page.items, units)).await;
        }
    }
    look_again(&mut preflight, items, table).await?;
    Ok(preflight.verdict())
}

/// Reads what a write may have changed under the scan once more.
async fn look_again(
    preflight: &mut Preflight,
    items: Items<'_>,
    table: &TableName,
) -> Result<(), Error> {
    let mut before = BTreeSet::new();
    for _ in 0..LOOKS {
        let doubtful = preflight.doubtful();
        if doubtful == before || doubtful.is_empty() {
            break;
        }
        let keys: Vec<Key> = doubtful.iter().map(Key::id).collect();
        let found = items.batch_get(table, &keys, Consistency::Strong).await?;
        let there: HashSet<&str> = found
            .iter()
            .filter_map(|item| item.get("id")?.as_s())
            .collect();
        for gone in doubtful.iter().filter(|id| !there.contains(id.as_str())) {
            preflight.miss(gone);
        }
        for item in &found {
            preflight.see(item);
        }
        before = doubtful;
    }
    Ok(())
}

async fn open(
    preflight: &mut Preflight,
    opening: Opening<'_>,
    encryption: Encryption,
    credentials: &[&Item],
) -> Result<(), Error> {
    // Unreadable ones are a finding already.
    let records: Vec<_> = credentials
        .iter()
        .filter_map(|item| CredentialRecord::read(item).ok())
        .collect();
    let mut opened = stream::iter(&records)
        .map(|record| async move {
            let pairs =
                sealing::open_directly(opening.keys, encryption, &record.id, &record.sealed).await;
            (&record.id, pairs)
        })
        .buffer_unordered(AT_ONCE);
    while let Some((id, pairs)) = opened.next().await {
        let closed = |attribute, why| Inside {
            closed: Some((attribute, why)),
            ..Inside::default()
        };
        let inside = match pairs {
            Ok(pairs) => Inside {
                keys: pairs.keys().to_vec(),
                escaped: pairs.keys_of_texts(looks_escaped),
                closed: None,
            },
            Err(Error::Damaged { what, .. }) => closed(what, "it does not open".to_owned()),
            Err(Error::Key(error @ (KeyError::NoSuchKey(_) | KeyError::Unusable(_)))) => {
                closed("data_key", error.to_string())
            }
            Err(error) => return Err(error),
        };
        preflight.opened(id, inside);
    }
    Ok(())
}

/// Whether a text is what HTML escaping makes of another one: nothing in it is left to escape, and
/// each `&` begins one of the five entities that escaping writes.
///
/// Source: spec/confidant.md section 13.1, row 24; the entities are MarkupSafe's.
fn looks_escaped(text: &str) -> bool {
    const ENTITIES: [&str; 5] = ["amp;", "lt;", "gt;", "#34;", "#39;"];
    let entity = |rest: &str| ENTITIES.iter().any(|entity| rest.starts_with(entity));
    text.contains('&')
        && !text.contains(['<', '>', '"', '\''])
        && text.split('&').skip(1).all(entity)
}

/// How long reading these items should take. An eventually consistent unit is 8 KB.
fn pause(items: &[Item], units: u64) -> Duration {
    let bytes: usize = items.iter().map(item_bytes).sum();
    let used = (bytes as u64).div_ceil(UNIT_BYTES);
    Duration::from_millis(used.saturating_mul(1_000) / units.max(1))
}

const UNIT_BYTES: u64 = 8 * 1024;
/// Items of one page of a paced scan, so that a page does not eat the units of many seconds.
const PACED_PAGE: usize = 50;
/// Looks at what is doubtful; a busy table changes between them.
const LOOKS: usize = 3;
/// Data keys unwrapped at once.
const AT_ONCE: usize = 8;

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::quote("a&#34;b", true)]
    #[case::all("&lt;a&gt; &amp; &#39;b&#39;", true)]
    #[case::url("https://x/?a=1&amp;b=2", true)]
    #[case::plain("hunter2", false)]
    #[case::url_as_it_is("https://x/?a=1&b=2", false)]
    #[case::something_left_to_escape("a&#34;b'c", false)]
    #[case::another_entity("a&nbsp;b", false)]
    #[case::at_the_end("a&", false)]
    #[case::empty("", false)]
    fn tells_an_escaped_text_from_another(#[case] text: &str, #[case] expected: bool) {
        assert_eq!(looks_escaped(text), expected);
    }
}
