//! Reading status files: one that has changed, or all of a directory.

use std::fs;
use std::path::Path;

use sessiond_protocol::{FileFault, SessionName};

use super::board::Source;
use super::file::{
    self, FileError, StatusFile, TEXT_BYTES_MAX, Whose, in_one_line, is_status_file,
};
use crate::gauges::BUSY;
use crate::server::Daemon;

/// Status files of a directory that are read at once. More than there can be sessions; those of others that are gone are in
/// the way of nobody until there are this many.
const FILES_MAX: usize = 4096;

/// Names of a directory that are looked at.
const NAMES_MAX: usize = 64 << 10;

/// Files read before others get their turn.
const TURN_FILES: usize = 16;

/// A file may be told to be a little older than what was started before it: the kernel stamps files with the time of its
/// last tick, of which there are a hundred per second at the least.
const TICK_MS: u64 = 20;

/// Reads a file that has changed.
pub(super) async fn one(daemon: &Daemon, source: &Source) {
    take(daemon, source);
    tokio::task::yield_now().await;
}

/// Reads everything in a profile's directory, and drops what its files say no longer. A directory that is not watched, but
/// is there, is watched again.
pub(super) async fn whole(daemon: &Daemon, profile: &SessionName) {
    let _busy = BUSY.enter();
    let statuses = daemon.statuses();
    let Some(directory) = statuses.watched_directory(profile) else {
        return; // closed meanwhile
    };
    // A directory that is gone has no files.
    let names = fs::read_dir(&directory).into_iter().flatten().flatten();
    let names = names.take(NAMES_MAX).map(|entry| entry.file_name());
    let files =
        names.filter_map(|name| name.into_string().ok().filter(|name| is_status_file(name)));
    for (count, file) in files.enumerate() {
        if count >= FILES_MAX {
            statuses.left_out(profile);
            break;
        }
        let source = Source {
            profile: profile.clone(),
            file: file.into(),
        };
        take(daemon, &source);
        if count % TURN_FILES == 0 {
            tokio::task::yield_now().await;
        }
    }
    for file in statuses.files_of(profile) {
        let is_there = fs::symlink_metadata(directory.join(&*file)).is_ok();
        if !is_there {
            let profile = profile.clone();
            statuses.file_gone(&Source { profile, file });
        }
    }
}

/// Reads a file and does what it says.
fn take(daemon: &Daemon, source: &Source) {
    let statuses = daemon.statuses();
    let Some(directory) = statuses.directory(&source.profile) else {
        return; // closed meanwhile
    };
    match file::read(&path(&directory, source)) {
        Ok(file) => apply(daemon, source, file),
        Err(FileError::Gone) => statuses.file_gone(source),
        Err(error) => {
            let fault = FileFault {
                file: in_one_line(&source.file, TEXT_BYTES_MAX),
                why: error.to_string(),
            };
            let is_oversized = matches!(error, FileError::Oversized(_));
            statuses.fault(&source.profile, fault, is_oversized);
        }
    }
}

fn path(directory: &Path, source: &Source) -> std::path::PathBuf {
    directory.join(&*source.file)
}

/// Under the core's lock, so that no session ends in between.
fn apply(daemon: &Daemon, source: &Source, file: StatusFile) {
    let StatusFile { whose, said } = file;
    let session = match whose {
        Whose::Session(session) => Some(session),
        Whose::Mark(mark) => daemon.spawner().session_of(&mark).map(Into::into),
    };
    let statuses = daemon.statuses();
    let Some(session) = session else {
        return statuses.stranger(source);
    };
    daemon.with_live(&session, |found| match found {
        // An older file is about another session, which had that name or number.
        Some((session, name, created_unix_ms))
            if said.written_unix_ms + TICK_MS >= created_unix_ms =>
        {
            statuses.said(session, name.cloned(), source.clone(), said);
        }
        _ => statuses.stranger(source),
    });
}
