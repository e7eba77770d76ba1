//! What `cargo xtask test` tells the tests through the environment.

use std::path::PathBuf;

/// The Python with moto and the real clients in it.
///
/// Panics: when `KEEPWARD_TEST_PYTHON` does not name it.
pub fn python() -> PathBuf {
    let name = "KEEPWARD_TEST_PYTHON";
    let path = PathBuf::from(needed(name));
    assert!(
        path.is_file(),
        "{name} names no file ({}): run `cargo xtask test`",
        path.display()
    );
    path
}

/// The Python with the real Confidant 7.0.0 in it.
///
/// Panics: when `KEEPWARD_TEST_CONFIDANT` does not name its virtual environment.
pub fn confidant() -> PathBuf {
    let name = "KEEPWARD_TEST_CONFIDANT";
    let path = PathBuf::from(needed(name)).join("bin/python");
    assert!(
        path.is_file(),
        "{name} names no virtual environment ({} is missing): run `cargo xtask test`",
        path.display()
    );
    path
}

/// The folder of the real CredSmash 3.0.2 and credstash 1.17.1: `bin/credsmash`, `bin/credstash` and `bin/python`, which
/// can import both.
///
/// Panics: when `KEEPWARD_TEST_STASH_TOOLS` does not name it, or one of them is missing.
pub fn stash_tools() -> PathBuf {
    let name = "KEEPWARD_TEST_STASH_TOOLS";
    let folder = PathBuf::from(needed(name));
    for tool in ["credsmash", "credstash", "python"] {
        let path = folder.join("bin").join(tool);
        assert!(
            path.is_file(),
            "{name} names no folder with the real tools ({} is missing): run `cargo xtask test`",
            path.display()
        );
    }
    folder
}

/// Whether this is the long mode, `cargo xtask test --long`.
pub fn long() -> bool {
    setting("KEEPWARD_TEST_LONG").as_deref() == Some("1")
}

/// What a random test draws from: `KEEPWARD_SIM_SEED`, else the same seed in every run. Prints it.
///
/// Panics: when the setting is no number.
#[expect(clippy::print_stdout, reason = "the report of a random test")]
pub fn seed() -> u64 {
    let seed = setting("KEEPWARD_SIM_SEED").map_or(1, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("KEEPWARD_SIM_SEED is no number: {text}"))
    });
    println!("KEEPWARD_SIM_SEED={seed}");
    seed
}

fn needed(name: &str) -> String {
    setting(name)
        .unwrap_or_else(|| panic!("{name} is not set: run `cargo xtask test`, which prepares it"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the settings of the tests, read in this one place"
)]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
