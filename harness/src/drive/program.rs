//! A program that the load runs beside the target.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::process::Stdio;

use tokio::process::Command;

use super::driver::StepError;
use crate::program::{Program, printable};

/// What is shown of what a program said when it failed.
const SHOWN_BYTES_MAX: u64 = 2_000;

/// Runs a program to its end; any other exit code than `code` fails the load. It ends with the step's deadline.
pub(super) async fn run(
    command: &[String],
    code: i32,
    env: &BTreeMap<String, String>,
) -> Result<(), StepError> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(StepError::Load("there is no program to run".to_owned()));
    };
    let line = command.join(" ");
    let cannot = |error: std::io::Error| StepError::Load(format!("cannot run `{line}`: {error}"));
    // A file takes whatever the program says, and none of it has to be kept in memory.
    let mut said = tempfile::tempfile().map_err(cannot)?;
    let mut process = Command::new(program);
    process
        .args(arguments)
        .env_clear()
        .envs(env)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said.try_clone().map_err(cannot)?);
    let status = async { Program::start(&mut process)?.wait().await };
    let status = status.await.map_err(cannot)?;
    if status.code() == Some(code) {
        return Ok(());
    }
    let mut shown = Vec::new();
    said.seek(SeekFrom::Start(0)).map_err(cannot)?;
    said.take(SHOWN_BYTES_MAX)
        .read_to_end(&mut shown)
        .map_err(cannot)?;
    let shown = printable(&shown);
    Err(StepError::Load(format!(
        "`{line}` ended with {status}, not with exit code {code}: {}",
        shown.trim_end()
    )))
}
