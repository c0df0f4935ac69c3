//! What is started: the program found, its environment, its directory, what it gets from us.

use std::collections::BTreeMap;
use std::ffi::{CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::Access;
use rustix::process::Rlimit;

use super::exec::{self, Image, Standard};
use super::mark::MARK_VARIABLE;
use super::refusal::{SpawnError, explain};
use crate::core::Recipe;

/// What the screen understands, by its terminfo name.
const TERM: &str = "xterm-256color";

/// Where programs are when nobody sets `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What is leakgate's, and not a session's: its probe belongs to the daemon alone.
const HARNESS_PREFIX: &[u8] = b"LEAKGATE_";

/// A process to be started.
#[derive(Debug)]
pub(crate) struct Launch {
    command: Vec<String>,
    cwd: Option<PathBuf>,
    environment: Vec<(String, String)>,
}

impl Launch {
    /// A session's program.
    pub(crate) fn of_session(recipe: &Recipe, mark: String) -> Self {
        let terminal = ("TERM".to_owned(), TERM.to_owned());
        let chosen = recipe.env.iter();
        let chosen = chosen.map(|(name, value)| (name.clone(), value.clone()));
        Self::new(
            recipe.command.clone(),
            recipe.cwd.as_ref().map(PathBuf::from),
            std::iter::once(terminal).chain(chosen).collect(),
            mark,
        )
    }

    /// A program with variables on top of the daemon's own, of which a later one has precedence.
    pub(crate) fn new(
        command: Vec<String>,
        cwd: Option<PathBuf>,
        mut environment: Vec<(String, String)>,
        mark: String,
    ) -> Self {
        environment.push((MARK_VARIABLE.to_owned(), mark));
        Self {
            command,
            cwd,
            environment,
        }
    }

    /// Starts the process as the leader of a kernel session, with `standard` as its descriptors and `files` as its limit
    /// of open files. Returns its id.
    pub(crate) fn spawn(&self, standard: &Standard, files: Rlimit) -> Result<u32, SpawnError> {
        let image = self.image()?;
        let pid =
            exec::start(&image, standard, files).map_err(|refused| explain(&image, refused))?;
        Ok(pid.as_raw_nonzero().get().cast_unsigned())
    }

    fn image(&self) -> Result<Image, SpawnError> {
        let cwd = self.directory()?;
        let program = self.resolve(&cwd)?;
        let text = |bytes: Vec<u8>| CString::new(bytes).map_err(|_| SpawnError::Nul);
        let arguments = self.command.iter();
        Ok(Image {
            program: text(program.into_os_string().into_vec())?,
            arguments: arguments
                .map(|argument| text(argument.clone().into_bytes()))
                .collect::<Result<_, _>>()?,
            environment: self
                .variables()
                .into_iter()
                .map(|(name, value)| text([name.as_bytes(), value.as_bytes()].join(&b'=')))
                .collect::<Result<_, _>>()?,
            cwd: text(cwd.into_os_string().into_vec())?,
        })
    }

    /// The daemon's own variables, and over them those of this session.
    fn variables(&self) -> BTreeMap<OsString, OsString> {
        let mut variables: BTreeMap<OsString, OsString> = std::env::vars_os()
            .filter(|(name, _)| !name.as_bytes().starts_with(HARNESS_PREFIX))
            .collect();
        for (name, value) in &self.environment {
            variables.insert(name.into(), value.into());
        }
        variables
    }

    fn directory(&self) -> Result<PathBuf, SpawnError> {
        match &self.cwd {
            Some(cwd) => Ok(cwd.clone()),
            None => std::env::current_dir().map_err(|source| SpawnError::Cwd {
                cwd: PathBuf::from("."),
                source,
            }),
        }
    }

    /// The program's path: as given when it has a slash, from `PATH` otherwise.
    fn resolve(&self, cwd: &Path) -> Result<PathBuf, SpawnError> {
        let name = &self.command[0];
        if name.contains('/') {
            return Ok(cwd.join(name));
        }
        let chosen = self
            .environment
            .iter()
            .rev()
            .find(|(variable, _)| variable == "PATH");
        let path = match chosen {
            Some((_, path)) => OsString::from(path),
            None => std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into()),
        };
        let candidates =
            std::env::split_paths(&path).map(|directory| cwd.join(directory).join(name));
        let is_program = |candidate: &PathBuf| {
            candidate.is_file() && rustix::fs::access(candidate, Access::EXEC_OK).is_ok()
        };
        // An empty name would find the directories themselves.
        candidates
            .filter(|_| !name.is_empty())
            .find(is_program)
            .ok_or_else(|| SpawnError::NotInPath {
                program: name.clone(),
                path: path.to_string_lossy().into_owned(),
            })
    }
}

#[cfg(test)]
mod tests;
