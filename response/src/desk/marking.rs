//! Whatever leaves in a drill is marked, and nothing of it could be carried out.

use crate::effect::Effect;

/// What every message of a drill begins with.
const MARK: &str = "DRILL: ";

/// Marks a text as a drill's, once.
pub(super) fn marked(text: &str) -> String {
    if text.starts_with(MARK) { text.to_owned() } else { format!("{MARK}{text}") }
}

/// Makes of an effect what leaves in a drill: it says so, and has nothing by which it could be carried out.
pub(super) fn of_a_drill(mut effect: Effect) -> Effect {
    const NOTHING: &str = "send nothing to any chain";
    match &mut effect {
        Effect::Propose { text, terms, .. } => {
            if let Some(terms) = terms {
                terms.calls.clear();
            }
            *text = marked(&format!("{NOTHING}. {text}"));
        }
        Effect::CarryOut { text, terms, intervention, ruling, .. } => {
            terms.calls.clear();
            let next = &terms.next;
            *text =
                marked(&format!("{NOTHING}. {intervention} is decided (ruling {ruling}): say that it is done: {next}"));
        }
        Effect::Revert { text, .. } => *text = marked(&format!("{NOTHING}. {text}")),
        Effect::Notify { text, .. }
        | Effect::Page { text, .. }
        | Effect::Remind { text, .. }
        | Effect::Communicate { text, .. }
        | Effect::UpdateRisk { text, .. }
        | Effect::Withdraw { text, .. } => *text = marked(text),
    }
    effect
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_is_marked_once() {
        assert_eq!(marked(&marked("an exercise")), "DRILL: an exercise");
        let (incident, intervention) = (1, "pause".to_owned());
        let whom = vec!["ana".to_owned()];
        let effect = of_a_drill(Effect::Revert { incident, intervention, whom, text: "undo it".to_owned() });
        assert!(matches!(effect, Effect::Revert { text, .. } if text == "DRILL: send nothing to any chain. undo it"));
    }
}
