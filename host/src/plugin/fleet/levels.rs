//! In which order detectors see an input: what listens to others stands above them.

use std::collections::{BTreeMap, BTreeSet};

use crate::narrow::Matcher;

/// Levels of detectors by their subscriptions: each stands above all that it listens to.
pub(super) fn levels(matchers: &BTreeMap<&str, &Matcher>) -> anyhow::Result<Vec<Vec<String>>> {
    let mut left: BTreeSet<&str> = matchers.keys().copied().collect();
    let mut levels = Vec::new();
    while !left.is_empty() {
        let listens = |id: &str| {
            let matcher = matchers[id];
            // Listening to everybody means to everybody who listens to nobody in turn, and by name to those who do.
            left.iter().any(|other| {
                *other != id && matcher.listens_to(other) && (!matchers[other].is_combiner() || matcher.names(other))
            })
        };
        let level: Vec<String> = left.iter().filter(|id| !listens(id)).map(|id| (*id).to_owned()).collect();
        if level.is_empty() {
            let ring: Vec<&str> = left.into_iter().collect();
            anyhow::bail!("these detectors listen to each other in a ring: {}", ring.join(", "));
        }
        left.retain(|id| !level.iter().any(|placed| placed == id));
        levels.push(level);
    }
    Ok(levels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscription::{FindingFilter, Subscription};

    fn check(listeners: &[(&str, &[&str])], expected: Result<&str, &str>) {
        let matchers: Vec<(&str, Matcher)> = listeners
            .iter()
            .map(|(id, to)| {
                let detectors = to.iter().filter(|name| **name != "*").map(|name| (*name).to_owned()).collect();
                let filter = Subscription::Findings(FindingFilter { detectors, kinds: Vec::new() });
                (*id, Matcher::new(if to.is_empty() { &[] } else { std::slice::from_ref(&filter) }))
            })
            .collect();
        let came = levels(&matchers.iter().map(|(id, matcher)| (*id, matcher)).collect())
            .map(|levels| levels.iter().map(|level| level.join(" ")).collect::<Vec<_>>().join(" | "))
            .map_err(|error| error.to_string());
        assert_eq!(came.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn who_listens_stands_above_whom_it_listens_to() {
        check(&[("a", &[]), ("b", &[])], Ok("a b"));
        check(&[("a", &["b"]), ("b", &["c"]), ("c", &[])], Ok("c | b | a"));
        check(&[("all", &["*"]), ("b", &[]), ("c", &["b"])], Ok("b | all c"));
        check(&[("a", &["b"]), ("b", &["a"])], Err("these detectors listen to each other in a ring: a, b"));
    }
}
