//! The write protocol, explored in every interleaving: two of our servers and one old one.
//!
//! Correspondence to the code: a writer of ours is one call of `write::write`, whose decisions are
//! the same functions (`protocol::next_step`, `protocol::judge_guard`). Each table call of it is
//! one step here: read the current item, read the guard, read the guard's owner, the transaction,
//! and after a failed one read the current item again and look for the archive item. An item's
//! `revision`, `modified_date` and `data_key` together are its stamp, different for every write.
//! The old server reads, probes, puts the archive copy, puts the current item, all unconditional.
//! Anybody may crash before any step. Left out: the directory (names without a guard), and lost
//! answers, which `Tx::commit` settles through the event item.

use std::collections::BTreeMap;

use confidant::protocol::{Guard, NextStep, judge_guard, next_step};
use stateright::{Checker, HasDiscoveries, Model, Property};

type Id = usize;
type Name = char;
/// Writer and the number of its operation: what no two writes share.
type Stamp = (usize, usize);

/// A current item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Current {
    revision: u8,
    stamp: Stamp,
    name: Name,
    /// Whether one of ours gave it this name.
    named_by_us: bool,
}

/// Write the next revision of a credential, under this name or the one it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Op {
    id: Id,
    name: Option<Name>,
}

/// Where a writer of ours is, and what it has read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Begin,
    Read {
        seen: Option<Current>,
        revision: u8,
    },
    GuardRead {
        seen: Option<Current>,
        revision: u8,
        guard: Option<Id>,
    },
    OwnerRead {
        seen: Option<Current>,
        revision: u8,
        guard: Option<Id>,
        owner: Option<Current>,
    },
    Moved {
        seen: Option<Current>,
        revision: u8,
    },
    ReadAgain {
        seen: Option<Current>,
        revision: u8,
        found: Option<Current>,
    },
    OldRead {
        seen: Option<Current>,
    },
    OldArchived {
        seen: Option<Current>,
        revision: u8,
    },
    Crashed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    current: BTreeMap<Id, Current>,
    archive: BTreeMap<(Id, u8), Stamp>,
    guards: BTreeMap<Name, Id>,
    phases: Vec<Phase>,
    /// How many operations each has finished.
    finished: Vec<usize>,
    /// Ours, acknowledged.
    acknowledged: Vec<(Id, u8, Stamp)>,
    /// Ours replaced something else than it had read.
    lost: bool,
    /// Ours replaced an archive item.
    overwrote_archive: bool,
    stepped_over: bool,
    took_over: bool,
    refused: bool,
}

/// A hole in the protocol, to show that the model would see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hole {
    None,
    CurrentUnconditional,
    ArchiveUnconditional,
    GuardUnconditional,
    OwnerUnchecked,
}

struct Servers {
    start: BTreeMap<Id, Current>,
    guards: BTreeMap<Name, Id>,
    /// The operations of each server, in order; the last one is an old server.
    scripts: Vec<Vec<Op>>,
    hole: Hole,
}

impl Servers {
    fn is_old(&self, writer: usize) -> bool {
        writer + 1 == self.scripts.len()
    }

    fn op(&self, state: &State, writer: usize) -> Option<Op> {
        self.scripts[writer].get(state.finished[writer]).copied()
    }

    fn finish(&self, state: &mut State, writer: usize) -> Phase {
        state.finished[writer] += 1;
        Phase::Begin
    }

    fn transact(&self, state: &mut State, writer: usize, op: Op, read: Attempt) -> Phase {
        let Attempt {
            seen,
            revision,
            claim,
        } = read;
        let stamp = (writer, state.finished[writer]);
        let current_holds = self.hole == Hole::CurrentUnconditional
            || state.current.get(&op.id).map(|item| item.stamp) == seen.map(|item| item.stamp);
        let archive_taken = state.archive.contains_key(&(op.id, revision));
        let archive_holds = self.hole == Hole::ArchiveUnconditional || !archive_taken;
        let claim_holds = claim.is_none_or(|(name, guard, owner)| {
            (self.hole == Hole::GuardUnconditional || state.guards.get(&name).copied() == guard)
                && (self.hole == Hole::OwnerUnchecked
                    || guard
                        .is_none_or(|id| id == op.id || state.current.get(&id).copied() == owner))
        });
        if !(current_holds && archive_holds && claim_holds) {
            return Phase::Moved { seen, revision };
        }
        state.lost |=
            state.current.get(&op.id).map(|item| item.stamp) != seen.map(|item| item.stamp);
        state.overwrote_archive |= archive_taken;
        if let Some((name, guard, _)) = claim {
            state.took_over |= guard.is_some_and(|id| id != op.id);
            state.guards.insert(name, op.id);
        }
        let (name, named_by_us) = match (claim, seen) {
            (Some((name, ..)), _) => (name, true),
            (None, Some(seen)) => (seen.name, seen.named_by_us),
            (None, None) => unreachable!("a create has a name"),
        };
        state.archive.insert((op.id, revision), stamp);
        state.current.insert(
            op.id,
            Current {
                revision,
                stamp,
                name,
                named_by_us,
            },
        );
        state.acknowledged.push((op.id, revision, stamp));
        self.finish(state, writer)
    }
}

/// What a transaction of ours is based on.
struct Attempt {
    seen: Option<Current>,
    revision: u8,
    /// The name, its guard and the guard's owner as read.
    claim: Option<(Name, Option<Id>, Option<Current>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Next(usize),
    Crash(usize),
}

impl Model for Servers {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            current: self.start.clone(),
            archive: self
                .start
                .iter()
                .map(|(id, item)| ((*id, item.revision), item.stamp))
                .collect(),
            guards: self.guards.clone(),
            phases: vec![Phase::Begin; self.scripts.len()],
            finished: vec![0; self.scripts.len()],
            acknowledged: Vec::new(),
            lost: false,
            overwrote_archive: false,
            stepped_over: false,
            took_over: false,
            refused: false,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for writer in 0..self.scripts.len() {
            if state.phases[writer] != Phase::Crashed && self.op(state, writer).is_some() {
                steps.extend([Step::Next(writer), Step::Crash(writer)]);
            }
        }
    }

    fn next_state(&self, before: &State, step: Step) -> Option<State> {
        let mut state = before.clone();
        let writer = match step {
            Step::Crash(writer) => {
                state.phases[writer] = Phase::Crashed;
                return Some(state);
            }
            Step::Next(writer) => writer,
        };
        let op = self.op(before, writer)?;
        let renames = |seen: Option<Current>| {
            op.name
                .filter(|name| seen.is_none_or(|item| item.name != *name))
        };
        let now = |id: &Id| before.current.get(id).copied();
        state.phases[writer] = match before.phases[writer].clone() {
            Phase::Begin if self.is_old(writer) => Phase::OldRead { seen: now(&op.id) },
            Phase::Begin => {
                let seen = now(&op.id);
                Phase::Read {
                    seen,
                    revision: seen.map_or(1, |item| item.revision + 1),
                }
            }
            // Nothing to update: the create before it was refused.
            Phase::Read { seen: None, .. } if op.name.is_none() => self.finish(&mut state, writer),
            Phase::Read { seen, revision } => match renames(seen) {
                Some(name) => Phase::GuardRead {
                    seen,
                    revision,
                    guard: before.guards.get(&name).copied(),
                },
                None => self.transact(
                    &mut state,
                    writer,
                    op,
                    Attempt {
                        seen,
                        revision,
                        claim: None,
                    },
                ),
            },
            Phase::GuardRead {
                seen,
                revision,
                guard,
            } => Phase::OwnerRead {
                seen,
                revision,
                guard,
                owner: guard.and_then(|id| now(&id)),
            },
            Phase::OwnerRead {
                seen,
                revision,
                guard,
                owner,
            } => {
                let name = renames(seen)?;
                match judge_guard(guard, owner.is_some_and(|item| item.name == name), &op.id) {
                    Guard::HeldBy(_) => {
                        state.refused = true;
                        self.finish(&mut state, writer)
                    }
                    Guard::Free | Guard::Own => {
                        let claim = Some((name, guard, owner));
                        self.transact(
                            &mut state,
                            writer,
                            op,
                            Attempt {
                                seen,
                                revision,
                                claim,
                            },
                        )
                    }
                }
            }
            Phase::Moved { seen, revision } => Phase::ReadAgain {
                seen,
                revision,
                found: now(&op.id),
            },
            Phase::ReadAgain {
                seen,
                revision,
                found,
            } => {
                let taken = before.archive.contains_key(&(op.id, revision));
                let (read, there) = (seen.map(|item| item.stamp), found.map(|item| item.stamp));
                let revision = match next_step(read.as_ref(), there.as_ref(), taken) {
                    NextStep::ApplyAnew if read == there => revision,
                    NextStep::ApplyAnew => found.map_or(1, |item| item.revision + 1),
                    NextStep::NextNumber => {
                        state.stepped_over = true;
                        (revision + 1..)
                            .find(|number| !before.archive.contains_key(&(op.id, *number)))?
                    }
                };
                Phase::Read {
                    seen: found,
                    revision,
                }
            }
            Phase::OldRead { seen } => {
                let mut revision = seen.map_or(1, |item| item.revision + 1);
                while before.archive.contains_key(&(op.id, revision)) {
                    revision += 1;
                }
                // Probing and putting are two calls of the old server; the put comes as a step of its own.
                Phase::OldArchived { seen, revision }
            }
            Phase::OldArchived { seen, revision }
                if state.archive.get(&(op.id, revision))
                    != Some(&(writer, before.finished[writer])) =>
            {
                state
                    .archive
                    .insert((op.id, revision), (writer, before.finished[writer]));
                Phase::OldArchived { seen, revision }
            }
            Phase::OldArchived { seen, revision } => {
                let name = op.name.or(seen.map(|item| item.name))?;
                let stamp = (writer, before.finished[writer]);
                state.current.insert(
                    op.id,
                    Current {
                        revision,
                        stamp,
                        name,
                        named_by_us: false,
                    },
                );
                self.finish(&mut state, writer)
            }
            Phase::Crashed => return None,
        };
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "no acknowledged write of ours is lost to one of ours",
                |_, state: &State| !state.lost,
            ),
            Property::always(
                "archive items are never overwritten by us",
                |_, state: &State| !state.overwrote_archive,
            ),
            Property::always("revision numbers of ours are unique", |_, state: &State| {
                let mut numbers: Vec<_> = state
                    .acknowledged
                    .iter()
                    .map(|(id, revision, _)| (id, revision))
                    .collect();
                numbers.sort_unstable();
                numbers.windows(2).all(|pair| pair[0] != pair[1])
            }),
            Property::always("names are unique among ours", |_, state: &State| {
                let named: Vec<_> = state
                    .current
                    .values()
                    .filter(|item| item.named_by_us)
                    .map(|item| item.name)
                    .collect();
                let mut different = named.clone();
                different.sort_unstable();
                different.dedup();
                different.len() == named.len()
            }),
            Property::sometimes("all of ours finish", |model: &Servers, state: &State| {
                (0..model.scripts.len() - 1)
                    .all(|writer| state.finished[writer] == model.scripts[writer].len())
            }),
        ]
    }
}

fn item(name: Name) -> Current {
    Current {
        revision: 1,
        stamp: (9, 0),
        name,
        named_by_us: true,
    }
}

fn op(id: Id, name: Name) -> Op {
    Op {
        id,
        name: Some(name),
    }
}

fn update(id: Id) -> Op {
    Op { id, name: None }
}

/// Two of ours and an old server change one credential.
fn one_history(hole: Hole) -> Servers {
    Servers {
        start: BTreeMap::from([(0, item('a'))]),
        guards: BTreeMap::from([('a', 0)]),
        scripts: vec![vec![update(0); 2], vec![update(0); 2], vec![update(0); 2]],
        hole,
    }
}

/// Two of ours move two credentials to and fro between two names; the old server renames one.
fn two_names(hole: Hole) -> Servers {
    Servers {
        start: BTreeMap::from([(0, item('a')), (1, item('c'))]),
        guards: BTreeMap::from([('a', 0), ('c', 1)]),
        scripts: vec![
            vec![op(0, 'b'), op(0, 'a')],
            vec![op(1, 'a'), op(1, 'b')],
            vec![op(0, 'd'), op(0, 'a')],
        ],
        hole,
    }
}

/// Two of ours create credentials under one name, one of them renames it; the old server edits.
fn two_creates(hole: Hole) -> Servers {
    Servers {
        start: BTreeMap::new(),
        guards: BTreeMap::new(),
        scripts: vec![
            vec![op(0, 'a'), op(0, 'b')],
            vec![op(1, 'a'), update(1)],
            vec![op(0, 'z'), op(1, 'a')],
        ],
        hole,
    }
}

fn explore(what: &str, servers: Servers) -> (usize, Vec<&'static str>) {
    let checker = servers
        .checker()
        .threads(2)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let found: Vec<_> = checker.discoveries().into_keys().collect();
    println!("{what}: {} states", checker.unique_state_count());
    (checker.unique_state_count(), found)
}

#[test]
fn every_interleaving_keeps_the_promises() {
    for (what, servers) in [
        ("one history", one_history(Hole::None)),
        ("two names", two_names(Hole::None)),
        ("two creates", two_creates(Hole::None)),
    ] {
        let checker = servers.checker().threads(2).spawn_bfs().join();
        checker.assert_properties();
        assert!(checker.is_done());
        println!(
            "{what}: {} states, every interleaving",
            checker.unique_state_count()
        );
        assert!(
            checker.unique_state_count() > 1_000,
            "{what} explores too little"
        );
    }
}

#[test]
fn the_model_reaches_orphans_and_takeovers() {
    struct Reaching(Servers);
    impl Model for Reaching {
        type State = State;
        type Action = Step;
        fn init_states(&self) -> Vec<State> {
            self.0.init_states()
        }
        fn actions(&self, state: &State, steps: &mut Vec<Step>) {
            self.0.actions(state, steps);
        }
        fn next_state(&self, state: &State, step: Step) -> Option<State> {
            self.0.next_state(state, step)
        }
        fn properties(&self) -> Vec<Property<Self>> {
            vec![
                Property::sometimes("stepped over an orphan", |_, state: &State| {
                    state.stepped_over
                }),
                Property::sometimes("took over a dead guard", |_, state: &State| state.took_over),
                Property::sometimes("refused a taken name", |_, state: &State| state.refused),
            ]
        }
    }
    let reached = |servers: Servers| {
        Reaching(servers)
            .checker()
            .threads(2)
            .spawn_bfs()
            .join()
            .discoveries()
            .into_keys()
            .collect::<Vec<_>>()
    };
    assert!(reached(one_history(Hole::None)).contains(&"stepped over an orphan"));
    let names = reached(two_names(Hole::None));
    assert!(
        names.contains(&"took over a dead guard") && names.contains(&"refused a taken name"),
        "{names:?}"
    );
}

#[rstest::rstest]
#[case::current(
    one_history(Hole::CurrentUnconditional),
    "no acknowledged write of ours is lost to one of ours"
)]
#[case::archive(
    one_history(Hole::ArchiveUnconditional),
    "archive items are never overwritten by us"
)]
#[case::guard(two_creates(Hole::GuardUnconditional), "names are unique among ours")]
#[case::owner(two_names(Hole::OwnerUnchecked), "names are unique among ours")]
fn each_condition_of_the_write_is_needed(#[case] servers: Servers, #[case] broken: &str) {
    let (_, found) = explore(broken, servers);
    assert!(
        found.contains(&broken),
        "the model did not notice: {found:?}"
    );
}
