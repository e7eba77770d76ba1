//! What can be typed after `credstash`: credstash 1.17.1's options, and a few of our own.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::{TypedValueParser, ValueParserFactory};
use clap::{Args, Parser, Subcommand, ValueEnum};
use keep::Plaintext;

use crate::stash_reach::StashReach;

/// credstash 1.17.1's command line, on the tables of credstash and CredSmash
#[derive(Debug, Parser)]
#[command(
    name = "credstash",
    disable_version_flag = true,
    disable_help_subcommand = true,
    infer_long_args = true,
    args_override_self = true
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options that come before the command.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Globals {
    /// AWS region of the table and, unless told otherwise, of KMS; otherwise AWS_DEFAULT_REGION, then
    /// the profile's, then us-east-1
    #[arg(short, long)]
    pub(crate) region: Option<String>,
    /// AWS region of KMS; wins over the one that `setup --save-kms-region` saved
    #[arg(long)]
    pub(crate) kms_region: Option<String>,
    /// DynamoDB table of the secrets; otherwise CREDSTASH_DEFAULT_TABLE, then credential-store
    #[arg(short, long)]
    pub(crate) table: Option<String>,
    /// DEBUG, INFO, WARNING, ERROR or CRITICAL: what goes to the log file
    #[arg(long, default_value = "WARNING")]
    pub(crate) log_level: String,
    /// Write failures to this file too; without it, no log file is made
    #[arg(long)]
    pub(crate) log_file: Option<PathBuf>,
    /// Profile of AWS's configuration to work under
    #[arg(short, long, conflicts_with = "arn")]
    pub(crate) profile: Option<String>,
    /// ARN of a role to assume
    #[arg(short = 'n', long)]
    pub(crate) arn: Option<String>,
    #[command(flatten)]
    pub(crate) reach: StashReach,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Delete a credential from the store
    Delete(Delete),
    /// Get a credential from the store
    Get(Get),
    /// Get all credentials from the store
    #[command(name = "getall")]
    GetAll(GetAll),
    /// List all keys in the store
    Keys,
    /// List credentials and their versions
    List,
    /// Put a credential into the store
    Put(Put),
    /// Put credentials from JSON into the store
    #[command(name = "putall")]
    PutAll(PutAll),
    /// Set up the credential store
    Setup(Setup),
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The name of the credential
    #[arg(allow_negative_numbers = true)]
    pub(crate) credential: String,
}

/// A form of output for many secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// An object, names sorted
    Json,
    /// One line a secret: name,value
    Csv,
    /// NAME='value', values quoted so that dotenv readers get them whole
    Dotenv,
    /// A mapping, names sorted
    Yaml,
    /// NAME=value lines with names that shells take
    Env,
    /// export NAME='value' lines for a shell
    Export,
    /// What credstash 1.17.1 wrote as dotenv: nothing escaped
    DotenvUnquoted,
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The name of the credential; with * for any text, all that match
    #[arg(allow_negative_numbers = true)]
    pub(crate) credential: String,
    /// Pairs of the encryption context
    #[arg(value_name = "KEY=VALUE", allow_negative_numbers = true)]
    pub(crate) context: Vec<String>,
    /// Print no newline after the value
    #[arg(short, long)]
    pub(crate) noline: bool,
    /// This version; by default the latest
    #[arg(short, long, default_value = "", allow_negative_numbers = true)]
    pub(crate) version: String,
    /// Form of output when several match
    #[arg(short, long, value_enum, default_value_t = Format::Json)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct GetAll {
    /// Pairs of the encryption context
    #[arg(value_name = "KEY=VALUE", allow_negative_numbers = true)]
    pub(crate) context: Vec<String>,
    /// This version of each; by default the latest
    #[arg(short, long, default_value = "", allow_negative_numbers = true)]
    pub(crate) version: String,
    /// Form of output
    #[arg(short, long, value_enum, default_value_t = Format::Json)]
    pub(crate) format: Format,
    /// Print what could be read when some could not; the exit code tells still
    #[arg(long)]
    pub(crate) skip_errors: bool,
}

/// How a credential is sealed, for both ways to put one.
#[derive(Debug, Args)]
pub(crate) struct Sealing {
    /// Id, ARN or alias of the KMS master key
    #[arg(short, long, default_value = "alias/credstash")]
    pub(crate) key: String,
    /// A remark, for `list`
    #[arg(short, long, allow_negative_numbers = true)]
    pub(crate) comment: Option<String>,
    /// Count the version up from the latest, which must be a number; -v is then ignored
    #[arg(short, long)]
    pub(crate) autoversion: bool,
    /// Hash of the integrity code
    #[arg(short, long, default_value = "SHA256", value_parser = DIGESTS)]
    pub(crate) digest: String,
}

/// The hashes that credstash 1.17.1 offers.
const DIGESTS: [&str; 6] = ["SHA", "SHA224", "SHA256", "SHA384", "SHA512", "MD5"];

#[derive(Debug, Args)]
pub(crate) struct Put {
    /// The name of the credential
    #[arg(allow_negative_numbers = true)]
    pub(crate) credential: String,
    /// The value; @FILE for a file's content, - for standard input, which other users of this machine
    /// cannot read; nothing is an empty value
    #[arg(allow_negative_numbers = true)]
    pub(crate) value: Option<Typed>,
    /// Pairs of the encryption context
    #[arg(value_name = "KEY=VALUE", allow_negative_numbers = true)]
    pub(crate) context: Vec<String>,
    #[command(flatten)]
    pub(crate) sealing: Sealing,
    /// Store it as this version
    #[arg(short, long, default_value = "1", allow_negative_numbers = true)]
    pub(crate) version: String,
    /// Ask for the value, without showing it
    #[arg(short = 'P', long)]
    pub(crate) prompt: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PutAll {
    /// JSON; @FILE for a file's content, - for standard input
    pub(crate) credentials: Typed,
    /// Pairs of the encryption context
    #[arg(value_name = "KEY=VALUE", allow_negative_numbers = true)]
    pub(crate) context: Vec<String>,
    #[command(flatten)]
    pub(crate) sealing: Sealing,
    /// Store all as this version; by default as version 0
    #[arg(short, long, default_value = "", allow_negative_numbers = true)]
    pub(crate) version: String,
}

#[derive(Debug, Args)]
pub(crate) struct Setup {
    /// Keep this region for KMS in ~/.credstash
    #[arg(long, value_name = "REGION")]
    pub(crate) save_kms_region: Option<String>,
    /// Tags for the table, besides Name=credstash
    #[arg(long, num_args = 0.., value_name = "KEY=VALUE")]
    pub(crate) tags: Vec<String>,
}

/// A value as typed: bytes that nobody prints.
#[derive(Clone)]
pub(crate) struct Typed(Arc<Plaintext>);

impl Typed {
    /// The bytes that were typed.
    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl fmt::Debug for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Typed(..)")
    }
}

impl ValueParserFactory for Typed {
    type Parser = TypedParser;

    fn value_parser() -> TypedParser {
        TypedParser
    }
}

/// Takes any word.
#[derive(Clone)]
pub(crate) struct TypedParser;

impl TypedValueParser for TypedParser {
    type Value = Typed;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Typed, clap::Error> {
        self.parse(command, argument, value.to_owned())
    }

    fn parse(
        &self,
        _command: &clap::Command,
        _argument: Option<&clap::Arg>,
        value: OsString,
    ) -> Result<Typed, clap::Error> {
        let bytes = value.into_vec().into_boxed_slice();
        Ok(Typed(Arc::new(Plaintext::new(bytes))))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(words: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(words.split(' '))
    }

    fn put(words: &str) -> Put {
        match read(words).unwrap().command {
            Some(Command::Put(put)) => put,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_declarations_are_sound() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[rstest]
    #[case::no_such_command("credstash bogus")]
    #[case::profile_and_role("credstash -p p1 -n arn:aws:iam::1:role/r list")]
    #[case::no_such_format("credstash get x -f toml")]
    #[case::no_such_digest("credstash put -d CRC32 a b")]
    #[case::retired_digest("credstash put -d RIPEMD a b")]
    #[case::no_name("credstash get")]
    #[case::nothing_to_delete("credstash delete")]
    #[case::no_version_option("credstash --version")]
    fn a_wrong_command_line_is_refused(#[case] words: &str) {
        assert_eq!(read(words).unwrap_err().exit_code(), 2);
    }

    #[rstest]
    #[case::region("credstash --reg eu-west-1 list")]
    #[case::kms_region("credstash --kms eu-west-1 list")]
    #[case::noline("credstash get x --no")]
    #[case::autoversion("credstash put x y --auto")]
    fn a_long_option_may_be_cut_short(#[case] words: &str) {
        assert!(read(words).is_ok());
    }

    #[test]
    fn without_a_command_there_is_none() {
        assert!(read("credstash").unwrap().command.is_none());
    }

    #[test]
    fn options_come_before_and_after_arguments() {
        let before = put("credstash put -v3 -c after db hunter2 k=v");
        let after = put("credstash put db hunter2 k=v -v 3 -c after");
        for put in [before, after] {
            assert_eq!(put.version, "3");
            assert_eq!(put.sealing.comment.as_deref(), Some("after"));
            assert_eq!(put.value.unwrap().expose(), b"hunter2");
            assert_eq!(put.context, ["k=v"]);
        }
    }

    #[test]
    fn of_an_option_given_twice_the_last_one_counts() {
        let put = put("credstash put -a -v 1 -a -v 2 -c one -c two db hunter2");
        assert!(put.sealing.autoversion);
        assert_eq!(put.version, "2");
        assert_eq!(put.sealing.comment.as_deref(), Some("two"));
    }

    #[test]
    fn a_negative_number_is_a_value() {
        assert_eq!(put("credstash put x -5").value.unwrap().expose(), b"-5");
    }

    #[test]
    fn a_single_dash_is_a_value() {
        assert_eq!(put("credstash put x -").value.unwrap().expose(), b"-");
    }

    #[test]
    fn debug_shows_no_part_of_a_typed_value() {
        let shown = format!("{:?}", put("credstash put x hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
