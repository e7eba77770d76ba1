//! Settings of this process: environment, file, and the platform's defaults.

use std::io::Read as _;
use std::path::Path;

use server::Config;
use server::settings::{Defaults, SETTINGS, WrongSettings};

use crate::exit::{Failure, Kind, Outcome};
use crate::{environment, secrets_bootstrap};

/// The greatest settings file read, bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// Reads all settings.
pub(crate) fn read(file: Option<&Path>) -> Outcome<Config> {
    read_over(file, &|_| None)
}

/// Reads all settings, with those that `over` gives laid over the environment and the file.
pub(crate) fn read_over(
    file: Option<&Path>,
    over: &dyn Fn(&str) -> Option<String>,
) -> Outcome<Config> {
    let (not_text, ours) = environment::names();
    for name in not_text {
        if SETTINGS.iter().any(|setting| setting.name == name) {
            return Err(Failure::new(
                Kind::Usage,
                format!("{name}: its value is not UTF-8 text"),
            ));
        }
    }
    for name in ours {
        let known = SETTINGS.iter().any(|setting| setting.name == name)
            || OF_COMMANDS.contains(&name.as_str());
        if !known && !name.starts_with("KEEPWARD_TEST_") {
            return Err(
                Failure::new(Kind::Usage, format!("{name}: there is no such setting"))
                    .hint("`keepward config list` names every setting"),
            );
        }
    }
    read_with(file, &|name| over(name).or_else(|| environment::var(name)))
}

/// Environment variables of the command line that are no settings of a server.
const OF_COMMANDS: &[&str] = &[
    "KEEPWARD_CONFIG",
    "KEEPWARD_URL",
    "KEEPWARD_KEY_FILE",
    "KEEPWARD_KMS_KEY",
    "KEEPWARD_FROM",
    "KEEPWARD_TO",
    "KEEPWARD_STASH_TABLE",
    "KEEPWARD_STASH_KEY",
    "KEEPWARD_STASH_DIR",
    "KEEPWARD_STASH_CONCURRENCY",
    "KEEPWARD_SIM_SEED",
];

/// Reads all settings, some of them laid over by `var`.
pub(crate) fn read_with(
    file: Option<&Path>,
    var: &dyn Fn(&str) -> Option<String>,
) -> Outcome<Config> {
    let text = file.map(read_file).transpose()?;
    let secrets = secrets_bootstrap::open(var, text.as_deref())?;
    let defaults = Defaults {
        data_dir: environment::data_dir(),
    };
    Config::read(&secrets, var, text.as_deref(), &defaults).map_err(wrong_settings)
}

/// Wrong settings, for a person.
pub(crate) fn wrong_settings(wrong: WrongSettings) -> Failure {
    Failure::new(Kind::Usage, wrong.to_string()).hint("`keepward config list` names every setting")
}

/// The text of the settings file.
pub(crate) fn read_file(path: &Path) -> Outcome<String> {
    let failure = |error| crate::exit::file("reading the settings file", path, &error);
    let plain = std::fs::metadata(path).map_err(failure)?.is_file();
    if !plain {
        return Err(Failure::new(
            Kind::Usage,
            format!("{} is not a plain file", path.display()),
        ));
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failure)?;
    file.take(MAX_FILE + 1)
        .read_to_string(&mut text)
        .map_err(failure)?;
    if text.len() as u64 > MAX_FILE {
        return Err(Failure::new(
            Kind::Usage,
            format!("{} is larger than 1 MiB", path.display()),
        ));
    }
    Ok(text)
}
