//! A second human: an act that lowers or ends what stands waits for one where a permitted intervention would fall with it.

use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::file::{File, Motion};
use crate::desk::judge::{Scales, judge};
use crate::desk::refusal::{Refusal, Taken};
use crate::desk::words::list;
use crate::effect::Effect;
use crate::incident::IncidentId;
use crate::operator::Deed;
use crate::plan::Plan;
use crate::plan::moment::span;
use crate::timeline::EntryKind;

/// A second human has so long to agree, in seconds.
const WAITS_S: u64 = 3_600;

impl Desk {
    /// Whether an act has to wait for a second human, who is asked then. It does not where nothing falls with it, where one
    /// has agreed, or where the plan has nobody else: then the timeline says so.
    pub(super) fn waits_for_second(
        &mut self,
        id: IncidentId,
        by: &str,
        deed: Deed,
        falls: &[String],
        turn: &mut Turn,
    ) -> Result<bool, Refusal> {
        if falls.is_empty() || turn.is_seconded {
            return Ok(false);
        }
        let plan = self.plan_for(id)?;
        let others = plan.running(&self.file(id)?.signals()).into_iter().filter(|other| !plan.same_human(other, by));
        let others: Vec<String> = others.map(str::to_owned).collect();
        let (what, fall) = (deed.name(), list(falls.iter().cloned()));
        if others.is_empty() {
            let text = format!("{what}: {fall} falls with it, and the plan has no second human to ask");
            self.write(id, EntryKind::Asked, Some(by), text, turn);
            return Ok(false);
        }
        let file = self.file_mut(id)?;
        file.motions.retain(|motion| motion.until_ms > turn.now_ms);
        if let Some(motion) = file.motions.iter().find(|motion| motion.deed == deed) {
            let (number, who) = (motion.number, plan.name(&motion.by));
            let why = format!("{who} has asked for that already: agree by `watchfire incident second {id} {number}`");
            return Err(Refusal::Unfit(why));
        }
        file.moved += 1;
        let number = file.moved;
        let until_ms = turn.in_s(WAITS_S);
        let (by, account) = (by.to_owned(), turn.account.clone());
        file.motions.push(Motion { number, by: by.clone(), account, deed, until_ms });
        let text = format!(
            "{what}: {fall} falls with it, so a second human must agree within {}: watchfire incident second {id} {number}",
            span(WAITS_S)
        );
        self.write(id, EntryKind::Asked, Some(&by), text.clone(), turn);
        let text = format!("{} asks for {text}", plan.name(&by));
        self.order(id, Effect::Remind { incident: id, whom: others, text }, turn);
        Ok(true)
    }

    /// A second human agrees, and what was asked for is done.
    pub(super) fn second(&mut self, id: IncidentId, by: &str, number: u32, turn: &mut Turn) -> Taken {
        let plan = self.plan_for(id)?;
        let file = self.file(id)?;
        let motion = file.motions.iter().find(|motion| motion.number == number && motion.until_ms > turn.now_ms);
        let Some(motion) = motion.cloned() else {
            let waiting = list(file.motions.iter().map(|one| one.number.to_string()));
            let waiting = if waiting.is_empty() { "nothing waits".to_owned() } else { format!("waiting: {waiting}") };
            return Err(Refusal::Unfit(format!("nothing of number {number} waits for a second human; {waiting}")));
        };
        if plan.same_human(&motion.by, by) {
            let why = format!("{} asked for it, and one human counts once", plan.name(&motion.by));
            return Err(Refusal::Unfit(why));
        }
        if plan.tables().protocol.distinct_accounts && motion.account == turn.account {
            return Err(Refusal::Unfit(format!("it was asked for by the same account ({})", turn.account)));
        }
        self.refuse_unless_theirs(id, &motion.by, &motion.deed, &plan)?;
        if let Some(file) = self.files.get_mut(&id) {
            file.motions.retain(|other| other.number != number);
        }
        let text = format!("agreed to {} of {}", motion.deed.name(), plan.name(&motion.by));
        self.write(id, EntryKind::Approved, Some(by), text, turn);
        turn.is_seconded = true;
        let taken = self.on_incident(id, &motion.by, &motion.deed, turn);
        turn.is_seconded = false;
        taken
    }

    /// Interventions that wait to be agreed to or carried out, and would be taken back if the incident ended.
    pub(super) fn fall_with_the_end(&self, id: IncidentId) -> Vec<String> {
        let rulings = self.files.get(&id).into_iter().flat_map(|file| &file.rulings);
        rulings.filter(|one| one.state.is_open()).map(|one| one.intervention.clone()).collect()
    }

    /// Those of them that would be taken back if the incident were as `changed`, under `plan`.
    pub(super) fn fall_under(&self, changed: &File, plan: &Plan, now_ms: u64) -> Vec<String> {
        let id = changed.incident().id;
        let open = self.fall_with_the_end(id);
        let Some(signal) = plan.tables().signal.get(&changed.incident().signal) else { return open };
        let now = self.scales(plan, signal, changed, now_ms);
        let verdicts = judge(&Scales { file: changed, ..now });
        let stands = |name: &String| verdicts.iter().any(|verdict| verdict.id == name && verdict.stands(changed));
        open.into_iter().filter(|name| !stands(name)).collect()
    }
}
