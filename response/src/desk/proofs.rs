//! Proofs of acts: which acts must be proved by the plan, and whether a signature proves this one here and now.

use crate::desk::Desk;
use crate::desk::refusal::Refusal;
use crate::incident::IncidentId;
use crate::operator::{Act, Deed};
use crate::plan::moment::{Moment, span};
use crate::plan::{Person, Plan, ProvedAct};
use crate::proof::{LONGEST_S, Proof, Signer};

impl Desk {
    /// Returns what proves an act; `None` if it is written down without a proof, as the plan permits.
    ///
    /// # Errors
    ///
    /// If the plan wants a proof and there is none, or what was signed proves something else.
    pub(super) fn proof_of(
        &self,
        id: IncidentId,
        act: &Act,
        plan: &Plan,
        now_ms: u64,
    ) -> Result<Option<Proof>, Refusal> {
        if self.takes_any_act {
            return Ok(None);
        }
        let name = act.deed.name();
        let Some(proof) = &act.signed else {
            return match self.must_prove(id, act, plan) {
                None => Ok(None),
                Some(why) => Err(Refusal::Unfit(format!(
                    "the plan wants `{name}` proved ({why}): sign it, as `--sign keystore:FILE`"
                ))),
            };
        };
        self.is_proved(id, act, proof, plan, now_ms)
            .map_err(|why| Refusal::Unfit(format!("what was signed does not prove `{name}`: {why}")))?;
        Ok(Some(proof.as_ref().clone()))
    }

    /// Returns what proves an act that is about no incident, or opens one; `None` as [`Desk::proof_of`] does.
    ///
    /// # Errors
    ///
    /// As [`Desk::proof_of`].
    pub(super) fn proof_of_none(&self, act: &Act, plan: &Plan, now_ms: u64) -> Result<Option<Proof>, Refusal> {
        if self.takes_any_act {
            return Ok(None);
        }
        let name = act.deed.name();
        let Some(proof) = &act.signed else {
            let wanted = match act.deed {
                Deed::Open { .. } => Some(ProvedAct::Open),
                Deed::Halt { .. } => Some(ProvedAct::Halt),
                Deed::Unhalt { .. } => Some(ProvedAct::Unhalt),
                _ => None,
            };
            let policy = plan.tables().protocol.proof.as_ref().filter(|policy| !policy.excuses(&act.by, plan));
            return match wanted.is_some_and(|act| policy.is_some_and(|policy| policy.wants(act))) {
                false => Ok(None),
                true => {
                    Err(Refusal::Unfit(format!("the plan wants `{name}` proved: sign it, as `--sign keystore:FILE`")))
                }
            };
        };
        let digest = proof.digest(0, &act.by);
        let proved = self.fits(act, proof, plan, now_ms).and_then(|signer| {
            self.spent.refuse_spent(digest)?;
            proof.check(0, &act.by, signer)
        });
        proved.map_err(|why| Refusal::Unfit(format!("what was signed does not prove `{name}`: {why}")))?;
        Ok(Some(proof.as_ref().clone()))
    }

    fn is_proved(&self, id: IncidentId, act: &Act, proof: &Proof, plan: &Plan, now_ms: u64) -> Result<(), String> {
        let (by, signer) = (act.by.as_str(), self.fits(act, proof, plan, now_ms)?);
        let file = self.files.get(&id).ok_or_else(|| format!("incident {id} is over"))?;
        file.heads.refuse(proof, proof.digest(id, by))?;
        proof.check(id, by, signer)
    }

    /// Returns who must have signed a proof, if it is of this act, here and now.
    fn fits(&self, act: &Act, proof: &Proof, plan: &Plan, now_ms: u64) -> Result<Signer, String> {
        let (by, now_s) = (act.by.as_str(), now_ms / 1_000);
        if Deed::of_proof(proof)? != act.deed {
            return Err("it is about another act, or other arguments".to_owned());
        }
        // A host of one plan has no name for it, and what was signed without one is taken.
        let own = if self.protocol.is_empty() { &plan.tables().protocol.name } else { &self.protocol };
        if proof.protocol != self.protocol && proof.protocol != *own {
            return Err(format!("it is for protocol `{}`, and this is `{own}`", proof.protocol));
        }
        if proof.plan != plan.hash() {
            return Err(format!("it was signed under plan {}, and {} is followed here", proof.plan, plan.hash()));
        }
        if proof.expires_s < now_s {
            let since = Moment { ms: proof.expires_s.saturating_mul(1_000) };
            return Err(format!("it expired at {since}: sign anew"));
        }
        if proof.expires_s - now_s > LONGEST_S {
            return Err(format!("it would hold for longer than {}", span(LONGEST_S)));
        }
        let signer = plan.tables().person.get(by).and_then(Person::signs_as);
        signer.ok_or_else(|| format!("the plan has no `signer` for `{by}`"))
    }

    /// Returns why an act must be proved, in a clause; `None` if it need not be.
    fn must_prove(&self, id: IncidentId, act: &Act, plan: &Plan) -> Option<String> {
        let policy = plan.tables().protocol.proof.as_ref().filter(|policy| !policy.excuses(&act.by, plan))?;
        let (act, ruling) = match &act.deed {
            Deed::Decide { intervention, .. } => {
                return policy.why(ProvedAct::Decide, intervention, plan, self.severity_of(id)?);
            }
            Deed::Approve { ruling } => (ProvedAct::Approve, *ruling),
            Deed::Veto { ruling, .. } => (ProvedAct::Veto, *ruling),
            Deed::Done { ruling, .. } => (ProvedAct::Done, *ruling),
            Deed::Reverse { ruling, .. } => (ProvedAct::Reverse, *ruling),
            _ => return None,
        };
        let ruling = self.rulings(id).iter().find(|one| one.number == ruling)?;
        policy.why(act, &ruling.intervention, plan, self.severity_of(id)?)
    }

    fn severity_of(&self, id: IncidentId) -> Option<crate::finding::Severity> {
        self.files.get(&id).map(|file| file.incident().severity)
    }
}
