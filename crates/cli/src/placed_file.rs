//! Files that commands write secrets into: there whole and with their rights, or as they were before.
//!
//! The content goes into a new file beside the old one, which has its owner and mode before the first byte; then it is
//! synced, renamed over the old one, and the folder is synced. Symbolic links are followed first, so that a link stays
//! one. What is no file (standard output, a pipe, a device) is written to directly.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Mode, Uid, fchmod, fchown};

use crate::exit::{Failure, Kind, Outcome};

/// Where content goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Standard output.
    Standard,
    /// A file, that is there or not.
    File(PathBuf),
}

impl Destination {
    /// What an argument names: `-` is standard output.
    pub(crate) fn argument(text: &str) -> Self {
        match text {
            "-" => Self::Standard,
            path => Self::File(PathBuf::from(path)),
        }
    }
}

/// The rights of a file once it is there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rights {
    /// Permission bits. `None`: those of the file that is replaced; for a new one, what the umask leaves of 0666.
    mode: Option<u32>,
    /// `None`: those of the file that is replaced; for a new one, ours.
    owner: Option<(Uid, Gid)>,
}

impl Rights {
    /// Rights by number and by the names of a user and a group.
    ///
    /// Errors: `Usage` for a name that this machine does not know, so that nothing is written yet.
    pub(crate) fn new(mode: Option<u32>, owner: Option<(&str, &str)>) -> Outcome<Self> {
        let owner = match owner {
            Some((user, group)) => Some((uid(user)?, gid(group)?)),
            None => None,
        };
        Ok(Self { mode, owner })
    }

    /// Ours alone to read, also where the file that is replaced is another user's.
    pub(crate) fn private() -> Self {
        use rustix::process::{getegid, geteuid};
        Self {
            mode: Some(0o600),
            owner: Some((geteuid(), getegid())),
        }
    }
}

/// Writes `content` to its destination.
///
/// Errors: `Usage` where nothing can be written; the old file is as it was, and nothing lies beside it.
pub(crate) fn place(destination: &Destination, content: &[u8], rights: &Rights) -> Outcome {
    match destination {
        Destination::Standard => crate::output::bytes(content),
        Destination::File(path) => place_with(path, rights, |file| file.write_all(content))
            .map_err(|fault| {
                Failure::new(
                    Kind::Usage,
                    format!("{}: {}: {}", path.display(), fault.doing, fault.error),
                )
            }),
    }
}

/// Writes `content` to a file with the rights that it has or that the umask leaves: placed whole, or written over
/// where the folder takes no new file and where the file is a mount of its own.
///
/// Errors: what the system said; the old file is as it was unless it had to be written over.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    match place_with(path, &Rights::default(), |file| file.write_all(content)) {
        Ok(()) => Ok(()),
        Err(fault) if fault.is_of_the_place() => fs::write(path, content),
        Err(fault) => Err(fault.error),
    }
}

/// What could not be done, and what the system said.
#[derive(Debug)]
struct Fault {
    doing: &'static str,
    error: io::Error,
}

impl Fault {
    /// Nothing may be put in the file's place, whatever it holds; writing to the file itself may be allowed.
    fn is_of_the_place(&self) -> bool {
        use io::ErrorKind::{CrossesDevices, PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
        [BESIDE, OWNER, PUTTING].contains(&self.doing)
            && matches!(
                self.error.kind(),
                CrossesDevices | PermissionDenied | ReadOnlyFilesystem | ResourceBusy
            )
    }
}

const BESIDE: &str = "making a new file beside it";
const OWNER: &str = "giving it its owner and group";
const PUTTING: &str = "putting it in its place";

fn doing<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> Fault {
    move |error| Fault {
        doing,
        error: error.into(),
    }
}

fn place_with(
    path: &Path,
    rights: &Rights,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), Fault> {
    let (path, old) = match resolve(path).map_err(doing("following links"))? {
        Target::Special(path) => {
            let mut file = OpenOptions::new()
                .write(true)
                .open(path)
                .map_err(doing("opening it"))?;
            return write(&mut file).map_err(doing("writing to it"));
        }
        Target::File(path, old) => (path, old),
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let (mut file, beside) = Beside::new(folder).map_err(doing(BESIDE))?;
    let owner = match (rights.owner, &old) {
        (Some(owner), _) => Some(owner),
        (None, Some(old)) => Some((Uid::from_raw(old.uid()), Gid::from_raw(old.gid()))),
        (None, None) => None,
    };
    if let Some((uid, gid)) = owner {
        let made = file.metadata().map_err(doing("looking at the new file"))?;
        if (made.uid(), made.gid()) != (uid.as_raw(), gid.as_raw()) {
            fchown(&file, Some(uid), Some(gid)).map_err(doing(OWNER))?;
        }
    }
    let mode = match (rights.mode, &old) {
        (Some(mode), _) => mode,
        (None, Some(old)) => old.mode() & 0o7777,
        (None, None) => 0o666 & !umask(),
    };
    fchmod(&file, Mode::from_raw_mode(mode)).map_err(doing("setting its mode"))?;
    write(&mut file).map_err(doing("writing it"))?;
    if mode & 0o7000 != 0 {
        // Writing takes these bits away.
        fchmod(&file, Mode::from_raw_mode(mode)).map_err(doing("setting its mode"))?;
    }
    file.sync_all().map_err(doing("writing it to the disk"))?;
    fs::rename(&beside.0, &path).map_err(doing(PUTTING))?;
    beside.placed();
    sync(folder).map_err(doing("writing its folder to the disk"))
}

enum Target {
    /// A regular file, or none yet, with what is known of it.
    File(PathBuf, Option<Metadata>),
    /// Something that is written to where it is.
    Special(PathBuf),
}

/// Follows symbolic links to the file, as opening it would.
fn resolve(path: &Path) -> io::Result<Target> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        // `/dev/stdout` is a link to a link to what is open already, maybe under no name.
        if path.starts_with("/dev") || path.starts_with("/proc") {
            return Ok(Target::Special(path));
        }
        let found = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Target::File(path, None));
            }
            found => found?,
        };
        let kind = found.file_type();
        if kind.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if kind.is_fifo() || kind.is_char_device() || kind.is_block_device() || kind.is_socket() {
            return Ok(Target::Special(path));
        }
        if !kind.is_symlink() {
            return Ok(Target::File(path, Some(found)));
        }
        if is_planted(&path, &found)? {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "a link of another user in a folder that all may write to",
            ));
        }
        let to = fs::read_link(&path)?;
        path = match path.parent() {
            Some(parent) => parent.join(to),
            None => to,
        };
    }
    Err(rustix::io::Errno::LOOP.into())
}

/// Whether a link can be a trap: in a sticky folder that all may write to, and neither ours nor of the folder's
/// owner. Linux refuses to follow such links itself where `fs.protected_symlinks` is on.
fn is_planted(link: &Path, found: &Metadata) -> io::Result<bool> {
    const STICKY_AND_OPEN: u32 = 0o1002;
    let folder = match link.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => fs::metadata(parent)?,
        _ => fs::metadata(".")?,
    };
    let ours = rustix::process::geteuid().as_raw();
    Ok(folder.mode() & STICKY_AND_OPEN == STICKY_AND_OPEN
        && found.uid() != ours
        && found.uid() != folder.uid())
}

/// A file beside the destination that only we can read; gone on drop, unless it is in its place.
struct Beside(PathBuf);

impl Beside {
    fn new(folder: &Path) -> io::Result<(File, Self)> {
        let process = std::process::id();
        for attempt in 0..MOST_ATTEMPTS {
            let path = folder.join(format!(".keepward-{process}-{attempt}"));
            // `create_new` follows no link and takes no file that is there.
            let made = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path);
            match made {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return Ok((made?, Self(path))),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// The name is free again, or someone else's.
    fn placed(mut self) {
        self.0 = PathBuf::new();
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            let _nothing_more_can_be_done = fs::remove_file(&self.0);
        }
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some file systems cannot sync a folder; a folder that may be written to and not read is not synced either.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::PermissionDenied
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

/// The process's umask. It can only be read by setting it: to one that, for a moment, gives other threads' files less.
fn umask() -> u32 {
    let ours = rustix::process::umask(Mode::from_raw_mode(0o077));
    rustix::process::umask(ours);
    ours.as_raw_mode()
}

fn uid(name: &str) -> Outcome<Uid> {
    match nix::unistd::User::from_name(name) {
        Ok(Some(user)) => Ok(Uid::from_raw(user.uid.as_raw())),
        Ok(None) => Err(unknown("user", name)),
        Err(error) => Err(crate::exit::internal("looking up a user", error)),
    }
}

fn gid(name: &str) -> Outcome<Gid> {
    match nix::unistd::Group::from_name(name) {
        Ok(Some(group)) => Ok(Gid::from_raw(group.gid.as_raw())),
        Ok(None) => Err(unknown("group", name)),
        Err(error) => Err(crate::exit::internal("looking up a group", error)),
    }
}

fn unknown(what: &str, name: &str) -> Failure {
    Failure::new(
        Kind::Usage,
        format!("no {what} named {name} on this machine"),
    )
}

/// As many as Linux follows.
const MOST_LINKS: usize = 40;
/// Names tried beside the destination: others are of runs that were killed.
const MOST_ATTEMPTS: usize = 1000;

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use tempfile::TempDir;

    fn to(path: &Path, content: &str, mode: Option<u32>) -> Outcome {
        place(
            &Destination::File(path.to_owned()),
            content.as_bytes(),
            &Rights::new(mode, None)?,
        )
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_has_the_mode_it_is_given_or_what_the_umask_leaves() {
        let folder = TempDir::new().unwrap();
        let (given, left) = (folder.path().join("given"), folder.path().join("left"));
        to(&given, "a", Some(0o640)).unwrap();
        to(&left, "b", None).unwrap();
        assert_eq!(mode(&given), 0o640);
        // As any other new file of this process.
        let other = folder.path().join("other");
        fs::write(&other, "").unwrap();
        assert_eq!(mode(&left), mode(&other));
        assert_eq!(fs::read_to_string(&left).unwrap(), "b");
        assert_eq!(names(folder.path()), ["given", "left", "other"]);
    }

    #[test]
    fn a_file_that_is_replaced_keeps_its_mode_unless_told_otherwise() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old and longer").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        to(&path, "new", None).unwrap();
        assert_eq!(
            (mode(&path), fs::read_to_string(&path).unwrap()),
            (0o604, "new".to_owned())
        );
        to(&path, "newer", Some(0o400)).unwrap();
        assert_eq!(mode(&path), 0o400);
    }

    #[test]
    fn a_file_is_replaced_whole_or_written_over_where_the_folder_takes_no_other() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"new").unwrap();
        let before = fs::metadata(&path).unwrap().ino();
        replace(&path, b"newer").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"newer");
        assert_ne!(fs::metadata(&path).unwrap().ino(), before);
        assert_eq!(names(folder.path()), ["file"]);
        // Root may write into any folder, so that only others see the fallback.
        if !rustix::process::geteuid().is_root() {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
            replace(&path, b"over").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"over");
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        }
        let nowhere = replace(&folder.path().join("no/file"), b"x").unwrap_err();
        assert_eq!(nowhere.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_planted_link_is_not_followed() {
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        let (goal, link) = (folder.path().join("goal"), folder.path().join("link"));
        fs::write(&goal, "old").unwrap();
        symlink(&goal, &link).unwrap();
        // Ours is followed; another user's, which only root can make here, is not.
        to(&link, "new", None).unwrap();
        assert_eq!(fs::read_to_string(&goal).unwrap(), "new");
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::lchown(&link, Some(12_345), None).unwrap();
            std::os::unix::fs::chown(folder.path(), Some(54_321), None).unwrap();
            let told = to(&link, "newer", None).unwrap_err().to_string();
            assert!(told.contains("a link of another user"), "{told}");
            assert_eq!(fs::read_to_string(&goal).unwrap(), "new");
        }
    }

    #[test]
    fn a_private_file_is_ours_whoever_had_it_before() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "theirs").unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(12_345), Some(12_345)).unwrap();
        }
        let destination = Destination::File(path.clone());
        place(&destination, b"ours", &Rights::private()).unwrap();
        let found = fs::metadata(&path).unwrap();
        assert_eq!(found.uid(), rustix::process::geteuid().as_raw());
        assert_eq!(found.mode() & 0o777, 0o600);
    }

    #[test]
    fn the_bits_that_writing_takes_away_are_there_at_the_end() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        to(&path, "x", Some(0o4750)).unwrap();
        assert_eq!(mode(&path), 0o4750);
    }

    #[test]
    fn links_are_followed_and_stay_links() {
        let folder = TempDir::new().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let (near, far) = (folder.path().join("near"), inner.join("far"));
        symlink("inner/link", &near).unwrap();
        symlink("far", inner.join("link")).unwrap();
        // The last one leads nowhere yet.
        to(&near, "first", Some(0o600)).unwrap();
        to(&near, "second", None).unwrap();
        assert!(fs::symlink_metadata(&near).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&far).unwrap(), "second");
        assert_eq!(names(&inner), ["far", "link"]);
        assert_eq!(names(folder.path()), ["inner", "near"]);
    }

    #[test]
    fn links_in_a_circle_and_folders_are_refused_by_name() {
        let folder = TempDir::new().unwrap();
        let circle = folder.path().join("circle");
        symlink("circle", &circle).unwrap();
        let told = to(&circle, "x", None).unwrap_err().to_string();
        assert!(told.contains("circle: following links"), "{told}");
        let told = to(folder.path(), "x", None).unwrap_err().to_string();
        assert!(told.contains("is a directory"), "{told}");
        assert_eq!(names(folder.path()), ["circle"]);
    }

    #[test]
    fn a_pipe_and_a_device_are_written_to_where_they_are() {
        let folder = TempDir::new().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || {
                let mut read = String::new();
                File::open(pipe).unwrap().read_to_string(&mut read).unwrap();
                read
            }
        });
        to(&pipe, "through", Some(0o644)).unwrap();
        assert_eq!(reader.join().unwrap(), "through");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
        to(Path::new("/dev/null"), "x", None).unwrap();
        assert!(
            fs::metadata("/dev/null")
                .unwrap()
                .file_type()
                .is_char_device()
        );
        assert_eq!(names(folder.path()), ["pipe"]);
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_nothing_beside_it() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        let fault = place_with(&path, &Rights::default(), |file| {
            file.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .unwrap_err();
        assert_eq!(fault.doing, "writing it");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["file"]);
        let missing = folder.path().join("no/such/folder/file");
        let told = to(&missing, "x", None).unwrap_err().to_string();
        assert!(told.contains("making a new file beside it"), "{told}");
    }

    #[test]
    fn a_leftover_of_a_killed_run_is_neither_used_nor_in_the_way() {
        let folder = TempDir::new().unwrap();
        let leftover = format!(".keepward-{}-0", std::process::id());
        symlink("/dev/null", folder.path().join(&leftover)).unwrap();
        to(&folder.path().join("file"), "x", Some(0o600)).unwrap();
        assert_eq!(names(folder.path()), [leftover, "file".to_owned()]);
        assert_eq!(fs::read_to_string(folder.path().join("file")).unwrap(), "x");
    }

    #[test]
    fn the_rights_are_there_before_the_first_byte() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        place_with(&path, &Rights::new(Some(0o440), None).unwrap(), |file| {
            let made = file.metadata()?;
            assert_eq!((made.len(), made.mode() & 0o7777), (0, 0o440));
            assert_eq!(fs::read_to_string(&path)?, "old");
            file.write_all(b"new")
        })
        .unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    /// Someone who looks all the time never sees content in a file with other rights than wanted.
    #[test]
    fn at_no_time_a_file_with_other_rights_holds_the_content() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let watcher = scope.spawn(|| {
                let mut looks = 0_u32;
                while !done.load(Ordering::Relaxed) || looks == 0 {
                    for name in names(folder.path()) {
                        let Ok(file) = File::open(folder.path().join(name)) else {
                            continue;
                        };
                        let found = file.metadata().unwrap();
                        assert!(
                            found.len() == 0 || found.mode() & 0o7777 == 0o640,
                            "{:o} with {} bytes",
                            found.mode(),
                            found.len()
                        );
                        looks += 1;
                    }
                }
                looks
            });
            for round in 0..300 {
                to(&path, &format!("round {round}"), Some(0o640)).unwrap();
                if round % 3 == 0 {
                    fs::remove_file(&path).unwrap();
                }
            }
            done.store(true, Ordering::Relaxed);
            assert!(watcher.join().unwrap() > 0);
        });
    }

    #[test]
    fn unknown_names_are_told_before_anything_is_written() {
        let told = |user, group| {
            Rights::new(None, Some((user, group)))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            told("nobody-has-this-name", "root"),
            "no user named nobody-has-this-name on this machine"
        );
        assert_eq!(
            told("root", "nobody-has-this-name"),
            "no group named nobody-has-this-name on this machine"
        );
        assert!(Rights::new(None, Some(("root", "root"))).is_ok());
    }

    /// Giving files away needs the right to; without it, the refusal leaves everything as it was.
    #[test]
    fn a_file_gets_its_owner_before_its_content_or_is_not_written() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        let other = Rights {
            mode: Some(0o600),
            owner: Some((Uid::from_raw(12_345), Gid::from_raw(12_345))),
        };
        let mut seen = None;
        let placed = place_with(&path, &other, |file| {
            let made = file.metadata()?;
            seen = Some((made.uid(), made.gid(), made.mode() & 0o7777, made.len()));
            file.write_all(b"new")
        });
        if rustix::process::geteuid().is_root() {
            placed.unwrap();
            assert_eq!(seen, Some((12_345, 12_345, 0o600, 0)));
            // And keeps it when it is replaced.
            to(&path, "newer", None).unwrap();
            let found = fs::metadata(&path).unwrap();
            assert_eq!(
                (found.uid(), found.gid(), found.mode() & 0o7777),
                (12_345, 12_345, 0o600)
            );
        } else {
            assert_eq!(placed.unwrap_err().doing, "giving it its owner and group");
            assert_eq!(
                (seen, fs::read_to_string(&path).unwrap()),
                (None, "old".to_owned())
            );
        }
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn a_dash_is_standard_output_as_an_argument() {
        assert_eq!(Destination::argument("-"), Destination::Standard);
        assert_eq!(
            Destination::argument("./-"),
            Destination::File(PathBuf::from("./-"))
        );
    }
}
