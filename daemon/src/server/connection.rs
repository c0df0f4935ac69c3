//! One client's connection: hello, requests in, frames out.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use leakgate_probe::BusyGuard;
use sessiond_protocol::{
    Decoded, ErrorCode, Failure, Frame, FrameBuffer, FrameError, MAX_FRAME_BYTES, PROTOCOL_VERSION,
    Request, RequestId, ServerHello, encode_control, parse_client_hello, parse_request,
};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{Daemon, asked};
use crate::core::{ClientId, Event};
use crate::fanout::Outbox;
use crate::gauges::BUSY;
use crate::tasks::unless_it_panics;

/// How long a connection may stay without saying hello: a client says it at once, anything else is no client.
const HELLO_MAX: Duration = Duration::from_secs(10);

/// How long the last answers may take to be read by a client whose connection ends.
const FLUSH_MAX: Duration = Duration::from_secs(1);

/// Bytes taken from the socket at a time. On the stack and never across a wait, so that an idle connection holds none.
const READ_BYTES: usize = 16 << 10;

/// Serves one connection from its first byte to its last. Its memory is the queue's and one unfinished frame's.
pub(crate) async fn run(
    daemon: Arc<Daemon>,
    client: ClientId,
    stream: UnixStream,
    opening: BusyGuard,
) {
    let outbox = Arc::new(Outbox::default());
    let mut connection = Connection {
        daemon: Arc::clone(&daemon),
        client,
        stream: &stream,
        outbox: &outbox,
        incoming: FrameBuffer::new(MAX_FRAME_BYTES),
    };
    drop(opening);
    let served = pin!(connection.serve());
    see_off(&daemon, client, &outbox, served).await;
}

/// Waits until a client's connection has been served, and lets the core forget the client: after a panic too, or its
/// attachments and waits would stay for ever.
async fn see_off(
    daemon: &Arc<Daemon>,
    client: ClientId,
    outbox: &Outbox,
    served: Pin<&mut impl Future<Output = ()>>,
) {
    unless_it_panics(served).await;
    let _closing = BUSY.enter();
    daemon.dispatch(Event::Disconnected { client });
    daemon.statuses().client_left(client);
    outbox.close();
}

/// Whether a connection goes on after a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Frame,
    Hangup,
}

/// The reading side.
struct Connection<'a> {
    daemon: Arc<Daemon>,
    client: ClientId,
    stream: &'a UnixStream,
    outbox: &'a Arc<Outbox>,
    incoming: FrameBuffer,
}

impl Connection<'_> {
    /// Reads and writes until there is nobody to read from or to write to, or the client is to be cut off.
    async fn serve(&mut self) {
        let (stream, outbox) = (self.stream, self.outbox);
        tokio::select! {
            biased;
            () = outbox.hung_up() => {}
            () = write_frames(stream, outbox) => {}
            () = async {
                self.read_frames().await;
                outbox.end();
                // The writer ends when all is written; it gets no more time than this.
                let _ = timeout(FLUSH_MAX, std::future::pending::<()>()).await;
            } => {}
        }
    }

    /// Takes frames until the client closes, breaks the protocol, or the daemon ends.
    async fn read_frames(&mut self) {
        match timeout(HELLO_MAX, self.next_or_close()).await {
            Ok(Some(first)) if self.greet(&first) == Next::Frame => {}
            Ok(_) => return,
            Err(_) => return self.reject(ErrorCode::Timeout, "no hello within 10 s"),
        }
        while let Some(decoded) = self.next_or_close().await {
            if self.take(decoded) == Next::Hangup {
                return;
            }
        }
    }

    /// The next frame, once there is room for its answer; `None` when there is none any more, or the daemon ends. The
    /// latter also cuts off a client that does not read and so would never have room.
    async fn next_or_close(&mut self) -> Option<Decoded> {
        let daemon = Arc::clone(&self.daemon);
        let next = async {
            self.outbox.roomy().await;
            self.next().await
        };
        tokio::select! {
            biased;
            () = daemon.closed() => None,
            decoded = next => decoded,
        }
    }

    async fn next(&mut self) -> Option<Decoded> {
        loop {
            match self.incoming.take() {
                Ok(Some(decoded)) => return Some(decoded),
                Ok(None) => {}
                Err(error) => {
                    self.reject(code_of(error), &error.to_string());
                    return None;
                }
            }
            self.stream.readable().await.ok()?;
            match self.read_once() {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return None,
            }
        }
    }

    fn read_once(&mut self) -> io::Result<usize> {
        let mut chunk = [0; READ_BYTES];
        let read = self.stream.try_read(&mut chunk)?;
        self.outbox.heard();
        self.incoming.fill(&chunk[..read]);
        Ok(read)
    }

    fn reject(&self, code: ErrorCode, message: &str) {
        self.outbox.reject(None, Failure::new(code, message));
    }

    fn greet(&self, first: &Decoded) -> Next {
        let Decoded::Frame(Frame::Control(json)) = first else {
            self.reject(ErrorCode::BadRequest, "the first frame is not a hello");
            return Next::Hangup;
        };
        let hello = match parse_client_hello(json) {
            Ok(hello) => hello,
            Err(fault) => {
                self.outbox.reject(fault.id, fault.failure);
                return Next::Hangup;
            }
        };
        if hello.protocol != PROTOCOL_VERSION {
            let message = format!(
                "this daemon speaks version {PROTOCOL_VERSION}, not {}",
                hello.protocol
            );
            self.reject(ErrorCode::VersionMismatch, &message);
            return Next::Hangup;
        }
        tracing::debug!(client = hello.client, "hello");
        let answer = ServerHello {
            protocol: PROTOCOL_VERSION,
            server: concat!("sessiond/", env!("CARGO_PKG_VERSION")).to_owned(),
            pid: std::process::id(),
            max_frame: MAX_FRAME_BYTES,
        };
        self.daemon.dispatch(Event::Connected {
            client: self.client,
            handle: Arc::clone(self.outbox),
        });
        if self.outbox.is_ending() {
            return Next::Hangup; // refused, and told why
        }
        self.outbox.push(encode_control(&answer.message()));
        Next::Frame
    }

    fn take(&self, decoded: Decoded) -> Next {
        let _busy = BUSY.enter();
        match decoded {
            Decoded::Frame(Frame::Control(json)) => match parse_request(&json) {
                Ok((id, request)) => self.ask(id, request),
                Err(fault) => self.outbox.reject(fault.id, fault.failure),
            },
            Decoded::Frame(Frame::Input {
                request,
                session,
                bytes,
            }) => {
                asked::INPUT.add(1);
                match self.outbox.begin_request() {
                    Ok(()) => {
                        self.daemon
                            .input(self.client, session, bytes, self.outbox, request);
                    }
                    Err(failure) => self.outbox.reject(Some(request), failure),
                }
            }
            Decoded::Frame(Frame::Output { .. } | Frame::Snapshot { .. }) => {
                self.reject(ErrorCode::BadRequest, "a frame that only the daemon sends");
                return Next::Hangup;
            }
            Decoded::Oversized { declared } => {
                let message =
                    format!("a frame of {declared} bytes; this daemon takes {MAX_FRAME_BYTES}");
                self.reject(ErrorCode::TooLarge, &message);
            }
        }
        Next::Frame
    }

    fn ask(&self, id: RequestId, request: Request) {
        asked::of(&request).add(1);
        let begun = if request.is_answered_at_once() {
            self.outbox.begin_prompt_request();
            Ok(())
        } else {
            self.outbox.begin_request()
        };
        match begun {
            Ok(()) => self.daemon.dispatch(Event::Asked {
                client: self.client,
                id,
                request,
            }),
            Err(failure) => self.outbox.reject(Some(id), failure),
        }
    }
}

const fn code_of(error: FrameError) -> ErrorCode {
    match error {
        FrameError::TooLarge { .. } => ErrorCode::TooLarge,
        FrameError::UnknownKind(_) | FrameError::TooShort { .. } => ErrorCode::BadRequest,
    }
}

/// Writes what is queued until the connection shall end or the client is gone.
async fn write_frames(stream: &UnixStream, outbox: &Outbox) {
    while let Some(frame) = outbox.next().await {
        let mut rest = &frame[..];
        while !rest.is_empty() {
            match stream.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if stream.writable().await.is_err() {
                        return;
                    }
                    outbox.heard(); // there is room because the client has read
                }
                Err(_) => return,
            }
        }
        outbox.wrote(frame.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archives::ArchiveStore;
    use crate::core::Settings;
    use crate::http::Http;
    use crate::mcp::Pool;
    use crate::open_files::OpenFiles;
    use crate::spawn::Spawner;
    use crate::status::Statuses;
    use crate::transcripts::Transcripts;

    #[test]
    fn a_client_whose_connection_panics_is_forgotten() {
        let (spawner, _thread) = Spawner::start("test", OpenFiles::now()).unwrap();
        let archives = ArchiveStore::new("/nowhere".into());
        let pool = Pool::new("/nowhere.sock".into(), OpenFiles::now());
        let settings = Settings::default();
        let transcripts = Transcripts::new(&settings.transcripts, "/nowhere.cursors".into());
        let daemon = Daemon::new(
            spawner,
            settings,
            archives,
            pool,
            transcripts,
            Statuses::new("/nowhere".into(), Arc::default()),
            Http::default(),
        );
        let daemon = Arc::new(daemon);
        let client = ClientId(1);
        let outbox = Arc::new(Outbox::default());
        daemon.dispatch(Event::Connected {
            client,
            handle: Arc::clone(&outbox),
        });
        assert_eq!(Arc::strong_count(&outbox), 2, "the core has it");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let served = pin!(async { panic!("as a defect would") });
            see_off(&daemon, client, &outbox, served).await;
        });
        assert_eq!(Arc::strong_count(&outbox), 1, "the core keeps it");
    }
}
