//! A model's series judged again and again: how often it is called a leak, and how often nothing.

use leakgate_stats::{GrowthRule, Shape, growth};

use super::models::{CYCLES_MAX, Noise, Random, Schedule, series};

/// Measured cycles after which a series is judged; the sequential schedule leaves the first out.
pub(crate) const LOOKS: [usize; 5] = [11, 31, 62, 124, 200];

/// What became of many series of one model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Series.
    pub(crate) series: u64,
    /// Called a leak at each look, were it the only one.
    pub(crate) leaks: [u64; LOOKS.len()],
    /// Called neither a leak nor innocent at each look, were it the only one.
    pub(crate) unclear: [u64; LOOKS.len()],
    /// Called a leak at the first look that was clear.
    pub(crate) sequential_leaks: u64,
    /// Unclear at the last look, too.
    pub(crate) sequential_unclear: u64,
}

/// Judges `count` series of a model at every look.
pub(crate) fn tally(
    noise: Noise,
    leak: (i64, Schedule),
    seed: u64,
    count: u64,
    rule: &GrowthRule,
) -> Tally {
    let positions: Vec<u32> = (0u32..).take(CYCLES_MAX + 1).collect();
    let mut tally = Tally {
        series: count,
        ..Tally::default()
    };
    for number in 0..count {
        let levels = series(noise, leak.0, leak.1, &mut Random::new(seed, number));
        let shapes = LOOKS.map(|cycles| {
            growth(&positions[..=cycles], &levels[..=cycles], rule).map(|found| found.shape)
        });
        for (look, shape) in shapes.iter().enumerate() {
            tally.leaks[look] += u64::from(*shape == Some(Shape::Leak));
            tally.unclear[look] += u64::from(*shape == Some(Shape::Unclear));
        }
        match shapes[1..]
            .iter()
            .find(|shape| **shape != Some(Shape::Unclear))
        {
            Some(Some(Shape::Leak)) => tally.sequential_leaks += 1,
            None => tally.sequential_unclear += 1,
            Some(_) => {}
        }
    }
    tally
}
