//! A shortcut for the most common control sequences: those that are whole and hold nothing but numbers.

use crate::params::Params;

/// Reads `ESC [ digits ; : final` at the start of the bytes, where all of it is there. Its parameters go to `params`; returns
/// its final byte and its length. `None` leaves it to the parser, which knows all other forms and reads these in the same way.
#[inline]
pub(crate) fn whole_sequence(bytes: &[u8], params: &mut Params) -> Option<(char, usize)> {
    let body = bytes.strip_prefix(b"\x1b[")?;
    params.clear();
    let mut value: u16 = 0;
    let mut is_sub = false;
    for (at, byte) in body.iter().enumerate() {
        match *byte {
            digit @ b'0'..=b'9' => {
                value = value
                    .saturating_mul(10)
                    .saturating_add(u16::from(digit - b'0'))
            }
            separator @ (b';' | b':') => {
                if !params.push(value, is_sub) {
                    return None;
                }
                value = 0;
                is_sub = separator == b':';
            }
            action @ b'@'..=b'~' => {
                return params
                    .push(value, is_sub)
                    .then_some((char::from(action), at + 3));
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_sequences_of_numbers_are_taken() {
        let mut params = Params::new();
        assert_eq!(
            whole_sequence(b"\x1b[01;38:5:7;mrest", &mut params),
            Some(('m', 13))
        );
        let groups: Vec<&[u16]> = params.groups().collect();
        assert_eq!(groups, [&[1][..], &[38, 5, 7], &[0]]);
        assert_eq!(whole_sequence(b"\x1b[H", &mut params), Some(('H', 3)));
        for other in [
            &b"\x1b"[..],
            b"\x1b[",
            b"\x1b[1;2",
            b"\x1b[?25h",
            b"\x1b[1\n2m",
            b"\x1b[ q",
            b"\x1b]0;x",
        ] {
            assert_eq!(whole_sequence(other, &mut params), None, "{other:?}");
        }
        assert_eq!(
            whole_sequence(format!("\x1b[{}m", "1;".repeat(32)).as_bytes(), &mut params),
            None
        );
    }
}
