//! What is started: the program found and checked before the fork, its environment, its directory.
//!
//! portable-pty reports a failed exec as a success, so everything that can be known before is checked here.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::fs::{Access, OFlags, fcntl_getfl, fcntl_setfl};
use sessiond_protocol::{SessionId, Size};

use crate::core::StartOrder;

/// The variable in every child's environment by which what escapes from a session is found again.
pub(crate) const MARK_VARIABLE: &str = "SESSIOND_SESSION";

/// What the screen understands, by its terminfo name.
const TERM: &str = "xterm-256color";

/// Where programs are when nobody sets `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Why a program was not started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpawnError {
    #[error("{program:?} is not in {path}")]
    NotInPath { program: String, path: String },
    #[error("{} cannot be executed", program.display())]
    NotExecutable { program: PathBuf, source: io::Error },
    #[error("{} is neither a program nor a script with a #! line", program.display())]
    NotAProgram { program: PathBuf },
    #[error("{} needs {}, which cannot be executed", program.display(), interpreter.display())]
    Interpreter {
        program: PathBuf,
        interpreter: PathBuf,
        source: io::Error,
    },
    #[error("{} is not a directory to start in", cwd.display())]
    Cwd { cwd: PathBuf, source: io::Error },
    #[error("a NUL byte in the command or the environment")]
    Nul,
    #[error("the kernel gives no terminal")]
    Terminal(#[source] io::Error),
    #[error("no process was started: {0}")]
    Fork(String),
    #[error("the daemon is ending")]
    Ending,
}

/// The mark of this daemon's sessions.
#[derive(Debug, Clone)]
pub(crate) struct Mark(String);

impl Mark {
    pub(crate) fn new(instance: &str) -> Self {
        Self(instance.to_owned())
    }

    /// The mark's value for one session.
    pub(crate) fn of(&self, session: SessionId) -> String {
        format!("{}:{session}", self.0)
    }

    /// The session that an environment block (`NAME=value`, NUL after each) says it belongs to.
    pub(crate) fn find_in(&self, environment: &[u8]) -> Option<SessionId> {
        let value = environment.split(|byte| *byte == 0).find_map(|variable| {
            variable
                .strip_prefix(MARK_VARIABLE.as_bytes())?
                .strip_prefix(b"=")
        })?;
        let number = std::str::from_utf8(value)
            .ok()?
            .strip_prefix(self.0.as_str())?
            .strip_prefix(':')?;
        number.parse().ok().map(SessionId)
    }
}

/// A process to be started.
#[derive(Debug)]
pub(crate) struct Launch {
    command: Vec<String>,
    cwd: Option<PathBuf>,
    environment: Vec<(String, String)>,
    size: Size,
}

impl Launch {
    pub(crate) fn new(order: &StartOrder, mark: String) -> Self {
        let params = &order.params;
        let mut environment = vec![("TERM".to_owned(), TERM.to_owned())];
        environment.extend(
            params
                .env
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        environment.push((MARK_VARIABLE.to_owned(), mark));
        Self {
            command: params.command.clone(),
            cwd: params.cwd.as_ref().map(PathBuf::from),
            environment,
            size: order.size,
        }
    }

    /// Starts the process in a new terminal of which it is the controlling session's leader. Returns its id and the
    /// master side; the other side is not kept open here, so that the last process to close it is seen.
    pub(crate) fn spawn(&self) -> Result<(u32, OwnedFd), SpawnError> {
        let builder = self.builder()?;
        let size = PtySize {
            rows: self.size.rows(),
            cols: self.size.columns(),
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system()
            .openpty(size)
            .map_err(|error| SpawnError::Terminal(io::Error::other(error)))?;
        let master = own_descriptor(&*pair.master).map_err(SpawnError::Terminal)?;
        let child = pair
            .slave
            .spawn_command(builder)
            .map_err(|error| SpawnError::Fork(error.to_string()))?;
        drop(pair.slave);
        let pid = child
            .process_id()
            .ok_or_else(|| SpawnError::Fork("it has no process id".to_owned()))?;
        Ok((pid, master))
    }

    fn builder(&self) -> Result<CommandBuilder, SpawnError> {
        let texts = self.command.iter().chain(
            self.environment
                .iter()
                .flat_map(|(name, value)| [name, value]),
        );
        if texts.clone().any(|text| text.contains('\0')) {
            return Err(SpawnError::Nul);
        }
        let cwd = self.directory()?;
        let program = self.resolve(&cwd)?;
        check_executable(&program)?;
        let mut builder = CommandBuilder::new(program);
        builder.args(&self.command[1..]);
        builder.cwd(cwd);
        for (name, _) in std::env::vars_os() {
            if name.as_bytes().starts_with(b"LEAKGATE_") {
                builder.env_remove(name);
            }
        }
        for (name, value) in &self.environment {
            builder.env(name, value);
        }
        Ok(builder)
    }

    fn directory(&self) -> Result<PathBuf, SpawnError> {
        let Some(cwd) = &self.cwd else {
            return std::env::current_dir().map_err(|source| SpawnError::Cwd {
                cwd: PathBuf::from("."),
                source,
            });
        };
        let checked = std::fs::metadata(cwd).and_then(|metadata| {
            if metadata.is_dir() {
                Ok(())
            } else {
                Err(io::ErrorKind::NotADirectory.into())
            }
        });
        let enterable = checked.and_then(|()| Ok(rustix::fs::access(cwd, Access::EXEC_OK)?));
        enterable
            .map(|()| cwd.clone())
            .map_err(|source| SpawnError::Cwd {
                cwd: cwd.clone(),
                source,
            })
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

/// A descriptor of our own for the master: not inherited, and not blocking. The latter holds for all descriptors of this
/// terminal's master, of which no other is used.
fn own_descriptor(master: &dyn MasterPty) -> io::Result<OwnedFd> {
    let raw = master
        .as_raw_fd()
        .ok_or_else(|| io::Error::other("the terminal has no descriptor"))?;
    #[expect(unsafe_code, reason = "portable-pty gives the descriptor as a number")]
    // SAFETY: `master` owns the descriptor and outlives this borrow of it.
    let borrowed = unsafe { std::os::fd::BorrowedFd::borrow_raw(raw) };
    let own = rustix::io::fcntl_dupfd_cloexec(borrowed, 0)?;
    fcntl_setfl(&own, fcntl_getfl(&own)? | OFlags::NONBLOCK)?;
    Ok(own)
}

/// Makes sure that the kernel will execute this file.
fn check_executable(program: &Path) -> Result<(), SpawnError> {
    let mut head = Vec::new();
    let checked = executable_file(program).and_then(|()| match File::open(program) {
        Ok(file) => file
            .take(SHEBANG_BYTES_MAX)
            .read_to_end(&mut head)
            .map(drop),
        // Executable and not readable is a program that may be run and not looked at.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            head.extend_from_slice(ELF_MAGIC);
            Ok(())
        }
        Err(error) => Err(error),
    });
    checked.map_err(|source| SpawnError::NotExecutable {
        program: program.to_owned(),
        source,
    })?;
    if head.starts_with(ELF_MAGIC) {
        return Ok(());
    }
    let Some(interpreter) = interpreter(&head) else {
        return Err(SpawnError::NotAProgram {
            program: program.to_owned(),
        });
    };
    executable_file(&interpreter).map_err(|source| SpawnError::Interpreter {
        program: program.to_owned(),
        interpreter,
        source,
    })
}

const ELF_MAGIC: &[u8] = b"\x7fELF";

/// What the kernel reads of a script's first line.
const SHEBANG_BYTES_MAX: u64 = 256;

fn interpreter(head: &[u8]) -> Option<PathBuf> {
    let line = head
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let mut words = line
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|word| !word.is_empty());
    words
        .next()
        .map(|word| PathBuf::from(std::ffi::OsStr::from_bytes(word)))
}

fn executable_file(path: &Path) -> io::Result<()> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a file"));
    }
    Ok(rustix::fs::access(path, Access::EXEC_OK)?)
}

#[cfg(test)]
mod tests;
