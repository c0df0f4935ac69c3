//! Columns that a character takes.

use unicode_width::UnicodeWidthChar;

/// Columns of a character: 0, 1 or 2; `None` for a control character.
///
/// Scripts in everyday use are told by their range, which is faster than the table and the same.
#[inline]
pub(crate) fn columns_of(character: char) -> Option<usize> {
    match character {
        ' '..='~'
        | '\u{a1}'..='\u{ac}'
        | '\u{ae}'..='\u{2ff}'
        | '\u{390}'..='\u{482}'
        | '\u{2500}'..='\u{25fc}' => Some(1),
        '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | 'ぁ'..='ゖ' | 'ァ'..='ヺ' => {
            Some(2)
        }
        _ => character.width(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_agree_with_the_table() {
        for character in '\0'..=char::MAX {
            assert_eq!(
                columns_of(character),
                character.width(),
                "{character:?} {:x}",
                u32::from(character)
            );
        }
    }
}
