//! Models of resident memory: the classic noises, and the two that the recordings show.

/// Cycles of a simulated series: as many as the last look needs.
pub(crate) const CYCLES: usize = 566;

/// Cycles before them, which are left out: as many as `warmup = "auto"` usually takes.
const WARMUP: usize = 30;

const KIB: f64 = 1024.0;

/// `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014): a study repeats exactly from its seed.
pub(crate) struct Random(u64);

impl Random {
    /// A generator for one of many series.
    pub(crate) fn new(seed: u64, series: u64) -> Self {
        let mut random = Self(seed ^ series.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        random.uniform();
        random
    }

    /// From 0 to 1, exclusive of 0.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        ((mixed >> 11) as f64 + 1.0) / (1u64 << 53) as f64
    }

    /// Standard normal (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Exponential with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }
}

/// What a series does when nothing leaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Model {
    /// The same level for ever.
    Constant,
    /// Independent normal noise, 450 KiB wide: `churn-threads` as recorded.
    White,
    /// A first-order autoregressive process, 450 KiB wide, with this coefficient.
    Autoregressive(f64),
    /// Memory that is given back never: the level is the highest demand so far, as `churn-tokio` recorded it.
    Retained,
    /// A sawtooth of 2 MiB, a period of this many cycles, on little noise.
    Sawtooth(usize),
    /// One step of 2 MiB at any time, on independent noise of 100 KiB.
    Step,
    /// A cache that fills 2 MiB in the first 100 measured cycles, on independent noise of 100 KiB.
    CacheFill,
    /// A warm-up of 5 MiB that slows down with a time constant of 30 cycles, on independent noise of 100 KiB.
    WarmUp,
    /// Spikes with a tail of infinite variance.
    HeavyTailed,
}

/// All of them.
pub(crate) const MODELS: [Model; 11] = [
    Model::Constant,
    Model::White,
    Model::Autoregressive(0.5),
    Model::Autoregressive(0.9),
    Model::Autoregressive(0.98),
    Model::Retained,
    Model::Sawtooth(37),
    Model::Step,
    Model::CacheFill,
    Model::WarmUp,
    Model::HeavyTailed,
];

/// A series of the model, in bytes, of a process that keeps `leak` more with each cycle.
pub(crate) fn series(model: Model, leak: i64, random: &mut Random) -> Vec<i64> {
    let step_at = (WARMUP as f64) + random.uniform() * CYCLES as f64;
    let (mut state, mut highest) = (random.normal(), f64::MIN);
    let mut level_at = |cycle: usize| {
        let kept = leak as f64 * cycle as f64;
        let time = cycle as f64;
        let little = 100.0 * KIB * random.normal();
        kept + match model {
            Model::Constant => 0.0,
            Model::White => 450.0 * KIB * random.normal(),
            Model::Autoregressive(coefficient) => {
                state = coefficient * state + (1.0 - coefficient.powi(2)).sqrt() * random.normal();
                450.0 * KIB * state
            }
            Model::Retained => {
                highest = f64::max(highest, kept + 300.0 * KIB * random.exponential());
                highest - kept
            }
            Model::Sawtooth(period) => {
                2048.0 * KIB * (cycle % period) as f64 / period as f64 + little / 10.0
            }
            Model::Step => little + if time > step_at { 2048.0 * KIB } else { 0.0 },
            Model::CacheFill => {
                little + 2048.0 * KIB * ((time - WARMUP as f64) / 100.0).clamp(0.0, 1.0)
            }
            Model::WarmUp => little + 5120.0 * KIB * (1.0 - (-time / 30.0).exp()),
            Model::HeavyTailed => 20.0 * KIB / random.uniform(),
        }
    };
    (0..WARMUP + CYCLES)
        .map(|cycle| pages(level_at(cycle)))
        .skip(WARMUP)
        .collect()
}

/// Resident memory comes in pages.
#[expect(clippy::cast_possible_truncation, reason = "levels are far below 2^63")]
fn pages(level: f64) -> i64 {
    ((level / 4096.0).round() as i64) * 4096
}
