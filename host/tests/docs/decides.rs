//! Each rule of `docs/plan.md`, "How it decides", has tests that hold the desk to it, by name.

use std::collections::BTreeSet;
use std::fs;

use super::root;

/// How a rule begins on the page, and the tests of `response/` that look at it, each as `file::name`.
const RULES: [(&str, &[&str]); 56] = [
    // From a finding to an incident.
    ("a finding that no signal matches", &["protocols::a_finding_that_nobody_has_a_signal_for_is_told_once"]),
    (
        "a finding whose condition an open incident has already",
        &["growth::a_growing_loss_goes_unsaid_for_a_minute_at_most"],
    ),
    ("a new condition whose signal and group", &["correlate::an_incident_stands_under_the_gravest_of_its_signals"]),
    (
        "any other finding",
        &["correlate::a_finding_that_fits_two_signals_opens_one_incident_with_the_interventions_of_both"],
    ),
    (
        "a finding is taken back",
        &["growth::a_loss_that_is_taken_back_is_no_longer_said", "storm::a_reorg_over_thousands_of_findings_is_linear"],
    ),
    (
        "**One attack is one incident.**",
        &[
            "correlate::a_finding_that_fits_two_signals_opens_one_incident_with_the_interventions_of_both",
            "correlate::where_the_plan_wants_it_each_signal_has_its_own",
        ],
    ),
    ("A condition is a detector's kind", &["faults::a_missing_label_is_a_value_of_its_own"]),
    ("An incident that is opened within", &["faults::what_comes_after_closure_opens_an_incident_that_follows"]),
    (
        "**An incident stays under its plan**",
        &[
            "rules::an_incident_stays_under_its_plan_until_somebody_adopts_another",
            "insiders::an_incident_hears_new_findings_by_its_own_plan",
        ],
    ),
    ("**The title says the worst**", &["growth::the_title_says_the_worst_and_pages_say_how_much"]),
    (
        "The loss is the sum",
        &[
            "growth::a_growing_loss_goes_unsaid_for_a_minute_at_most",
            "growth::what_slid_out_of_a_window_is_not_lost_and_nothing_counts_twice",
        ],
    ),
    (
        "A signal with `for_s`",
        &[
            "growth::a_blip_wakes_nobody_and_an_outage_does_in_the_time_that_the_plan_says",
            "growth::what_comes_and_goes_is_one_incident",
        ],
    ),
    (
        "The severity is that of the gravest live finding",
        &["sentences::a_severity_that_was_set_by_hand_may_be_raised_by_what_is_found"],
    ),
    (
        "A rehearsal",
        &[
            "insiders::a_rehearsal_swallows_nothing_that_is_meant_in_earnest",
            "faults::a_dry_run_takes_nothing_from_what_is_in_earnest",
        ],
    ),
    (
        "**A storm is counted.**",
        &[
            "storm::beyond_the_budget_conditions_are_counted_and_their_maker_is_named",
            "storm::beyond_the_budget_incidents_of_a_signal_share_one",
        ],
    ),
    // Who is notified.
    (
        "1.",
        &[
            "correlate::where_the_plan_wants_it_each_signal_has_its_own",
            "correlate::a_storm_of_one_signal_rings_once_in_two_minutes",
        ],
    ),
    (
        "2.",
        &[
            "faults::an_empty_rota_costs_no_time",
            "faults::a_step_without_a_channel_is_told_and_the_next_begins_at_once",
        ],
    ),
    ("3.", &["rules::a_dead_channel_falls_through_at_once"]),
    ("4.", &["rules::when_nobody_answers_the_last_resort_is_paged_and_then_it_begins_anew"]),
    (
        "5.",
        &[
            "rules::an_ack_ends_its_step_and_nothing_else",
            "growth::acting_is_answering",
            "sentences::who_has_what_is_contained_is_reminded_and_keeps_it",
        ],
    ),
    (
        "6.",
        &[
            "rules::people_are_paged_again_where_it_gets_worse",
            "growth::another_actor_pages_whoever_has_it_again",
            "again::who_had_it_is_paged_again_on_call_or_not_and_told_why",
        ],
    ),
    ("7.", &["sentences::where_nobody_is_paged_those_who_lead_are_reminded_each_day"]),
    // What is decided.
    (
        "8.",
        &[
            "faults::what_is_older_than_the_window_corroborates_nothing",
            "faults::what_was_taken_back_corroborates_nothing",
        ],
    ),
    ("9.", &["correlate::a_finding_that_fits_two_signals_opens_one_incident_with_the_interventions_of_both"]),
    ("10.", &["growth::what_may_be_carried_out_says_all_that_it_takes"]),
    (
        "11.",
        &[
            "growth::a_half_drained_vault_is_never_too_late",
            "growth::once_something_is_lost_the_harm_has_begun",
            "again::what_was_seen_late_says_so_and_has_less_time_left",
        ],
    ),
    ("12.", &["sentences::it_is_decided_anew_only_if_what_the_decision_stands_on_changed"]),
    ("the incident is over", &["rules::an_act_on_what_is_over_or_never_was_says_which"]),
    ("the power has ended", &["faults::a_power_that_has_ended_is_denied_to_people_too"]),
    ("its uses are taken, or it rests", &["faults::the_last_use_goes_to_one"]),
    ("another chain, or another subject", &["sentences::what_forbids_an_intervention_is_said_with_the_reason"]),
    ("not grave enough", &["sentences::what_forbids_an_intervention_is_said_with_the_reason"]),
    ("too few people", &["sentences::what_forbids_an_intervention_is_said_with_the_reason"]),
    ("it is in effect already", &["sentences::what_forbids_an_intervention_is_said_with_the_reason"]),
    ("a blackout", &["rules::a_blackout_binds_automation_and_never_the_gravest"]),
    ("the chain says that the authority lacks the power", &["faults::the_chain_overrides_the_ledger"]),
    ("too few sources", &["sentences::what_keeps_automation_back_leaves_it_to_people"]),
    ("a halt", &["rules::a_halt_stops_automation_and_nobody_else"]),
    ("overruled", &["rules::what_a_person_stopped_automation_does_not_put_forward_again"]),
    ("prerequisites", &["sentences::what_keeps_automation_back_leaves_it_to_people"]),
    ("not verified", &["sentences::what_keeps_automation_back_leaves_it_to_people"]),
    ("the chain is not known", &["sentences::of_what_is_on_no_chain_a_person_makes_sure"]),
    ("its uses were made, or it rests", &["growth::what_the_attacker_undid_may_be_done_again_at_once"]),
    ("it has not lasted", &["growth::a_blip_wakes_nobody_and_an_outage_does_in_the_time_that_the_plan_says"]),
    // From a decision to an effect, and to the end.
    (
        "13.",
        &[
            "faults::a_use_that_came_to_nothing_is_given_back",
            "insiders::cheap_alarms_take_no_use_from_what_is_graver_nor_from_people",
            "insiders::one_act_serves_every_incident_that_it_contains",
        ],
    ),
    (
        "14.",
        &[
            "growth::votes_are_said_with_whose_are_missing",
            "insiders::something_new_puts_forward_again_what_nobody_took_up",
        ],
    ),
    (
        "15.",
        &[
            "insiders::each_act_asks_for_a_role_and_says_which",
            "insiders::what_would_take_a_permitted_intervention_back_takes_a_second_human",
            "rules::a_quorum_is_of_humans_and_one_human_counts_once",
        ],
    ),
    ("16.", &["rules::of_two_people_who_act_at_once_the_second_looks_again"]),
    (
        "17.",
        &[
            "sentences::what_ends_by_itself_is_over_then",
            "sentences::what_lasts_too_long_is_asked_back_each_hour_until_somebody_says_that_it_is",
            "growth::what_the_attacker_undid_may_be_done_again_at_once",
            "growth::anybody_may_say_that_it_was_undone",
        ],
    ),
    ("18.", &["sentences::during_a_blackout_nobody_undoes_it"]),
    ("19.", &["rules::a_missed_word_escalates_and_nothing_new_is_a_word"]),
    ("20.", &["rules::a_missed_word_escalates_and_nothing_new_is_a_word"]),
    ("21.", &["rules::closing_names_everything_that_is_missing"]),
    ("22.", &["rules::everything_that_came_due_fires_in_one_step"]),
    (
        "**Silences and inhibitions**",
        &["rules::a_silence_stops_words_and_nothing_else", "faults::an_incident_that_is_muted_itself_explains_nothing"],
    ),
    ("A fact says what the chain knows", &["faults::the_chain_overrides_the_ledger"]),
];

/// Rules of the page, as they begin: rows of its tables, points of its lists, and the paragraphs that say rules.
fn rules(page: &str) -> Vec<String> {
    let (_, section) = page.split_once("\n## How it decides\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let begins = |line: &str| {
        let number = line.split_once(". ").map(|(number, _)| number).unwrap_or_default();
        let is_numbered = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        if is_numbered {
            return Some(format!("{number}."));
        }
        if let Some(point) = line.strip_prefix("- ") {
            return Some(point.to_owned());
        }
        let cell = line.strip_prefix("| ")?.split(" |").next()?;
        (cell != "what comes" && cell != "reason").then(|| cell.to_owned())
    };
    let (listed, of_facts) = section.split_once("\n### Facts about the chain\n").unwrap();
    let mut all: Vec<String> = listed.lines().filter_map(begins).collect();
    let paragraphs = listed.lines().chain(of_facts.lines());
    all.extend(
        paragraphs.filter(|line| line.starts_with("**Silences") || line.starts_with("A fact says")).map(str::to_owned),
    );
    all
}

#[test]
fn each_rule_of_deciding_has_a_test() {
    let page = fs::read_to_string(root().join("docs/plan.md")).unwrap();
    let rules = rules(&page);
    let untested: Vec<&String> =
        rules.iter().filter(|rule| !RULES.iter().any(|(begins, _)| rule.starts_with(begins))).collect();
    assert!(untested.is_empty(), "these rules of docs/plan.md name no test here: {untested:#?}");
    let gone: Vec<&str> = RULES
        .iter()
        .map(|(begins, _)| *begins)
        .filter(|begins| !rules.iter().any(|rule| rule.starts_with(begins)))
        .collect();
    assert!(gone.is_empty(), "docs/plan.md has no rule that begins so: {gone:#?}");
    let mut lacking = BTreeSet::new();
    for test in RULES.iter().flat_map(|(_, tests)| *tests) {
        let (file, name) = test.split_once("::").unwrap();
        let text = fs::read_to_string(root().join(format!("response/tests/{file}.rs"))).unwrap_or_default();
        if !text.contains(&format!("#[test]\nfn {name}()")) {
            lacking.insert(*test);
        }
    }
    assert!(lacking.is_empty(), "there are no such tests: {lacking:#?}");
}
