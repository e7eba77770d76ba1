//! News that writes leave for outside receivers: never waited for.

use std::sync::{Arc, Mutex};

use confidant::{Listener as _, News};
use keep::{Clock, Fact, NoticeEnd, NoticeTo, Random, Watch};
use server::Notices;
use server::settings::{self, NoticeTarget, SecretText};

use crate::http::TokioClock;

#[derive(Default)]
struct Dropped(Mutex<Vec<NoticeTo>>);

impl Watch for Dropped {
    fn happened(&self, fact: Fact<'_>) {
        if let Fact::Notice {
            to,
            became: NoticeEnd::Dropped,
        } = fact
        {
            self.0.lock().unwrap().push(to);
        }
    }
}

struct Zeros;

impl Random for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn settings(url: Option<&str>) -> settings::Notices {
    let target = url.map(|url| NoticeTarget {
        url: url.to_owned(),
        username: SecretText::new(String::new()),
        password: SecretText::new(String::new()),
        signing_key: None,
    });
    settings::Notices {
        statsd: None,
        graphite: target.clone(),
        webhook: target,
    }
}

#[tokio::test]
async fn news_that_nobody_takes_are_dropped_and_counted_and_no_write_waits() {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock(tokio::time::Instant::now()));
    let dropped = Arc::new(Dropped::default());
    let make = |settings| {
        let watch = Arc::clone(&dropped) as _;
        Notices::new(&settings, watch, Arc::clone(&clock), Arc::new(Zeros))
    };
    assert!(make(settings(None)).is_none(), "nobody is to be told");
    // Nothing runs at the other end.
    let (notices, _notifier, _ending) = make(settings(Some("http://192.0.2.1/"))).unwrap();
    for number in 0..1_002 {
        notices.heard(News::BlindCredential {
            id: number.to_string(),
            name: "n".to_owned(),
            revision: domain::Revision::FIRST,
        });
    }
    let (webhook, graphite) = (NoticeTo::Webhook, NoticeTo::Graphite);
    assert_eq!(
        *dropped.0.lock().unwrap(),
        [webhook, graphite, webhook, graphite]
    );
}
