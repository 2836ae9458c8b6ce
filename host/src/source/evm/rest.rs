//! Back-off: how long to wait after so many failures in a row.

use std::time::Duration;

use rand::RngExt;

/// Doubles `first` for each failure after the first one, up to `longest`, and adds up to a quarter of jitter, so that many
/// hosts do not ask at once.
pub(crate) fn rest(first: Duration, longest: Duration, failures: u32) -> Duration {
    let doubled = first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(16)));
    doubled.min(longest).mul_f64(rand::rng().random_range(1.0..1.25))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_double_up_to_the_longest() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(60));
        for (failures, expected_s) in [(0, 1), (1, 1), (2, 2), (5, 16), (7, 60), (u32::MAX, 60)] {
            let came = rest(first, longest, failures);
            let expected = Duration::from_secs(expected_s);
            assert!(came >= expected && came <= expected.mul_f64(1.25), "{failures}: {came:?}");
        }
    }
}
