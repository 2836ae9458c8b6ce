//! A drill's script: what its people are told in its course. What it finds is the drill's alone, and opens no other incident.

use alloy_primitives::B256;

use crate::chain::BlockRef;
use crate::desk::Desk;
use crate::desk::chronicle::Turn;
use crate::desk::file::Extent;
use crate::desk::marking::marked;
use crate::desk::refusal::{Refusal, Taken};
use crate::digest::Hasher;
use crate::due::Due;
use crate::finding::{Finding, Origin};
use crate::foreign::quoted;
use crate::incident::IncidentId;
use crate::staged::{PARTS_AT_MOST, Staged, StagedFinding};
use crate::timeline::EntryKind;
use crate::triage::{Growth, Taken as Weighed};

/// Milliseconds of a block that is made up.
const BLOCK_MS: u64 = 12_000;

impl Desk {
    /// Takes up a drill's script while the drill is opened: what it tells at once is part of the opening, and each other part is due
    /// at its time.
    pub(super) fn stage(&mut self, id: IncidentId, script: &[Staged], turn: &mut Turn) {
        let Some(file) = self.files.get_mut(&id) else { return };
        file.script = script.to_vec();
        for (number, part) in (0..).zip(script) {
            if part.after_s > 0 {
                self.set_due(id, Due::Script { number }, turn.in_s(part.after_s), turn);
                continue;
            }
            self.say_part(id, part, turn);
            if let Some(finding) = &part.finding {
                self.take_staged(id, number, finding, turn);
            }
        }
    }

    /// A part of a drill's script happens.
    pub(super) fn play(&mut self, id: IncidentId, number: u32, turn: &mut Turn) {
        let script = self.files.get(&id).map(|file| file.script.clone()).unwrap_or_default();
        let Some(part) = script.get(number as usize) else { return };
        self.say_part(id, part, turn);
        if let Some(finding) = &part.finding
            && let Some((finding, before, growth)) = self.take_staged(id, number, finding, turn)
        {
            self.after(id, before, growth, &finding, turn);
        }
        if let Some(name) = &part.retract {
            let is_it = |part: &Staged| part.finding.as_ref().is_some_and(|one| one.name.as_ref() == Some(name));
            let known = (0..number).zip(&script).rev().find(|(_, part)| is_it(part));
            if let Some((number, finding)) = known.and_then(|(number, part)| Some((number, part.finding.as_ref()?)))
                && let Some(finding) = self.staged_finding(id, number, finding, turn)
            {
                self.take_back(finding.id, "the drill's script takes it back", turn);
            }
        }
    }

    fn say_part(&mut self, id: IncidentId, part: &Staged, turn: &mut Turn) {
        if let Some(note) = &part.note {
            self.write(id, EntryKind::Note, None, marked(note), turn);
        }
    }

    /// Takes a finding of the script in. Returns it with how the drill stood before, and what it brought.
    fn take_staged(
        &mut self,
        id: IncidentId,
        number: u32,
        staged: &StagedFinding,
        turn: &mut Turn,
    ) -> Option<(Finding, Extent, Growth)> {
        let finding = self.staged_finding(id, number, staged, turn)?;
        let plan = self.plan_of(id)?;
        let voice = self.world.voice(&plan, &finding.detector);
        let file = self.files.get_mut(&id)?;
        let before = file.extent();
        let growth = match file.case.take(&finding, &voice) {
            Weighed::New { growth } | Weighed::Again { growth, .. } => growth,
            Weighed::Known => return None,
        };
        self.restate(id, turn);
        self.index.join(id, finding.id, finding.fingerprint);
        let claim = &finding.claim;
        let (detector, sure, said) = (&finding.detector, claim.confidence_percent, quoted(&claim.title));
        let text = marked(&format!("{detector} ({}, {sure} % sure): {said}", claim.severity));
        self.write(id, EntryKind::Finding, None, text, turn);
        Some((finding, before, growth))
    }

    /// Makes the finding of a part of the script. Whatever the moment, it has the same id.
    fn staged_finding(&self, id: IncidentId, number: u32, staged: &StagedFinding, turn: &Turn) -> Option<Finding> {
        let seal = self.files.get(&id)?.seal;
        let input = Hasher::new("staged").bytes(seal.as_slice()).number(u64::from(number)).finish();
        let origin = Origin {
            detector: &staged.detector,
            digest: B256::ZERO,
            input,
            block: staged.chain.map(|chain| BlockRef { chain, number: turn.now_ms / BLOCK_MS, hash: input }),
            time_ms: turn.now_ms,
            at_ms: turn.now_ms,
            assurance: None,
            finality: None,
        };
        Some(Finding::place(&origin, 0, staged.claim.clone()))
    }
}

/// Refuses a script that is longer than its drill, or of more parts than anybody could follow.
pub(super) fn refuse_unplayable(script: &[Staged], for_s: u64) -> Taken {
    if script.len() > PARTS_AT_MOST {
        let why = format!("the script has {} parts, and a drill has {PARTS_AT_MOST} at most", script.len());
        return Err(Refusal::Unfit(why));
    }
    match script.iter().map(|part| part.after_s).max() {
        Some(last_s) if last_s >= for_s => {
            let why = format!("the script goes on for {last_s} s, and the drill is over after {for_s} s");
            Err(Refusal::Unfit(why))
        }
        _ => Ok(()),
    }
}
