//! SGR: from control-sequence parameters to a [`Style`] and back.

use crate::params::{Groups, Params};
use crate::style::{Attribute, Color, Style};

/// Applies `CSI ... m` to a style. Unknown parameters change nothing.
pub(crate) fn apply(style: &mut Style, params: &Params) {
    let mut groups = params.groups();
    while let Some(group) = groups.next() {
        match *group {
            [38, ref rest @ ..] => {
                if let Some(color) = extended(rest, &mut groups) {
                    style.set_foreground(color);
                }
            }
            [48, ref rest @ ..] => {
                if let Some(color) = extended(rest, &mut groups) {
                    style.set_background(color);
                }
            }
            // The underline's own colour is not kept, but its parameters must not be read as attributes.
            [58, ref rest @ ..] => _ = extended(rest, &mut groups),
            [4, 0, ..] => style.unset(Attribute::Underline),
            [code, ..] => simple(style, code),
            [] => {}
        }
    }
}

fn simple(style: &mut Style, code: u16) {
    match code {
        0 => *style = Style::DEFAULT,
        1 => style.set(Attribute::Bold),
        2 => style.set(Attribute::Dim),
        3 => style.set(Attribute::Italic),
        4 | 21 => style.set(Attribute::Underline),
        5 | 6 => style.set(Attribute::Blink),
        7 => style.set(Attribute::Inverse),
        8 => style.set(Attribute::Hidden),
        9 => style.set(Attribute::Strike),
        22 => {
            style.unset(Attribute::Bold);
            style.unset(Attribute::Dim);
        }
        23 => style.unset(Attribute::Italic),
        24 => style.unset(Attribute::Underline),
        25 => style.unset(Attribute::Blink),
        27 => style.unset(Attribute::Inverse),
        28 => style.unset(Attribute::Hidden),
        29 => style.unset(Attribute::Strike),
        30..=37 => style.set_foreground(named(code - 30)),
        39 => style.set_foreground(Color::Default),
        40..=47 => style.set_background(named(code - 40)),
        49 => style.set_background(Color::Default),
        53 => style.set(Attribute::Overline),
        55 => style.unset(Attribute::Overline),
        90..=97 => style.set_foreground(named(code - 90 + 8)),
        100..=107 => style.set_background(named(code - 100 + 8)),
        _ => {}
    }
}

fn named(index: u16) -> Color {
    Color::Indexed(u8::try_from(index).expect("a named colour is below 16"))
}

/// The colour after 38, 48 or 58: as subparameters (`38:5:n`, `38:2:r:g:b`, `38:2:space:r:g:b`) or as the parameters
/// that follow (`38;5;n`, `38;2;r;g;b`). Components above 255 make the colour unknown.
fn extended(rest: &[u16], groups: &mut Groups<'_>) -> Option<Color> {
    let mut following = || groups.next().map_or(0, |group| group[0]);
    match *rest {
        [5, index, ..] => indexed(index),
        [2, red, green, blue] | [2, _, red, green, blue, ..] => rgb(red, green, blue),
        [] => match following() {
            5 => indexed(following()),
            2 => {
                let (red, green, blue) = (following(), following(), following());
                rgb(red, green, blue)
            }
            _ => None,
        },
        _ => None,
    }
}

fn indexed(index: u16) -> Option<Color> {
    Some(Color::Indexed(u8::try_from(index).ok()?))
}

fn rgb(red: u16, green: u16, blue: u16) -> Option<Color> {
    Some(Color::Rgb(
        u8::try_from(red).ok()?,
        u8::try_from(green).ok()?,
        u8::try_from(blue).ok()?,
    ))
}

/// Appends the shortest sequence that turns one style into another: what differs, where that is only colours.
pub(crate) fn write_change(out: &mut Vec<u8>, from: Style, to: Style) {
    if to == Style::DEFAULT {
        return out.extend_from_slice(b"\x1b[m");
    }
    if from.attribute_bits() != to.attribute_bits() {
        return write(out, to);
    }
    let mut lead = b"\x1b[".as_slice();
    for (old, new, base) in [
        (from.foreground(), to.foreground(), 30),
        (from.background(), to.background(), 40),
    ] {
        if old != new {
            out.extend_from_slice(lead);
            write_color(out, new, base);
            lead = b";";
        }
    }
    out.push(b'm');
}

/// Appends the sequence that turns any style into this one.
pub(crate) fn write(out: &mut Vec<u8>, style: Style) {
    out.extend_from_slice(b"\x1b[0");
    for (attribute, code) in Attribute::ALL {
        if style.has(attribute) {
            out.push(b';');
            decimal(out, u16::from(code));
        }
    }
    for (color, base) in [(style.foreground(), 30), (style.background(), 40)] {
        if color != Color::Default {
            out.push(b';');
            write_color(out, color, base);
        }
    }
    out.push(b'm');
}

/// Appends the parameters of a colour; `base` is 30 for the foreground and 40 for the background.
fn write_color(out: &mut Vec<u8>, color: Color, base: u16) {
    let codes: &[u16] = match color {
        Color::Default => &[base + 9],
        Color::Indexed(index @ 0..8) => &[base + u16::from(index)],
        Color::Indexed(index @ 8..16) => &[base + 60 + u16::from(index - 8)],
        Color::Indexed(index) => &[base + 8, 5, u16::from(index)],
        Color::Rgb(red, green, blue) => &[
            base + 8,
            2,
            u16::from(red),
            u16::from(green),
            u16::from(blue),
        ],
    };
    for (at, code) in codes.iter().enumerate() {
        if at > 0 {
            out.push(b';');
        }
        decimal(out, *code);
    }
}

/// Appends a number in decimal.
pub(crate) fn decimal(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(number.to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn styled(parameters: &str) -> Style {
        let mut params = Params::new();
        for group in parameters.split(';') {
            for (index, value) in group.split(':').enumerate() {
                params.push(value.parse().unwrap_or(0), index != 0);
            }
        }
        let mut style = Style::DEFAULT;
        apply(&mut style, &params);
        style
    }

    #[test]
    fn both_forms_of_extended_colours_mean_the_same() {
        for (form, color) in [
            ("38;5;200", Color::Indexed(200)),
            ("38:5:200", Color::Indexed(200)),
            ("38;2;1;2;3", Color::Rgb(1, 2, 3)),
            ("38:2:1:2:3", Color::Rgb(1, 2, 3)),
            ("38:2::1:2:3", Color::Rgb(1, 2, 3)),
            ("38:2:0:1:2:3:0", Color::Rgb(1, 2, 3)),
            ("31", Color::Indexed(1)),
            ("97", Color::Indexed(15)),
        ] {
            assert_eq!(styled(form).foreground(), color, "{form}");
            assert!(
                styled(&format!("{form};1")).has(Attribute::Bold),
                "{form};1"
            );
        }
        assert_eq!(styled("48;5;9").background(), Color::Indexed(9));
        assert_eq!(styled("38;5;256").foreground(), Color::Default);
        assert_eq!(styled("58;5;1"), Style::DEFAULT);
        assert_eq!(styled("58:2::1:2:3"), Style::DEFAULT);
    }

    #[test]
    fn every_attribute_can_be_set_and_taken_back() {
        for (attribute, code) in Attribute::ALL {
            assert!(styled(&code.to_string()).has(attribute));
            let off = match code {
                1 | 2 => 22,
                53 => 55,
                code => code + 20,
            };
            assert_eq!(styled(&format!("{code};{off}")), Style::DEFAULT, "{code}");
        }
        assert!(styled("4:3").has(Attribute::Underline));
        assert_eq!(styled("4;4:0"), Style::DEFAULT);
        assert_eq!(styled("1;31;44;0"), Style::DEFAULT);
    }

    #[test]
    fn a_written_style_reads_back_as_itself() {
        for form in [
            "0",
            "1;3;4;7;9;53",
            "31;104",
            "38;5;77;48;2;9;8;7",
            "2;5;8;92;48;5;255",
        ] {
            let style = styled(form);
            let mut out = Vec::new();
            write(&mut out, style);
            let text = String::from_utf8(out).unwrap();
            assert_eq!(
                styled(text.trim_start_matches("\x1b[").trim_end_matches('m')),
                style
            );
        }
    }
}
