//! Tokens that were refused, remembered for a little while, in a bounded space of their own.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::LoginRefused;

/// Why tokens were refused, by their digest. A flood of refusals pushes out older refusals and
/// nothing else.
pub(crate) struct RefusedTokens {
    half: usize,
    life: Duration,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<[u8; 32], (LoginRefused, Duration)>,
    old: HashMap<[u8; 32], (LoginRefused, Duration)>,
}

impl RefusedTokens {
    /// Room for `capacity` refusals, each for `life`.
    pub(crate) fn new(capacity: usize, life: Duration) -> Self {
        Self {
            half: (capacity / 2).max(1),
            life,
            generations: Mutex::default(),
        }
    }

    /// Why this token was refused a moment ago.
    pub(crate) fn why(&self, token: &[u8; 32], now: Duration) -> Option<LoginRefused> {
        let generations = self.lock();
        let (why, at) = generations
            .young
            .get(token)
            .or_else(|| generations.old.get(token))?;
        (now.saturating_sub(*at) < self.life).then(|| why.clone())
    }

    /// Remembers a refusal.
    pub(crate) fn remember(&self, token: [u8; 32], why: LoginRefused, now: Duration) {
        let mut generations = self.lock();
        if generations.young.len() >= self.half {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(token, (why, now));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_for_its_life_and_no_longer() {
        let refused = RefusedTokens::new(10, Duration::from_secs(30));
        refused.remember([1; 32], LoginRefused::NotJson, Duration::from_secs(100));
        assert_eq!(
            refused.why(&[1; 32], Duration::from_secs(129)),
            Some(LoginRefused::NotJson)
        );
        assert_eq!(refused.why(&[1; 32], Duration::from_secs(130)), None);
        assert_eq!(refused.why(&[2; 32], Duration::from_secs(100)), None);
    }

    #[test]
    fn holds_no_more_than_its_capacity() {
        let refused = RefusedTokens::new(10, Duration::from_secs(30));
        for n in 0..=255 {
            refused.remember([n; 32], LoginRefused::NotJson, Duration::ZERO);
        }
        let held = (0..=255)
            .filter(|n| refused.why(&[*n; 32], Duration::ZERO).is_some())
            .count();
        assert!((1..=10).contains(&held), "{held}");
        assert!(refused.why(&[255; 32], Duration::ZERO).is_some());
    }
}
