//! Every readiness check there is, once: its code, what it looks at, why that matters, and what mends it.

use crate::diagnostic::{Gravity, suggestion};

/// A readiness check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// `WF-E01` for an error, `WF-W01` for a warning. It never changes and is never given to another check.
    pub code: &'static str,
    /// Whether the plan is not ready, or somebody should look.
    pub gravity: Gravity,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// Why it matters, in a sentence.
    pub why: &'static str,
    /// What exactly is looked at, in sentences.
    pub how: &'static str,
    /// How to mend it, in a clause without a full stop.
    pub remedy: &'static str,
}

impl Check {
    /// Returns where its page is in the documentation.
    pub fn link(&self) -> String {
        format!("docs/checks.md#{}", self.code.to_ascii_lowercase())
    }

    /// Returns its section of `docs/checks.md`.
    pub fn page(&self) -> String {
        let Self { code, gravity, title, why, how, remedy } = self;
        let (mut gravity, mut remedy) = (gravity.to_string(), (*remedy).to_owned());
        for text in [&mut gravity, &mut remedy] {
            text[..1].make_ascii_uppercase();
        }
        format!("## {code}\n\n{gravity}: **{title}.** {why}\n\n{how}\n\n*Remedy:* {remedy}.\n")
    }
}

/// Returns the check of a code.
///
/// # Errors
///
/// If no check has the code. The error says which may have been meant.
pub fn check_of(code: &str) -> Result<&'static Check, String> {
    CHECKS.iter().find(|check| check.code == code).ok_or_else(|| {
        let given = code.to_ascii_uppercase();
        suggestion(&given, CHECKS.iter().map(|check| check.code))
    })
}

/// Names each check as a constant, and lists them all.
macro_rules! checks {
    ($($name:ident: $gravity:ident $code:literal, $title:literal, why $why:literal, how $how:literal, mend $remedy:literal;)*) => {
        $(
            pub(super) const $name: &Check = &Check {
                code: $code,
                gravity: Gravity::$gravity,
                title: $title,
                why: $why,
                how: $how,
                remedy: $remedy,
            };
        )*

        /// All checks, errors before warnings, in order of their codes.
        pub const CHECKS: &[Check] = &[$(*$name),*];
    };
}

checks! {
    NO_ACTION: Error "WF-E01", "Signal without an action",
    why "An alarm that nothing can be done about is a way of learning about a loss.",
    how "A signal whose `interventions` are empty. An act that no chain sees, such as warning exchanges, counts as one.",
    mend "map at least one intervention, off-chain ones included";

    NOBODY_PAGED: Error "WF-E02", "Signal that nobody is paged for",
    why "A grave incident that wakes nobody has no owner until somebody happens to look.",
    how "For severities `high` and `critical`, from the signal's own `severity` up: neither the signal names an \
         `escalation`, nor is one for that severity.",
    mend "name an escalation in the signal, or give one these severities";

    OWNER_OFF_DUTY: Error "WF-E03", "Intervention without a decision owner on call",
    why "Whoever is woken for a decision and may not make it loses the minutes in which somebody else could have.",
    how "A role that owns interventions and has a `schedule` in whose layers or overrides somebody takes turns who is \
         neither member nor backup of the role. That the owner is there, decides by its kind and has people is checked \
         when the plan is read.",
    mend "add the person to the role, or take them off its schedule";

    LONE_OWNER: Error "WF-E04", "Owner role with fewer than two people",
    why "One person is asleep, on a plane or under attack at some time of every month.",
    how "Members and backups of each role that owns an intervention are counted, each once.",
    mend "name another member or a backup";

    ROTA_GAP: Error "WF-E05", "Schedule with a gap",
    why "An attack is likely to come when nobody is on call, since those who plan one can read a rota too.",
    how "The next 90 days, to the minute and in the schedule's own time zone, overrides included.",
    mend "add a layer below, or an override, so that somebody is always on call";

    NO_LAST_STEP: Error "WF-E06", "Escalation without a last step",
    why "Paging that ends without an answer leaves an incident to nobody.",
    how "An escalation with neither `then` nor `last_resort`. One that comes back to itself is told when the plan is \
         read.",
    mend "say who is paged when all else is exhausted in last_resort, or which escalation goes on in then";

    SLOW_ACKS: Error "WF-E07", "Paging takes longer than acting in time allows",
    why "Time spent on finding somebody who answers is taken from the time to act.",
    how "At severity `critical`, which an incident of any signal may reach. The `ack_within_s` of the escalation are \
         added up until everybody was paged once: its own steps, and where it has a `then`, its repeats and the steps of \
         that one too. Where the signal has a `time_to_harm_s`, that sum and the fastest intervention that people decide on \
         (their decision, signatures and delay included) must fit into it, unless automation alone is in time. Where it has \
         none, the sum must not be longer than that intervention takes.",
    mend "shorten the steps, page several at once, or give automation something that is in time";

    NO_URGENT_CHANNEL: Error "WF-E08", "Person without an urgent channel",
    why "Whoever can't be woken is not on call, whatever the rota says.",
    how "`channels.urgent` of each person.",
    mend "give channels.urgent something that wakes them, as phone:+41…";

    SILENT_STEP: Error "WF-E09", "Escalation step that wakes nobody",
    why "Such a step is skipped or waited out, and either way its time is lost.",
    how "The people that each step and the last resort may page: a role's members or all of its schedule, a \
         schedule's people, or the person. None of them has an urgent channel.",
    mend "give one of them an urgent channel, or page somebody else";

    ONE_HUMAN: Error "WF-E10", "Two-person rule that one human can meet",
    why "Whoever steals one phone or one key then holds the power that two were to share.",
    how "Interventions with a `quorum` of two or more, or `two_person`. Two ids are one human where they have the same \
         `signer` or the same urgent channel. It is told where one human may count twice, and where those who may agree, or \
         decide and carry out, are too few humans to begin with.",
    mend "name as many different people as must agree, each with a signer and a channel of their own";

    NO_KILL_SWITCH: Error "WF-E11", "Automation without a kill switch",
    why "When automation itself is wrong, or turned against the protocol, somebody must be able to stop it at once.",
    how "Interventions with automation `presigned` or `auto` in a plan without `protocol.kill_switch`. That they have \
         `uses`, and `max_duration_s` where they last, is checked when the plan is read.",
    mend "name the role that may halt automation in [protocol] kill_switch";

    ENDS_TOO_SOON: Error "WF-E12", "Longest duration shorter than the reversal takes",
    why "The promise of when users get back what was taken can't be kept.",
    how "`limits.max_duration_s` against `reversal.latency_s`, unless the intervention ends by itself in time \
         (`reversal.expires_s`).",
    mend "allow it to last at least as long as undoing it takes, or make undoing it faster";

    NO_GRACE: Error "WF-E13", "Repayment is blocked without grace",
    why "Borrowers who could not repay are liquidated the moment the protocol opens again, as happened on Aave in 2023.",
    how "`cost.blocks` has `repay` (or `repayment`, `repayments`), and `reversal.grace_s` is 0 or there is no reversal.",
    mend "leave repayment open, or give reversal.grace_s before liquidations go on";

    NOT_IN_TIME: Error "WF-E14", "Nothing is faster than the harm",
    why "By the protocol's own estimate the loss is complete before anything it can do takes effect.",
    how "`time_to_harm_s` of a signal against each mapped intervention whose power is not over: reaction, signatures and \
         the authority's delay, and where people decide, `decision_s` too.",
    mend "map something faster, as a presigned pause, or shorten what delays it";

    DEADLOCK: Error "WF-E15", "Exclusions that leave too few to decide",
    why "A decision that nobody may make is denied when it is needed.",
    how "The humans of the owner's role less `limits.excludes` against the `quorum` (one where absent), and with \
         `two_person` also against those who carry it out. Told where there would be enough without the exclusions.",
    mend "exclude fewer, or name more people in the owner's role";

    NO_TEMPLATE: Error "WF-E16", "Nothing prepared to say at the gravest severity",
    why "Words found in the first minutes of an attack are late, wrong, or of use to the attacker.",
    how "Each communication for `critical` has a `template`, and there is at least one.",
    mend "write the first word beforehand, in a communication for critical incidents";

    OUT_OF_REACH: Error "WF-E17", "Intervention that nothing can reach",
    why "A power that no signal leads to is counted on and never offered.",
    how "Interventions that no signal names.",
    mend "name it in the signals that it is for, or take it out of the plan";

    POWER_OVER: Error "WF-E18", "Power that is over",
    why "It is denied when it is needed, as to the pools of Balancer whose pause window had ended when they were drained in \
         2025.",
    how "`limits.not_after` is past.",
    mend "renew the power on chain and the date here, or take the intervention out";

    TOO_FEW_OWNERS: Error "WF-E19", "Threshold above the number of owners",
    why "No set of the declared owners could ever sign enough.",
    how "`threshold` of an authority with declared `owners` against how many different ones there are.",
    mend "correct the owners or the threshold, as they are on chain";

    TOO_FEW_SOURCES: Error "WF-E20", "Corroboration that can't be reached",
    why "Automation waits for an agreement that its detectors can't give.",
    how "`corroboration.sources` against the sources of the detectors that the signal's matchers name, where all name one. \
         Detectors of one `[source]` count once.",
    mend "match a detector of another source, or need fewer sources";

    MATCHES_ALL: Error "WF-E21", "Matcher that matches every finding",
    why "Each whisper of any detector would open an incident and put interventions up for decision.",
    how "A matcher of a signal with no detector, kinds, subject or labels, and no severity above `info` or confidence above 0 \
         asked for.",
    mend "name a detector, kinds, a subject, or the least severity";

    NEVER_AUTOMATIC: Error "WF-E22", "Automation with prerequisites in words",
    why "The host can't check words, so what was meant to act at once waits for a person.",
    how "Interventions with automation `presigned` or `auto` and `prerequisites`.",
    mend "take the prerequisites away, or say automation = \"propose\"";

    WAIVER_UNKNOWN: Error "WF-E23", "Waiver of no check",
    why "Somebody believes that a fault is known and answered for, and nothing is.",
    how "The `check` of a waiver is no code of this list, or one of a check of waivers, which can't be waived.",
    mend "give the code that `watchfire check` prints";

    NO_SIGNER: Error "WF-E24", "Decision to be proved by somebody without a signer",
    why "Whoever can't sign can't decide, and finds that out in the incident.",
    how "`protocol.proof` is written and covers an act on an intervention, and somebody of its owner's role, or an incident lead \
         if vetoes are covered, has no `signer`; and it does not say `without_signer = \"recorded\"`.",
    mend "give the person a signer, or list the intervention in protocol.proof.recorded";

    NO_CALL: Error "WF-E25", "Call that nobody could make",
    why "What is proposed can't be carried out, and somebody finds that out in the incident.",
    how "Each of an intervention's `calls`: `function` is a signature of types that Solidity has, and `args` are as many, each of \
         its type. Arguments with a placeholder, as `{POOL}`, and those that take more than a word are left to whoever signs.",
    mend "correct `function` and `args`, as the contract's ABI has them";

    ENDLESS: Error "WF-E26", "Span that never ends",
    why "Nobody lives to see it, so the number is a slip: people are paged never, or told of a harm in a million years.",
    how "`time_to_harm_s`, `window_s`, `for_s` and `keep_for_s` of signals, each against a year.",
    mend "write the span that is meant, in seconds";

    NO_LINK: Error "WF-E27", "Runbook that nobody can open",
    why "It stands as a link in pages, and whoever is woken follows it.",
    how "`runbook` of signals begins with `https://` or `http://`, and has no space.",
    mend "write the URL under which the runbook is read";

    NO_WAY_OUT: Warning "WF-W01", "Exit is blocked without a degraded mode",
    why "Users who can't leave ask what they still can do, and the plan should know.",
    how "`cost.blocks` has `exit` (or `withdraw`, `withdrawals`, `redeem`), and `cost.mode` is absent.",
    mend "describe what the protocol is meanwhile in a [mode.…], and name it in cost.mode";

    OUTSIDE_BOUNDARY: Warning "WF-W02", "Outside what users were told",
    why "A power that users never heard of costs more trust than the incident that it ends.",
    how "`cost.inside_boundary` is false.",
    mend "tell users beforehand that this may be done, and under which conditions";

    LONE_APPROVER: Warning "WF-W03", "Sole proposer is sole approver",
    why "Where one human proposes and approves, nobody sees a mistake before it is made.",
    how "The owner's role and the role of the authority are the same single human; or the owner and the approver of a \
         communication are.",
    mend "add somebody to either role";

    STALE: Warning "WF-W04", "Not verified for 90 days",
    why "Numbers change, people leave, and powers are moved by upgrades; a page to an old number is answered by nobody.",
    how "`verified_at` of each person, role, dependency with a contact, and authority on a chain: absent, older than 90 days, or \
         still to come.",
    mend "make sure that it holds, by a test page or on chain, and set verified_at to that day";

    ONE_PLATFORM: Warning "WF-W05", "One platform, and no backup",
    why "The attack that takes the protocol may take its Discord first.",
    how "Platforms are what stands before the colon in `channels` and `backup_channels` of a communication.",
    mend "give backup_channels on another platform";

    LONE_DEPENDENCY: Warning "WF-W06", "Dependency without a degraded mode or a backup contact",
    why "When it fails, the protocol neither knows what it is without it, nor whom to call when the first number rings out.",
    how "`mode`, `contact` and `backup_contact` of each dependency.",
    mend "name the mode to enter, and two ways to reach them";

    LOOSE_RISK: Warning "WF-W07", "Risk that nobody answers for",
    why "A risk without an owner or past its date is accepted by default.",
    how "Risks that are not closed: without an `owner`; or with an `accepted_until` that is past, or accepted without one. \
         Also risks that are open with a `due` that is past.",
    mend "name an owner, decide anew on what was accepted, and do what was due";

    NOT_DRILLED: Warning "WF-W08", "Intervention that was not drilled",
    why "What was never done takes hours the first time, and half a year later it is the first time again.",
    how "`drilled_at` of an intervention whose power is not over is absent, older than 180 days, or still to come.",
    mend "rehearse it, and set drilled_at to that day";

    NEVER_FIRED: Warning "WF-W09", "Signal that never fired in a replay",
    why "A signal that never fired may be one that can't.",
    how "`fired_at` is absent or still to come.",
    mend "replay an attack that it is for, as with `watchfire replay`, and set fired_at to that day";

    POWER_ENDS: Warning "WF-W10", "Power that ends within 30 days",
    why "Renewing a power takes a vote, and a vote takes weeks.",
    how "`limits.not_after` is within the next 30 days.",
    mend "renew it now, or plan without it";

    QUIET_OVER: Warning "WF-W11", "Silence or inhibition that has ended",
    why "It reads as if something were quiet that pages again.",
    how "`until` of each silence and inhibition is past.",
    mend "take it out, or say anew until when and why";

    WAIVER_OVER: Warning "WF-W12", "Waiver that has ended",
    why "What it waived counts again.",
    how "`until` of each waiver is past.",
    mend "mend what it waived, or have its owner say anew until when and why";

    WAIVER_IDLE: Warning "WF-W13", "Waiver of nothing",
    why "A waiver that is kept for what was mended hides what comes next in its place.",
    how "No finding of its check stands at the entity that it names in `on`, or anywhere where it names none.",
    mend "take it out";

    NEVER_ON_CALL: Warning "WF-W14", "Person who is never on call",
    why "Turns count calendar days, those without duty too, so whoever takes turns may never have one and seems to.",
    how "Each person of each layer of a schedule, over as many days as it takes until turns and weekdays meet again: \
         their turns fall on days or hours on which the layer has no duty, or on which a layer before it always has \
         somebody. Overrides are left out.",
    mend "let turns last a week (every_days = 7), take the person out, or give the layer other weekdays or hours";

    FOREIGN_WORDS: Warning "WF-W15", "Template with a detector's words",
    why "Whoever transacts can choose what a detector repeats, and so what you tell the public.",
    how "`{title}` in the `template` of a communication: the title says the worst in a detector's words.",
    mend "write {summary} in its place, which is the signal's";

    CHEAP_USES: Warning "WF-W16", "Uses that cheap alarms can take",
    why "Each incident reserves a use of its own, so alarms about things that anybody can make leave automation none for the real one.",
    how "An intervention of a signal that is `presigned` or `auto`, has `limits.uses` and no `calls`, where `group_by` of the signal \
         has a label other than `chain`, `detector` and `kind`. With `calls`, incidents share one use for the same act.",
    mend "give its `calls`, or group by chain";

    NOT_PROVED: Warning "WF-W17", "Decision on what costs trust without a proof",
    why "Whoever can write to the host's socket can decide by the name of somebody who signs nothing, and nobody can show later who it was.",
    how "An act on an intervention would have to be proved (where `protocol.proof` is absent: a decision, approval or veto on what \
         costs 3 of trust or more), and somebody of its owner's role, or an incident lead if vetoes are covered, has no `signer`. \
         Their acts count, and are marked \"not proved\".",
    mend "give the person the address that they sign with as `signer`, or say protocol.proof = { acts = [] } if nothing is to be proved";

    SHARED_ADDRESS: Warning "WF-W18", "Two people at one address",
    why "One phone that is lost or taken over reaches neither of them, and an answer from it is of nobody.",
    how "`channels.urgent` of each person, and the phone numbers of their `channels.normal`, however they are written and whatever \
         stands before the colon.",
    mend "give each person an address of their own";
}
