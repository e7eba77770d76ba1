//! Where a server without a cloud keeps its files, for one process at a time.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::{LocalError, private_file};

/// A data directory of mode 0700, locked for this process until dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Holding it open is holding the lock.
    _lock: File,
}

impl DataDir {
    /// Makes the directory when missing and takes its lock.
    ///
    /// Errors: `InUse`, naming the directory and the other process, when it is locked; `TooOpen`
    /// and `ForeignOwner` when others could read it.
    pub fn open(path: &Path) -> Result<Self, LocalError> {
        private_file::directory(path)?;
        let lock = private_file::lock(&path.join("lock"))?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database of [`crate::SqliteTable`].
    pub fn table(&self) -> PathBuf {
        self.path.join("table.sqlite")
    }

    /// The master keys of [`crate::Keyring`].
    pub fn keyring(&self) -> PathBuf {
        self.path.join("keyring.json")
    }

    /// The directory of [`crate::AuditFile`].
    pub fn audit(&self) -> PathBuf {
        self.path.join("audit")
    }

    /// The client key with which this machine's operator logs in.
    pub fn operator_key(&self) -> PathBuf {
        self.path.join("operator.key")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn makes_a_directory_that_only_its_owner_can_enter() {
        let place = tempfile::tempdir().unwrap();
        let data = DataDir::open(&place.path().join("a/b")).unwrap();
        let mode = fs::metadata(data.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        for path in [
            data.table(),
            data.keyring(),
            data.audit(),
            data.operator_key(),
        ] {
            assert_eq!(path.parent(), Some(data.path()));
        }
    }

    #[test]
    fn a_second_holder_is_told_the_directory_and_the_process() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("data");
        let first = DataDir::open(&path).unwrap();
        let told = DataDir::open(&path).unwrap_err().to_string();
        assert!(told.contains(path.to_str().unwrap()), "{told}");
        assert!(
            told.contains(&format!("pid {}", std::process::id())),
            "{told}"
        );
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn refuses_a_directory_that_others_can_enter_and_says_what_to_run() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("data");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        let told = DataDir::open(&path).unwrap_err().to_string();
        assert!(
            told.contains("mode 0750") && told.contains("chmod 700"),
            "{told}"
        );
    }

    #[test]
    fn refuses_a_lock_file_that_is_a_link() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("data");
        drop(DataDir::open(&path).unwrap());
        fs::remove_file(path.join("lock")).unwrap();
        fs::write(place.path().join("precious"), "kept").unwrap();
        symlink(place.path().join("precious"), path.join("lock")).unwrap();
        assert!(DataDir::open(&path).is_err());
        assert_eq!(
            fs::read_to_string(place.path().join("precious")).unwrap(),
            "kept"
        );
    }
}
