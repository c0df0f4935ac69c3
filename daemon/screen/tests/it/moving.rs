//! Cursor movement, margins and scrolling.

use crate::streams::{at, screen, shown};

#[test]
fn movements_stop_at_the_edges() {
    for (sequence, place) in [
        ("\x1b[3;4H", (2, 3)),
        ("\x1b[99;99f", (4, 9)),
        ("\x1b[H", (0, 0)),
        ("\x1b[3;4H\x1b[A", (1, 3)),
        ("\x1b[3;4H\x1b[9A", (0, 3)),
        ("\x1b[3;4H\x1b[B\x1b[2C", (3, 5)),
        ("\x1b[3;4H\x1b[9D", (2, 0)),
        ("\x1b[3;4H\x1b[E", (3, 0)),
        ("\x1b[3;4H\x1b[2F", (0, 0)),
        ("\x1b[3;4H\x1b[7G", (2, 6)),
        ("\x1b[3;4H\x1b[7`", (2, 6)),
        ("\x1b[3;4H\x1b[2a", (2, 5)),
        ("\x1b[3;4H\x1b[5d", (4, 3)),
        ("\x1b[3;4H\x1b[e", (3, 3)),
        ("\x1b[65535;65535H\x1b[65535C\x1b[65535B", (4, 9)),
    ] {
        assert_eq!(at(&screen(5, 10, sequence)), place, "{sequence:?}");
    }
}

#[test]
fn the_cursor_is_saved_and_restored_with_its_attributes() {
    for (save, restore) in [
        ("\x1b7", "\x1b8"),
        ("\x1b[s", "\x1b[u"),
        ("\x1b[?1048h", "\x1b[?1048l"),
    ] {
        let mut screen = screen(
            5,
            10,
            format!("\x1b[2;3H\x1b[31m{save}\x1b[m\x1b[H{restore}"),
        );
        assert_eq!(at(&screen), (1, 2));
        screen.feed(b"x");
        let snapshot = String::from_utf8(screen.snapshot()).unwrap();
        assert!(snapshot.contains("\x1b[31mx"), "{snapshot:?}");
    }
}

#[test]
fn a_line_feed_at_the_bottom_moves_the_first_row_to_the_history() {
    let screen = screen(2, 10, "a\r\nb\r\nc\r\nd");
    assert_eq!(shown(&screen), ["c", "d"]);
    assert_eq!(screen.scrollback_text(0..9), ["a", "b"]);
}

#[test]
fn a_region_scrolls_within_its_margins() {
    let text = "1\r\n2\r\n3\r\n4\r\n5";
    let screen_of = |sequence: &str| screen(5, 10, format!("{text}{sequence}"));
    let inner = screen_of("\x1b[2;4r\x1b[4Hx\n");
    assert_eq!(
        (shown(&inner), inner.scrollback_len()),
        (["1", "3", "x", "", "5"].map(String::from).to_vec(), 0)
    );
    let top = screen_of("\x1b[1;3r\x1b[3H\n");
    assert_eq!(
        (shown(&top), top.scrollback_text(0..9)),
        (
            ["2", "3", "", "4", "5"].map(String::from).to_vec(),
            vec!["1".into()]
        )
    );
    assert_eq!(
        shown(&screen_of("\x1b[2;4r\x1b[2H\x1bM")),
        ["1", "", "2", "3", "5"]
    );
    assert_eq!(
        shown(&screen_of("\x1b[2;4r\x1b[2S")),
        ["1", "4", "", "", "5"]
    );
    assert_eq!(
        shown(&screen_of("\x1b[2;4r\x1b[T")),
        ["1", "", "2", "3", "5"]
    );
    assert_eq!(
        shown(&screen_of("\x1b[2;4r\x1b[3H\x1b[L")),
        ["1", "2", "", "3", "5"]
    );
    assert_eq!(
        shown(&screen_of("\x1b[2;4r\x1b[2H\x1b[M")),
        ["1", "3", "4", "", "5"]
    );
    assert_eq!(
        shown(&screen_of("\x1b[2;4r\x1b[5H\x1b[L")),
        ["1", "2", "3", "4", "5"]
    );
    assert_eq!(
        shown(&screen_of("\x1b[2;4r\x1b[5H\n\n")),
        ["1", "2", "3", "4", "5"]
    );
    assert_eq!(at(&screen_of("\x1b[5H\x1b[4;2r")), (4, 0));
}

#[test]
fn origin_mode_counts_from_the_margins() {
    assert_eq!(at(&screen(9, 10, "\x1b[3;5r\x1b[?6h")), (2, 0));
    assert_eq!(at(&screen(9, 10, "\x1b[3;5r\x1b[?6h\x1b[2;2H")), (3, 1));
    assert_eq!(at(&screen(9, 10, "\x1b[3;5r\x1b[?6h\x1b[99H")), (4, 0));
    assert_eq!(at(&screen(9, 10, "\x1b[3;5r\x1b[?6h\x1b[?6l")), (0, 0));
}

#[test]
fn a_new_size_keeps_lines_and_the_cursor_on_its_row() {
    let mut screen = screen(4, 10, "one\r\ntwo\r\nthree\r\nfour");
    screen.resize(sessiond_screen::Size::new(2, 4).unwrap());
    assert_eq!(
        (shown(&screen), at(&screen)),
        (vec!["thre".into(), "four".into()], (1, 3))
    );
    assert_eq!(screen.scrollback_text(0..9), ["one", "two"]);
    screen.resize(sessiond_screen::Size::new(6, 9).unwrap());
    screen.feed(b"x");
    assert_eq!(shown(&screen), ["thre", "fouX".replace('X', "x").as_str()]);
}

#[test]
fn blank_rows_below_the_cursor_go_before_lines_do() {
    let mut screen = screen(10, 10, "one\r\ntwo");
    screen.resize(sessiond_screen::Size::new(3, 10).unwrap());
    assert_eq!(
        (shown(&screen), at(&screen)),
        (vec!["one".into(), "two".into()], (1, 3))
    );
    assert_eq!(screen.scrollback_len(), 0);
}
