//! Why a local file cannot be used, with the command that repairs it where there is one.

use std::io;
use std::path::{Path, PathBuf};

/// Why a local file or directory cannot be used. Names paths, never contents.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// Somebody else than its owner may read it.
    #[error("{path} is open to others (mode {mode:04o}); run: chmod {wanted:o} '{path}'", path = .path.display())]
    TooOpen {
        /// The file or directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode it must have at most.
        wanted: u32,
    },
    /// It belongs to another user, who could change it at any time.
    #[error("{path} belongs to user {owner}, not to the user {us} who runs this; run: chown {us} '{path}'", path = .path.display())]
    ForeignOwner {
        /// The file or directory.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// It is a symbolic link, a directory or a device where a plain file must be, or the reverse.
    #[error("{path} is not a plain {wanted}; symbolic links are not followed", path = .path.display())]
    WrongKind {
        /// What is there.
        path: PathBuf,
        /// What must be there.
        wanted: &'static str,
    },
    /// It exists already and is not overwritten.
    #[error("{path} exists already", path = .0.display())]
    Exists(PathBuf),
    /// Its contents are not what this program writes.
    #[error("{path} is damaged: {why}", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// A fixed phrase, never contents.
        why: &'static str,
    },
    /// Another process uses the directory.
    #[error("{path} is in use by another process ({holder}); stop it, or choose another directory", path = .path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// `pid 123`, when the holder wrote it down.
        holder: String,
    },
    /// The operating system said no.
    #[error("{path}: {error}", path = .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

impl LocalError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io {
            path: path.to_owned(),
            error,
        }
    }
}
