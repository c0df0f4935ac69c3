//! The bounds both sides agree on, each with its reason.

/// The protocol's version, exchanged in the hello. It changes only when an old client would misunderstand a new server.
pub const PROTOCOL_VERSION: u32 = 1;

/// Payload bytes of one frame. The largest honest payload is the snapshot of a full screen with a colour change in
/// every cell, or a page of scrollback; both fit, and what one peer can make the other hold stays small.
pub const MAX_FRAME_BYTES: usize = 1 << 20;

/// A declared length of more than this many times the limit is not an honest mistake to be skipped over: reading it to
/// its end would cost more than the connection is worth, so it ends the connection.
pub const FATAL_FRAME_FACTOR: usize = 16;

/// Bytes of all input that waits for one session's terminal. A terminal takes 4 KiB at a time, a person types far less, and
/// a paste is sent piece by piece as the terminal takes it.
pub const INPUT_BYTES_MAX: usize = 64 << 10;

/// Bytes of one input frame, and of all input of one client that waits for one terminal: whoever pastes into a program that
/// hangs leaves room for others' keystrokes.
pub const INPUT_OWN_BYTES_MAX: usize = INPUT_BYTES_MAX / 2;

/// Requests of one connection that may wait for their reply at a time. A client that pipelines more than this is told
/// `busy`: replies queue in the server's memory.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 64;

/// Characters of a session's name: fits a table's column and a file name.
pub const NAME_CHARS_MAX: usize = 64;

/// Rows or columns of a terminal: an 8K display in the smallest readable font has about this many.
pub const SIDE_MAX: u16 = 1000;

/// Bytes of output in the answer to a `run`: the end of a long build's log, and in one frame even when JSON takes six
/// bytes for each of them.
pub const RUN_OUTPUT_BYTES_MAX: usize = 128 << 10;
