//! What a detector says of itself.

/// How bad it would be if a finding is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth a line.
    Info,
    /// Worth a look.
    Low,
    /// Worth a look today.
    Medium,
    /// Worth waking somebody.
    High,
    /// Worth waking everybody.
    Critical,
}

/// What a detector may ask for; each is used only if the operator grants it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Reads of the chain, by [`crate::chain`].
    Chain,
    /// What it must remember, by [`crate::state`].
    State,
    /// Call frames.
    Traces,
    /// Storage changes.
    Storage,
    /// Transactions that wait for a block.
    Mempool,
    /// Observations of feeds.
    Feeds,
    /// Findings of other detectors.
    Findings,
}

impl Capability {
    /// Its name in manifests and grants.
    pub fn name(self) -> &'static str {
        match self {
            Capability::Chain => "chain",
            Capability::State => "state",
            Capability::Traces => "traces",
            Capability::Storage => "storage",
            Capability::Mempool => "mempool",
            Capability::Feeds => "feeds",
            Capability::Findings => "findings",
        }
    }
}

/// A kind of finding that a detector can emit. The host refuses findings of other kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingKind {
    /// Kebab-case, unique within the detector.
    pub id: String,
    /// What an operator should expect.
    pub default_severity: Severity,
    /// What it means, in a sentence.
    pub description: String,
    /// Where the operator reads what to do; empty where there is none.
    pub runbook_url: String,
}

/// What a detector is, what it can find and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Kebab-case, stable across versions.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// What it looks for, in a sentence or two.
    pub summary: String,
    /// What it can find.
    pub finding_kinds: Vec<FindingKind>,
    /// What it asks for.
    pub capabilities: Vec<Capability>,
}

impl Manifest {
    /// A manifest that finds nothing and asks for nothing yet.
    pub fn new(name: &str, version: &str, summary: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
            finding_kinds: Vec::new(),
            capabilities: Vec::new(),
        }
    }

    /// Adds a kind of finding.
    pub fn kind(mut self, id: &str, default_severity: Severity, description: &str) -> Self {
        self.finding_kinds.push(FindingKind {
            id: id.to_owned(),
            default_severity,
            description: description.to_owned(),
            runbook_url: String::new(),
        });
        self
    }

    /// Says where to read what to do about the kind that was added last.
    pub fn runbook(mut self, url: &str) -> Self {
        if let Some(kind) = self.finding_kinds.last_mut() {
            kind.runbook_url = url.to_owned();
        }
        self
    }

    /// Asks for a capability.
    pub fn asks_for(mut self, capability: Capability) -> Self {
        self.capabilities.push(capability);
        self
    }
}
