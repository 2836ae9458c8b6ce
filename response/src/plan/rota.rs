//! Who is on call at a moment: local times, turns by calendar days, so that a change of the clocks moves no handover.

use std::sync::OnceLock;

use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};

use super::entity::{Layer, Schedule, Weekday};
use super::moment::{Moment, TimeOfDay};

/// Whether a name is one of an IANA time zone that this build knows.
pub fn is_zone(name: &str) -> bool {
    zone(name).is_some()
}

/// The person on call at a moment, milliseconds since the Unix epoch; `None` where nobody is.
pub fn on_call(schedule: &Schedule, now_ms: u64) -> Option<&str> {
    let now = Moment { ms: now_ms };
    let exception = schedule.overrides.iter().rev().find(|exception| exception.from <= now && now < exception.until);
    if let Some(exception) = exception {
        return exception.person.as_deref();
    }
    let local = local(&schedule.time_zone, now_ms)?;
    schedule.layers.iter().find_map(|layer| in_turn(layer, local))
}

/// The local time of a moment, for people: `Tue 09:00 Europe/Lisbon`.
pub fn local_words(time_zone: &str, now_ms: u64) -> Option<String> {
    Some(format!("{} {time_zone}", local(time_zone, now_ms)?.strftime("%a %H:%M")))
}

/// The local date and time of a moment, for people: `Tue 2026-11-24 09:00`.
pub fn local_date(time_zone: &str, now_ms: u64) -> Option<String> {
    Some(local(time_zone, now_ms)?.strftime("%a %F %H:%M").to_string())
}

/// Local midnights after which [`on_call`] may answer otherwise, and all other moments at which it may, from one moment
/// to another, milliseconds since the Unix epoch.
pub fn changes(schedule: &Schedule, from_ms: u64, until_ms: u64) -> Vec<u64> {
    let mut times: Vec<u64> = vec![from_ms];
    times.extend(schedule.overrides.iter().flat_map(|exception| [exception.from.ms, exception.until.ms]));
    if let (Some(zone), Some(first)) = (zone(&schedule.time_zone), local(&schedule.time_zone, from_ms)) {
        let mut day = first.date();
        let mut of_day: Vec<TimeOfDay> = schedule
            .layers
            .iter()
            .flat_map(|layer| [Some(layer.handover), layer.from, layer.until])
            .flatten()
            .collect();
        of_day.push(TimeOfDay { minutes: 0 });
        of_day.sort();
        of_day.dedup();
        let ms = |moment: Timestamp| u64::try_from(moment.as_millisecond()).unwrap_or(0);
        // An hour that comes twice or never may change who is on call where the clocks change, and in both its turns.
        times.extend(clock_changes(&zone, from_ms).map(ms).take_while(|at_ms| *at_ms < until_ms));
        loop {
            let of_this_day = of_day.iter().flat_map(|time| {
                let at = day.at((time.minutes / 60) as i8, (time.minutes % 60) as i8, 0, 0);
                let moment = zone.to_ambiguous_timestamp(at);
                [moment.earlier(), moment.later()].into_iter().flatten().map(ms)
            });
            let of_this_day: Vec<u64> = of_this_day.collect();
            let is_over = of_this_day.iter().all(|at_ms| *at_ms >= until_ms);
            times.extend(of_this_day);
            match day.tomorrow() {
                Ok(tomorrow) if !is_over => day = tomorrow,
                _ => break,
            }
        }
    }
    times.retain(|at_ms| (from_ms..until_ms).contains(at_ms));
    times.sort_unstable();
    times.dedup();
    times
}

/// When the clocks of a zone change, from a moment on.
fn clock_changes(zone: &TimeZone, from_ms: u64) -> impl Iterator<Item = Timestamp> {
    let from = i64::try_from(from_ms).ok().and_then(|from_ms| Timestamp::from_millisecond(from_ms).ok());
    from.into_iter().flat_map(|from| zone.following(from)).map(|change| change.timestamp())
}

fn in_turn(layer: &Layer, local: DateTime) -> Option<&str> {
    let minutes = local.time().hour() as u16 * 60 + local.time().minute() as u16;
    let time = TimeOfDay { minutes };
    let day_of = |is_of_yesterday: bool| -> Option<Date> {
        if is_of_yesterday { local.date().checked_sub(1.day()).ok() } else { Some(local.date()) }
    };
    // The weekday that counts is that on which the hours of duty began.
    let began = match (layer.from, layer.until) {
        (Some(from), Some(until)) if from < until => (from <= time && time < until).then(|| day_of(false))?,
        (Some(from), Some(until)) => (from <= time || time < until).then(|| day_of(time < until))?,
        _ => day_of(time < layer.handover),
    }?;
    if !layer.weekdays.is_empty() && !layer.weekdays.contains(&weekday(began)) {
        return None;
    }
    let duty = day_of(time < layer.handover)?;
    let starts = Timestamp::from_millisecond(i64::try_from(layer.starts.ms).ok()?).ok()?;
    let starts = TimeZone::UTC.to_datetime(starts).date();
    let days = duty.since(starts).ok()?.get_days();
    let turn = usize::try_from(days).ok()? / usize::try_from(layer.every_days.max(1)).ok()?;
    layer.people.get(turn.checked_rem(layer.people.len())?).map(String::as_str)
}

fn weekday(date: Date) -> Weekday {
    match date.weekday() {
        jiff::civil::Weekday::Monday => Weekday::Mon,
        jiff::civil::Weekday::Tuesday => Weekday::Tue,
        jiff::civil::Weekday::Wednesday => Weekday::Wed,
        jiff::civil::Weekday::Thursday => Weekday::Thu,
        jiff::civil::Weekday::Friday => Weekday::Fri,
        jiff::civil::Weekday::Saturday => Weekday::Sat,
        jiff::civil::Weekday::Sunday => Weekday::Sun,
    }
}

fn local(time_zone: &str, now_ms: u64) -> Option<DateTime> {
    let now = Timestamp::from_millisecond(i64::try_from(now_ms).ok()?).ok()?;
    Some(zone(time_zone)?.to_datetime(now))
}

/// Zones come with the build and not from the machine, or a replay elsewhere could page somebody else.
fn zone(name: &str) -> Option<TimeZone> {
    static ZONES: OnceLock<TimeZoneDatabase> = OnceLock::new();
    ZONES.get_or_init(TimeZoneDatabase::bundled).get(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(text: &str) -> Schedule {
        toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn at(text: &str) -> u64 {
        text.parse::<Timestamp>().map(|moment| moment.as_millisecond() as u64).unwrap_or_else(|error| panic!("{error}"))
    }

    fn check(schedule: &Schedule, expected: &[(&str, Option<&str>)]) {
        for (moment, who) in expected {
            assert_eq!(on_call(schedule, at(moment)), *who, "at {moment}");
        }
    }

    const WEEKS: &str = "time_zone = \"Europe/Berlin\"\n\
        [[layers]]\npeople = [\"ana\", \"bo\"]\nstarts = 2026-03-23\nhandover = \"09:00\"\n";

    #[test]
    fn a_handover_keeps_its_local_hour_when_the_clocks_change() {
        // Clocks go forward on 29 March 2026 and back on 25 October 2026.
        check(
            &schedule(WEEKS),
            &[
                ("2026-03-23T07:59:00Z", None),
                ("2026-03-23T08:00:00Z", Some("ana")),
                ("2026-03-30T06:59:00Z", Some("ana")),
                ("2026-03-30T07:00:00Z", Some("bo")),
                ("2026-10-26T07:59:00Z", Some("ana")),
                ("2026-10-26T08:00:00Z", Some("bo")),
            ],
        );
    }

    #[test]
    fn hours_of_night_belong_to_the_day_on_which_they_begin() {
        let nights = schedule(
            "time_zone = \"UTC\"\n[[layers]]\npeople = [\"ana\"]\nstarts = 2026-01-01\nhandover = \"00:00\"\n\
             weekdays = [\"fri\"]\nfrom = \"22:00\"\nuntil = \"06:00\"\n",
        );
        check(
            &nights,
            &[
                ("2026-11-20T21:59:00Z", None),
                ("2026-11-20T22:00:00Z", Some("ana")),
                ("2026-11-21T05:59:00Z", Some("ana")),
                ("2026-11-21T06:00:00Z", None),
                ("2026-11-20T05:00:00Z", None),
            ],
        );
    }

    #[test]
    fn an_exception_goes_before_every_layer_and_may_leave_the_rota_empty() {
        let mut weeks = schedule(&format!(
            "overrides = [{{ from = 2026-04-01, until = 2026-04-02, person = \"dana\" }},\
             {{ from = 2026-04-01T12:00:00Z, until = 2026-04-01T13:00:00Z }}]\n{WEEKS}"
        ));
        check(
            &weeks,
            &[
                ("2026-04-01T00:00:00Z", Some("dana")),
                ("2026-04-01T12:30:00Z", None),
                ("2026-04-02T00:00:00Z", Some("bo")),
            ],
        );
        weeks.layers.clear();
        check(&weeks, &[("2026-04-02T00:00:00Z", None)]);
    }

    fn check_changes(schedule: &Schedule, from: &str, until: &str) {
        let changes = changes(schedule, at(from), at(until));
        assert!(changes.len() > 2);
        for pair in changes.windows(2) {
            let first = on_call(schedule, pair[0]);
            let mut moment = pair[0];
            while moment < pair[1] {
                assert_eq!(on_call(schedule, moment), first, "at {}", Moment { ms: moment });
                moment += 600_000;
            }
        }
    }

    #[test]
    fn between_two_changes_nobody_takes_over() {
        check_changes(&schedule(WEEKS), "2026-03-20T00:00:00Z", "2026-04-20T00:00:00Z");
        // The hour from two to three comes twice in October, and never in March.
        let nights = "time_zone = \"Europe/Berlin\"\n[[layers]]\npeople = [\"ana\"]\nstarts = 2026-01-01\n\
                      handover = \"00:00\"\nfrom = \"02:30\"\nuntil = \"05:00\"\n";
        check_changes(&schedule(nights), "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z");
        check_changes(&schedule(nights), "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z");
    }
}
