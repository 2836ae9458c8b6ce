//! What a team shows from outside: evidence that no host can see.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::moment::Moment;

/// Evidence for a control of a checklist that stands outside of the plan, the config and the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// The control, as `ir-2.1.2`.
    pub control: String,
    /// What is so, in a sentence.
    pub text: String,
    /// Where that is written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Id of the role or person who says so.
    pub owner: String,
    /// When they last made sure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Moment>,
}
