//! Where the old tools' tables are, besides AWS, and how many calls they get at once.

use std::path::PathBuf;

use clap::Args;
use keep::Consistency;
use stash::Secrets;

/// Options of our own that both old command lines have before their commands.
#[derive(Clone, Debug, Args)]
pub(crate) struct StashReach {
    /// Use a table and a keyring in this folder, and nothing of AWS; - is the folder for data of this
    /// user
    #[arg(long = "local", env = "KEEPWARD_STASH_DIR", value_name = "DIR", value_parser = folder)]
    pub(crate) local: Option<PathBuf>,
    /// Calls to AWS under way at once where a command works on many secrets
    #[arg(
        long,
        env = "KEEPWARD_STASH_CONCURRENCY",
        value_name = "NUMBER",
        default_value_t = 16,
        value_parser = clap::value_parser!(u16).range(1..=256)
    )]
    concurrency: u16,
    /// Read the whole table at half the price, where it may lack the writes of the last moment
    #[arg(long, env = "KEEPWARD_STASH_EVENTUAL")]
    eventual: bool,
}

impl StashReach {
    /// These operations, reached so.
    pub(crate) fn applied_to(&self, secrets: Secrets) -> Secrets {
        secrets
            .with_concurrency(usize::from(self.concurrency))
            .with_scans(match self.eventual {
                true => Consistency::Eventual,
                false => Consistency::Strong,
            })
    }

    /// Calls under way at once, 1 at least.
    pub(crate) fn concurrency(&self) -> usize {
        usize::from(self.concurrency)
    }
}

#[cfg(test)]
impl StashReach {
    /// A table in this folder.
    pub(crate) fn within(folder: PathBuf) -> Self {
        Self {
            local: Some(folder),
            ..Self::default()
        }
    }
}

impl Default for StashReach {
    fn default() -> Self {
        Self {
            local: None,
            concurrency: 16,
            eventual: false,
        }
    }
}

fn folder(text: &str) -> Result<PathBuf, String> {
    match text {
        "" => Err("it takes the path of a folder".to_owned()),
        "-" => Ok(crate::environment::data_dir().join("stash")),
        path => Ok(path.into()),
    }
}
