//! What is stored and what is asked for: services, their credentials with values, and the order of the requests.

use bench::mix;

/// How the workload is made. The same seed gives the same data and the same requests.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Shape {
    pub(crate) seed: u64,
    pub(crate) services: usize,
    pub(crate) credentials_per_service: usize,
    pub(crate) pairs_per_credential: usize,
    pub(crate) value_bytes: usize,
}

/// One service and what it is mapped to.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) id: String,
    pub(crate) credentials: Vec<Credential>,
}

/// One credential with its values.
#[derive(Debug)]
pub(crate) struct Credential {
    /// 32 hex digits, as Confidant makes them. A server that chooses ids itself knows the credential by name.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) pairs: Vec<(String, String)>,
}

impl Shape {
    /// The services, most asked for first.
    pub(crate) fn services(&self) -> Vec<Service> {
        (0..self.services)
            .map(|number| self.service(number as u64))
            .collect()
    }

    fn service(&self, number: u64) -> Service {
        let id = format!("svc-{number:04}");
        let credentials = (0..self.credentials_per_service as u64)
            .map(|place| {
                let draw = mix(self.seed ^ mix(number << 32 | place));
                Credential {
                    id: format!("{:016x}{:016x}", draw, mix(draw)),
                    name: format!("{id} credential {place:02}"),
                    pairs: (0..self.pairs_per_credential as u64)
                        // Keys differ within a service, or servers refuse the mapping.
                        .map(|pair| {
                            (
                                format!("key_{place:02}_{pair}"),
                                self.value(draw ^ mix(pair)),
                            )
                        })
                        .collect(),
                }
            })
            .collect();
        Service { id, credentials }
    }

    fn value(&self, draw: u64) -> String {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let letter = |at: usize| {
            LETTERS
                .get(mix(draw ^ at as u64) as usize % LETTERS.len())
                .copied()
        };
        (0..self.value_bytes)
            .filter_map(letter)
            .map(char::from)
            .collect()
    }

    /// Which services are asked for, in order: Zipf with exponent 1, so the first is asked for most.
    pub(crate) fn requests(&self, count: usize, round: u64) -> Vec<usize> {
        let mut cumulative = Vec::with_capacity(self.services);
        let mut total = 0.0;
        for rank in 1..=self.services {
            total += 1.0 / rank as f64;
            cumulative.push(total);
        }
        (0..count as u64)
            .map(|at| {
                let draw = mix(self.seed ^ mix(round << 40 | at)) as f64 / u64::MAX as f64 * total;
                cumulative
                    .partition_point(|&below| below < draw)
                    .min(self.services - 1)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SHAPE: Shape = Shape {
        seed: 7,
        services: 1000,
        credentials_per_service: 20,
        pairs_per_credential: 2,
        value_bytes: 100,
    };

    #[test]
    fn requests_follow_zipf() {
        let requests = SHAPE.requests(100_000, 0);
        let share =
            |rank: usize| requests.iter().filter(|&&at| at == rank).count() as f64 / 100_000.0;
        // 1 / (rank * H(1000)), and H(1000) is 7.4855.
        for rank in [1, 2, 10] {
            let expected = 1.0 / (rank as f64 * 7.4855);
            let seen = share(rank - 1);
            assert!(
                (seen - expected).abs() < expected / 10.0,
                "rank {rank}: {seen}, not {expected}"
            );
        }
        assert_ne!(requests, SHAPE.requests(100_000, 1));
    }

    #[test]
    fn no_two_credentials_share_id_name_or_value() {
        let (mut texts, mut count) = (BTreeSet::new(), 0);
        for credential in SHAPE
            .services()
            .into_iter()
            .flat_map(|service| service.credentials)
        {
            count += 4;
            texts.extend([credential.id, credential.name]);
            for (_, value) in credential.pairs {
                assert_eq!(value.len(), 100);
                texts.insert(value);
            }
        }
        assert_eq!((texts.len(), count), (80_000, 80_000));
    }
}
