//! Each control stands as the plan says.

use super::*;
use crate::plan::readiness;
use crate::plan::starter::Kind;

const NOW_MS: u64 = 1_795_608_000_000;

fn answers(files: &[(String, String)], known: Known) -> Vec<Answered> {
    let plan = Plan::load(files).unwrap();
    let found = readiness(files, NOW_MS).found;
    answer(&plan, &Known { now_ms: NOW_MS, found, ..known })
}

fn standing(answers: &[Answered], id: &str) -> Standing {
    answers.iter().find(|one| one.id == id).unwrap().standing
}

fn known() -> Known {
    let channels = [("pager", "pagerduty"), ("texts", "twilio-sms")];
    let kept = Kept { holds: Some(Ok(7)), keep_days: None, incidents: 1, drill: None };
    Known {
        channels: channels.map(|(name, kind)| (name.to_owned(), kind.to_owned())).into(),
        journal: Some(kept),
        has_heartbeat: true,
        ..Known::default()
    }
}

#[test]
fn an_empty_plan_shows_nothing_and_says_what_lacks() {
    let files = [("plan.toml".to_owned(), "[protocol]\nname = \"Harbor\"\n".to_owned())];
    let answers = answers(&files, Known::default());
    assert_eq!(answers.len(), 13);
    for id in ["ir-1.1.1", "ir-2.1.4", "ir-3.1.1", "ir-4.1.2"] {
        assert_eq!(standing(&answers, id), Standing::Unmet, "{id}");
    }
    assert!(answers.iter().all(|one| one.standing != Standing::Met), "{answers:#?}");
    let text = markdown("Harbor", &answers, &[]);
    assert!(text.contains("| ir-5.1.1 | Drills |") && text.contains("no role is of kind `counsel`"), "{text}");
}

#[test]
fn a_starter_that_somebody_made_sure_of_has_roles_contacts_and_playbooks() {
    for kind in Kind::ALL {
        let files = kind.files("Harbor", NOW_MS, true);
        let answers = answers(&files, known());
        for id in ["ir-1.1.1", "ir-1.1.2", "ir-3.1.1", "ir-4.1.2"] {
            let one = answers.iter().find(|one| one.id == id).unwrap();
            assert_eq!(one.standing, Standing::Met, "{}: {one:#?}", kind.name());
        }
        let unsure = self::answers(&kind.files("Harbor", NOW_MS, false), known());
        assert_eq!(standing(&unsure, "ir-1.1.2"), Standing::Partly, "what nobody made sure of lacks");
    }
}

#[test]
fn an_attestation_counts_for_a_year_and_for_its_control_alone() {
    let attested = |at: &str| {
        let mut files = Kind::Lending.files("Harbor", NOW_MS, true);
        let text = format!(
            "[attestation.rooms]\ncontrol = \"ir-4.1.1\"\ntext = \"Rooms have lists of members\"\nowner = \"lead\"\nverified_at = {at}\n"
        );
        files.push(("more.toml".to_owned(), text));
        answers(&files, known())
    };
    let fresh = attested("2026-10-01");
    assert_eq!(standing(&fresh, "ir-4.1.1"), Standing::Met, "{fresh:#?}");
    assert_eq!(standing(&fresh, "ir-4.1.3"), Standing::Partly);
    assert_eq!(standing(&attested("2024-10-01"), "ir-4.1.1"), Standing::Partly);
}

#[test]
fn the_map_names_what_nobody_watches_and_nobody_can_stop() {
    let text = r#"
[asset.vault]
kind = "contract"
names = ["0x00000000000000000000000000000000000000AA"]

[asset.site]
kind = "domain"
names = ["harbor.example"]

[asset.registrar]
kind = "account"
names = ["registrar"]
watched_by = ["the registrar's own mails"]
gap = "nobody can stop it but the registrar"

[asset.pool]
kind = "contract"
names = ["0x00000000000000000000000000000000000000bb"]

[person.ana]
name = "Ana"
[role.guardian]
kind = "decision-owner"
members = ["ana"]
[authority.guardian]
kind = "guardian"
chain = 1
address = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
role = "guardian"
[intervention.pause]
summary = "Stop the vault"
kind = "pause"
scope = { subjects = ["0x00000000000000000000000000000000000000aa"] }
authority = "guardian"
owner = "guardian"
automation = "propose"
reaction_s = 5
cost = { trust = 3, why = "x", inside_boundary = true }
[signal.drain]
summary = "Funds leave"
match = [{ detector = "outflow" }]
window_s = 60
interventions = ["pause"]
"#;
    let files = [("plan.toml".to_owned(), text.to_owned())];
    let config = "watch = ['0x00000000000000000000000000000000000000aA', '0x00000000000000000000000000000000000000BB']";
    let known = Known { detectors: [("outflow".to_owned(), config.to_owned())].into(), ..Known::default() };
    let map = coverage(&Plan::load(&files).unwrap(), &known);
    let seen: Vec<_> = map.iter().map(|one| (one.asset.as_str(), one.is_watched(), one.is_stoppable())).collect();
    assert_eq!(
        seen,
        [("pool", true, false), ("registrar", true, false), ("site", false, false), ("vault", true, true)]
    );
    let answers = answers(&files, known.clone());
    let coverage = &answers[3];
    assert!(coverage.lacks.iter().any(|line| line.starts_with("nobody watches site")), "{coverage:#?}");
    assert!(
        coverage.lacks.iter().any(|line| line.starts_with("nobody can stop what happens to pool, site")),
        "{coverage:#?}"
    );
}
