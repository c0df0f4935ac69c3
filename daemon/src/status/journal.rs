//! What a profile keeps on the disk: a file that says what was notified and what came of it, a line of JSON each.
//!
//! It is opened once and closed with its profile. Closing a profile by request removes it; that of a profile which the daemon
//! was started with goes on when the daemon is started again.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sessiond_protocol::{SessionName, StatusChange};

use crate::log_file::{LOG_BYTES_MAX, LogFile, StandardError, old};

/// How the name of a journal ends.
const SUFFIX: &str = "journal";

/// A line.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    pub(super) at_unix_ms: u64,
    pub(super) notification: u64,
    pub(super) attempt: u32,
    /// `delivered`, `failed`, `died` or `gone`.
    pub(super) outcome: &'static str,
    pub(super) change: &'a StatusChange,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) error: &'a str,
    /// The beginning of what the hook has put out.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) output: &'a str,
}

/// An open journal.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: LogFile,
}

impl Journal {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = LogFile::open(&path, LOG_BYTES_MAX, StandardError::IsSomethingElse)?;
        Ok(Self { path, file })
    }

    /// A disk that is full must not stop notifications.
    pub(super) fn write(&mut self, line: &Line<'_>) {
        let written = serde_json::to_vec(line).map_err(io::Error::from);
        let written = written.and_then(|mut text| {
            text.push(b'\n');
            self.file.write_all(&text)
        });
        if let Err(error) = written {
            tracing::warn!(path = %self.path.display(), %error, "a journal is not written");
        }
    }

    /// Removes the files, and the directory with the last of them.
    pub(super) fn remove(self) {
        remove(&self.path);
        if let Some(directory) = self.path.parent() {
            let _ = fs::remove_dir(directory); // refused while others are in there
        }
    }
}

/// The journal of a profile.
pub(super) fn path(directory: &Path, profile: &SessionName) -> PathBuf {
    directory.join(format!("{profile}.{SUFFIX}"))
}

fn remove(path: &Path) {
    for path in [path.to_owned(), old(path)] {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "a journal was not removed");
            }
            _ => {}
        }
    }
}

/// Removes the journals that an earlier daemon has left, but for those of these profiles.
pub(super) fn sweep(directory: &Path, stay: &BTreeSet<SessionName>) {
    let Ok(files) = fs::read_dir(directory) else {
        return; // there are none
    };
    for path in files.flatten().map(|file| file.path()) {
        let name = path.file_name().and_then(|name| name.to_str());
        let Some((profile, rest)) = name.and_then(|name| name.rsplit_once(&format!(".{SUFFIX}")))
        else {
            continue; // none of ours
        };
        let stays = profile
            .parse()
            .is_ok_and(|profile: SessionName| stay.contains(&profile));
        if !stays && matches!(rest, "" | ".old") {
            remove(&path);
        }
    }
    let _ = fs::remove_dir(directory); // refused while others are in there
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_of_no_profile_is_removed_and_the_others_stay() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("d");
        fs::create_dir(&directory).unwrap();
        for file in [
            "a.journal",
            "a.journal.old",
            "b.journal",
            "b.journal.old",
            "other",
        ] {
            fs::write(directory.join(file), "").unwrap();
        }
        sweep(&directory, &BTreeSet::from(["b".parse().unwrap()]));
        let files = fs::read_dir(&directory).unwrap().flatten();
        let left: BTreeSet<_> = files.map(|file| file.file_name()).collect();
        assert_eq!(
            left,
            ["b.journal", "b.journal.old", "other"]
                .map(Into::into)
                .into()
        );
        fs::remove_file(directory.join("other")).unwrap();
        let path = path(&directory, &"b".parse().unwrap());
        Journal::open(path).unwrap().remove();
        assert!(!directory.exists());
    }
}
