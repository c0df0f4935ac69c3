//! Series of live-heap levels as they could be recorded: noise that is not a leak, and leaks.

/// Cycles of a series.
pub(crate) const CYCLES_MAX: usize = 200;

/// Pseudo-random numbers: splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A generator for one series, from the study's seed and the number of the series.
    pub(crate) fn new(seed: u64, series: u64) -> Random {
        let mut random = Random(seed ^ series.wrapping_mul(0xd134_2543_de82_ef95));
        random.draw();
        random
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Above 0, at most 1.
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.draw() >> 11) as f64 + 1.0) / (1u64 << 53) as f64
    }

    /// From `low` to `high`, both included.
    pub(crate) fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.draw() % (high - low + 1)
    }

    /// Standard normal: Box and Muller 1958.
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (2.0 * std::f64::consts::PI * self.unit()).cos()
    }
}

/// What wobbles without leaking. Bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Noise {
    /// Independent normal errors with this standard deviation.
    White(f64),
    /// Independent, evenly spread over 0 to this.
    Uniform(u64),
    /// Errors of which this share is carried to the next; standard deviation 200.
    Autoregressive(f64),
    /// A random walk with steps of standard deviation 100: not stationary, for comparison only.
    Walk,
    /// Student's t with 2 degrees of freedom, times 100: no variance.
    HeavyTailed,
    /// 1 KiB more each cycle and all given back after so many, from a random phase, beside white noise of 50.
    Sawtooth(u64),
    /// So many rises of 256 to 65,536 at random cycles, beside white noise of this standard deviation.
    Steps(u64, f64),
    /// 64 KiB approached exponentially with a time constant (cycles) from a range, beside white noise of this standard
    /// deviation.
    Exponential([f64; 2], f64),
    /// 8 KiB times the logarithm of the cycles so far, beside white noise of this standard deviation.
    Logarithmic(f64),
    /// A cache that gains up to 1 KiB in a cycle until a bound that is reached after about so many cycles, from a range.
    Fill([u64; 2]),
    /// A cache of 200 entries of 128 bytes that are asked for at random, so many in a cycle, from a range.
    Coupons([u64; 2]),
    /// A free list that keeps the most that any cycle needed; needs are exponential with a mean of 4 KiB.
    FreeList,
}

/// How often a leak shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schedule {
    /// In each cycle.
    Steady,
    /// In every k-th cycle.
    Every(usize),
    /// In half of the cycles, by chance.
    Coin,
}

/// A series of `CYCLES_MAX` + 1 levels, a leak of so many bytes per showing added.
pub(crate) fn series(noise: Noise, leak: i64, schedule: Schedule, random: &mut Random) -> Vec<i64> {
    let mut kept = 0;
    noise_levels(noise, random)
        .into_iter()
        .enumerate()
        .map(|(cycle, level)| {
            let shows = match schedule {
                Schedule::Steady => true,
                Schedule::Every(k) => cycle.is_multiple_of(k),
                Schedule::Coin => random.unit() <= 0.5,
            };
            if cycle > 0 && shows {
                kept += leak;
            }
            1_000_000 + level + kept
        })
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "levels are far below 2^53")]
fn whole(level: f64) -> i64 {
    level.round() as i64
}

fn signed(level: u64) -> i64 {
    i64::try_from(level).unwrap_or(i64::MAX)
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn noise_levels(noise: Noise, random: &mut Random) -> Vec<i64> {
    let cycles = 0..=CYCLES_MAX;
    let mut state = 0.0f64;
    match noise {
        Noise::White(deviation) => cycles.map(|_| whole(deviation * random.normal())).collect(),
        Noise::Uniform(width) => cycles
            .map(|_| whole(width as f64 * random.unit()))
            .collect(),
        Noise::Autoregressive(share) => {
            state = 200.0 * random.normal();
            cycles
                .map(|_| {
                    state = share * state + 200.0 * (1.0 - share * share).sqrt() * random.normal();
                    whole(state)
                })
                .collect()
        }
        Noise::Walk => cycles
            .map(|_| {
                state += 100.0 * random.normal();
                whole(state)
            })
            .collect(),
        Noise::HeavyTailed => cycles
            .map(|_| whole(100.0 * random.normal() / (-random.unit().ln()).sqrt()))
            .collect(),
        Noise::Sawtooth(period) => {
            let phase = random.within(0, period - 1);
            cycles
                .map(|cycle| {
                    whole(
                        1024.0 * ((cycle as u64 + phase) % period) as f64 + 50.0 * random.normal(),
                    )
                })
                .collect()
        }
        Noise::Steps(..) | Noise::Exponential(..) | Noise::Logarithmic(_) => rising(noise, random),
        Noise::Fill(_) | Noise::Coupons(_) | Noise::FreeList => bounded(noise, random),
    }
}

fn rising(noise: Noise, random: &mut Random) -> Vec<i64> {
    let cycles = 0..=CYCLES_MAX;
    match noise {
        Noise::Steps(count, deviation) => {
            let steps: Vec<(usize, f64)> = (0..count)
                .map(|_| {
                    // Mostly early, as steps are: one in two within the first look.
                    let last = if random.unit() < 0.5 {
                        31
                    } else {
                        CYCLES_MAX as u64
                    };
                    let size = 256.0 * 2f64.powf(8.0 * random.unit());
                    (index(random.within(1, last)), size)
                })
                .collect();
            cycles
                .map(|cycle| {
                    let risen: f64 = steps
                        .iter()
                        .filter(|(at, _)| *at <= cycle)
                        .map(|(_, size)| size)
                        .sum();
                    whole(risen + deviation * random.normal())
                })
                .collect()
        }
        Noise::Exponential([low, high], deviation) => {
            let constant = low + (high - low) * random.unit();
            cycles
                .map(|cycle| {
                    whole(
                        65_536.0 * (1.0 - (-(cycle as f64) / constant).exp())
                            + deviation * random.normal(),
                    )
                })
                .collect()
        }
        Noise::Logarithmic(deviation) => cycles
            .map(|cycle| whole(8_192.0 * (1.0 + cycle as f64).ln() + deviation * random.normal()))
            .collect(),
        _ => Vec::new(),
    }
}

fn bounded(noise: Noise, random: &mut Random) -> Vec<i64> {
    let cycles = 0..=CYCLES_MAX;
    let mut level = 0;
    match noise {
        Noise::Fill([low, high]) => {
            let bound = 512 * random.within(low, high);
            cycles
                .map(|_| {
                    level = (level + random.within(0, 1024)).min(bound);
                    signed(level)
                })
                .collect()
        }
        Noise::Coupons([low, high]) => {
            let asked = random.within(low, high);
            let mut known = [false; 200];
            cycles
                .map(|_| {
                    for _ in 0..asked {
                        let entry = index(random.within(0, 199));
                        known[entry] = true;
                    }
                    128 * signed(known.iter().filter(|known| **known).count() as u64)
                })
                .collect()
        }
        Noise::FreeList => cycles
            .map(|_| {
                level = level.max(whole(-4_096.0 * random.unit().ln()).unsigned_abs());
                signed(level)
            })
            .collect(),
        _ => Vec::new(),
    }
}
