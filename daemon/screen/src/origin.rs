//! Where a screen's counts begin.

/// The revision and the line number that a screen begins with. One that follows another for the same reader begins behind it
/// ([`Screen::next_origin`](crate::Screen::next_origin)), so that what was read of the one is never taken for a part of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Of the blank screen; above 0, so that everything has changed after 0.
    pub revision: u64,
    /// Number of the first row.
    pub line: u64,
}

impl Default for Origin {
    /// Of a screen that follows none.
    fn default() -> Origin {
        Origin {
            revision: 1,
            line: 0,
        }
    }
}
