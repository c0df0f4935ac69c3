//! When a process has warmed up: when its growth has ended, or has stopped slowing down.
//!
//! A warm-up is growth that slows down (pools, caches and arenas fill). Growth that goes on at the same pace is what is to
//! be measured: waiting for it to end would wait for ever. The usual truncation rules (MSER-5: White, Cobb and Spratt,
//! "A comparison of five steady-state truncation heuristics for simulation", WSC 2000) look for a stationary mean and
//! never end on a leak, and want a finished series; this one is asked after every cycle.

use crate::windows::floors;

/// Samples in each of the three windows that are compared: as many as a sawtooth or a pattern of two or three cycles needs
/// to show its floor.
const WINDOW: usize = 3;

/// Fewer samples than this are never enough.
pub const WARMUP_SAMPLES_MIN: usize = 3 * WINDOW;

/// Whether the warm-up had ended by the last of `levels`, one per cycle from the first: of the last nine, the third
/// window's floor does not stand above the second's, or stands as far above it as the second's above the first's.
pub fn warmup_ended(levels: &[i64]) -> bool {
    let Some(from) = levels.len().checked_sub(WARMUP_SAMPLES_MIN) else {
        return false;
    };
    let Some(found) = floors(&levels[from..], 3) else {
        return false;
    };
    let [before, now] = [
        found.floors[1] - found.floors[0],
        found.floors[2] - found.floors[1],
    ];
    now <= 0 || now >= before
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// After how many cycles the rule says so.
    fn ends_after(level_at: impl Fn(i64) -> i64) -> Option<i64> {
        (1..=200).find(|&cycles| {
            let levels: Vec<i64> = (1..=cycles).map(&level_at).collect();
            warmup_ended(&levels)
        })
    }

    #[test]
    fn a_flat_series_ends_it_as_soon_as_it_can() {
        assert_eq!(ends_after(|_| 5_000), Some(9));
    }

    #[test]
    fn a_steady_leak_is_not_a_warm_up() {
        assert_eq!(ends_after(|cycle| 64 * cycle), Some(9));
    }

    #[test]
    fn growth_that_slows_down_is_waited_for() {
        // A pool that fills by half of what is missing each cycle, from 1 MiB: 64 B are missing after 14 cycles.
        let ended = ends_after(|cycle| (1 << 20) - ((1 << 20) >> cycle)).unwrap();
        assert!((20..=32).contains(&ended), "{ended}");
    }

    proptest! {
        #[test]
        fn a_shift_and_a_scale_do_not_matter(
            levels in prop::collection::vec(-1_000_000i64..1_000_000, 0..40), shift in -1000i64..1000, scale in 1i64..50,
        ) {
            let moved: Vec<i64> = levels.iter().map(|level| level * scale + shift).collect();
            prop_assert_eq!(warmup_ended(&moved), warmup_ended(&levels));
        }
    }
}
