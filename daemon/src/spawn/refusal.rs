//! Why a program was not started, in words that name what to change.
//!
//! The kernel is asked first and says one number for several causes: a missing interpreter is the same `ENOENT` as a
//! missing program. What it meant is found out afterwards, from the file.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, Mode, OFlags, access, open};
use rustix::io::Errno;

use super::exec::{Image, Refused, Step};

/// Why a program was not started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpawnError {
    #[error("{program:?} is not in {path}")]
    NotInPath { program: String, path: String },
    #[error("{} cannot be executed", program.display())]
    NotExecutable { program: PathBuf, source: io::Error },
    #[error("{} is neither a program nor a script with a #! line", program.display())]
    NotAProgram { program: PathBuf },
    #[error("{} is a program for another kind of machine", program.display())]
    OtherMachine { program: PathBuf },
    #[error("{} needs {}, which cannot be executed", program.display(), interpreter.display())]
    Interpreter {
        program: PathBuf,
        interpreter: PathBuf,
        source: io::Error,
    },
    #[error(
        "the command is too long: its longest argument or variable has {longest} bytes, all of them {total}; the \
         kernel takes {ARGUMENT_BYTES_MAX} for one, and for all what `getconf ARG_MAX` says"
    )]
    TooLong { longest: usize, total: usize },
    #[error("{} is not a directory to start in", cwd.display())]
    Cwd { cwd: PathBuf, source: io::Error },
    #[error("a NUL byte in the command or the environment")]
    Nul,
    #[error("the kernel gives no terminal")]
    Terminal(#[source] io::Error),
    #[error("the kernel gives no pipes")]
    Pipes(#[source] io::Error),
    #[error("the process gets no standard descriptors")]
    Standard(#[source] io::Error),
    #[error("no process was started")]
    Fork(#[source] io::Error),
    #[error(
        "{sessions} sessions run already, all that the limit of {limit} open files carries (ulimit -Hn)"
    )]
    OpenFiles { sessions: usize, limit: u64 },
    #[error("the daemon is ending")]
    Ending,
}

/// `MAX_ARG_STRLEN` without the NUL: 32 pages.
const ARGUMENT_BYTES_MAX: usize = (128 << 10) - 1;

/// How much of a program's file is looked at: its headers, and what lies right behind them.
const HEAD_BYTES_MAX: u64 = 64 << 10;

/// What the kernel's answer means.
pub(super) fn explain(image: &Image, refused: Refused) -> SpawnError {
    let program = path(&image.program);
    let source = io::Error::from(refused.errno);
    match refused.step {
        Step::Fork => SpawnError::Fork(source),
        Step::Standard => SpawnError::Standard(source),
        Step::Cwd => SpawnError::Cwd {
            cwd: path(&image.cwd),
            source,
        },
        Step::Exec if refused.errno == Errno::TOOBIG => too_long(image),
        Step::Exec => not_executed(program, &path(&image.cwd), refused.errno),
    }
}

fn path(text: &CString) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(text.as_bytes()))
}

fn too_long(image: &Image) -> SpawnError {
    let texts = image.arguments.iter().chain(&image.environment);
    let lengths = texts.map(|text| text.as_bytes().len());
    SpawnError::TooLong {
        longest: lengths.clone().max().unwrap_or(0),
        total: lengths.sum(),
    }
}

fn not_executed(program: PathBuf, cwd: &Path, errno: Errno) -> SpawnError {
    let source = io::Error::from(errno);
    // Only a file is opened: a FIFO would be waited for, and a terminal's input taken from whoever types there.
    let is_file = std::fs::metadata(&program).is_ok_and(|metadata| metadata.is_file());
    let may_run = is_file && access(&program, Access::EXEC_OK).is_ok();
    let head = may_run.then(|| head_of(&program).ok()).flatten();
    let Some(head) = head else {
        return SpawnError::NotExecutable { program, source };
    };
    match interpreter(&head) {
        Some(interpreter) if errno == Errno::NOENT || head.starts_with(b"#!") => {
            let interpreter = cwd.join(interpreter);
            SpawnError::Interpreter {
                source: if interpreter.exists() {
                    source
                } else {
                    io::ErrorKind::NotFound.into()
                },
                program,
                interpreter,
            }
        }
        _ if errno != Errno::NOEXEC => SpawnError::NotExecutable { program, source },
        _ if head.starts_with(ELF_MAGIC) => SpawnError::OtherMachine { program },
        _ => SpawnError::NotAProgram { program },
    }
}

/// The beginning of a file. Nothing waits and no terminal is acquired where something else has taken its place meanwhile.
fn head_of(program: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(open(program, flags, Mode::empty())?);
    let mut head = Vec::new();
    file.take(HEAD_BYTES_MAX).read_to_end(&mut head)?;
    Ok(head)
}

const ELF_MAGIC: &[u8] = b"\x7fELF";

/// The program by which the kernel executes this file, where it needs one.
fn interpreter(head: &[u8]) -> Option<PathBuf> {
    let name = match head.strip_prefix(b"#!") {
        Some(line) => script_interpreter(line)?,
        None => elf_interpreter(head)?,
    };
    Some(PathBuf::from(OsStr::from_bytes(name)))
}

fn script_interpreter(line: &[u8]) -> Option<&[u8]> {
    let line = line.split(|byte| *byte == b'\n').next()?;
    line.split(|byte| matches!(byte, b' ' | b'\t'))
        .find(|word| !word.is_empty())
}

/// The text of an ELF file's `PT_INTERP` segment; elf(5). Only of files in this machine's byte order, of either width:
/// the others are not executed anyway.
fn elf_interpreter(head: &[u8]) -> Option<&[u8]> {
    const PT_INTERP: u64 = 3;
    let is_wide = match head.strip_prefix(ELF_MAGIC)?.first()? {
        1 => false,
        2 => true,
        _ => return None,
    };
    let number = |offset: usize, width: usize| -> Option<u64> {
        let bytes = head.get(offset..offset.checked_add(width)?)?;
        let mut number = [0; 8];
        let place = if cfg!(target_endian = "big") {
            8 - width
        } else {
            0
        };
        number[place..place + width].copy_from_slice(bytes);
        Some(u64::from_ne_bytes(number))
    };
    let word = if is_wide { 8 } else { 4 };
    // e_phoff follows the entry point; e_phentsize and e_phnum come after the offsets, the flags and the header's size.
    let table = usize::try_from(number(24 + word, word)?).ok()?;
    let sizes = 24 + 3 * word + 6;
    let (entry, count) = (number(sizes, 2)?, number(sizes + 2, 2)?);
    // p_offset stands behind the type, and behind the flags where those come second; p_filesz two addresses further.
    let offset_at = if is_wide { 8 } else { 4 };
    (0..count).find_map(|index| {
        let header = table.checked_add(usize::try_from(index * entry).ok()?)?;
        if number(header, 4)? != PT_INTERP {
            return None;
        }
        let start = usize::try_from(number(header + offset_at, word)?).ok()?;
        let length = usize::try_from(number(header + offset_at + 3 * word, word)?).ok()?;
        let text = head.get(start..start.checked_add(length)?)?;
        text.split(|byte| *byte == 0).next()
    })
}
