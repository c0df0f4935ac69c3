//! Answers to what programs ask.

use crate::streams::screen;

fn reply(bytes: &str) -> String {
    String::from_utf8(screen(9, 20, bytes).take_replies().unwrap_or_default())
        .expect("answers are ASCII")
}

#[test]
fn questions_are_answered_in_order() {
    assert_eq!(reply("\x1b[5n"), "\x1b[0n");
    assert_eq!(reply("\x1b[3;4H\x1b[6n"), "\x1b[3;4R");
    assert_eq!(reply("\x1b[3;5r\x1b[?6h\x1b[2;2H\x1b[6n"), "\x1b[2;2R");
    assert_eq!(reply("\x1b[?6n"), "\x1b[?1;1R");
    assert_eq!(reply("\x1b[c"), "\x1b[?62;22c");
    assert_eq!(reply("\x1bZ"), "\x1b[?62;22c");
    assert_eq!(reply("\x1b[>c"), "\x1b[>1;10;0c");
    assert_eq!(reply("\x1b[5n\x1b[6n"), "\x1b[0n\x1b[1;1R");
    assert_eq!(reply("\x1b[1c\x1b[?1n text"), "");
}

#[test]
fn answers_that_nobody_takes_are_bounded() {
    let mut screen = screen(9, 20, "\x1b[6n".repeat(100_000));
    assert!(screen.retained_bytes() <= 2 * sessiond_screen::REPLY_BYTES_MAX);
    let replies = screen.take_replies().unwrap();
    assert!(replies.len() <= sessiond_screen::REPLY_BYTES_MAX && replies.ends_with(b"R"));
    assert_eq!((screen.take_replies(), screen.retained_bytes()), (None, 0));
}
