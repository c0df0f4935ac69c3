//! Erasing, inserting, deleting, attributes, resets.

use sessiond_screen::{Attribute, Color};

use crate::streams::{at, screen, shown};

fn after(sequence: &str) -> Vec<String> {
    shown(&screen(
        3,
        5,
        format!("abcde\r\nfghij\r\nklmno\x1b[2;3H{sequence}"),
    ))
}

#[test]
fn erasing_takes_exactly_what_it_names() {
    for (sequence, rows) in [
        ("\x1b[K", vec!["abcde", "fg", "klmno"]),
        ("\x1b[1K", vec!["abcde", "   ij", "klmno"]),
        ("\x1b[2K", vec!["abcde", "", "klmno"]),
        ("\x1b[J", vec!["abcde", "fg"]),
        ("\x1b[1J", vec!["", "   ij", "klmno"]),
        ("\x1b[2J", vec![]),
        ("\x1b[H\x1b[J", vec![]),
        ("\x1b[2X", vec!["abcde", "fg  j", "klmno"]),
        ("\x1b[99X", vec!["abcde", "fg", "klmno"]),
    ] {
        assert_eq!(after(sequence), rows, "{sequence:?}");
    }
}

#[test]
fn inserting_and_deleting_shift_the_row() {
    for (sequence, row) in [
        ("\x1b[@", "fg hi"),
        ("\x1b[99@", "fg"),
        ("\x1b[P", "fgij"),
        ("\x1b[99P", "fg"),
        ("\x1b[H\x1b[2L", "abcde"),
    ] {
        let rows = after(sequence);
        assert_eq!(
            rows[rows.len() - if row == "abcde" { 1 } else { 2 }],
            row,
            "{sequence:?}"
        );
    }
}

#[test]
fn erasing_paints_the_current_background() {
    let screen = screen(3, 8, "\x1b[44mab\x1b[K\x1b[m\r\n\x1b[2;1Hx\r\n\r\n\r\n\r\n");
    let line = screen.scrollback(0..1).next().unwrap();
    assert_eq!(line.text(), "ab      ");
    let (range, style) = line.runs().next().unwrap();
    assert_eq!((range, style.background()), (0..8, Color::Indexed(4)));
}

#[test]
fn styles_reach_the_history() {
    let screen = screen(
        1,
        40,
        "p \x1b[1;38;5;200mbold\x1b[22;3;38:2::1:2:3m it\x1b[m.\r\n",
    );
    let line = screen.scrollback(0..1).next().unwrap();
    let runs: Vec<_> = line
        .runs()
        .map(|(range, style)| (&line.text()[range], style))
        .collect();
    assert_eq!(
        runs.iter().map(|(text, _)| *text).collect::<Vec<_>>(),
        ["p ", "bold", " it"]
    );
    assert!(
        runs[1].1.has(Attribute::Bold)
            && runs[2].1.has(Attribute::Italic)
            && !runs[2].1.has(Attribute::Bold)
    );
    assert_eq!(
        (runs[1].1.foreground(), runs[2].1.foreground()),
        (Color::Indexed(200), Color::Rgb(1, 2, 3))
    );
}

#[test]
fn the_alignment_test_fills_the_screen() {
    let screen = screen(2, 3, "\x1b[2;2H\x1b#8");
    assert_eq!(
        (shown(&screen), at(&screen)),
        (vec!["EEE".into(), "EEE".into()], (0, 0))
    );
}

#[test]
fn deleting_beyond_the_end_of_the_text_brings_in_only_as_many_blanks_as_are_deleted() {
    let screen = screen(2, 9, "ab\x1b[44m\x1b[2P");
    let row = screen.row(0);
    let pieces: Vec<_> = row.pieces().map(|(text, _)| text.len()).collect();
    assert_eq!(pieces, [7, 2], "{row:?}");
}

#[test]
fn a_reset_leaves_nothing_but_the_history() {
    let mut used = screen(
        2,
        9,
        "a\r\nb\r\nc\x1b[1;31m\x1b[?1049h\x1b[?6h\x1b[?2004h\x1b(0\x1b]0;t\x07\x1b[3g\x1bc",
    );
    assert!(used.shows_same_as(&screen(2, 9, "")));
    assert_eq!(used.scrollback_text(0..9), ["a"]);
    used.feed(b"\x1b[3J");
    assert_eq!(used.scrollback_len(), 0);
    assert!(used.retained_bytes() <= 32, "{}", used.retained_bytes());
}

#[test]
fn a_soft_reset_keeps_text_and_place() {
    let screen = screen(
        3,
        9,
        "ab\x1b[2;3r\x1b[4h\x1b[?7l\x1b[?25l\x1b[3;3H\x1b[31m\x1b[!pq",
    );
    assert_eq!(shown(&screen), ["ab", "", "  q"]);
    assert!(screen.cursor().visible);
}
