//! A copy of the source that fixtures are applied to, kept between fixtures so that builds are incremental.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::cargo;
use crate::config::Config;
use crate::git::{Git, GitError};
use crate::program::printable;

/// A copy of a source tree.
#[derive(Debug)]
pub(super) struct Tree {
    source: PathBuf,
    root: PathBuf,
    /// The program that puts a patch into it; git otherwise.
    apply: Option<Vec<String>>,
}

/// Why the copy cannot be made or patched.
#[derive(Debug, thiserror::Error)]
pub(super) enum TreeError {
    #[error("cannot write {}", path.display())]
    Settings { path: PathBuf, source: io::Error },
    #[error("cannot copy {}", path.display())]
    Copy { path: PathBuf, source: io::Error },
    #[error("cannot run {program}")]
    Run { program: String, source: io::Error },
    #[error("cannot list the source tree")]
    List(#[source] GitError),
    #[error("{} does not apply\n{message}", patch.display())]
    Apply { patch: PathBuf, message: String },
}

impl Tree {
    /// So many copies of a configuration's directory, under its own `target/`, where they outlive this run.
    pub(super) fn beside(config: &Config, copies: usize) -> Result<Vec<Self>, TreeError> {
        let all = config.root.join("target/leakgate/prove");
        settings(config, &all)?;
        let copy = |number: usize| Self {
            source: config.root.clone(),
            root: all.join(number.to_string()),
            apply: config.prove.apply.clone(),
        };
        Ok((1..=copies).map(copy).collect())
    }

    /// Where the copy is.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the copy equal to the source again, its own builds left alone.
    ///
    /// A file is written only when it differs, and then gets a new modification time: with its old
    /// one restored, cargo would take the patched build for an up-to-date one.
    pub(super) fn restore(&self) -> Result<(), TreeError> {
        let wanted = self.listed()?;
        for file in &wanted {
            let (from, to) = (self.source.join(file), self.root.join(file));
            let copied = copy_if_different(&from, &to);
            copied.map_err(|source| TreeError::Copy { path: from, source })?;
        }
        self.remove_others(&wanted)
    }

    /// Applies a patch to the copy.
    pub(super) fn apply(&self, patch: &Path) -> Result<(), TreeError> {
        let patch = patch.canonicalize().map_err(|source| TreeError::Copy {
            path: patch.to_owned(),
            source,
        })?;
        let mut program = self.program(&patch);
        program.current_dir(&self.root).stdin(Stdio::null());
        // The copy lies inside the repository: without this, git would patch nothing and say nothing.
        program.env(
            "GIT_CEILING_DIRECTORIES",
            self.root.parent().unwrap_or(&self.root),
        );
        let output = program.output().map_err(|source| TreeError::Run {
            program: program.get_program().display().to_string(),
            source,
        })?;
        if output.status.success() {
            return Ok(());
        }
        let message = printable(&output.stderr).trim_end().to_owned();
        Err(TreeError::Apply { patch, message })
    }

    fn program(&self, patch: &Path) -> Command {
        let words = self.apply.as_deref().unwrap_or_default();
        let patch_text = patch.to_string_lossy();
        let mut words = words
            .iter()
            .map(|word| word.replace("{patch}", &patch_text));
        let Some(first) = words.next() else {
            let mut git = Command::new("git");
            git.args(["apply", "--whitespace=nowarn"]).arg(patch);
            return git;
        };
        let mut program = Command::new(first);
        program.args(words);
        program
    }

    /// Files of the source that git knows or would not ignore, relative; without Cargo's configuration, which reaches the copy
    /// from above: found twice, its lists would be joined, and nothing that the source has built be of use to the copy.
    fn listed(&self) -> Result<BTreeSet<PathBuf>, TreeError> {
        let listed = [
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ];
        let names = Git::at(&self.source)
            .run(&listed)
            .map_err(TreeError::List)?;
        let files = names.split_terminator('\0').map(PathBuf::from);
        Ok(files
            .filter(|file| !file.starts_with(".cargo") && self.source.join(file).is_file())
            .collect())
    }

    /// Removes what a patch added: source files of the copy that the source does not have.
    fn remove_others(&self, wanted: &BTreeSet<PathBuf>) -> Result<(), TreeError> {
        let mut next = vec![self.root.clone()];
        while let Some(directory) = next.pop() {
            let error = |source| TreeError::Copy {
                path: directory.clone(),
                source,
            };
            for entry in fs::read_dir(&directory).map_err(error)?.flatten() {
                let path = entry.path();
                let relative = path.strip_prefix(&self.root).unwrap_or(&path);
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    if relative != Path::new("target") && relative != Path::new("reports") {
                        next.push(path);
                    }
                } else if !wanted.contains(relative) {
                    fs::remove_file(&path).map_err(error)?;
                }
            }
        }
        Ok(())
    }
}

/// Tells Cargo how the copies are built, in a directory above them: there it goes before what the project itself says.
fn settings(config: &Config, above: &Path) -> Result<(), TreeError> {
    let path = above.join(".cargo/config.toml");
    let text = cargo::configuration(config);
    write_if_different(text.as_bytes(), &path)
        .map_err(|source| TreeError::Settings { path, source })
}

fn copy_if_different(from: &Path, to: &Path) -> io::Result<()> {
    write_if_different(&fs::read(from)?, to)
}

fn write_if_different(new: &[u8], to: &Path) -> io::Result<()> {
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    // Written, not copied: the modification time is now.
    fs::write(to, new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(dir: &Path, arguments: &[&str]) {
        assert!(
            Command::new("git")
                .current_dir(dir)
                .args(arguments)
                .output()
                .unwrap()
                .status
                .success()
        );
    }

    fn tree(source: &Path, apply: Option<Vec<String>>) -> Tree {
        Tree {
            source: source.to_owned(),
            root: source.join("target/leakgate/prove"),
            apply,
        }
    }

    #[test]
    fn a_program_of_the_project_puts_the_bug_in_where_it_says_how() {
        let source = tempfile::tempdir().unwrap();
        git(source.path(), &["init", "-q"]);
        fs::write(source.path().join(".gitignore"), "/target\n").unwrap();
        fs::write(source.path().join("a.txt"), "one\n").unwrap();
        let words = ["sh", "-c", "cat \"$0\" > a.txt", "{patch}"].map(str::to_owned);
        let tree = tree(source.path(), Some(words.to_vec()));
        tree.restore().unwrap();
        let patch = source.path().join("target/bug");
        fs::write(&patch, "two\n").unwrap();
        tree.apply(&patch).unwrap();
        let copy = tree.root().join("a.txt");
        assert_eq!(fs::read_to_string(copy).unwrap(), "two\n");
        let wrong = tree_failing(source.path()).apply(&patch).unwrap_err();
        assert!(wrong.to_string().contains("no such bug"), "{wrong}");
    }

    fn tree_failing(source: &Path) -> Tree {
        let words = ["sh", "-c", "echo no such bug >&2; exit 1", "{patch}"].map(str::to_owned);
        tree(source, Some(words.to_vec()))
    }

    #[test]
    fn a_patch_changes_the_copy_alone_and_is_undone_with_a_new_time() {
        let source = tempfile::tempdir().unwrap();
        git(source.path(), &["init", "-q"]);
        fs::write(source.path().join(".gitignore"), "/target\n").unwrap();
        fs::write(source.path().join("a.txt"), "one\n").unwrap();
        let tree = tree(source.path(), None);
        tree.restore().unwrap();
        let patch = source.path().join("target/p.patch");
        let diff = "# title: t\n\ndiff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n";
        fs::write(&patch, diff).unwrap();
        tree.apply(&patch).unwrap();
        let copy = tree.root().join("a.txt");
        assert_eq!(fs::read_to_string(&copy).unwrap(), "two\n");
        assert_eq!(
            fs::read_to_string(source.path().join("a.txt")).unwrap(),
            "one\n"
        );
        assert!(
            matches!(tree.apply(&patch), Err(TreeError::Apply { .. })),
            "it does not apply twice"
        );
        let leaky = fs::metadata(&copy).unwrap().modified().unwrap();
        fs::write(tree.root().join("added.txt"), "x").unwrap();
        tree.restore().unwrap();
        assert_eq!(fs::read_to_string(&copy).unwrap(), "one\n");
        assert!(fs::metadata(&copy).unwrap().modified().unwrap() >= leaky);
        assert!(!tree.root().join("added.txt").exists());
    }
}
