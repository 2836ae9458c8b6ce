//! Wordings of the desk that a drill's report looks for: decisions are stored as text, and the two must not drift apart.

/// In what a decision says of time: no intervention takes effect before the projected harm.
pub(crate) const NOTHING_IN_TIME: &str = "nothing can act before it";

/// Begins the reason for which an intervention is denied that is in effect already.
pub(crate) const IN_EFFECT: &str = "it is in effect";

/// Begins the reason for which an intervention is denied in an incident that is over.
pub(crate) const OVER: &str = "the incident is";

/// Between an intervention and how long it has been in effect, if that is all that the plan allows.
pub(crate) const OUTLASTS: &str = " is in effect for ";
