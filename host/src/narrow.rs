//! Narrowing: which rows of a block a detector asked for. One index over all subscriptions serves all detectors.

mod fits;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod index;
mod matcher;
mod router;
mod routes;
mod table;
#[cfg(test)]
mod tests;

pub use index::BlockIndex;
pub use matcher::Matcher;
pub use router::Router;

/// Rows of one kind, in the order of the block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rows {
    /// No row.
    #[default]
    None,
    /// Every row.
    All,
    /// These rows, ascending.
    Some(Vec<u32>),
}

impl Rows {
    /// Whether there is no row.
    pub fn is_none(&self) -> bool {
        matches!(self, Rows::None)
    }

    /// How many rows there are, of `all`.
    pub fn count(&self, all: usize) -> usize {
        match self {
            Rows::None => 0,
            Rows::All => all,
            Rows::Some(rows) => rows.len(),
        }
    }

    /// The rows, of `all`, ascending.
    pub fn iter(&self, all: usize) -> Box<dyn Iterator<Item = usize> + '_> {
        match self {
            Rows::None => Box::new(std::iter::empty()),
            Rows::All => Box::new(0..all),
            Rows::Some(rows) => Box::new(rows.iter().map(|&row| row as usize)),
        }
    }

    fn of(mut rows: Vec<u32>, all: usize) -> Self {
        rows.sort_unstable();
        rows.dedup();
        match rows.len() {
            0 => Rows::None,
            count if count == all => Rows::All,
            _ => Rows::Some(rows),
        }
    }
}

/// What of one block a detector is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Rows of the logs.
    pub logs: Rows,
    /// Rows of the transactions.
    pub transactions: Rows,
    /// Rows of the call frames.
    pub frames: Rows,
    /// Rows of the storage changes.
    pub storage: Rows,
    /// Whether contracts came into being, where the detector asked for that.
    pub creations: bool,
    /// Positions of the tick subscriptions that are due.
    pub ticks: Vec<u32>,
}

impl Selection {
    /// Whether there is nothing to see.
    pub fn is_empty(&self) -> bool {
        self.logs.is_none()
            && self.transactions.is_none()
            && self.frames.is_none()
            && self.storage.is_none()
            && !self.creations
            && self.ticks.is_empty()
    }
}
