//! What a template sees of a letter: plain text, free of what would act by itself in a message.

use jiff::Timestamp;
use serde::Serialize;

use crate::deliver::channel::letter::{Intent, Letter};
use crate::effect::Effect;
use crate::incident::ended;

/// The values of a template. All text is without control characters, on one line unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct View {
    /// `TEST: `, `DRILL: ` or `REHEARSAL: ` before everything, or nothing.
    pub flag: &'static str,
    /// What it is about, in a line: `Incident 17 (critical): Funds leave the vault`.
    pub headline: String,
    /// What is to be said beyond the headline; may have several lines; empty if that is all.
    pub text: String,
    /// Who can act in time, and by what; empty if that is not known or no longer matters.
    pub in_time: String,
    /// Whether an answer is asked for: nobody has given one.
    pub asks: bool,
    /// The command that answers; empty if no answer is asked for, or it goes to a room.
    pub answer: String,
    /// A link that answers; empty if the host takes no answers or none is asked for.
    pub answer_url: String,
    /// A link to the record; empty if the channel has none.
    pub record_url: String,
    /// How many more effects the message stands for.
    pub more: usize,
    /// Number of the incident; 0 if it is a test, or a word to an audience.
    pub incident: u64,
    /// Name of the protocol; may be empty.
    pub protocol: String,
    /// `critical`, `high`, `medium`, `low` or `info`; empty in a word to an audience.
    pub severity: String,
    /// Where the incident stands: `triage`, `active`, …; empty in a word to an audience.
    pub state: String,
    /// Name of the person who answered; empty if nobody has.
    pub acked_by: String,
    /// Name of the person who is to read it; empty if it goes to a room.
    pub person: String,
    /// `page`, `tell`, `remind`, `update` or `resolve`.
    pub intent: &'static str,
    /// Kind of the effect: `page`, `notify`, `propose`, …
    pub effect: &'static str,
    /// When the effect was ordered, RFC 3339.
    pub at: String,
}

impl View {
    /// Makes the view of a letter. `record_url` is the channel's link to records, with `{incident}` to be filled in.
    pub fn of(letter: &Letter, record_url: Option<&str>) -> Self {
        let (brief, effect) = (&letter.brief, &letter.ordered.effect);
        let headed = |title: &str| match letter.intent {
            _ if letter.is_test => title.to_owned(),
            Intent::Remind => title.to_owned(),
            Intent::Resolve => ended(brief.incident, brief.state, title),
            _ => format!("Incident {} ({}): {title}", brief.incident, brief.severity),
        };
        // The flag says it.
        let title = brief.title.strip_prefix("DRILL: ").filter(|_| letter.ordered.drill).unwrap_or(&brief.title);
        let (written, headline) = (headed(&brief.title), headed(title));
        let by_people = matches!(effect, Effect::Communicate { .. });
        let safe = |text: &str| if by_people { tame(text) } else { defang(&tame(text)) };
        let said = text_of(effect);
        let said = said.strip_prefix("DRILL: ").filter(|_| letter.ordered.drill).map(str::to_owned).unwrap_or(said);
        // A page's own line is the headline again, and a notice begins with the title.
        let is_said = said.trim_end_matches('.') == written || said.is_empty();
        let again = said.strip_prefix(&written).or_else(|| said.strip_prefix(&brief.title));
        let said = again.filter(|_| !by_people).unwrap_or(&said);
        let said = said.trim_start_matches(['.', ';', ':', ' ']);
        let is_open = brief.state.is_open() && !by_people && !letter.is_test;
        let is_page =
            letter.intent == Intent::Page || matches!(effect, Effect::Propose { .. } | Effect::CarryOut { .. });
        // A test asks only if its answer is waited for.
        let is_callout = letter.is_test && (letter.answer_url.is_some() || letter.answer_token.is_some());
        let asks_of_incident = is_open
            && brief.acked_by.is_none()
            && (is_page || (matches!(effect, Effect::Notify { .. }) && letter.intent != Intent::Resolve));
        let asks = asks_of_incident || is_callout;
        let person = letter.person();
        let answer = match person.filter(|_| !letter.is_test) {
            Some(person) if asks => format!("watchfire incident ack {} --by {person}", brief.incident),
            _ => String::new(),
        };
        let at = Timestamp::from_millisecond(letter.ordered.at_ms as i64).unwrap_or_default();
        Self {
            flag: match (letter.is_test, letter.ordered.drill, letter.ordered.dry_run) {
                (true, ..) => "TEST: ",
                (_, true, _) => "DRILL: ",
                (.., true) => "REHEARSAL: ",
                _ => "",
            },
            headline: if by_people { String::new() } else { one_line(&safe(&headline)) },
            text: if is_said { String::new() } else { safe(said) },
            in_time: if is_open && is_page { one_line(&safe(&brief.in_time)) } else { String::new() },
            answer_url: letter.answer_url.clone().filter(|_| asks).unwrap_or_default(),
            answer,
            asks,
            // Behind a test there is no incident; and an audience hears what people wrote and agreed to, and nothing else.
            record_url: record_url
                .filter(|_| !letter.is_test && !by_people)
                .map(|url| url.replace("{incident}", &brief.incident.to_string()))
                .unwrap_or_default(),
            more: letter.more,
            incident: if letter.is_test || by_people { 0 } else { brief.incident },
            protocol: one_line(&safe(&brief.protocol)),
            severity: if by_people { String::new() } else { brief.severity.to_string() },
            state: if by_people { String::new() } else { brief.state.to_string() },
            acked_by: brief.acked_by.as_deref().map(|by| one_line(&safe(brief.name(by)))).unwrap_or_default(),
            person: person.map(|person| one_line(&safe(brief.name(person)))).unwrap_or_default(),
            intent: letter.intent.name(),
            effect: effect.kind(),
            at: at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }
}

impl View {
    /// Makes a view with a value in each place, by which templates are tried.
    pub(super) fn sample() -> Self {
        Self {
            flag: "TEST: ",
            headline: "Incident 17 (critical): Funds leave the vault".into(),
            text: "Two sources agree".into(),
            in_time: "In time: pause".into(),
            asks: true,
            answer: "watchfire incident ack 17 --by ana".into(),
            answer_url: "https://watchfire.example/answer/abc".into(),
            record_url: "https://watchfire.example/17".into(),
            more: 2,
            incident: 17,
            protocol: "Harbor".into(),
            severity: "critical".into(),
            state: "active".into(),
            acked_by: "Ana".into(),
            person: "Bo".into(),
            intent: "page",
            effect: "page",
            at: "2026-11-30T03:00:00Z".into(),
        }
    }

    /// Makes a view with nothing in each place that may be empty.
    pub(super) fn bare_sample() -> Self {
        let none = String::new;
        let (text, in_time, answer, answer_url, record_url) = (none(), none(), none(), none(), none());
        let (protocol, acked_by, person) = (none(), none(), none());
        Self {
            flag: "",
            asks: false,
            text,
            in_time,
            answer,
            answer_url,
            record_url,
            more: 0,
            protocol,
            acked_by,
            person,
            ..Self::sample()
        }
    }
}

fn text_of(effect: &Effect) -> String {
    match effect {
        Effect::Notify { text, .. }
        | Effect::Page { text, .. }
        | Effect::Remind { text, .. }
        | Effect::Communicate { text, .. }
        | Effect::Revert { text, .. }
        | Effect::UpdateRisk { text, .. }
        | Effect::Propose { text, .. }
        | Effect::CarryOut { text, .. }
        | Effect::Withdraw { text, .. } => text.trim().to_owned(),
    }
}

/// Takes out control characters but line breaks, and what turns the order of letters around or hides.
fn tame(text: &str) -> String {
    let hides =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    text.chars().filter(|c| (!c.is_control() || *c == '\n') && !hides(*c)).collect()
}

/// Writes addresses of the web so that no reader makes a link of them, as the trade does: `evil[.]example`. Titles come from
/// detectors, and these may repeat what anybody wrote to a chain.
fn defang(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut safe = String::with_capacity(text.len());
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let after = (chars.get(at + 1), chars.get(at + 2));
        let is_dot = *c == '.'
            && before.is_some_and(|c| c.is_alphanumeric() || *c == '-')
            && after.0.is_some_and(|c| c.is_alphabetic())
            && after.1.is_some_and(|c| c.is_alphanumeric() || *c == '-');
        let is_scheme = *c == ':' && after == (Some(&'/'), Some(&'/'));
        match (is_dot, is_scheme) {
            (true, _) => safe.push_str("[.]"),
            (_, true) => safe.push_str("[:]"),
            _ => safe.push(*c),
        }
    }
    safe
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;
    use crate::incident::IncidentState;

    #[test]
    fn links_and_hidden_letters_are_defused() {
        let check = |text: &str, expected: &str| assert_eq!(defang(&tame(text)), expected);
        check("visit https://evil.example/a.b now", "visit https[:]//evil[.]example/a.b now");
        check("1.5 ETH left at 10.0.0.1. Then more.", "1.5 ETH left at 10.0.0.1. Then more.");
        check("a\u{202e}b\u{7}c\nd", "abc\nd");
        check("bücher.example", "bücher[.]example");
    }

    #[test]
    fn an_audience_hears_what_was_written_and_nothing_else() {
        let mut letter = Letter::test("Funds leave".into(), 3, "", "email:users@harbor.example".into(), B256::ZERO, 0);
        (letter.is_test, letter.intent) = (false, Intent::Tell);
        letter.ordered.effect = Effect::Communicate {
            incident: 3,
            communication: "users".into(),
            audience: "users".into(),
            channels: vec!["email:users@harbor.example".into()],
            text: "We look at it. https://harbor.example".into(),
        };
        let said = View::of(&letter, Some("https://records.example/{incident}"));
        assert_eq!(said.text, "We look at it. https://harbor.example");
        let inner = [&said.headline, &said.severity, &said.state, &said.in_time, &said.answer, &said.record_url];
        assert!(inner.iter().all(|text| text.is_empty()) && said.incident == 0, "{said:?}");
    }

    #[test]
    fn a_page_says_its_headline_once_and_a_test_names_no_incident() {
        let link = Some("https://records.example/{incident}");
        let mut letter = Letter::test("Funds leave".into(), 3, "ana", "sms:1".into(), B256::ZERO, 0);
        let test = View::of(&letter, link);
        assert_eq!((test.headline.as_str(), test.incident, test.record_url.as_str()), ("Funds leave", 0, ""));
        letter.is_test = false;
        if let Effect::Page { text, .. } = &mut letter.ordered.effect {
            *text = "Incident 3 (info): Funds leave; lost or moved so far: 5 ETH".to_owned();
        }
        let page = View::of(&letter, link);
        assert_eq!(page.headline, "Incident 3 (info): Funds leave");
        assert_eq!(page.text, "lost or moved so far: 5 ETH");
        assert_eq!(page.record_url, "https://records.example/3");
        (letter.intent, letter.brief.state) = (Intent::Resolve, IncidentState::Retracted);
        if let Effect::Page { text, .. } = &mut letter.ordered.effect {
            *text = format!("{}: every finding was taken back", ended(3, IncidentState::Retracted, "Funds leave"));
        }
        let over = View::of(&letter, link);
        assert_eq!(over.headline, "It is over: Funds leave (incident 3, retracted)");
        assert_eq!(over.text, "every finding was taken back");
    }
}
