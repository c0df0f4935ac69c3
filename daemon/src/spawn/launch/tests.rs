use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rustix::process::{WaitOptions, waitpid};
use sessiond_protocol::{CreateParams, Size};

use super::*;
use crate::open_files::OpenFiles;
use crate::spawn::{only_test_with_children, terminal};

fn launch(command: &[&str], cwd: Option<&Path>, environment: &[(&str, &str)]) -> Launch {
    let params = CreateParams {
        command: command.iter().map(|&word| word.to_owned()).collect(),
        cwd: cwd.map(|cwd| cwd.to_str().unwrap().to_owned()),
        env: environment
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        ..CreateParams::default()
    };
    Launch::of_session(&Recipe::new(params), "me:1".to_owned())
}

fn executable(directory: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn refused(command: &[&str], cwd: &Path) -> SpawnError {
    let launch = launch(command, Some(cwd), &[]);
    let _alone = only_test_with_children();
    let terminal::Pair { master, slave } = terminal::open(Size::DEFAULT).unwrap();
    let spawned = launch.spawn(&Standard::Terminal(slave), OpenFiles::now().original);
    drop(master);
    match spawned {
        Err(error) => error,
        Ok(pid) => {
            let pid = rustix::process::Pid::from_raw(pid.cast_signed());
            let _ = waitpid(pid, WaitOptions::empty());
            panic!("{command:?} was started")
        }
    }
}

/// An ELF file of this machine's width and order, with this machine number and this interpreter.
fn elf(machine: u16, interpreter: &str) -> Vec<u8> {
    let mut file = std::fs::read("/proc/self/exe").unwrap();
    file.truncate(64);
    file[16..18].copy_from_slice(&2_u16.to_ne_bytes()); // ET_EXEC
    file[18..20].copy_from_slice(&machine.to_ne_bytes());
    file[32..40].copy_from_slice(&64_u64.to_ne_bytes());
    file[54..58].copy_from_slice(&[56, 0, 1, 0]);
    let text = [interpreter.as_bytes(), b"\0"].concat();
    let length = text.len() as u64;
    for number in [3 | 4 << 32, 120, 0, 0, length, length, 1_u64] {
        file.extend_from_slice(&number.to_ne_bytes());
    }
    file.extend_from_slice(&text);
    file
}

fn own_machine() -> u16 {
    let file = std::fs::read("/proc/self/exe").unwrap();
    u16::from_ne_bytes([file[18], file[19]])
}

#[test]
fn a_program_is_found_in_the_path_that_the_client_sets() {
    let directory = tempfile::tempdir().unwrap();
    let program = executable(directory.path(), "tool", b"#!/bin/sh\n");
    let path = directory.path().to_str().unwrap();
    let found = launch(&["tool"], None, &[("PATH", path)])
        .resolve(Path::new("/"))
        .unwrap();
    assert_eq!(found, program);
}

#[test]
fn what_is_not_there_or_may_not_run_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    std::fs::write(here.join("plain"), "#!/bin/sh\n").unwrap();
    for name in ["no-such-program", ""] {
        let error = refused(&[name], here);
        assert!(matches!(error, SpawnError::NotInPath { .. }), "{error}");
    }
    for path in ["./missing", "./plain", "/"] {
        let error = refused(&[path], here);
        assert!(matches!(error, SpawnError::NotExecutable { .. }), "{error}");
    }
    for cwd in ["/no/such/place", "/dev/null"] {
        let error = refused(&["sh"], Path::new(cwd));
        assert!(matches!(error, SpawnError::Cwd { .. }), "{error}");
    }
    assert!(matches!(refused(&["sh", "a\0b"], here), SpawnError::Nul));
}

/// Why it was refused, which must not take for ever: the thread that starts processes would stand still.
fn refused_in_time(command: &'static str, cwd: &Path) -> SpawnError {
    let (answer, answered) = std::sync::mpsc::sync_channel(1);
    let cwd = cwd.to_owned();
    std::thread::spawn(move || answer.send(refused(&[command], &cwd)));
    answered.recv_timeout(Duration::from_secs(10)).unwrap()
}

#[test]
fn a_fifo_is_not_waited_for_and_a_terminal_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let mode = rustix::fs::Mode::from_raw_mode(0o755);
    rustix::fs::mkfifoat(rustix::fs::CWD, here.join("fifo"), mode).unwrap();
    let error = refused_in_time("./fifo", here);
    assert!(matches!(error, SpawnError::NotExecutable { .. }), "{error}");

    let pair = terminal::open(Size::DEFAULT).unwrap();
    let name = std::fs::read_link(format!("/proc/self/fd/{}", pair.slave.as_raw_fd())).unwrap();
    std::os::unix::fs::symlink(name, here.join("terminal")).unwrap();
    rustix::io::write(&pair.master, b"typed\n").unwrap();
    let error = refused_in_time("./terminal", here);
    assert!(matches!(error, SpawnError::NotExecutable { .. }), "{error}");
    let mut typed = [0; 16];
    let length = rustix::io::read(&pair.slave, &mut typed).unwrap();
    assert_eq!(&typed[..length], b"typed\n");
}

#[test]
fn what_the_kernel_does_not_execute_is_explained() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    executable(here, "text", b"just text\n");
    executable(here, "foreign", &elf(0xfffe, "/bin/sh"));
    let error = refused(&["./text"], here);
    assert!(matches!(error, SpawnError::NotAProgram { .. }), "{error}");
    let error = refused(&["./foreign"], here);
    assert!(matches!(error, SpawnError::OtherMachine { .. }), "{error}");
}

#[test]
fn a_missing_interpreter_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    executable(here, "script", b"#! /no/such/interpreter -x\n");
    executable(here, "program", &elf(own_machine(), "/no/such/interpreter"));
    executable(here, "relative", b"#!plain\n");
    std::fs::write(here.join("plain"), "no program").unwrap();
    for (name, missing) in [
        ("./script", "/no/such/interpreter".to_owned()),
        ("./program", "/no/such/interpreter".to_owned()),
        ("./relative", here.join("plain").display().to_string()),
    ] {
        let error = refused(&[name], here);
        let SpawnError::Interpreter { interpreter, .. } = &error else {
            panic!("{name}: {error}")
        };
        assert_eq!(interpreter.to_str().unwrap(), missing);
    }
}

#[test]
fn an_argument_that_the_kernel_does_not_take_is_refused() {
    let long = "x".repeat(128 << 10);
    let error = refused(&["true", &long], Path::new("/"));
    let SpawnError::TooLong { longest, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(longest, long.len());
}
