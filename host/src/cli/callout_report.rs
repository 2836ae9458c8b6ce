//! Who was reached by the callouts of a quarter, and when last before that if they were not.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::json;

use super::Exit;
use super::table::Table;
use crate::app::config::Config;
use crate::app::live::output::Format;
use crate::journal::Journal;
use crate::note::{CalledOut, Note};
use crate::plan::Plan;
use crate::plan::moment::{Moment, span};

/// Three months, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quarter {
    year: i16,
    /// From 1 to 4.
    number: i8,
}

/// What is known of one person.
#[derive(Debug, Default)]
struct Seen {
    /// How often they were called.
    called: usize,
    /// How often they were reached.
    reached: usize,
    /// How long each answer took, seconds.
    took_s: Vec<u64>,
    /// When they were last reached, milliseconds since the Unix epoch.
    last_ms: Option<u64>,
    /// Addresses by which they were not reached the last time.
    silent: Vec<String>,
}

/// Reads `2026-Q4`.
pub(super) fn quarter(text: &str) -> Result<Quarter, String> {
    let wrong = || "write a year and a quarter, as 2026-Q4".to_owned();
    let (year, number) = text.split_once("-Q").ok_or_else(wrong)?;
    let (year, number) = (year.parse().map_err(|_| wrong())?, number.parse().map_err(|_| wrong())?);
    if (1970..=9998).contains(&year) && (1..=4).contains(&number) { Ok(Quarter { year, number }) } else { Err(wrong()) }
}

impl Quarter {
    /// Returns the quarter of a moment, milliseconds since the Unix epoch.
    pub(super) fn of(now_ms: u64) -> Self {
        let now = i64::try_from(now_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
        let day = TimeZone::UTC.to_datetime(now).date();
        Self { year: day.year(), number: (day.month() - 1) / 3 + 1 }
    }

    /// Returns when it begins and ends, milliseconds since the Unix epoch.
    fn span_ms(self) -> (u64, u64) {
        let first = date(self.year, (self.number - 1) * 3 + 1, 1);
        let next = first.checked_add(3.months()).unwrap_or(Date::MAX);
        let ms = |day: Date| {
            let moment = TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).map(Timestamp::as_millisecond);
            moment.ok().and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default()
        };
        (ms(first), ms(next))
    }
}

/// Prints the report, and says whether everybody of the plan was reached.
pub(super) fn print(
    config: &Config,
    plan: &Plan,
    protocol: &str,
    quarter: Quarter,
    format: Format,
) -> anyhow::Result<Exit> {
    let notes = match config.journal.exists() {
        true => Journal::open_existing_read_only(&config.journal)?.notes(0)?,
        false => Vec::new(),
    };
    let callouts = notes.iter().filter_map(|(at_ms, note)| match note {
        Note::CalledOut(one) if one.protocol == protocol => Some((*at_ms, one)),
        _ => None,
    });
    let seen = seen(plan, callouts, quarter.span_ms());
    let everybody = seen.values().all(|one| one.reached > 0);
    match format {
        Format::Json => {
            for (person, one) in &seen {
                println!(
                    "{}",
                    json!({
                        "person": person, "called": one.called, "reached": one.reached, "took_s": one.took_s,
                        "last_reached_ms": one.last_ms, "silent": one.silent,
                    })
                );
            }
        }
        Format::Pretty => {
            println!("Callouts of {}-Q{}", quarter.year, quarter.number);
            let mut table = Table::new(&["person", "called", "reached", "answered within", "last reached", "not by"]);
            for (person, one) in &seen {
                let took = one.took_s.iter().max().map(|seconds| span(*seconds)).unwrap_or_default();
                let last =
                    one.last_ms.map_or_else(|| "never".to_owned(), |ms| Moment { ms: ms / 1_000 * 1_000 }.to_string());
                table.row([
                    plan.name(person),
                    one.called.to_string(),
                    one.reached.to_string(),
                    took,
                    last,
                    one.silent.join(", "),
                ]);
            }
            print!("{}", table.pretty());
        }
    }
    Ok(if everybody { Exit::Good } else { Exit::No })
}

/// What callouts, each with its moment, say of each person of a plan.
fn seen<'n>(
    plan: &Plan,
    callouts: impl Iterator<Item = (u64, &'n CalledOut)>,
    (from_ms, until_ms): (u64, u64),
) -> BTreeMap<String, Seen> {
    let people = plan.tables().person.keys().map(|id| (id.clone(), Seen::default()));
    let mut seen: BTreeMap<String, Seen> = people.collect();
    for (at_ms, callout) in callouts.filter(|(at_ms, _)| *at_ms < until_ms) {
        for (person, reached) in callout.reached() {
            let Some(one) = seen.get_mut(person) else { continue };
            if reached {
                one.last_ms = Some(callout.reached_at_ms(person).unwrap_or(at_ms));
            }
            if at_ms < from_ms {
                continue;
            }
            let calls = callout.calls.iter().filter(|call| call.person == person);
            one.called += 1;
            one.reached += usize::from(reached);
            one.took_s.extend(calls.clone().filter_map(|call| call.answered_s).min());
            let silent = calls.filter(|call| !callout.is_taken(call));
            one.silent = silent.map(|call| call.address.clone()).collect();
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::Called;

    #[test]
    fn a_quarter_has_three_months() {
        let read = quarter("2026-Q4").unwrap();
        assert_eq!(read.span_ms(), (1_790_812_800_000, 1_798_761_600_000));
        assert_eq!(Quarter::of(1_798_761_599_999), read);
        assert_eq!(Quarter::of(1_798_761_600_000), Quarter { year: 2027, number: 1 });
        assert!(quarter("2026-Q5").is_err() && quarter("last").is_err());
    }

    #[test]
    fn a_report_says_who_was_reached_and_by_what_not() {
        let plan = Plan::load(&[(
            "plan.toml".to_owned(),
            "[person.ana]\nname = 'Ana'\n[person.bo]\nname = 'Bo'\n".to_owned(),
        )])
        .unwrap();
        let call = |person: &str, address: &str, answered_s| Called {
            person: person.into(),
            address: address.into(),
            normal: address.starts_with("email:"),
            channel: "texts".into(),
            refused: None,
            answered_s,
        };
        let calls = vec![call("ana", "sms:1", Some(40)), call("ana", "email:ana", None), call("bo", "sms:2", None)];
        let protocol = String::new();
        let callout = CalledOut { callout: "quarterly".into(), protocol, wait_s: 60, began_ms: 0, calls };
        let seen = seen(&plan, [(5, &callout), (15, &callout)].into_iter(), (10, 20));
        let (ana, bo) = (&seen["ana"], &seen["bo"]);
        assert_eq!((ana.called, ana.reached, ana.last_ms, &ana.took_s), (1, 1, Some(15), &vec![40]));
        assert_eq!(ana.silent, ["email:ana"]);
        assert_eq!((bo.called, bo.reached, bo.last_ms), (1, 0, None));
    }
}
