//! Disk: what lies under a directory, and how much is really allocated for it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::record::event::Disk;

/// `st_blocks` counts these, whatever the file system's own block size is.
const BLOCK: u64 = 512;

/// Counts what lies under `root`, itself not included.
///
/// # Errors
/// When a directory that is still there cannot be listed.
pub(super) fn usage(root: &Path) -> io::Result<Disk> {
    let mut disk = Disk::default();
    let mut linked = BTreeSet::new();
    for path in files_under(root)? {
        disk.files += 1;
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        if !metadata.is_file() {
            continue;
        }
        disk.bytes.0 += metadata.len();
        if metadata.nlink() == 1 || linked.insert((metadata.dev(), metadata.ino())) {
            disk.allocated.0 += metadata.blocks() * BLOCK;
        }
    }
    Ok(disk)
}

/// Every path under `root`, itself not included; what vanishes meanwhile is left out.
///
/// # Errors
/// When a directory that is still there cannot be listed.
pub fn files_under(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut next = vec![root.to_owned()];
    while let Some(directory) = next.pop() {
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                next.push(entry.path());
            }
            found.push(entry.path());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn holes_and_second_names_take_no_disk() {
        let dir = tempfile::tempdir().unwrap();
        let sparse = fs::File::create(dir.path().join("sparse")).unwrap();
        sparse.set_len(64 << 20).unwrap();
        let mut full = fs::File::create(dir.path().join("full")).unwrap();
        full.write_all(&[1; 1 << 20]).unwrap();
        full.sync_all().unwrap();
        fs::create_dir(dir.path().join("d")).unwrap();
        fs::hard_link(dir.path().join("full"), dir.path().join("d/again")).unwrap();
        let disk = usage(dir.path()).unwrap();
        assert_eq!(disk.files, 4);
        assert_eq!(disk.bytes.0, (64 << 20) + 2 * (1 << 20));
        let mebibyte = 1 << 20;
        assert!(
            (mebibyte..2 * mebibyte).contains(&disk.allocated.0),
            "{disk:?}"
        );
    }
}
