use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sessiond_protocol::{CreateParams, Size};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use super::*;
use crate::core::Recipe;

/// Set in the process in which the spawn thread panics: with its last act it kills all children of its process.
const ALONE: &str = "SESSIOND_TEST_ALONE";

fn order(command: &[&str]) -> StartOrder {
    let params = CreateParams {
        command: command.iter().map(|&word| word.to_owned()).collect(),
        ..CreateParams::default()
    };
    StartOrder::new(Recipe::new(params), Size::DEFAULT)
}

#[test]
fn a_spawn_thread_that_panics_leaves_no_process_and_nobody_waiting() {
    if std::env::var_os(ALONE).is_none() {
        let _alone = only_test_with_children();
        let name = "spawn::tests::a_spawn_thread_that_panics_leaves_no_process_and_nobody_waiting";
        let mut alone = Command::new(std::env::current_exe().unwrap());
        let output = alone
            .args(["--exact", name, "--nocapture"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{output:?}"
        );
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let panics = async {
        let (spawner, thread) = Spawner::start("test", OpenFiles::now()).unwrap();
        let sleeps = order(&["sleep", "1000"]);
        // Held whole: without its terminal the program would be hung up, and might end before the panic.
        let mut started = spawner.spawn(SessionId(1), &sleeps).await.unwrap();
        // The core lets no command without a program through.
        let refused = spawner.spawn(SessionId(2), &order(&[])).await.unwrap_err();
        assert!(matches!(refused, SpawnError::Ending), "{refused}");
        spawner.ended().await;
        assert!(!Path::new(&format!("/proc/{}", started.child.pid)).exists());
        assert_eq!(started.child.exited().await, None);
        assert_eq!(started.child.end().await, Toll::default());
        spawner.stop().await;
        assert!(thread.join().is_err());
    };
    runtime.block_on(async { timeout(Duration::from_secs(10), panics).await.unwrap() });
}

/// Everything that can be read until the other side is closed.
async fn read_to_end(end: OwnedFd) -> String {
    let mut text = String::new();
    let mut pipe = Receiver::from_owned_fd(end).unwrap();
    pipe.read_to_string(&mut text).await.unwrap();
    text
}

#[test]
fn a_program_with_pipes_leads_a_kernel_session_without_terminal_and_ends_at_the_end_of_its_input() {
    let _alone = only_test_with_children();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (spawner, thread) = Spawner::start("test", OpenFiles::now()).unwrap();
        let script = "cat; cut -d' ' -f5-7 /proc/$$/stat >&2; echo $SESSIOND_SESSION $$ >&2";
        let command = ["sh", "-c", script].map(str::to_owned).to_vec();
        let started = spawner.spawn_piped(Owner::McpServer(7), command, None, Vec::new());
        let Piped { mut child, pipes } = started.await.unwrap();
        rustix::io::write(&pipes.stdin, b"through").unwrap();
        drop(pipes.stdin);
        assert_eq!(read_to_end(pipes.stdout).await, "through");
        let pid = child.pid;
        let said = read_to_end(pipes.stderr).await;
        // Its group, its session, and no terminal.
        assert_eq!(said, format!("{pid} {pid} 0\ntest:mcp-7 {pid}\n"));
        let mut ends = signal(SignalKind::child()).unwrap();
        spawner.reap(); // for an end before now
        let reaping = async {
            loop {
                tokio::select! {
                    _ = ends.recv() => spawner.reap(),
                    () = spawner.answer_questions() => {}
                }
            }
        };
        let ending = async {
            let status = child.exited().await;
            (status, child.end().await)
        };
        let ended = tokio::select! {
            ended = timeout(Duration::from_secs(10), ending) => ended.unwrap(),
            () = reaping => unreachable!("it goes on for ever"),
        };
        assert_eq!(ended, (Some(ExitStatus::Code(0)), Toll::default()));
        spawner.stop().await;
        thread.join().unwrap();
    });
}
