//! Interventions, authorities, and what they take from users.

use super::check;

#[test]
fn a_power_is_reached() {
    check(
        &[
            ("interventions = [\"pause\", \"freeze\"]", "interventions = [\"pause\"]"),
            ("interventions = [\"freeze\"]", "interventions = [\"pause\"]"),
        ],
        &["WF-E17 at `[intervention.freeze]`: intervention.freeze: no signal leads to it"],
    );
    check(&[("interventions = [\"pause\", \"freeze\"]", "interventions = [\"pause\"]")], &[]);
}

#[test]
fn automation_can_be_halted() {
    check(
        &[("kill_switch = \"guardian\"\n", "")],
        &[
            "WF-E11 at `automation = \"presigned\"`: intervention.pause.automation: it may be used without a person, and nobody is \
           named who can halt automation",
        ],
    );
    check(
        &[
            ("kill_switch = \"guardian\"\n", ""),
            ("automation = \"presigned\"", "automation = \"propose\""),
            ("time_to_harm_s = 60\n", "time_to_harm_s = 600\n"),
        ],
        &[],
    );
}

#[test]
fn automation_waits_for_no_words() {
    check(
        &[
            ("reaction_s = 10\n", "reaction_s = 10\nprerequisites = [\"the attack is real\"]\n"),
            ("time_to_harm_s = 60", "time_to_harm_s = 600"),
        ],
        &[
            "WF-E22 at `prerequisites = [\"the attack is real\"]`: intervention.pause.prerequisites: it waits for a person, since its \
           prerequisites are words",
        ],
    );
    check(&[("reaction_s = 200\n", "reaction_s = 200\nprerequisites = [\"the attack is real\"]\n")], &[]);
}

#[test]
fn powers_end() {
    let limits = |text: &'static str| [("limits = { max_duration_s = 86_400, quorum = 2", text)];
    check(
        &limits("limits = { not_after = 2026-11-25T12:00:00Z, max_duration_s = 86_400, quorum = 2"),
        &[
            "WF-E18 at `limits = { not_after = 2026-11-25T12:00:00Z, max_duration_s = 86_400, quorum = 2, excludes = [\"ana\"] }`: \
           intervention.freeze.limits.not_after: the power ended on 2026-11-25T12:00:00Z",
        ],
    );
    check(
        &limits("limits = { not_after = 2026-12-25, max_duration_s = 86_400, quorum = 2"),
        &[
            "WF-W10 at `limits = { not_after = 2026-12-25, max_duration_s = 86_400, quorum = 2, excludes = [\"ana\"] }`: \
           intervention.freeze.limits.not_after: the power ends in 30 days, on 2026-12-25",
        ],
    );
    check(&limits("limits = { not_after = 2026-12-26, max_duration_s = 86_400, quorum = 2"), &[]);
}

#[test]
fn powers_are_drilled() {
    check(
        &[("drilled_at = 2026-10-02\n", "")],
        &["WF-W08 at `[intervention.freeze]`: intervention.freeze.drilled_at: it was never drilled"],
    );
    check(
        &[("drilled_at = 2026-10-02", "drilled_at = 2026-05-29")],
        &[
            "WF-W08 at `drilled_at = 2026-05-29`: intervention.freeze.drilled_at: it was last drilled 180 days ago, on 2026-05-29",
        ],
    );
    check(&[("drilled_at = 2026-10-02", "drilled_at = 2026-05-30")], &[]);
    let over = "limits = { not_after = 2026-11-01, max_duration_s = 86_400, quorum = 2";
    check(
        &[
            ("drilled_at = 2026-10-02\n", ""),
            ("limits = { max_duration_s = 86_400, quorum = 2", over),
            (
                "interventions = [\"pause\", \"freeze\"]",
                "interventions = [\"pause\", \"freeze\"]\nescalation = \"grave\"",
            ),
        ],
        &[&format!(
            "WF-E18 at `{over}, excludes = [\"ana\"] }}`: intervention.freeze.limits.not_after: the power ended on 2026-11-01"
        )],
    );
}

#[test]
fn enough_owners_can_sign() {
    check(
        &[("threshold = 2", "threshold = 3")],
        &["WF-E19 at `threshold = 3`: authority.safe.threshold: 3 must sign, and 2 owners are declared"],
    );
    check(
        &[(
            "0000000000000000000a0a\", \"0x0000000000000000000000000000000000000b0b\"]",
            "0000000000000000000a0a\", \"0x0000000000000000000000000000000000000A0A\"]",
        )],
        &["WF-E19 at `threshold = 2`: authority.safe.threshold: 2 must sign, and one owner is declared"],
    );
}

#[test]
fn borrowers_may_repay_or_have_grace() {
    let blocked = ("blocks = [\"borrow\"]", "blocks = [\"borrow\", \"Repay\"]");
    check(
        &[blocked],
        &[
            "WF-E13 at `cost = { trust = 1, why = \"some wait\", blocks = [\"borrow\", \"Repay\"], inside_boundary = true }`: \
           intervention.freeze.cost.blocks.1: users can't repay, and have no time to when it is over",
        ],
    );
    check(&[blocked, ("grace_s = 0", "grace_s = 14_400")], &[]);
}

#[test]
fn whoever_can_not_leave_knows_what_they_can() {
    check(
        &[(", mode = \"closed\" }", " }")],
        &["WF-W01 at `cost = { trust = 3, why = \"users wait\", blocks = [\"exit\"], inside_boundary = true }`: \
           intervention.pause.cost.blocks.0: users can't leave, and what they still can do is not said"],
    );
    check(&[(", mode = \"closed\" }", " }"), ("blocks = [\"exit\"]", "blocks = [\"deposit\"]")], &[]);
}

#[test]
fn users_were_told() {
    check(
        &[("inside_boundary = true }\nreversal", "inside_boundary = false }\nreversal")],
        &["WF-W02 at `cost = { trust = 1, why = \"some wait\", blocks = [\"borrow\"], inside_boundary = false }`: \
           intervention.freeze.cost.inside_boundary: users were not told that this may be done to them"],
    );
}

#[test]
fn what_is_promised_to_end_can_be_ended() {
    check(
        &[("latency_s = 3_600 }", "latency_s = 86_401 }")],
        &[
            "WF-E12 at `limits = { uses = 1, max_duration_s = 86_400 }`: intervention.pause.limits.max_duration_s: it may last 1 d \
           and takes 1 d to undo",
        ],
    );
    check(&[("latency_s = 3_600 }", "latency_s = 86_400 }")], &[]);
    check(&[("latency_s = 3_600 }", "latency_s = 86_401, expires_s = 86_400 }")], &[]);
}

#[test]
fn two_are_not_one() {
    let quorum = "limits = { max_duration_s = 86_400, quorum = 2, excludes = [\"ana\"] }";
    let three = ("quorum = 2", "quorum = 3");
    check(
        &[three],
        &["WF-E10 at `limits = { max_duration_s = 86_400, quorum = 3, excludes = [\"ana\"] }`: \
           intervention.freeze.limits.quorum: 3 must agree, and `council` has 2 people"],
    );
    let same_phone = ("urgent = [\"phone:+234 3\"]", "urgent = [\"signal:chi\", \"Phone:+462\"]");
    check(
        &[same_phone],
        &[
            "WF-W18 at `channels = { urgent = [\"signal:chi\", \"Phone:+462\"] }`: person.chi.channels: `bo` is reached there too: \
             phone:462",
            "WF-W03 at `owner = \"council\"`: intervention.freeze.owner: `bo` alone decides on it and alone carries it out",
            &format!(
                "WF-E10 at `{quorum}`: intervention.freeze.limits.quorum: 2 must agree, and `council` has one person, `bo` and \
                 `chi` being one human"
            ),
        ],
    );
    let bo_again = "[person.bo-again]\nname = \"B.\"\nsigner = \"0x0000000000000000000000000000000000000B0B\"\n\
                    channels = { urgent = [\"phone:+46 7\"] }\nverified_at = 2026-11-02";
    check(
        &[("", bo_again), ("members = [\"bo\", \"chi\"]", "members = [\"bo\", \"chi\", \"bo-again\"]")],
        &[&format!(
            "WF-E10 at `{quorum}`: intervention.freeze.limits.quorum: `bo` and `bo-again` are one human, who would count twice among \
             the 2 who must agree"
        )],
    );
    // The same two ids hurt nobody where one decides.
    check(&[("", bo_again), ("backups = [\"chi\"]", "backups = [\"chi\", \"bo-again\"]")], &[]);
}

#[test]
fn a_second_person_is_another_one() {
    let rule = (
        "limits = { uses = 1, max_duration_s = 86_400 }",
        "limits = { two_person = true, uses = 1, max_duration_s = 86_400 }",
    );
    let at = "WF-E10 at `limits = { two_person = true, uses = 1, max_duration_s = 86_400 }`: intervention.pause.limits.two_person";
    check(&[rule], &[]);
    check(
        &[rule, ("urgent = [\"phone:+46 2\"]", "urgent = [\"phone:+351 1\"]")],
        &[
            "WF-W18 at `channels = { urgent = [\"phone:+351 1\"] }`: person.bo.channels: `ana` is reached there too: phone:3511",
            &format!("{at}: `ana` and `bo` are one human, who could decide as one and carry it out as the other"),
        ],
    );
    check(
        &[
            rule,
            ("members = [\"ana\", \"bo\"]\nbackups = [\"chi\"]\n", "members = [\"ana\"]\n"),
            ("people = [\"ana\", \"bo\"]", "people = [\"ana\"]"),
        ],
        &[
            "WF-E04 at `members = [\"ana\"]`: role.guardian.members: it decides on `pause`, and `ana` is its only person",
            "WF-W03 at `owner = \"guardian\"`: intervention.pause.owner: `ana` alone decides on it and alone carries it out",
            &format!("{at}: `ana` is the only human who may decide on it or carry it out"),
        ],
    );
}

#[test]
fn exclusions_leave_enough() {
    check(
        &[("excludes = [\"ana\"]", "excludes = [\"ana\", \"chi\"]")],
        &["WF-E15 at `limits = { max_duration_s = 86_400, quorum = 2, excludes = [\"ana\", \"chi\"] }`: \
           intervention.freeze.limits.excludes: one person of `council` may decide once the excluded are gone, and it takes 2"],
    );
    check(
        &[("quorum = 2, excludes = [\"ana\"]", "excludes = [\"guardian\"]")],
        &[
            "WF-E15 at `limits = { max_duration_s = 86_400, excludes = [\"guardian\"] }`: intervention.freeze.limits.excludes: nobody of \
           `council` may decide once the excluded are gone, and it takes 1",
        ],
    );
    check(&[("quorum = 2, excludes = [\"ana\"]", "excludes = [\"chi\"]")], &[]);
    let two = "limits = { max_duration_s = 86_400, two_person = true, excludes = [\"bo\"] }";
    check(
        &[
            ("limits = { max_duration_s = 86_400, quorum = 2, excludes = [\"ana\"] }", two),
            ("role = \"council\"", "role = \"hands\""),
            ("", "[role.hands]\nkind = \"signer-herder\"\nmembers = [\"chi\"]\nverified_at = 2026-11-01"),
        ],
        &[&format!(
            "WF-E15 at `{two}`: intervention.freeze.limits.excludes: whoever may decide once the excluded are gone is the only one who \
             may carry it out"
        )],
    );
}

#[test]
fn somebody_else_approves() {
    // Two ids are not two people.
    check(
        &[("urgent = [\"phone:+234 3\"]", "urgent = [\"phone:+46 2\"]"), ("quorum = 2, ", "")],
        &[
            "WF-W18 at `channels = { urgent = [\"phone:+46 2\"] }`: person.chi.channels: `bo` is reached there too: phone:462",
            "WF-W03 at `owner = \"council\"`: intervention.freeze.owner: `bo` alone decides on it and alone carries it out",
        ],
    );
    let speaker = "[role.speaker]\nkind = \"communications\"\nmembers = [\"ana\"]\nverified_at = 2026-11-01";
    check(
        &[
            ("", speaker),
            ("owner = \"council\"\napprover = \"guardian\"", "owner = \"speaker\"\napprover = \"speaker\""),
        ],
        &[
            "WF-W03 at `approver = \"speaker\"`: communication.users.approver: `ana` alone writes it and alone agrees to it",
        ],
    );
    check(
        &[
            ("", speaker),
            ("owner = \"council\"\napprover = \"guardian\"", "owner = \"speaker\"\napprover = \"guardian\""),
        ],
        &[],
    );
}

#[test]
fn calls_can_be_made() {
    let with = |call: &str, expected: &[&str]| {
        let calls = format!("summary = \"Stop the vault\"\ncalls = [{call}]\n");
        check(&[("summary = \"Stop the vault\"\n", &calls)], expected);
    };
    let target = "target = \"0x00000000000000000000000000000000000000aa\"";
    with(&format!("{{ {target}, function = \"pause()\" }}"), &[]);
    let call = format!("{{ {target}, function = \"pause(uint257)\", args = [\"1\"] }}");
    let found =
        format!("WF-E25 at `calls = [{call}]`: intervention.pause.calls: call 1: Solidity has no type `uint257`");
    with(&call, &[&found]);
}
