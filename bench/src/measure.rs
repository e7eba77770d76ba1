//! Server CPU per request: two servers by turns, several rounds, and the ratio of each round.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;

use crate::aws::StandIn;
use crate::load::{self, Calls, Outcome};
use crate::process::{Memory, Process};
use crate::workload::Shape;

/// A server to be measured.
pub(crate) struct Subject<'a> {
    pub(crate) name: &'static str,
    pub(crate) process: &'a Process,
    /// Requests in one round.
    pub(crate) requests: usize,
}

/// What was measured of one server.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) name: &'static str,
    pub(crate) rounds: Vec<Round>,
    pub(crate) memory_after_load: Memory,
    pub(crate) processes: usize,
    pub(crate) threads: u64,
}

/// One round of one server.
#[derive(Debug, Serialize)]
pub(crate) struct Round {
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
    /// Of the server's processes, user and system.
    pub(crate) cpu_us_per_request: f64,
    /// Of the stand-in, where there is one.
    pub(crate) stand_in_cpu_us_per_request: Option<f64>,
    /// Calls of the server to AWS, by operation.
    pub(crate) aws_calls_per_request: BTreeMap<String, f64>,
}

/// Smallest, middle and greatest of some rounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
        let last = values.len().saturating_sub(1);
        Self {
            min: at(0),
            median: (at(last / 2) + at(values.len() / 2)) / 2.0,
            max: at(last),
        }
    }
}

impl Figures {
    pub(crate) fn errors(&self) -> usize {
        self.rounds.iter().map(|round| round.outcome.errors).sum()
    }

    pub(crate) fn first_error(&self) -> Option<&str> {
        self.rounds
            .iter()
            .find_map(|round| round.outcome.first_error.as_deref())
    }
}

/// The ratios of CPU per request, round by round.
pub(crate) fn ratios(ours: &Figures, reference: &Figures) -> Spread {
    let pairs = ours.rounds.iter().zip(&reference.rounds);
    Spread::of(
        pairs.map(|(ours, reference)| ours.cpu_us_per_request / reference.cpu_us_per_request),
    )
}

/// Measures two servers by turns, the same requests for both.
///
/// Every round of a server is preceded by one pass over all services that does not count: while the other had its
/// turn, values that are kept for a minute have gone.
pub(crate) fn by_turns(
    subjects: [Subject<'_>; 2],
    calls: [&Calls<'_>; 2],
    shape: &Shape,
    rounds: usize,
    stand_in: Option<&StandIn>,
) -> Result<[Figures; 2]> {
    let mut figures = [Figures::default(), Figures::default()];
    let all: Vec<usize> = (0..shape.services).collect();
    for number in 0..rounds {
        for ((subject, calls), figures) in subjects.iter().zip(calls).zip(&mut figures) {
            figures.name = subject.name;
            let cold = load::drive(subject.process.address, calls, &all);
            let order = shape.requests(subject.requests, number as u64);
            let before = stand_in
                .map(|stand_in| Ok::<_, anyhow::Error>((stand_in.counts()?, stand_in.cpu_us()?)));
            let before = before.transpose()?;
            let cpu = subject.process.cpu_us()?;
            let mut outcome = load::drive(subject.process.address, calls, &order);
            let cpu = subject.process.cpu_us()? - cpu;
            // An error in the uncounted pass is an error too.
            outcome.errors += cold.errors;
            outcome.first_error = cold.first_error.or(outcome.first_error);
            let per_request = |count: u64| count as f64 / order.len() as f64;
            let (mut aws_calls, mut stand_in_cpu) = (BTreeMap::new(), None);
            if let (Some(stand_in), Some((counts, cpu))) = (stand_in, before) {
                stand_in_cpu = Some(per_request(stand_in.cpu_us()? - cpu));
                for (operation, after) in stand_in.counts()? {
                    let made = after - counts.get(&operation).copied().unwrap_or_default();
                    if made > 0 {
                        aws_calls.insert(operation, per_request(made));
                    }
                }
            }
            figures.rounds.push(Round {
                outcome,
                cpu_us_per_request: per_request(cpu),
                stand_in_cpu_us_per_request: stand_in_cpu,
                aws_calls_per_request: aws_calls,
            });
            figures.memory_after_load = subject.process.memory()?;
            (figures.processes, figures.threads) = subject.process.processes_and_threads()?;
        }
    }
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_lies_in_the_middle() {
        let three = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!((three.min, three.median, three.max), (1.0, 2.0, 3.0));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).median, 2.5);
        assert_eq!(Spread::of([5.0]).median, 5.0);
    }
}
