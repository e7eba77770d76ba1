//! Where metrics and notices of changes go.

use super::reader::Reader;
use super::secret_text::SecretText;
use super::storage::read_url;

/// Who is told of what happens.
#[derive(Clone, Debug)]
pub struct Notices {
    /// Where statsd listens; `None` when `STATSD_HOST` is set to nothing.
    pub statsd: Option<Statsd>,
    /// Graphite's events.
    pub graphite: Option<NoticeTarget>,
    /// The webhook.
    pub webhook: Option<NoticeTarget>,
}

/// Where statsd listens, by UDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statsd {
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// A URL that notices are posted to, and the login there.
#[derive(Clone, Debug)]
pub struct NoticeTarget {
    /// `http://` or `https://`.
    pub url: String,
    /// User of HTTP Basic; may be empty.
    pub username: SecretText,
    /// Password of HTTP Basic; may be empty.
    pub password: SecretText,
    /// Signs what is posted; the webhook alone has one.
    pub signing_key: Option<SecretText>,
}

pub(super) fn read_notices(reader: &Reader<'_>) -> Notices {
    let port = reader.number("STATSD_PORT", 8_125, 1..=65_535);
    let host = reader.text_or("STATSD_HOST", "localhost");
    Notices {
        statsd: (!host.is_empty()).then(|| Statsd {
            host,
            port: u16::try_from(port).unwrap_or(8_125),
        }),
        graphite: read_target(
            reader,
            "GRAPHITE_EVENT_URL",
            "GRAPHITE_USERNAME",
            "GRAPHITE_PASSWORD",
        ),
        webhook: read_webhook(reader),
    }
}

fn read_webhook(reader: &Reader<'_>) -> Option<NoticeTarget> {
    let signing_key = reader.text("KEEPWARD_WEBHOOK_KEY").map(SecretText::new);
    let target = read_target(
        reader,
        "WEBHOOK_URL",
        "WEBHOOK_USERNAME",
        "WEBHOOK_PASSWORD",
    );
    if target.is_none() && signing_key.is_some() {
        reader.complain("KEEPWARD_WEBHOOK_KEY", "is set without WEBHOOK_URL");
    }
    Some(NoticeTarget {
        signing_key,
        ..target?
    })
}

fn read_target(
    reader: &Reader<'_>,
    url: &str,
    username: &str,
    password: &str,
) -> Option<NoticeTarget> {
    Some(NoticeTarget {
        url: read_url(reader, url)?,
        username: SecretText::new(reader.text(username).unwrap_or_default()),
        password: SecretText::new(reader.text(password).unwrap_or_default()),
        signing_key: None,
    })
}
