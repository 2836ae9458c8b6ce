//! How good a detector is, by what was found and what was labelled: labels, precision and recall, and values to sweep.

mod labels;
mod shares;
mod sweep;
mod tally;

pub use labels::{Is, Label, Labels, LabelsError, Unlabelled};
pub use shares::{GroupRecall, Share};
pub use sweep::{Number, Sweep, set};
pub use tally::{Attack, Covered, Score, Sighting, Verdict, Watched, absent, judge, misplaced, score};
