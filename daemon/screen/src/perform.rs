//! What the parser recognises, turned into operations on the terminal.

use vte::Perform;

use crate::cursor::Charset;
use crate::modes::{Mode, Namespace};
use crate::params::Params;
use crate::sgr;
use crate::terminal::Terminal;

/// Most bytes of a window title; what is longer is cut.
pub const TITLE_BYTES_MAX: usize = 256;

/// Bytes of an operating-system command that the parser holds: a title, with its number in front. What is longer is cut, which
/// only titles could notice: all others are ignored.
pub(crate) const OSC_BYTES_MAX: usize = TITLE_BYTES_MAX + 8;

impl Perform for Terminal {
    fn execute(&mut self, byte: u8) {
        self.control(byte);
    }

    fn csi_dispatch(
        &mut self,
        params: &vte::Params,
        intermediates: &[u8],
        ignore: bool,
        action: char,
    ) {
        self.sequence_ended = true;
        if !ignore {
            self.csi(&Params::from(params), intermediates, action);
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], ignore: bool, byte: u8) {
        self.sequence_ended = true;
        self.last = None;
        if ignore {
            return;
        }
        match (intermediates, byte) {
            ([], b'7') => self.save_cursor(),
            ([], b'8') => self.restore_cursor(),
            ([], b'D') => self.index(),
            ([], b'E') => self.control(0x85),
            ([], b'H') => self.control(0x88),
            ([], b'M') => self.reverse_index(),
            ([], b'Z') => self.report_device(),
            ([], b'c') => self.reset(),
            ([], b'=') => self.modes.set(Mode::ApplicationKeypad),
            ([], b'>') => self.modes.reset(Mode::ApplicationKeypad),
            ([b'#'], b'8') => self.alignment_test(),
            ([b'('], set) => self.designate(0, set),
            ([b')'], set) => self.designate(1, set),
            _ => {}
        }
    }

    fn unhook(&mut self) {
        self.sequence_ended = true;
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _bell_terminated: bool) {
        self.sequence_ended = true;
        self.last = None;
        if let [b"0" | b"2", parts @ ..] = params {
            let whole = parts.join(&b';');
            let mut title = String::from_utf8_lossy(&whole).into_owned();
            title.retain(|character| !character.is_control());
            title.truncate(title.floor_char_boundary(TITLE_BYTES_MAX));
            title.shrink_to_fit();
            self.title = title;
        }
    }
}

impl Terminal {
    /// Executes a control sequence.
    pub(crate) fn csi(&mut self, params: &Params, intermediates: &[u8], action: char) {
        if let Some(last) = self.last.take()
            && (intermediates, action) == (&[], 'b')
        {
            return self.repeat(last, params.or(0, 1));
        }
        match (intermediates, action) {
            ([], 'm') => sgr::apply(&mut self.pen.style, params),
            ([], _) => self.csi_plain(params, action),
            ([b'?'], 'h') => self.private_modes(params, true),
            ([b'?'], 'l') => self.private_modes(params, false),
            // DECSED and DECSEL: nothing is protected here, so they erase as the plain ones do.
            ([b'?'], 'J') => self.erase_display(params.first()),
            ([b'?'], 'K') => self.erase_line(params.first()),
            ([b'?'], 'W') if params.first() == 5 => self.tabs = crate::tabs::TabStops::default(),
            ([b'?'], 'n') if params.first() == 6 => self.report_position(b"\x1b[?"),
            ([b'>'], 'c') if params.first() == 0 => self.replies.push(b"\x1b[>1;10;0c"),
            ([b'!'], 'p') => self.soft_reset(),
            ([b' '], 'q') => {
                if let Ok(shape @ 0..=6) = u8::try_from(params.first()) {
                    self.modes.cursor_shape = shape;
                }
            }
            _ => {}
        }
    }

    fn csi_plain(&mut self, params: &Params, action: char) {
        let count = params.or(0, 1);
        match action {
            '@' => self.insert_characters(count),
            'A' => self.move_up(count),
            'B' => self.move_down(count),
            'C' | 'a' => self.move_right(count),
            'D' => self.move_left(count),
            'E' => {
                self.move_down(count);
                self.move_to_column(0);
            }
            'F' => {
                self.move_up(count);
                self.move_to_column(0);
            }
            'G' | '`' => self.move_to_column(count - 1),
            'H' | 'f' => self.move_to(count - 1, params.or(1, 1) - 1),
            'I' => self.tab_forward(count),
            'J' => self.erase_display(params.first()),
            'K' => self.erase_line(params.first()),
            'L' => self.insert_lines(count),
            'M' => self.delete_lines(count),
            'P' => self.delete_characters(count),
            'S' => self.scroll_region_up(count),
            'T' => self.scroll_region_down(count),
            'X' => self.erase_characters(count),
            'Z' => self.tab_back(count),
            'c' if params.first() == 0 => self.report_device(),
            'd' => self.move_to_row(count - 1),
            'e' => self.move_rows_down(count),
            'g' => match params.first() {
                0 => self.tabs.clear(self.pen.column),
                3 => self.tabs.clear_all(),
                _ => {}
            },
            'h' => self.ansi_modes(params, true),
            'l' => self.ansi_modes(params, false),
            'n' => match params.first() {
                5 => self.replies.push(b"\x1b[0n"),
                6 => self.report_position(b"\x1b["),
                _ => {}
            },
            'r' => self.set_region(count, params.or(1, self.size.height())),
            's' => self.save_cursor(),
            'u' => self.restore_cursor(),
            _ => {}
        }
    }

    fn ansi_modes(&mut self, params: &Params, set: bool) {
        for group in params.groups() {
            self.switch(Mode::numbered(Namespace::Ansi, group[0]), set);
        }
    }

    fn private_modes(&mut self, params: &Params, set: bool) {
        for group in params.groups() {
            match (group[0], set) {
                (6, _) => self.set_origin(set),
                (47 | 1047, true) => self.enter_alternate(),
                (47 | 1047, false) => self.leave_alternate(),
                (1048, true) => self.save_cursor(),
                (1048, false) => self.restore_cursor(),
                (1049, true) if self.primary.is_none() => {
                    self.save_cursor();
                    self.enter_alternate();
                }
                (1049, false) if self.primary.is_some() => {
                    self.leave_alternate();
                    self.restore_cursor();
                }
                (number, _) => self.switch(Mode::numbered(Namespace::Private, number), set),
            }
        }
    }

    fn switch(&mut self, mode: Option<Mode>, set: bool) {
        match mode {
            Some(mode) if set => self.modes.set(mode),
            Some(mode) => self.modes.reset(mode),
            None => {}
        }
    }

    fn designate(&mut self, slot: usize, set: u8) {
        self.pen.charsets[slot] = if set == b'0' {
            Charset::Graphics
        } else {
            Charset::Ascii
        };
    }

    /// REP: no more often than the screen has cells, after which nothing changes any more. While characters are inserted a
    /// snapshot cannot tell what was printed last, so there is nothing to repeat.
    fn repeat(&mut self, last: char, count: usize) {
        if !self.modes.has(Mode::Insert) {
            for _ in 0..count.min(self.size.width() * self.size.height()) {
                self.print(last);
            }
        }
    }

    /// DA1: a VT220 with colours.
    fn report_device(&mut self) {
        self.replies.push(b"\x1b[?62;22c");
    }

    fn report_position(&mut self, prefix: &[u8]) {
        let origin = if self.pen.origin { self.region.top } else { 0 };
        let row = self.pen.row.saturating_sub(origin) + 1;
        let place = format!("{row};{}R", self.pen.column + 1);
        self.replies.push(&[prefix, place.as_bytes()].concat());
    }
}
