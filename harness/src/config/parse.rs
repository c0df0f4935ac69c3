//! `leakgate.toml` from text to targets.

use std::path::{Path, PathBuf};

use super::model::Config;
use crate::source::SourceErrors;

/// Why `leakgate.toml` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its text is wrong.
    #[error(transparent)]
    Wrong(SourceErrors),
}

impl Config {
    /// Reads `leakgate.toml`.
    ///
    /// # Errors
    /// When the file cannot be read, or anything in it is wrong: all of it at once.
    pub fn load(path: &Path) -> Result<Config, LoadError> {
        let text = std::fs::read_to_string(path).map_err(|source| LoadError::Read {
            path: path.to_owned(),
            source,
        })?;
        Config::from_toml(path, &text).map_err(LoadError::Wrong)
    }

    /// The targets that `text`, the contents of `path`, describes.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn from_toml(path: &Path, text: &str) -> Result<Config, SourceErrors> {
        let _ = (path, text);
        unimplemented!("follows with the scenario parser")
    }
}
