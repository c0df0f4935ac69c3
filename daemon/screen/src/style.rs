//! What a cell looks like: two colours and a set of attributes, packed in one word.

/// A colour as the program named it; what it looks like is the palette's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// The terminal's own foreground or background.
    Default,
    /// One of the 256 palette colours; 0 to 15 are the named ones.
    Indexed(u8),
    /// Red, green and blue.
    Rgb(u8, u8, u8),
}

/// One way to render a character differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// SGR 1.
    Bold,
    /// SGR 2.
    Dim,
    /// SGR 3.
    Italic,
    /// SGR 4; double, curly, dotted and dashed underlines are all kept as this one.
    Underline,
    /// SGR 5 and 6.
    Blink,
    /// SGR 7.
    Inverse,
    /// SGR 8.
    Hidden,
    /// SGR 9.
    Strike,
    /// SGR 53.
    Overline,
}

impl Attribute {
    /// All of them, with the SGR parameter that sets each.
    pub(crate) const ALL: [(Attribute, u8); 9] = [
        (Attribute::Bold, 1),
        (Attribute::Dim, 2),
        (Attribute::Italic, 3),
        (Attribute::Underline, 4),
        (Attribute::Blink, 5),
        (Attribute::Inverse, 7),
        (Attribute::Hidden, 8),
        (Attribute::Strike, 9),
        (Attribute::Overline, 53),
    ];

    const fn bit(self) -> u64 {
        1 << (ATTRIBUTES_SHIFT + self as u32)
    }
}

const COLOR_BITS: u32 = 26;
const COLOR_MASK: u64 = (1 << COLOR_BITS) - 1;
const INDEXED: u64 = 1 << 24;
const RGB: u64 = 2 << 24;
const ATTRIBUTES_SHIFT: u32 = 2 * COLOR_BITS;

/// Colours and attributes of a cell: 26 bits of foreground, 26 of background, one per attribute. All zeros is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style(u64);

impl Style {
    /// Default colours, no attributes.
    pub const DEFAULT: Style = Style(0);

    /// Colour of the character.
    #[must_use]
    pub fn foreground(self) -> Color {
        unpack(self.0 & COLOR_MASK)
    }

    /// Colour behind the character.
    #[must_use]
    pub fn background(self) -> Color {
        unpack((self.0 >> COLOR_BITS) & COLOR_MASK)
    }

    /// Whether the attribute is set.
    #[must_use]
    pub fn has(self, attribute: Attribute) -> bool {
        self.0 & attribute.bit() != 0
    }

    /// The attributes as a set of bits, in the order of the enumeration.
    pub(crate) fn attribute_bits(self) -> u64 {
        self.0 >> ATTRIBUTES_SHIFT
    }

    /// The style that [`Style::attribute_bits`], [`Style::foreground`] and [`Style::background`] came from.
    pub(crate) fn from_parts(foreground: Color, background: Color, attribute_bits: u64) -> Style {
        Style(
            pack(foreground) | pack(background) << COLOR_BITS | attribute_bits << ATTRIBUTES_SHIFT,
        )
    }

    pub(crate) fn set_foreground(&mut self, color: Color) {
        self.0 = self.0 & !COLOR_MASK | pack(color);
    }

    pub(crate) fn set_background(&mut self, color: Color) {
        self.0 = self.0 & !(COLOR_MASK << COLOR_BITS) | pack(color) << COLOR_BITS;
    }

    pub(crate) fn set(&mut self, attribute: Attribute) {
        self.0 |= attribute.bit();
    }

    pub(crate) fn unset(&mut self, attribute: Attribute) {
        self.0 &= !attribute.bit();
    }

    /// What an erased cell looks like while this style is current: its background alone ("background colour erase").
    pub(crate) fn erased(self) -> Style {
        Style(self.0 & (COLOR_MASK << COLOR_BITS))
    }
}

fn pack(color: Color) -> u64 {
    match color {
        Color::Default => 0,
        Color::Indexed(index) => INDEXED | u64::from(index),
        Color::Rgb(red, green, blue) => {
            RGB | u64::from(red) << 16 | u64::from(green) << 8 | u64::from(blue)
        }
    }
}

fn unpack(bits: u64) -> Color {
    let [blue, green, red, tag, ..] = bits.to_le_bytes();
    match tag {
        0 => Color::Default,
        1 => Color::Indexed(blue),
        _ => Color::Rgb(red, green, blue),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_attributes_do_not_touch_each_other() {
        let mut style = Style::DEFAULT;
        style.set_foreground(Color::Rgb(255, 254, 253));
        style.set_background(Color::Indexed(255));
        for (attribute, _) in Attribute::ALL {
            style.set(attribute);
        }
        assert_eq!(style.foreground(), Color::Rgb(255, 254, 253));
        assert_eq!(style.background(), Color::Indexed(255));
        style.unset(Attribute::Dim);
        assert!(
            !style.has(Attribute::Dim)
                && style.has(Attribute::Bold)
                && style.has(Attribute::Overline)
        );
        let rebuilt = Style::from_parts(
            style.foreground(),
            style.background(),
            style.attribute_bits(),
        );
        assert_eq!(rebuilt, style);
        style.set_foreground(Color::Default);
        assert_eq!(style.background(), Color::Indexed(255));
        assert_eq!(style.erased().background(), Color::Indexed(255));
        assert_eq!(style.erased().attribute_bits(), 0);
    }
}
