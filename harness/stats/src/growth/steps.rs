//! One-time steps, taken out of a series so that growth beside them can be seen.

/// So many rises are one-time steps; more may be a leak that is not steady.
const STEPS_MAX: usize = 2;
/// A step is at least so many times the largest rise that is not one.
const STEP_FACTOR: i64 = 4;

/// The levels without their one-time steps, at most two: rises that no later level falls below again, and several times
/// larger than any other. What a typical cycle gains is left in place of each. Also how many there were.
pub(super) fn without(levels: &[i64]) -> (Vec<i64>, usize) {
    let gaps = lasting(levels);
    let mut sizes: Vec<i64> = gaps.clone();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let typical = sizes.get(STEPS_MAX).copied().unwrap_or_default();
    let large = typical.saturating_mul(STEP_FACTOR);
    let (mut taken, mut steps) = (0i64, 0);
    let mut rest = Vec::with_capacity(levels.len());
    rest.extend(levels.first());
    for (gap, level) in gaps.iter().zip(levels.iter().skip(1)) {
        if *gap > large {
            taken = taken.saturating_add(gap - typical);
            steps += 1;
        }
        rest.push(level.saturating_sub(taken));
    }
    (rest, steps)
}

/// By how much all levels from each sample on stand above all before it; 0 where they do not.
fn lasting(levels: &[i64]) -> Vec<i64> {
    let mut lowest = i64::MAX;
    let mut floor_after: Vec<i64> = levels
        .iter()
        .rev()
        .map(|&level| {
            lowest = lowest.min(level);
            lowest
        })
        .collect();
    floor_after.reverse();
    let mut highest = i64::MIN;
    levels
        .iter()
        .zip(floor_after.iter().skip(1))
        .map(|(&level, &after)| {
            highest = highest.max(level);
            after.saturating_sub(highest).max(0)
        })
        .collect()
}
