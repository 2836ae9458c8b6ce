//! The kinds of failures of detectors, as the journal names them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a batch failed for a detector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum FailureKind {
    /// The guest did what WebAssembly or the host forbids.
    Trap,
    /// It took too long.
    Deadline,
    /// It used up its fuel.
    Fuel,
    /// It got no more memory.
    Memory,
    /// It recursed too deep.
    Stack,
    /// It handed over too much at once.
    Transfer,
    /// It refused the batch, in its own words.
    Error,
    /// It found more than it may.
    Findings,
    /// It found something of a kind that its manifest does not declare.
    UndeclaredKind,
    /// It found something that can't be.
    InvalidFinding,
    /// A fresh instance of it could not be started.
    Start,
    /// It was not shown the batch: it rests after too many failures.
    Quarantined,
    /// The host's own code failed.
    Host,
    /// A kind of another version of the host.
    Other(String),
}

impl FailureKind {
    /// All kinds of this version.
    const ALL: [Self; 13] = [
        Self::Trap,
        Self::Deadline,
        Self::Fuel,
        Self::Memory,
        Self::Stack,
        Self::Transfer,
        Self::Error,
        Self::Findings,
        Self::UndeclaredKind,
        Self::InvalidFinding,
        Self::Start,
        Self::Quarantined,
        Self::Host,
    ];

    /// Returns the kind's name, as it is journaled.
    pub fn name(&self) -> &str {
        match self {
            Self::Trap => "trap",
            Self::Deadline => "deadline",
            Self::Fuel => "fuel",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::Transfer => "transfer",
            Self::Error => "error",
            Self::Findings => "findings",
            Self::UndeclaredKind => "undeclared-kind",
            Self::InvalidFinding => "invalid-finding",
            Self::Start => "start",
            Self::Quarantined => "quarantined",
            Self::Host => "host",
            Self::Other(name) => name,
        }
    }

    /// Tells whether such a failure depends on the machine, so that a replay must repeat it rather than run into it.
    pub fn is_environmental(&self) -> bool {
        matches!(self, Self::Deadline | Self::Host)
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<String> for FailureKind {
    fn from(name: String) -> Self {
        Self::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or(Self::Other(name))
    }
}

impl From<&str> for FailureKind {
    fn from(name: &str) -> Self {
        name.to_owned().into()
    }
}

impl From<FailureKind> for String {
    fn from(kind: FailureKind) -> Self {
        kind.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_journaled_by_its_name() {
        for kind in FailureKind::ALL {
            let text = serde_json::to_string(&kind).unwrap();
            assert_eq!(text, format!("\"{kind}\""));
            assert_eq!(serde_json::from_str::<FailureKind>(&text).unwrap(), kind);
        }
        let old: FailureKind = serde_json::from_str("\"of-another-version\"").unwrap();
        assert_eq!(serde_json::to_string(&old).unwrap(), "\"of-another-version\"");
    }
}
