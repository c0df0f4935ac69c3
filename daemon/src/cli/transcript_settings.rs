//! What whoever starts a daemon decides about transcripts, as it is typed.

use std::path::PathBuf;
use std::time::Duration;

use super::exit_code::CliError;
use crate::transcripts::{MEMORY_MIN, TranscriptSettings};

/// Of `serve`, about transcripts.
#[derive(Debug, clap::Args)]
pub(super) struct TranscriptArgs {
    /// Follow this transcript, or all *.jsonl below this directory; may be given several times, in the environment separated by colons
    #[arg(
        long = "transcripts",
        value_name = "PATH",
        env = "SESSIOND_TRANSCRIPTS",
        value_delimiter = ':'
    )]
    roots: Vec<PathBuf>,

    /// Write recordings of transcripts into this directory [default: beside the daemon's log]
    #[arg(long, value_name = "DIR", env = "SESSIOND_RECORDINGS")]
    recordings: Option<PathBuf>,

    /// Bytes that everything about transcripts may take, at least 1048576; beyond that the least recently used are evicted
    #[arg(
        long,
        value_name = "BYTES",
        env = "SESSIOND_MAX_MEMORY",
        default_value_t = TranscriptSettings::default().max_memory,
        value_parser = parse_memory
    )]
    max_memory: usize,

    /// Bytes that the events of one transcript may take, at least 1048576; beyond that its oldest are evicted
    #[arg(
        long,
        value_name = "BYTES",
        env = "SESSIOND_MAX_TRANSCRIPT_MEMORY",
        default_value_t = TranscriptSettings::default().max_transcript_memory,
        value_parser = parse_memory
    )]
    max_transcript_memory: usize,

    /// Look at transcripts this often: 10ms to 1h [default: 1s]
    #[arg(
        long,
        value_name = "TIME",
        env = "SESSIOND_TRANSCRIPTS_EVERY",
        value_parser = parse_every
    )]
    transcripts_every: Option<Duration>,
}

impl TranscriptArgs {
    /// What was decided. A path is made absolute: the daemon leaves the directory in which it was typed.
    pub(super) fn settings(self) -> Result<TranscriptSettings, CliError> {
        let roots = self
            .roots
            .iter()
            .filter(|root| !root.as_os_str().is_empty());
        let roots = roots.map(std::path::absolute).collect::<Result<_, _>>();
        let recordings = self
            .recordings
            .filter(|directory| !directory.as_os_str().is_empty());
        let recordings = recordings.map(std::path::absolute).transpose();
        let default = TranscriptSettings::default();
        let nowhere = |source| CliError::system("find the working directory", source);
        Ok(TranscriptSettings {
            roots: roots.map_err(nowhere)?,
            recordings: recordings.map_err(nowhere)?,
            max_memory: self.max_memory,
            max_transcript_memory: self.max_transcript_memory,
            every: self.transcripts_every.unwrap_or(default.every),
        })
    }
}

fn parse_memory(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|bytes| *bytes >= MEMORY_MIN)
        .ok_or_else(|| format!("allowed is {MEMORY_MIN} and more"))
}

/// More often would be all that the daemon does; more seldom is no following.
fn parse_every(text: &str) -> Result<Duration, String> {
    let range = Duration::from_millis(10)..=Duration::from_secs(3600);
    match humantime::parse_duration(text) {
        Ok(every) if range.contains(&every) => Ok(every),
        Ok(_) => Err("allowed is 10ms to 1h".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        transcripts: TranscriptArgs,
    }

    fn settings(arguments: &[&str]) -> Result<TranscriptSettings, String> {
        let line = std::iter::once(&"serve").chain(arguments);
        let line = Line::try_parse_from(line).map_err(|error| error.to_string())?;
        line.transcripts
            .settings()
            .map_err(|error| error.to_string())
    }

    #[test]
    fn paths_become_absolute_and_budgets_and_times_have_their_ranges() {
        let read = settings(&["--transcripts", "a", "--transcripts=/b:/c"]).unwrap();
        assert!(read.roots[0].is_absolute() && read.roots[0].ends_with("a"));
        assert_eq!(read.roots[1..], [PathBuf::from("/b"), PathBuf::from("/c")]);
        assert_eq!(read.max_memory, 200 << 20);
        for wrong in [
            ["--max-memory", "1048575"],
            ["--max-memory", "much"],
            ["--max-transcript-memory", "0"],
            ["--transcripts-every", "9ms"],
            ["--transcripts-every", "2h"],
        ] {
            let error = settings(&wrong).unwrap_err();
            assert!(error.contains("allowed is"), "{wrong:?}: {error}");
        }
    }
}
