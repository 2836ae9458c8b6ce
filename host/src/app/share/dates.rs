//! How old an index is: by its own word, and by when it was taken from its registry. Who hears of nothing new may have been kept
//! from it, since a registry can go on serving what was signed once.

use jiff::{SignedDuration, Timestamp};

use crate::app::share::indexes::Known;
use crate::text::line;

/// By how much clocks may differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_hours(24);

impl Known {
    /// Returns its version and its dates, in a line.
    pub fn dated(&self, now: Timestamp) -> String {
        let version = line(&self.index.version, 64);
        let updated = match self.index.updated {
            Some(updated) => format!("updated {}", ago(updated, now)),
            None => "it does not say when it was updated".to_owned(),
        };
        let taken = self.taken_at.map(|taken| format!("; taken from its registry {}", ago(taken, now)));
        format!("version {version}, {updated}{}", taken.unwrap_or_default())
    }

    /// Returns why it is too old to go by, for who wants none older than so many days. `None` if it is not, or has no date.
    pub fn too_old(&self, now: Timestamp, at_most_days: u32) -> Option<String> {
        let key = "`[trust] index_max_age_days`";
        let is_over = |at: Timestamp| days(at, now) > i64::from(at_most_days);
        if let Some(updated) = self.index.updated {
            if updated.duration_since(now) > CLOCKS_DIFFER {
                return Some(format!("its date, {updated}, is yet to come: how old it is is not known"));
            }
            if is_over(updated) {
                let since = ago(updated, now);
                return Some(format!(
                    "it was updated {since}, and {key} is {at_most_days}: what is known since is not in it. Ask who keeps it"
                ));
            }
        }
        if let Some(taken) = self.taken_at.filter(|taken| taken.duration_since(now) > CLOCKS_DIFFER) {
            return Some(format!(
                "it was taken from its registry at {taken}, which is yet to come: the clock was wrong then, or is now. Take it again \
                 by `watchfire plugin audit`"
            ));
        }
        let taken = self.taken_at.filter(|taken| is_over(*taken))?;
        let since = ago(taken, now);
        Some(format!(
            "it was taken from its registry {since}, and {key} is {at_most_days}: take it again by `watchfire plugin audit`"
        ))
    }
}

/// Returns how many whole days ago a moment was.
fn days(at: Timestamp, now: Timestamp) -> i64 {
    now.duration_since(at).as_hours() / 24
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    match days(at, now) {
        ..0 => format!("at {at}, which is yet to come"),
        0 => "within a day".to_owned(),
        1 => "a day ago".to_owned(),
        days => format!("{days} days ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::index::Index;

    fn known(updated: Option<&str>, taken: Option<&str>) -> Known {
        let at = |said: &str| said.parse::<Timestamp>().unwrap();
        let index = Index { version: "7".into(), updated: updated.map(at), ..Index::default() };
        Known { source: "ours".into(), index, kept_since: None, taken_at: taken.map(at) }
    }

    #[test]
    fn its_age_is_told_and_one_that_is_too_old_is_named() {
        let now = "2026-12-01T12:00:00Z".parse().unwrap();
        let check = |updated, taken, dated: &str, too_old: Option<&str>| {
            let known = known(updated, taken);
            assert_eq!(known.dated(now), dated);
            let why = known.too_old(now, 30);
            match (too_old, &why) {
                (None, None) => {}
                (Some(part), Some(why)) if why.contains(part) => {}
                _ => panic!("{dated}: {why:?}"),
            }
        };
        check(None, None, "version 7, it does not say when it was updated", None);
        let ahead = Some("2027-12-01T12:00:00Z");
        let dated = "version 7, it does not say when it was updated; taken from its registry at 2027-12-01T12:00:00Z, which is yet to come";
        check(None, ahead, dated, Some("the clock was wrong then"));
        let today = Some("2026-12-01T09:00:00Z");
        check(today, None, "version 7, updated within a day", None);
        check(
            Some("2026-11-30T09:00:00Z"),
            Some("2026-11-01T12:00:00Z"),
            "version 7, updated a day ago; taken from its registry 30 days ago",
            None,
        );
        check(
            today,
            Some("2026-10-31T11:00:00Z"),
            "version 7, updated within a day; taken from its registry 31 days ago",
            Some("taken from its registry 31 days ago, and `[trust] index_max_age_days` is 30"),
        );
        check(
            Some("2026-10-01T12:00:00Z"),
            today,
            "version 7, updated 61 days ago; taken from its registry within a day",
            Some("it was updated 61 days ago"),
        );
        check(
            Some("2027-01-01T00:00:00Z"),
            today,
            "version 7, updated at 2027-01-01T00:00:00Z, which is yet to come; taken from its registry within a day",
            Some("is yet to come: how old it is is not known"),
        );
    }
}
