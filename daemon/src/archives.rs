//! The archives' files: one for each, in a private directory of this daemon, which is there only while it is needed.
//!
//! A file is a line of JSON and then the text. It is written under another name first, so that what is found is whole.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sessiond_protocol::{ArchiveId, ArchiveInfo, CreateParams, ErrorCode, Failure, IfExists};

use crate::causes::with_causes;
use crate::core::{Manuscript, Reading};
use crate::paths::make_private;

/// Bytes of a file's first line: a recipe as large as is kept, with every byte escaped.
const HEAD_BYTES_MAX: u64 = 512 << 10;

/// Bytes of text in a file: the end of a session's scrollback and its screen.
pub(crate) const TEXT_BYTES_MAX: usize = 1 << 20;

/// How the name of a whole file ends.
const SUFFIX: &str = ".archive";

/// The directory.
#[derive(Debug)]
pub(crate) struct ArchiveStore {
    directory: PathBuf,
}

/// The first line of a file.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    info: ArchiveInfo,
    params: CreateParams,
}

impl ArchiveStore {
    pub(crate) const fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    fn path(&self, archive: ArchiveId) -> PathBuf {
        self.directory.join(format!("{archive}{SUFFIX}"))
    }

    /// The archives that an earlier daemon left. What it was writing when it ended, and what is broken, is
    /// removed.
    pub(crate) fn find(&self) -> Vec<ArchiveInfo> {
        let Ok(files) = fs::read_dir(&self.directory) else {
            return Vec::new(); // there are none
        };
        let mut found = Vec::new();
        for path in files.flatten().map(|file| file.path()) {
            let extension = path.extension().and_then(|extension| extension.to_str());
            if !matches!(extension, Some("archive" | "unfinished")) {
                continue; // none of ours
            }
            match read_head(&path) {
                Ok((head, _)) if self.path(head.info.id) == path => found.push(head.info),
                other => {
                    let error = other.err();
                    tracing::warn!(path = %path.display(), ?error, "no archive: removed");
                    remove(&path);
                }
            }
        }
        found
    }

    /// Writes an archive. Takes milliseconds: a mebibyte into the page cache.
    pub(crate) fn write(&self, manuscript: &Manuscript) -> Result<(), Failure> {
        make_private(&self.directory)
            .map_err(|error| Failure::new(ErrorCode::Storage, with_causes(&error)))?;
        let path = self.path(manuscript.info.id);
        let head = Head {
            info: manuscript.info.clone(),
            params: CreateParams::clone(&manuscript.recipe),
        };
        let write = || -> io::Result<()> {
            let unfinished = path.with_extension("unfinished");
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&unfinished)?;
            let mut bytes = serde_json::to_vec(&head)?;
            bytes.push(b'\n');
            bytes.extend_from_slice(manuscript.text.as_bytes());
            let written = file.write_all(&bytes);
            written
                .and_then(|()| fs::rename(&unfinished, &path))
                .inspect_err(|_| remove(&unfinished))
        };
        write().map_err(|error| storage("written", &path, &error))
    }

    /// Reads an archive.
    pub(crate) fn read(&self, archive: ArchiveId) -> Result<Reading, Failure> {
        let path = self.path(archive);
        let read = || -> io::Result<Reading> {
            let (head, rest) = read_head(&path)?;
            let mut text = String::new();
            rest.take(TEXT_BYTES_MAX as u64).read_to_string(&mut text)?;
            let params = CreateParams {
                name: head.info.name,
                if_exists: IfExists::Refuse,
                ..head.params
            };
            Ok(Reading { params, text })
        };
        read().map_err(|error| storage("read", &path, &error))
    }

    /// Removes an archive, and the directory with the last of them.
    pub(crate) fn remove(&self, archive: ArchiveId) {
        remove(&self.path(archive));
        let _ = fs::remove_dir(&self.directory); // refused while there are others
    }
}

fn read_head(path: &Path) -> io::Result<(Head, BufReader<fs::File>)> {
    let mut file = BufReader::new(fs::File::open(path)?);
    let mut line = Vec::new();
    file.by_ref()
        .take(HEAD_BYTES_MAX)
        .read_until(b'\n', &mut line)?;
    Ok((serde_json::from_slice(&line)?, file))
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "an archive's file was not removed");
    }
}

fn storage(what: &str, path: &Path, error: &io::Error) -> Failure {
    let message = format!("{} cannot be {what}: {error}", path.display());
    Failure::new(ErrorCode::Storage, message)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::sync::Arc;

    use super::*;
    use crate::core::Recipe;

    fn manuscript(id: u64, text: &str) -> Manuscript {
        let params = CreateParams {
            command: vec!["sh".to_owned()],
            ..CreateParams::default()
        };
        Manuscript {
            info: ArchiveInfo {
                id: ArchiveId(id),
                name: None,
                command: params.command.clone(),
                archived_unix_ms: 5,
                text_bytes: text.len() as u64,
            },
            recipe: Arc::clone(&Recipe::new(params)),
            text: text.to_owned(),
        }
    }

    #[test]
    fn what_was_written_is_found_and_read_and_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let store = ArchiveStore::new(place.path().join("a/b"));
        assert!(store.find().is_empty());
        for id in [1, 2] {
            store.write(&manuscript(id, "one\ntwo\n")).unwrap();
        }
        assert_eq!(store.find().len(), 2);
        assert_eq!(store.read(ArchiveId(1)).unwrap().text, "one\ntwo\n");
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        let file = store.path(ArchiveId(1));
        assert_eq!((mode(&store.directory), mode(&file)), (0o700, 0o600));
        store.remove(ArchiveId(1));
        assert_eq!(
            store.read(ArchiveId(1)).unwrap_err().code,
            ErrorCode::Storage
        );
        store.remove(ArchiveId(2));
        assert!(!store.directory.exists());
    }

    #[test]
    fn nothing_is_written_where_others_can_look() {
        let place = tempfile::tempdir().unwrap();
        let open = place.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        let refused = ArchiveStore::new(open.clone()).write(&manuscript(1, ""));
        let refused = refused.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Storage);
        assert!(refused.message.contains("mode 700"), "{refused}");
        assert_eq!(fs::read_dir(open).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_archive_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let store = ArchiveStore::new(place.path().join("own"));
        make_private(&store.directory).unwrap();
        fs::write(store.directory.join("7.unfinished"), "{}").unwrap();
        fs::write(store.path(ArchiveId(8)), "no JSON\n").unwrap();
        store.write(&manuscript(9, "")).unwrap();
        fs::rename(store.path(ArchiveId(9)), store.path(ArchiveId(10))).unwrap();
        assert!(store.find().is_empty());
        assert_eq!(fs::read_dir(&store.directory).unwrap().count(), 0);
    }
}
