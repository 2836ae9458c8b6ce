//! Undone is undone: what somebody else undid, or findings show, is connected with the ruling by which it was in effect.

use crate::brief::actor_of;
use crate::decision::{Ruling, RulingState};
use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::decide::Occasion;
use crate::desk::refusal::{Refusal, Taken};
use crate::finding::Finding;
use crate::foreign::{quoted, tame};
use crate::incident::{IncidentId, IncidentState};
use crate::plan::{AuthorityKind, DO_NOTHING, Matcher};
use crate::timeline::EntryKind;
use crate::triage::label;

impl Desk {
    /// Somebody else undid what was carried out: anybody may say so, and it may be done again at once.
    pub(super) fn undone(&mut self, id: IncidentId, by: &str, number: u32, why: &str, turn: &mut Turn) -> Taken {
        let ruling = self.ruling(id, number)?;
        if !ruling.state.is_in_effect() || ruling.intervention == DO_NOTHING {
            let state = ruling.state.in_words();
            return Err(Refusal::Unfit(format!("ruling {number} is {state}, so there is nothing that was undone")));
        }
        self.undone_elsewhere(id, &ruling, Some(by), why, turn);
        Ok(())
    }

    /// What was carried out was undone by somebody who is not of those who undo it by the plan: its rest does not bind,
    /// automation may put it forward again, and the harm goes on.
    pub(super) fn undone_elsewhere(
        &mut self,
        id: IncidentId,
        ruling: &Ruling,
        by: Option<&str>,
        why: &str,
        turn: &mut Turn,
    ) {
        let (number, name) = (ruling.number, ruling.intervention.as_str());
        self.end_ruling(id, number, RulingState::Reversed, turn);
        let authority = self.plan_of(id).and_then(|plan| {
            let intervention = plan.tables().intervention.get(name)?;
            Some(plan.tables().authority.get(&intervention.authority)?.kind)
        });
        // A seal that was used is gone, whatever became of what it did.
        if authority != Some(AuthorityKind::OneShotSeal) {
            self.ledger_of(id).undo(name, id);
        }
        let text = format!("{name} (ruling {number}) was undone by somebody else: {why}");
        self.write(id, EntryKind::Reversed, by, text.clone(), turn);
        let state = self.files.get(&id).map(|file| file.case.incident.state);
        if state.is_some_and(|state| state > IncidentState::Active && state.is_open()) {
            self.set_state(id, IncidentState::Active, by, format!("{name} was undone by somebody else"), turn);
        }
        self.revise(id, Occasion::Event(text), turn);
        self.revise_others(id, name, &format!("it was undone in incident {id}"), turn);
        let is_acked = self.files.get(&id).is_some_and(|file| file.case.incident.acked_by.is_some());
        // Whoever says so knows it. Of what the chain says, people are woken again.
        if by.is_none() && is_acked {
            let reason = format!("{name} was undone by somebody else");
            self.write(id, EntryKind::Unacked, None, format!("people are paged again: {reason}"), turn);
            self.climb(id, Some(&reason), turn);
            self.restate(id, turn);
        }
    }

    /// Connects what a finding shows with what was decided: that it was carried out, that it works, that it was undone.
    pub(super) fn witness(&mut self, finding: &Finding, turn: &mut Turn) {
        let mut shown: Vec<(IncidentId, Ruling, bool)> = Vec::new();
        for (id, file) in self.files.iter().filter(|(_, file)| !file.rulings.is_empty()) {
            let Some(plan) = self.plans.get(file.case.incident.plan) else { continue };
            for ruling in &file.rulings {
                let Some(intervention) = plan.tables().intervention.get(&ruling.intervention) else { continue };
                let is_shown_by = |matchers: &[Matcher]| matchers.iter().any(|one| label::matches(one, finding));
                match ruling.state {
                    RulingState::Approved | RulingState::Done if is_shown_by(&intervention.done_by) => {
                        shown.push((*id, ruling.clone(), true));
                    }
                    state if state.is_in_effect() && is_shown_by(&intervention.undone_by) => {
                        shown.push((*id, ruling.clone(), false));
                    }
                    _ => {}
                }
            }
        }
        for (id, ruling, is_done) in shown {
            let said = quoted(&finding.claim.title);
            let why = format!("{} shows it: {said}{}", finding.detector, traces(finding));
            if !is_done {
                self.undone_elsewhere(id, &ruling, None, &why, turn);
            } else if ruling.state == RulingState::Done {
                // It is in effect by somebody's word already.
                let _ = self.confirm(id, None, ruling.number, &why, turn);
            } else {
                self.write(
                    id,
                    EntryKind::Fact,
                    None,
                    format!("{} (ruling {}): {why}", ruling.intervention, ruling.number),
                    turn,
                );
                let what =
                    finding.claim.transactions.first().map_or_else(|| finding.id.to_string(), ToString::to_string);
                self.took_effect(id, &ruling, None, &what, turn);
            }
        }
    }
}

/// By whom and in what it was done, as far as a finding says so; which finding it is, if it says neither.
fn traces(finding: &Finding) -> String {
    let by = actor_of(&finding.claim.attributes).map(|actor| format!(", by {}", tame(actor)));
    let of = match finding.claim.transactions.first() {
        Some(transaction) => format!(", in {transaction}"),
        None => format!(", finding {}", finding.id),
    };
    by.unwrap_or_default() + &of
}
