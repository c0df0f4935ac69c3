//! The history that is searched: revisions, and what lies between them.

use std::path::{Path, PathBuf};

use crate::git::{Git, GitError};

/// A repository.
#[derive(Debug)]
pub(super) struct History {
    pub(super) git: Git,
    /// Where the workspace lies in the repository, relative.
    pub(super) workspace: PathBuf,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) id: String,
    pub(super) subject: String,
    pub(super) author: String,
    /// The day on which it was written, `YYYY-MM-DD`.
    pub(super) date: String,
}

/// Why there is no history to search.
#[derive(Debug, thiserror::Error)]
pub(super) enum HistoryError {
    #[error("{} is in no git repository, and a bisection needs the history of one", .0.display())]
    NoRepository(PathBuf),
    #[error("the repository has no revision `{0}`")]
    Unknown(String),
    #[error(
        "{bad} ({bad_id}) does not come after {good} ({good_id}): GOOD must be an ancestor of BAD"
    )]
    NotAfter {
        good: String,
        good_id: String,
        bad: String,
        bad_id: String,
    },
    #[error(transparent)]
    Git(#[from] GitError),
}

impl History {
    /// The repository that the workspace in `root` lies in.
    ///
    /// # Errors
    /// When it lies in none.
    pub(super) fn of(root: &Path) -> Result<Self, HistoryError> {
        let none = || HistoryError::NoRepository(root.to_owned());
        let root = root.canonicalize().map_err(|_| none())?;
        let top = Git::at(&root).run(&["rev-parse", "--show-toplevel"]);
        let top = match top {
            Ok(top) => PathBuf::from(top.trim_end()),
            Err(GitError::Refused { .. }) => return Err(none()),
            Err(error) => return Err(error.into()),
        };
        let workspace = root.strip_prefix(&top).map_err(|_| none())?.to_owned();
        Ok(Self {
            git: Git::at(&top),
            workspace,
        })
    }

    /// The commit that a revision means.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn commit(&self, revision: &str) -> Result<Commit, HistoryError> {
        let unknown = || HistoryError::Unknown(revision.to_owned());
        // What begins like an option is one to git.
        if revision.starts_with('-') {
            return Err(unknown());
        }
        let wanted = format!("{revision}^{{commit}}");
        let id = match self.git.run(&["rev-parse", "--verify", "--quiet", &wanted]) {
            Ok(id) => id.trim_end().to_owned(),
            Err(GitError::Refused { .. }) => return Err(unknown()),
            Err(error) => return Err(error.into()),
        };
        let format = "--format=%s%x00%an%x00%as";
        let told = self.git.run(&["log", "-1", format, &id])?;
        let mut fields = told.trim_end().split('\0').map(str::to_owned);
        let mut next = || fields.next().unwrap_or_default();
        Ok(Commit {
            id,
            subject: next(),
            author: next(),
            date: next(),
        })
    }

    /// Whether `bad` comes after `good`.
    ///
    /// # Errors
    /// When it does not, or is the same.
    pub(super) fn comes_after(
        &self,
        good: (&str, &Commit),
        bad: (&str, &Commit),
    ) -> Result<(), HistoryError> {
        let base = self
            .git
            .run(&["merge-base", "--is-ancestor", &good.1.id, &bad.1.id]);
        match base {
            Ok(_) if good.1.id != bad.1.id => Ok(()),
            Ok(_) | Err(GitError::Refused { .. }) => Err(HistoryError::NotAfter {
                good: good.0.to_owned(),
                good_id: short(&good.1.id).to_owned(),
                bad: bad.0.to_owned(),
                bad_id: short(&bad.1.id).to_owned(),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// The commits that lead to `bad` and to none of `good`, `bad` too, those that divide them best first.
    ///
    /// # Errors
    /// When git cannot list them.
    pub(super) fn between(&self, good: &[String], bad: &str) -> Result<Vec<String>, HistoryError> {
        let mut arguments = vec!["rev-list", "--bisect-all", bad, "--not"];
        arguments.extend(good.iter().map(String::as_str));
        let listed = self.git.run(&arguments)?;
        let commits = listed.lines().filter_map(|line| line.split(' ').next());
        Ok(commits.map(str::to_owned).collect())
    }
}

/// Enough of a commit's id for people.
pub(super) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}
