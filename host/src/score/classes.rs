//! Recall of each class of attacks, with the interval that so few attacks leave it in.

use std::collections::BTreeMap;

use serde::Serialize;

use super::tally::Attack;

/// The normal deviate that leaves 2.5 % on either side.
const Z: f64 = 1.959_964;

/// How many attacks of a class were found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassRecall {
    /// The class, as labels name it.
    pub class: String,
    /// Attacks of it that were found.
    pub found: usize,
    /// Attacks of it that the recordings hold.
    pub attacks: usize,
    /// The share that was found.
    pub recall: f64,
    /// Where the true share lies with a confidence of 95 %: the lower and the upper bound.
    pub interval: [f64; 2],
}

/// Counts attacks by their classes, in the order of names. Attacks without a class are left out.
pub(super) fn by_class(attacks: &[Attack]) -> Vec<ClassRecall> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for attack in attacks {
        let Some(class) = &attack.class else { continue };
        let (found, all) = counts.entry(class).or_default();
        *found += usize::from(attack.found_block.is_some());
        *all += 1;
    }
    let count = |(class, (found, attacks)): (&str, (usize, usize))| ClassRecall {
        class: class.to_owned(),
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

    fn attack(class: Option<&str>, found_block: Option<u64>) -> Attack {
        Attack {
            name: "a".into(),
            class: class.map(str::to_owned),
            recording: "r".into(),
            first_loss_block: 1,
            found_block,
            lead_blocks: None,
        }
    }

    #[test]
    fn each_class_has_its_recall_and_what_has_none_is_left_out() {
        let attacks = [
            attack(Some("reentrancy"), Some(1)),
            attack(Some("price"), None),
            attack(Some("reentrancy"), None),
            attack(None, Some(1)),
        ];
        let classes = by_class(&attacks);
        let counts: Vec<_> = classes.iter().map(|one| (one.class.as_str(), one.found, one.attacks)).collect();
        assert_eq!(counts, [("price", 0, 1), ("reentrancy", 1, 2)]);
        assert_eq!(classes[1].recall, 0.5);
    }

    #[test]
    fn an_interval_is_that_of_wilson() {
        let is_near = |is: [f64; 2], low: f64, high: f64| (is[0] - low).abs() < 5e-4 && (is[1] - high).abs() < 5e-4;
        // Newcombe 1998, table I: 81 of 263, and 0 of 20.
        assert!(is_near(interval(81, 263), 0.2553, 0.3662), "{:?}", interval(81, 263));
        assert!(is_near(interval(0, 20), 0.0, 0.1611), "{:?}", interval(0, 20));
        assert!(is_near(interval(20, 20), 0.8389, 1.0), "{:?}", interval(20, 20));
    }
}
