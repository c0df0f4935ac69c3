//! Switches that programs set, most of them for the terminal in front of the user: kept so that a snapshot restores them.

/// One switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Insert,
    Newline,
    ApplicationCursor,
    ReverseVideo,
    Autowrap,
    MousePress,
    CursorVisible,
    MouseClicks,
    MouseDrags,
    MouseMoves,
    FocusEvents,
    MouseUtf8,
    MouseSgr,
    AlternateScroll,
    MouseUrxvt,
    MousePixels,
    BracketedPaste,
    ApplicationKeypad,
}

/// How a switch is named in a control sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Namespace {
    /// `CSI n h`.
    Ansi,
    /// `CSI ? n h`.
    Private,
}

/// The switches that have a number, and their names; the keypad has sequences of its own.
const NUMBERED: [(Mode, Namespace, u16, &str); 17] = [
    (Mode::Insert, Namespace::Ansi, 4, "insert"),
    (Mode::Newline, Namespace::Ansi, 20, "newline"),
    (
        Mode::ApplicationCursor,
        Namespace::Private,
        1,
        "application-cursor",
    ),
    (Mode::ReverseVideo, Namespace::Private, 5, "reverse-video"),
    (Mode::Autowrap, Namespace::Private, 7, "autowrap"),
    (Mode::MousePress, Namespace::Private, 9, "mouse-press"),
    (
        Mode::CursorVisible,
        Namespace::Private,
        25,
        "cursor-visible",
    ),
    (Mode::MouseClicks, Namespace::Private, 1000, "mouse-clicks"),
    (Mode::MouseDrags, Namespace::Private, 1002, "mouse-drags"),
    (Mode::MouseMoves, Namespace::Private, 1003, "mouse-moves"),
    (Mode::FocusEvents, Namespace::Private, 1004, "focus-events"),
    (Mode::MouseUtf8, Namespace::Private, 1005, "mouse-utf8"),
    (Mode::MouseSgr, Namespace::Private, 1006, "mouse-sgr"),
    (
        Mode::AlternateScroll,
        Namespace::Private,
        1007,
        "alternate-scroll",
    ),
    (Mode::MouseUrxvt, Namespace::Private, 1015, "mouse-urxvt"),
    (Mode::MousePixels, Namespace::Private, 1016, "mouse-pixels"),
    (
        Mode::BracketedPaste,
        Namespace::Private,
        2004,
        "bracketed-paste",
    ),
];

/// Of these at most one is set: what the mouse reports.
const MOUSE_TRACKING: u32 = Mode::MousePress.bit()
    | Mode::MouseClicks.bit()
    | Mode::MouseDrags.bit()
    | Mode::MouseMoves.bit();
/// Of these at most one is set: how the mouse reports it.
const MOUSE_ENCODING: u32 =
    Mode::MouseUtf8.bit() | Mode::MouseSgr.bit() | Mode::MouseUrxvt.bit() | Mode::MousePixels.bit();

impl Mode {
    pub(crate) fn numbered(namespace: Namespace, number: u16) -> Option<Mode> {
        let found = NUMBERED
            .iter()
            .find(|(_, space, own, _)| (*space, *own) == (namespace, number));
        found.map(|(mode, ..)| *mode)
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// This switch and those that cannot be set beside it.
    fn group(self) -> u32 {
        match self.bit() {
            bit if bit & MOUSE_TRACKING != 0 => MOUSE_TRACKING,
            bit if bit & MOUSE_ENCODING != 0 => MOUSE_ENCODING,
            bit => bit,
        }
    }
}

/// All switches, and the shape of the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Modes {
    bits: u32,
    /// Parameter of DECSCUSR, 0 to 6.
    pub(crate) cursor_shape: u8,
}

impl Default for Modes {
    fn default() -> Self {
        Modes {
            bits: Mode::Autowrap.bit() | Mode::CursorVisible.bit(),
            cursor_shape: 0,
        }
    }
}

impl Modes {
    pub(crate) fn has(self, mode: Mode) -> bool {
        self.bits & mode.bit() != 0
    }

    pub(crate) fn set(&mut self, mode: Mode) {
        self.bits = self.bits & !mode.group() | mode.bit();
    }

    /// Clears the switch, and with it what cannot be set beside it.
    pub(crate) fn reset(&mut self, mode: Mode) {
        self.bits &= !mode.group();
    }

    /// Names of all switches that are set.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        let keypad = self
            .has(Mode::ApplicationKeypad)
            .then_some("application-keypad");
        NUMBERED
            .iter()
            .filter(move |(mode, ..)| self.has(*mode))
            .map(|(.., name)| *name)
            .chain(keypad)
    }

    /// The numbered switches that are (not) set, for a snapshot.
    pub(crate) fn numbers(self, set: bool) -> impl Iterator<Item = (Namespace, u16)> {
        NUMBERED
            .iter()
            .filter(move |(mode, ..)| self.has(*mode) == set)
            .map(|(_, namespace, number, _)| (*namespace, *number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mouse_modes_exclude_each_other_and_leave_the_rest_alone() {
        let mut modes = Modes::default();
        modes.set(Mode::MouseClicks);
        modes.set(Mode::MouseSgr);
        modes.set(Mode::MouseMoves);
        assert!(
            !modes.has(Mode::MouseClicks)
                && modes.has(Mode::MouseMoves)
                && modes.has(Mode::MouseSgr)
        );
        modes.reset(Mode::MouseDrags);
        assert!(
            !modes.has(Mode::MouseMoves) && modes.has(Mode::MouseSgr) && modes.has(Mode::Autowrap)
        );
        assert_eq!(
            Mode::numbered(Namespace::Private, 2004),
            Some(Mode::BracketedPaste)
        );
        assert_eq!(Mode::numbered(Namespace::Ansi, 2004), None);
    }
}
