//! How many calls an endpoint was asked, and how many it may be asked a day.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const DAY_S: u64 = 86_400;

/// Calls to one endpoint since the host started; each call of a batch counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// All of them.
    pub total: u64,
    /// Those of this day, by UTC.
    pub today: u64,
    /// How many a day may have; `None` if there is no limit but the endpoint's own.
    pub most_a_day: Option<u64>,
}

/// Counts calls, and refuses those beyond a day's budget.
#[derive(Debug)]
pub(super) struct Budget {
    most_a_day: Option<u64>,
    spent: Mutex<Spent>,
}

#[derive(Debug, Default)]
struct Spent {
    total: u64,
    /// Days since the Unix epoch.
    day: u64,
    today: u64,
}

impl Budget {
    pub fn new(most_a_day: Option<u64>) -> Self {
        Self { most_a_day, spent: Mutex::default() }
    }

    /// Counts so many calls at a moment, seconds since the Unix epoch.
    ///
    /// # Errors
    /// If the day has no room for all of them: how long it is until the next one.
    pub fn take(&self, calls: u64, now_s: u64) -> Result<(), Duration> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.turn_to(now_s / DAY_S);
        let today = spent.today.saturating_add(calls);
        if self.most_a_day.is_some_and(|most| today > most) {
            return Err(Duration::from_secs(DAY_S - now_s % DAY_S));
        }
        spent.today = today;
        spent.total = spent.total.saturating_add(calls);
        Ok(())
    }

    /// Returns what was counted, at a moment in seconds since the Unix epoch.
    pub fn calls(&self, now_s: u64) -> Calls {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.turn_to(now_s / DAY_S);
        Calls { total: spent.total, today: spent.today, most_a_day: self.most_a_day }
    }
}

impl Spent {
    /// A clock that goes back to the day before begins no new day.
    fn turn_to(&mut self, day: u64) {
        if day > self.day {
            (self.day, self.today) = (day, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_a_budget_and_the_next_one_has_another() {
        let budget = Budget::new(Some(10));
        let noon = 20_000 * DAY_S + DAY_S / 2;
        assert_eq!(budget.take(8, noon), Ok(()));
        assert_eq!(budget.take(3, noon), Err(Duration::from_secs(DAY_S / 2)), "all of a batch or nothing of it");
        assert_eq!(budget.take(2, noon), Ok(()));
        assert_eq!(budget.calls(noon), Calls { total: 10, today: 10, most_a_day: Some(10) });
        assert!(budget.take(1, noon - DAY_S).is_err(), "a clock that goes back");
        assert_eq!(budget.take(1, noon + DAY_S), Ok(()));
        assert_eq!(budget.calls(noon + DAY_S), Calls { total: 11, today: 1, most_a_day: Some(10) });
        let free = Budget::new(None);
        assert_eq!(free.take(u64::MAX, noon), Ok(()));
        assert_eq!(free.take(1, noon), Ok(()));
    }
}
