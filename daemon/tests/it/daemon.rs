//! One daemon of one test, in a directory of its own; gone with it.

use std::future::Future;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use sessiond_client::{Attachment, Client, Event, RawConnection};
use sessiond_protocol::{
    AttachParams, CreateParams, Reply, Request, RequestId, ServerMessage, SessionId, SessionInfo,
    encode_control,
};
use tempfile::TempDir;

/// What no step of a test takes, even on a machine that is busy with other tests.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A running daemon.
pub(crate) struct Daemon {
    pub(crate) directory: TempDir,
    pub(crate) socket: PathBuf,
    child: Child,
    /// Reads the log to its end, so that the daemon never waits for somebody to read it.
    log: Option<JoinHandle<String>>,
}

impl Daemon {
    /// Starts a daemon and waits until it listens.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same, with variables in its environment.
    pub(crate) fn start_with(environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(cargo_bin("sessiond"));
        command.envs(environment.iter().copied());
        Self::start_by(command)
    }

    /// The same, by a command that runs `sessiond`, possibly after something else.
    pub(crate) fn start_by(command: Command) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), command)
    }

    /// The same, where another one has been.
    pub(crate) fn start_in(directory: TempDir, mut command: Command) -> Self {
        let socket = directory.path().join("run/s.sock");
        command.arg("serve").arg("--socket").arg(&socket);
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut log = String::new();
        while !log.contains("listening") {
            let read = stderr.read_line(&mut log).unwrap();
            assert_ne!(read, 0, "the daemon ended before it listened:\n{log}");
        }
        let rest = std::thread::spawn(move || {
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        Self {
            directory,
            socket,
            child,
            log: Some(rest),
        }
    }

    /// A command on this daemon.
    pub(crate) fn command(&self, arguments: &[&str]) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::new(cargo_bin("sessiond"));
        command
            .arg("--socket")
            .arg(&self.socket)
            .args(arguments)
            .timeout(DEADLINE);
        command.env("XDG_STATE_HOME", self.directory.path());
        command
    }

    /// The command's standard output; it has to succeed.
    pub(crate) fn stdout(&self, arguments: &[&str]) -> String {
        let output = self
            .command(arguments)
            .assert()
            .success()
            .get_output()
            .clone();
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(pid(self.pid()), signal).unwrap();
    }

    /// A line of `/proc/PID/status` in kB, e.g. `VmHWM`.
    pub(crate) fn status_kb(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_ascii_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap()
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.pid()));
        open.unwrap().count()
    }

    /// Ends the daemon; returns its directory, for another one.
    pub(crate) fn leave(mut self) -> TempDir {
        let directory = std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap());
        self.signal(Signal::TERM);
        let (success, log) = self.finish();
        assert!(success, "{log}");
        directory
    }

    /// Waits for the daemon's end; returns whether it was a success, and its log. It leaves no file.
    pub(crate) fn finish(mut self) -> (bool, String) {
        wait_for_end(self.pid());
        let status = self.child.wait().unwrap();
        let left = std::fs::read_dir(self.socket.parent().unwrap())
            .unwrap()
            .count();
        assert_eq!(left, 0, "files beside the socket");
        (status.success(), self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A test that failed may leave it running; its sessions end with it, unless that is what failed.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.signal(Signal::TERM);
            if !ends_in_time(self.pid()) {
                self.signal(Signal::KILL);
            }
            let _ = self.child.wait();
        }
    }
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap()).unwrap()
}

/// Waits until a process has ended; at once when there is none.
pub(crate) fn wait_for_end(number: u32) {
    assert!(ends_in_time(number), "process {number} lives on");
}

/// Whether a process has ended before the tests' deadline.
fn ends_in_time(number: u32) -> bool {
    let Ok(pidfd) = pidfd_open(pid(number), PidfdFlags::empty()) else {
        return true;
    };
    let deadline = Timespec {
        tv_sec: i64::try_from(DEADLINE.as_secs()).unwrap(),
        tv_nsec: 0,
    };
    let mut fds = [PollFd::from_borrowed_fd(pidfd.as_fd(), PollFlags::IN)];
    // Other tests' children end meanwhile, and something in this process handles their signal.
    rustix::io::retry_on_intr(|| poll(&mut fds, Some(&deadline))) == Ok(1)
}

pub(crate) fn is_alive(number: u32) -> bool {
    Path::new(&format!("/proc/{number}")).exists()
}

/// Runs a test's asynchronous part, with a deadline on all of it.
pub(crate) fn block_on<T>(body: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::time::timeout(DEADLINE, body).await.expect("in time") })
}

/// A session of this command.
pub(crate) fn command(words: &[&str]) -> CreateParams {
    CreateParams {
        command: words.iter().map(|&word| word.to_owned()).collect(),
        ..CreateParams::default()
    }
}

/// A session of this shell script.
pub(crate) async fn shell(client: &Client, script: &str) -> SessionInfo {
    client.create(command(&["sh", "-c", script])).await.unwrap()
}

/// Reads an attachment until its bytes contain this text; returns all of them.
pub(crate) async fn read_until(attachment: &mut Attachment, text: &str) -> String {
    let mut seen = Vec::new();
    loop {
        match attachment.next().await {
            Some(Event::Output(bytes) | Event::Snapshot(bytes)) => seen.extend_from_slice(&bytes),
            Some(Event::Resynced { .. }) => {}
            other => panic!("{other:?} before {text:?}"),
        }
        let seen = String::from_utf8_lossy(&seen);
        if seen.contains(text) {
            return seen.into_owned();
        }
    }
}

/// A connection that has said hello.
pub(crate) async fn connect_raw(daemon: &Daemon) -> RawConnection {
    let shaken = RawConnection::handshake(&daemon.socket, "test").await;
    shaken.unwrap().0
}

/// A connection that is attached and has read the answer to that, and nothing after it.
pub(crate) async fn attach_raw(daemon: &Daemon, session: SessionId) -> RawConnection {
    let mut connection = connect_raw(daemon).await;
    let attach = Request::Attach(AttachParams::new(session));
    connection
        .send(&encode_control(&attach.message(RequestId(1))))
        .await
        .unwrap();
    connection.next_message().await.unwrap();
    connection
}

/// The next message, which must be a reply.
pub(crate) async fn reply(connection: &mut RawConnection) -> Reply {
    match connection.next_message().await.unwrap() {
        ServerMessage::Reply(reply) => reply,
        other => panic!("{other:?}"),
    }
}
