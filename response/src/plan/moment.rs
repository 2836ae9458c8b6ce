//! Moments and spans of time, as plans write them and people read them.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::value::{Datetime, Offset};

/// A moment, milliseconds since the Unix epoch. In a plan's files it is an RFC 3339 date-time with an
/// offset, or a date, which means its first moment in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Milliseconds since the Unix epoch.
    pub ms: u64,
}

impl Moment {
    /// Reads a TOML date or date-time.
    ///
    /// # Errors
    ///
    /// If the date or the offset is missing, or the moment is before 1970. The error says how to mend it.
    pub fn of(datetime: &Datetime) -> Result<Self, String> {
        let Some(date) = datetime.date else {
            return Err("a time of day alone is no moment; write the date too, as 2027-01-31T12:00:00Z".into());
        };
        let offset_min = match (datetime.time, datetime.offset) {
            (None, _) | (_, Some(Offset::Z)) => 0,
            (_, Some(Offset::Custom { minutes })) => i64::from(minutes),
            (Some(_), None) => return Err(format!("the offset is missing; for UTC write {datetime}Z")),
        };
        let mut seconds = days(i64::from(date.year), i64::from(date.month), i64::from(date.day)) * 86_400;
        if let Some(time) = datetime.time {
            seconds +=
                i64::from(time.hour) * 3_600 + i64::from(time.minute) * 60 + i64::from(time.second.unwrap_or_default());
        }
        match u64::try_from(seconds - offset_min * 60) {
            Ok(seconds) => Ok(Self { ms: seconds * 1_000 }),
            Err(_) => Err("the moment is before 1970; check the year".into()),
        }
    }
}

impl fmt::Display for Moment {
    /// The date alone if it is midnight, `2026-01-01`, the second otherwise, `2026-01-01T12:30:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.ms / 1_000;
        let (year, month, day) = civil((seconds / 86_400) as i64);
        write!(f, "{year:04}-{month:02}-{day:02}")?;
        match seconds % 86_400 {
            0 => Ok(()),
            rest => write!(f, "T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60),
        }
    }
}

/// The day on which something begins. In a plan's files it is a date, which means that day wherever it is, or a date-time
/// with its offset, which means the day on which that moment falls in the time zone concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    moment: Moment,
    /// Whether it was given as a date-time whose local day is not settled yet.
    is_moment: bool,
}

impl Day {
    /// Returns the day of a moment in UTC.
    pub fn of(moment: Moment) -> Self {
        Self { moment, is_moment: false }
    }

    /// Returns the moment that stands for the day if nothing of it is open: its first one in UTC. Otherwise the moment
    /// that was given, whose day depends on a time zone.
    pub fn moment(self) -> Moment {
        self.moment
    }

    /// Whether the day depends on a time zone.
    pub fn depends_on_zone(self) -> bool {
        self.is_moment
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.moment.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (moment, is_moment) = read(deserializer)?;
        Ok(Self { moment, is_moment })
    }
}

impl schemars::JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "A date, or an RFC 3339 date-time with its offset, which means the day on which it falls in the time zone concerned."
        })
    }
}

/// A local time of day, minutes since midnight; written `09:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay {
    /// Minutes since midnight.
    pub minutes: u16,
}

impl TimeOfDay {
    /// Reads `HH:MM`; `None` if it is no time of day.
    pub fn of(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let two = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
        let (hours, minutes) = (two(hours)?, two(minutes)?);
        (hours < 24 && minutes < 60).then_some(Self { minutes: hours * 60 + minutes })
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::of(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no time of day; write it as 09:00")))
    }
}

impl schemars::JsonSchema for TimeOfDay {
    fn schema_name() -> Cow<'static, str> {
        "TimeOfDay".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-2][0-9]:[0-5][0-9]$", "description": "A time of day, as 09:00." })
    }
}

/// Returns a span of seconds for people, in its two largest units: `45 s`, `1 min 30 s`, `2 h`, `7 d`.
pub fn span(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(first) = units.iter().position(|(size, _)| seconds >= *size) else { return "0 s".into() };
    let (size, unit) = units[first];
    let mut text = format!("{} {unit}", seconds / size);
    if let Some((next, unit)) = units.get(first + 1)
        && seconds % size / next > 0
    {
        text.push_str(&format!(" {} {unit}", seconds % size / next));
    }
    text
}

/// Days from the Unix epoch to a day of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a count of days from the Unix epoch.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_of_year = (5 * day_of_year + 2) / 153;
    let month = if month_of_year < 10 { month_of_year + 3 } else { month_of_year - 9 };
    let day = day_of_year - (153 * month_of_year + 2) / 5 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.ms)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer).map(|(moment, _)| moment)
    }
}

/// Reads a moment, and whether it was given with a time of day.
fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(Moment, bool), D::Error> {
    struct Reader;
    impl<'de> Visitor<'de> for Reader {
        type Value = (Moment, bool);

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a date or a date-time with its offset")
        }

        fn visit_u64<E: Error>(self, ms: u64) -> Result<Self::Value, E> {
            Ok((Moment { ms }, false))
        }

        fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
            let datetime = Datetime::deserialize(MapAccessDeserializer::new(map))?;
            let moment = Moment::of(&datetime).map_err(M::Error::custom)?;
            Ok((moment, datetime.time.is_some()))
        }
    }
    deserializer.deserialize_any(Reader)
}

impl schemars::JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "An RFC 3339 date-time with its offset, or a date, which means its first moment in UTC."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let read = text.parse::<Datetime>().map_err(|error| error.to_string()).and_then(|moment| Moment::of(&moment));
        assert_eq!(read.map_or_else(|error| error, |moment| format!("{} {moment}", moment.ms)), expected, "{text}");
    }

    #[test]
    fn dates_become_moments_and_back() {
        check("1970-01-01", "0 1970-01-01");
        check("2026-01-01", "1767225600000 2026-01-01");
        check("2024-02-29T23:59:59Z", "1709251199000 2024-02-29T23:59:59Z");
        check("2026-11-24T01:30:00+01:30", "1795478400000 2026-11-24");
        check("2000-03-01T00:00:01-00:30", "951870601000 2000-03-01T00:30:01Z");
        check("2026-11-24T01:30:00", "the offset is missing; for UTC write 2026-11-24T01:30:00Z");
        check("07:32:00", "a time of day alone is no moment; write the date too, as 2027-01-31T12:00:00Z");
        check("1960-01-01", "the moment is before 1970; check the year");
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for day in 0..146_097 {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }

    #[test]
    fn spans_read_in_their_two_largest_units() {
        let said: Vec<String> = [0, 45, 90, 3_600, 90_061, 604_800].map(span).into();
        assert_eq!(said, ["0 s", "45 s", "1 min 30 s", "1 h", "1 d 1 h", "7 d"]);
    }
}
