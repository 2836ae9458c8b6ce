//! Faults that come and go: each is one finding, which ends the later the more often it has come back.

/// Successes in a row after which a spell is over, at most.
const MOST_BEFORE_OVER: u32 = 64;
/// Successes in a row after which earlier spells count no more.
const FORGOTTEN_AFTER: u32 = 1_024;

/// One kind of fault of one thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spell {
    is_open: bool,
    /// Successes in a row.
    came: u32,
    /// How many it takes until it is over.
    needed: u32,
}

impl Spell {
    /// Returns a spell that is open already, and over with the first success.
    pub fn open() -> Self {
        Self { is_open: true, came: 0, needed: 1 }
    }

    /// True while the finding about it is open.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Notes a failure that is a fault if `counts`. Returns true if that opens the finding.
    pub fn fails(&mut self, counts: bool) -> bool {
        self.came = 0;
        let opens = counts && !self.is_open;
        if opens {
            self.is_open = true;
            self.needed = (self.needed * 2).clamp(1, MOST_BEFORE_OVER);
        }
        opens
    }

    /// Notes a success. Returns true if that ends the finding.
    pub fn works(&mut self) -> bool {
        self.came = self.came.saturating_add(1);
        if self.came >= FORGOTTEN_AFTER {
            self.needed = 0;
        }
        let ends = self.is_open && self.came >= self.needed;
        self.is_open &= !ends;
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_ends_ever_later() {
        let mut spell = Spell::default();
        let mut turns = 0;
        for _ in 0..1_000 {
            turns += u32::from(spell.fails(true));
            turns += u32::from(spell.works()) + u32::from(spell.works());
        }
        assert!(turns <= 5, "{turns} changes of one finding");
        assert!(spell.is_open(), "it still fails");
        for _ in 0..MOST_BEFORE_OVER {
            spell.works();
        }
        assert!(!spell.is_open());
        for _ in 0..FORGOTTEN_AFTER {
            spell.works();
        }
        assert!(spell.fails(true) && spell.works(), "long ago counts no more");
        assert!(!spell.fails(false) && !spell.is_open(), "not every failure is a fault");
    }
}
