//! Values that a key of a detector's config takes, one after the other.

use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;

/// Points of a range where none are asked for.
const POINTS: usize = 9;
/// Most points of one key.
const POINTS_AT_MOST: usize = 256;
/// From this ratio of the last to the first on, points lie evenly by ratio: thresholds are looked for by their order of
/// magnitude.
const BY_RATIO_FROM: f64 = 10.0;

/// A number as it was written: whole ones keep every digit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Number {
    /// A whole one.
    Whole(i128),
    /// Any other.
    Real(f64),
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Number::Whole(whole) => whole.fmt(f),
            Number::Real(real) => real.fmt(f),
        }
    }
}

impl Number {
    /// As near as a 64-bit float comes.
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Whole(whole) => whole as f64,
            Number::Real(real) => real,
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let digits = text.trim().replace('_', "");
        let real = || digits.parse::<f64>().ok().filter(|real| real.is_finite()).map(Number::Real);
        digits.parse().ok().map(Number::Whole).or_else(real).ok_or_else(|| format!("`{text}` is no number"))
    }

    /// As the config has it: where text stands there now, amounts past what JSON's numbers carry for instance, as text.
    fn value(self, now: Option<&Value>) -> Value {
        match (self, now) {
            (number, Some(Value::String(_))) => Value::String(number.to_string()),
            (Number::Whole(whole), _) => match (i64::try_from(whole), u64::try_from(whole)) {
                (Ok(whole), _) => whole.into(),
                (_, Ok(whole)) => whole.into(),
                _ => Value::String(whole.to_string()),
            },
            (Number::Real(real), _) => real.into(),
        }
    }
}

/// A key, and its values in order: `limit=1000..100000`, `limit=1000..100000:20` for so many points, `limit=1,5,25`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// The key in the detector's config, tables and places in lists divided by dots.
    pub key: String,
    /// The values.
    pub values: Vec<Number>,
}

impl FromStr for Sweep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, range) = text.split_once('=').ok_or("write `KEY=FROM..TO`, `KEY=FROM..TO:POINTS` or `KEY=A,B,C`")?;
        let values = match range.split_once("..") {
            Some((from, rest)) => {
                let (to, points) = match rest.split_once(':') {
                    Some((to, points)) => {
                        (to, points.parse().map_err(|_| format!("`{points}` is no number of points"))?)
                    }
                    None => (rest, POINTS),
                };
                between(Number::parse(from)?, Number::parse(to)?, points)?
            }
            None => range.split(',').map(Number::parse).collect::<Result<_, _>>()?,
        };
        if key.is_empty() || values.len() > POINTS_AT_MOST {
            return Err(format!("a sweep has a key and at most {POINTS_AT_MOST} values"));
        }
        Ok(Self { key: key.to_owned(), values })
    }
}

fn between(from: Number, to: Number, points: usize) -> Result<Vec<Number>, String> {
    let (first, last) = (from.as_f64(), to.as_f64());
    if last <= first {
        return Err(format!("it begins after its end: {from} is not below {to}"));
    }
    if !(2..=POINTS_AT_MOST).contains(&points) {
        return Err(format!("a range has 2 to {POINTS_AT_MOST} points"));
    }
    let by_ratio = first > 0.0 && last / first >= BY_RATIO_FROM;
    let at = |point: usize| {
        let share = point as f64 / (points - 1) as f64;
        if by_ratio { first * (last / first).powf(share) } else { first + (last - first) * share }
    };
    let is_whole = matches!((from, to), (Number::Whole(_), Number::Whole(_)));
    let number = |real: f64| if is_whole { Number::Whole(real.round() as i128) } else { Number::Real(real) };
    // The ends are as they were written, and no value comes twice.
    let inner = (1..points - 1).map(|point| number(at(point)));
    let mut values: Vec<Number> = std::iter::once(from).chain(inner).chain([to]).collect();
    values.dedup();
    Ok(values)
}

/// Puts a value in a config, at a key that is there or in a table that is.
///
/// # Errors
///
/// If the config has no such place, or another kind of value there.
pub fn set(config: &mut Value, key: &str, number: Number) -> Result<(), String> {
    let (above, last) = key.rsplit_once('.').map_or((None, key), |(above, last)| (Some(above), last));
    let mut place = config;
    for part in above.into_iter().flat_map(|above| above.split('.')) {
        place = match place {
            Value::Array(list) => part.parse::<usize>().ok().and_then(|at| list.get_mut(at)),
            other => other.get_mut(part),
        }
        .ok_or_else(|| format!("the config has no `{part}` to sweep `{key}` in"))?;
    }
    match place {
        Value::Object(table) => {
            let value = number.value(table.get(last));
            table.insert(last.to_owned(), value);
        }
        Value::Array(list) => {
            let place = last.parse::<usize>().ok().and_then(|at| list.get_mut(at));
            let place = place.ok_or_else(|| format!("the config has no `{key}`"))?;
            *place = number.value(Some(place));
        }
        _ => return Err(format!("the config has no table above `{last}` to sweep `{key}` in")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(text: &str) -> Vec<String> {
        text.parse::<Sweep>().unwrap().values.iter().map(Number::to_string).collect()
    }

    #[test]
    fn a_range_is_even_by_ratio_or_by_difference_and_keeps_its_ends() {
        assert_eq!(values("limit=1000..100000:3"), ["1000", "10000", "100000"]);
        assert_eq!(values("limit=10..50:5"), ["10", "20", "30", "40", "50"]);
        assert_eq!(values("share=0.1..0.3:3"), ["0.1", "0.2", "0.3"]);
        assert_eq!(values("limit=1..3:9"), ["1", "2", "3"]);
        let wei = values("limit=1000000000000000000000..100000000000000000000000:3");
        assert_eq!((wei[0].as_str(), wei[2].as_str()), ("1000000000000000000000", "100000000000000000000000"));
        assert_eq!(values("window=60,300,3_600"), ["60", "300", "3600"]);
        for wrong in ["limit", "limit=9..3", "limit=a..b", "limit=1..2:1", "limit=1..2:x", "=1..2", "limit=1..inf"] {
            assert!(wrong.parse::<Sweep>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_value_takes_the_shape_of_what_stands_there() {
        let mut config = json!({ "rule": [{ "limit": "5" }], "share": 1 });
        set(&mut config, "rule.0.limit", Number::Whole(1_000)).unwrap();
        set(&mut config, "share", Number::Real(0.5)).unwrap();
        set(&mut config, "new", Number::Whole(i128::MAX)).unwrap();
        assert_eq!(config, json!({ "rule": [{ "limit": "1000" }], "share": 0.5, "new": i128::MAX.to_string() }));
        assert!(set(&mut config, "rule.1.limit", Number::Whole(1)).unwrap_err().contains("has no `1`"));
        assert!(set(&mut config, "share.of", Number::Whole(1)).unwrap_err().contains("no table above `of`"));
    }
}
