//! Chains and feeds as running tasks, brought in line with a config.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::app::config::Config;
use crate::app::deploy::applied::Applied;
use crate::app::deploy::load;
use crate::app::engine::resume::ChainResume;
use crate::app::live::messages::Message;
use crate::app::live::supervisor::{Again, Running as Source, STARTS, supervise};
use crate::block::{BlockRef, ChainId};
use crate::chain_read::{ChainAnswer, ChainFault, ChainRead, ChainReader};
use crate::source::Delivery;
use crate::source::evm::budget::Calls;
use crate::source::evm::config::ChainConfig;
use crate::source::evm::follow::{Follower, Progress, Settled};
use crate::source::evm::read::Reader;
use crate::source::feed::{FeedConfig, FeedResume, FeedTask};
use crate::subscription::Needs;

/// How many deliveries of one source may wait for the loop.
const WAITING: usize = 64;
/// How long a source that is told to end is waited for: one that reads a file of a disk that hangs never does.
const ENDS_WITHIN: Duration = Duration::from_secs(30);
/// How long a source that has ended is waited for by what it still has to hand over.
const DRAINED_WITHIN: Duration = Duration::from_secs(5);

/// Reads of every chain that is followed, each by its own endpoints.
#[derive(Clone, Default)]
pub struct Readers(Arc<RwLock<BTreeMap<ChainId, Arc<Reader>>>>);

impl ChainReader for Readers {
    fn read(&self, at: BlockRef, read: &ChainRead) -> ChainAnswer {
        match self.of(at.chain) {
            Some(reader) => reader.read(at, read),
            None => not_followed(at.chain),
        }
    }

    fn read_within(&self, at: BlockRef, read: &ChainRead, longest: Duration) -> Option<ChainAnswer> {
        match self.of(at.chain) {
            Some(reader) => reader.read_within(at, read, longest),
            None => Some(not_followed(at.chain)),
        }
    }
}

impl Readers {
    /// Returns what each endpoint was asked since the host started: its chain, what people see of it, and how much.
    pub fn calls(&self) -> Vec<(ChainId, String, Calls)> {
        let all = self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let of = |(chain, reader): (&ChainId, &Arc<Reader>)| {
            reader.calls().into_iter().map(|(label, calls)| (*chain, label, calls)).collect::<Vec<_>>()
        };
        all.iter().flat_map(of).collect()
    }

    fn of(&self, chain: ChainId) -> Option<Arc<Reader>> {
        self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(&chain).cloned()
    }
}

fn not_followed(chain: ChainId) -> ChainAnswer {
    let message = format!("chain {chain} is not followed");
    Err(ChainFault { code: "unavailable".into(), message, data: Default::default() })
}

struct Running {
    /// The config that it runs under, as text, to tell whether it changed.
    config: String,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// All sources.
pub struct Sources {
    messages: mpsc::Sender<Message>,
    needs: watch::Receiver<BTreeMap<ChainId, Needs>>,
    readers: Readers,
    /// Whether raw blocks are kept for a recording.
    keep_raw: bool,
    running: BTreeMap<String, Running>,
    /// Progress of each chain by name, for whoever shows it.
    progress: watch::Sender<BTreeMap<String, watch::Receiver<Progress>>>,
}

impl Sources {
    /// No source yet.
    pub fn new(
        messages: mpsc::Sender<Message>,
        needs: watch::Receiver<BTreeMap<ChainId, Needs>>,
        readers: Readers,
        keep_raw: bool,
    ) -> Self {
        Self { messages, needs, readers, keep_raw, running: BTreeMap::new(), progress: watch::Sender::default() }
    }

    /// Progress of each chain by name, as chains come and go.
    pub fn progress(&self) -> watch::Receiver<BTreeMap<String, watch::Receiver<Progress>>> {
        self.progress.subscribe()
    }

    /// Starts what is new, restarts what changed, ends what is gone.
    pub async fn apply(&mut self, config: &Config, applied: &mut Applied) -> anyhow::Result<()> {
        let mut wanted = BTreeMap::new();
        for name in config.chains.keys() {
            wanted.insert(format!("chain {name}"), config.written("chain", name));
        }
        for name in config.feeds.keys() {
            wanted.insert(format!("feed {name}"), config.written("feed", name));
        }
        let gone: Vec<String> = self
            .running
            .iter()
            .filter(|(name, running)| wanted.get(*name) != Some(&running.config))
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            self.end(&name).await;
            if !wanted.contains_key(&name) {
                applied.changes.push(format!("{name}: removed"));
            }
        }
        for (name, chain) in &config.chains {
            let key = format!("chain {name}");
            if !self.running.contains_key(&key) {
                self.start_chain(&key, name, chain, config).await?;
                applied.changes.push(format!("{key}: followed"));
            }
        }
        for (name, feed) in &config.feeds {
            let key = format!("feed {name}");
            if self.running.contains_key(&key) {
                continue;
            }
            match self.start_feed(&key, name, feed, config).await? {
                Ok(()) => applied.changes.push(format!("{key}: followed")),
                Err(message) => {
                    applied.diagnostics.push(load::diagnostic(config, &["feed", name], message, ""));
                }
            }
        }
        Ok(())
    }

    /// Ends all sources and waits for them.
    pub async fn stop(&mut self) {
        for running in self.running.values() {
            running.stop.send_replace(true);
        }
        let names: Vec<String> = self.running.keys().cloned().collect();
        for name in names {
            self.end(&name).await;
        }
    }

    async fn end(&mut self, key: &str) {
        let Some(mut running) = self.running.remove(key) else { return };
        running.stop.send_replace(true);
        match tokio::time::timeout(ENDS_WITHIN, &mut running.task).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => tracing::error!("{key} ended by a panic; please report it"),
            Err(_) => {
                tracing::warn!(
                    "{key} did not end within {} s, and is cut off: its disk may hang",
                    ENDS_WITHIN.as_secs()
                );
                running.task.abort();
            }
        }
    }

    async fn start_chain(&mut self, key: &str, name: &str, chain: &ChainConfig, config: &Config) -> anyhow::Result<()> {
        let started = Arc::new(Starting {
            name: name.to_owned(),
            folder: config.folder(),
            messages: self.messages.clone(),
            keep_raw: self.keep_raw,
        });
        let (stop, stopped) = watch::channel(false);
        let (needs, readers, progress) = (self.needs.clone(), self.readers.clone(), self.progress.clone());
        let (chain, until) = (chain.clone(), stopped.clone());
        let subject = format!("chain/{}", chain.id);
        let start = move || {
            let (needs, readers, progress) = (needs.clone(), readers.clone(), progress.clone());
            let (started, chain, until) = (started.clone(), chain.clone(), until.clone());
            async move { started.chain(chain, needs, readers, progress, until).await }
        };
        let first = start().await?;
        let again: Again = Box::new(move || Box::pin(start()));
        let task = supervise(subject, self.messages.clone(), stopped, first, again, STARTS);
        self.running.insert(key.to_owned(), Running { config: config.written("chain", name), stop, task });
        Ok(())
    }

    async fn start_feed(
        &mut self,
        key: &str,
        name: &str,
        feed: &FeedConfig,
        config: &Config,
    ) -> anyhow::Result<Result<(), String>> {
        let started = Arc::new(Starting {
            name: name.to_owned(),
            folder: config.folder(),
            messages: self.messages.clone(),
            keep_raw: self.keep_raw,
        });
        let (stop, stopped) = watch::channel(false);
        let (feed, until) = (feed.clone(), stopped.clone());
        let start = move || {
            let (started, feed, until) = (started.clone(), feed.clone(), until.clone());
            async move { started.feed(feed, until).await }
        };
        let first = match start().await? {
            Ok(first) => first,
            Err(error) => return Ok(Err(format!("{error:#}"))),
        };
        let again: Again = Box::new(move || {
            let start = start();
            Box::pin(async move { start.await? })
        });
        let task = supervise(format!("feed/{name}"), self.messages.clone(), stopped, first, again, STARTS);
        self.running.insert(key.to_owned(), Running { config: config.written("feed", name), stop, task });
        Ok(Ok(()))
    }
}

/// What each start of a source needs.
struct Starting {
    name: String,
    /// What relative files of the config start from.
    folder: PathBuf,
    messages: mpsc::Sender<Message>,
    keep_raw: bool,
}

impl Starting {
    /// Makes a chain's source, which goes on from where the journal ends.
    async fn chain(
        &self,
        chain: ChainConfig,
        needs: watch::Receiver<BTreeMap<ChainId, Needs>>,
        readers: Readers,
        shown: watch::Sender<BTreeMap<String, watch::Receiver<Progress>>>,
        stopped: watch::Receiver<bool>,
    ) -> anyhow::Result<Source> {
        let id = chain.id;
        let resume = self.ask(|reply| Message::Resume { chain: id, reply }).await?;
        let ChainResume { tail, safe, finalized, faults, awaited } = resume;
        let (out, forwarding) = outlet(&self.messages);
        let needs = needs_of(needs, id);
        let follower = Follower::new(self.name.clone(), chain, &self.folder, tail, needs, self.keep_raw, out)?;
        let follower = follower.knowing(Settled { safe, finalized }, &faults, &awaited);
        let reader = Arc::new(follower.reader());
        readers.0.write().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(id, reader);
        let progress = follower.progress();
        shown.send_modify(|all| {
            all.insert(self.name.clone(), progress);
        });
        Ok(Box::pin(forwarded(follower.run(stopped), forwarding)))
    }

    /// Makes a feed's source, which goes on from its latest observations in the journal; inside, why its config does not do.
    async fn feed(&self, feed: FeedConfig, stopped: watch::Receiver<bool>) -> anyhow::Result<anyhow::Result<Source>> {
        let recent = self.ask(|reply| Message::LastSeen { feed: self.name.clone(), reply }).await?;
        let (out, forwarding) = outlet(&self.messages);
        let task = FeedTask::new(self.name.clone(), feed, &self.folder, FeedResume { recent }, out);
        Ok(task.map(|task| Box::pin(forwarded(task.run(stopped), forwarding)) as Source))
    }

    /// Asks the loop, which answers in turn: all that the source sent before is in the journal then.
    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> anyhow::Result<T> {
        let (reply, answer) = oneshot::channel();
        self.messages.send(message(reply)).await.map_err(|_| anyhow::anyhow!("the loop has ended"))?;
        Ok(answer.await?)
    }
}

/// A channel of a source's own into the loop, and what forwards its deliveries.
fn outlet(messages: &mpsc::Sender<Message>) -> (mpsc::Sender<Delivery>, impl Future<Output = ()> + Send + 'static) {
    let (out, mut deliveries) = mpsc::channel::<Delivery>(WAITING);
    let messages = messages.clone();
    (out, async move {
        while let Some(delivery) = deliveries.recv().await {
            if messages.send(Message::Input(delivery)).await.is_err() {
                break;
            }
        }
    })
}

/// Runs a source together with what forwards its deliveries. Of one that fails, what is still on its way is dropped: the
/// next one goes on from what arrived.
async fn forwarded(
    source: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    forwarding: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let mut forwarding = std::pin::pin!(forwarding);
    tokio::select! {
        ended = source => ended?,
        // The loop has ended.
        () = &mut forwarding => return Ok(()),
    }
    // Whoever still holds an end of the channel has nothing to say any more.
    let _ = tokio::time::timeout(DRAINED_WITHIN, forwarding).await;
    Ok(())
}

/// What the detectors need of one chain, as it changes.
fn needs_of(mut all: watch::Receiver<BTreeMap<ChainId, Needs>>, chain: ChainId) -> watch::Receiver<Needs> {
    let of = move |all: &BTreeMap<ChainId, Needs>| all.get(&chain).copied().unwrap_or_default();
    let (sender, receiver) = watch::channel(of(&all.borrow_and_update()));
    tokio::spawn(async move {
        while all.changed().await.is_ok() {
            let now = of(&all.borrow_and_update());
            sender.send_if_modified(|needs| std::mem::replace(needs, now) != now);
            if sender.is_closed() {
                break;
            }
        }
    });
    receiver
}
