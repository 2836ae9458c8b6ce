//! People, roles, schedules, escalations.

use super::{check, check_at};

const ROLE: &str = "kind = \"decision-owner\"\nmembers = [\"bo\", \"chi\"]";

#[test]
fn somebody_must_be_wakeable() {
    check(
        &[("urgent = [\"phone:+234 3\"]", "normal = [\"email:chi\"]")],
        &["WF-E08 at `channels = { normal = [\"email:chi\"] }`: person.chi.channels: nothing wakes Chi"],
    );
    check(
        &[("channels = { urgent = [\"phone:+234 3\"] }\n", "")],
        &["WF-E08 at `[person.chi]`: person.chi.channels: nothing wakes Chi"],
    );
}

#[test]
fn what_was_verified_ages() {
    let never = "WF-W04 at `[person.chi]`: person.chi.verified_at: it was never verified";
    check(&[("verified_at = 2026-11-03\n", "")], &[never]);
    check(
        &[("verified_at = 2026-11-03", "verified_at = 2026-08-27")],
        &[
            "WF-W04 at `verified_at = 2026-08-27`: person.chi.verified_at: it was last verified 90 days ago, on 2026-08-27",
        ],
    );
    check(&[("verified_at = 2026-11-03", "verified_at = 2026-08-28")], &[]);
    check(
        &[("verified_at = 2026-11-03", "verified_at = 2027-11-03")],
        &[
            "WF-W04 at `verified_at = 2027-11-03`: person.chi.verified_at: it is said to be verified on 2027-11-03, which is \
           still to come",
        ],
    );
    check(
        &[("verified_at = 2026-11-05", "verified_at = 2026-01-05")],
        &[
            "WF-W04 at `verified_at = 2026-01-05`: role.council.verified_at: it was last verified 324 days ago, on 2026-01-05",
        ],
    );
    check(
        &[("verified_at = 2026-11-08\n", "")],
        &["WF-W04 at `[dependency.oracle]`: dependency.oracle.verified_at: it was never verified"],
    );
    check(
        &[("verified_at = 2026-11-06\n", "")],
        &["WF-W04 at `[authority.keeper]`: authority.keeper.verified_at: it was never verified"],
    );
    check(
        &[
            (
                "kind = \"guardian\"\nchain = 1\naddress = \"0x0000000000000000000000000000000000000001\"",
                "kind = \"off-chain\"",
            ),
            ("verified_at = 2026-11-06\n", ""),
        ],
        &[],
    );
}

#[test]
fn an_owner_is_more_than_one_person() {
    check(
        &[
            ("members = [\"ana\", \"bo\"]\nbackups = [\"chi\"]\n", "members = [\"ana\"]\n"),
            ("people = [\"ana\", \"bo\"]", "people = [\"ana\"]"),
        ],
        &[
            "WF-E04 at `members = [\"ana\"]`: role.guardian.members: it decides on `pause`, and `ana` is its only person",
            "WF-W03 at `owner = \"guardian\"`: intervention.pause.owner: `ana` alone decides on it and alone carries it out",
        ],
    );
    check(&[("backups = [\"chi\"]\n", "")], &[]);
    // Who owns nothing may be alone.
    check(&[("", "[role.scribe]\nkind = \"scribe\"\nmembers = [\"ana\"]\nverified_at = 2026-11-01")], &[]);
}

#[test]
fn whoever_is_woken_may_decide() {
    let schedule = "role.council.schedule: its schedule puts `ana` on call, who may not decide on `freeze`";
    check(
        &[(ROLE, &format!("{ROLE}\nschedule = \"weeks\""))],
        &[&format!("WF-E03 at `schedule = \"weeks\"`: {schedule}")],
    );
    check(
        &[(
            "starts = 2026-01-05, handover = \"09:00\" }]",
            "starts = 2026-01-05, handover = \"09:00\" }]\n\
           overrides = [{ from = 2026-12-01, until = 2026-12-02, person = \"chi\" }]",
        )],
        &[],
    );
}

#[test]
fn a_rota_has_no_gap() {
    let layers = "layers = [{ people = [\"ana\", \"bo\"], starts = 2026-01-05, handover = \"09:00\" }]";
    let weekdays = "layers = [{ people = [\"ana\", \"bo\"], starts = 2026-01-05, handover = \"09:00\", weekdays = [\"mon\", \"tue\", \
                    \"wed\", \"thu\", \"fri\"] }]";
    check(
        &[(layers, weekdays)],
        &[&format!(
            "WF-E05 at `{weekdays}`: schedule.weeks.layers: nobody is on call from Sat 2026-11-28 09:00 to Mon 2026-11-30 09:00, \
             from Sat 2026-12-05 09:00 to Mon 2026-12-07 09:00, from Sat 2026-12-12 09:00 to Mon 2026-12-14 09:00, and 10 more \
             times within 90 days (Europe/Lisbon)"
        )],
    );
    let second = "[{ people = [\"ana\"], starts = 2026-01-05, handover = \"09:00\", from = \"09:00\", until = \"17:00\" }, \
                  { people = [\"bo\"], starts = 2026-01-05, handover = \"09:00\" }]";
    check(&[(layers, &format!("layers = {second}"))], &[]);
    let vacant = "overrides = [{ from = 2026-12-24T18:00:00Z, until = 2026-12-26 }]";
    check(
        &[(layers, &format!("{layers}\n{vacant}"))],
        &[&format!(
            "WF-E05 at `{vacant}`: schedule.weeks.overrides.0: nobody is on call from Thu 2026-12-24 18:00 to Sat 2026-12-26 00:00 \
             (Europe/Lisbon)"
        )],
    );
    // Beyond 90 days nobody looks yet.
    check(&[(layers, &format!("{layers}\noverrides = [{{ from = 2027-02-24, until = 2027-02-25 }}]"))], &[]);
    let late = "layers = [{ people = [\"ana\"], starts = 2027-01-05, handover = \"09:00\" }]";
    check(
        &[(layers, late)],
        &[&format!(
            "WF-E05 at `{late}`: schedule.weeks.layers: nobody is on call from Wed 2026-11-25 12:00 to Tue 2027-01-05 09:00 \
             (Europe/Lisbon)"
        )],
    );
    let ended = "overrides = [{ from = 2026-11-26, until = 2028-01-01 }]";
    check(
        &[(layers, &format!("{layers}\n{ended}"))],
        &[&format!(
            "WF-E05 at `{ended}`: schedule.weeks.overrides.0: nobody is on call from Thu 2026-11-26 00:00 on (Europe/Lisbon)"
        )],
    );
}

#[test]
fn paging_ends_with_somebody() {
    check(
        &[("last_resort = [\"ana\", \"chi\"]\n", "")],
        &["WF-E06 at `[escalation.grave]`: escalation.grave: nobody is paged once it is exhausted"],
    );
    check(
        &[
            ("last_resort = [\"ana\", \"chi\"]\n", "then = \"all\"\n"),
            ("", "[escalation.all]\nsteps = [{ who = [\"chi\"], ack_within_s = 10 }]\nlast_resort = [\"bo\"]"),
        ],
        &[],
    );
}

#[test]
fn a_step_wakes_somebody() {
    let asleep = ("channels = { urgent = [\"phone:+234 3\"] }", "channels = { normal = [\"email:chi\"] }");
    let of_chi = "WF-E08 at `channels = { normal = [\"email:chi\"] }`: person.chi.channels: nothing wakes Chi";
    check(
        &[asleep, ("{ who = [\"council\"], ack_within_s = 200 }", "{ who = [\"chi\"], ack_within_s = 200 }")],
        &[
            of_chi,
            "WF-E09 at `steps = [{ who = [\"guardian\"], ack_within_s = 100 }, { who = [\"chi\"], ack_within_s = 200 }]`: \
             escalation.grave.steps.1: nothing wakes `chi`",
        ],
    );
    check(
        &[asleep, ("last_resort = [\"ana\", \"chi\"]", "last_resort = [\"chi\"]")],
        &[of_chi, "WF-E09 at `last_resort = [\"chi\"]`: escalation.grave.last_resort: nothing wakes `chi`"],
    );
    // One of a step is enough.
    check(&[asleep], &[of_chi]);
}

#[test]
fn paging_leaves_time_to_act() {
    // Freezing takes 100 s to decide, 200 s to react, 300 s to sign.
    let slower = ("{ who = [\"council\"], ack_within_s = 200 }", "{ who = [\"council\"], ack_within_s = 501 }");
    let steps = "steps = [{ who = [\"guardian\"], ack_within_s = 100 }, { who = [\"council\"], ack_within_s = 501 }]";
    check(
        &[slower],
        &[&format!(
            "WF-E07 at `{steps}`: escalation.grave.steps: paging may take 10 min 1 s, longer than the 10 min that `freeze` takes \
             for `drift`"
        )],
    );
    check(&[("ack_within_s = 200", "ack_within_s = 500")], &[]);
    // The harm of 60 s is for automation, which waits for nobody; without it people must fit.
    check(&[("time_to_harm_s = 60", "time_to_harm_s = 900")], &[]);
    let by_hand = ("automation = \"presigned\"", "automation = \"propose\"");
    check(
        &[
            by_hand,
            ("time_to_harm_s = 60", "time_to_harm_s = 310"),
            ("drift]\nsummary", "drift]\nseverity = \"high\"\nsummary"),
        ],
        &[],
    );
    let steps = "steps = [{ who = [\"guardian\"], ack_within_s = 100 }, { who = [\"council\"], ack_within_s = 200 }]";
    check(
        &[by_hand, ("time_to_harm_s = 60", "time_to_harm_s = 309")],
        &[&format!(
            "WF-E07 at `{steps}`: escalation.grave.steps: paging may take 5 min, and `pause` then 10 s, but the harm of `drain` \
             comes after 5 min 9 s"
        )],
    );
    // What goes on in another escalation counts, and repeats before it.
    check(
        &[
            ("last_resort = [\"ana\", \"chi\"]\n", "repeat = 1\nthen = \"all\"\n"),
            ("", "[escalation.all]\nsteps = [{ who = [\"chi\"], ack_within_s = 60 }]\nlast_resort = [\"bo\"]"),
        ],
        &[&format!(
            "WF-E07 at `{steps}`: escalation.grave.steps: paging may take 11 min, longer than the 10 min that `freeze` takes \
             for `drift`"
        )],
    );
}

#[test]
fn another_day_finds_other_things() {
    let at = |text: &str, key: &str, days: u32, on: &str| {
        format!("WF-W04 at `{text}`: {key}.verified_at: it was last verified {days} days ago, on {on}")
    };
    let stale = at("verified_at = 2026-11-01", "person.ana", 90, "2026-11-01");
    check_at(
        "2027-01-30T12:00:00Z",
        &[("until = 2026-12-01", "until = 2027-12-01"), ("until = 2026-12-31", "until = 2027-12-31")],
        &[&stale],
    );
}

#[test]
fn whoever_takes_turns_has_some() {
    let layers = "layers = [{ people = [\"ana\", \"bo\"], starts = 2026-01-05, handover = \"09:00\" }]";
    let covered = "layers = [{ people = [\"ana\"], starts = 2026-01-05, handover = \"09:00\" }, { people = [\"bo\", \"ana\"], starts \
                   = 2026-01-05, handover = \"09:00\" }]";
    check(
        &[(layers, covered)],
        &[&format!(
            "WF-W14 at `{covered}`: schedule.weeks.layers.1.people: `bo` and `ana` are never on call in this layer"
        )],
    );
    let mondays = "layers = [{ people = [\"ana\", \"ana\", \"bo\", \"ana\", \"ana\", \"ana\", \"ana\"], starts = 2026-01-05, handover = \
                   \"09:00\", every_days = 1, weekdays = [\"mon\"] }, { people = [\"ana\", \"bo\"], starts = 2026-01-05, handover = \
                   \"09:00\" }]";
    check(
        &[(layers, mondays)],
        &[&format!("WF-W14 at `{mondays}`: schedule.weeks.layers.0.people: `bo` is never on call in this layer")],
    );
}

#[test]
fn whoever_decides_on_what_costs_trust_has_something_to_sign_with() {
    let policy = "proof = { acts = [] }\n";
    let of_chi =
        |code: &str, what: &str| format!("{code} at `[person.chi]`: person.chi: what `chi` decides on `pause` {what}");
    let unproved = of_chi("WF-W17", "counts without a proof, as no signer is named");
    check(&[(policy, "")], &[&unproved]);
    check(&[(policy, "proof = { without_signer = \"recorded\" }\n")], &[&unproved]);
    check(&[(policy, "proof = {}\n")], &[&of_chi("WF-E24", "must be signed, and no signer is named")]);
    check(&[(policy, "proof = { min_trust = 4 }\n")], &[]);
    check(
        &[
            (policy, ""),
            ("name = \"Chi\"\n", "name = \"Chi\"\nsigner = \"0x0000000000000000000000000000000000000c0c\"\n"),
        ],
        &[],
    );
    // A plan in which nobody signs is told of all who decide.
    let bare = [
        (policy, ""),
        ("signer = \"0x0000000000000000000000000000000000000a0a\"\n", ""),
        ("signer = \"0x0000000000000000000000000000000000000b0b\"\n", ""),
    ];
    let all = ["ana", "bo", "chi"].map(|id| unproved.replace("chi", id));
    check(&bare, &all.each_ref().map(String::as_str));
}

#[test]
fn two_people_at_one_number_are_named() {
    let chi = "channels = { urgent = [\"phone:+234 3\"] }";
    let ana = "urgent = [\"phone:+351 1\"]";
    let number = ("urgent = [\"phone:+351 1\"]", "urgent = [\"phone:+351 555 010 101\"]");
    let at = |channels: &str, other: &str, place: &str| {
        format!("WF-W18 at `{channels}`: person.chi.channels: `{other}` is reached there too: {place}")
    };
    // By another service, and as people write numbers; awake or asleep.
    for channels in [
        "channels = { urgent = [\"signal:+351-555-010-101\"] }",
        "channels = { urgent = [\"phone:+234 3\"], normal = [\"sms:00351 (555) 010101\"] }",
    ] {
        check(&[number, (chi, channels)], &[&at(channels, "ana", "the number +351555010101")]);
    }
    // What only those who are awake read may be one place for all.
    check(&[(chi, "channels = { urgent = [\"phone:+234 3\"], normal = [\"email:ana\"] }")], &[]);
    assert!(super::READY.contains(ana));
}
