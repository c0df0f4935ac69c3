//! `mcp connect`: an agent's standard input and output on one side, a shared server's socket on the other.
//!
//! Bytes go through as they come, of messages of any length. What has to be known of them (which requests are under way,
//! which line is the handshake) is found while they pass. When the server's side has closed the connection because it was
//! idle, or was stopped and started again, the next thing that the agent says opens another, on which the agent's handshake
//! is made again first: the agent notices nothing.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use sessiond_protocol::SessionName;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Stdin, Stdout};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

use super::exit_code::CliError;
use crate::mcp::{Outline, Scanner, error_answer};

/// Bytes taken from either side at a time.
const READ_BYTES: usize = 64 << 10;

/// Bytes of a handshake's request that are kept to make it again. One that is longer is made once.
const HANDSHAKE_BYTES_MAX: usize = 64 << 10;

/// Requests that are remembered as being under way: more than the server's side takes of one client.
const PENDING_MAX: usize = 1024;

/// How long the server's side may take to answer a handshake that it has stored.
const REPLAY_MAX: Duration = Duration::from_secs(30);

/// How long answers are waited for when the agent has closed its side.
const LAST_ANSWERS_MAX: Duration = Duration::from_secs(5);

/// The server is not there: what a request is answered with.
const CODE_GONE: i32 = -32_000;

/// Carries messages until the agent closes its side.
pub(super) async fn run(socket: &Path, server: &SessionName) -> Result<(), CliError> {
    let first = UnixStream::connect(socket).await.map_err(|source| {
        let source = io::Error::new(
            source.kind(),
            format!("{server}: {source} (`sessiond mcp list` shows the servers)"),
        );
        CliError::system("connect to the shared MCP server", source)
    })?;
    let mut bridge = Bridge {
        socket,
        server,
        connection: Some(first),
        stdin: tokio::io::stdin(),
        stdout: tokio::io::stdout(),
        from_agent: Passing::default(),
        from_server: Passing::default(),
        handshake: None,
        is_initialized: false,
        pending: BTreeSet::new(),
    };
    let carried = bridge.carry().await;
    carried.map_err(|source| CliError::system("carry messages", source))
}

/// Lines that pass in one direction.
#[derive(Default)]
struct Passing {
    scanner: Scanner,
    /// The beginning of the line, as long as it could be a handshake.
    kept: Vec<u8>,
    bytes: u64,
}

/// A line that has passed.
struct Passed {
    outline: Outline,
    /// All of it, where it is short.
    text: Option<Vec<u8>>,
}

impl Passing {
    /// Looks at what passes, up to the end of a line; how far that is, and what the line was if it has ended.
    fn pass(&mut self, bytes: &[u8]) -> (usize, Option<Passed>) {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let piece = &bytes[..end.unwrap_or(bytes.len())];
        self.scanner.scan(piece);
        let room = HANDSHAKE_BYTES_MAX.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&piece[..piece.len().min(room)]);
        self.bytes += piece.len() as u64;
        let Some(end) = end else {
            return (bytes.len(), None);
        };
        let done = std::mem::take(self);
        let is_whole = done.kept.len() as u64 == done.bytes;
        let passed = Passed {
            outline: done.scanner.finish(),
            text: is_whole.then_some(done.kept),
        };
        (end + 1, Some(passed))
    }

    fn is_within_line(&self) -> bool {
        self.bytes > 0
    }
}

struct Bridge<'a> {
    socket: &'a Path,
    server: &'a SessionName,
    connection: Option<UnixStream>,
    stdin: Stdin,
    stdout: Stdout,
    from_agent: Passing,
    from_server: Passing,
    /// The agent's `initialize`, once it was answered or not.
    handshake: Option<Vec<u8>>,
    is_initialized: bool,
    /// The agent's requests under way.
    pending: BTreeSet<Box<str>>,
}

impl Bridge<'_> {
    async fn carry(&mut self) -> io::Result<()> {
        let (mut said, mut answered) = (vec![0; READ_BYTES], vec![0; READ_BYTES]);
        loop {
            tokio::select! {
                read = self.stdin.read(&mut said) => match read? {
                    0 => return self.take_last_answers(&mut answered).await,
                    read => self.agent_said(&said[..read]).await?,
                },
                read = read_some(self.connection.as_mut(), &mut answered) => {
                    self.server_said(&answered, read).await?;
                }
            }
        }
    }

    /// What the agent has said, to the server; errors to the agent where there is none.
    async fn agent_said(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.connection.is_none() && !self.from_agent.is_within_line() {
                self.connection = self.connect_again().await?;
            }
            let (length, passed) = self.from_agent.pass(bytes);
            let (piece, rest) = bytes.split_at(length);
            bytes = rest;
            let is_sent = match &mut self.connection {
                Some(connection) => connection.write_all(piece).await.is_ok(),
                None => false,
            };
            if let Some(passed) = passed {
                self.said(passed, is_sent).await?;
            }
            if !is_sent && self.connection.is_some() {
                self.disconnected().await?;
            }
        }
        Ok(())
    }

    /// Remembers what of the agent's line matters.
    async fn said(&mut self, passed: Passed, is_sent: bool) -> io::Result<()> {
        let Outline { id, method } = passed.outline;
        match (method.as_deref(), id) {
            (Some("initialize"), Some(id)) => {
                self.handshake = passed.text;
                self.asked(id, is_sent).await
            }
            (Some("notifications/initialized"), None) => {
                self.is_initialized = true;
                Ok(())
            }
            (Some(_), Some(id)) => self.asked(id, is_sent).await,
            _ => Ok(()),
        }
    }

    async fn asked(&mut self, id: Box<str>, is_sent: bool) -> io::Result<()> {
        if !is_sent {
            return self.refuse(&id).await;
        }
        if self.pending.len() < PENDING_MAX {
            self.pending.insert(id);
        }
        Ok(())
    }

    async fn refuse(&mut self, id: &str) -> io::Result<()> {
        let why = format!("the shared server {} is not there", self.server);
        let line = error_answer(Some(id), CODE_GONE, &why) + "\n";
        self.tell(line.as_bytes()).await
    }

    async fn tell(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stdout.write_all(bytes).await?;
        self.stdout.flush().await
    }

    /// What the server's side has said, to the agent.
    async fn server_said(&mut self, answered: &[u8], read: io::Result<usize>) -> io::Result<()> {
        let read = match read {
            Ok(0) | Err(_) => return self.disconnected().await,
            Ok(read) => read,
        };
        let mut bytes = &answered[..read];
        while !bytes.is_empty() {
            let (length, passed) = self.from_server.pass(bytes);
            bytes = &bytes[length..];
            if let Some(Outline {
                id: Some(id),
                method: None,
            }) = passed.map(|passed| passed.outline)
            {
                self.pending.remove(&id);
            }
        }
        self.tell(&answered[..read]).await
    }

    /// The connection has ended: whoever waits is told, and what was said half is over.
    async fn disconnected(&mut self) -> io::Result<()> {
        self.connection = None;
        if std::mem::take(&mut self.from_server).is_within_line() {
            self.tell(b"\n").await?;
        }
        for id in std::mem::take(&mut self.pending) {
            self.refuse(&id).await?;
        }
        Ok(())
    }

    /// Another connection, on which the agent's handshake was made again; none where there is no server.
    async fn connect_again(&mut self) -> io::Result<Option<UnixStream>> {
        let Ok(mut connection) = UnixStream::connect(self.socket).await else {
            return Ok(None);
        };
        let Some(handshake) = &self.handshake else {
            return Ok(Some(connection));
        };
        let deadline = Instant::now() + REPLAY_MAX;
        let replayed = timeout_at(deadline, replay(&mut connection, handshake)).await;
        if !matches!(replayed, Ok(Ok(()))) {
            return Ok(None);
        }
        if self.is_initialized {
            let word = b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";
            if connection.write_all(word).await.is_err() {
                return Ok(None);
            }
        }
        Ok(Some(connection))
    }

    /// The agent has closed its side: what it still waits for may come.
    async fn take_last_answers(&mut self, answered: &mut [u8]) -> io::Result<()> {
        let deadline = Instant::now() + LAST_ANSWERS_MAX;
        while !self.pending.is_empty() {
            let read = read_some(self.connection.as_mut(), answered);
            let Ok(read) = timeout_at(deadline, read).await else {
                return Ok(());
            };
            self.server_said(answered, read).await?;
        }
        Ok(())
    }
}

/// Makes the handshake and swallows its answer, which the agent has had before.
async fn replay(connection: &mut UnixStream, handshake: &[u8]) -> io::Result<()> {
    connection.write_all(handshake).await?;
    connection.write_all(b"\n").await?;
    let mut line = Passing::default();
    let mut byte = [0];
    // One byte at a time: what follows the answer is for the agent.
    loop {
        connection.read_exact(&mut byte).await?;
        if let (_, Some(passed)) = line.pass(&byte)
            && passed.outline.id.is_some()
            && passed.outline.method.is_none()
        {
            return Ok(());
        }
    }
}

/// Never resolves without a connection.
async fn read_some(connection: Option<&mut UnixStream>, bytes: &mut [u8]) -> io::Result<usize> {
    match connection {
        Some(connection) => connection.read(bytes).await,
        None => std::future::pending().await,
    }
}
