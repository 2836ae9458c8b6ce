//! Plans as people read them, and what changed from one to the next.
#![allow(clippy::unwrap_used)]

mod common;

use common::night::HARBOR;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use watchfire_response::plan::diff::{Change, diff, markdown as diff_markdown};
use watchfire_response::plan::show::{markdown, mermaid, picture, pretty, svg};
use watchfire_response::plan::starter::Kind;
use watchfire_response::plan::{Plan, schema};

const NOW_MS: u64 = 1_795_608_000_000;

fn plan(text: &str) -> Plan {
    match Plan::load(&[("plan.toml".to_owned(), text.to_owned())]) {
        Ok(plan) => plan,
        Err(found) => panic!("{}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

fn starter(kind: Kind) -> Plan {
    Plan::load(&kind.files("Quay", NOW_MS, true)).unwrap()
}

/// Expects exactly these sentences of one replacement.
fn check(from: &str, to: &str, expected: &[&str]) {
    let changed = HARBOR.replace(from, to);
    assert_ne!(changed, HARBOR, "`{from}` is not there");
    let told: Vec<String> = diff(&plan(HARBOR), &plan(&changed)).into_iter().map(|change| change.text).collect();
    assert_eq!(told, expected, "{from} → {to}");
}

#[test]
fn what_changed_is_told_in_terms_of_people_and_powers() {
    check("max_duration_s = 7_200", "max_duration_s = 1_814_400", &["pause-vault may now last 21 d instead of 2 h"]);
    check("uses = 1, max", "uses = 3, max", &["pause-vault may now be used 3 times instead of 1"]);
    check("limits = { quorum = 2", "limits = { quorum = 1", &["1 must now agree to freeze-borrowing instead of 2"]);
    check("threshold = 2", "threshold = 1", &["1 must now sign for council-safe instead of 2"]);
    check(
        "automation = \"presigned\"",
        "automation = \"propose\"",
        &["pause-vault is now propose, where it was presigned: it is put before the people who decide"],
    );
    check("trust = 5", "trust = 8", &["pause-vault now costs 8 in trust instead of 5"]);
    check("sources = 2", "sources = 1", &["drain now waits for 1 sources instead of 2 before automation acts"]);
    check(
        "members = [\"chidi\", \"dana\", \"bo\"]",
        "members = [\"chidi\", \"dana\"]",
        &[
            "Bo may no longer act by council-safe",
            "Bo may no longer decide on freeze-borrowing",
            "bo is no longer of council",
        ],
    );
    check(
        "interventions = [\"pause-vault\", \"freeze-borrowing\"]",
        "interventions = [\"freeze-borrowing\"]",
        &["drain no longer leads to pause-vault"],
    );
    check("blocks = [\"exit\"]", "blocks = [\"exit\", \"repay\"]", &["pause-vault now keeps users from: repay"]);
    check(
        "contact = \"signal:oracle-team\"",
        "contact = \"phone:9\"",
        &["oracle is now reached by phone:9 instead of signal:oracle-team"],
    );
    check("approver = \"lead\"\n", "", &["nobody has to agree to users any more; before lead"]);
    check(
        "ack_within_s = 600",
        "ack_within_s = 60",
        &[
            "escalation critical: steps no longer has ack_within_s = 10 min; who = council",
            "escalation critical: steps now has ack_within_s = 1 min; who = council",
        ],
    );
    // A comment says nothing.
    check("[protocol]", "# of Harbor\n[protocol]", &[]);
}

#[test]
fn a_change_is_grouped_by_what_it_is_about() {
    let changed = HARBOR.replace("max_duration_s = 7_200", "max_duration_s = 60").replace("trust = 5", "trust = 1");
    let report = diff_markdown(&diff(&plan(HARBOR), &plan(&changed)));
    assert_eq!(
        report,
        "### Limits and times\n\n- pause-vault may now last 1 min instead of 2 h\n\n\
         ### Costs\n\n- pause-vault now costs 1 in trust instead of 5\n"
    );
    assert_eq!(diff_markdown(&[]), "nothing that the plans say is different\n");
}

#[test]
fn who_is_renamed_may_do_no_more_and_no_less() {
    let told: Vec<String> = diff(&plan(HARBOR), &plan(&HARBOR.replace("name = \"Bo\"", "name = \"Bo Lund\"")))
        .into_iter()
        .map(|change| change.text)
        .collect();
    assert_eq!(told, ["person bo: name is now Bo Lund instead of Bo"]);
}

#[test]
fn of_another_plan_everything_is_told_in_both_directions() {
    for (a, b) in [(Kind::Lending, Kind::Bridge), (Kind::Dex, Kind::Stablecoin)] {
        let (there, back) = (diff(&starter(a), &starter(b)), diff(&starter(b), &starter(a)));
        let says = |changes: &[Change], text: &str| changes.iter().any(|change| change.text.contains(text));
        assert!(says(&there, "there is now a signal") && says(&there, "there is no longer a signal"), "{there:?}");
        let signal = there.iter().find(|change| change.text.starts_with("there is now a signal")).unwrap();
        for key in ["interventions", "match", "time_to_harm_s"] {
            assert!(signal.text.contains(&format!("; {key} = ")), "{key}: {signal:?}");
        }
        assert_eq!(
            there.iter().filter(|change| change.text.starts_with("there is now")).count(),
            back.iter().filter(|change| change.text.starts_with("there is no longer")).count()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))), ..ProptestConfig::default() })]

    /// A digit anywhere in a plan that still loads is told, and nothing is told where the plans say the same.
    #[test]
    fn nothing_is_told_exactly_where_nothing_is_different(at in 0..400_usize, digit in 0..10_u8) {
        let digits: Vec<usize> = HARBOR.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at).collect();
        let at = digits[at % digits.len()];
        let mut changed = HARBOR.to_owned();
        changed.replace_range(at..=at, &digit.to_string());
        if let Ok(changed) = Plan::load(&[("plan.toml".to_owned(), changed)]) {
            let old = plan(HARBOR);
            prop_assert_eq!(diff(&old, &changed).is_empty(), old.hash() == changed.hash());
        }
    }
}

#[test]
fn a_plan_is_shown_whole_and_fits_a_terminal() {
    for kind in Kind::ALL {
        let plan = starter(kind);
        let picture = picture(&plan);
        let mapped: usize = plan.tables().signal.values().map(|signal| signal.interventions.len()).sum();
        assert_eq!((picture.rows.len(), picture.ladders.len()), (mapped, plan.tables().escalation.len()));
        let (text, report, chart, image) = (pretty(&picture), markdown(&picture), mermaid(&picture), svg(&picture));
        for row in &picture.rows {
            for of in [&text, &report, &chart] {
                assert!(of.contains(&row.intervention) && of.contains(&row.authority), "{}: {of}", row.intervention);
            }
        }
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 100, "{widest}: {text}");
        assert!(
            text.contains("Who is woken")
                && text.contains("as the last resort")
                && text.contains("Whom to call outside")
        );
        assert!(report.lines().filter(|line| line.starts_with('|')).all(|line| line.ends_with('|')), "{report}");
        // Each box is drawn once, and none over another.
        let boxes: Vec<(u32, u32)> = image
            .lines()
            .filter_map(|line| {
                let number = |key: &str| {
                    line.split("<rect x=\"").nth(1)?.split('"').nth(if key == "x" { 0 } else { 2 })?.parse().ok()
                };
                Some((number("x")?, number("y")?))
            })
            .collect();
        for (index, (x, y)) in boxes.iter().enumerate() {
            for (other_x, other_y) in &boxes[index + 1..] {
                assert!(x != other_x || y.abs_diff(*other_y) >= 30, "two boxes at {x} {y}");
            }
        }
        assert!(boxes.len() >= 12, "{image}");
    }
}

/// What a plan says that an option takes is what the first decision on an incident says, answers of people within it.
#[test]
fn an_option_takes_as_long_on_paper_as_on_the_first_decision() {
    let picture = picture(&plan(HARBOR));
    let mut night = common::night::Night::under(HARBOR, common::night::DAY_MS);
    night.find(&common::night::OUTFLOW);
    let decision = night.decisions().remove(0);
    let mut compared = 0;
    for choice in decision.choices {
        let row = picture.rows.iter().find(|row| row.signal == "drain" && row.intervention == choice.intervention);
        // What automation does not do yet waits for people; what it does is not compared by that.
        let Some(row) = row.filter(|row| row.automation == "propose") else { continue };
        assert_eq!((Some(row.takes_s), row.ack_s), (choice.way.takes_s, choice.way.ack_s), "{}", row.intervention);
        assert!(row.ack_s > Some(0), "{row:?}");
        assert!(pretty(&picture).contains("of it to answer") && markdown(&picture).contains("of it to answer"));
        compared += 1;
    }
    assert_eq!(compared, 1);
}

#[test]
fn names_stay_inside_their_marks() {
    let text = HARBOR.replace("name = \"Harbor\"", "name = \"<b>Harbor & \\\"Co\\\"</b>\"");
    let image = svg(&picture(&plan(&text)));
    assert!(image.contains("&lt;b&gt;Harbor &amp; &quot;Co&quot;&lt;/b&gt;") && !image.contains("<b>"), "{image}");
    assert!(schema().is_object());
}
