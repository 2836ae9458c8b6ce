//! Chains and feeds as running tasks, brought in line with a config.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::app::config::Config;
use crate::app::deploy::applied::Applied;
use crate::app::deploy::load;
use crate::app::engine::resume::ChainResume;
use crate::app::live::messages::Message;
use crate::block::{BlockRef, ChainId};
use crate::chain_read::{ChainAnswer, ChainFault, ChainRead, ChainReader};
use crate::event::{Coverage, Event};
use crate::finding::Severity;
use crate::source::Delivery;
use crate::source::evm::config::ChainConfig;
use crate::source::evm::follow::{Follower, Progress, Settled};
use crate::source::evm::read::Reader;
use crate::source::feed::{FeedConfig, FeedResume, FeedTask};
use crate::subscription::Needs;

/// How many deliveries of one source may wait for the loop.
const WAITING: usize = 64;

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
        if let Some(running) = self.running.remove(key) {
            running.stop.send_replace(true);
            if running.task.await.is_err() {
                tracing::error!("{key} ended by a panic; please report it");
            }
        }
    }

    async fn start_chain(&mut self, key: &str, name: &str, chain: &ChainConfig, config: &Config) -> anyhow::Result<()> {
        let (reply, known) = oneshot::channel();
        self.messages
            .send(Message::Resume { chain: chain.id, reply })
            .await
            .map_err(|_| anyhow::anyhow!("the loop has ended"))?;
        let ChainResume { tail, safe, finalized, faults } = known.await?;
        let needs = self.needs_of(chain.id);
        let out = self.outlet();
        let folder = config.folder();
        let follower = Follower::new(name.to_owned(), chain.clone(), &folder, tail, needs, self.keep_raw, out)?;
        let follower = follower.knowing(Settled { safe, finalized }, &faults);
        let reader = Arc::new(follower.reader());
        self.readers.0.write().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(chain.id, reader);
        let progress = follower.progress();
        self.progress.send_modify(|all| {
            all.insert(name.to_owned(), progress);
        });
        let (stop, stopped) = watch::channel(false);
        let task = self.spawn(format!("chain/{}", chain.id), follower.run(stopped));
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
        let (reply, last) = oneshot::channel();
        self.messages
            .send(Message::LastSeen { feed: name.to_owned(), reply })
            .await
            .map_err(|_| anyhow::anyhow!("the loop has ended"))?;
        let resume = FeedResume { recent: last.await? };
        let task = match FeedTask::new(name.to_owned(), feed.clone(), &config.folder(), resume, self.outlet()) {
            Ok(task) => task,
            Err(error) => return Ok(Err(format!("{error:#}"))),
        };
        let (stop, stopped) = watch::channel(false);
        let task = self.spawn(format!("feed/{name}"), task.run(stopped));
        self.running.insert(key.to_owned(), Running { config: config.written("feed", name), stop, task });
        Ok(Ok(()))
    }

    /// Runs a source; that it ended by an error is a fault in the coverage, never silence.
    fn spawn(
        &self,
        subject: String,
        source: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) -> JoinHandle<()> {
        let messages = self.messages.clone();
        tokio::spawn(async move {
            let Err(error) = source.await else { return };
            let coverage = Coverage {
                kind: "source-ended".into(),
                message: format!("{subject} is no longer watched: {error:#}; mend the cause and restart the host"),
                subject,
                severity: Severity::Critical,
                over: false,
            };
            // The loop has ended where nobody takes it.
            let _ = messages.send(Message::Input(Delivery::now(Event::Coverage { coverage }))).await;
        })
    }

    /// A channel of a source's own into the loop.
    fn outlet(&self) -> mpsc::Sender<Delivery> {
        let (out, mut deliveries) = mpsc::channel::<Delivery>(WAITING);
        let messages = self.messages.clone();
        tokio::spawn(async move {
            while let Some(delivery) = deliveries.recv().await {
                if messages.send(Message::Input(delivery)).await.is_err() {
                    break;
                }
            }
        });
        out
    }

    fn needs_of(&self, chain: ChainId) -> watch::Receiver<Needs> {
        let mut all = self.needs.clone();
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
}
