//! Reading a plan: what is wrong in its files is reported at its place with its remedy, whatever their layout.

#![allow(clippy::unwrap_used)]

use super::*;

fn files(texts: &[(&str, &str)]) -> Vec<(String, String)> {
    texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// Checks all that is wrong with a plan of one file.
fn check(text: &str, expected: &[&str]) {
    check_files(&[("p.toml", text)], expected);
}

fn check_files(texts: &[(&str, &str)], expected: &[&str]) {
    let said: Vec<String> = match Plan::load(&files(texts)) {
        Ok(_) => Vec::new(),
        Err(found) => found.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(said, expected, "{texts:?}");
}

const PEOPLE: &str = "[person.ana]\nname = \"Ana\"\n[person.bo]\nname = \"Bo\"\n\
                      [role.guardian]\nkind = \"decision-owner\"\nmembers = [\"ana\", \"bo\"]\n";
const POWERS: &str = "[authority.desk]\nkind = \"off-chain\"\nrole = \"guardian\"\n\
                      [intervention.warn]\nsummary = \"Tell exchanges\"\nkind = \"off-chain\"\nauthority = \"desk\"\n\
                      owner = \"guardian\"\nautomation = \"propose\"\nreaction_s = 60\n\
                      cost = { trust = 1, why = \"an accusation\", inside_boundary = true }\n";
const SIGNALS: &str = "[signal.drain]\nsummary = \"Funds leave\"\nmatch = [{ detector = \"outflow\" }]\nwindow_s = 60\n\
                       interventions = [\"warn\"]\n";

#[test]
fn a_plan_may_be_split_as_one_likes() {
    check(&format!("{PEOPLE}{POWERS}{SIGNALS}"), &[]);
    check_files(&[("a.toml", SIGNALS), ("b.toml", POWERS), ("c.toml", PEOPLE)], &[]);
    check("", &[]);
}

#[test]
fn its_hash_is_of_what_it_says() {
    let hash = |texts: &[(&str, &str)]| Plan::load(&files(texts)).unwrap().hash();
    let whole = format!("{PEOPLE}{POWERS}{SIGNALS}");
    let first = hash(&[("p.toml", &whole)]);
    // Other files, another order, comments, white space, another spelling of the same, a default written out.
    assert_eq!(hash(&[("z.toml", SIGNALS), ("b.toml", PEOPLE), ("a.toml", POWERS)]), first);
    let spelt =
        whole.replace("window_s = 60", "# a minute\nwindow_s   = 0x3c").replace("[person.bo]\n", "\n[person.\"bo\"]\n");
    assert_eq!(hash(&[("p.toml", &spelt)]), first);
    let written_out = whole.replace("reaction_s = 60", "reaction_s = 60\ndecision_s = 0");
    assert_eq!(hash(&[("p.toml", &written_out)]), first);
    let table = whole.replace(
        "cost = { trust = 1, why = \"an accusation\", inside_boundary = true }",
        "[intervention.warn.cost]\ntrust = 1\nwhy = 'an accusation'\ninside_boundary = true",
    );
    assert_eq!(hash(&[("p.toml", &table)]), first);
    for (old, new) in [
        ("window_s = 60", "window_s = 61"),
        ("[\"ana\", \"bo\"]", "[\"bo\", \"ana\"]"),
        ("name = \"Ana\"", "name = \"Anna\""),
        ("role = \"guardian\"", "role = \"guardian\"\ndelay_s = 1"),
    ] {
        assert_ne!(hash(&[("p.toml", &whole.replace(old, new))]), first, "{new}");
    }
    // In which order interventions are named is not what is said.
    let two = format!("{whole}{}", POWERS[POWERS.find("[intervention").unwrap()..].replace("warn", "call"));
    let named = |list: &str| hash(&[("p.toml", &two.replace("interventions = [\"warn\"]", list))]);
    assert_eq!(named("interventions = [\"warn\", \"call\"]"), named("interventions = [\"call\", \"warn\"]"));
}

#[test]
fn unknown_names_are_told_with_what_was_meant() {
    check(
        "[person.ana]\nname = \"Ana\"\nsinger = \"0x0000000000000000000000000000000000000001\"\n",
        &["p.toml:3:1: error: person.ana.singer: unknown key `singer`; did you mean `signer`?"],
    );
    check(
        "[persn.ana]\nname = \"Ana\"\n",
        &["p.toml:1:2: error: persn: a plan has no table `persn`; did you mean `person`?"],
    );
    check(
        "[role.lead]\nkind = \"incident-led\"\nmembers = [\"ana\"]\n[person.ana]\nname = \"Ana\"\n",
        &[
            "p.toml:2:8: error: role.lead.kind: `incident-led` is not known here; did you mean `incident-lead`? it is one of \
           `incident-lead`, `decision-owner`, `signer-herder`, `communications`, `scribe`, `subject-matter-expert`, \
           `counsel`",
        ],
    );
    check(
        "[person.ana]\nname = \"Ana\"\nchannels = { urgnt = [\"phone:1\"] }\n",
        &["p.toml:3:14: error: person.ana.channels.urgnt: unknown key `urgnt`; did you mean `urgent`?"],
    );
    check(
        "[protocol]\nnmae = \"Pier\"\n",
        &["p.toml:2:1: error: protocol.nmae: unknown key `nmae`; did you mean `name`?"],
    );
}

#[test]
fn ids_are_unique_among_all_files() {
    check_files(
        &[("a.toml", PEOPLE), ("b.toml", "\n[person.ana]\nname = \"Another\"\n")],
        &["b.toml:2:9: error: person.ana: `ana` is already defined at a.toml:1:9; rename one, or join the two"],
    );
    check_files(
        &[("a.toml", "[protocol]\nname = \"Pier\"\n"), ("b.toml", "[protocol]\ndry_run = true\n")],
        &["b.toml:1:2: error: protocol: [protocol] is already at a.toml:1:2; join the two"],
    );
    // Of another table it is another id, unless both can be paged.
    check(&format!("{PEOPLE}[mode.ana]\nsummary = \"x\"\n"), &[]);
    check(
        &format!(
            "{PEOPLE}[role.ana]\nkind = \"scribe\"\nmembers = [\"ana\"]\n[escalation.x]\nsteps = [{{ who = [\"ana\"], ack_within_s = 1 }}]\n"
        ),
        &["p.toml:12:19: error: escalation.x.steps.0.who.0: `ana` is both a role and a person; rename one of them"],
    );
    check(
        "[person.Ana_F]\nname = \"Ana\"\n",
        &["p.toml:1:9: error: person.Ana_F: `Ana_F` is no id: ids are lower-case words joined by hyphens; write ana-f"],
    );
}

#[test]
fn values_are_of_their_type_and_range() {
    for (old, new, expected) in [
        (
            "reaction_s = 60",
            "reaction_s = \"60\"",
            "10:14: error: intervention.warn.reaction_s: expected a whole number, found text; take the quotes away",
        ),
        (
            "reaction_s = 60",
            "reaction_s = -1",
            "10:14: error: intervention.warn.reaction_s: -1 is out of range; it is a whole number from 0 up",
        ),
        (
            "trust = 1,",
            "trust = 11,",
            "11:18: error: intervention.warn.cost.trust: 11 is out of range; it is a whole number from 0 to 10",
        ),
        (
            "inside_boundary = true",
            "inside_boundary = 1",
            "11:62: error: intervention.warn.cost.inside_boundary: expected true or false, found an integer",
        ),
        (
            "role = \"guardian\"",
            "role = [\"guardian\"]",
            "3:8: error: authority.desk.role: expected text in quotes, found a list",
        ),
        (
            "reaction_s = 60",
            "reaction_s = 60\ndrilled_at = \"2026-01-01\"",
            "11:14: error: intervention.warn.drilled_at: a moment is written without quotes; write 2026-01-01",
        ),
        (
            "reaction_s = 60",
            "reaction_s = 60\ndrilled_at = 2026-01-01T00:00:00",
            "11:14: error: intervention.warn.drilled_at: the offset is missing; for UTC write 2026-01-01T00:00:00Z",
        ),
        (
            "role = \"guardian\"",
            "role = \"guardian\"\naddress = \"0x12\"",
            "4:11: error: authority.desk.address: `0x12` is no address; an address is 0x and 40 hexadecimal digits",
        ),
        (
            "reaction_s = 60\n",
            "",
            "4:15: error: intervention.warn: `reaction_s` is missing; it says: From the decision to the authority's act, in seconds; signatures and the authority's own delay are added",
        ),
    ] {
        assert_eq!(POWERS.matches(old).count(), 1, "{old}");
        check_files(&[("p.toml", &POWERS.replace(old, new)), ("q.toml", PEOPLE)], &[&format!("p.toml:{expected}")]);
    }
}

#[test]
fn what_is_referred_to_is_there() {
    for (old, new, expected) in [
        (
            "members = [\"ana\", \"bo\"]",
            "members = [\"ana\", \"boo\"]",
            "7:19: error: role.guardian.members.1: no person is called `boo`; did you mean `bo`?",
        ),
        (
            "members = [\"ana\", \"bo\"]",
            "members = []",
            "7:11: error: role.guardian.members: the role has no people; name at least one person",
        ),
        (
            "authority = \"desk\"",
            "authority = \"dsek\"",
            "14:13: error: intervention.warn.authority: no authority is called `dsek`; did you mean `desk`?",
        ),
        (
            "owner = \"guardian\"",
            "owner = \"lead\"",
            "15:9: error: intervention.warn.owner: no role is called `lead`; known are `guardian`",
        ),
        (
            "interventions = [\"warn\"]",
            "interventions = [\"wran\"]",
            "23:18: error: signal.drain.interventions.0: no intervention is called `wran`; did you mean `warn`?",
        ),
        (
            "interventions = [\"warn\"]",
            "interventions = [\"warn\"]\nescalation = \"night\"",
            "24:14: error: signal.drain.escalation: no escalation is called `night`; define [escalation.night]",
        ),
        (
            "kind = \"decision-owner\"",
            "kind = \"scribe\"",
            "15:9: error: intervention.warn.owner: the role `guardian` does not decide; name a role of kind decision-owner or incident-lead",
        ),
    ] {
        let whole = format!("{PEOPLE}{POWERS}{SIGNALS}");
        assert_eq!(whole.matches(old).count(), 1, "{old}");
        check(&whole.replace(old, new), &[&format!("p.toml:{expected}")]);
    }
}

#[test]
fn an_escalation_that_never_ends_is_told() {
    let of = |id: &str, then: &str| {
        format!("[escalation.{id}]\nsteps = [{{ who = [\"ana\"], ack_within_s = 1 }}]\nthen = \"{then}\"\n")
    };
    check(
        &format!("{PEOPLE}{}{}", of("one", "two"), of("two", "one")),
        &[
            "p.toml:10:8: error: escalation.one.then: it comes back to `one` and never ends; let the last one end with \
             last_resort",
            "p.toml:13:8: error: escalation.two.then: it comes back to `two` and never ends; let the last one end with \
             last_resort",
        ],
    );
}

#[test]
fn of_a_file_that_is_no_toml_nothing_is_said_to_be_missing() {
    let found = Plan::load(&files(&[("a.toml", "[person.ana\nname = 1"), ("b.toml", POWERS)])).unwrap_err();
    assert!(found.iter().all(|found| found.file == "a.toml"), "{found:?}");
    assert!(!found.is_empty());
}

#[test]
fn every_mistake_is_told_in_order_of_file_and_line() {
    check_files(
        &[("b.toml", "[persn.x]\n[rloe.y]\n"), ("a.toml", "[person.ana]\nnmae = \"Ana\"\n")],
        &[
            "a.toml:1:9: error: person.ana: `name` is missing; it says: What they are called",
            "a.toml:2:1: error: person.ana.nmae: unknown key `nmae`; did you mean `name`?",
            "b.toml:1:2: error: persn: a plan has no table `persn`; did you mean `person`?",
            "b.toml:2:2: error: rloe: a plan has no table `rloe`; did you mean `role`?",
        ],
    );
}

#[test]
fn every_key_is_documented() {
    let page = include_str!("../../../docs/plan-reference.md");
    let schema = schema();
    let keys = |of: &serde_json::Value| -> Vec<String> {
        of["properties"].as_object().into_iter().flat_map(|keys| keys.keys().cloned()).collect()
    };
    let def = |of: &serde_json::Value| {
        let path = of["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")).unwrap_or_default();
        schema["$defs"][path].clone()
    };
    let mut missing = Vec::new();
    for (table, of) in schema["properties"].as_object().unwrap() {
        let section =
            page.split("\n## ").find(|section| section.starts_with(&format!("`[{table}"))).unwrap_or_default();
        let of = of.get("additionalProperties").unwrap_or(of);
        missing.extend(keys(&def(of)).into_iter().filter(|key| !section.contains(&format!("`{key}`"))));
    }
    for of in schema["$defs"].as_object().unwrap().values() {
        missing.extend(keys(of).into_iter().filter(|key| !page.contains(&format!("`{key}`"))));
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn a_plan_of_more_than_anybody_could_know_is_not_read() {
    let many: String = (0..5_001).map(|at| format!("[person.p{at}]\nname = \"P\"\n")).collect();
    let found = Plan::load(&files(&[("p.toml", &many)])).unwrap_err();
    let said: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("the plan has more than 5000 entities"), "{said:?}");
    // Whatever a journal has was read once.
    assert!(Plan::load_journaled(&files(&[("p.toml", &many)]), Defaults::NOW).is_ok());
    let layer = "{ people = [\"ana\"], starts = 1970-01-01, handover = \"00:00\", every_days = 1 }";
    let long = format!("{PEOPLE}[schedule.s]\ntime_zone = \"UTC\"\nlayers = [{}]\n", [layer; 101].join(","));
    let found = Plan::load(&files(&[("p.toml", &long)])).unwrap_err();
    assert!(
        found.iter().any(|found| found.to_string().contains("it has 101 layers, and up to 100 are read")),
        "{found:?}"
    );
}

#[test]
fn what_a_plan_says_of_proofs_in_two_ways_is_refused() {
    let whole = |proof: &str| format!("[protocol]\nproof = {{ {proof} }}\n{PEOPLE}{POWERS}{SIGNALS}");
    check(&whole("interventions = [\"warn\"]"), &[]);
    check(
        &whole("interventions = [\"warn\"], recorded = [\"warn\"]"),
        &[
            "p.toml:2:49: error: protocol.proof.recorded.0: acts on `warn` need a proof by `interventions`, and none by \
           `recorded`; take it out of one of the two",
        ],
    );
    check(
        &whole("acts = [\"halt\"], interventions = [\"warn\"]"),
        &[
            "p.toml:2:18: error: protocol.proof.acts: it names interventions, and `acts` has no act on one: nothing about them \
           is proved; add \"decide\", \"approve\" or \"veto\" to `acts`, or take `interventions` away",
        ],
    );
    // Whatever a journal has was followed once.
    let before = files(&[("p.toml", &whole("interventions = [\"warn\"], recorded = [\"warn\"]"))]);
    assert!(Plan::load_journaled(&before, Defaults::NOW).is_ok());
}

#[test]
fn a_word_that_nobody_sees_is_no_word_to_forbid() {
    let whole = |words: &str| {
        format!(
            "{PEOPLE}{POWERS}{SIGNALS}[communication.users]\nseverities = [\"critical\"]\naudience = \"users\"\n\
             first_within_s = 60\ncadence_s = 60\nchannels = [\"x:@pier\"]\nowner = \"guardian\"\n\
             forbidden = [{{ words = {words}, until = \"contained\", why = \"it helps\" }}]\n"
        )
    };
    check(&whole("[\"root cause\"]"), &[]);
    for nothing in ["", " ", "\u{a0}", "\u{200b}"] {
        let found = Plan::load(&files(&[("p.toml", &whole(&format!("[\"bug\", \"{nothing}\"]")))])).unwrap_err();
        let said: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 1, "{said:?}");
        let (key, help) = ("communication.users.forbidden.0.words.1", "write the word, or take it away");
        assert!(said[0].starts_with("p.toml:31:") && said[0].contains(key) && said[0].ends_with(help), "{said:?}");
    }
    let found = Plan::load(&files(&[("p.toml", &whole("[]"))])).unwrap_err();
    assert!(found[0].to_string().contains("no word is forbidden"), "{found:?}");
}
