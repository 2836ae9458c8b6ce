//! Who is paged, and what happens when nobody answers.

use super::{PLAN, check};

const DAY: &str = "[drill]\nname = \"day\"\nsummary = \"\"\nstarts = 2026-11-02T10:00:00Z\n";
const NIGHT: &str = "[drill]\nname = \"night\"\nsummary = \"\"\nstarts = 2026-11-02T22:00:00Z\n";
const DRAIN: &str = "[[at]]\nfinding = { detector = \"outflow\", kind = \"outflow-limit\", severity = \"critical\", \
    title = \"1,000 ETH left\", chain = 1, subject = \"address:0x01\", amounts = { eth = \"1000\" } }\n";

#[test]
fn whoever_is_on_call_is_paged_first_and_an_answer_ends_the_step() {
    check(
        PLAN,
        &format!("{DAY}ends_after_s = 600\n{DRAIN}"),
        &[
            "00:00:00 #1 opened: outflow (critical, 90 % sure): “1,000 ETH left”",
            "00:00:00 #1 paged: step 1 of critical: Ana by phone:1",
            "00:02:00 #1 acked: Ana: Ana has it",
        ],
    );
}

#[test]
fn an_empty_rota_is_passed_over_at_once() {
    check(
        PLAN,
        &format!("{NIGHT}ends_after_s = 600\n{DRAIN}"),
        &[
            "00:00:00 #1 unreached: step 1 of critical: nobody is on call for guardian",
            "00:00:00 #1 paged: step 2 of critical: Chidi by phone:3",
        ],
    );
}
