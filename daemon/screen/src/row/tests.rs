//! Cells, styles and marks stay together under every edit.

use super::*;
use crate::style::Color;

const COLUMNS: usize = 10;

fn row(text: &str) -> Row {
    let mut row = Row::default();
    row.write_ascii(0, text.as_bytes(), Style::DEFAULT, COLUMNS);
    row
}

fn red() -> Style {
    let mut style = Style::DEFAULT;
    style.set_background(Color::Indexed(1));
    style
}

#[test]
fn a_plain_row_has_no_styles_and_no_more_cells_than_the_grid_is_wide() {
    let row = row("abc");
    assert_eq!(row.retained_bytes(), COLUMNS * size_of::<Glyph>());
    assert!(row.styles().is_empty());
}

#[test]
fn overwriting_half_of_a_wide_character_blanks_the_other_half() {
    for column in [2, 3] {
        let mut row = row("ab");
        row.write(2, Glyph::wide('世'), Style::DEFAULT, COLUMNS);
        row.mark(2, '\u{301}', COLUMNS);
        row.write_ascii(column, b"x", Style::DEFAULT, COLUMNS);
        assert_eq!(row.text(), if column == 2 { "abx" } else { "ab x" });
        assert!(row.marked().is_none());
    }
}

#[test]
fn insert_and_delete_move_cells_styles_and_marks_together() {
    let mut row = row("abcdef");
    row.write(2, Glyph::ascii(b'C'), red(), COLUMNS);
    row.mark(2, '\u{301}', COLUMNS);
    row.insert(1, 3, Style::DEFAULT, COLUMNS);
    assert_eq!(row.text(), "a   bC\u{301}def");
    assert_eq!((row.style(5), row.style(2)), (red(), Style::DEFAULT));
    row.delete(1, 3, red(), COLUMNS);
    assert_eq!(row.text(), "abC\u{301}def");
    assert_eq!(
        (row.style(2), row.style(6), row.style(7), row.style(9)),
        (red(), Style::DEFAULT, red(), red())
    );
    row.insert(0, 8, Style::DEFAULT, COLUMNS);
    assert_eq!(row.text(), "        ab");
    assert!(row.marked().is_none());
}

#[test]
fn a_wide_character_pushed_half_over_the_edge_becomes_blank() {
    let mut row = row("abcdefgh");
    row.write(8, Glyph::wide('世'), Style::DEFAULT, COLUMNS);
    row.insert(0, 1, Style::DEFAULT, COLUMNS);
    assert_eq!(row.text(), " abcdefgh");
    let mut row = super::tests::row("abcd");
    row.write(4, Glyph::wide('世'), Style::DEFAULT, COLUMNS);
    row.narrow_to(5);
    assert_eq!((row.text().as_str(), row.glyphs().len()), ("abcd", 5));
}

#[test]
fn erasing_with_a_background_paints_and_without_one_forgets() {
    let mut row = row("abcdef");
    row.erase(2, 10, red(), COLUMNS);
    assert_eq!(
        (row.text().as_str(), row.used(), row.style(9)),
        ("ab", 10, red())
    );
    row.erase(1, 10, Style::DEFAULT, COLUMNS);
    assert_eq!(
        (row.text().as_str(), row.used(), row.glyphs().len()),
        ("a", 1, 1)
    );
}
