//! Shares with the interval that so few cases leave them in: recall of each kind of attack, and how often something is wrong.

use std::collections::BTreeMap;

use serde::Serialize;

use super::tally::Attack;

/// The normal deviate that leaves 2.5 % on either side.
const Z: f64 = 1.959_964;

/// A part of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// How many are of the part.
    pub count: usize,
    /// How many there are.
    pub of: usize,
    /// The share, 0 to 1.
    pub share: f64,
    /// Where the true share lies with a confidence of 95 %: the lower and the upper bound.
    pub interval: [f64; 2],
}

impl Share {
    /// Returns the share of so many among so many; `None` where there are none.
    pub fn new(count: usize, of: usize) -> Option<Self> {
        (of > 0).then(|| Self { count, of, share: count as f64 / of as f64, interval: interval(count, of) })
    }
}

/// How many of the attacks that labels group together were found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupRecall {
    /// The class or stage, as labels name it.
    pub name: String,
    /// Attacks of it that were found.
    pub found: usize,
    /// Attacks of it that the recordings hold.
    pub attacks: usize,
    /// The share that was found.
    pub recall: f64,
    /// Where the true share lies with a confidence of 95 %: the lower and the upper bound.
    pub interval: [f64; 2],
}

/// Counts attacks by what labels say of them, in the order of names. Attacks of which they say nothing are left out.
pub(super) fn by(attacks: &[Attack], group: impl Fn(&Attack) -> Option<&String>) -> Vec<GroupRecall> {
    let mut counts: BTreeMap<&String, (usize, usize)> = BTreeMap::new();
    for attack in attacks {
        let Some(name) = group(attack) else { continue };
        let (found, all) = counts.entry(name).or_default();
        *found += usize::from(attack.found_block.is_some());
        *all += 1;
    }
    let count = |(name, (found, attacks)): (&String, (usize, usize))| GroupRecall {
        name: name.clone(),
        found,
        attacks,
        recall: found as f64 / attacks as f64,
        interval: interval(found, attacks),
    };
    counts.into_iter().map(count).collect()
}

/// Wilson's score interval: unlike the normal one it stays within 0 and 1, and has a width where all or none were found.
fn interval(found: usize, all: usize) -> [f64; 2] {
    let (share, all) = (found as f64 / all as f64, all as f64);
    let scale = 1.0 + Z * Z / all;
    let middle = (share + Z * Z / (2.0 * all)) / scale;
    let half = Z * (share * (1.0 - share) / all + Z * Z / (4.0 * all * all)).sqrt() / scale;
    [(middle - half).max(0.0), (middle + half).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attack(class: Option<&str>, stage: Option<&str>, found_block: Option<u64>) -> Attack {
        Attack {
            name: "a".into(),
            class: class.map(str::to_owned),
            stage: stage.map(str::to_owned),
            recording: "r".into(),
            first_loss_block: 1,
            found_block,
            lead_blocks: None,
        }
    }

    #[test]
    fn each_class_and_stage_has_its_recall_and_what_has_none_is_left_out() {
        let attacks = [
            attack(Some("reentrancy"), Some("exploit"), Some(1)),
            attack(Some("price"), Some("prepare"), None),
            attack(Some("reentrancy"), Some("exploit"), None),
            attack(None, Some("prepare"), Some(1)),
        ];
        let counts = |groups: &[GroupRecall]| {
            groups.iter().map(|one| (one.name.clone(), one.found, one.attacks)).collect::<Vec<_>>()
        };
        let classes = by(&attacks, |attack| attack.class.as_ref());
        assert_eq!(counts(&classes), [("price".to_owned(), 0, 1), ("reentrancy".to_owned(), 1, 2)]);
        assert_eq!(classes[1].recall, 0.5);
        let stages = by(&attacks, |attack| attack.stage.as_ref());
        assert_eq!(counts(&stages), [("exploit".to_owned(), 1, 2), ("prepare".to_owned(), 1, 2)]);
    }

    #[test]
    fn an_interval_is_that_of_wilson() {
        let is_near = |is: [f64; 2], low: f64, high: f64| (is[0] - low).abs() < 5e-4 && (is[1] - high).abs() < 5e-4;
        // Newcombe 1998, table I: 81 of 263, and 0 of 20.
        assert!(is_near(interval(81, 263), 0.2553, 0.3662), "{:?}", interval(81, 263));
        assert!(is_near(interval(0, 20), 0.0, 0.1611), "{:?}", interval(0, 20));
        assert!(is_near(interval(20, 20), 0.8389, 1.0), "{:?}", interval(20, 20));
        assert_eq!(Share::new(0, 0), None);
        assert_eq!(Share::new(5, 20).map(|share| share.share), Some(0.25));
    }
}
