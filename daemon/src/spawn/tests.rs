use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sessiond_protocol::{CreateParams, Size};
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
        let mut child = spawner.spawn(SessionId(1), &sleeps).await.unwrap().child;
        // The core lets no command without a program through.
        let refused = spawner.spawn(SessionId(2), &order(&[])).await.unwrap_err();
        assert!(matches!(refused, SpawnError::Ending), "{refused}");
        spawner.ended().await;
        assert!(!Path::new(&format!("/proc/{}", child.pid)).exists());
        assert_eq!(child.exited().await, None);
        assert_eq!(child.end().await, 0);
        spawner.stop().await;
        assert!(thread.join().is_err());
    };
    runtime.block_on(async { timeout(Duration::from_secs(10), panics).await.unwrap() });
}
