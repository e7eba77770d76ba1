//! What can be typed after `credsmash`: CredSmash 3.0.2's options, and a few of our own.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::python_text;
use crate::stash_reach::StashReach;

/// CredSmash 3.0.2's command line, on the tables of CredSmash and credstash
#[derive(Debug, Parser)]
#[command(
    name = "credsmash",
    disable_version_flag = true,
    disable_help_flag = true,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    args_override_self = true
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) globals: Globals,
    /// Show this message and exit
    #[arg(long, global = true, action = clap::ArgAction::Help)]
    help: Option<bool>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that come before the command.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Globals {
    /// Configuration file; otherwise CREDSMASH_CONFIG, then /etc/credsmash.cfg
    #[arg(short, long, value_name = "PATH", allow_hyphen_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// DynamoDB table of the secrets; the configured storage service is then ignored
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) table_name: Option<String>,
    /// Id, ARN or alias of the KMS master key, alias/credsmash if nothing says otherwise; the
    /// configured key service and encryption context are then ignored
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) key_id: Option<String>,
    /// A pair of the KMS encryption context; only together with --key-id; may be given several times
    #[arg(long, num_args = 2, value_names = ["KEY", "VALUE"], action = clap::ArgAction::Append, allow_hyphen_values = true)]
    pub(crate) context: Vec<String>,
    #[command(flatten)]
    pub(crate) reach: StashReach,
    /// Say after a `Stored` line when the value was there already
    #[arg(long)]
    pub(crate) verbose: bool,
}

impl Globals {
    /// The pairs of `--context`.
    pub(crate) fn context(&self) -> impl Iterator<Item = (&str, &str)> {
        self.context.chunks(2).filter_map(|pair| match pair {
            [key, value] => Some((key.as_str(), value.as_str())),
            _ => None,
        })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Delete every version of a single secret
    Delete(Named),
    /// Delete every version of all matching secrets
    DeleteMany(Matching),
    /// Find all secrets matching a pattern
    FindMany(FindMany),
    /// Find exactly one secret matching a pattern
    FindOne(FindOne),
    /// Fetch the latest, or a specific version of a secret
    Get(Get),
    /// Fetch the latest version of all secrets
    GetAll(GetAll),
    /// List all secrets and their versions
    List(List),
    /// Delete all but the latest version of a single secret
    Prune(Named),
    /// Delete all but the latest version of all matching secrets
    PruneMany(Matching),
    /// Store a secret
    Put(Put),
    /// Store many secrets
    PutMany(PutMany),
    /// Render a configuration template
    RenderTemplate(RenderTemplate),
    /// Render the configuration templates that a manifest names
    RenderTemplates(RenderTemplates),
    /// Set up the table in AWS DynamoDB
    SetupDynamodb(SetupDynamodb),
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The secret
    pub(crate) secret_name: String,
}

#[derive(Debug, Args)]
pub(crate) struct Matching {
    /// Which: * any text, ? one letter, [abc] one of these, [!abc] none of these
    pub(crate) pattern: String,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Which: * any text, ? one letter, [abc] one of these, [!abc] none of these
    pub(crate) pattern: Option<String>,
}

/// Where one value goes, and in which form.
#[derive(Debug, Args)]
pub(crate) struct Destination {
    /// A file, or - for standard output
    #[arg(default_value = "-")]
    pub(crate) destination: PathBuf,
    /// raw, json, yaml or csv; by default what the file's name says
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) format: Option<String>,
    /// What to do with a value that is not UTF-8 where the format takes text only
    #[arg(long, value_enum, default_value_t = NotText::Skip)]
    pub(crate) not_text: NotText,
}

/// What to do with a value that a format cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum NotText {
    /// Leave it out with a warning, as CredSmash does
    Skip,
    /// Write nothing and fail
    Fail,
    /// Write it as base64
    Base64,
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The secret
    pub(crate) secret_name: String,
    #[command(flatten)]
    pub(crate) destination: Destination,
    /// This version; 0 is the latest
    #[arg(short, long, value_name = "INTEGER", allow_hyphen_values = true, value_parser = integer)]
    pub(crate) version: Option<i128>,
}

#[derive(Debug, Args)]
pub(crate) struct GetAll {
    #[command(flatten)]
    pub(crate) destination: Destination,
}

#[derive(Debug, Args)]
pub(crate) struct FindOne {
    /// Which: * any text, ? one letter, [abc] one of these, [!abc] none of these
    pub(crate) pattern: String,
    #[command(flatten)]
    pub(crate) destination: Destination,
    /// This version; 0 is the latest
    #[arg(short, long, value_name = "INTEGER", allow_hyphen_values = true, value_parser = integer)]
    pub(crate) version: Option<i128>,
}

#[derive(Debug, Args)]
pub(crate) struct FindMany {
    /// Which: * any text, ? one letter, [abc] one of these, [!abc] none of these
    pub(crate) pattern: String,
    #[command(flatten)]
    pub(crate) destination: Destination,
}

/// Whether a value that is there already is stored again.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Compare {
    /// Compare with the latest value, and skip if unchanged; the default
    #[arg(long, overrides_with = "no_compare")]
    compare: bool,
    /// Store a new version whatever the latest value is
    #[arg(long, overrides_with = "compare")]
    no_compare: bool,
}

impl Compare {
    /// Whether to compare.
    pub(crate) fn wanted(self) -> bool {
        !self.no_compare
    }
}

#[derive(Debug, Args)]
pub(crate) struct Put {
    /// The secret
    pub(crate) secret_name: String,
    /// A file with the value, or - for standard input
    pub(crate) source: PathBuf,
    /// raw, json, yaml or csv; by default what the file's name says
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) format: Option<String>,
    /// Store it as this version, without looking at others
    #[arg(short, long, value_name = "INTEGER", allow_hyphen_values = true, value_parser = integer)]
    pub(crate) version: Option<i128>,
    #[command(flatten)]
    pub(crate) compare: Compare,
}

#[derive(Debug, Args)]
pub(crate) struct PutMany {
    /// A file with names and values, or - for standard input
    pub(crate) source: PathBuf,
    /// json, yaml or csv; by default what the file's name says
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) format: Option<String>,
    #[command(flatten)]
    pub(crate) compare: Compare,
}

/// What templates see.
#[derive(Debug, Args)]
pub(crate) struct Rendering {
    /// Name of the secrets object in the template
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "secrets",
        allow_hyphen_values = true
    )]
    pub(crate) obj_name: String,
    /// How a key becomes the name of a secret: "dev.{0}" makes {{secrets.potato}} the secret
    /// "dev.potato"
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "{0}",
        allow_hyphen_values = true
    )]
    pub(crate) key_fmt: String,
    /// A file with further variables
    #[arg(long, value_name = "FILENAME", allow_hyphen_values = true)]
    pub(crate) template_vars: Option<PathBuf>,
    /// Its format: json, yaml or csv; by default what its name says
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) template_vars_format: Option<String>,
    /// Take the secrets from this file and ask no store
    #[arg(long, value_name = "FILENAME", allow_hyphen_values = true)]
    pub(crate) secrets_file: Option<PathBuf>,
    /// Its format: json, yaml or csv; by default what its name says
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) secrets_file_format: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RenderTemplate {
    /// The template, or - for standard input
    pub(crate) template: PathBuf,
    /// A file, or - for standard output
    pub(crate) destination: PathBuf,
    #[command(flatten)]
    pub(crate) rendering: Rendering,
}

#[derive(Debug, Args)]
pub(crate) struct RenderTemplates {
    /// The manifest, or - for standard input
    pub(crate) manifest: PathBuf,
    /// Its format: json or yaml; by default what its name says
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) manifest_format: Option<String>,
    #[command(flatten)]
    pub(crate) rendering: Rendering,
}

#[derive(Debug, Args)]
pub(crate) struct SetupDynamodb {
    /// Read units of the new table
    #[arg(
        long,
        value_name = "INTEGER",
        default_value_t = 1,
        allow_hyphen_values = true
    )]
    pub(crate) read_capacity: i64,
    /// Write units of the new table
    #[arg(
        long,
        value_name = "INTEGER",
        default_value_t = 1,
        allow_hyphen_values = true
    )]
    pub(crate) write_capacity: i64,
}

fn integer(text: &str) -> Result<i128, String> {
    python_text::int(text).ok_or_else(|| "it is not a valid integer".to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(words: &str) -> Result<Arguments, clap::error::ErrorKind> {
        Arguments::try_parse_from(words.split(' ')).map_err(|error| error.kind())
    }

    fn command(words: &str) -> Command {
        read(words).unwrap().command
    }

    #[test]
    fn the_declarations_are_sound() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[rstest]
    #[case::nothing("credsmash")]
    #[case::no_such_command("credsmash bogus")]
    #[case::no_such_option("credsmash --nope")]
    #[case::abbreviated("credsmash --table x list")]
    #[case::no_version_option("credsmash --version")]
    #[case::no_short_help("credsmash -h")]
    #[case::no_region("credsmash -r us-east-1 list")]
    #[case::one_argument_too_many("credsmash get a b c")]
    #[case::context_swallows_the_command("credsmash --context a list")]
    #[case::global_after_the_command("credsmash list -t x")]
    #[case::no_source("credsmash put x")]
    #[case::version_is_no_number("credsmash put x - -v abc")]
    #[case::version_is_a_fraction("credsmash get x -v 1.5")]
    #[case::capacity_is_no_number("credsmash setup-dynamodb --read-capacity x")]
    fn a_wrong_command_line_is_refused(#[case] words: &str) {
        let kind = read(words).map(|_| ()).unwrap_err();
        assert_ne!(kind, clap::error::ErrorKind::DisplayHelp);
    }

    #[test]
    fn options_and_arguments_of_a_command_mix() {
        let Command::Put(put) = command("credsmash put -v -5 x - --format raw --no-compare") else {
            panic!("another command")
        };
        assert_eq!(
            (put.secret_name.as_str(), put.version, put.compare.wanted()),
            ("x", Some(-5), false)
        );
    }

    #[test]
    fn the_last_word_about_comparing_counts() {
        let compares = |words| match command(words) {
            Command::PutMany(put) => put.compare.wanted(),
            other => panic!("{other:?}"),
        };
        assert!(compares("credsmash put-many -"));
        assert!(compares("credsmash put-many - --no-compare --compare"));
        assert!(!compares("credsmash put-many - --compare --no-compare"));
    }

    #[test]
    fn a_pair_of_the_context_is_two_words_whatever_they_are() {
        let read = read("credsmash -k k --context a b=1 --context -c --d list").unwrap();
        let pairs: Vec<_> = read.globals.context().collect();
        assert_eq!(pairs, [("a", "b=1"), ("-c", "--d")]);
    }

    #[test]
    fn of_an_option_given_twice_the_last_one_counts() {
        let read = read("credsmash -t a -t b get x -v 1 -v 2 -f raw -f json").unwrap();
        assert_eq!(read.globals.table_name.as_deref(), Some("b"));
        let Command::Get(get) = read.command else {
            panic!("another command")
        };
        assert_eq!(
            (get.version, get.destination.format.as_deref()),
            (Some(2), Some("json"))
        );
    }

    #[test]
    fn a_name_after_two_dashes_may_begin_with_one() {
        let Command::Get(get) = command("credsmash get -- -odd") else {
            panic!("another command")
        };
        assert_eq!(get.secret_name, "-odd");
    }
}
