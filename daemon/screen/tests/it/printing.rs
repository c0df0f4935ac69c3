//! Text, wrapping, wide and zero-width characters, charsets, tabs.

use crate::streams::{at, screen, shown};

#[test]
fn a_full_row_wraps_only_with_the_next_character() {
    let mut screen = screen(3, 5, "abcde");
    assert_eq!(at(&screen), (0, 4));
    screen.feed(b"f");
    assert_eq!(
        (shown(&screen), at(&screen)),
        (vec!["abcde".into(), "f".into()], (1, 1))
    );
    screen.feed(b"\r\n12345\r6");
    assert_eq!(shown(&screen)[2], "62345");
}

#[test]
fn without_autowrap_the_last_column_is_overwritten() {
    assert_eq!(shown(&screen(2, 5, "\x1b[?7labcdefgh")), ["abcdh"]);
    assert_eq!(shown(&screen(2, 5, "\x1b[?7labcdef世")), ["abc世"]);
}

#[test]
fn a_wide_character_that_does_not_fit_goes_to_the_next_row() {
    assert_eq!(shown(&screen(3, 5, "abcd世界x")), ["abcd", "世界x"]);
    assert_eq!(shown(&screen(3, 1, "世a")), ["\u{fffd}", "a"]);
}

#[test]
fn zero_width_characters_stay_on_their_cell() {
    assert_eq!(shown(&screen(2, 5, "e\u{301}x")), ["e\u{301}x"]);
    assert_eq!(shown(&screen(2, 3, "abe\u{301}")), ["abe\u{301}"]);
    assert_eq!(shown(&screen(2, 4, "ab世\u{fe0f}")), ["ab世\u{fe0f}"]);
    assert_eq!(shown(&screen(2, 5, "\u{301}a")), ["a"]);
    let flood = format!("a{}", "\u{301}".repeat(100_000));
    assert_eq!(shown(&screen(2, 5, flood))[0].len(), 13);
}

#[test]
fn text_split_anywhere_and_broken_text_are_decoded_alike() {
    let text = "aé世🙂z".as_bytes();
    for cut in 0..text.len() {
        let mut screen = screen(2, 20, &text[..cut]);
        screen.feed(&text[cut..]);
        assert_eq!(shown(&screen), ["aé世🙂z"]);
    }
    assert_eq!(
        shown(&screen(2, 20, b"a\xe4\xb8b\xffc\xf0\x9f\x99\x1b[md")),
        ["a\u{fffd}b\u{fffd}c\u{fffd}d"]
    );
}

#[test]
fn insert_mode_moves_the_rest_of_the_row() {
    assert_eq!(shown(&screen(2, 6, "abcd\r\x1b[4hXY\x1b[4l")), ["XYabcd"]);
    assert_eq!(shown(&screen(2, 6, "abcdef\r\x1b[4h世")), ["世abcd"]);
}

#[test]
fn line_drawing_comes_from_either_charset() {
    assert_eq!(shown(&screen(2, 9, "\x1b(0lqk\x1b(Bq")), ["┌─┐q"]);
    assert_eq!(shown(&screen(2, 9, "x\x1b)0\x0ex\x0fx")), ["x│x"]);
}

#[test]
fn tabs_stop_where_they_are_set() {
    assert_eq!(at(&screen(2, 40, "\t")), (0, 8));
    assert_eq!(at(&screen(2, 40, "\x1b[3I")), (0, 24));
    assert_eq!(at(&screen(2, 40, "\x1b[9I")), (0, 39));
    assert_eq!(at(&screen(2, 40, "\x1b[30G\x1b[2Z")), (0, 16));
    assert_eq!(at(&screen(2, 40, "\x1b[5G\x1bH\r\t")), (0, 4));
    assert_eq!(at(&screen(2, 40, "\x1b[9G\x1b[g\r\t")), (0, 16));
    assert_eq!(at(&screen(2, 40, "\x1b[3g\t")), (0, 39));
}

#[test]
fn control_characters_move_and_are_never_shown() {
    assert_eq!(
        shown(&screen(4, 9, "ab\x08c\x7f\x00\r\nd\x0be\x0cf")),
        ["ac", "d", " e", "  f"]
    );
    assert_eq!(at(&screen(4, 9, "\x1b[20hab\n")), (1, 0));
    assert_eq!(at(&screen(4, 9, "ab\x1bE")), (1, 0));
    assert_eq!(at(&screen(4, 9, "ab\u{85}")), (1, 0));
}

#[test]
fn repetition_prints_the_last_character_again() {
    assert_eq!(shown(&screen(2, 9, "ab\x1b[3b")), ["abbbb"]);
    assert_eq!(shown(&screen(2, 9, "\x1b[3b世\x1b[1b")), ["世世"]);
}
