//! The grammar of `keepward stash`. Values never can be typed: they come by prompt, standard input
//! or file.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::arguments::Connection;

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Stash {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: StashCommand,
}

const HELP: &str = "\
The tables are those of credstash and CredSmash, which go on reading what is written here as --form \
legacy. This program calls AWS itself, with the caller's own rights; no server is needed. With --local \
nothing of AWS is needed either.";

/// Where the secrets rest and how they are sealed: the same for every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Table and keys")]
pub(crate) struct Options {
    /// The table; without it, CREDSTASH_DEFAULT_TABLE, then credential-store
    #[arg(long, global = true, env = "KEEPWARD_STASH_TABLE", value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// The region of the table; without it, AWS_REGION, AWS_DEFAULT_REGION or the profile's
    #[arg(long, global = true)]
    pub(crate) region: Option<String>,
    /// The region of the keys, where it is another one
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) kms_region: Option<String>,
    /// A profile of AWS's configuration files
    #[arg(long, global = true)]
    pub(crate) profile: Option<String>,
    /// A role to take on first
    #[arg(long, global = true, value_name = "ARN", conflicts_with = "profile")]
    pub(crate) role: Option<String>,
    /// The master key to seal under (alias, id or ARN); without it, alias/credstash
    #[arg(
        long,
        global = true,
        env = "KEEPWARD_STASH_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    pub(crate) key_id: Option<String>,
    /// A pair of the encryption context, under which values are sealed and opened; may be given
    /// several times
    #[arg(long, global = true, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) context: Vec<(String, String)>,
    /// The form of new rows; credstash reads legacy only, CredSmash all
    #[arg(long, global = true, value_enum, default_value_t = FormName::Legacy)]
    pub(crate) form: FormName,
    /// The hash in the MAC of new rows: SHA224, SHA256, SHA384 or SHA512
    #[arg(long, global = true, value_enum, default_value_t = DigestName::Sha256)]
    pub(crate) digest: DigestName,
    /// Seal values to their name and version too, with the pairs keepward:name and keepward:version;
    /// old programs then have to be given these pairs
    #[arg(long, global = true)]
    pub(crate) bind: bool,
    /// Refuse rows that are not bound to their name and version
    #[arg(long, global = true)]
    pub(crate) strict: bool,
    /// Use a table and a keyring in a folder, and nothing of AWS; without a name, in the folder for
    /// data of this user
    #[arg(
        long,
        global = true,
        env = "KEEPWARD_STASH_DIR",
        value_name = "DIR",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = DEFAULT_FOLDER,
        value_parser = folder,
        conflicts_with_all = ["region", "kms_region", "profile", "role"]
    )]
    pub(crate) local: Option<PathBuf>,
    /// How many calls of AWS at a time
    #[arg(
        long,
        global = true,
        env = "KEEPWARD_STASH_CONCURRENCY",
        value_name = "NUMBER",
        default_value_t = 16,
        value_parser = clap::value_parser!(u16).range(1..=256)
    )]
    pub(crate) concurrency: u16,
    /// Read the whole table at half the price, where it may lack the writes of the last moment
    #[arg(long, global = true)]
    pub(crate) eventual: bool,
    /// Machine-readable output
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// Stands for the folder for data of this user.
const DEFAULT_FOLDER: &str = "-";

/// The forms in which rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormName {
    /// credstash's, which CredSmash calls aes-ctr-legacy
    Legacy,
    /// CredSmash's default
    AesCtr,
    /// CredSmash's authenticated one
    AesGcm,
}

/// The hashes that both programs take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum DigestName {
    #[value(name = "SHA224")]
    Sha224,
    #[value(name = "SHA256")]
    Sha256,
    #[value(name = "SHA384")]
    Sha384,
    #[value(name = "SHA512")]
    Sha512,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StashCommand {
    /// Print the value of a secret, byte for byte
    Get(Get),
    /// Store a value as the next version of a secret
    Put(Put),
    /// List secrets, each with its newest version
    List(List),
    /// List all versions of a secret
    Versions {
        /// The secret
        name: String,
    },
    /// Print the names that match a pattern
    Find {
        /// The pattern: * any text, ? any letter, [abc] one of these
        pattern: String,
    },
    /// Delete secrets with all their versions; says what it would delete, unless --yes is given
    Delete(Delete),
    /// Delete old versions; says what it would delete, unless --yes is given
    Prune(Prune),
    /// Write the newest values of secrets as one document
    Export(Export),
    /// Store the values of a document, each as the next version where it is another value
    Import(Import),
    /// Run a command with secrets in its environment
    Exec(Exec),
    /// Examine the whole table; changes nothing
    Doctor(Doctor),
    /// Put all rows under another master key; says what it would do, unless --yes is given
    Rewrap(Rewrap),
    /// Pad versions that are not padded; says what it would do, unless --yes is given
    Migrate(Migrate),
    /// Copy secrets to another table, region or account, a folder, or into Confidant credentials;
    /// says what it would do, unless --yes is given
    Copy(Box<CopySecrets>),
    /// Make the table, and wait until it can be used
    Setup,
    /// Render a template with secrets, as CredSmash does
    Template(Template),
}

#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub(crate) struct Get {
    /// The secret
    pub(crate) name: String,
    /// This version instead of the newest: its number, or its text as stored; =TEXT is that text alone
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// Write the value to this file, which only its owner can read, instead of to standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) repair: Repair,
}

/// Rows of a writer that counts blocks wrongly.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Repair {
    /// Take the rows for rucredstash's, which counts blocks of the cipher in little-endian order;
    /// such rows cannot be told from others, and others come out as garbage
    #[arg(long)]
    pub(crate) assume_le_counter: bool,
}

#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub(crate) struct Put {
    /// The secret
    pub(crate) name: String,
    /// A value as credstash takes it, which is refused here, also where it begins with -
    #[arg(hide = true, allow_hyphen_values = true)]
    pub(crate) typed: Vec<OsString>,
    /// The value is what this file holds; without it, standard input, or a prompt on a terminal
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Take one line break off the end of the value
    #[arg(long)]
    pub(crate) trim: bool,
    /// Store the value even when it is empty
    #[arg(long)]
    pub(crate) empty: bool,
    /// Store it as this version, which must be new, instead of as the next one
    #[arg(long, value_name = "NUMBER")]
    pub(crate) version: Option<u64>,
    /// A remark for people, in clear
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// Store it even where the newest version holds the same value; needs no right to read
    #[arg(long)]
    pub(crate) no_compare: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only names that match: * any text, ? any letter, [abc] one of these
    pub(crate) pattern: Option<String>,
    /// Every version, not only the newest
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
#[command(disable_version_flag = true)]
pub(crate) struct Delete {
    /// The secrets
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// The names are patterns: * any text, ? any letter, [abc] one of these
    #[arg(long)]
    pub(crate) pattern: bool,
    /// Only this version, as stored or by its number; =TEXT is that text alone
    #[arg(long, value_name = "VERSION", conflicts_with = "pattern")]
    pub(crate) version: Option<String>,
    /// Do it
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// The secrets
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// The names are patterns: * any text, ? any letter, [abc] one of these
    #[arg(long)]
    pub(crate) pattern: bool,
    /// So many of the newest versions stay
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep: u32,
    /// Do it
    #[arg(long)]
    pub(crate) yes: bool,
}

/// The forms of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DocumentForm {
    /// One object of names and values
    Json,
    /// One mapping of names and values
    Yaml,
    /// A line name,value for each
    Csv,
    /// NAME='value' lines of a .env file
    Dotenv,
    /// export NAME='value' lines for a shell
    Env,
}

/// What becomes of values that are not UTF-8 text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Binary {
    /// Refuse the document
    Fail,
    /// Write them as base64 text, and say which they are
    Base64,
    /// Leave them out, and say which they are
    Skip,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Only names that match: * any text, ? any letter, [abc] one of these
    pub(crate) pattern: Option<String>,
    /// The form; without it, by the file's name, else JSON
    #[arg(long, value_enum)]
    pub(crate) format: Option<DocumentForm>,
    /// Write to this file, which only its owner can read, instead of to standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// What becomes of values that are not UTF-8 text
    #[arg(long, value_enum, default_value_t = Binary::Fail)]
    pub(crate) binary: Binary,
    /// Write what opens when something does not; the exit status tells all the same
    #[arg(long)]
    pub(crate) skip_errors: bool,
    #[command(flatten)]
    pub(crate) repair: Repair,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The document; - is standard input
    pub(crate) file: PathBuf,
    /// The form; without it, by the file's name, else JSON
    #[arg(long, value_enum)]
    pub(crate) format: Option<DocumentForm>,
    /// Say what would be stored, by name, and store nothing; reads the values to compare them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Store every value, even where the newest version holds the same; needs no right to read
    #[arg(long)]
    pub(crate) no_compare: bool,
    /// The values of the document are base64
    #[arg(long)]
    pub(crate) base64: bool,
}

#[derive(Debug, Args)]
#[command(after_help = EXEC_HELP)]
pub(crate) struct Exec {
    /// The secrets, by patterns: * any text, ? any letter, [abc] one of these; without one, all
    #[arg(value_name = "PATTERN")]
    pub(crate) patterns: Vec<String>,
    /// Take this off the front of names that have it
    #[arg(long, value_name = "TEXT")]
    pub(crate) strip_prefix: Option<String>,
    /// Put this before each name
    #[arg(long, value_name = "TEXT")]
    pub(crate) prefix: Option<String>,
    /// Hand on nothing of this environment but a minimal PATH
    #[arg(long)]
    pub(crate) pristine: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

const EXEC_HELP: &str = "\
A variable has the name of its secret in upper case, with _ for every letter that no shell takes: \
app/db.password becomes APP_DB_PASSWORD. Two secrets that would have one variable end this with exit \
code 6 before the command runs, and so does a value that no environment holds.

keepward becomes the command: its process id, signals and exit status are the command's own, and \
nothing of keepward stays in memory.";

#[derive(Debug, Args)]
#[command(after_help = DOCTOR_HELP)]
pub(crate) struct Doctor {
    /// Open each row, which calls the key service once or twice for it
    #[arg(long)]
    pub(crate) open: bool,
    /// Compare with the state of the table in this file, and keep the state of now in it
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Keep the state of now even where it went back
    #[arg(long, requires = "manifest")]
    pub(crate) accept: bool,
    /// Pass over findings of this kind; may be given several times
    #[arg(long, value_name = "KIND", value_parser = finding_kind)]
    pub(crate) ignore: Vec<String>,
}

const DOCTOR_HELP: &str = "\
Exit code 7 when something was found. A table cannot tell by itself that an older state was put over a \
newer one: keep a manifest elsewhere, which holds names, versions and fingerprints of ciphertexts.";

#[derive(Debug, Args)]
#[command(after_help = REWRAP_HELP)]
pub(crate) struct Rewrap {
    /// Only names that match: * any text, ? any letter, [abc] one of these
    pub(crate) pattern: Option<String>,
    /// Do it
    #[arg(long)]
    pub(crate) yes: bool,
    /// With --bind, bind rows that are copies of others too, each to where it lies now
    #[arg(long)]
    pub(crate) accept_copies: bool,
}

const REWRAP_HELP: &str = "\
--key-id names the new master key. Only the wrapped data key of each row changes: values and what proves \
them stay, and old programs go on reading. It can be stopped and run again at any time. With --bind, rows \
are bound to the name and version that they have now; since that would make a copied row look right, a table \
with copies is refused until they are gone or --accept-copies is given.";

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Only names that match: * any text, ? any letter, [abc] one of these
    pub(crate) pattern: Option<String>,
    /// Do it
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CopySecrets {
    /// Only names that match: * any text, ? any letter, [abc] one of these
    pub(crate) pattern: Option<String>,
    /// Only the newest version of each, instead of all
    #[arg(long)]
    pub(crate) newest: bool,
    #[command(flatten)]
    pub(crate) to: Target,
    #[command(flatten)]
    pub(crate) repair: Repair,
    /// Do it
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Where copies go.
#[derive(Debug, Args)]
#[command(next_help_heading = "To another table")]
pub(crate) struct Target {
    /// The other table; without it, one of the same name
    #[arg(long, value_name = "NAME")]
    pub(crate) to_table: Option<String>,
    /// Its region
    #[arg(long, value_name = "REGION")]
    pub(crate) to_region: Option<String>,
    /// The region of its keys, where it is another one
    #[arg(long, value_name = "REGION")]
    pub(crate) to_kms_region: Option<String>,
    /// A profile of AWS's configuration files for the other table
    #[arg(long, value_name = "PROFILE")]
    pub(crate) to_profile: Option<String>,
    /// A role to take on for the other table
    #[arg(long, value_name = "ARN", conflicts_with = "to_profile")]
    pub(crate) to_role: Option<String>,
    /// The other table lies in this folder, with a keyring
    #[arg(long, value_name = "DIR", conflicts_with_all = ["to_region", "to_kms_region", "to_profile", "to_role"])]
    pub(crate) to_local: Option<PathBuf>,
    /// A pair of the encryption context of the copies; without any, that of --context
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) to_context: Vec<(String, String)>,
    /// Copy into credentials of a Confidant or Keepward server instead, one for each secret
    #[arg(long, conflicts_with_all = ["to_table", "to_region", "to_kms_region", "to_profile", "to_role", "to_local", "to_context"])]
    pub(crate) to_confidant: bool,
    /// One credential of this name for all secrets, each a pair of it
    #[arg(long, value_name = "CREDENTIAL", requires = "to_confidant")]
    pub(crate) into: Option<String>,
    /// The name of the pair that holds the value, in a credential for one secret
    #[arg(
        long,
        value_name = "KEY",
        default_value = "value",
        conflicts_with = "into"
    )]
    pub(crate) pair: String,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// The server of `--to-confidant`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Into Confidant credentials")]
pub(crate) struct Server {
    /// The server; without it, the one that the key file names, else http://127.0.0.1:8080
    #[arg(long, env = "KEEPWARD_URL")]
    pub(crate) url: Option<String>,
    /// Client key file to log in with; without it, the operator's in the data folder
    #[arg(long, env = "KEEPWARD_KEY_FILE", value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

impl Server {
    /// As other commands name it.
    pub(crate) fn connection(&self, json: bool) -> Connection {
        Connection {
            url: self.url.clone(),
            key_file: self.key_file.clone(),
            kms_key: None,
            token_cache: None,
            from: None,
            to: None,
            caller: crate::arguments::Caller::Service,
            json,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Template {
    /// The template; - is standard input
    pub(crate) template: PathBuf,
    /// Write to this file, which only its owner can read, instead of to standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

fn folder(text: &str) -> Result<PathBuf, String> {
    match text {
        "" => Err("it names no folder".to_owned()),
        DEFAULT_FOLDER => Ok(crate::environment::data_dir().join("stash")),
        folder => Ok(folder.into()),
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it takes NAME=VALUE".to_owned()),
    }
}

fn finding_kind(text: &str) -> Result<String, String> {
    match stash::Finding::KINDS.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!("it is one of {}", stash::Finding::KINDS.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use rstest::rstest;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Program {
        #[command(flatten)]
        stash: Stash,
    }

    fn put(words: &[&str]) -> Put {
        let words = ["stash", "put", "x"].iter().chain(words);
        match Program::try_parse_from(words)
            .expect("it is taken")
            .stash
            .command
        {
            StashCommand::Put(put) => put,
            other => panic!("{other:?}"),
        }
    }

    #[rstest]
    #[case::word("hunter2")]
    #[case::as_a_long_option("--hunter2")]
    #[case::as_short_options("-hunter2")]
    fn a_typed_value_is_taken_for_one_whatever_it_looks_like(#[case] word: &str) {
        assert_eq!(put(&[word]).typed, [word]);
    }

    #[test]
    fn options_after_the_name_are_options() {
        let put = put(&["--trim", "--file", "f", "--version", "3"]);
        assert!(put.typed.is_empty() && put.trim);
        assert_eq!((put.file, put.version), (Some("f".into()), Some(3)));
    }
}
