//! How many calls go into one batch: fewer when the node refuses a batch, more again when it has taken many.

/// Batches in a row that a node must have taken before a larger one is tried.
const FIRST_TRIAL: u32 = 16;
const LAST_TRIAL: u32 = 4_096;

/// The size of batches to one node.
#[derive(Debug)]
pub(super) struct Batching {
    most: usize,
    size: usize,
    /// Batches in a row that were answered in full.
    answered: u32,
    /// How many that must be before the size grows. Doubles with each refusal.
    trial: u32,
}

impl Batching {
    /// Starts with the largest size, at least 1.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), size: most.max(1), answered: 0, trial: FIRST_TRIAL }
    }

    /// How many calls to put into the next batch; 1 means a single call without a batch around it.
    pub fn size(&mut self) -> usize {
        if self.size == 1 {
            // Single calls are no batches that could be counted as answered, but they are time that passes.
            self.answered();
        }
        self.size
    }

    /// Notes that a batch was answered in full.
    pub fn answered(&mut self) {
        self.answered += 1;
        if self.answered >= self.trial && self.size < self.most {
            self.size = (self.size * 2).min(self.most);
            self.answered = 0;
        }
    }

    /// Notes that a batch was refused, or answered in part.
    pub fn refused(&mut self) {
        self.size = (self.size / 2).max(1);
        self.answered = 0;
        self.trial = self.trial.saturating_mul(2).min(LAST_TRIAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_halve_and_grow_again_ever_later() {
        let mut batching = Batching::new(8);
        let mut sizes = Vec::new();
        for _ in 0..4 {
            sizes.push(batching.size());
            batching.refused();
        }
        assert_eq!(sizes, [8, 4, 2, 1]);
        let calls = (1..).find(|_| batching.size() > 1);
        assert_eq!((calls, batching.size()), (Some(256), 2));
        batching.refused();
        let calls = (1..).find(|_| batching.size() > 1);
        assert_eq!(calls, Some(512), "what failed again is tried later");
        assert_eq!(Batching::new(0).size(), 1);
    }
}
