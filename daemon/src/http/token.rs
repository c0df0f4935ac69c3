//! The token: where it comes from, and whether a request has it.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

/// Random bytes of a token that the daemon makes: as many as a key has that nobody guesses.
const RANDOM_BYTES: usize = 32;

/// Characters of a token that somebody else has made: fewer are guessed, and more are none.
const CHARS: std::ops::RangeInclusive<usize> = 16..=1024;

/// What a request has to carry. Not shown when it is printed.
pub(super) struct Token(Vec<u8>);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("{} can be read by others, or is not this user's; make it mode 600", .0.display())]
    NotPrivate(PathBuf),
    #[error("{} is no token: {} to {} visible characters of ASCII", .0.display(), CHARS.start(), CHARS.end())]
    NotAToken(PathBuf),
    #[error("cannot {what} the token {}", path.display())]
    Io {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl Token {
    /// Reads a token; one that only this user can read.
    pub(super) fn read(path: &Path) -> Result<Self, TokenError> {
        let io = |source| failed("read", path, source);
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if metadata.uid() != geteuid().as_raw() || metadata.mode() & 0o077 != 0 {
            return Err(TokenError::NotPrivate(path.to_owned()));
        }
        let mut text = Vec::new();
        let bytes_max = *CHARS.end() as u64 + 2; // and the end of the line
        file.take(bytes_max).read_to_end(&mut text).map_err(io)?;
        let token = text.trim_ascii();
        if !CHARS.contains(&token.len()) || !token.iter().all(u8::is_ascii_graphic) {
            return Err(TokenError::NotAToken(path.to_owned()));
        }
        Ok(Self(token.to_owned()))
    }

    /// The same, after making one where there is none. Whole or not at all: a daemon that dies meanwhile leaves no half of one.
    pub(super) fn read_or_make(path: &Path) -> Result<Self, TokenError> {
        match Self::read(path) {
            Err(TokenError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let unfinished = path.with_extension("http-token.new");
        let write = || -> io::Result<()> {
            let mut random = [0; RANDOM_BYTES];
            File::open("/dev/urandom")?.read_exact(&mut random)?;
            let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            let mut file = options.open(&unfinished)?;
            file.write_all(digits.as_bytes())?;
            file.write_all(b"\n")?;
            fs::rename(&unfinished, path)
        };
        write().map_err(|source| failed("make", path, source))?;
        Self::read(path)
    }

    /// One that everybody knows.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn known() -> Self {
        Self(b"a-token-that-is-known".to_vec())
    }

    /// Whether this is what stands in `Authorization`. How long that takes says nothing about where the two differ.
    pub(super) fn is_in(&self, authorization: Option<&[u8]>) -> bool {
        let Some((scheme, said)) = authorization.and_then(|text| text.split_at_checked(7)) else {
            return false;
        };
        let said = said.trim_ascii();
        if !scheme.eq_ignore_ascii_case(b"bearer ") || said.len() != self.0.len() {
            return false;
        }
        let pairs = said.iter().zip(&self.0);
        pairs.fold(0, |differ, (said, own)| black_box(differ | (said ^ own))) == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

fn failed(what: &'static str, path: &Path, source: io::Error) -> TokenError {
    TokenError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_made_once_for_this_user_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.http-token");
        let made = Token::read_or_make(&path).unwrap();
        assert_eq!(made.0.len(), 64);
        assert_eq!(Token::read_or_make(&path).unwrap().0, made.0);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            Token::read_or_make(&path),
            Err(TokenError::NotPrivate(_))
        ));
    }

    #[test]
    fn what_is_too_short_or_not_visible_is_no_token() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let long = "x".repeat(1025);
        for (text, is_token) in [
            ("0123456789abcdef\n", true),
            ("0123456789abcde\n", false),
            ("", false),
            ("0123456789abcdef 0123", false),
            (&long[..1024], true),
            (&long, false),
        ] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(Token::read(&path).is_ok(), is_token, "{text:?}");
        }
    }

    #[test]
    fn only_the_whole_token_behind_bearer_is_taken() {
        let token = Token(b"0123456789abcdef".to_vec());
        for (said, is_taken) in [
            ("Bearer 0123456789abcdef", true),
            ("bearer  0123456789abcdef ", true),
            ("Bearer 0123456789abcdeF", false),
            ("Bearer 0123456789abcde", false),
            ("Bearer 0123456789abcdef0", false),
            ("Basic 0123456789abcdef", false),
            ("0123456789abcdef", false),
            ("Bearer", false),
            ("", false),
        ] {
            assert_eq!(token.is_in(Some(said.as_bytes())), is_taken, "{said}");
        }
        assert!(!token.is_in(None));
    }
}
