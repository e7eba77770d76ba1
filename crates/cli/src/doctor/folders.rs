//! Whether the folders on this machine are there, closed to others, and not full.

use std::path::Path;

use local::LocalError;

use super::examination::Examination;

/// Looks at one folder; `first` says what makes it when it is not there.
pub(crate) fn examine(examination: &mut Examination, what: &str, path: &Path, first: &str) {
    let shown = path.display();
    match local::look_at_directory(path) {
        Ok(true) => {}
        Ok(false) => {
            return examination.ok(what, format!("{shown} is not there yet; {first} makes it"));
        }
        Err(error) => return wrong(examination, what, &error),
    }
    match rustix::fs::statvfs(path) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize) / MIB;
            let says = format!("{shown} is closed to others, with {free} MiB free");
            if free < LEAST_MIB {
                examination.wrong(
                    what,
                    format!("{shown} has only {free} MiB free"),
                    "make room; with no room for audit events no request is answered",
                );
            } else {
                examination.ok(what, says);
            }
        }
        Err(error) => examination.unknown(
            what,
            format!("{shown} is closed to others; how much room it has cannot be told: {error}"),
            "see `df`",
        ),
    }
}

/// Tells what is wrong with a local file.
pub(crate) fn wrong(examination: &mut Examination, what: &str, error: &LocalError) {
    let text = error.to_string();
    // The errors of files that have one end with the command that mends it.
    let (says, fix) = match text.split_once("; run: ") {
        Some((says, command)) => (says.to_owned(), format!("run: {command}")),
        None => (
            text,
            "see that the user who runs the server may use it".to_owned(),
        ),
    };
    examination.wrong(what, says, fix);
}

const MIB: u64 = 1024 * 1024;
/// Some hours of audit events of a busy server.
const LEAST_MIB: u64 = 64;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn examined(path: &Path) -> Examination {
        let mut examination = Examination::default();
        examine(&mut examination, "folder", path, "`keepward serve`");
        examination
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_made() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("data");
        let text = examined(&path).text();
        assert!(
            text.contains("is not there yet; `keepward serve` makes it"),
            "{text}"
        );
        assert!(!path.exists());
    }

    #[test]
    fn an_open_folder_is_wrong_with_the_command_that_closes_it() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("data");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let examination = examined(&path);
        assert_eq!(examination.wrongs(), 1);
        assert!(
            examination.text().contains("         run: chmod 700"),
            "{}",
            examination.text()
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(examined(&path).wrongs(), 0);
    }
}
