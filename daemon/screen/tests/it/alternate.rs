//! The alternate buffer and the title.

use crate::streams::{at, screen, shown};

#[test]
fn the_primary_buffer_and_cursor_come_back() {
    let mut screen = screen(3, 9, "one\r\ntwo\x1b[?1049h\x1b[Hfull\r\n\n\n\n\n");
    assert!(screen.is_alternate());
    assert_eq!(screen.scrollback_len(), 0);
    screen.feed(b"\x1b[?1049l");
    assert!(!screen.is_alternate());
    assert_eq!(
        (shown(&screen), at(&screen)),
        (vec!["one".into(), "two".into()], (1, 3))
    );
}

#[test]
fn entering_twice_and_leaving_twice_change_nothing_more() {
    let mut screen = screen(3, 9, "one\x1b[?1049h\x1b[?1049hx\x1b[?47h");
    assert_eq!(shown(&screen), ["   x"]);
    screen.feed(b"\x1b[?1049l\x1b[?1049l\x1b[?1047l");
    assert_eq!((shown(&screen), at(&screen)), (vec!["one".into()], (0, 3)));
}

#[test]
fn the_older_forms_switch_without_the_cursor() {
    for (enter, leave) in [("\x1b[?47h", "\x1b[?47l"), ("\x1b[?1047h", "\x1b[?1047l")] {
        let screen = screen(3, 9, format!("one{enter}xyz{leave}"));
        assert_eq!((shown(&screen), at(&screen)), (vec!["one".into()], (0, 6)));
    }
}

#[test]
fn the_hidden_primary_buffer_takes_a_new_size_too() {
    let mut screen = screen(4, 9, "one\r\ntwo\r\nthree\r\nfour\x1b[?1049hedit");
    screen.resize(sessiond_screen::Size::new(2, 3).unwrap());
    screen.feed(b"\x1b[?1049l");
    assert_eq!(shown(&screen), ["thr", "fou"]);
    assert_eq!(screen.scrollback_text(0..9), ["one", "two"]);
}

#[test]
fn titles_are_kept_whole_or_cut_at_their_bound() {
    assert_eq!(screen(2, 9, "\x1b]0;a;b é\x07").title(), "a;b é");
    assert_eq!(screen(2, 9, "\x1b]2;t\x1b\\x").title(), "t");
    assert_eq!(
        screen(
            2,
            9,
            "\x1b]2;t\x07\x1b]1;icon\x07\x1b]8;;http://x\x07\x1b]52;c;eA==\x07"
        )
        .title(),
        "t"
    );
    let long = screen(2, 9, format!("\x1b]2;{}\x07x", "é".repeat(10_000)));
    assert!((250..=sessiond_screen::TITLE_BYTES_MAX).contains(&long.title().len()));
    assert_eq!(shown(&long), ["x"]);
}
