//! One client at a time, chosen by the seed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

use super::World;

/// What one client does.
pub type Client<'c, T> = Pin<Box<dyn Future<Output = T> + 'c>>;

impl World {
    /// Runs these clients until all are done; gives their results in their order.
    ///
    /// Only one goes on at a time; the seed chooses which, at every delay. While a client waits for
    /// real work (a file, a socket), so do all others. Clients must not wait for anything else that
    /// happens outside this world.
    pub async fn run<T>(&self, clients: Vec<Client<'_, T>>) -> Vec<T> {
        let outside = Arc::new(AtomicWaker::new());
        let mut clients: Vec<Running<'_, T>> = clients
            .into_iter()
            .map(|client| {
                let woken = Arc::new(Woken {
                    woken: AtomicBool::new(true),
                    outside: Arc::clone(&outside),
                });
                Running {
                    state: Some(client),
                    result: None,
                    waker: Waker::from(Arc::clone(&woken)),
                    woken,
                }
            })
            .collect();
        let mut waiting_for_real_work = None;
        // Tokio's own fairness would take turns away at moments that the seed does not decide.
        let all = tokio::task::unconstrained(std::future::poll_fn(|context| {
            outside.register(context.waker());
            loop {
                let chosen = match waiting_for_real_work.take() {
                    Some(chosen) => chosen,
                    None => match self.choose(&clients) {
                        Choice::Client(chosen) => chosen,
                        Choice::NobodyYet => return Poll::Pending,
                        Choice::AllDone => return Poll::Ready(()),
                    },
                };
                let Some(client) = clients.get_mut(chosen) else {
                    return Poll::Ready(());
                };
                self.state().client = chosen;
                client.go_on();
                if self.state().real > 0 && client.state.is_some() {
                    waiting_for_real_work = Some(chosen);
                    if !client.woken.woken.load(Ordering::SeqCst) {
                        return Poll::Pending;
                    }
                }
            }
        }));
        all.await;
        clients
            .into_iter()
            .filter_map(|client| client.result)
            .collect()
    }

    fn choose<T>(&self, clients: &[Running<'_, T>]) -> Choice {
        let mut ready = Vec::with_capacity(clients.len());
        let mut all_done = true;
        for (position, client) in clients.iter().enumerate() {
            all_done &= client.state.is_none();
            if client.state.is_some() && client.woken.woken.load(Ordering::SeqCst) {
                ready.push(position);
            }
        }
        if ready.is_empty() {
            // No roll: how often one looks while nobody can go on is not the seed's.
            return if all_done {
                Choice::AllDone
            } else {
                Choice::NobodyYet
            };
        }
        let chosen = self.state().dice.position(ready.len());
        ready
            .get(chosen)
            .map_or(Choice::NobodyYet, |chosen| Choice::Client(*chosen))
    }
}

enum Choice {
    Client(usize),
    NobodyYet,
    AllDone,
}

struct Running<'c, T> {
    /// `None` when it is done.
    state: Option<Client<'c, T>>,
    result: Option<T>,
    waker: Waker,
    woken: Arc<Woken>,
}

impl<T> Running<'_, T> {
    fn go_on(&mut self) {
        self.woken.woken.store(false, Ordering::SeqCst);
        if let Some(future) = &mut self.state
            && let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&self.waker))
        {
            self.result = Some(result);
            self.state = None;
        }
    }
}

struct Woken {
    woken: AtomicBool,
    outside: Arc<AtomicWaker>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.outside.wake();
    }
}
