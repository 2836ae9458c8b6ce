//! What went well, what went badly and where it was luck: what people wrote down, and what follows from the record itself.

use super::Record;
use crate::decision::Answer;
use crate::effect::Effect;
use crate::plan::DO_NOTHING;
use crate::plan::moment::span;
use crate::timeline::EntryKind;

/// Less left than this before the projected harm is luck, in percent of what there was.
const NARROW_PERCENT: u64 = 20;

/// Less than this is not late, milliseconds.
const NOTICED_MS: u64 = 1_000;

/// Sentences for the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reflection {
    pub well: Vec<String>,
    pub badly: Vec<String>,
    pub lucky: Vec<String>,
}

pub(super) fn reflect(record: &Record) -> Reflection {
    let mut seen = Reflection::default();
    noted(record, &mut seen);
    by_the_timeline(record, &mut seen);
    decided(record, &mut seen);
    seen
}

fn noted(record: &Record, seen: &mut Reflection) {
    for entry in &record.timeline {
        let of = match entry.kind {
            EntryKind::Well => &mut seen.well,
            EntryKind::Badly => &mut seen.badly,
            EntryKind::Lucky => &mut seen.lucky,
            _ => continue,
        };
        let by = entry.by.as_ref().map(|by| format!(" ({})", record.name(by))).unwrap_or_default();
        of.push(format!("{}{by}", entry.text));
    }
}

fn by_the_timeline(record: &Record, seen: &mut Reflection) {
    let count = |kind: EntryKind| record.timeline.iter().filter(|entry| entry.kind == kind).count();
    let mut audit = record.audit();
    // A tick of the clock is no delay that anybody would notice.
    audit.late.retain(|(_, late_ms)| *late_ms >= NOTICED_MS);
    if audit.late.is_empty() && audit.missed.is_empty() && audit.odd.is_empty() {
        seen.well.push("Every deadline fired at its time, by a count that knows nothing of the desk.".to_owned());
    }
    for (clock, late_ms) in &audit.late {
        seen.badly.push(format!("{} fired {} late.", clock.due, span(late_ms / 1_000)));
    }
    for clock in audit.missed.iter().chain(&audit.odd) {
        seen.badly.push(format!("{} was due and did not fire.", clock.due));
    }
    let (unanswered, unreached, overdue) =
        (count(EntryKind::Unanswered), count(EntryKind::Unreached), count(EntryKind::Overdue));
    match (unanswered, count(EntryKind::Acked)) {
        (0, 1..) => seen.well.push("Whoever was paged first answered.".to_owned()),
        (0, 0) => {}
        (1, _) => seen.badly.push("A step of the escalation passed without an answer.".to_owned()),
        (steps, _) => seen.badly.push(format!("{steps} steps of the escalation passed without an answer.")),
    }
    if unreached > 0 {
        seen.badly.push(format!("{unreached} times nobody could be reached, or a page did not arrive."));
    }
    if overdue > 0 {
        seen.badly.push(format!("{overdue} times a word to an audience was overdue."));
    }
    // Who writes something down steers nothing: a mistake there is one of typing.
    let steering = record.refused.iter().filter(|one| !["action", "note"].contains(&one.act.as_str()));
    match steering.count() {
        0 => {}
        1 => seen.badly.push("An act was refused: somebody expected to be able to do it.".to_owned()),
        acts => seen.badly.push(format!("{acts} acts were refused: somebody expected to be able to do them.")),
    }
    let channels: Vec<&str> = record
        .orders
        .iter()
        .filter_map(|one| match &one.effect {
            Effect::Page { channel, .. } => Some(channel.split(':').next().unwrap_or(channel)),
            _ => None,
        })
        .collect();
    if let Some(only) = channels.first().filter(|first| channels.len() > 1 && channels.iter().all(|one| one == *first))
    {
        seen.lucky.push(format!("Every page went by {only}: had it been down, nobody would have been woken that way."));
    }
}

fn decided(record: &Record, seen: &mut Reflection) {
    let Some(first) = record.decisions.first() else { return };
    let options: Vec<_> = first.choices.iter().filter(|choice| choice.intervention != DO_NOTHING).collect();
    let open: Vec<_> = options.iter().filter(|choice| !matches!(choice.answer, Answer::Denied { .. })).collect();
    match open.as_slice() {
        [] if !options.is_empty() => seen.badly.push("At the start every intervention was denied.".to_owned()),
        [only] if options.len() > 1 => {
            let text = format!("At the start there was one thing that could be done: {}.", only.intervention);
            seen.lucky.push(text);
        }
        _ => {}
    }
    if record.decisions.iter().any(|decision| decision.in_time.contains("nothing can act before it")) {
        seen.badly.push("At some time nothing could act before the projected harm.".to_owned());
    }
    for ruling in record.rulings() {
        let way = record.decisions.iter().find_map(|decision| {
            decision.choices.iter().find(|choice| choice.intervention == ruling.intervention).map(|choice| &choice.way)
        });
        let Some(way) = way else { continue };
        if ruling.by.is_some() && way.decides.len() == 1 {
            let text = format!("Only {} could decide on {}.", way.decides[0], ruling.intervention);
            seen.lucky.push(text);
        }
        if ruling.approvals.len() as u32 == ruling.quorum
            && ruling.quorum > 1
            && way.decides.len() as u32 == ruling.quorum
        {
            seen.lucky.push(format!("Everybody who could agree to {} was needed, and was there.", ruling.intervention));
        }
    }
    narrow(record, seen);
}

/// The effect came shortly before the projected harm.
fn narrow(record: &Record, seen: &mut Reflection) {
    let signal = record.plan.as_ref().and_then(|plan| plan.tables().signal.get(&record.incident.signal));
    let Some(harm_s) = signal.and_then(|signal| signal.time_to_harm_s) else { return };
    let done =
        record.decisions.iter().flat_map(|decision| &decision.rulings).filter_map(|ruling| ruling.done_at_ms).min();
    let Some(took_s) = done.map(|done_ms| done_ms.saturating_sub(record.incident.opened_at_ms) / 1_000) else { return };
    match harm_s.checked_sub(took_s) {
        None => seen.badly.push(format!(
            "The first effect came {} after the opening; harm was projected after {}.",
            span(took_s),
            span(harm_s)
        )),
        Some(left_s) if left_s * 100 <= harm_s * NARROW_PERCENT => {
            seen.lucky.push(format!("The first effect came {} before the projected harm.", span(left_s)));
        }
        Some(left_s) => {
            let text = format!("The first effect came {} before the projected harm", span(left_s));
            match record.incident.loss.is_empty() {
                true => seen.well.push(format!("{text}.")),
                false => seen.badly.push(format!("{text}, and something was lost or moved all the same.")),
            }
        }
    }
}
