//! Signals, and what lies outside: dependencies, communications, risks, silences.

use super::check;

const DRAIN: &str = "match = [{ detector = \"outflow\" }, { detector = \"price\", min_severity = \"high\" }]";

#[test]
fn a_signal_leads_to_an_act() {
    check(
        &[("interventions = [\"freeze\"]", "interventions = []")],
        &["WF-E01 at `interventions = []`: signal.drift.interventions: nothing is done about it"],
    );
}

#[test]
fn somebody_is_paged_for_what_is_grave() {
    check(
        &[("severities = [\"high\", \"critical\"]", "severities = [\"high\"]")],
        &[
            "WF-E02 at `[signal.drain]`: signal.drain: nobody is paged for its incidents of severity `critical`",
            "WF-E02 at `[signal.drift]`: signal.drift: nobody is paged for its incidents of severity `critical`",
        ],
    );
    check(
        &[("severities = [\"high\", \"critical\"]", "severities = [\"critical\"]")],
        &["WF-E02 at `[signal.drift]`: signal.drift: nobody is paged for its incidents of severity `high`"],
    );
    check(
        &[
            ("severities = [\"high\", \"critical\"]", "severities = [\"critical\"]"),
            ("interventions = [\"freeze\"]", "interventions = [\"freeze\"]\nescalation = \"grave\""),
        ],
        &[],
    );
}

#[test]
fn something_is_faster_than_the_harm() {
    check(
        &[("time_to_harm_s = 60", "time_to_harm_s = 9")],
        &[
            "WF-E14 at `time_to_harm_s = 9`: signal.drain.time_to_harm_s: the harm comes after 9 s, and the fastest, `pause`, takes \
           10 s",
        ],
    );
    check(&[("time_to_harm_s = 60", "time_to_harm_s = 10")], &[]);
    // People decide first, and a power that is over is none.
    check(
        &[
            ("automation = \"presigned\"", "automation = \"propose\""),
            ("reaction_s = 10\n", "decision_s = 51\nreaction_s = 10\n"),
        ],
        &[
            "WF-E14 at `time_to_harm_s = 60`: signal.drain.time_to_harm_s: the harm comes after 1 min, and the fastest, `pause`, \
           takes 1 min 1 s",
        ],
    );
    check(
        &[
            ("limits = { uses = 1,", "limits = { not_after = 2026-11-01, uses = 1,"),
            ("interventions = [\"pause\", \"freeze\"]", "interventions = [\"pause\"]"),
        ],
        &[
            "WF-E18 at `limits = { not_after = 2026-11-01, uses = 1, max_duration_s = 86_400 }`: \
             intervention.pause.limits.not_after: the power ended on 2026-11-01",
            "WF-E14 at `time_to_harm_s = 60`: signal.drain.time_to_harm_s: the harm comes after 1 min, and each power against it \
             is over",
        ],
    );
}

#[test]
fn sources_are_counted_not_detectors() {
    check(
        &[(DRAIN, "match = [{ detector = \"outflow\" }, { detector = \"inflow\" }]")],
        &[
            "WF-E20 at `corroboration = { sources = 2 }`: signal.drain.corroboration.sources: 2 sources are needed, and `inflow` and \
           `outflow` are one",
        ],
    );
    check(
        &[
            (DRAIN, "match = [{ detector = \"outflow\" }, { detector = \"inflow\" }, { detector = \"price\" }]"),
            ("sources = 2", "sources = 3"),
        ],
        &[
            "WF-E20 at `corroboration = { sources = 3 }`: signal.drain.corroboration.sources: 3 sources are needed, and `inflow`, \
           `outflow` and `price` are 2",
        ],
    );
    // A matcher that names no detector may be met by any.
    check(&[(DRAIN, "match = [{ detector = \"outflow\" }, { kinds = [\"outflow\"] }]")], &[]);
}

#[test]
fn a_matcher_leaves_something_out() {
    for all in ["{}", "{ min_severity = \"info\", min_confidence_percent = 0, subject = {} }"] {
        let drift = format!("match = [{{ detector = \"price\" }}, {all}]\n");
        check(
            &[("match = [{ detector = \"price\" }]\n", &drift)],
            &[&format!("WF-E21 at `{}`: signal.drift.match.1: every finding matches", drift.trim())],
        );
    }
    for some in ["{ min_severity = \"low\" }", "{ labels = { chain = \"1\" } }", "{ min_confidence_percent = 1 }"] {
        check(&[("match = [{ detector = \"price\" }]\n", &format!("match = [{some}]\n"))], &[]);
    }
}

#[test]
fn a_signal_has_fired() {
    check(
        &[("fired_at = 2026-10-04\n", "")],
        &["WF-W09 at `[signal.drift]`: signal.drift: no replay of an attack made it fire"],
    );
    check(
        &[("fired_at = 2026-10-04", "fired_at = 2026-11-26")],
        &[
            "WF-W09 at `fired_at = 2026-11-26`: signal.drift.fired_at: it is said to have fired on 2026-11-26, which is still to come",
        ],
    );
}

#[test]
fn a_dependency_can_be_reached_and_done_without() {
    check(
        &[
            ("backup_contact = \"phone:+41 9\"\n", ""),
            ("coordination_s = 600\nmode = \"closed\"", "coordination_s = 600"),
        ],
        &["WF-W06 at `[dependency.oracle]`: dependency.oracle: it has no degraded mode and no backup contact"],
    );
    check(
        &[("contact = \"signal:oracle\"\nbackup_contact = \"phone:+41 9\"\nverified_at = 2026-11-08\n", "")],
        &["WF-W06 at `[dependency.oracle]`: dependency.oracle: it has no contact and no backup contact"],
    );
}

#[test]
fn the_first_word_is_written() {
    check(
        &[("template = \"{protocol}: {summary}. We look into it.\"\n", "")],
        &[
            "WF-E16 at `[communication.users]`: communication.users.template: it has no template for the first word to users",
        ],
    );
    check(
        &[("template = \"{protocol}: {summary}. We look into it.\"", "template = \" \"")],
        &["WF-E16 at `template = \" \"`: communication.users.template: it has no template for the first word to users"],
    );
    check(
        &[("severities = [\"critical\"]", "severities = [\"high\"]")],
        &["WF-E16 at `[protocol]`: protocol: no communication is for critical incidents"],
    );
    check(
        &[
            ("severities = [\"critical\"]", "severities = [\"high\"]"),
            ("[protocol]\nname = \"Pier\"\nkill_switch = \"guardian\"\nproof = { acts = [] }\n", ""),
            ("name = \"Chi\"\n", "name = \"Chi\"\nsigner = \"0x0000000000000000000000000000000000000c0c\"\n"),
            ("automation = \"presigned\"", "automation = \"propose\""),
            ("time_to_harm_s = 60", "time_to_harm_s = 600"),
        ],
        &[
            "WF-E16 at `# A small plan that is ready on 2026-11-25: each test changes one thing of it.`: : no communication is for \
           critical incidents",
        ],
    );
}

#[test]
fn words_have_two_ways_out() {
    check(
        &[("backup_channels = [\"discord:#status\"]\n", "backup_channels = [\"X:@pier-status\"]\n")],
        &["WF-W05 at `channels = [\"x:@pier\"]`: communication.users.channels: all of it is said on `x`"],
    );
    check(
        &[(
            "channels = [\"x:@pier\"]\nbackup_channels = [\"discord:#status\"]\n",
            "channels = [\"x:@pier\", \"mail:list\"]\n",
        )],
        &[],
    );
}

#[test]
fn somebody_answers_for_a_risk() {
    check(
        &[("owner = \"council\"\nstatus = \"accepted\"", "status = \"accepted\"")],
        &["WF-W07 at `[risk.oracle-bent]`: risk.oracle-bent: nobody has it"],
    );
    check(
        &[("accepted_until = 2027-01-31", "accepted_until = 2026-11-25")],
        &[
            "WF-W07 at `accepted_until = 2026-11-25`: risk.oracle-bent.accepted_until: it was accepted until 2026-11-25 only",
        ],
    );
    check(
        &[("accepted_until = 2027-01-31\n", "")],
        &["WF-W07 at `status = \"accepted\"`: risk.oracle-bent.status: it is accepted without an end"],
    );
    check(&[("owner = \"council\"\nstatus = \"accepted\"\naccepted_until = 2027-01-31", "status = \"closed\"")], &[]);
}

#[test]
fn what_is_quiet_ends() {
    check(
        &[("until = 2026-12-01", "until = 2026-11-25")],
        &["WF-W11 at `until = 2026-11-25`: silence.works.until: it ended on 2026-11-25"],
    );
    check(
        &[("until = 2026-12-31", "until = 2026-11-25T12:00:00Z")],
        &[
            "WF-W11 at `until = 2026-11-25T12:00:00Z`: inhibition.drain-explains.until: it ended on 2026-11-25T12:00:00Z",
        ],
    );
    check(&[("until = 2026-12-31", "until = 2026-11-25T12:00:01Z")], &[]);
}

#[test]
fn a_span_ends_within_a_year() {
    check(&[("summary = \"Prices drift\"\n", "summary = \"Prices drift\"\nkeep_for_s = 31_622_400\n")], &[]);
    check(
        &[("summary = \"Prices drift\"\n", "summary = \"Prices drift\"\nfor_s = 1_000_000_000_000\n")],
        &["WF-E26 at `for_s = 1_000_000_000_000`: signal.drift.for_s: 1000000000000 seconds are more than a year"],
    );
}

#[test]
fn a_runbook_is_a_link() {
    let with = |runbook: &str| format!("summary = \"Prices drift\"\nrunbook = \"{runbook}\"\n");
    check(&[("summary = \"Prices drift\"\n", &with("https://runbooks.example/drift#first"))], &[]);
    for odd in ["javascript:alert(1)", "not a url", "https://", "wiki/drift"] {
        let found = format!("WF-E27 at `runbook = \"{odd}\"`: signal.drift.runbook: `{odd}` is no link");
        check(&[("summary = \"Prices drift\"\n", &with(odd))], &[&found]);
    }
}
