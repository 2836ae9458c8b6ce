//! Numbers that look random and are the same for the same seed.

/// Numbers by SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    /// From `WATCHFIRE_SEED`, or from the time; the seed is printed, so that a failure can be had again.
    pub fn new() -> Self {
        let given = std::env::var("WATCHFIRE_SEED").ok().and_then(|text| text.parse().ok());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seed = given.unwrap_or_else(|| now.map_or(0, |now| now.as_nanos() as u64));
        println!("seed: WATCHFIRE_SEED={seed}");
        Self(seed)
    }

    /// From a number.
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below another.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end.max(1)
    }
}

impl Default for Seeded {
    fn default() -> Self {
        Self::new()
    }
}
