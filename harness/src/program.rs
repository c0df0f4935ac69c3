//! Programs that leakgate waits for: each leads a process group of its own, which ends with the waiting, and what is kept
//! of its words is bounded.

use std::io;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// What is kept of each output, bytes: many times a full screen with its attributes.
const KEPT_MAX: usize = 256 * 1024;
/// What is read at once, bytes: as much as a pipe holds.
const READ_MAX: usize = 64 * 1024;

/// A program that runs; dropped before its end, it is killed with all that it has started and left in its group.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    /// Its process group, until it has been waited for: from then on the number may be another's.
    group: Option<Pid>,
}

/// Which end of an output is kept where it is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Its beginning.
    First,
    /// Its end.
    Last,
}

/// What a program wrote to a stream.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// What was kept of it, at most 256 KiB.
    pub(crate) bytes: Vec<u8>,
    /// Whether there was more.
    pub(crate) cut: bool,
}

/// How a program ended, and what it wrote to those streams that are pipes.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Said,
    pub(crate) stderr: Said,
}

impl Program {
    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be run.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Ok(Self {
            child,
            group: id.and_then(Pid::from_raw),
        })
    }

    /// Waits for its end; what it leaves running then is left alone.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub(crate) async fn wait(mut self) -> io::Result<ExitStatus> {
        self.reap().await
    }

    /// Waits for the end of what it says on its pipes, and then for its own.
    ///
    /// # Errors
    /// When it cannot be read from or waited for.
    pub(crate) async fn output(mut self, keep: Keep) -> io::Result<Ended> {
        let (out, err) = (self.child.stdout.take(), self.child.stderr.take());
        // Reaped only after that: until then its number, and so its group's, is nobody else's.
        let (stdout, stderr) = tokio::try_join!(said(out, keep), said(err, keep))?;
        Ok(Ended {
            status: self.reap().await?,
            stdout,
            stderr,
        })
    }

    async fn reap(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.group = None;
        Ok(status)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // All of it may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Reads a stream to its end: a program that nobody listens to would stand still.
async fn said(stream: Option<impl AsyncRead + Unpin>, keep: Keep) -> io::Result<Said> {
    let mut said = Said::default();
    let Some(mut stream) = stream else {
        return Ok(said);
    };
    let mut chunk = vec![0; READ_MAX];
    loop {
        let read = stream.read(&mut chunk).await?;
        if read == 0 {
            return Ok(said);
        }
        said.add(&chunk[..read], keep);
    }
}

impl Said {
    fn add(&mut self, more: &[u8], keep: Keep) {
        self.bytes.extend_from_slice(more);
        let surplus = self.bytes.len().saturating_sub(KEPT_MAX);
        self.cut |= surplus > 0;
        match keep {
            Keep::First => self.bytes.truncate(KEPT_MAX),
            Keep::Last => drop(self.bytes.drain(..surplus)),
        }
    }
}

/// Bytes that a program wrote, as a terminal may show them: lines and tabs stay, other control characters are written out.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for character in String::from_utf8_lossy(bytes).chars() {
        match character {
            '\n' | '\t' => text.push(character),
            control if control.is_control() => text.extend(control.escape_default()),
            shown => text.push(shown),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    use tokio::io::{AsyncBufReadExt, BufReader};

    use super::*;
    use crate::sample::{pause, proc};

    fn shell(script: &str) -> Program {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Program::start(&mut command).unwrap()
    }

    #[tokio::test]
    async fn what_a_program_has_started_is_killed_with_it() {
        let mut program = shell("sleep 77 & echo $!; wait");
        let mut line = String::new();
        let output = program.child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).await.unwrap();
        let started = line.trim().parse().unwrap();
        assert!(proc::is_alive(started));
        drop(program);
        let deadline = Instant::now() + Duration::from_secs(8);
        while proc::is_alive(started) {
            assert!(Instant::now() < deadline, "it is still there");
            pause(Duration::from_millis(2)).await;
        }
    }

    #[tokio::test]
    async fn of_a_long_output_one_end_is_kept() {
        let script = "echo begin; head -c 3000000 /dev/zero; echo end; exit 3";
        let first = shell(script).output(Keep::First).await.unwrap();
        assert!(first.stdout.bytes.starts_with(b"begin\n") && first.stdout.cut);
        let last = shell(script).output(Keep::Last).await.unwrap();
        assert!(last.stdout.bytes.ends_with(b"end\n") && last.stdout.cut);
        for ended in [first, last] {
            assert_eq!(ended.stdout.bytes.len(), KEPT_MAX);
            assert!(ended.stderr.bytes.is_empty() && !ended.stderr.cut);
            assert_eq!(ended.status.code(), Some(3));
        }
    }

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(
            printable(b"a\tb\n\x1b[2J\0\xff"),
            "a\tb\n\\u{1b}[2J\\u{0}\u{fffd}"
        );
    }
}
