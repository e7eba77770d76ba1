//! Why a token did not open: the likeliest mistake, tried at KMS, a few times a minute.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use keep::{KeyError, KeyService};
use seal::WrappedKey;

use crate::TokenContext;

/// What is known of a token that KMS did not open under the context of its username.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Diagnosis {
    /// Nothing: KMS does not say what differs, and there were too many such tokens to try others.
    NotMade,
    /// It opens under no other `user_type` either, so something else differs.
    SomethingElse,
    /// It opens under this `user_type` (`None`: without one) and the same `from` and `to`.
    UserType(Option<String>),
}

/// Makes diagnoses, and not more than a few a minute: each costs up to two calls of KMS, and proves
/// nobody.
#[derive(Default)]
pub(crate) struct Diagnoses {
    /// Begin of the minute, and diagnoses made in it.
    made: Mutex<(Duration, u32)>,
}

impl Diagnoses {
    pub(crate) const A_MINUTE: u32 = 6;

    /// Tries the other contexts that this token may have been encrypted with by mistake.
    pub(crate) async fn make(
        &self,
        service: &dyn KeyService,
        now: Duration,
        token: &WrappedKey,
        tried: &TokenContext,
    ) -> Diagnosis {
        if !self.admits(now) {
            return Diagnosis::NotMade;
        }
        for mistake in tried.mistaken() {
            match service.unwrap(token, &mistake.pairs()).await {
                Ok(_opened_and_dropped) => return Diagnosis::UserType(mistake.user_type),
                Err(KeyError::DoesNotOpen) => {}
                Err(_) => return Diagnosis::NotMade,
            }
        }
        Diagnosis::SomethingElse
    }

    fn admits(&self, now: Duration) -> bool {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let (begin, count) = *made;
        if now.saturating_sub(begin) >= Duration::from_secs(60) {
            *made = (now, 1);
            return true;
        }
        *made = (begin, count.saturating_add(1));
        count < Self::A_MINUTE
    }
}
