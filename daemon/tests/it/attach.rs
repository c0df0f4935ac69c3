//! `sessiond new` and `attach` on a real terminal.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{self, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use assert_cmd::cargo::cargo_bin;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, Termios, tcgetattr};

use sessiond_client::Client;
use sessiond_protocol::SessionRef;

use crate::daemon::{DEADLINE, Daemon, block_on, wait_for_end};

/// Pieces of output that wait for the test to look.
const PIECES_MAX: usize = 1024;

/// A terminal with a program on it.
struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    seen: String,
    child: Box<dyn Child + Send + Sync>,
}

impl Terminal {
    /// A `sessiond` command of this daemon.
    fn run(daemon: &Daemon, arguments: &[&str]) -> Self {
        let mut command = CommandBuilder::new(cargo_bin("sessiond"));
        command.arg("--socket");
        command.arg(&daemon.socket);
        command.args(arguments);
        Self::start(command)
    }

    /// A shell with job control, on which `$SESSIOND` is the command with this daemon's socket.
    fn shell(daemon: &Daemon, script: &str) -> Self {
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", &format!("set -m; {script}")]);
        command.env("SESSIOND", cargo_bin("sessiond"));
        command.env("SESSIOND_SOCKET", &daemon.socket);
        Self::start(command)
    }

    fn start(mut command: CommandBuilder) -> Self {
        let size = PtySize {
            rows: 30,
            cols: 100,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
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

    /// The same, and forgets everything up to it.
    fn wait_past(&mut self, text: &str) {
        self.wait_for(text);
        let end = self.seen.find(text).unwrap() + text.len();
        self.seen.drain(..end);
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
        is_cooked(&*self.master)
    }

    fn modes(&self) -> Termios {
        modes(&*self.master)
    }

    /// The shell's only child.
    fn child_of_shell(&self) -> Pid {
        let shell = self.child.process_id().unwrap();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"));
        Pid::from_raw(children.unwrap().trim().parse().unwrap()).unwrap()
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.process_id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }
}

fn modes(master: &dyn MasterPty) -> Termios {
    #[expect(unsafe_code, reason = "portable-pty gives the descriptor as a number")]
    // SAFETY: the master owns it and is borrowed.
    let master = unsafe { std::os::fd::BorrowedFd::borrow_raw(master.as_raw_fd().unwrap()) };
    tcgetattr(master).unwrap()
}

fn is_cooked(master: &dyn MasterPty) -> bool {
    let local = modes(master).local_modes;
    local.contains(LocalModes::ECHO | LocalModes::ICANON)
}

/// Starts the session `work` of this shell script, to be attached to.
fn start_work(daemon: &Daemon, script: &str) {
    daemon.stdout(&["new", "-d", "--name", "work", "--", "sh", "-c", script]);
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
    terminal.wait_for("[detached from work]");
    assert_eq!(terminal.exit_code(), 0);
    assert!(terminal.is_cooked());
    assert!(daemon.stdout(&["list"]).contains("running"));

    let mut again = Terminal::run(&daemon, &["attach", "work"]);
    again.wait_for("typed");
    again.type_keys("\x04");
    again.wait_for("[work exited with code 0]");
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
    terminal.wait_for("[detached from work]");
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
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.exit_code(), 0);
    assert!(terminal.is_cooked());
}

#[test]
fn the_daemons_end_restores_the_terminal() {
    let daemon = Daemon::start();
    let mut terminal = Terminal::run(&daemon, &["new", "--", "sh", "-c", "echo ready; exec cat"]);
    terminal.wait_for("ready");
    daemon.command(&["shutdown"]).assert().success();
    terminal.wait_for("[1 ended with the daemon]");
    assert_eq!(terminal.exit_code(), 0);
    assert!(terminal.is_cooked());
}

/// What the terminal is set to.
fn settings(modes: &Termios) -> String {
    format!(
        "{:?} {:?} {:?} {:?}",
        modes.input_modes, modes.output_modes, modes.control_modes, modes.local_modes
    )
}

/// Attaches under a shell with settings of its own, leaves, and looks at the terminal before and after.
fn assert_restored_by(session: &str, farewell: &str, leave: impl FnOnce(&mut Terminal, &Daemon)) {
    let daemon = Daemon::start();
    start_work(
        &daemon,
        "printf '\\033[?2004h\\033[?1006h'; echo ready; exec cat",
    );
    let script = format!(
        "stty -ixon echonl; echo start; read line; \"$SESSIOND\" attach {session}; echo code $?; read line"
    );
    let mut terminal = Terminal::shell(&daemon, &script);
    terminal.wait_for("start");
    let before = settings(&terminal.modes());
    terminal.type_keys("\r");
    leave(&mut terminal, &daemon);
    terminal.wait_for(farewell);
    assert_eq!(settings(&terminal.modes()), before);
    if session == "work" {
        // Bracketed paste and mouse went through, and were switched off again.
        let on = terminal.seen.find("\x1b[?2004h").unwrap();
        let off = terminal.seen.rfind("1006;1015;1016;2004l").unwrap();
        assert!(terminal.seen.contains("1006") && on < off);
    }
}

#[test]
fn the_terminal_is_as_it_was_after_the_detach_key() {
    assert_restored_by("work", "code 0", |terminal, _| {
        terminal.wait_for("ready");
        terminal.type_keys("\x1cd");
        terminal.wait_for("[detached from work]");
    });
}

#[test]
fn the_terminal_is_as_it_was_after_a_signal() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        assert_restored_by("work", "code 0", |terminal, _| {
            terminal.wait_for("ready");
            let attached = terminal.child_of_shell();
            kill_process(attached, signal).unwrap();
        });
    }
}

#[test]
fn the_terminal_is_as_it_was_after_a_lost_connection() {
    assert_restored_by("work", "code 6", |terminal, daemon| {
        terminal.wait_for("ready");
        daemon.signal(Signal::KILL);
        terminal.wait_for("[lost the connection]");
    });
}

#[test]
fn the_terminal_is_as_it_was_after_a_refusal() {
    assert_restored_by("nobody", "code 1", |_, _| {});
}

#[test]
fn the_suspend_key_and_its_signal_give_the_shell_its_terminal_back_and_fg_the_session() {
    let daemon = Daemon::start();
    start_work(&daemon, "echo ready; exec cat");
    let script = "\"$SESSIOND\" attach work; echo stopped one; read line; fg; echo stopped two; fg; read line";
    let mut terminal = Terminal::shell(&daemon, script);
    terminal.wait_for("ready");
    terminal.type_keys("\x1c\x1a");
    terminal.wait_for("[suspended; work goes on]");
    terminal.wait_past("stopped one");
    assert!(terminal.is_cooked());
    assert!(
        daemon
            .stdout(&["list", "--json"])
            .contains(r#""clients": 0"#)
    );
    terminal.type_keys("\r");
    terminal.wait_for("ready");
    terminal.type_keys("echoed\r");
    terminal.wait_for("echoed\r\nechoed");
    let attached = terminal.child_of_shell();
    kill_process(attached, Signal::TSTP).unwrap();
    terminal.wait_past("stopped two");
    terminal.wait_for("echoed");
    terminal.type_keys("\x1cd");
    terminal.wait_for("[detached from work]");
}

/// Starts a session that puts out more than anybody reads as soon as a line is typed.
fn start_flood(daemon: &Daemon) {
    start_work(
        daemon,
        "echo ready; read line; exec yes 0123456789012345678901234567890123456789",
    );
}

/// Types the line, and waits until there is more than a terminal, its reader and the daemon can hold between them.
fn flood(daemon: &Daemon) {
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let mut attachment = client
            .attach("work".parse::<SessionRef>().unwrap(), None)
            .await
            .unwrap();
        attachment.write(b"\n").await.unwrap();
        while attachment.offset() < 20 << 20 {
            attachment.next().await.unwrap();
        }
    });
}

/// A terminal on which a session puts out more than anybody reads.
fn full_terminal(daemon: &Daemon) -> Terminal {
    start_flood(daemon);
    let mut terminal = Terminal::run(daemon, &["attach", "work"]);
    terminal.wait_for("ready");
    flood(daemon);
    terminal
}

#[test]
fn a_terminal_that_nobody_reads_keeps_no_signal_waiting() {
    let daemon = Daemon::start();
    let mut terminal = full_terminal(&daemon);
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn a_terminal_that_nobody_reads_is_left_by_the_detach_key() {
    let daemon = Daemon::start();
    let mut terminal = full_terminal(&daemon);
    terminal.type_keys("\x1cd");
    assert_eq!(terminal.exit_code(), 0);
    assert!(terminal.is_cooked());
}

/// Attaches with a new terminal as standard input, whose master is returned, and `stdout` as standard output.
fn attach_with(
    daemon: &Daemon,
    stdout: impl Into<Stdio>,
) -> (Box<dyn MasterPty + Send>, process::Child) {
    let pair = native_pty_system().openpty(PtySize::default()).unwrap();
    let name = pair.master.tty_name().unwrap();
    let open = rustix::fs::open(
        &name,
        OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
    );
    let mut command = Command::new(cargo_bin("sessiond"));
    command.arg("--socket").arg(&daemon.socket);
    command.args(["attach", "work"]);
    command.stdin(open.unwrap()).stdout(stdout);
    (pair.master, command.spawn().unwrap())
}

#[test]
fn a_socket_or_pipe_that_nobody_reads_keeps_neither_signals_nor_keys_waiting() {
    let daemon = Daemon::start();
    start_flood(&daemon);
    let (socket, attached_socket) = UnixStream::pair().unwrap();
    let (pipe, attached_pipe) = std::io::pipe().unwrap();
    let (by_signal, mut first) = attach_with(&daemon, OwnedFd::from(attached_socket));
    let (by_keys, mut second) = attach_with(&daemon, OwnedFd::from(attached_pipe));
    // Each is attached as soon as it shows something.
    let mut shown = [0; 64];
    assert_ne!((&socket).read(&mut shown).unwrap(), 0);
    assert_ne!((&pipe).read(&mut shown).unwrap(), 0);
    flood(&daemon);
    kill_process(Pid::from_child(&first), Signal::TERM).unwrap();
    by_keys.take_writer().unwrap().write_all(b"\x1cd").unwrap();
    for (child, master) in [(&mut first, by_signal), (&mut second, by_keys)] {
        wait_for_end(child.id());
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(is_cooked(&*master));
    }
}

#[test]
fn a_terminal_that_is_full_when_its_client_leaves_is_reset_as_soon_as_it_takes_something() {
    let daemon = Daemon::start();
    let mut terminal = full_terminal(&daemon);
    terminal.signal(Signal::TERM);
    while !terminal.seen.contains("1006;1015;1016;2004l") {
        let last = terminal.seen.len().saturating_sub(64);
        terminal.seen.drain(..last); // only ASCII is shown here
        let piece = terminal.output.recv_timeout(DEADLINE).unwrap();
        terminal.seen.push_str(&String::from_utf8_lossy(&piece));
    }
    assert_eq!(terminal.exit_code(), 0);
    assert!(terminal.is_cooked());
}

#[test]
fn a_signal_ends_it_while_a_stopped_daemon_does_not_answer_to_a_new_size() {
    let daemon = Daemon::start();
    let mut terminal = Terminal::run(&daemon, &["new", "--", "sh", "-c", "echo ready; exec cat"]);
    terminal.wait_for("ready");
    daemon.signal(Signal::STOP);
    terminal
        .master
        .resize(PtySize {
            rows: 11,
            cols: 77,
            pixel_width: 0,
            pixel_height: 0,
        })
        .unwrap();
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.exit_code(), 0);
    assert!(terminal.is_cooked());
    daemon.signal(Signal::CONT);
}

#[test]
fn who_looks_only_types_nothing_and_changes_no_size() {
    let daemon = Daemon::start();
    let script = "echo ready; read line; stty size; echo got $line; exec cat";
    daemon.stdout(&[
        "new", "-d", "--size", "20x70", "--name", "work", "--", "sh", "-c", script,
    ]);
    let mut terminal = Terminal::run(&daemon, &["attach", "--read-only", "work"]);
    terminal.wait_for("ready");
    terminal.type_keys("typed here\r");
    daemon
        .command(&["write", "work", "typed there\n"])
        .assert()
        .success();
    terminal.wait_for("got typed there");
    assert!(terminal.seen.contains("20 70") && !terminal.seen.contains("typed here"));
    terminal.type_keys("\x1cd");
    terminal.wait_for("[detached from work]");
}

#[test]
fn the_flow_keys_stop_the_output_here_and_nowhere_else() {
    let daemon = Daemon::start();
    start_work(&daemon, "echo ready; exec cat");
    let mut held = Terminal::run(&daemon, &["attach", "--flow-keys", "work"]);
    let mut other = Terminal::run(&daemon, &["attach", "work"]);
    held.wait_for("ready");
    other.wait_for("ready");
    held.type_keys("\x13");
    held.type_keys("while held\r");
    other.wait_for("while held\r\nwhile held");
    held.type_keys("\x11");
    held.wait_for("while held\r\nwhile held");
    held.type_keys("\x1cd");
    held.wait_for("[detached from work]");
}

#[test]
fn what_is_typed_between_two_processes_is_refused_and_what_is_typed_to_the_next_one_arrives() {
    let daemon = Daemon::start();
    let script = "echo ready; read line; echo \"got <$line>\"";
    let respawn = ["--respawn", "always", "--respawn-interval", "5min"];
    let command = ["--", "sh", "-c", script];
    daemon.stdout(&[&["new", "-d", "--name", "work"][..], &respawn, &command].concat());
    let mut terminal = Terminal::run(&daemon, &["attach", "work"]);
    terminal.wait_for("ready");
    terminal.type_keys("one\r");
    terminal.wait_past("got <one>");
    terminal.wait_past("[its program ended");
    terminal.type_keys("k");
    terminal.wait_past("\x07");
    daemon.command(&["restart", "work"]).assert().success();
    terminal.wait_for("ready");
    terminal.type_keys("two\r");
    terminal.wait_for("got <two>");
    terminal.type_keys("\x1cd");
    terminal.wait_for("[detached from work]");
    assert_eq!(terminal.exit_code(), 0);
}
