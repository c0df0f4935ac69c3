//! Tab stops: one bit per column.

use crate::size::SIDE_MAX;

const WORDS: usize = (SIDE_MAX as usize).div_ceil(64);
/// A stop in every eighth column.
const EIGHTHS: u64 = 0x0101_0101_0101_0101;

/// The columns that HT stops at. They do not depend on the width: a screen that grows has stops there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TabStops([u64; WORDS]);

impl Default for TabStops {
    fn default() -> Self {
        TabStops([EIGHTHS; WORDS])
    }
}

impl TabStops {
    pub(crate) fn set(&mut self, column: usize) {
        self.0[column / 64] |= 1 << (column % 64);
    }

    pub(crate) fn clear(&mut self, column: usize) {
        self.0[column / 64] &= !(1 << (column % 64));
    }

    pub(crate) fn clear_all(&mut self) {
        self.0 = [0; WORDS];
    }

    /// The `count`-th stop after a column, or the last column.
    pub(crate) fn after(&self, column: usize, count: usize, columns: usize) -> usize {
        let mut stops = (column + 1..columns).filter(|at| self.is_stop(*at));
        stops.nth(count - 1).unwrap_or(columns - 1)
    }

    /// The `count`-th stop before a column, or the first column.
    pub(crate) fn before(&self, column: usize, count: usize) -> usize {
        (0..column)
            .rev()
            .filter(|at| self.is_stop(*at))
            .nth(count - 1)
            .unwrap_or(0)
    }

    /// The stops within a width, for a snapshot.
    pub(crate) fn columns(&self, columns: usize) -> impl Iterator<Item = usize> {
        (0..columns).filter(|at| self.is_stop(*at))
    }

    fn is_stop(&self, column: usize) -> bool {
        self.0[column / 64] >> (column % 64) & 1 == 1
    }
}
