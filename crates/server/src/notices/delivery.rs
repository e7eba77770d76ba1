//! The way to one receiver: in order, one at a time, again until it is taken or an hour old.

use std::time::Duration;

use keep::{NoticeEnd, NoticeTo};
use tokio::sync::mpsc;

use super::notice::Notice;
use super::post::{NotTaken, Post};
use super::{KEPT, Tools};

/// One receiver and what it takes to reach it.
pub(super) struct Delivery {
    pub(super) to: NoticeTo,
    pub(super) post: Post,
    pub(super) tools: Tools,
}

impl Delivery {
    /// Delivers what waits, until nobody queues any more.
    pub(super) async fn run(self, mut waiting: mpsc::Receiver<Notice>) {
        while let Some(notice) = waiting.recv().await {
            let became = self.deliver(&notice).await;
            self.tools.became(self.to, became);
        }
    }

    async fn deliver(&self, notice: &Notice) -> NoticeEnd {
        let (to, id) = (self.to.word(), notice.id.as_str());
        let mut pace = Pace {
            since: notice.since,
            ..Pace::new(self.tools.clone())
        };
        loop {
            let why = match self.post.post(notice, self.tools.clock.now()).await {
                Ok(()) => {
                    tracing::info!(to, notice = id, "a notice is delivered");
                    return NoticeEnd::Sent;
                }
                Err(why) => why,
            };
            if matches!(why, NotTaken::Refused(_)) || pace.is_over() {
                tracing::error!(to, notice = id, %why, "a notice is given up");
                return NoticeEnd::GivenUp;
            }
            tracing::warn!(to, notice = id, %why, "a notice is not taken, it is sent again");
            self.tools.became(self.to, NoticeEnd::Retried);
            pace.wait().await;
        }
    }
}

/// When to try again: after one second, then twice as long each time up to a minute, half of it by
/// chance; for an hour, or until the server ends.
pub(super) struct Pace {
    tools: Tools,
    since: Duration,
    pause: Duration,
}

impl Pace {
    pub(super) fn new(tools: Tools) -> Self {
        Self {
            since: tools.clock.monotonic(),
            pause: SHORTEST,
            tools,
        }
    }

    /// Waits for the next try; `false` when there is none.
    pub(super) async fn another(&mut self) -> bool {
        if self.is_over() {
            return false;
        }
        self.wait().await;
        true
    }

    fn is_over(&self) -> bool {
        let age = self.tools.clock.monotonic().saturating_sub(self.since);
        age >= KEPT || *self.tools.ending.borrow()
    }

    /// Cut short when the server ends: then the next try is the last.
    async fn wait(&mut self) {
        let chance = u32::from(u16::from_be_bytes(self.tools.random.bytes()));
        let half = self.pause / 2;
        let pause = half + half * chance / u32::from(u16::MAX);
        self.pause = (self.pause * 2).min(LONGEST);
        let mut ending = self.tools.ending.clone();
        tokio::select! {
            () = self.tools.clock.sleep(pause) => {}
            _ = ending.wait_for(|ending| *ending) => {}
        }
    }
}

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::post;
    use keep::{Clock, Fact, Random, Timestamp, Watch};
    use tokio::sync::watch;

    use super::*;
    use crate::settings::{NoticeTarget, SecretText};

    /// A clock that stands still until somebody sleeps, and then is there already.
    #[derive(Default)]
    struct Jumping(Mutex<Duration>);

    #[async_trait::async_trait]
    impl Clock for Jumping {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(0)
        }

        fn monotonic(&self) -> Duration {
            *self.0.lock().unwrap()
        }

        async fn sleep(&self, pause: Duration) {
            *self.0.lock().unwrap() += pause;
        }
    }

    struct Ones;

    impl Random for Ones {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0xff);
        }
    }

    #[derive(Default)]
    struct Ends(Mutex<Vec<NoticeEnd>>);

    impl Watch for Ends {
        fn happened(&self, fact: Fact<'_>) {
            if let Fact::Notice { became, .. } = fact {
                self.0.lock().unwrap().push(became);
            }
        }
    }

    /// A real HTTP server that answers with these statuses and then with the last one.
    #[derive(Clone)]
    struct Receiver(Arc<Mutex<(Vec<u16>, Vec<String>)>>);

    async fn take(State(Receiver(state)): State<Receiver>, headers: HeaderMap) -> StatusCode {
        let mut state = state.lock().unwrap();
        let id = headers["keepward-notice"].to_str().unwrap().to_owned();
        state.1.push(id);
        let status = if state.0.len() > 1 {
            state.0.remove(0)
        } else {
            state.0[0]
        };
        StatusCode::from_u16(status).unwrap()
    }

    struct World {
        receiver: Receiver,
        url: String,
        clock: Arc<Jumping>,
        ends: Arc<Ends>,
    }

    impl World {
        async fn answering(statuses: &[u16]) -> Self {
            let receiver = Receiver(Arc::new(Mutex::new((statuses.to_vec(), Vec::new()))));
            let router = Router::new()
                .route("/hook", post(take))
                .with_state(receiver.clone());
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/hook", listener.local_addr().unwrap());
            tokio::spawn(async { axum::serve(listener, router).await });
            Self {
                receiver,
                url,
                clock: Arc::default(),
                ends: Arc::default(),
            }
        }

        /// Delivers these notices to the end.
        async fn deliver(&self, ids: &[&str], ending: watch::Receiver<bool>) -> Vec<NoticeEnd> {
            let (queue, waiting) = mpsc::channel(ids.len());
            for id in ids {
                let notice = Notice {
                    id: (*id).to_owned(),
                    body: "{}".to_owned(),
                    since: self.clock.monotonic(),
                };
                queue.try_send(notice).unwrap();
            }
            drop(queue);
            let target = NoticeTarget {
                url: self.url.clone(),
                username: SecretText::new(String::new()),
                password: SecretText::new(String::new()),
                signing_key: None,
            };
            let delivery = Delivery {
                to: NoticeTo::Webhook,
                post: Post::new(&target),
                tools: Tools {
                    watch: Arc::clone(&self.ends) as _,
                    clock: Arc::clone(&self.clock) as _,
                    random: Arc::new(Ones),
                    ending,
                },
            };
            delivery.run(waiting).await;
            self.ends.0.lock().unwrap().clone()
        }

        fn posted(&self) -> Vec<String> {
            self.receiver.0.lock().unwrap().1.clone()
        }
    }

    #[tokio::test]
    async fn a_notice_that_is_not_taken_is_sent_again_before_the_next_one() {
        use NoticeEnd::{Retried, Sent};
        let world = World::answering(&[500, 429, 200]).await;
        let (_end, ending) = watch::channel(false);
        let ends = world.deliver(&["a", "b"], ending).await;
        assert_eq!(ends, [Retried, Retried, Sent, Sent]);
        assert_eq!(world.posted(), ["a", "a", "a", "b"]);
        // After one second and after two more.
        assert_eq!(world.clock.monotonic().as_secs(), 3);
    }

    #[tokio::test]
    async fn a_notice_that_is_refused_is_given_up_at_once() {
        use NoticeEnd::{GivenUp, Sent};
        let world = World::answering(&[302, 403, 204]).await;
        let (_end, ending) = watch::channel(false);
        let ends = world.deliver(&["a", "b", "c"], ending).await;
        assert_eq!(ends, [GivenUp, GivenUp, Sent]);
    }

    #[tokio::test]
    async fn a_notice_is_tried_for_an_hour_and_each_has_a_try() {
        let world = World::answering(&[503]).await;
        let (_end, ending) = watch::channel(false);
        let ends = world.deliver(&["a", "b"], ending).await;
        assert_eq!(ends.last(), Some(&NoticeEnd::GivenUp));
        let posted = world.posted();
        let firsts = posted.iter().filter(|id| *id == "a").count();
        // 1, 2, 4, ... 32 seconds, then one a minute.
        assert_eq!((firsts, posted.len()), (66, 67));
        assert!(world.clock.monotonic() < KEPT + LONGEST);
    }

    #[tokio::test]
    async fn when_the_server_ends_each_notice_has_one_more_try() {
        let world = World::answering(&[500]).await;
        let (_end, ending) = watch::channel(true);
        let ends = world.deliver(&["a", "b"], ending).await;
        assert_eq!(ends, [NoticeEnd::GivenUp, NoticeEnd::GivenUp]);
        assert_eq!(world.posted(), ["a", "b"]);
        assert_eq!(world.clock.monotonic().as_secs(), 0);
    }
}
