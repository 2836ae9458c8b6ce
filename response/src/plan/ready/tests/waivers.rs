//! What somebody has taken upon themselves.

use super::{NOW, check, edited, line, looked_at};

const EMPTY: (&str, &str) = ("interventions = [\"freeze\"]", "interventions = []");
const FOUND: &str = "WF-E01 at `interventions = []`: signal.drift.interventions: nothing is done about it";

fn waiver(check: &str, on: &str, until: &str) -> String {
    format!("[waiver.known]\ncheck = \"{check}\"\n{on}owner = \"council\"\nreason = \"only watched\"\nuntil = {until}")
}

#[test]
fn what_is_waived_is_listed_apart() {
    for on in ["on = \"signal.drift\"\n", ""] {
        let text = edited(&[EMPTY, ("", &waiver("WF-E01", on, "2027-02-28"))]);
        let looked = looked_at(&text, NOW);
        assert_eq!(looked.found, [], "{on}");
        let [waived] = &looked.waived[..] else { panic!("{looked:?}") };
        assert_eq!(line(&waived.found, &text), FOUND);
        let said = format!("{} {} {} {}", waived.waiver, waived.owner, waived.until, waived.reason);
        assert_eq!(said, "known council 2027-02-28 only watched");
    }
}

#[test]
fn a_waiver_is_for_its_entity_and_its_check() {
    let idle = |on: &str, message: &str| format!("WF-W13 at `on = \"{on}\"`: waiver.known.on: {message}");
    check(
        &[EMPTY, ("", &waiver("WF-E01", "on = \"signal.drain\"\n", "2027-02-28"))],
        &[FOUND, &idle("signal.drain", "nothing is found by WF-E01 on `signal.drain`")],
    );
    check(
        &[EMPTY, ("", &waiver("WF-E01", "on = \"signal.dirft\"\n", "2027-02-28"))],
        &[FOUND, &idle("signal.dirft", "nothing is called `signal.dirft`")],
    );
    check(
        &[EMPTY, ("", &waiver("WF-W09", "", "2027-02-28"))],
        &[FOUND, "WF-W13 at `check = \"WF-W09\"`: waiver.known.check: nothing is found by WF-W09"],
    );
}

#[test]
fn a_waiver_that_ended_does_not_count() {
    check(
        &[EMPTY, ("", &waiver("WF-E01", "", "2026-11-25"))],
        &[FOUND, "WF-W12 at `until = 2026-11-25`: waiver.known.until: it ended on 2026-11-25"],
    );
}

#[test]
fn a_waiver_of_no_check_is_told_what_was_meant() {
    let text = edited(&[EMPTY, ("", &waiver("wf-e1", "", "2027-02-28"))]);
    let found: Vec<String> = looked_at(&text, NOW).found.iter().map(ToString::to_string).collect();
    assert!(
        found[1].contains("error WF-E23: waiver.known.check: there is no check `wf-e1`; did you mean `WF-E"),
        "{found:?}"
    );
    check(
        &[("", &waiver("WF-W13", "", "2027-02-28"))],
        &["WF-E23 at `check = \"WF-W13\"`: waiver.known.check: WF-W13 is about waivers and can't be waived"],
    );
}

#[test]
fn what_keeps_a_plan_from_loading_is_never_waived() {
    let text = edited(&[
        ("interventions = [\"freeze\"]", "interventions = [\"x\"]"),
        ("", &waiver("WF-E01", "", "2027-02-28")),
    ]);
    let looked = looked_at(&text, NOW);
    assert_eq!((looked.found.len(), looked.waived.len()), (1, 0), "{looked:?}");
}
