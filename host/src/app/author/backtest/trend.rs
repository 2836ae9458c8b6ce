//! Times in bounded memory: their distribution, and their course over a run of any length.

use hdrhistogram::Histogram;
use serde::Serialize;

/// Points that a course has at most.
const POINTS_AT_MOST: usize = 256;
/// Digits that count in the distribution.
const DIGITS: u8 = 3;

/// A course: means over stretches of equal length, which grow as the run does.
#[derive(Clone, Debug, Serialize)]
pub struct Course {
    /// Values in a stretch.
    pub stride: u64,
    /// The mean of each stretch, the last one maybe of fewer values.
    pub means: Vec<f64>,
    #[serde(skip)]
    in_last: u64,
}

impl Default for Course {
    fn default() -> Self {
        Self { stride: 1, means: Vec::new(), in_last: 0 }
    }
}

impl Course {
    fn add(&mut self, value: f64) {
        if self.means.is_empty() || self.in_last == self.stride {
            if self.means.len() == POINTS_AT_MOST {
                self.means = self.means.chunks(2).map(|pair| pair.iter().sum::<f64>() / pair.len() as f64).collect();
                self.stride *= 2;
            }
            self.means.push(0.0);
            self.in_last = 0;
        }
        self.in_last += 1;
        if let Some(last) = self.means.last_mut() {
            *last += (value - *last) / self.in_last as f64;
        }
    }
}

/// What a detector took on each batch.
#[derive(Clone, Debug, Default)]
pub struct Times {
    all: Option<Histogram<u64>>,
    sum_ns: u64,
    course: Course,
}

/// What a detector took, for people.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Cost {
    /// Batches that it was shown.
    pub batches: u64,
    /// Mean time in one, microseconds.
    pub mean_us: f64,
    /// Median time in one, microseconds.
    pub median_us: f64,
    /// Time in one of the slowest hundredth, microseconds.
    pub p99_us: f64,
    /// Time in one, microseconds, over the run.
    pub course_us: Course,
}

impl Times {
    /// Adds the time of a batch.
    pub fn add(&mut self, elapsed_ns: u64) {
        if self.all.is_none() {
            self.all = Histogram::new(DIGITS).ok();
        }
        if let Some(all) = &mut self.all {
            // It resizes itself; a time that does not fit 64 bits does not occur.
            let _ = all.record(elapsed_ns);
        }
        self.sum_ns = self.sum_ns.saturating_add(elapsed_ns);
        self.course.add(elapsed_ns as f64 / 1e3);
    }

    /// Adds those of another run, which went after this one.
    pub fn append(&mut self, other: &Times) {
        match (&mut self.all, &other.all) {
            (Some(all), Some(more)) => drop(all.add(more)),
            (None, more) => self.all.clone_from(more),
            (Some(_), None) => {}
        }
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        for mean in &other.course.means {
            for _ in 0..other.course.stride.min(POINTS_AT_MOST as u64) {
                self.course.add(*mean);
            }
        }
    }

    /// In figures.
    pub fn cost(&self) -> Cost {
        let Some(all) = &self.all else { return Cost::default() };
        let batches = all.len();
        Cost {
            batches,
            mean_us: self.sum_ns as f64 / batches.max(1) as f64 / 1e3,
            median_us: all.value_at_quantile(0.5) as f64 / 1e3,
            p99_us: all.value_at_quantile(0.99) as f64 / 1e3,
            course_us: self.course.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_its_shape_in_few_points() {
        let mut times = Times::default();
        for batch in 0..10_000u64 {
            times.add(if batch < 5_000 { 1_000 } else { 3_000 });
        }
        let cost = times.cost();
        assert_eq!((cost.batches, cost.mean_us), (10_000, 2.0));
        assert!(cost.course_us.means.len() <= POINTS_AT_MOST && cost.course_us.stride == 64, "{:?}", cost.course_us);
        assert!((cost.course_us.means[0] - 1.0).abs() < 1e-9);
        assert!((cost.course_us.means.last().unwrap() - 3.0).abs() < 1e-9);
        let mut both = Times::default();
        both.append(&times);
        both.append(&times);
        assert_eq!((both.cost().batches, both.cost().mean_us), (20_000, 2.0));
    }
}
