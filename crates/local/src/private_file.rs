//! Files and directories that only their owner can read: checked on open, replaced whole.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use crate::LocalError;

/// Reads a file of mode 0600 at most that belongs to us; `None` when there is none.
///
/// The checks are made on the open file, so that it cannot be exchanged in between.
pub(crate) fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, LocalError> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK))
        .open(path);
    let mut file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(LocalError::WrongKind {
                path: path.to_owned(),
                wanted: "file",
            });
        }
        opened => opened.map_err(LocalError::io(path))?,
    };
    let metadata = file.metadata().map_err(LocalError::io(path))?;
    if !metadata.is_file() {
        return Err(LocalError::WrongKind {
            path: path.to_owned(),
            wanted: "file",
        });
    }
    owned_and_closed(path, &metadata, 0o600)?;
    let mut bytes = Zeroizing::new(Vec::new());
    // Room for all of it at once: a growing buffer would leave unwiped copies.
    bytes.reserve_exact(
        usize::try_from(metadata.len())
            .unwrap_or(0)
            .saturating_add(1),
    );
    file.read_to_end(&mut bytes).map_err(LocalError::io(path))?;
    Ok(Some(bytes))
}

/// Replaces the file at `path` by one of mode 0600 with these bytes, or leaves the old one.
///
/// Written beside, synced, renamed, and the directory synced: a crash at any point leaves the old
/// file or the new one, and never a part.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), LocalError> {
    let beside = write_beside(path, bytes)?;
    fs::rename(&beside, path).map_err(LocalError::io(path))?;
    sync_directory_of(path)
}

/// The first half of [`replace`]: the new file beside the old one, synced. A leftover of a crash is
/// overwritten.
pub(crate) fn write_beside(path: &Path, bytes: &[u8]) -> Result<PathBuf, LocalError> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let beside = path.with_file_name(format!(".{name}.new"));
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(LocalError::io(&beside)(error));
        }
        _ => {}
    }
    let mut file = create(&beside, OpenOptions::new().write(true))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(LocalError::io(&beside))?;
    Ok(beside)
}

/// Makes a new file of mode 0600.
pub(crate) fn create(path: &Path, options: &mut OpenOptions) -> Result<File, LocalError> {
    options
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => LocalError::Exists(path.to_owned()),
            _ => LocalError::io(path)(error),
        })
}

/// Makes the directory with mode 0700 when missing (parents as the system makes them); otherwise
/// checks that it is one, that it is ours and that others cannot look inside.
pub(crate) fn directory(path: &Path) -> Result<(), LocalError> {
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        fs::create_dir_all(parent).map_err(LocalError::io(parent))?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => return sync_directory_of(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(LocalError::io(path)(error)),
    }
    check_directory(path)
}

/// Looks at a directory without making it: whether it is there, and then, that it is one, that it
/// is ours and that others cannot look inside.
pub fn look_at_directory(path: &Path) -> Result<bool, LocalError> {
    match fs::symlink_metadata(path) {
        Ok(_) => check_directory(path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(LocalError::io(path)(error)),
    }
}

fn check_directory(path: &Path) -> Result<(), LocalError> {
    // A link to a directory is a decision of whoever may write the parent; what it leads to is checked.
    let metadata = fs::metadata(path).map_err(LocalError::io(path))?;
    if !metadata.is_dir() {
        return Err(LocalError::WrongKind {
            path: path.to_owned(),
            wanted: "directory",
        });
    }
    owned_and_closed(path, &metadata, 0o700)
}

/// Takes the lock file at `path` for this process until the returned file is dropped.
///
/// The file holds the pid of whoever has it, for the message to the next one.
pub(crate) fn lock(path: &Path) -> Result<File, LocalError> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(flags(OFlags::NOFOLLOW))
        .open(path)
        .map_err(LocalError::io(path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let read = (&file).take(20).read_to_string(&mut pid);
            let holder = match (read, pid.trim().parse::<u32>()) {
                (Ok(_), Ok(pid)) => format!("pid {pid}"),
                _ => "pid unknown".to_owned(),
            };
            let directory = path.parent().unwrap_or(path).to_owned();
            return Err(LocalError::InUse {
                path: directory,
                holder,
            });
        }
        Err(fs::TryLockError::Error(error)) => return Err(LocalError::io(path)(error)),
    }
    file.set_len(0)
        .and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()))
        .map_err(LocalError::io(path))?;
    Ok(file)
}

/// Makes a creation or rename in the directory of `path` survive a power cut.
pub(crate) fn sync_directory_of(path: &Path) -> Result<(), LocalError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)
        .and_then(|directory| directory.sync_all())
        .map_err(LocalError::io(parent))
}

fn owned_and_closed(path: &Path, metadata: &fs::Metadata, wanted: u32) -> Result<(), LocalError> {
    let us = rustix::process::geteuid().as_raw();
    if metadata.uid() != us {
        return Err(LocalError::ForeignOwner {
            path: path.to_owned(),
            owner: metadata.uid(),
            us,
        });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & !wanted & 0o777 != 0 {
        return Err(LocalError::TooOpen {
            path: path.to_owned(),
            mode,
            wanted,
        });
    }
    Ok(())
}

fn flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}
