//! Signed digests of closed audit segments, in one chain over all servers.
//!
//! Each sealed segment is an item `kw/segment/<n>` in our own table, n counting from 1 over all
//! servers. It holds the SHA-256 of the segment's file, the digest of the item before it, and a
//! signature over all of that. The item `kw/segment/head` names the last one; a new one is put
//! together with a new head on the condition that the head is as it was read. The item
//! `kw/segment/<server>/<number>` says that a segment is sealed, so that none is sealed twice,
//! whenever the process dies. No id of Confidant's holds a slash.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use keep::{
    Action, Clock, Condition, Consistency, Item, Key, Random, Table, TableError, TableName, Value,
};
use seal::digest;
use seal::signature::SigningKey;

use crate::audit_file::number_of;
use crate::{AuditFile, ClosedSegment, LocalError, private_file};

/// Seals what an [`AuditFile`] has closed.
pub struct AuditSegments {
    audit: Arc<AuditFile>,
    table: Arc<dyn Table>,
    own: TableName,
    clock: Arc<dyn Clock>,
    key: SigningKey,
}

/// Why a segment could not be sealed. Call again later: what was sealed stays so.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// A file could not be read or written.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The table said no, or could not be reached.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Other servers were faster many times over.
    #[error("other servers kept extending the chain of audit segments")]
    Contended,
    /// The head in the table is not one that this program writes.
    #[error("the head of the chain of audit segments is damaged")]
    Damaged,
}

/// The server's signing key, from `signing.key` in its audit directory (mode 0600); made when there
/// is none.
pub fn signing_key(directory: &Path, random: &dyn Random) -> Result<SigningKey, LocalError> {
    let path = directory.join("signing.key");
    let damaged = || LocalError::Damaged {
        path: path.clone(),
        why: "not 32 bytes",
    };
    if let Some(seed) = private_file::read(&path)? {
        return SigningKey::from_seed(Box::from(seed.as_slice())).or(Err(damaged()));
    }
    let mut seed = vec![0; 32].into_boxed_slice();
    random.fill(&mut seed);
    let key = SigningKey::from_seed(seed).or(Err(damaged()))?;
    private_file::replace(&path, key.seed().expose())?;
    Ok(key)
}

impl AuditSegments {
    /// Seals the segments of `audit` into `own` (hash attribute `id`), signing with `key`.
    pub fn new(
        audit: Arc<AuditFile>,
        table: Arc<dyn Table>,
        own: TableName,
        clock: Arc<dyn Clock>,
        key: SigningKey,
    ) -> Self {
        Self {
            audit,
            table,
            own,
            clock,
            key,
        }
    }

    /// Closes the current segment and seals everything, before a stop.
    pub async fn seal_now(&self) -> Result<usize, SegmentError> {
        self.audit.close_segment();
        self.seal_closed().await
    }

    /// Seals every closed segment that is not sealed yet, oldest first. Call it now and then, not
    /// twice at once.
    ///
    /// Returns how many were sealed.
    pub async fn seal_closed(&self) -> Result<usize, SegmentError> {
        let marker = self.audit.directory().join(SEALED);
        let sealed_up_to = read_marker(&marker)?;
        let mut sealed = 0;
        for segment in self.audit.closed_segments() {
            if segment.number > sealed_up_to {
                sealed += usize::from(self.seal(&segment).await?);
                // Only saves asking the table; the table's own guard is what counts.
                private_file::replace(&marker, segment.number.to_string().as_bytes())?;
            }
        }
        Ok(sealed)
    }

    /// Returns whether it was not sealed before.
    async fn seal(&self, segment: &ClosedSegment) -> Result<bool, SegmentError> {
        let server = self.audit.server();
        let bytes = match fs::read(&segment.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Waiting for it would leave all later ones unsealed too.
                tracing::error!(segment = %segment.path.display(), "an audit segment is gone before it was sealed");
                return Ok(false);
            }
            read => read.map_err(LocalError::io(&segment.path))?,
        };
        let numbers: Vec<u64> = bytes
            .split(|byte| *byte == b'\n')
            .filter_map(|line| number_of(line, server))
            .collect();
        let guard = Key::id(format!("{SEGMENT}{server}/{}", segment.number));
        for tries in 1..=TRIES {
            if self
                .table
                .get(&self.own, &guard, Consistency::Strong)
                .await?
                .is_some()
            {
                return Ok(false);
            }
            let stored_head = self
                .table
                .get(&self.own, &Key::id(HEAD), Consistency::Strong)
                .await?;
            let head = Head::parse(stored_head.as_ref()).ok_or(SegmentError::Damaged)?;
            let record = Record {
                number: head.number + 1,
                server: server.to_owned(),
                segment: segment.number,
                first: numbers.iter().min().copied().unwrap_or(0),
                last: numbers.iter().max().copied().unwrap_or(0),
                count: bytes.iter().filter(|byte| **byte == b'\n').count() as u64,
                sha256: digest::sha256(&bytes).to_vec(),
                previous: head.digest,
                at: self.clock.now().iso(),
                key: self.key.verifying_key().as_bytes().to_vec(),
            };
            match self
                .table
                .transact(&self.actions(&record, &guard, stored_head.as_ref()))
                .await
            {
                Ok(()) => return Ok(true),
                Err(
                    TableError::ConditionFailed(_)
                    | TableError::Conflict
                    | TableError::Ambiguous(_),
                ) => {
                    self.clock.sleep(Duration::from_millis(10 * tries)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(SegmentError::Contended)
    }

    fn actions(&self, record: &Record, guard: &Key, stored_head: Option<&Item>) -> [Action; 3] {
        let put = |item: Item, condition| Action::Put {
            table: self.own.clone(),
            item,
            condition,
        };
        let head = Head {
            number: record.number,
            digest: record.digest(),
        };
        let head_as_read = match stored_head {
            Some(stored) => Condition::unchanged(stored, &["id", "number", "digest"]),
            None => Condition::new_item("id"),
        };
        let sealed = Item::from([
            ("id".to_owned(), guard.hash.1.clone()),
            ("number".to_owned(), Value::n(record.number)),
        ]);
        let signature = self.key.sign(&record.canonical());
        [
            put(record.item(&signature), Condition::new_item("id")),
            put(head.item(), head_as_read),
            put(sealed, Condition::new_item("id")),
        ]
    }
}

/// What is said of one sealed segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its place in the chain, from 1.
    pub(crate) number: u64,
    pub(crate) server: String,
    /// The number in its file's name.
    pub(crate) segment: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// Lines.
    pub(crate) count: u64,
    pub(crate) sha256: Vec<u8>,
    /// The digest of the record before; 32 zeros for the first.
    pub(crate) previous: Vec<u8>,
    pub(crate) at: String,
    pub(crate) key: Vec<u8>,
}

impl Record {
    /// What is signed and digested.
    ///
    /// Shape: each part preceded by its length as 8 big-endian bytes; numbers are 8 big-endian
    /// bytes. Parts: `keepward audit segment 1`, number, server, segment, first, last, count,
    /// sha256, previous, at, key.
    pub(crate) fn canonical(&self) -> Vec<u8> {
        let number = u64::to_be_bytes;
        let parts: [&[u8]; 11] = [
            b"keepward audit segment 1",
            &number(self.number),
            self.server.as_bytes(),
            &number(self.segment),
            &number(self.first),
            &number(self.last),
            &number(self.count),
            &self.sha256,
            &self.previous,
            self.at.as_bytes(),
            &self.key,
        ];
        let mut form = Vec::new();
        for part in parts {
            form.extend_from_slice(&(part.len() as u64).to_be_bytes());
            form.extend_from_slice(part);
        }
        form
    }

    pub(crate) fn digest(&self) -> Vec<u8> {
        digest::sha256(&self.canonical()).to_vec()
    }

    fn item(&self, signature: &[u8]) -> Item {
        [
            ("id", Value::S(record_id(self.number))),
            ("number", Value::n(self.number)),
            ("server", Value::s(&self.server)),
            ("segment", Value::n(self.segment)),
            ("first", Value::n(self.first)),
            ("last", Value::n(self.last)),
            ("count", Value::n(self.count)),
            ("sha256", Value::B(self.sha256.clone())),
            ("previous", Value::B(self.previous.clone())),
            ("at", Value::s(&self.at)),
            ("key", Value::B(self.key.clone())),
            ("signature", Value::B(signature.to_vec())),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    /// The record of an item, and its signature.
    pub(crate) fn parse(item: &Item) -> Option<(Self, Vec<u8>)> {
        let bytes = |name: &str| match item.get(name) {
            Some(Value::B(bytes)) => Some(bytes.clone()),
            _ => None,
        };
        let number = |name: &str| item.get(name).and_then(Value::as_u64);
        let text = |name: &str| item.get(name).and_then(Value::as_s).map(str::to_owned);
        let record = Self {
            number: number("number")?,
            server: text("server")?,
            segment: number("segment")?,
            first: number("first")?,
            last: number("last")?,
            count: number("count")?,
            sha256: bytes("sha256")?,
            previous: bytes("previous")?,
            at: text("at")?,
            key: bytes("key")?,
        };
        Some((record, bytes("signature")?))
    }
}

/// The end of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) number: u64,
    pub(crate) digest: Vec<u8>,
}

impl Head {
    /// The head of an item; the one before the first record when there is no item.
    pub(crate) fn parse(item: Option<&Item>) -> Option<Self> {
        let Some(item) = item else {
            return Some(Self {
                number: 0,
                digest: vec![0; 32],
            });
        };
        match (
            item.get("number").and_then(Value::as_u64),
            item.get("digest"),
        ) {
            (Some(number), Some(Value::B(digest))) => Some(Self {
                number,
                digest: digest.clone(),
            }),
            _ => None,
        }
    }

    fn item(&self) -> Item {
        Item::from([
            ("id".to_owned(), Value::s(HEAD)),
            ("number".to_owned(), Value::n(self.number)),
            ("digest".to_owned(), Value::B(self.digest.clone())),
        ])
    }
}

/// The id of the record at this place of the chain.
pub(crate) fn record_id(number: u64) -> String {
    format!("{SEGMENT}{number}")
}

/// The number of the last segment known to be sealed; 0 when none is.
pub(crate) fn read_marker(path: &Path) -> Result<u64, LocalError> {
    let Some(bytes) = private_file::read(path)? else {
        return Ok(0);
    };
    let number = str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| LocalError::Damaged {
        path: path.to_owned(),
        why: "not a segment's number",
    })
}

pub(crate) const SEALED: &str = "sealed";
pub(crate) const HEAD: &str = "kw/segment/head";
const SEGMENT: &str = "kw/segment/";
const TRIES: u64 = 16;
