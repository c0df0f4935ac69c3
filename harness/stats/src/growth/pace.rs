//! Growth that slows down: a warm-up that is not over, not a leak.

use crate::drift::bend;
use crate::trend::theil_sen;

/// The slope of the later half is at least this share of that of the earlier, or growth slows down. It bounds the time
/// constant of an exponential warm-up that is seen as one: 1.7 times the cycles measured.
const PACE_MIN: f64 = 0.75;
/// Growth that bends downwards by so many standard errors slows down.
const BEND_MIN: f64 = -2.5;

/// Whether growth slows down: its curve bends downwards, or its later half is less steep than its earlier (by the median
/// slope, so that what is left of a warm-up in the first cycles does not decide).
pub(super) fn slows(points: &[(f64, f64)]) -> bool {
    if bend(points) < BEND_MIN {
        return true;
    }
    let (earlier, later) = points.split_at(points.len() / 2);
    match (theil_sen(earlier), theil_sen(later)) {
        (Some(earlier), Some(later)) => later.slope < PACE_MIN * earlier.slope,
        _ => false,
    }
}
