//! What can be typed about credentials, services and blind credentials.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value};

use crate::arguments::Connection;

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// Fetch a service with the values of its credentials
    Get {
        /// Its id; without it, the caller's own
        id: Option<String>,
        /// Leave the values out
        #[arg(long)]
        metadata_only: bool,
        /// How to print it
        #[arg(long, value_enum, default_value_t = Format::Json, conflicts_with = "json")]
        format: Format,
        #[command(flatten)]
        naming: Naming,
        #[command(flatten)]
        blind: Blind,
        #[command(flatten)]
        connection: Connection,
    },
    /// Map credentials to a service, making it when new; what is not named stays as it is
    Set {
        /// Its id
        id: String,
        #[command(flatten)]
        mapping: Mapping,
        /// Say what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// List services
    List {
        #[command(flatten)]
        page: Page,
        #[command(flatten)]
        connection: Connection,
    },
    /// List the revisions of a service, or all that services were
    History(History),
    /// Say what changed between two revisions; without numbers, by the last change
    Diff(Diff),
    /// Make an older revision the current one again, under a new number
    Revert(Revert),
}

/// What a service gets.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Mapping {
    /// Map these credentials and no others; may be given several times
    #[arg(long = "credential", value_name = "ID", conflicts_with_all = ["none", "add", "remove"])]
    pub(crate) credentials: Vec<String>,
    /// Map no credentials
    #[arg(long, conflicts_with_all = ["add", "remove"])]
    pub(crate) none: bool,
    /// Map this credential too; may be given several times
    #[arg(long, value_name = "ID")]
    pub(crate) add: Vec<String>,
    /// Map this credential no more; may be given several times
    #[arg(long, value_name = "ID")]
    pub(crate) remove: Vec<String>,
    /// Map these blind credentials and no others; may be given several times
    #[arg(
        long = "blind-credential",
        value_name = "ID",
        conflicts_with = "no_blind_credentials"
    )]
    pub(crate) blind_credentials: Vec<String>,
    /// Map no blind credentials
    #[arg(long)]
    pub(crate) no_blind_credentials: bool,
    /// Mark it as in use
    #[arg(long, conflicts_with = "disable")]
    pub(crate) enable: bool,
    /// Mark it as no longer in use; it can still be fetched
    #[arg(long)]
    pub(crate) disable: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CredentialCommand {
    /// Store a new credential
    Create {
        /// Its name
        name: String,
        #[command(flatten)]
        pairs: Pairs,
        #[command(flatten)]
        fields: Fields,
        /// A tag; may be given several times
        #[arg(long = "tag", value_name = "TAG")]
        tags: Vec<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Change a credential; what is not named stays as it is
    Update {
        /// Its id
        id: String,
        /// Its new name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        pairs: NewPairs,
        #[command(flatten)]
        fields: Fields,
        /// A tag, in place of all that it has; may be given several times
        #[arg(long = "tag", value_name = "TAG", conflicts_with = "no_tags")]
        tags: Vec<String>,
        /// Take all tags away
        #[arg(long)]
        no_tags: bool,
        /// Say what would change, by name, and change nothing; reads the values to compare them
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show a credential
    Show {
        /// Its id
        id: String,
        /// With its values
        #[arg(long)]
        values: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// List credentials
    List {
        #[command(flatten)]
        page: Page,
        #[command(flatten)]
        connection: Connection,
    },
    /// List the revisions of a credential, or all that credentials were
    History(History),
    /// Say what changed between two revisions; without numbers, by the last change
    Diff(Diff),
    /// Make an older revision the current one again, under a new number
    Revert(Revert),
}

#[derive(Debug, Subcommand)]
pub(crate) enum BlindCommand {
    /// Seal pairs here and store them as a new blind credential
    Create(BlindCreate),
    /// Fetch a blind credential and open it here
    Read(BlindRead),
    /// Change a blind credential; what is not named stays as it is
    Update(BlindUpdate),
    /// Show a blind credential as it is stored, sealed
    Show {
        /// Its id, or its id and a revision: ID-3
        id: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// List blind credentials
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// List the revisions of a blind credential, or all that blind credentials were
    History(History),
    /// Make an older revision the current one again, under a new number
    Revert(Revert),
}

#[derive(Debug, Args)]
pub(crate) struct BlindCreate {
    /// Its name
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) pairs: Pairs,
    #[command(flatten)]
    pub(crate) sealing: Sealing,
    #[command(flatten)]
    pub(crate) fields: Fields,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct BlindRead {
    /// Its id, or its id and a revision: ID-3
    pub(crate) id: String,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Json, conflicts_with = "json")]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) naming: Naming,
    /// The region whose copy is opened; else AWS_REGION, AWS_DEFAULT_REGION
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct BlindUpdate {
    /// Its id
    pub(crate) id: String,
    /// Its new name
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) pairs: NewPairs,
    #[command(flatten)]
    pub(crate) sealing: Sealing,
    #[command(flatten)]
    pub(crate) fields: Fields,
    /// Say what would change, by name, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// Under what pairs are sealed. What is not given comes from the server's CLIENT_CONFIG, and with
/// an update the encryption contexts from what is stored.
#[derive(Debug, Args)]
pub(crate) struct Sealing {
    /// A JSON object of regions and the KMS key in each, for example
    /// {"us-east-1": "alias/blind-east", "us-west-2": "alias/blind-west"}; without it, `blind_keys`
    /// of the server's CLIENT_CONFIG
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    pub(crate) blind_keys: Option<JsonObject>,
    /// A JSON object of regions and the encryption context in each; without it, `blind_contexts` of
    /// the server's CLIENT_CONFIG
    #[arg(long, value_name = "JSON", value_parser = json_object, conflicts_with = "group_context")]
    pub(crate) blind_contexts: Option<JsonObject>,
    /// The encryption context of all regions as a JSON object, for example {"group": "web"}
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    pub(crate) group_context: Option<JsonObject>,
    /// Keep the names of the pairs from the server too; it can then find no conflicts among them
    #[arg(long)]
    pub(crate) no_store_keys: bool,
}

/// What is said about a credential beside its pairs.
#[derive(Debug, Args)]
pub(crate) struct Fields {
    /// How to rotate it
    #[arg(long, value_name = "TEXT")]
    pub(crate) documentation: Option<String>,
    /// Further facts as a JSON object, in clear, in place of all that it has
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    pub(crate) metadata: Option<JsonObject>,
    /// Mark it as in use, as it is from its creation
    #[arg(long, conflicts_with = "disable")]
    pub(crate) enable: bool,
    /// Mark it as no longer in use; services still get it
    #[arg(long)]
    pub(crate) disable: bool,
}

/// Where the pairs come from. Never from the command line, which every user of a machine can read.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Pairs {
    /// A JSON object of the pairs from a file; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prompt", "value_file"])]
    pub(crate) pairs_file: Option<PathBuf>,
    /// Ask for the value of this key without showing it; may be given several times
    #[arg(long, value_name = "KEY")]
    pub(crate) prompt: Vec<String>,
    /// The value of this key is what the file holds, to its last byte; may be given several times
    #[arg(long, value_name = "KEY=FILE", value_parser = key_and_file)]
    pub(crate) value_file: Vec<(String, PathBuf)>,
}

/// Where new pairs come from, in place of all that there are; without them the old ones stay.
#[derive(Debug, Args)]
pub(crate) struct NewPairs {
    /// A JSON object of the pairs from a file, in place of all that it has; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prompt", "value_file"])]
    pub(crate) pairs_file: Option<PathBuf>,
    /// Ask for the value of this key without showing it; may be given several times
    #[arg(long, value_name = "KEY")]
    pub(crate) prompt: Vec<String>,
    /// The value of this key is what the file holds, to its last byte; may be given several times
    #[arg(long, value_name = "KEY=FILE", value_parser = key_and_file)]
    pub(crate) value_file: Vec<(String, PathBuf)>,
}

/// How much of a list.
#[derive(Debug, Args)]
pub(crate) struct Page {
    /// So many entries at most, the newest; without it, all
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
    /// Where to go on: what a list before said
    #[arg(long, value_name = "PAGE", requires = "limit")]
    pub(crate) page: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// Its id; without it, the history of all
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) page: Page,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Its id
    pub(crate) id: String,
    /// A revision; without it, the one before the other
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) old: Option<u64>,
    /// Another revision; without it, the current one
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) new: Option<u64>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct Revert {
    /// Its id
    pub(crate) id: String,
    /// The revision to go back to; without it, the one before the current one
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) revision: Option<u64>,
    /// Say what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// The forms in which a service can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// All about it, as the server answers
    Json,
    /// NAME=value lines, nothing quoted, as `docker run --env-file` reads them; one line a value
    Env,
    /// export NAME='value' lines for a shell
    Export,
    /// NAME='value' lines of a .env file
    Dotenv,
    /// A YAML mapping of names to texts
    Yaml,
    /// As confidant-format prints it: `: ${NAME=value}` and `export NAME`
    #[value(name = "env_export")]
    EnvExport,
    /// As confidant-format prints it: one JSON object of pairs and where they come from
    #[value(name = "credential_combined")]
    CredentialCombined,
}

/// How pairs become variables.
#[derive(Debug, Args)]
pub(crate) struct Naming {
    /// Put this before each name
    #[arg(long, value_name = "TEXT")]
    pub(crate) prefix: Option<String>,
    /// Turn names into upper case; without it, they are as the keys are
    #[arg(long)]
    pub(crate) upper: bool,
    /// Fail instead of warning about names that cannot be or are there twice
    #[arg(long)]
    pub(crate) strict: bool,
}

/// What becomes of a service's blind credentials, which only their readers can open.
#[derive(Debug, Args)]
pub(crate) struct Blind {
    /// Leave blind credentials sealed; without it, they are opened with AWS KMS
    #[arg(long)]
    pub(crate) no_blind: bool,
    /// The region whose copy of blind credentials is opened; else AWS_REGION, AWS_DEFAULT_REGION
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = EXEC_HELP)]
pub(crate) struct Exec {
    /// The service; without it, the caller's own
    #[arg(long, value_name = "ID")]
    pub(crate) service: Option<String>,
    /// Hand on nothing of this environment but a minimal PATH
    #[arg(long)]
    pub(crate) pristine: bool,
    #[command(flatten)]
    pub(crate) naming: Naming,
    #[command(flatten)]
    pub(crate) blind: Blind,
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

const EXEC_HELP: &str = "\
Names are the keys as they are, unless --prefix or --upper change them, and replace variables of the \
same name. A key that no environment holds (empty, or with = in it) is left out with a warning. With \
--strict, such a key, one that is no name for shells, one that is in two credentials, and one whose \
variable is set already each end this with exit code 6 before the command runs.

keepward becomes the command: its process id, signals and exit status are the command's own, and \
nothing of keepward stays in memory. The command and what it starts leave no core dumps.";

/// A JSON object from the command line.
pub(crate) type JsonObject = Map<String, Value>;

fn json_object(text: &str) -> Result<JsonObject, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("it must be a JSON object, for example {\"a\": \"b\"}".to_owned()),
        Err(error) => Err(format!("it is not JSON: {error}")),
    }
}

fn key_and_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((key, file)) if !key.is_empty() && !file.is_empty() => {
            Ok((key.to_owned(), PathBuf::from(file)))
        }
        _ => Err("it takes a key and the name of a file, KEY=FILE".to_owned()),
    }
}
