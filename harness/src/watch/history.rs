//! History: the levels that were seen, in bounded memory however long a process is watched.

/// Points kept; when there are so many, neighbours are merged and half remain. More than any terminal has columns of dots.
pub(super) const POINTS_MAX: usize = 512;

/// What was seen over a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// When it began, milliseconds.
    pub from_ms: u64,
    /// When it ended, milliseconds.
    pub to_ms: u64,
    /// The lowest level in it, bytes.
    pub low: u64,
    /// The highest level in it, bytes.
    pub high: u64,
}

impl Point {
    /// Its middle, milliseconds.
    pub fn middle_ms(&self) -> u64 {
        u64::midpoint(self.from_ms, self.to_ms)
    }

    fn merged(self, later: Point) -> Point {
        Point {
            from_ms: self.from_ms,
            to_ms: later.to_ms,
            low: self.low.min(later.low),
            high: self.high.max(later.high),
        }
    }
}

/// Levels over time: all of it, coarser the longer it is.
#[derive(Clone, Debug)]
pub struct History {
    points: Vec<Point>,
    /// Levels in a point.
    stride: u32,
    /// Levels in the last point, which is still open while there are fewer than the stride.
    in_last: u32,
}

impl Default for History {
    fn default() -> Self {
        Self {
            points: Vec::with_capacity(POINTS_MAX),
            stride: 1,
            in_last: 1,
        }
    }
}

impl History {
    /// Adds a level; times do not decrease.
    pub fn push(&mut self, at_ms: u64, level: u64) {
        let point = Point {
            from_ms: at_ms,
            to_ms: at_ms,
            low: level,
            high: level,
        };
        if self.in_last < self.stride
            && let Some(last) = self.points.last_mut()
        {
            *last = last.merged(point);
            self.in_last += 1;
            return;
        }
        if self.points.len() == POINTS_MAX {
            for index in 0..POINTS_MAX / 2 {
                self.points[index] = self.points[2 * index].merged(self.points[2 * index + 1]);
            }
            self.points.truncate(POINTS_MAX / 2);
            self.stride = self.stride.saturating_mul(2);
        }
        self.points.push(point);
        self.in_last = 1;
    }

    /// All of it, in order.
    pub fn points(&self) -> &[Point] {
        &self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_levels_take_no_more_memory_than_a_thousand_and_lose_no_extreme() {
        let mut history = History::default();
        let capacity = history.points.capacity();
        for at in 0..1_000_000u64 {
            let level = match at {
                123_456 => 9_999,
                654_321 => 1,
                _ => 100,
            };
            history.push(at, level);
        }
        let points = history.points();
        assert!((POINTS_MAX / 2..=POINTS_MAX).contains(&points.len()));
        assert_eq!(history.points.capacity(), capacity);
        assert_eq!(points.iter().map(|point| point.high).max(), Some(9_999));
        assert_eq!(points.iter().map(|point| point.low).min(), Some(1));
        assert_eq!(
            (points[0].from_ms, points[points.len() - 1].to_ms),
            (0, 999_999)
        );
        assert!(
            points
                .windows(2)
                .all(|pair| pair[0].to_ms + 1 == pair[1].from_ms)
        );
    }
}
