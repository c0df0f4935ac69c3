//! The size of a screen: how many rows and columns, never zero and never absurd.

use std::error::Error;
use std::fmt;

/// Most rows or columns of a screen.
///
/// A cell costs 12 bytes and its zero-width characters at most 32 more, so this bounds a full screen at 44 MB; the
/// largest terminals in use (8K displays, tiny fonts) have about 500 rows and 900 columns.
pub const SIDE_MAX: u16 = 1000;

/// Rows and columns of a screen, each within `1..=SIDE_MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    rows: u16,
    columns: u16,
}

impl Size {
    /// The size that a terminal has when nobody says otherwise: 24 rows of 80 columns.
    pub const DEFAULT: Size = Size {
        rows: 24,
        columns: 80,
    };

    /// Checks both sides once, so that nothing behind this type has to.
    ///
    /// # Errors
    /// [`SizeError`] when a side is zero or above [`SIDE_MAX`].
    pub const fn new(rows: u16, columns: u16) -> Result<Size, SizeError> {
        if rows == 0 || columns == 0 || rows > SIDE_MAX || columns > SIDE_MAX {
            return Err(SizeError { rows, columns });
        }
        Ok(Size { rows, columns })
    }

    /// Rows from top to bottom.
    #[must_use]
    pub const fn rows(self) -> u16 {
        self.rows
    }

    /// Columns from left to right.
    #[must_use]
    pub const fn columns(self) -> u16 {
        self.columns
    }

    /// Rows, as an index type.
    pub(crate) fn height(self) -> usize {
        usize::from(self.rows)
    }

    /// Columns, as an index type.
    pub(crate) fn width(self) -> usize {
        usize::from(self.columns)
    }
}

impl Default for Size {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A size that no screen can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeError {
    rows: u16,
    columns: u16,
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rows of {} columns: a screen has 1 to {SIDE_MAX} of each",
            self.rows, self.columns
        )
    }
}

impl Error for SizeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_of_zero_or_above_the_maximum_is_refused_with_the_range() {
        assert!(Size::new(1, 1).is_ok());
        assert!(Size::new(1000, 1000).is_ok());
        for (rows, columns) in [(0, 80), (24, 0), (1001, 80), (24, u16::MAX)] {
            let error = Size::new(rows, columns).unwrap_err().to_string();
            assert!(error.contains("1 to 1000"), "{error}");
        }
    }
}
