//! The wire between sessiond and its clients: frames, control messages, limits. No I/O, no clock.
//!
//! A connection is a Unix stream in both directions of which flow [frames](Frame): a big-endian `u32` with the
//! payload's length, one byte with the [kind](FrameKind), the payload. Control frames carry JSON, the others raw
//! terminal bytes:
//!
//! ```text
//! client                                   server
//! {"hello":{"protocol":1,"client":"x"}} ->
//!                                       <- {"hello":{"protocol":1,"server":"sessiond/0.1.0","pid":7,"max_frame":1048576}}
//! {"id":1,"method":"attach",
//!  "params":{"session":"build"}}        ->
//!                                       <- {"id":1,"result":{"kind":"attached","session":{..}}}
//!                                       <- snapshot frame: session id, offset, escape sequences
//!                                       <- output frames:  session id, bytes
//! input frame: request id, session id,
//! bytes                                 ->
//!                                       <- {"id":2,"result":{"kind":"written"}}
//!                                       <- {"notice":"exited","params":{"session":3,"status":{"code":0},"reason":"exited"}}
//! ```
//!
//! Requests may be answered in any order; `id` ties a reply to its request.

mod archive;
mod attach;
mod buffer;
mod decoder;
mod frame;
mod http;
mod life;
mod limits;
mod mcp;
mod message;
mod name;
mod read;
mod recording;
mod reply;
mod request;
mod respawn;
mod schedule;
mod session;
mod signal;
mod stats;
mod status;
mod transcripts;
mod ttl;
mod wait;

pub use archive::{ArchiveId, ArchiveInfo, ArchiveParams};
pub use attach::AttachParams;
pub use buffer::FrameBuffer;
pub use decoder::{Decoded, FrameDecoder, FrameError};
pub use frame::{
    Frame, FrameKind, HEADER_BYTES, encode_control, encode_input, encode_output, encode_snapshot,
};
pub use http::HttpInfo;
pub use life::{EndReason, IfExists, KillParams, RenameParams, RunParams, RunResult};
pub use limits::{
    FATAL_FRAME_FACTOR, INPUT_BYTES_MAX, INPUT_OWN_BYTES_MAX, MAX_FRAME_BYTES, NAME_CHARS_MAX,
    PROTOCOL_VERSION, REQUESTS_IN_FLIGHT_MAX, RUN_OUTPUT_BYTES_MAX, SIDE_MAX,
};
pub use mcp::{McpParams, McpRequest, McpServerInfo, McpStartParams, McpState};
pub use message::{ClientHello, Notice, Reply, ServerHello, ServerMessage};
pub use name::{NameError, SessionName};
pub use read::{
    Attribute, Color, Found, MATCHES_MAX, Read, ReadParams, ReadReply, Run, ScreenState, StyledLine,
};
pub use recording::{RecordParams, Recorded, RecordingInfo};
pub use reply::{Cursor, ErrorCode, Failure, ScreenText, Success};
pub use request::{
    CreateParams, Request, RequestFault, ResizeParams, ScreenParams, SessionParams, WaitParams,
    parse_client_hello, parse_request,
};
pub use respawn::{RespawnError, RespawnParams, RespawnWhen};
pub use schedule::{ScheduleId, ScheduleInfo, ScheduleParams, UnscheduleParams, When};
pub use session::{
    ExitStatus, RequestId, SessionId, SessionInfo, SessionRef, SessionState, Size, SizeError,
};
pub use signal::{SignalError, SignalName};
pub use stats::Stats;
pub use status::{
    AgentState, FileFault, NotificationInfo, ProfileCounts, ProfileInfo, ProfileParams,
    StatusChange, StatusInfo, StatusReply, StatusRequest,
};
pub use transcripts::{
    Evicted, LineFault, TRANSCRIPT_EVENTS_MAX, TranscriptEvent, TranscriptFormat, TranscriptId,
    TranscriptInfo, TranscriptKind, TranscriptMark, TranscriptMatch, TranscriptRun,
    TranscriptStats, TranscriptsReply, TranscriptsRequest, WatchId, WatchInfo,
};
pub use ttl::{Ttl, TtlError};
pub use wait::{CancelParams, TextPattern, WaitIdleParams, WaitTextParams};
