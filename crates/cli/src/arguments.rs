//! What can be typed. Values of secrets never can: they come by prompt, standard input or file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use crate::secret_arguments::{
    Blind, BlindCommand, BlindCreate, BlindRead, BlindUpdate, CredentialCommand, Diff, Exec,
    Fields, Format, History, Mapping, Naming, NewPairs, Page, Pairs, Revert, Sealing,
    ServiceCommand,
};

/// A keep for secrets, warded so that only the right key turns.
#[derive(Debug, Parser)]
#[command(
    name = "keepward",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    /// Settings file (TOML); environment variables win over it
    #[arg(long, global = true, env = "KEEPWARD_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server; with no settings at all, embedded on 127.0.0.1:8080
    Serve(Serve),
    /// Run a server with sample data in a fresh folder, and say what to try
    Demo(Demo),
    /// Settings: what is given, what it amounts to, what is wrong
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Keys by which services and people log in where there is no AWS
    #[command(subcommand)]
    ClientKey(ClientKeyCommand),
    /// Print a login token for other programs (username and token)
    Token(Token),
    /// Services: which credentials a caller gets
    #[command(subcommand)]
    Service(ServiceCommand),
    /// Credentials: named pairs of secrets
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// Blind credentials: sealed and opened here, so that the server never sees a value
    #[command(subcommand)]
    Blind(BlindCommand),
    /// CredSmash 3.0.2's command line; this program called as credsmash is the same
    Credsmash,
    /// credstash 1.17.1's command line; this program called as credstash is the same
    Credstash,
    /// Run a command with the secrets of a service in its environment
    Exec(Exec),
    /// Secrets in the tables of credstash and CredSmash, or in a folder; needs no server
    Stash(crate::stash::Stash),
    /// Print what a shell needs to complete command lines, for example for `source`
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Try everything behind the settings: tables, permissions, keys, clock, folders
    Doctor(crate::doctor_command::Doctor),
    /// Examine a table of Confidant's before switching to Keepward; changes nothing
    Preflight(crate::preflight_command::Preflight),
    /// For who runs the server: works on its files, not through its API
    #[command(subcommand)]
    Admin(AdminCommand),
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8080, env = "PORT")]
    pub(crate) port: u16,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check all settings at once; prints what they amount to, never a value that could be secret
    Check {
        /// Machine-readable
        #[arg(long)]
        json: bool,
    },
    /// List every setting there is
    List {
        /// Machine-readable
        #[arg(long, conflicts_with = "markdown")]
        json: bool,
        /// As a page of documentation
        #[arg(long)]
        markdown: bool,
    },
}

/// How to reach a server and who is asking.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// The server; without it, the one that the key file names, else http://127.0.0.1:8080
    #[arg(long, env = "KEEPWARD_URL")]
    pub(crate) url: Option<String>,
    /// Client key file to log in with; without it, the operator's in the data folder
    #[arg(long, env = "KEEPWARD_KEY_FILE", value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Log in with a KMS token under this key (alias, id or ARN) instead of a client key
    #[arg(
        long,
        env = "KEEPWARD_KMS_KEY",
        value_name = "KEY",
        requires = "from",
        conflicts_with = "key_file"
    )]
    pub(crate) kms_key: Option<String>,
    /// Keep the KMS token in this file for its life, as kmsauth does but readable by its owner only
    #[arg(long, value_name = "FILE", requires = "kms_key")]
    pub(crate) token_cache: Option<PathBuf>,
    /// Name to log in as, with --kms-key
    #[arg(long, env = "KEEPWARD_FROM", value_name = "NAME")]
    pub(crate) from: Option<String>,
    /// The server's name in tokens (its AUTH_CONTEXT)
    #[arg(long, env = "KEEPWARD_TO", value_name = "CONTEXT")]
    pub(crate) to: Option<String>,
    /// What --from is
    #[arg(long, value_enum, default_value_t = Caller::Service)]
    pub(crate) caller: Caller,
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Caller {
    Service,
    User,
}

impl Caller {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::User => "user",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClientKeyCommand {
    /// Make a key: the private half goes to a file here, the server learns the public half
    Issue {
        /// The name that the key proves
        name: String,
        /// What the name is
        #[arg(long, value_enum, default_value_t = Caller::Service)]
        kind: Caller,
        /// Days until it expires
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3_650))]
        days: u32,
        /// Where to write the private half (0600); refuses to replace a file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        connection: Connection,
    },
    /// List the registered keys
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Revoke a key at once
    Revoke {
        /// Its id
        id: String,
        #[command(flatten)]
        connection: Connection,
    },
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Token {
    #[command(subcommand)]
    pub(crate) command: Option<TokenCommand>,
    /// Minutes it is good for from now on; servers take up to their AUTH_TOKEN_MAX_LIFETIME, less 3
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_437))]
    pub(crate) minutes: u32,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Explain a token and its username: what is wrong with them, and which policy condition rejects them
    Inspect(Inspect),
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The token from a file: bare, as header lines (X-Auth-From, X-Auth-Token, Authorization), as
    /// `keepward token --json` prints it, or a client's token cache; `-` is standard input. Without
    /// it, asks for it
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The username that goes with it: NAME, or VERSION/TYPE/NAME
    #[arg(long)]
    pub(crate) username: Option<String>,
    /// The server's name in tokens (its AUTH_CONTEXT)
    #[arg(long, env = "KEEPWARD_TO", value_name = "CONTEXT")]
    pub(crate) to: Option<String>,
    /// The context that the client encrypted under: from=web,to=confidant,user_type=service
    #[arg(long, value_name = "NAME=VALUE,...", value_delimiter = ',', value_parser = name_and_value)]
    pub(crate) context: Vec<(String, String)>,
    /// An IAM or key policy (JSON) to judge the client's call by; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Vec<PathBuf>,
    /// The call that the policies are asked about
    #[arg(long, default_value = "kms:Encrypt")]
    pub(crate) action: String,
    /// The ARN of the key, for the policies' Resource
    #[arg(long, value_name = "ARN")]
    pub(crate) key_arn: Option<String>,
    /// The ARN of the client's role or user, for the principals of key policies
    #[arg(long, value_name = "ARN")]
    pub(crate) principal: Option<String>,
    /// Whether the client's credentials came with MFA; absent: long-lived keys, which say nothing
    #[arg(long, value_enum)]
    pub(crate) mfa: Option<Mfa>,
    /// A further fact for the policies, for example aws:username=alice; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = name_and_value)]
    pub(crate) fact: Vec<(String, String)>,
    /// Try to decrypt the token here, under the contexts that people mean, with this machine's AWS credentials
    #[arg(long)]
    pub(crate) decrypt: bool,
    /// Send username and token to this server and tell what it says
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Machine-readable output
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is known of multi-factor authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mfa {
    Yes,
    No,
    Absent,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it takes NAME=VALUE".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Proxies that are believed, as the setting FORWARDED_ALLOW_IPS, which this wins over; gunicorn's name for it
    #[arg(long, value_name = "IPS")]
    pub(crate) forwarded_allow_ips: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Verify the audit log: lines, segments, signatures, and the chain in the table
    AuditVerify {
        /// Machine-readable
        #[arg(long)]
        json: bool,
    },
    /// Add a master key to the keyring and use it for what is sealed from now on
    RotateKeyring,
    /// The secrets of the server itself, sealed for SECRETS_BOOTSTRAP
    #[command(subcommand)]
    SecretsBootstrap(SecretsBootstrapCommand),
    /// Confidant's name of `secrets-bootstrap encrypt`
    #[command(name = "generate_secrets_bootstrap", hide = true)]
    GenerateSecretsBootstrap(EncryptSecrets),
    /// Confidant's name of `secrets-bootstrap decrypt`
    #[command(name = "decrypt_secrets_bootstrap", hide = true)]
    DecryptSecretsBootstrap(DecryptSecrets),
    /// Print the manual of the command line
    #[command(hide = true)]
    Reference,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretsBootstrapCommand {
    /// Seal a YAML file of settings and their secrets under KMS_MASTER_KEY
    Encrypt(EncryptSecrets),
    /// Print, as YAML, every setting that may be secret and is given; those of SECRETS_BOOTSTRAP are opened
    Decrypt(DecryptSecrets),
}

#[derive(Debug, Args)]
pub(crate) struct EncryptSecrets {
    /// The YAML file, or - for standard input
    #[arg(long = "in", value_name = "FILE", default_value = "-")]
    pub(crate) input: PathBuf,
    /// Where the value of SECRETS_BOOTSTRAP goes, or - for standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct DecryptSecrets {
    /// Where the YAML goes, or - for standard output; a file can be read by its owner alone
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) out: PathBuf,
}
