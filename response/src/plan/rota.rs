//! Who is on call at a moment: local times, turns by calendar days, so that a change of the clocks moves no handover.

use std::sync::OnceLock;

use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};

use super::entity::{Callout, Layer, Schedule, Weekday};
use super::moment::{Day, Moment, TimeOfDay};

/// Whether a name is one of an IANA time zone that this build knows.
pub fn is_zone(name: &str) -> bool {
    zone(name).is_some()
}

/// Returns the person on call at a moment, milliseconds since the Unix epoch; `None` if nobody is.
pub fn on_call(schedule: &Schedule, now_ms: u64) -> Option<&str> {
    let now = Moment { ms: now_ms };
    let exception = schedule.overrides.iter().rev().find(|exception| exception.from <= now && now < exception.until);
    if let Some(exception) = exception {
        return exception.person.as_deref();
    }
    let local = local(&schedule.time_zone, now_ms)?;
    schedule.layers.iter().find_map(|layer| in_turn(layer, local))
}

/// Returns the local date and time of a moment, for people: `Tue 2026-11-24 09:00`; `None` if the zone is not known.
pub fn local_date(time_zone: &str, now_ms: u64) -> Option<String> {
    Some(local(time_zone, now_ms)?.strftime("%a %F %H:%M").to_string())
}

/// Returns when a callout was due last, by a moment, both milliseconds since the Unix epoch; `None` before the first, or if its
/// zone is not known.
pub fn last_callout(callout: &Callout, now_ms: u64) -> Option<u64> {
    due_by(callout, u64::from(callout.every_days), now_ms)
}

/// Returns when a callout's time of day was last, as [`last_callout`] does: one that was missed is made up then.
pub fn last_time_of(callout: &Callout, now_ms: u64) -> Option<u64> {
    due_by(callout, 1, now_ms)
}

fn due_by(callout: &Callout, every_days: u64, now_ms: u64) -> Option<u64> {
    let zone = zone(&callout.time_zone)?;
    let first = utc(callout.starts)?.date();
    let today = local(&callout.time_zone, now_ms)?.date();
    let every = i64::try_from(every_days.max(1)).ok()?;
    let turns = i64::from(first.until(today).ok()?.get_days()).div_euclid(every);
    // Today's may be still to come.
    (turns - 1..=turns).rev().filter(|turn| *turn >= 0).find_map(|turn| {
        let day = first.checked_add((turn * every).days()).ok()?;
        let due = zone.to_ambiguous_timestamp(at(day, callout.at)).compatible().ok()?;
        u64::try_from(due.as_millisecond()).ok().filter(|due_ms| *due_ms <= now_ms)
    })
}

/// Settles on which day each layer starts: of a date-time with its offset it is the day in the schedule's time zone. Where
/// that is the day in UTC too, the moment stays as it was given, and with it the hash of the plan.
pub(super) fn settle_starts(schedule: &mut Schedule) {
    for layer in &mut schedule.layers {
        let moment = layer.starts.moment();
        if layer.starts.depends_on_zone()
            && let (Some(local), Some(utc)) = (local(&schedule.time_zone, moment.ms), utc(moment))
        {
            let midnight = TimeZone::UTC.to_timestamp(local.date().at(0, 0, 0, 0)).map(Timestamp::as_millisecond);
            let ms = midnight.ok().and_then(|ms| u64::try_from(ms).ok()).filter(|_| local.date() != utc.date());
            layer.starts = Day::of(ms.map_or(moment, |ms| Moment { ms }));
        }
    }
}

/// Returns those people of a layer, by index, who are never on call: their turns fall on days or hours on which the layer
/// has no duty, or on which a layer before it always has somebody. Overrides are left out.
pub fn without_turn(schedule: &Schedule, index: usize) -> Vec<&str> {
    let Some(layer) = schedule.layers.get(index) else { return Vec::new() };
    let start = schedule.layers.iter().map(|layer| layer.starts.moment()).max().unwrap_or(Moment { ms: 0 });
    let Some(mut day) = utc(start).and_then(|start| start.date().tomorrow().ok()) else { return Vec::new() };
    // A turn of a week or more has each hour of the week, so one of a week stands for it. Days and weekdays meet again
    // after so many days; whether a layer before this one has somebody depends on the weekday and the hour alone.
    let week = Layer { every_days: layer.every_days.clamp(1, 7), ..layer.clone() };
    let days = 7 * layer.people.len().saturating_mul(week.every_days as usize);
    let times = times_of_day(schedule);
    let mut on_duty: Vec<&str> = Vec::new();
    for _ in 0..days {
        for time in &times {
            let at = at(day, *time);
            let is_covered = schedule.layers[..index].iter().any(|before| in_turn(before, at).is_some());
            if let (Some(person), false) = (in_turn(&week, at), is_covered) {
                // The copy has the people of the layer, in the same order.
                on_duty.extend(layer.people.iter().map(String::as_str).find(|one| *one == person));
            }
        }
        match day.tomorrow() {
            Ok(tomorrow) => day = tomorrow,
            Err(_) => break,
        }
    }
    let mut never: Vec<&str> = Vec::new();
    for person in layer.people.iter().map(String::as_str) {
        if !on_duty.contains(&person) && !never.contains(&person) {
            never.push(person);
        }
    }
    never
}

/// The local times of day at which who is on call may change, midnight among them, in order.
fn times_of_day(schedule: &Schedule) -> Vec<TimeOfDay> {
    let of_layer = |layer: &Layer| [Some(layer.handover), layer.from, layer.until];
    let mut times: Vec<TimeOfDay> = schedule.layers.iter().flat_map(of_layer).flatten().collect();
    times.push(TimeOfDay { minutes: 0 });
    times.sort();
    times.dedup();
    times
}

fn at(day: Date, time: TimeOfDay) -> DateTime {
    day.at((time.minutes / 60) as i8, (time.minutes % 60) as i8, 0, 0)
}

/// Returns local midnights after which [`on_call`] may answer otherwise, and all other moments at which it may, from one moment
/// to another, milliseconds since the Unix epoch.
pub fn changes(schedule: &Schedule, from_ms: u64, until_ms: u64) -> Vec<u64> {
    let mut times: Vec<u64> = vec![from_ms];
    times.extend(schedule.overrides.iter().flat_map(|exception| [exception.from.ms, exception.until.ms]));
    if let (Some(zone), Some(first)) = (zone(&schedule.time_zone), local(&schedule.time_zone, from_ms)) {
        let mut day = first.date();
        let of_day = times_of_day(schedule);
        let ms = |moment: Timestamp| u64::try_from(moment.as_millisecond()).unwrap_or(0);
        // An hour that comes twice or never may change who is on call when the clocks change, and in both its turns.
        times.extend(clock_changes(&zone, from_ms).map(ms).take_while(|at_ms| *at_ms < until_ms));
        loop {
            let of_this_day = of_day.iter().flat_map(|time| {
                let moment = zone.to_ambiguous_timestamp(at(day, *time));
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
    let starts = utc(layer.starts.moment())?.date();
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

fn utc(moment: Moment) -> Option<DateTime> {
    local("UTC", moment.ms)
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
        let mut schedule = toml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
        settle_starts(&mut schedule);
        schedule
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

    fn first_day(zone: &str, starts: &str, at_noon: &str) -> Option<&'static str> {
        let text = format!(
            "time_zone = \"{zone}\"\n[[layers]]\npeople = [\"ana\", \"bo\"]\nstarts = {starts}\nhandover = \"00:00\"\nevery_days = 1\n"
        );
        on_call(&schedule(&text), at(at_noon)).map(|who| if who == "ana" { "ana" } else { "bo" })
    }

    #[test]
    fn a_start_with_an_offset_means_its_day_in_the_zone_of_the_schedule() {
        let check = |zone: &str, starts: &str, at_noon: &str, expected: Option<&str>| {
            assert_eq!(first_day(zone, starts, at_noon), expected, "{zone} {starts} {at_noon}");
        };
        let (auckland, chicago) = ("Pacific/Auckland", "America/Chicago");
        for starts in ["2026-06-01", "2026-06-01T00:00:00+12:00", "2026-05-31T12:00:00Z", "2026-06-01T23:59:00+12:00"] {
            check(auckland, starts, "2026-06-01T00:00:00Z", Some("ana"));
            check(auckland, starts, "2026-06-02T00:00:00Z", Some("bo"));
            check(auckland, starts, "2026-05-31T00:00:00Z", None);
        }
        for starts in ["2026-06-01", "2026-06-01T21:00:00-05:00", "2026-06-02T02:00:00Z", "2026-06-01T00:00:00-05:00"] {
            check(chicago, starts, "2026-06-01T17:00:00Z", Some("ana"));
            check(chicago, starts, "2026-06-02T17:00:00Z", Some("bo"));
            check(chicago, starts, "2026-05-31T17:00:00Z", None);
        }
        // Midnight of UTC is the evening before in Chicago.
        check(chicago, "2026-06-01T00:00:00Z", "2026-05-31T17:00:00Z", Some("ana"));
    }

    #[test]
    fn people_whose_turns_never_have_duty_are_named() {
        let check = |layers: &str, index: usize, expected: &[&str]| {
            let schedule = schedule(&format!("time_zone = \"UTC\"\nlayers = [{layers}]\n"));
            assert_eq!(without_turn(&schedule, index), expected, "{layers}");
        };
        let people = |count: usize| format!("{:?}", &["a", "b", "c", "d", "e", "f", "g"][..count]);
        let layer = |count: usize, every: u32, rest: &str| {
            let people = people(count);
            format!("{{ people = {people}, starts = 2026-11-02, handover = \"09:00\", every_days = {every}{rest} }}")
        };
        let working = ", weekdays = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]";
        check(&layer(3, 1, working), 0, &[]);
        check(&layer(7, 1, ""), 0, &[]);
        check(&layer(7, 1, working), 0, &["f", "g"]);
        check(&layer(7, 1, ", weekdays = [\"wed\"]"), 0, &["a", "b", "d", "e", "f", "g"]);
        check(&layer(7, 7, ", weekdays = [\"wed\"]"), 0, &[]);
        check(&layer(7, 30, ", weekdays = [\"wed\"]"), 0, &[]);
        check(&layer(7, 2, ", weekdays = [\"wed\"]"), 0, &["a", "c", "d", "f", "g"]);
        check(&layer(6, 2, ", weekdays = [\"wed\"]"), 0, &[]);
        // Hours alone leave nobody out, unless a layer before has them all.
        let day = layer(2, 7, ", from = \"09:00\", until = \"17:00\"");
        check(&day, 0, &[]);
        check(&format!("{day}, {}", layer(3, 7, "")), 1, &[]);
        check(&format!("{}, {day}", layer(3, 7, "")), 1, &["a", "b"]);
        let weekend = ", weekdays = [\"sat\", \"sun\"]";
        check(&format!("{}, {}", layer(3, 7, working), layer(7, 1, "")), 1, &["a", "b", "c", "d", "e"]);
        check(&format!("{}, {}", layer(3, 7, weekend), layer(2, 1, "")), 1, &[]);
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

    #[test]
    fn a_callout_is_due_at_its_local_time_every_so_many_days() {
        let callout: Callout = toml::from_str(
            "who = ['guardian']\nstarts = 2026-01-05\nevery_days = 90\ntime_zone = 'Europe/Lisbon'\nat = '10:00'",
        )
        .unwrap();
        let check = |now: &str, expected: Option<&str>| {
            let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond() as u64;
            assert_eq!(last_callout(&callout, ms(now)), expected.map(ms), "{now}");
        };
        check("2026-01-05T09:59:59Z", None);
        check("2026-01-05T10:00:00Z", Some("2026-01-05T10:00:00Z"));
        check("2026-04-05T08:59:59Z", Some("2026-01-05T10:00:00Z"));
        // Summer time has begun in between.
        check("2026-04-05T09:00:00Z", Some("2026-04-05T09:00:00Z"));
        let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond() as u64;
        assert_eq!(last_time_of(&callout, ms("2026-01-09T09:00:00Z")), Some(ms("2026-01-08T10:00:00Z")));
    }
}
