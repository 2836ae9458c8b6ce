//! How good a detector is, by what was found and what was labelled: labels, precision and recall, and values to sweep.

mod classes;
mod labels;
mod sweep;
mod tally;

pub use classes::ClassRecall;
pub use labels::{Is, Label, Labels, LabelsError, Unlabelled};
pub use sweep::{Number, Sweep, set};
pub use tally::{Attack, Covered, Score, Sighting, Verdict, Watched, judge, misplaced, score};
