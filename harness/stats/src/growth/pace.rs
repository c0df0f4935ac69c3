//! Growth that slows down: a warm-up that is not over, not a leak.

use crate::drift::bend;
use crate::trend::median_slope;

/// The slope of the later half is at least this share of that of the earlier, or growth slows down. It bounds the time
/// constant of an exponential warm-up that is seen as one: 1.7 times the cycles measured.
const PACE_MIN: f64 = 0.75;
/// Growth that bends downwards by so many standard errors slows down, too,
const BEND_MIN: f64 = -2.5;
/// if its later half is less steep than this share of its earlier: any noise bends a little, whatever leaks beside it.
const PACE_BENDING: f64 = 0.9;

/// Whether growth slows down: its later half is less steep than its earlier (by the median slope, so that what is left of
/// a warm-up in the first cycles does not decide).
pub(super) fn slows(points: &[(f64, f64)]) -> bool {
    let (earlier, later) = points.split_at(points.len() / 2);
    let (Some(earlier), Some(later)) = (median_slope(earlier), median_slope(later)) else {
        return false;
    };
    later < PACE_MIN * earlier || (later < PACE_BENDING * earlier && bend(points) < BEND_MIN)
}
