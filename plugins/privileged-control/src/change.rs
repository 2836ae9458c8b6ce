//! A change of control, before it is known whether it is expected.

use watchfire_sdk::prelude::*;

/// What changed, in words and in values.
pub(crate) struct Change {
    pub(crate) kind: &'static str,
    pub(crate) severity: Severity,
    /// After the contract's label.
    pub(crate) title: String,
    pub(crate) description: String,
    /// What makes two such changes of one contract the same condition.
    pub(crate) key: String,
    /// Who or what has the control from now on.
    pub(crate) new: Option<Address>,
    pub(crate) attributes: Vec<(&'static str, String)>,
}

impl Change {
    pub(crate) fn new(kind: &'static str, severity: Severity, title: String, description: &str) -> Self {
        Self {
            kind,
            severity,
            title,
            description: description.to_owned(),
            key: String::new(),
            new: None,
            attributes: Vec::new(),
        }
    }

    /// Who or what has the control from now on; the condition is told apart by it.
    pub(crate) fn to(mut self, name: &'static str, new: Address) -> Self {
        self.new = Some(new);
        self.keyed(new).with(name, new)
    }

    pub(crate) fn keyed(mut self, key: impl ToString) -> Self {
        if !self.key.is_empty() {
            self.key.push('/');
        }
        self.key.push_str(&key.to_string());
        self
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }
}
