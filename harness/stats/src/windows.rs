//! Windows over a series of levels: their floors, what grows between them, and what wobbles within them.
//!
//! A process that gives memory back in its own time draws a sawtooth; its floors are what it really keeps (fit the
//! floors, not the points).

use crate::centre::median;

/// The lowest level of each of several windows of the same length, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Floors {
    /// Samples in a window.
    pub length: usize,
    /// Samples before the first window, which do not fill one.
    pub dropped: usize,
    /// A floor per window.
    pub floors: Vec<i64>,
}

impl Floors {
    /// How much each floor stands above the one before it.
    pub fn increments(&self) -> Vec<i64> {
        self.floors
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect()
    }
}

/// The floors of `count` windows of the same length over the last samples; the first samples that do not fill a window
/// are dropped, being nearest to the warm-up. None when there is not one sample for each window.
pub fn floors(levels: &[i64], count: usize) -> Option<Floors> {
    let length = levels.len().checked_div(count)?;
    if length == 0 {
        return None;
    }
    let dropped = levels.len() - length * count;
    let floors = levels[dropped..]
        .chunks_exact(length)
        .filter_map(|window| window.iter().min().copied())
        .collect();
    Some(Floors {
        length,
        dropped,
        floors,
    })
}

/// Windows shorter than this hold too few samples to tell how far levels wobble.
const JITTER_SAMPLES_MIN: usize = 6;

/// How far levels wobble: the deepest fall within each window of `length` samples, and of those the median. Falls, not
/// ranges: whatever only rises (a leak, a step, a fill) is not noise; and the median, so that one window in which
/// something was given back does not count.
///
/// The fall among few samples is shallower than the noise that made it: it is widened by `(length + 1) / (length - 1)`, the
/// factor of the range of uniform noise (David and Nagaraja, *Order Statistics*, 2003). Windows shorter than six samples
/// tell too little: then the deepest fall of all of `levels` is taken, and widened as for the short window, because few
/// samples are easily in order by chance.
pub fn jitter(levels: &[i64], length: usize) -> f64 {
    let length = length.max(2);
    let widened = (length + 1) as f64 / (length - 1) as f64;
    let fall = if length < JITTER_SAMPLES_MIN {
        drawdown(levels) as f64
    } else {
        let falls: Vec<f64> = levels
            .chunks_exact(length)
            .map(|window| drawdown(window) as f64)
            .collect();
        median(&falls).unwrap_or(0.0)
    };
    fall * widened
}

/// The largest rise from one sample to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Increment {
    /// The index of the sample that is higher.
    pub at: usize,
    /// By how much; never negative.
    pub amount: i64,
}

/// The largest rise from one sample to the next, the first of equals; none where nothing rises. A series whose growth is
/// nearly all in this one has stepped, not grown.
pub fn largest_increment(levels: &[i64]) -> Option<Increment> {
    let mut largest: Option<Increment> = None;
    for (index, pair) in levels.windows(2).enumerate() {
        let amount = pair[1] - pair[0];
        if amount > largest.map_or(0, |increment| increment.amount) {
            largest = Some(Increment {
                at: index + 1,
                amount,
            });
        }
    }
    largest
}

/// The deepest fall below the highest level so far; 0 of a series that never falls.
pub fn drawdown(levels: &[i64]) -> i64 {
    let mut highest = i64::MIN;
    let mut deepest = 0;
    for &level in levels {
        highest = highest.max(level);
        deepest = deepest.max(highest - level);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn windows_have_the_same_length_and_the_first_samples_are_dropped() {
        let levels: Vec<i64> = (0..32).map(|cycle| 16 * cycle).collect();
        let found = floors(&levels, 5).unwrap();
        assert_eq!((found.length, found.dropped), (6, 2));
        assert_eq!(found.floors, [32, 128, 224, 320, 416]);
        assert_eq!(found.increments(), [96; 4]);
        assert_eq!(floors(&[1, 2, 3], 4), None);
        assert_eq!(floors(&[1, 2, 3], 0), None);
    }

    #[test]
    fn a_sawtooth_has_flat_floors() {
        let levels: Vec<i64> = (0..30).map(|cycle| 1000 + 100 * (cycle % 6)).collect();
        assert_eq!(floors(&levels, 5).unwrap().increments(), [0; 4]);
        assert_eq!(drawdown(&levels), 500);
    }

    #[test]
    fn what_only_rises_is_not_jitter() {
        let step: Vec<i64> = (0..30)
            .map(|cycle| if cycle < 8 { 0 } else { 4096 })
            .collect();
        let leak: Vec<i64> = (0..30).map(|cycle| 16 * cycle).collect();
        assert_eq!((jitter(&step, 6), jitter(&leak, 6)), (0.0, 0.0));
        let rise = Increment {
            at: 8,
            amount: 4096,
        };
        assert_eq!(largest_increment(&step), Some(rise));
    }

    #[test]
    fn jitter_is_what_most_windows_show_widened_for_their_length() {
        let wobble: Vec<i64> = (0..30).map(|cycle| 10 * (cycle % 2)).collect();
        assert_eq!(jitter(&wobble, 6), 14.0);
        let given_back_once: Vec<i64> = (0..30)
            .map(|cycle| if cycle < 8 { 4096 } else { 0 })
            .collect();
        assert_eq!(jitter(&given_back_once, 6), 0.0);
        assert_eq!(jitter(&given_back_once, 2), 3.0 * 4096.0);
        assert_eq!(jitter(&[7], 1), 0.0);
    }

    fn levels() -> impl Strategy<Value = Vec<i64>> {
        prop::collection::vec(-1_000_000i64..1_000_000, 1..80)
    }

    proptest! {
        #[test]
        fn growth_between_floors_ignores_a_shift_and_follows_a_scale(
            levels in levels(), shift in -1000i64..1000, scale in 1i64..50, count in 1usize..9,
        ) {
            let moved: Vec<i64> = levels.iter().map(|level| level * scale + shift).collect();
            let scaled = floors(&levels, count)
                .map(|found| found.increments().iter().map(|rise| rise * scale).collect::<Vec<i64>>());
            prop_assert_eq!(floors(&moved, count).map(|found| found.increments()), scaled);
            prop_assert_eq!(drawdown(&moved), drawdown(&levels) * scale);
            let (wobble, wobble_moved) = (jitter(&levels, count) * scale as f64, jitter(&moved, count));
            prop_assert!((wobble_moved - wobble).abs() <= 1e-9 * wobble);
            let largest = largest_increment(&levels).map(|rise| (rise.at, rise.amount * scale));
            prop_assert_eq!(largest_increment(&moved).map(|rise| (rise.at, rise.amount)), largest);
        }

        #[test]
        fn constants_neither_grow_nor_wobble(level in -1_000_000i64..1_000_000, samples in 1usize..60) {
            let levels = vec![level; samples];
            prop_assert_eq!(drawdown(&levels), 0);
            prop_assert_eq!(largest_increment(&levels), None);
            prop_assert_eq!(jitter(&levels, 3), 0.0);
            if let Some(found) = floors(&levels, 4) {
                prop_assert_eq!(found.increments(), [0; 3]);
            }
        }
    }
}
