//! A labels file: which blocks and transactions of a recording are an attack, and which only look like one.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use alloy::primitives::B256;
use serde::{Deserialize, Deserializer, Serialize};

use crate::block::{ChainId, block_range};
use crate::text::line;

/// Why labels can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelsError {
    /// It is no labels file.
    #[error("{0}")]
    File(String),
    /// A label makes no sense.
    #[error("label `{label}`: {what}")]
    Label {
        /// Its name.
        label: String,
        /// What is wrong, and how to mend it.
        what: String,
    },
}

/// What a label says of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Is {
    /// A finding there is right, and one must come.
    Attack,
    /// A finding there is wrong, however much it looks like an attack.
    Benign,
}

/// What a finding is where nothing is labelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unlabelled {
    /// Wrong: whoever labels knows of all attacks.
    #[default]
    Benign,
    /// Neither right nor wrong.
    Unknown,
}

/// Longest class or stage, in characters.
const KIND_CHARS: usize = 80;

/// A place, and what it is. Blocks, a transaction or both are given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Its name in reports.
    pub name: String,
    /// What is there.
    pub is: Is,
    /// Which kind of attack it is, in whoever labels' own words: recall is told for each.
    #[serde(default)]
    pub class: Option<String>,
    /// Which step of the attack it is, as `prepare` or `exploit`, in the same way.
    #[serde(default)]
    pub stage: Option<String>,
    /// Only in the recording whose file has this name; in any otherwise.
    #[serde(default)]
    pub recording: Option<String>,
    /// EIP-155 id of the chain; any otherwise.
    #[serde(default)]
    pub chain: Option<ChainId>,
    /// From the first block to the last, inclusive: `100` or `"100..120"`.
    #[serde(default, deserialize_with = "blocks")]
    pub blocks: Option<RangeInclusive<u64>>,
    /// A transaction. Without blocks, the place is this transaction alone.
    #[serde(default)]
    pub transaction: Option<B256>,
    /// The block in which the first money is lost; that of the transaction by default, or the first of the blocks.
    #[serde(default)]
    pub first_loss: Option<u64>,
}

/// All labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// What a finding elsewhere is.
    #[serde(default)]
    pub unlabelled: Unlabelled,
    /// Each place; where several fit, the first counts.
    #[serde(default, rename = "label")]
    pub labels: Vec<Label>,
}

impl Labels {
    /// Reads a labels file.
    ///
    /// # Errors
    ///
    /// If it is no TOML, or a label can't be: which, and why.
    pub fn parse(text: &str) -> Result<Self, LabelsError> {
        let labels: Self = toml::from_str(text).map_err(|error| LabelsError::File(error.to_string()))?;
        let mut names = BTreeSet::new();
        for label in &labels.labels {
            let wrong = |what: &str| LabelsError::Label { label: label.name.clone(), what: what.to_owned() };
            if !names.insert(&label.name) {
                return Err(wrong("there are two of this name; rename one"));
            }
            if label.blocks.is_none() && label.transaction.is_none() {
                return Err(wrong("say where: `blocks = \"100..120\"`, `transaction = \"0x…\"`, or both"));
            }
            let kinds = [("class", &label.class), ("stage", &label.stage)];
            for (key, kind) in kinds.into_iter().filter_map(|(key, kind)| Some((key, kind.as_deref()?))) {
                if kind.trim().is_empty() || line(kind, KIND_CHARS) != kind {
                    return Err(wrong(&format!(
                        "`{key}` is a word or two, {KIND_CHARS} characters at most, all of which can be seen"
                    )));
                }
            }
            match label.first_loss {
                Some(_) if label.is == Is::Benign => {
                    return Err(wrong("nothing is lost where it is benign: leave out `first_loss`"));
                }
                Some(lost) if label.blocks.as_ref().is_some_and(|blocks| !blocks.contains(&lost)) => {
                    return Err(wrong("`first_loss` lies outside `blocks`; make these end with the attack"));
                }
                _ => {}
            }
        }
        Ok(labels)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    One(u64),
    Range(String),
}

fn blocks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RangeInclusive<u64>>, D::Error> {
    let text = match Written::deserialize(deserializer)? {
        Written::One(number) => number.to_string(),
        Written::Range(text) => text,
    };
    block_range(&text).map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_nonsense_is_refused_by_name() {
        let text = "unlabelled = \"unknown\"\n[[label]]\nname = \"drain\"\nis = \"attack\"\nblocks = \"100..120\"\nfirst_loss = 118\n\
                    [[label]]\nname = \"arb\"\nis = \"benign\"\nblocks = 7\nchain = 1";
        let labels = Labels::parse(text).unwrap();
        assert_eq!(labels.unlabelled, Unlabelled::Unknown);
        assert_eq!(labels.labels[0].blocks, Some(100..=120));
        assert_eq!((labels.labels[1].blocks.clone(), labels.labels[1].chain), (Some(7..=7), Some(1)));
        let refusal = |lines: &str| {
            let text = format!("[[label]]\nname = \"a\"\nis = \"attack\"\n{lines}");
            Labels::parse(&text).unwrap_err().to_string()
        };
        assert!(refusal("").starts_with("label `a`: say where"), "{}", refusal(""));
        assert!(refusal("blocks = \"9..3\"").contains("begins after its end"));
        assert!(refusal("blocks = \"1..3\"\nfirst_loss = 4").contains("outside `blocks`"));
        assert!(refusal("blok = 1").contains("unknown field `blok`"));
        assert!(
            refusal("blocks = 1\n[[label]]\nname = \"a\"\nis = \"benign\"\nblocks = 2").contains("two of this name")
        );
        assert!(refusal("transaction = \"0x12\"").contains("transaction"));
        for class in ["", "a".repeat(81).as_str(), "a\u{202e}b", "a\\nb"] {
            let refused = refusal(&format!("blocks = 1\nclass = \"{class}\""));
            assert!(refused.contains("`class` is a word or two"), "{class:?}: {refused}");
        }
    }
}
