//! Notices of changes to the webhook and to Graphite: queued, sent beside the requests, tried again.
//!
//! A write hands its news to [`Notices`], which never waits. [`Notifier`] finds the services that a
//! change touches and queues what each receiver is told; each has a queue and a pace of its own. They
//! rest in memory alone: a crash loses those that wait, a stop gives each one more try.

mod delivery;
mod notice;
mod post;

use std::sync::Arc;
use std::time::Duration;

use confidant::{Confidant, Listener, News};
use keep::{Clock, Fact, NoticeEnd, NoticeTo, Random, Watch};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::settings::{self, NoticeTarget};
use delivery::Delivery;
use notice::Notice;
use post::Post;

/// Where writes leave their news.
pub struct Notices {
    news: mpsc::Sender<News>,
    targets: Vec<NoticeTo>,
    watch: Arc<dyn Watch>,
}

/// Everything on the way from a write to the receivers.
pub struct Notifier {
    news: mpsc::Receiver<News>,
    targets: Vec<(NoticeTo, NoticeTarget)>,
    tools: Tools,
}

/// Ends a [`Notifier`] when it is dropped: each notice that waits has one more try.
pub struct Ending(watch::Sender<bool>);

/// What every step of the way needs.
#[derive(Clone)]
struct Tools {
    watch: Arc<dyn Watch>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    ending: watch::Receiver<bool>,
}

impl Notices {
    /// Both ends of the way to the receivers that `settings` name; `None` where they name none.
    pub fn new(
        settings: &settings::Notices,
        watch: Arc<dyn Watch>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Option<(Self, Notifier, Ending)> {
        let named = [
            (NoticeTo::Webhook, &settings.webhook),
            (NoticeTo::Graphite, &settings.graphite),
        ];
        let targets: Vec<_> = named
            .into_iter()
            .filter_map(|(to, target)| Some((to, target.clone()?)))
            .collect();
        if targets.is_empty() {
            return None;
        }
        let (sender, news) = mpsc::channel(WAITING);
        let (end, ending) = watch::channel(false);
        let notices = Self {
            news: sender,
            targets: targets.iter().map(|(to, _)| *to).collect(),
            watch: Arc::clone(&watch),
        };
        let tools = Tools {
            watch,
            clock,
            random,
            ending,
        };
        let notifier = Notifier {
            news,
            targets,
            tools,
        };
        Some((notices, notifier, Ending(end)))
    }
}

impl Listener for Notices {
    fn heard(&self, news: News) {
        if self.news.try_send(news).is_err() {
            for to in &self.targets {
                dropped(&*self.watch, *to);
            }
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

impl Notifier {
    /// Sends notices until its [`Ending`] is dropped, and then those that wait. `confidant` knows which
    /// services a change touches.
    pub async fn run(self, confidant: Arc<Confidant>) {
        let Self {
            mut news,
            targets,
            tools,
        } = self;
        let mut deliveries = JoinSet::new();
        let mut queues = Vec::new();
        for (to, target) in targets {
            let (queue, waiting) = mpsc::channel(WAITING);
            let delivery = Delivery {
                to,
                post: Post::new(&target),
                tools: tools.clone(),
            };
            deliveries.spawn(delivery.run(waiting));
            queues.push((to, queue));
        }
        let mut ending = tools.ending.clone();
        loop {
            let heard = tokio::select! {
                heard = news.recv() => heard,
                _ = ending.wait_for(|ending| *ending), if !news.is_closed() => {
                    news.close();
                    continue;
                }
            };
            let Some(heard) = heard else { break };
            let services = tools.services_touched(&confidant, &heard).await;
            for (to, queue) in &queues {
                tools.queue(*to, queue, &heard, services.as_deref());
            }
        }
        // Their ends are the ends of the deliveries.
        drop(queues);
        while deliveries.join_next().await.is_some() {}
    }
}

impl Tools {
    /// The services, asked for until the table answers; `None` when it did not for long.
    async fn services_touched(&self, confidant: &Confidant, news: &News) -> Option<Vec<String>> {
        let mut pace = delivery::Pace::new(self.clone());
        loop {
            match confidant.services_touched(news).await {
                Ok(services) => return Some(services),
                Err(error) => {
                    tracing::warn!(%error, "the services that a notice is about cannot be read");
                    if !pace.another().await {
                        return None;
                    }
                }
            }
        }
    }

    fn queue(
        &self,
        to: NoticeTo,
        queue: &mpsc::Sender<Notice>,
        news: &News,
        services: Option<&[String]>,
    ) {
        let Some(services) = services else {
            tracing::error!(to = to.word(), "a notice is given up");
            return self.became(to, NoticeEnd::GivenUp);
        };
        // A credential that no service maps concerns nobody.
        if services.is_empty() {
            return;
        }
        let body = match to {
            NoticeTo::Webhook => notice::for_webhook(news, services),
            NoticeTo::Graphite => notice::for_graphite(news, services),
        };
        let notice = Notice {
            id: hex::encode(self.random.bytes::<16>()),
            body,
            since: self.clock.monotonic(),
        };
        match queue.try_send(notice) {
            Ok(()) => self.became(to, NoticeEnd::Queued),
            Err(_too_many_wait) => dropped(&*self.watch, to),
        }
    }

    fn became(&self, to: NoticeTo, became: NoticeEnd) {
        self.watch.happened(Fact::Notice { to, became });
    }
}

fn dropped(watch: &dyn Watch, to: NoticeTo) {
    tracing::error!(to = to.word(), "a notice is dropped, too many wait");
    let became = NoticeEnd::Dropped;
    watch.happened(Fact::Notice { to, became });
}

/// Notices that wait at most, for each receiver.
const WAITING: usize = 1_000;
/// How long a notice is tried.
const KEPT: Duration = Duration::from_secs(3_600);
