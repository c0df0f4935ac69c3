//! One status file: what is read of it, and what it says.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use rustix::fs::{Mode, OFlags, open};
use serde::Deserialize;
use sessiond_protocol::{AgentState, SessionId, SessionRef};

/// Bytes of a file: what agents tell their hooks, with room. All of it is held while it is read.
pub(super) const FILE_BYTES_MAX: u64 = 64 << 10;

/// Bytes of a text that are kept: a line on a screen. The statuses of all sessions fit one answer, also when JSON takes two
/// bytes for each of them.
pub(super) const TEXT_BYTES_MAX: usize = 256;

/// How a status file's name ends. Others are none of ours: what is being written under another name, above all.
const SUFFIX: &str = ".json";

/// Whom a file is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    Session(SessionRef),
    /// What a session's programs find in their environment.
    Mark(String),
}

/// What an agent says of itself; times are in milliseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) state: AgentState,
    /// In one line, at most [`TEXT_BYTES_MAX`].
    pub(super) text: String,
    pub(super) time_unix_ms: u64,
    /// When the file was written.
    pub(super) written_unix_ms: u64,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StatusFile {
    pub(super) whose: Whose,
    pub(super) said: Said,
}

/// Why a file says nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("it is gone")]
    Gone,
    #[error("it has {0} bytes, more than {FILE_BYTES_MAX}")]
    Oversized(u64),
    #[error("it is no regular file")]
    NoFile,
    #[error("it cannot be read: {0}")]
    Io(io::Error),
    #[error("it is no status: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{0:?} is neither a session's number, nor its name, nor its SESSIOND_SESSION")]
    Session(String),
}

/// Other fields are the hook's own business.
#[derive(Deserialize)]
struct Raw<'a> {
    session: RawWhose,
    state: AgentState,
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    time_unix_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawWhose {
    Number(u64),
    Text(String),
}

/// Whether a file of this name is a status file.
pub(super) fn is_status_file(name: &str) -> bool {
    name.ends_with(SUFFIX) && !name.starts_with('.')
}

/// Reads a file. A link is not followed, and nothing waits for whoever has put a FIFO there.
pub(super) fn read(path: &Path) -> Result<StatusFile, FileError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = match open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Err(FileError::Gone),
        Err(rustix::io::Errno::LOOP) => return Err(FileError::NoFile),
        Err(error) => return Err(FileError::Io(error.into())),
    };
    let metadata = file.metadata().map_err(FileError::Io)?;
    if !metadata.is_file() {
        return Err(FileError::NoFile);
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(FileError::Oversized(metadata.len()));
    }
    let written = metadata.modified().map_err(FileError::Io)?;
    let written = written.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut bytes = Vec::new();
    // It may have grown meanwhile.
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(FileError::Io)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(FileError::Oversized(bytes.len() as u64));
    }
    let written = u64::try_from(written.as_millis()).unwrap_or(u64::MAX);
    parse(&bytes, written)
}

fn parse(bytes: &[u8], written_unix_ms: u64) -> Result<StatusFile, FileError> {
    let raw: Raw<'_> = serde_json::from_slice(bytes)?;
    let whose = match raw.session {
        RawWhose::Number(id) => Whose::Session(SessionId(id).into()),
        RawWhose::Text(mark) if mark.contains(':') => Whose::Mark(mark),
        RawWhose::Text(text) => match text.parse() {
            Ok(session) => Whose::Session(session),
            Err(_) => return Err(FileError::Session(in_one_line(&text, TEXT_BYTES_MAX))),
        },
    };
    let said = Said {
        state: raw.state,
        text: in_one_line(&raw.text.unwrap_or_default(), TEXT_BYTES_MAX),
        time_unix_ms: raw.time_unix_ms.unwrap_or(written_unix_ms),
        written_unix_ms,
    };
    Ok(StatusFile { whose, said })
}

/// The beginning of a text, at most so many bytes, with a blank in place of every control character.
pub(super) fn in_one_line(text: &str, bytes_max: usize) -> String {
    let mut line = String::new();
    for character in text.trim().chars() {
        let character = if character.is_control() {
            ' '
        } else {
            character
        };
        if line.len() + character.len_utf8() > bytes_max {
            break;
        }
        line.push(character);
    }
    line
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_reads_as_documented() {
        let file = parse(
            br#"{"session":"build","state":"waiting","text":" may I?\n(y/n) ","tool":{"x":1}}"#,
            7,
        );
        let said = Said {
            state: AgentState::Waiting,
            text: "may I? (y/n)".to_owned(),
            time_unix_ms: 7,
            written_unix_ms: 7,
        };
        let file = file.unwrap();
        assert_eq!(
            (file.whose, file.said),
            (Whose::Session("build".parse::<SessionRef>().unwrap()), said)
        );
        let whose = |session: &str| {
            let json = format!(r#"{{"session":{session},"state":"idle","time_unix_ms":3}}"#);
            parse(json.as_bytes(), 7).map(|file| file.whose)
        };
        let number = Whose::Session(SessionId(3).into());
        assert_eq!(whose("3").unwrap(), number);
        assert_eq!(whose(r#""3""#).unwrap(), number);
        assert_eq!(
            whose(r#""7-5:3""#).unwrap(),
            Whose::Mark("7-5:3".to_owned())
        );
        let wrong = whose(r#""a b""#).unwrap_err().to_string();
        assert!(wrong.contains("neither a session's number"), "{wrong}");
        assert!(whose("null").is_err());
    }

    #[test]
    fn what_is_large_or_no_file_is_refused_and_what_is_gone_is_gone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.json");
        assert!(matches!(read(&path), Err(FileError::Gone)));
        std::fs::write(&path, vec![b' '; 64 << 10]).unwrap();
        assert!(matches!(read(&path), Err(FileError::Json(_))));
        std::fs::write(&path, vec![b' '; (64 << 10) + 1]).unwrap();
        assert!(matches!(read(&path), Err(FileError::Oversized(65_537))));
        assert!(matches!(read(place.path()), Err(FileError::NoFile)));
        let link = place.path().join("l.json");
        symlink(&path, &link).unwrap();
        assert!(matches!(read(&link), Err(FileError::NoFile)));
    }

    proptest! {
        #[test]
        fn any_text_becomes_a_short_line(text in any::<String>()) {
            let line = in_one_line(&text, TEXT_BYTES_MAX);
            prop_assert!(line.len() <= TEXT_BYTES_MAX);
            prop_assert!(!line.contains(char::is_control));
        }

        #[test]
        fn arbitrary_bytes_are_no_status_and_no_panic(bytes in any::<Vec<u8>>()) {
            let _ = parse(&bytes, 0);
        }
    }
}
