//! What a client asks: the methods, their parameters, and how a control frame becomes one of them.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::archive::ArchiveParams;
use crate::attach::AttachParams;
use crate::life::{IfExists, KillParams, RenameParams, RunParams};
use crate::mcp::{McpParams, McpStartParams};
use crate::message::ClientHello;
use crate::name::SessionName;
use crate::read::ReadParams;
use crate::reply::{ErrorCode, Failure};
use crate::respawn::RespawnParams;
use crate::schedule::{ScheduleParams, UnscheduleParams};
use crate::session::{RequestId, SessionRef, Size};
use crate::status::StatusRequest;
use crate::transcripts::TranscriptsRequest;
use crate::ttl::Ttl;
use crate::wait::{CancelParams, WaitIdleParams, WaitTextParams};

/// A request: `{"id":..,"method":"..","params":{..}}` around one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "method", content = "params", rename_all = "snake_case")]
pub enum Request {
    /// Is anybody there? Answered `pong`.
    Ping,
    /// Starts a session. Answered `created` once its process runs.
    Create(CreateParams),
    /// All sessions, also exited ones that can still be read. Answered `sessions`.
    List,
    /// One session. Answered `session`.
    Get(SessionParams),
    /// A session's screen as text. Answered `screen`.
    Screen(ScreenParams),
    /// A session's rows with styles, its history, or places of a text. Answered `read`.
    Read(ReadParams),
    /// Sends a session's output to this connection, beginning with a snapshot. Answered `attached`. Attaching again
    /// gives a new snapshot and takes over what is said then, never a second stream.
    Attach(AttachParams),
    /// Ends what attach began. Answered `detached`, or `not_attached`.
    Detach(SessionParams),
    /// Stops sending a session's output to this connection, which stays attached. Answered `held`. Others notice nothing.
    Hold(SessionParams),
    /// Ends what hold began. Answered `released`; where output was missed, a notice and a snapshot follow.
    Release(SessionParams),
    /// Stops reading a session's terminal: its programs stop at the next output that finds no room. Answered `paused`.
    Pause(SessionParams),
    /// Ends what pause began. Answered `resumed`.
    Resume(SessionParams),
    /// Changes a terminal's size. Answered `resized`. From an attached client this is the size of its own terminal.
    Resize(ResizeParams),
    /// Ends a session and everything it started, and forgets it. Answered `closed` when nothing of it is left.
    Close(SessionParams),
    /// Ends every session as `close` does. Answered `closed_all` when nothing is left of any.
    CloseAll,
    /// Answered `exited` when a session's process has ended and its last output is on the screen. One that is respawned
    /// has ended when it is not respawned any more.
    Wait(WaitParams),
    /// Answered `seen` when a row of the screen shows a text, or has since this was asked.
    WaitText(WaitTextParams),
    /// Answered `idle` when a session has put out nothing for a while.
    WaitIdle(WaitIdleParams),
    /// Takes back a wait or a run of this connection, which is answered `cancelled`; what a run started is ended. Answered
    /// `withdrawn`.
    Cancel(CancelParams),
    /// Starts a session, waits for its end and forgets it. Answered `ran`. When this connection ends before, the session
    /// is ended.
    Run(RunParams),
    /// Ends a session's process, where one runs, and starts its command again in a terminal of the same size. Answered
    /// `restarted` once that runs.
    Restart(SessionParams),
    /// Gives a session another name, or none. Answered `renamed`.
    Rename(RenameParams),
    /// Sends a signal to a session's processes. Answered `signalled`.
    Kill(KillParams),
    /// Ends a session and keeps its text on the disk. Answered `archived`.
    Archive(SessionParams),
    /// All archives. Answered `archives`.
    Archives,
    /// Starts an archive's command again, in a session that has the archived text as its scrollback; the archive is gone
    /// then. Answered `created` once it runs.
    Restore(ArchiveParams),
    /// Removes an archive. Answered `forgotten`.
    Forget(ArchiveParams),
    /// Starts a session at a time, or again and again. Answered `scheduled`.
    Schedule(ScheduleParams),
    /// All schedules. Answered `schedules`.
    Schedules,
    /// Takes a schedule back. Answered `unscheduled`.
    Unschedule(UnscheduleParams),
    /// What the daemon has counted. Answered `stats`.
    Stats,
    /// Where HTTP is served. Answered `http`.
    Http,
    /// Starts a shared MCP server. Answered `mcp_started` once its process runs.
    McpStart(McpStartParams),
    /// Ends a shared MCP server. Answered `mcp_stopped` when nothing of it is left.
    McpStop(McpParams),
    /// Ends a shared MCP server's process and starts another. Answered `mcp_started` once that runs.
    McpRestart(McpParams),
    /// All shared MCP servers. Answered `mcp_servers`.
    McpList,
    /// Does something with transcripts of agents. Answered `transcripts`.
    Transcripts(TranscriptsRequest),
    /// Does something with the statuses of agents. Answered `status`.
    Status(StatusRequest),
    /// Closes every session and ends the daemon. Answered `shutting_down` at once; the connection ends with the daemon.
    Shutdown,
}

impl Request {
    /// Whether the answer needs nothing to happen first. Such requests are taken however many others wait.
    #[must_use]
    pub const fn is_answered_at_once(&self) -> bool {
        match self {
            Request::Create(_)
            | Request::Run(_)
            | Request::Restart(_)
            | Request::Archive(_)
            | Request::Restore(_)
            | Request::Close(_)
            | Request::CloseAll
            | Request::Wait(_)
            | Request::WaitText(_)
            | Request::WaitIdle(_)
            | Request::McpStart(_)
            | Request::McpStop(_)
            | Request::McpRestart(_) => false,
            Request::Transcripts(request) => request.is_answered_at_once(),
            Request::Status(request) => request.is_answered_at_once(),
            Request::Ping
            | Request::List
            | Request::Get(_)
            | Request::Screen(_)
            | Request::Read(_)
            | Request::Attach(_)
            | Request::Detach(_)
            | Request::Hold(_)
            | Request::Release(_)
            | Request::Pause(_)
            | Request::Resume(_)
            | Request::Resize(_)
            | Request::Rename(_)
            | Request::Kill(_)
            | Request::Archives
            | Request::Forget(_)
            | Request::Schedule(_)
            | Request::Schedules
            | Request::Unschedule(_)
            | Request::Stats
            | Request::Http
            | Request::McpList
            | Request::Cancel(_)
            | Request::Shutdown => true,
        }
    }
}

/// Which session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionParams {
    /// By id or name.
    pub session: SessionRef,
}

/// A session to be started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateParams {
    /// A name, which no other session of the daemon may have. One that has ended gives it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SessionName>,
    /// Program and arguments; the program is looked up in the session's `PATH`.
    pub command: Vec<String>,
    /// Where it starts; the daemon's own directory when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Variables set on top of the daemon's environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The terminal's size; 24x80 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Lines of scrollback to keep at most; the daemon's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrollback_lines: Option<u32>,
    /// Bytes of scrollback to keep at most; the daemon's default when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrollback_bytes: Option<u64>,
    /// What is done when the name is taken.
    #[serde(default, skip_serializing_if = "IfExists::is_default")]
    pub if_exists: IfExists,
    /// How long it may stay unused; the daemon's default when absent.
    #[serde(default, rename = "ttl_ms", skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Ttl>,
    /// Whether its process is started again when it ends; it is not, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub respawn: Option<RespawnParams>,
}

/// A screen to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScreenParams {
    /// By id or name.
    pub session: SessionRef,
    /// How many of the last lines of scrollback to send too; as many of them are sent as fit half a frame.
    #[serde(default)]
    pub scrollback: u32,
}

/// A terminal to be resized.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResizeParams {
    /// By id or name.
    pub session: SessionRef,
    /// To what.
    pub size: Size,
}

/// An end to be waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitParams {
    /// By id or name.
    pub session: SessionRef,
    /// After which the answer is `timeout`, in milliseconds; never, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// Why a control frame is not a request, with the id to answer to where one could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestFault {
    /// The request's own id.
    pub id: Option<RequestId>,
    /// What to answer.
    pub failure: Failure,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRequest<'a> {
    id: RequestId,
    method: String,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClientHello {
    hello: ClientHello,
}

/// Reads a client's first control frame.
///
/// # Errors
/// When it is not a hello.
pub fn parse_client_hello(json: &[u8]) -> Result<ClientHello, RequestFault> {
    let raw: RawClientHello = serde_json::from_slice(json)
        .map_err(|error| bad(None, format!("the first message is not a hello: {error}")))?;
    Ok(raw.hello)
}

/// Reads a control frame that follows the hello.
///
/// # Errors
/// When it is no request: not JSON, an unknown method, parameters that are missing, unknown or wrong.
pub fn parse_request(json: &[u8]) -> Result<(RequestId, Request), RequestFault> {
    let raw: RawRequest<'_> = serde_json::from_slice(json)
        .map_err(|error| bad(None, format!("not a request: {error}")))?;
    let RawRequest { id, method, params } = raw;
    let request = match method.as_str() {
        "ping" => without_params(id, params, Request::Ping)?,
        "create" => Request::Create(read_params(id, &method, params)?),
        "list" => without_params(id, params, Request::List)?,
        "get" => Request::Get(read_params(id, &method, params)?),
        "screen" => Request::Screen(read_params(id, &method, params)?),
        "read" => Request::Read(read_params(id, &method, params)?),
        "attach" => Request::Attach(read_params(id, &method, params)?),
        "detach" => Request::Detach(read_params(id, &method, params)?),
        "hold" => Request::Hold(read_params(id, &method, params)?),
        "release" => Request::Release(read_params(id, &method, params)?),
        "pause" => Request::Pause(read_params(id, &method, params)?),
        "resume" => Request::Resume(read_params(id, &method, params)?),
        "resize" => Request::Resize(read_params(id, &method, params)?),
        "close" => Request::Close(read_params(id, &method, params)?),
        "close_all" => without_params(id, params, Request::CloseAll)?,
        "wait" => Request::Wait(read_params(id, &method, params)?),
        "wait_text" => Request::WaitText(read_params(id, &method, params)?),
        "wait_idle" => Request::WaitIdle(read_params(id, &method, params)?),
        "cancel" => Request::Cancel(read_params(id, &method, params)?),
        "run" => Request::Run(read_params(id, &method, params)?),
        "restart" => Request::Restart(read_params(id, &method, params)?),
        "rename" => Request::Rename(read_params(id, &method, params)?),
        "kill" => Request::Kill(read_params(id, &method, params)?),
        "archive" => Request::Archive(read_params(id, &method, params)?),
        "archives" => without_params(id, params, Request::Archives)?,
        "restore" => Request::Restore(read_params(id, &method, params)?),
        "forget" => Request::Forget(read_params(id, &method, params)?),
        "schedule" => Request::Schedule(read_params(id, &method, params)?),
        "schedules" => without_params(id, params, Request::Schedules)?,
        "unschedule" => Request::Unschedule(read_params(id, &method, params)?),
        "stats" => without_params(id, params, Request::Stats)?,
        "http" => without_params(id, params, Request::Http)?,
        "mcp_start" => Request::McpStart(read_params(id, &method, params)?),
        "mcp_stop" => Request::McpStop(read_params(id, &method, params)?),
        "mcp_restart" => Request::McpRestart(read_params(id, &method, params)?),
        "mcp_list" => without_params(id, params, Request::McpList)?,
        "transcripts" => Request::Transcripts(read_params(id, &method, params)?),
        "status" => Request::Status(read_params(id, &method, params)?),
        "shutdown" => without_params(id, params, Request::Shutdown)?,
        _ => return Err(bad(Some(id), format!("unknown method {method:?}"))),
    };
    Ok((id, request))
}

fn read_params<T: DeserializeOwned>(
    id: RequestId,
    method: &str,
    params: Option<&RawValue>,
) -> Result<T, RequestFault> {
    let json = params.map_or("{}", RawValue::get);
    serde_json::from_str(json)
        .map_err(|error| bad(Some(id), format!("parameters of {method}: {error}")))
}

fn without_params(
    id: RequestId,
    params: Option<&RawValue>,
    request: Request,
) -> Result<Request, RequestFault> {
    match params.map_or("{}", RawValue::get) {
        "{}" | "null" => Ok(request),
        _ => Err(bad(Some(id), "this method takes no parameters".to_owned())),
    }
}

fn bad(id: Option<RequestId>, message: String) -> RequestFault {
    RequestFault {
        id,
        failure: Failure {
            code: ErrorCode::BadRequest,
            message,
        },
    }
}
