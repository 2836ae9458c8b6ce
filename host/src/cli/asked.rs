//! Nodes that a detector's author has asked what a recording does not answer.

use std::sync::Arc;

use clap::Args as ClapArgs;
use tokio::runtime::Runtime;

use super::runtime;
use crate::app::author::reads::Nodes;
use crate::chain_read::ChainReader;

/// Which nodes.
#[derive(Debug, Default, ClapArgs)]
pub struct NodeArgs {
    /// Ask this node, by its URL or IPC socket, what the detector reads of the chain and the recording does not answer. Its
    /// answers are kept beside the recording, as FILE.answers, for the next run. Several of one chain are asked in order of
    /// preference.
    #[arg(long, value_name = "URL")]
    node: Vec<String>,
}

/// Connected nodes. They answer as long as this is kept.
#[derive(Default)]
pub(super) struct Asked {
    /// Who answers, if a node was named.
    pub(super) reader: Option<Arc<dyn ChainReader>>,
    _runtime: Option<Runtime>,
}

impl NodeArgs {
    /// Connects to the nodes.
    pub(super) fn connect(&self) -> anyhow::Result<Asked> {
        Asked::of(&self.node)
    }
}

impl Asked {
    /// Connects to nodes, if there are any.
    pub(super) fn of(urls: &[String]) -> anyhow::Result<Self> {
        if urls.is_empty() {
            return Ok(Self::default());
        }
        let runtime = runtime()?;
        let nodes = runtime.block_on(Nodes::connect(urls))?;
        Ok(Self { reader: Some(Arc::new(nodes)), _runtime: Some(runtime) })
    }
}
