//! How text may look: decided once at the edge, passed to whatever writes it.

/// Whether escape sequences for colour may be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    #[default]
    Never,
    /// With colour.
    Always,
}

/// Colour and width of what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether colour may be used.
    pub colour: Colour,
    /// Columns to stay within; never below [`Style::MIN_WIDTH`].
    pub width: u16,
}

impl Style {
    /// Narrower than this, tables are cut rather than squeezed.
    pub const MIN_WIDTH: u16 = 60;

    /// Plain text in 80 columns: what a file or a pipe gets.
    pub const PLAIN: Style = Style {
        colour: Colour::Never,
        width: 80,
    };
}
