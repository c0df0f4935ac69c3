//! One recording: a file of Markdown, into which goes what a transcript says from some moment on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use leakgate_probe::Held;
use rustix::fs::OFlags;
use sessiond_protocol::{SessionName, TranscriptKind};

use super::block::block;
use super::format::Said;
use crate::gauges::RECORDINGS;

/// Bytes of a recording's file, its last line aside: more than an editor likes to open.
pub(crate) const FILE_BYTES_MAX: u64 = 16 << 20;

/// Files in the directory of the recordings: whoever has as many does not look at them.
const FILES_MAX: usize = 1024;

/// What somebody has said to the agent that is meant for the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Start(Option<SessionName>),
    Stop,
}

impl Command {
    /// Of a prompt, all of which is `/record start`, `/record start NAME` or `/record stop`.
    pub(crate) fn read(prompt: &str) -> Option<Self> {
        let mut words = prompt.split_ascii_whitespace();
        words.next().filter(|word| *word == "/record")?;
        let command = match (words.next()?, words.next()) {
            ("start", None) => Self::Start(None),
            ("start", Some(name)) => Self::Start(Some(name.parse().ok()?)),
            ("stop", None) => Self::Stop,
            _ => return None,
        };
        words.next().is_none().then_some(command)
    }
}

/// Why a recording is over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Over {
    #[error("it has {0} bytes")]
    Full(u64),
    #[error("it cannot be written: {0}")]
    Unwritable(#[from] io::Error),
    #[error("somebody has ended it")]
    Asked,
    #[error("another one is begun")]
    Another,
    #[error("what it recorded is not followed any more")]
    Unwatched,
    #[error("the transcript's file is gone")]
    Gone,
    #[error("the transcript's file was replaced")]
    Replaced,
    #[error("the daemon ends")]
    Shutdown,
}

/// Why none was begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CannotBegin {
    #[error("{0} has {FILE_BYTES_MAX} bytes already; another name, or its removal, helps")]
    Full(PathBuf),
    #[error("there are {FILES_MAX} files in {0}; removing some helps")]
    TooMany(PathBuf),
    #[error("{0} cannot be written: {1}")]
    Unwritable(PathBuf, io::Error),
}

/// A recording.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) path: PathBuf,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) since_unix_ms: u64,
    bytes_max: u64,
    file: File,
    _counted: Held,
}

impl Recording {
    /// Begins one, or goes on with the file that has this name.
    pub(crate) fn begin(
        directory: &Path,
        name: &SessionName,
        of: &str,
        now_unix_ms: u64,
    ) -> Result<Self, CannotBegin> {
        let path = directory.join(format!("{name}.md"));
        Self::open(&path, directory, of, now_unix_ms)
            .unwrap_or_else(|error| Err(CannotBegin::Unwritable(path, error)))
    }

    fn open(
        path: &Path,
        directory: &Path,
        of: &str,
        now_unix_ms: u64,
    ) -> io::Result<Result<Self, CannotBegin>> {
        crate::paths::make_private(directory).map_err(io::Error::other)?;
        let bytes = match fs::symlink_metadata(path) {
            Ok(facts) => facts.len(),
            Err(_) if fs::read_dir(directory)?.nth(FILES_MAX - 1).is_some() => {
                return Ok(Err(CannotBegin::TooMany(directory.to_owned())));
            }
            Err(_) => 0,
        };
        if bytes >= FILE_BYTES_MAX {
            return Ok(Err(CannotBegin::Full(path.to_owned())));
        }
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600);
        let file = options
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("no regular file"));
        }
        let mut recording = Self {
            path: path.to_owned(),
            events: 0,
            bytes,
            since_unix_ms: now_unix_ms,
            bytes_max: FILE_BYTES_MAX,
            file,
            _counted: RECORDINGS.hold(1),
        };
        let title = path.file_stem().unwrap_or_default().to_string_lossy();
        let time = time(now_unix_ms);
        let head = match bytes {
            0 => format!(
                "# {title}\n\nRecorded from `{}`, begun {time}.\n",
                readable(of)
            ),
            _ => format!("\n---\n\nGone on with from `{}`, {time}.\n", readable(of)),
        };
        recording.write(&head)?;
        Ok(Ok(recording))
    }

    /// Writes down an event.
    ///
    /// # Errors
    /// When the recording is over: there is no room for it, or it cannot be written.
    pub(crate) fn note(&mut self, said: Said<'_>) -> Result<(), Over> {
        let text = markdown(said);
        if self.bytes + text.len() as u64 > self.bytes_max {
            return Err(Over::Full(self.bytes));
        }
        self.write(&text)?;
        self.events += 1;
        Ok(())
    }

    /// Writes the last line and closes the file.
    pub(crate) fn end(mut self, why: &Over, now_unix_ms: u64) {
        let path = self.path.display();
        tracing::info!(%path, "a recording ends: {why}");
        // A disk that is full has been told of.
        let _ = self.write(&format!("\n---\n\nEnded {}: {why}.\n", time(now_unix_ms)));
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())?;
        self.bytes += text.len() as u64;
        Ok(())
    }

    /// Bytes of its blocks.
    pub(crate) fn heap_bytes(&self) -> usize {
        block(size_of::<Self>()) + block(self.path.capacity())
    }
}

/// The name that a recording has when nobody gives it one: that of the transcript's file.
pub(crate) fn name_of(transcript: &Path) -> SessionName {
    let stem = transcript.file_stem().unwrap_or_default().to_string_lossy();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let kept = stem.chars().take(40);
    let kept: String = kept.map(|c| if allowed(c) { c } else { '_' }).collect();
    let name = format!("recording-{kept}");
    name.parse().expect("a name of allowed characters")
}

fn time(unix_ms: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_millis(unix_ms);
    humantime::format_rfc3339_seconds(time).to_string()
}

/// An event as Markdown: what is said as it was said, what is for machines in a fence.
fn markdown(said: Said<'_>) -> String {
    let (what, is_code) = match said.kind {
        TranscriptKind::Prompt => ("Prompt", false),
        TranscriptKind::Reply => ("Reply", false),
        TranscriptKind::Thought => ("Thought", false),
        TranscriptKind::ToolCall => ("Tool call", true),
        TranscriptKind::ToolResult => ("Tool result", true),
        TranscriptKind::Note => ("Note", false),
    };
    let name = match said.name {
        "" => String::new(),
        name => format!(" `{}`", readable(name)),
    };
    let when = said
        .time_unix_ms
        .map_or_else(String::new, |ms| format!(", {}", time(ms)));
    let text = readable(said.text);
    let fence = if is_code { fence(&text) } else { String::new() };
    let cut = match said.bytes > said.text.len() as u64 {
        true => format!("\n(the beginning of {} bytes)\n", said.bytes),
        false => String::new(),
    };
    match is_code {
        true => format!("\n## {what}{name}{when}\n\n{fence}\n{text}\n{fence}\n{cut}"),
        false => format!("\n## {what}{name}{when}\n\n{text}\n{cut}"),
    }
}

/// As many backticks as end no text within.
fn fence(text: &str) -> String {
    let runs = text.split(|c| c != '`').map(str::len);
    "`".repeat(runs.max().unwrap_or(0).max(2) + 1)
}

/// Without what a terminal would obey.
fn readable(text: &str) -> String {
    let harmless = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(harmless).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: TranscriptKind, text: &str) -> Said<'_> {
        Said {
            kind,
            time_unix_ms: Some(0),
            name: "",
            text,
            bytes: text.len() as u64,
        }
    }

    #[test]
    fn a_command_is_all_of_a_prompt() {
        let name = |name: &str| Some(name.parse().unwrap());
        for (prompt, command) in [
            ("/record start", Some(Command::Start(None))),
            (
                " /record  start notes\n",
                Some(Command::Start(name("notes"))),
            ),
            ("/record stop", Some(Command::Stop)),
            ("/record", None),
            ("/record start ../../etc", None),
            ("/record start a b", None),
            ("/record stop it", None),
            ("/recordstart", None),
            ("please /record start", None),
        ] {
            assert_eq!(Command::read(prompt), command, "{prompt:?}");
        }
    }

    #[test]
    fn an_event_is_readable_whatever_is_in_it() {
        let call = markdown(said(TranscriptKind::ToolCall, "a ``` b \u{1b}[2J"));
        assert_eq!(
            call,
            "\n## Tool call, 1970-01-01T00:00:00Z\n\n````\na ``` b \u{fffd}[2J\n````\n"
        );
        let reply = markdown(Said {
            bytes: 99,
            ..said(TranscriptKind::Reply, "yes")
        });
        assert!(
            reply.ends_with("Z\n\nyes\n\n(the beginning of 99 bytes)\n"),
            "{reply}"
        );
        let path = Path::new("/x/0199 é.jsonl");
        assert_eq!(name_of(path).as_str(), "recording-0199__");
    }

    #[test]
    fn a_file_has_a_bound_is_gone_on_with_and_says_how_it_ended() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("recordings");
        let begin = || Recording::begin(&directory, &"a".parse().unwrap(), "/t", 0);
        let mut recording = begin().unwrap();
        recording.bytes_max = 500;
        let over = loop {
            match recording.note(said(TranscriptKind::Prompt, "0123456789")) {
                Ok(()) => {}
                Err(over) => break over,
            }
        };
        assert!(
            recording.events > 5 && recording.bytes <= 500,
            "{recording:?}"
        );
        recording.end(&over, 0);
        begin().unwrap().end(&Over::Asked, 0);
        let text = fs::read_to_string(directory.join("a.md")).unwrap();
        assert!(
            text.starts_with("# a\n\nRecorded from `/t`, begun 1970"),
            "{text}"
        );
        assert!(
            text.contains("Ended 1970-01-01T00:00:00Z: it has "),
            "{text}"
        );
        assert!(text.contains("Gone on with from `/t`, "), "{text}");
        assert!(text.ends_with(": somebody has ended it.\n"), "{text}");
        let file = OpenOptions::new().write(true).open(directory.join("a.md"));
        file.unwrap().set_len(FILE_BYTES_MAX).unwrap();
        assert!(matches!(begin(), Err(CannotBegin::Full(_))));
    }
}
