//! What happened, for those who count it: the one port behind every metric.

use std::time::Duration;

use domain::{Action, LoginMethod, Outcome};

/// Counts what happens. Never sees a value, nor any text that a caller chose, but for [`Fact::Jwt`].
pub trait Watch: Send + Sync {
    /// Takes one fact. It neither waits nor fails: a request is on its way.
    fn happened(&self, fact: Fact<'_>);
}

/// Counts nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn happened(&self, _: Fact<'_>) {}
}

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    /// An operation ended, as its audit event says.
    Operation {
        /// What was asked for.
        action: Action,
        /// How it ended.
        outcome: Outcome,
    },
    /// An audit event could not be appended.
    AuditFailed,
    /// A call to the key service ended.
    KeyCall {
        /// What for.
        purpose: Purpose,
        /// Which call.
        call: KeyCall,
        /// How it ended.
        ended: Ended,
        /// How long it took.
        took: Duration,
    },
    /// A call to the table ended.
    TableCall {
        /// Which call.
        call: TableCall,
        /// How it ended.
        ended: Ended,
        /// How long it took.
        took: Duration,
    },
    /// Something was looked for in a cache.
    Cache {
        /// Which.
        cache: CacheName,
        /// The calls to the key service that it made unneeded; `None` when it was not there.
        saved: Option<u64>,
    },
    /// Somebody was proven.
    Login {
        /// How.
        login: LoginMethod,
    },
    /// Nobody was proven.
    LoginRefused {
        /// As much as the client was told, in a word.
        refusal: &'static str,
    },
    /// A KMS token of a version that is taken was looked at.
    Token {
        /// 1 or 2.
        version: u32,
    },
    /// A step of the work ended, well or not.
    Took {
        /// Which.
        step: Step,
        /// How long it took.
        took: Duration,
    },
    /// Something was done, of which Confidant counts each.
    Counted {
        /// What.
        count: Count,
    },
    /// Something about JSON web tokens.
    Jwt {
        /// What.
        count: JwtCount,
        /// The key's id, or the environment; from the settings.
        of: &'a str,
        /// The key's id or the caller's name, where there is one more part. A name is as its caller
        /// chose it: an adapter bounds how many it tells apart.
        to: Option<&'a str>,
    },
    /// Something became of a notice of a change.
    Notice {
        /// To whom.
        to: NoticeTo,
        /// What became of it.
        became: NoticeEnd,
    },
}

/// An enumeration whose every case has a word, and its first line of documentation as its meaning.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $(#[doc = $meaning:literal] $case:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = $meaning] $case,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$case,)*];

            /// Its word in metrics.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$case => $word,)*
                }
            }

            /// What it stands for, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$case => $meaning.trim_ascii(),)*
                }
            }
        }
    };
}

words! {
    /// How a call to a port ended.
    Ended {
        /// As asked.
        Done = "done",
        /// Another writer was there: a condition did not hold.
        Conflict = "conflict",
        /// Too many calls.
        Throttled = "throttled",
        /// No answer, or none in time.
        Unavailable = "unavailable",
        /// With any other error; the same call would end so again.
        Refused = "refused",
    }
}

words! {
    /// What a call to the key service is for.
    Purpose {
        /// For data keys of stored values.
        AtRest = "at_rest",
        /// For tokens of callers.
        Login = "login",
    }
}

words! {
    /// The calls of a [`KeyService`](crate::KeyService).
    KeyCall {
        /// A new data key in both forms.
        Generate = "generate",
        /// Wraps a data key; KMS calls it Encrypt.
        Wrap = "wrap",
        /// Opens a data key or a token; KMS calls it Decrypt.
        Unwrap = "unwrap",
        /// Random bytes.
        Random = "random",
        /// The full name of a key.
        Describe = "describe",
    }
}

words! {
    /// The calls of a [`Table`](crate::Table).
    TableCall {
        /// Makes a table.
        Create = "create",
        /// One item.
        Get = "get",
        /// Several items.
        BatchGet = "batch_get",
        /// A page of an index.
        Query = "query",
        /// A page of the table.
        Scan = "scan",
        /// A write.
        Transact = "transact",
    }
}

words! {
    /// What is kept in memory to save calls.
    CacheName {
        /// Unwrapped data keys.
        DataKeys = "data_keys",
        /// Opened values.
        OpenedValues = "opened_values",
        /// Whole services, ready to be served.
        ServiceViews = "service_views",
        /// Verified KMS tokens.
        Tokens = "tokens",
    }
}

words! {
    /// A step of the work that is timed; the words are Confidant's.
    Step {
        /// `GET /v1/credentials`
        ListCredentials = "list_credentials",
        /// `GET /v1/credentials/{id}`
        GetCredential = "get_credential_by_id",
        /// `POST /v1/credentials`
        CreateCredential = "create_credential",
        /// `PUT /v1/credentials/{id}`
        UpdateCredential = "update_credential",
        /// `GET /v1/services`
        ListServices = "list_services",
        /// `GET /v1/services/{id}`
        GetService = "get_service_by_id",
        /// Of it: whether the caller may read it.
        AclCheckGetService = "get_service_by_id.acl_check_get_service",
        /// Of it: its item.
        DbGetService = "get_service_by_id.db_get_service",
        /// Of it: its credentials, opened.
        DbGetCredentials = "get_service_by_id.db_get_credentials",
        /// Of it: its blind credentials.
        DbGetBlindCredentials = "get_service_by_id.db_get_blind_credentials",
        /// Of it: whether the caller may change it.
        AclCheckUpdateService = "get_service_by_id.acl_check_update_service",
        /// Of it: the answer's text.
        BuildResponse = "get_service_by_id.build_response",
        /// The items of credentials that a service maps.
        BatchGetCredentials = "service_batch_get_credentials",
        /// The items of blind credentials that a service maps.
        BatchGetBlindCredentials = "service_batch_get_blind_credentials",
        /// The judgement of a KMS token, its call to KMS included.
        DecryptToken = "decrypt_token",
        /// A certificate for a CSR.
        IssueCertificate = "issue_certificate",
        /// A certificate with a new key.
        IssueCertificateWithKey = "issue_certificate_with_key",
        /// A certificate with its key, from the cache or new.
        GetCachedCertificate = "get_cached_certificate_with_key",
        /// A certificate from its authority.
        GetCertificateFromArn = "get_certificate_from_arn",
        /// The signature of a JSON web token.
        EncodeJwt = "jwt.get_jwt.encode",
    }
}

words! {
    /// What Confidant counts besides; the words are its own.
    Count {
        /// A credential is in the archive table.
        ArchiveSaved = "archive.save.success",
        /// A credential could not be put there.
        ArchiveNotSaved = "archive.save.failure",
        /// An archived credential is out of the main table.
        ArchiveDeleted = "archive.delete.success",
        /// It could not be deleted there.
        ArchiveNotDeleted = "archive.delete.failure",
        /// An archived credential is back.
        Restored = "restore.save.success",
        /// It could not be put back.
        NotRestored = "restore.save.failure",
        /// A certificate was in the cache.
        CertificateHit = "get_cached_certificate_with_key.hit",
        /// It was not, or the cache is off.
        CertificateMiss = "get_cached_certificate_with_key.miss",
    }
}

words! {
    /// What Confidant counts about JSON web tokens. Its own names have the key's id, the caller or the
    /// environment within; these words leave them out.
    JwtCount {
        /// A caller's token was in the cache.
        TokenHit = "jwt.get_jwt.cache.hit",
        /// It was not.
        TokenMiss = "jwt.get_jwt.cache.miss",
        /// A token was signed.
        TokenMade = "jwt.get_jwt.create",
        /// The key to sign with was looked up, of an environment.
        ActiveKey = "jwt.get_active_key",
        /// The public keys of an environment were in the cache.
        KeysHit = "jwt.get_jwks.hit",
        /// They were not.
        KeysMiss = "jwt.get_jwks.miss",
    }
}

words! {
    /// Who outside is told of changes.
    NoticeTo {
        /// `WEBHOOK_URL`
        Webhook = "webhook",
        /// `GRAPHITE_EVENT_URL`
        Graphite = "graphite",
    }
}

words! {
    /// What became of a notice of a change.
    NoticeEnd {
        /// It waits to be sent.
        Queued = "queued",
        /// It was not taken: too many wait.
        Dropped = "dropped",
        /// The receiver has it.
        Sent = "sent",
        /// A try failed, and another one follows.
        Retried = "retried",
        /// No further try is made.
        GivenUp = "given_up",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_for_one_step_or_count_alone() {
        let mut words: Vec<_> = Step::ALL.iter().map(|step| step.word()).collect();
        words.extend(Count::ALL.iter().map(|count| count.word()));
        words.extend(JwtCount::ALL.iter().map(|count| count.word()));
        let all = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all);
    }
}
