//! `sessiond new` and `attach` on a real terminal.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, sync_channel};

use assert_cmd::cargo::cargo_bin;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::Signal;
use rustix::termios::{LocalModes, tcgetattr};

use crate::daemon::{DEADLINE, Daemon, wait_for_end};

/// Pieces of output that wait for the test to look.
const PIECES_MAX: usize = 1024;

/// A terminal with a `sessiond` command on it.
struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    seen: String,
    child: Box<dyn Child + Send + Sync>,
}

impl Terminal {
    fn run(daemon: &Daemon, arguments: &[&str]) -> Self {
        let size = PtySize {
            rows: 30,
            cols: 100,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(cargo_bin("sessiond"));
        command.arg("--socket");
        command.arg(&daemon.socket);
        command.args(arguments);
        command.cwd("/");
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = sync_channel(PIECES_MAX);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let writer = pair.master.take_writer().unwrap();
        drop(pair.slave);
        Self {
            master: pair.master,
            writer,
            output,
            seen: String::new(),
            child,
        }
    }

    fn wait_for(&mut self, text: &str) {
        while !self.seen.contains(text) {
            let piece = self.output.recv_timeout(DEADLINE);
            let piece =
                piece.unwrap_or_else(|error| panic!("{error} before {text:?}: {:?}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&piece));
        }
    }

    fn type_keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    fn exit_code(&mut self) -> u32 {
        wait_for_end(self.child.process_id().unwrap());
        self.child.wait().unwrap().exit_code()
    }

    /// Whether the terminal echoes and waits for whole lines, as a shell leaves it.
    fn is_cooked(&self) -> bool {
        #[expect(unsafe_code, reason = "portable-pty gives the descriptor as a number")]
        // SAFETY: the master is owned by `self` and open.
        let master =
            unsafe { std::os::fd::BorrowedFd::borrow_raw(self.master.as_raw_fd().unwrap()) };
        tcgetattr(master)
            .unwrap()
            .local_modes
            .contains(LocalModes::ECHO | LocalModes::ICANON)
    }
}

#[test]
fn the_detach_key_leaves_the_session_running_and_the_terminal_as_it_was() {
    let daemon = Daemon::start();
    let mut terminal = Terminal::run(
        &daemon,
        &[
            "new",
            "--name",
            "work",
            "--",
            "sh",
            "-c",
            "stty size; exec cat",
        ],
    );
    terminal.wait_for("30 100");
    assert!(!terminal.is_cooked());
    terminal.type_keys("typed\r");
    terminal.wait_for("typed\r\ntyped");
    terminal.type_keys("\x1cd");
    terminal.wait_for("[detached from session work]");
    assert_eq!(terminal.exit_code(), 0);
    assert!(terminal.is_cooked());
    assert!(daemon.stdout(&["list"]).contains("running"));

    let mut again = Terminal::run(&daemon, &["attach", "work"]);
    again.wait_for("typed");
    again.type_keys("\x04");
    again.wait_for("[session work ended: exit code 0]");
    assert_eq!(again.exit_code(), 0);
    assert!(again.is_cooked());
}

#[test]
fn what_was_typed_right_before_the_detach_key_still_reaches_the_session() {
    let daemon = Daemon::start();
    let command = [
        "new",
        "--name",
        "work",
        "--",
        "sh",
        "-c",
        "stty -echo; echo ready; exec cat",
    ];
    let mut terminal = Terminal::run(&daemon, &command);
    terminal.wait_for("ready");
    terminal.type_keys("last words\r\x1cd");
    terminal.wait_for("[detached from session work]");
    assert_eq!(terminal.exit_code(), 0);
    let mut again = Terminal::run(&daemon, &["attach", "work"]);
    again.wait_for("last words");
    again.type_keys("\x04");
    assert_eq!(again.exit_code(), 0);
}

#[test]
fn the_size_of_the_terminal_is_followed() {
    let daemon = Daemon::start();
    let script = "trap 'stty size' WINCH; echo ready; while :; do read line; done";
    let mut terminal = Terminal::run(&daemon, &["new", "--", "sh", "-c", script]);
    terminal.wait_for("ready");
    terminal
        .master
        .resize(PtySize {
            rows: 11,
            cols: 77,
            pixel_width: 0,
            pixel_height: 0,
        })
        .unwrap();
    terminal.wait_for("11 77");
    terminal.type_keys("\x1cd");
    terminal.wait_for("[detached");
}

#[test]
fn a_signal_restores_the_terminal() {
    let daemon = Daemon::start();
    let mut terminal = Terminal::run(&daemon, &["new", "--", "sh", "-c", "echo ready; exec cat"]);
    terminal.wait_for("ready");
    assert!(!terminal.is_cooked());
    let pid = i32::try_from(terminal.child.process_id().unwrap()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), Signal::TERM)
        .unwrap();
    assert_eq!(terminal.exit_code(), 0);
    assert!(terminal.is_cooked());
}

#[test]
fn the_daemons_end_restores_the_terminal() {
    let daemon = Daemon::start();
    let mut terminal = Terminal::run(&daemon, &["new", "--", "sh", "-c", "echo ready; exec cat"]);
    terminal.wait_for("ready");
    daemon.command(&["shutdown"]).assert().success();
    terminal.wait_for("ended: ");
    assert_eq!(terminal.exit_code(), 0);
    assert!(terminal.is_cooked());
}
