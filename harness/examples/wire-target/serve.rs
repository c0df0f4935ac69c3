//! Accepts connections on a Unix or TCP socket until a signal ends it.

use std::io;
use std::process::Command;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, WaitId, WaitIdOptions};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

/// A connection, of whichever kind.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// What a daemon keeps that it should not.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<Keepsake>>>);

/// One thing that is kept.
pub(crate) enum Keepsake {
    /// A descriptor.
    Descriptor(#[expect(dead_code, reason = "kept, and nothing else")] std::fs::File),
    /// A process, alive or dead: nobody waits for it.
    Process(#[expect(dead_code, reason = "kept, and nothing else")] std::process::Child),
    /// A thread that waits for this end to close.
    Thread(#[expect(dead_code, reason = "kept, and nothing else")] SyncSender<()>),
    /// Memory that was written to.
    Buffer(#[expect(dead_code, reason = "kept, and nothing else")] Vec<u8>),
}

impl Kept {
    /// Keeps it for ever.
    pub(crate) fn keep(&self, keepsake: Keepsake) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(keepsake);
    }

    /// Opens a file and keeps it open.
    pub(crate) fn keep_descriptor(&self) -> io::Result<()> {
        self.keep(Keepsake::Descriptor(std::fs::File::open("/dev/null")?));
        Ok(())
    }

    /// Starts a thread that waits for ever.
    pub(crate) fn keep_thread(&self) -> io::Result<()> {
        let (end, waits) = sync_channel(0);
        let named = std::thread::Builder::new().name("kept-reader".to_owned());
        named.spawn(move || waits.recv())?;
        self.keep(Keepsake::Thread(end));
        Ok(())
    }

    /// Starts a process that stays.
    pub(crate) fn keep_child(&self) -> io::Result<()> {
        let child = Command::new("sleep").arg("600").spawn()?;
        self.keep(Keepsake::Process(child));
        Ok(())
    }

    /// Starts a process, and collects no status when it has ended.
    pub(crate) fn keep_zombie(&self) -> io::Result<()> {
        let child = Command::new("true").spawn()?;
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        if let Some(pid) = Pid::from_raw(child.id().cast_signed()) {
            rustix::process::waitid(WaitId::Pid(pid), ended)?;
        }
        self.keep(Keepsake::Process(child));
        Ok(())
    }
}

enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Listener {
    async fn accept(&self) -> io::Result<Box<dyn Io>> {
        Ok(match self {
            Listener::Unix(listener) => Box::new(listener.accept().await?.0),
            Listener::Tcp(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

/// Serves every connection with `serve`; `kind` is `--unix` or `--tcp`.
pub(crate) fn run<F>(kind: &str, address: &str, serve: fn(Box<dyn Io>, Kept) -> F) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = match kind {
            "--unix" => Listener::Unix(UnixListener::bind(address)?),
            _ => Listener::Tcp(TcpListener::bind(address).await?),
        };
        let mut ending = signal(SignalKind::terminate())?;
        let mut connections = JoinSet::new();
        let kept = Kept::default();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    connections.spawn(serve(accepted?, kept.clone()));
                }
                // A connection that failed is one that has ended.
                Some(_) = connections.join_next() => {}
                _ = ending.recv() => break,
            }
        }
        if kind == "--unix" {
            std::fs::remove_file(address)?;
        }
        Ok(())
    })
}
