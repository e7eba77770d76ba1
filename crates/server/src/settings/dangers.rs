//! The switches that make a server unsafe, and where that is refused.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::reader::Reader;

/// A switch that is set and makes the server unsafe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Danger {
    /// The setting.
    pub name: &'static str,
    /// What it means, for the log.
    pub warning: &'static str,
}

/// Every unsafe switch that is set.
pub(super) fn read_dangers(reader: &Reader<'_>) -> Vec<Danger> {
    let all = [
        (
            !reader.flag("USE_AUTH", true),
            Danger {
                name: "USE_AUTH",
                warning: "USE_AUTH=false: nobody logs in, and everybody may read and change every credential",
            },
        ),
        (
            !reader.flag("USE_ENCRYPTION", true),
            Danger {
                name: "USE_ENCRYPTION",
                warning: "USE_ENCRYPTION=false: values are stored in the clear",
            },
        ),
        (
            !reader.flag("SSLIFY", true),
            Danger {
                name: "SSLIFY",
                warning: "SSLIFY=false: requests are answered without https, tokens and values can be read on the way",
            },
        ),
        (
            reader.flag("DEBUG", false),
            Danger {
                name: "DEBUG",
                warning: "DEBUG=true: requests are answered without https, tokens and values can be read on the way",
            },
        ),
    ];
    all.into_iter()
        .filter_map(|(set, danger)| set.then_some(danger))
        .collect()
}

/// Complains of unsafe switches where others than this machine's users would meet them.
pub(super) fn check_dangers(reader: &Reader<'_>, listen: SocketAddr, set: &[Danger]) {
    let allowed: BTreeSet<_> = reader.list(ALLOW).into_iter().collect();
    for name in &allowed {
        if !DANGEROUS.contains(&name.as_str()) {
            reader.complain(ALLOW, format!("takes names of {}", DANGEROUS.join(", ")));
        }
    }
    if listen.ip().is_loopback() {
        return;
    }
    for danger in set {
        if !allowed.contains(danger.name) {
            reader.complain(
                danger.name,
                format!(
                    "is for development, and HOST is not a loopback address; unset one, or let {ALLOW} name {}",
                    danger.name
                ),
            );
        }
    }
}

const ALLOW: &str = "KEEPWARD_DANGER_ALLOW_INSECURE";
const DANGEROUS: [&str; 4] = ["USE_AUTH", "USE_ENCRYPTION", "SSLIFY", "DEBUG"];
