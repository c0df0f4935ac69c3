//! What a screen is read as: rows and lines with their styles, sequences, matches; each within the bounds of an answer.

use std::io;

use sessiond_protocol::{
    Attribute, Color, ErrorCode, Failure, Found, MATCHES_MAX, MAX_FRAME_BYTES, Read, ReadReply,
    Run, ScreenState, StyledLine,
};
use sessiond_screen::{Case, Line, Matches, Screen, Style};

use crate::pattern::{self, SEARCHED_BYTES_MAX};

/// Bytes of lines in one answer: half a frame, so that whoever reads a long history is not kept waiting.
pub(super) const LINES_ANSWER_BYTES_MAX: usize = MAX_FRAME_BYTES / 2;

/// Bytes of rows in one answer: a frame, less what is said around them.
const ROWS_ANSWER_BYTES_MAX: usize = MAX_FRAME_BYTES - 4096;

/// Reads a screen whose state is given.
///
/// # Errors
/// `too_large` when styled rows do not fit an answer, `bad_request` for a pattern that is none.
pub(crate) fn read(screen: &Screen, state: ScreenState, what: &Read) -> Result<ReadReply, Failure> {
    match what {
        Read::Rows { since } => rows(screen, state, since.unwrap_or(0)),
        Read::Redraw {} => Ok(ReadReply::Redraw {
            size: state.size,
            sequences: screen.redraw(),
        }),
        Read::History { from, count } => Ok(history(screen, *from, *count as usize)),
        Read::Search {
            pattern,
            ignore_case,
            from,
            limit,
        } => {
            let case = if *ignore_case {
                Case::Ignored
            } else {
                Case::Sensitive
            };
            let pattern = pattern::read(pattern, case, SEARCHED_BYTES_MAX)?;
            Ok(found(screen.search(
                &pattern,
                *from,
                (*limit).min(MATCHES_MAX) as usize,
            )))
        }
    }
}

fn rows(screen: &Screen, state: ScreenState, since: u64) -> Result<ReadReply, Failure> {
    let mut rows = Vec::new();
    let mut bytes = 0;
    for index in screen.changed_rows(since) {
        let row = styled(screen.top_line() + index as u64, &screen.row(index));
        bytes += json_bytes(&row);
        if bytes > ROWS_ANSWER_BYTES_MAX {
            let message = "the screen with its styles does not fit an answer; read it as text";
            return Err(Failure::new(ErrorCode::TooLarge, message));
        }
        rows.push(row);
    }
    Ok(ReadReply::Rows { state, rows })
}

fn history(screen: &Screen, from: Option<u64>, count: usize) -> ReadReply {
    let (first_line, kept) = (screen.first_line(), screen.scrollback_len());
    let start = match from {
        Some(from) => {
            usize::try_from(from.saturating_sub(first_line)).map_or(kept, |at| at.min(kept))
        }
        None => kept.saturating_sub(count),
    };
    let mut lines = Vec::new();
    let mut bytes = 0;
    for (line, number) in screen
        .scrollback(start..start.saturating_add(count))
        .zip(first_line + start as u64..)
    {
        let line = styled(number, &line);
        bytes += json_bytes(&line);
        if bytes > LINES_ANSWER_BYTES_MAX {
            break;
        }
        lines.push(line);
    }
    let end = first_line + (start + lines.len()) as u64;
    ReadReply::Lines {
        lines,
        first_line,
        next: (end < screen.top_line()).then_some(end),
    }
}

fn found(matches: Matches) -> ReadReply {
    let Matches { matches, next } = matches;
    let matches = matches.into_iter().map(|place| Found {
        line: place.line,
        column: place.column,
        found: place.found,
        text: place.text,
    });
    ReadReply::Matches {
        matches: matches.collect(),
        next,
    }
}

fn styled(number: u64, line: &Line) -> StyledLine {
    let runs = line.pieces().map(|(text, style)| Run {
        text: text.to_owned(),
        fg: color(style.foreground()),
        bg: color(style.background()),
        attributes: attributes(style),
    });
    StyledLine {
        line: number,
        wrapped: line.is_wrapped(),
        runs: runs.collect(),
    }
}

const fn color(color: sessiond_screen::Color) -> Option<Color> {
    match color {
        sessiond_screen::Color::Default => None,
        sessiond_screen::Color::Indexed(index) => Some(Color::Indexed(index)),
        sessiond_screen::Color::Rgb(red, green, blue) => Some(Color::Rgb([red, green, blue])),
    }
}

fn attributes(style: Style) -> Vec<Attribute> {
    use sessiond_screen::Attribute as Own;
    let all = [
        (Own::Bold, Attribute::Bold),
        (Own::Dim, Attribute::Dim),
        (Own::Italic, Attribute::Italic),
        (Own::Underline, Attribute::Underline),
        (Own::Blink, Attribute::Blink),
        (Own::Inverse, Attribute::Inverse),
        (Own::Hidden, Attribute::Hidden),
        (Own::Strike, Attribute::Strike),
        (Own::Overline, Attribute::Overline),
    ];
    all.into_iter()
        .filter(|(own, _)| style.has(*own))
        .map(|(_, attribute)| attribute)
        .collect()
}

/// Bytes that a line takes in an answer, with the comma behind it.
fn json_bytes(line: &StyledLine) -> usize {
    /// Counts what is written to it.
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(1);
    serde_json::to_writer(&mut count, line).expect("a line is plain data");
    count.0
}

#[cfg(test)]
mod tests {
    use sessiond_screen::{ScrollbackLimit, Size};

    use super::super::state_of;
    use super::*;

    fn read_of(screen: &Screen, what: &Read) -> Result<ReadReply, Failure> {
        read(screen, state_of(screen, None), what)
    }

    #[test]
    fn styled_rows_that_do_not_fit_an_answer_are_refused_and_not_built() {
        let size = Size::new(1000, 1000).unwrap();
        let mut screen = Screen::new(size, ScrollbackLimit::default());
        for color in 0..200_000_u32 {
            screen.feed(format!("\x1b[3{}mx", color % 8).as_bytes());
        }
        let failure = read_of(&screen, &Read::Rows { since: None }).unwrap_err();
        assert_eq!(failure.code, ErrorCode::TooLarge);
        let since = Some(screen.revision());
        screen.feed(b"one more");
        let changed = read_of(&screen, &Read::Rows { since }).unwrap();
        assert!(matches!(changed, ReadReply::Rows { rows, .. } if rows.len() == 2));
    }

    #[test]
    fn a_long_history_is_read_in_answers_that_say_where_to_go_on() {
        let mut screen = Screen::new(Size::DEFAULT, ScrollbackLimit::default());
        (0..20_000)
            .for_each(|number| screen.feed(format!("\x1b[32mline\x1b[m {number}\r\n").as_bytes()));
        let (mut from, mut count) = (None, 0);
        loop {
            let what = Read::History {
                from: from.or(Some(0)),
                count: u32::MAX,
            };
            let Ok(ReadReply::Lines {
                lines,
                next,
                first_line,
            }) = read_of(&screen, &what)
            else {
                panic!("not lines");
            };
            assert_eq!(lines[0].line, from.unwrap_or(first_line));
            count += lines.len();
            match next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        assert_eq!(count, screen.scrollback_len());
    }
}
