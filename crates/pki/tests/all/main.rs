//! Keys, requests, certificates and tokens, with OpenSSL on the other side.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod certificates;
mod keys;
mod openssl;
mod requests;
mod tokens;

/// A moment at which the certificates of these tests are valid: now, as the tests have no clock port.
#[expect(clippy::disallowed_methods, reason = "OpenSSL looks at the real time")]
pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_secs()).unwrap()
}
