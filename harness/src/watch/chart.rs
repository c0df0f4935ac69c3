//! The chart: levels over time as braille dots, two across and four down in each cell.

use super::history::Point;

/// The first braille pattern; its dots are the bits added to it.
const BRAILLE: u32 = 0x2800;
/// The bit of each dot of a cell, by row and column.
const DOTS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
/// The finest step of the vertical axis: memory comes in pages, and less than this is not worth seeing.
const STEP_MIN: u64 = 64 * 1024;
/// The shortest time that the horizontal axis spans.
const SPAN_MS_MIN: u64 = 60_000;

/// What the axes span. Both move in powers of two, so that the picture stands still most of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Axes {
    /// The level at the bottom, bytes.
    pub(super) low: u64,
    /// The level at the top, bytes; above `low`.
    pub(super) high: u64,
    /// The time at the right edge, milliseconds; above 0.
    pub(super) span_ms: u64,
}

impl Axes {
    /// Axes that hold all the points, over `planned_ms` where it is known how long it will take.
    pub(super) fn around(points: &[Point], planned_ms: Option<u64>) -> Self {
        let lowest = points.iter().map(|point| point.low).min().unwrap_or(0);
        let highest = points.iter().map(|point| point.high).max().unwrap_or(0);
        let step = ((highest - lowest) / 4).next_power_of_two().max(STEP_MIN);
        let elapsed = points.last().map_or(0, |point| point.to_ms);
        let mut span_ms = SPAN_MS_MIN;
        while span_ms < elapsed {
            span_ms = span_ms.saturating_mul(2);
        }
        Self {
            low: lowest / step * step,
            high: (highest / step + 1) * step,
            span_ms: planned_ms.map_or(span_ms, |planned| planned.max(elapsed).max(1)),
        }
    }
}

/// Draws the points into `rows` lines of `columns` cells.
pub(super) fn chart(points: &[Point], axes: Axes, columns: usize, rows: usize) -> Vec<String> {
    let mut grid = Grid {
        cells: vec![vec![0; columns]; rows],
        axes,
    };
    let mut before: Option<(usize, usize)> = None;
    for point in points {
        let x = grid.x(point.middle_ms());
        let (low, high) = (grid.y(point.low), grid.y(point.high));
        grid.vertical(x, low, high);
        if let Some((from_x, from_y)) = before {
            grid.line((from_x, from_y), (x, low));
        }
        before = Some((x, low));
    }
    grid.lines()
}

struct Grid {
    /// The dots of each cell.
    cells: Vec<Vec<u32>>,
    axes: Axes,
}

impl Grid {
    /// The column of dots of a time.
    fn x(&self, at_ms: u64) -> usize {
        let last = self.cells.first().map_or(0, Vec::len) * 2;
        scaled(at_ms, self.axes.span_ms, last)
    }

    /// The row of dots of a level, from the bottom.
    fn y(&self, level: u64) -> usize {
        let range = (self.axes.high - self.axes.low).max(1);
        scaled(
            level.saturating_sub(self.axes.low),
            range,
            self.cells.len() * 4,
        )
    }

    fn set(&mut self, x: usize, y: usize) {
        let rows = self.cells.len();
        let cell = rows
            .checked_sub(1 + y / 4)
            .and_then(|row| self.cells.get_mut(row)?.get_mut(x / 2));
        if let Some(cell) = cell {
            *cell |= DOTS[3 - y % 4][x % 2];
        }
    }

    fn vertical(&mut self, x: usize, low: usize, high: usize) {
        for y in low..=high {
            self.set(x, y);
        }
    }

    /// A line that rises or falls in each column by its share.
    fn line(&mut self, from: (usize, usize), to: (usize, usize)) {
        let across = to.0.saturating_sub(from.0).max(1);
        let mut before = from.1;
        for step in 1..=across {
            let y = (from.1 * (across - step) + to.1 * step) / across;
            let x = (from.0 + step).min(to.0);
            self.vertical(x, y.min(before), y.max(before));
            before = y;
        }
    }

    fn lines(&self) -> Vec<String> {
        let text = |row: &Vec<u32>| row.iter().map(|&dots| cell(dots)).collect();
        self.cells.iter().map(text).collect()
    }
}

/// An empty cell is a blank: the empty braille pattern has a width that fonts disagree about.
fn cell(dots: u32) -> char {
    match dots {
        0 => ' ',
        dots => char::from_u32(BRAILLE + dots).unwrap_or(' '),
    }
}

/// `value` of `range` as one of `count` places.
fn scaled(value: u64, range: u64, count: usize) -> usize {
    let last = count.saturating_sub(1);
    let place = u128::from(value) * last as u128 / u128::from(range.max(1));
    usize::try_from(place).map_or(last, |place| place.min(last))
}

#[cfg(test)]
mod tests {
    use super::super::history::History;
    use super::*;

    fn history(levels: impl Iterator<Item = u64>) -> History {
        let mut history = History::default();
        for (index, level) in levels.enumerate() {
            history.push(index as u64 * 1000, level);
        }
        history
    }

    #[test]
    fn a_steady_rise_is_a_diagonal() {
        let history = history((0..61).map(|n| n << 14));
        let axes = Axes::around(history.points(), None);
        assert_eq!((axes.low, axes.high, axes.span_ms), (0, 1 << 20, 60_000));
        let lines = chart(history.points(), axes, 12, 4);
        assert_eq!(
            lines,
            [
                "         ⢀⣠⠴",
                "      ⢀⡤⠖⠋  ",
                "   ⣀⡴⠚⠉     ",
                "⣠⠴⠋⠁        "
            ]
        );
    }

    #[test]
    fn a_level_that_stands_still_is_a_line_in_a_still_picture() {
        let history = history((0..30).map(|_| 10 << 20));
        let axes = Axes::around(history.points(), None);
        assert_eq!((axes.low, axes.high), (10 << 20, (10 << 20) + STEP_MIN));
        let lines = chart(history.points(), axes, 8, 2);
        assert_eq!(lines, ["        ", "⣀⣀⣀⣀    "]);
    }

    #[test]
    fn no_size_and_no_level_leaves_the_grid() {
        let history = history((0..3000).map(|n| n * n * 7919 % 5_000_000));
        for (columns, rows) in [(0, 0), (1, 1), (3, 0), (200, 60)] {
            let axes = Axes::around(history.points(), Some(1));
            let lines = chart(history.points(), axes, columns, rows);
            assert_eq!(lines.len(), rows);
            assert!(lines.iter().all(|line| line.chars().count() == columns));
        }
        assert_eq!(chart(&[], Axes::around(&[], None), 2, 1), ["  "]);
    }
}
