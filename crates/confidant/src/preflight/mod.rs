//! What a table of Confidant's holds that a switch should know of, told before anything is written.
//!
//! [`Preflight`] takes item after item and judges them together; it is pure. [`survey`] walks a
//! table for it, reading only. `forms` knows the older layouts, `finding` the words.

mod clash;
mod finding;
mod forms;
mod survey;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use keep::Item;

pub use self::clash::{Clash, Side, clash};
pub use self::finding::Finding;
pub use self::forms::OldForm;
pub use self::survey::{Opening, Pace, Progress, survey};
use crate::attributes::kind_of;
use crate::conflicts::{self, Holder};
use crate::sealing::CIPHER_VERSION;
use crate::{BlindRecord, CredentialRecord, Encryption, Error, ServiceRecord};

/// Items seen so far, by their ids; of each only what the verdict needs.
///
/// An item seen again replaces what was known of it, so that doubtful ones can be read once more.
pub struct Preflight {
    encryption: Encryption,
    lines: HashMap<String, Line>,
}

/// What is known of one stored item.
enum Line {
    /// A current item or a copy in the history.
    Read(Box<Thing>),
    /// A kind of ours to read, and this attribute of it cannot be.
    Unreadable(&'static str),
    /// Another kind of item, or none at all.
    Foreign(String),
    /// One of Keepward's own.
    Own,
}

struct Thing {
    kind: Kind,
    /// The id without the revision, for a copy in the history.
    archive_of: Option<String>,
    revision: u64,
    name: Option<String>,
    content: u64,
    forms: BTreeSet<OldForm>,
    /// Stored in the other form than `USE_ENCRYPTION` says.
    otherwise_sealed: bool,
    documented_as_none: bool,
    credentials: BTreeSet<String>,
    blind_credentials: BTreeSet<String>,
    inside: Inside,
}

/// What is known of sealed values. Names only.
#[derive(Default)]
struct Inside {
    /// The names of the keys, as far as they are known.
    keys: Vec<String>,
    /// Those whose values look HTML-escaped.
    escaped: Vec<String>,
    /// The attribute that does not open, and why.
    closed: Option<(&'static str, String)>,
}

/// The kinds of things that Confidant stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Credential,
    Service,
    Blind,
}

impl Kind {
    fn of(data_type: &str) -> Option<Self> {
        match data_type {
            CredentialRecord::KIND => Some(Self::Credential),
            ServiceRecord::KIND => Some(Self::Service),
            BlindRecord::KIND => Some(Self::Blind),
            _ => None,
        }
    }
}

/// What a table holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What should be looked at before switching, each kind together.
    pub findings: Vec<Finding>,
    /// Items in older layouts, which read well and are written anew one by one.
    pub old_forms: BTreeMap<OldForm, Counted>,
    /// Items of other kinds, by their `data_type`; left alone.
    pub foreign: BTreeMap<String, u64>,
    /// Keepward's own items.
    pub own: u64,
    /// Current items, and copies in the history, by kind.
    pub credentials: Counted,
    /// Likewise.
    pub blind_credentials: Counted,
    /// Likewise.
    pub services: Counted,
}

/// How many items, current and in the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Current ones.
    pub current: u64,
    /// Copies in the history.
    pub archived: u64,
}

impl Counted {
    fn add(&mut self, thing: &Thing) {
        let count = match thing.archive_of {
            None => &mut self.current,
            Some(_) => &mut self.archived,
        };
        *count += 1;
    }
}

impl Preflight {
    /// Nothing seen yet. `encryption` is how values are expected to be sealed.
    pub fn new(encryption: Encryption) -> Self {
        Self {
            encryption,
            lines: HashMap::new(),
        }
    }

    /// Takes one stored item.
    pub fn see(&mut self, item: &Item) {
        // DynamoDB lets no item be without its key.
        let Some(id) = item.get("id").and_then(keep::Value::as_s) else {
            return;
        };
        let mut line = self.read(id, item);
        if let (Line::Read(thing), Some(Line::Read(known))) = (&mut line, self.lines.get_mut(id))
            && thing.content == known.content
            && thing.kind == Kind::Credential
        {
            // The same sealed bytes: what opening them told still holds.
            thing.inside = std::mem::take(&mut known.inside);
        }
        self.lines.insert(id.to_owned(), line);
    }

    /// Takes that there is no item of this id, or no more.
    pub fn miss(&mut self, id: &str) {
        self.lines.remove(id);
    }

    /// Takes what opening the current credential `id` told.
    fn opened(&mut self, id: &str, inside: Inside) {
        if let Some(Line::Read(thing)) = self.lines.get_mut(id) {
            thing.inside = inside;
        }
    }

    fn read(&self, id: &str, item: &Item) -> Line {
        if id.starts_with("kw/") {
            return Line::Own;
        }
        let data_type = kind_of(item).unwrap_or_default();
        let (current_type, archived) = match data_type.strip_prefix("archive-") {
            Some(current) => (current, true),
            None => (data_type, false),
        };
        let Some(kind) = Kind::of(current_type) else {
            return Line::Foreign(data_type.to_owned());
        };
        match self.thing(id, item, kind, archived) {
            Ok(thing) => Line::Read(Box::new(thing)),
            Err(Error::Damaged { what, .. }) => Line::Unreadable(what),
            Err(_) => Line::Unreadable("id"),
        }
    }

    fn thing(&self, id: &str, item: &Item, kind: Kind, archived: bool) -> Result<Thing, Error> {
        let (content, forms) = forms::content_and_forms(kind, item);
        let mut thing = Thing {
            kind,
            archive_of: None,
            revision: 0,
            name: None,
            content,
            forms,
            otherwise_sealed: false,
            documented_as_none: false,
            credentials: BTreeSet::new(),
            blind_credentials: BTreeSet::new(),
            inside: Inside::default(),
        };
        match kind {
            Kind::Credential => {
                let record = CredentialRecord::read(item)?;
                if record.sealed.cipher_version != Some(CIPHER_VERSION) {
                    return Err(Error::damaged(id, "cipher_version"));
                }
                thing.revision = record.revision.number();
                thing.otherwise_sealed = !record.sealed.looks_like(self.encryption);
                thing.documented_as_none = record.documentation.as_deref() == Some("None");
                thing.name = Some(record.name);
            }
            Kind::Service => {
                let record = ServiceRecord::read(item)?;
                thing.revision = record.revision.number();
                thing.credentials = record.credentials;
                thing.blind_credentials = record.blind_credentials;
            }
            Kind::Blind => {
                let record = BlindRecord::read(item)?;
                thing.revision = record.revision.number();
                thing.name = Some(record.name);
                thing.inside.keys = record.credential_keys.into_iter().collect();
            }
        }
        if archived {
            // Service ids may hold dashes themselves; the last one parts the revision.
            let base = id
                .rsplit_once('-')
                .filter(|(base, number)| !base.is_empty() && *number == thing.revision.to_string())
                .ok_or_else(|| Error::damaged(id, "id"))?
                .0;
            thing.archive_of = Some(base.to_owned());
        }
        Ok(thing)
    }

    /// Judges everything seen.
    pub fn verdict(&self) -> Verdict {
        let mut verdict = Verdict::default();
        for (id, line) in &self.lines {
            match line {
                Line::Read(thing) => {
                    verdict.count(thing);
                    verdict.findings.extend(by_itself(id, thing));
                }
                Line::Unreadable(attribute) => verdict.findings.push(Finding::Unreadable {
                    id: id.clone(),
                    attribute,
                }),
                Line::Foreign(data_type) => {
                    *verdict.foreign.entry(data_type.clone()).or_default() += 1;
                }
                Line::Own => verdict.own += 1,
            }
        }
        verdict.findings.extend(self.names_held_twice());
        verdict.findings.extend(self.history());
        verdict.findings.extend(self.mappings());
        verdict.findings.sort();
        verdict
    }

    /// Ids whose items may only have been caught in the middle of a write: a scan takes minutes,
    /// and what it reads may be a little old. Read them once more, consistently.
    pub fn doubtful(&self) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        for finding in self.verdict().findings {
            finding.doubtful(&mut ids);
        }
        ids
    }

    fn things(&self) -> impl Iterator<Item = (&String, &Thing)> {
        self.lines.iter().filter_map(|(id, line)| match line {
            Line::Read(thing) => Some((id, &**thing)),
            _ => None,
        })
    }

    fn current(&self, id: &str, kind: Kind) -> Option<&Thing> {
        match self.lines.get(id) {
            Some(Line::Read(thing)) if thing.kind == kind && thing.archive_of.is_none() => {
                Some(thing)
            }
            _ => None,
        }
    }

    fn is_unreadable(&self, id: &str) -> bool {
        matches!(self.lines.get(id), Some(Line::Unreadable(_)))
    }

    fn names_held_twice(&self) -> Vec<Finding> {
        let mut held: BTreeMap<(Kind, &str), Vec<String>> = BTreeMap::new();
        for (id, thing) in self.things() {
            if let (Some(name), None) = (&thing.name, &thing.archive_of) {
                held.entry((thing.kind, name)).or_default().push(id.clone());
            }
        }
        held.into_iter()
            .filter(|(_, ids)| ids.len() > 1)
            .map(|((_, name), mut ids)| {
                ids.sort();
                Finding::DuplicateName {
                    name: name.to_owned(),
                    ids,
                }
            })
            .collect()
    }

    /// Whether each current item has its copy, and each copy its current item.
    fn history(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut ahead: BTreeMap<(&str, Option<u64>), Vec<u64>> = BTreeMap::new();
        for (id, thing) in self.things() {
            if let Some(base) = &thing.archive_of {
                let current = self.current(base, thing.kind).map(|known| known.revision);
                let beyond = current.is_none_or(|current| thing.revision > current);
                if beyond && !self.is_unreadable(base) {
                    let numbers = ahead.entry((base, current)).or_default();
                    numbers.push(thing.revision);
                }
                continue;
            }
            let (id, revision) = (id.clone(), thing.revision);
            let copy_id = format!("{id}-{revision}");
            match self.lines.get(&copy_id) {
                Some(Line::Read(copy))
                    if copy.kind == thing.kind && copy.archive_of.as_ref() == Some(&id) =>
                {
                    if copy.content != thing.content {
                        findings.push(Finding::Overwritten { id, revision });
                    }
                }
                // Reported as such.
                Some(Line::Unreadable(_)) => {}
                _ => findings.push(Finding::NotArchived { id, revision }),
            }
        }
        findings.extend(ahead.into_iter().map(|((id, current), mut archived)| {
            let id = id.to_owned();
            archived.sort_unstable();
            match current {
                Some(current) => Finding::ArchivedAhead {
                    id,
                    current,
                    archived,
                },
                None => Finding::ArchivedAlone { id, archived },
            }
        }));
        findings
    }

    /// Services that map what is not there, or two things that share a key.
    fn mappings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (service, thing) in self.things() {
            if thing.kind != Kind::Service || thing.archive_of.is_some() {
                continue;
            }
            let sides = [
                (Kind::Credential, &thing.credentials),
                (Kind::Blind, &thing.blind_credentials),
            ];
            let mut holders = Vec::new();
            for (kind, ids) in sides {
                let mut missing = Vec::new();
                for id in ids {
                    match self.current(id, kind) {
                        Some(mapped) => holders.push(Holder {
                            id,
                            keys: mapped.inside.keys.iter().map(String::as_str).collect(),
                            blind: kind == Kind::Blind,
                        }),
                        None if self.is_unreadable(id) => {}
                        None => missing.push(id.clone()),
                    }
                }
                if !missing.is_empty() {
                    findings.push(Finding::Dangling {
                        service: service.clone(),
                        blind: kind == Kind::Blind,
                        missing,
                    });
                }
            }
            for (key, conflict) in conflicts::among(&holders) {
                let ids = conflict.credentials.into_iter();
                findings.push(Finding::SharedKey {
                    service: service.clone(),
                    key,
                    ids: ids.chain(conflict.blind_credentials).collect(),
                });
            }
        }
        findings
    }
}

impl Verdict {
    fn count(&mut self, thing: &Thing) {
        let counted = match thing.kind {
            Kind::Credential => &mut self.credentials,
            Kind::Service => &mut self.services,
            Kind::Blind => &mut self.blind_credentials,
        };
        counted.add(thing);
        for form in &thing.forms {
            self.old_forms.entry(*form).or_default().add(thing);
        }
    }
}

/// What one item tells without the others.
fn by_itself(id: &str, thing: &Thing) -> Vec<Finding> {
    let mut findings = Vec::new();
    let id = || id.to_owned();
    if thing.otherwise_sealed {
        findings.push(Finding::OtherwiseSealed { id: id() });
    }
    if let Some((attribute, why)) = &thing.inside.closed {
        let why = why.clone();
        findings.push(Finding::DoesNotOpen {
            id: id(),
            attribute,
            why,
        });
    }
    if !thing.inside.escaped.is_empty() {
        let keys = thing.inside.escaped.clone();
        findings.push(Finding::LooksEscaped { id: id(), keys });
    }
    if thing.documented_as_none && thing.archive_of.is_none() {
        findings.push(Finding::DocumentedAsNone { id: id() });
    }
    findings
}
