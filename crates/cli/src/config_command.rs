//! `keepward config`: what is given, what it amounts to, what is wrong.

use std::path::Path;

use login::Browsers;
use serde_json::json;
use server::Config;
use server::settings::{Backend, MetricsAt, SETTINGS, Setting, Source, State};

use crate::arguments::ConfigCommand;
use crate::exit::Outcome;
use crate::{output, settings};

pub(crate) fn run(file: Option<&Path>, command: ConfigCommand) -> Outcome {
    match command {
        ConfigCommand::Check { json } => {
            let config = settings::read(file)?;
            if json {
                output::json(&as_json(&config))
            } else {
                output::text(&as_text(&config))
            }
        }
        ConfigCommand::List { json: true, .. } => {
            let all: Vec<_> = SETTINGS
                .iter()
                .map(|setting| {
                    let (default, meaning) = setting.told();
                    json!({
                        "name": setting.name,
                        "kind": setting.kind.word(),
                        "default": default,
                        "meaning": meaning,
                        "used": setting.has_effect(),
                    })
                })
                .collect();
            output::json(&all)
        }
        ConfigCommand::List { markdown: true, .. } => output::text(&markdown()),
        ConfigCommand::List { .. } => {
            let mut text = String::new();
            for setting in SETTINGS {
                let (default, meaning) = setting.told();
                let default = if default.is_empty() { "none" } else { default };
                text.push_str(&format!(
                    "{} ({}, default {default})\n    {meaning}\n",
                    setting.name,
                    setting.kind.word(),
                ));
            }
            output::text(&text)
        }
    }
}

/// `docs/settings.md`; a test compares the two.
pub(crate) fn markdown() -> String {
    let mut page = String::from(
        "# Settings\n\n\
         Environment variables, read once at start. The same names, in capitals or not, may stand in a TOML file\n\
         (`--config FILE` or `KEEPWARD_CONFIG`); the environment wins. `keepward config check` says what a set of\n\
         settings amounts to and names everything wrong at once.\n\n\
         This page is made by `keepward config list --markdown`.\n\n\
         | setting | takes | default | meaning |\n|---|---|---|---|\n",
    );
    let row = |setting: &Setting| {
        let (default, meaning) = setting.told();
        format!(
            "| `{}` | {} | {default} | {meaning} |\n",
            setting.name,
            setting.kind.word(),
        )
    };
    page.extend(
        SETTINGS
            .iter()
            .filter(|setting| setting.has_effect())
            .map(row),
    );
    page.push_str("\nAccepted without effect in this version:\n\n| setting | takes | default | meaning |\n|---|---|---|---|\n");
    page.extend(
        SETTINGS
            .iter()
            .filter(|setting| !setting.has_effect())
            .map(row),
    );
    page
}

fn backend(config: &Config) -> String {
    match &config.backend {
        Backend::Embedded => format!("embedded, in {}", config.data_dir.display()),
        Backend::Aws(aws) if aws.own_table == aws.table => {
            format!("DynamoDB table {} and KMS in {}", aws.table, aws.region)
        }
        Backend::Aws(aws) => {
            format!(
                "DynamoDB tables {} and {}, and KMS in {}",
                aws.table, aws.own_table, aws.region
            )
        }
    }
}

fn logins(config: &Config) -> Vec<&'static str> {
    let mut ways = vec!["client keys"];
    if config.kms_login.is_some() {
        ways.push("KMS tokens");
    }
    match &config.browsers {
        Browsers::Nobody => {}
        Browsers::Header(_) => ways.push("headers of a trusted proxy"),
        Browsers::DangerEverybody => return vec!["nothing"],
    }
    ways
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Bootstrap => "SECRETS_BOOTSTRAP",
        Source::Environment => "environment",
        Source::File => "file",
    }
}

fn as_json(config: &Config) -> serde_json::Value {
    json!({
        "ok": true,
        "listen": config.listen.to_string(),
        "backend": backend(config),
        "audit_dir": config.audit_dir.display().to_string(),
        "login": logins(config),
        "given": config.given.iter().map(|(setting, from)| json!({
            "name": setting.name,
            "from": source(*from),
            "used": setting.has_effect(),
        })).collect::<Vec<_>>(),
        "without_effect": config.without_effect.iter().map(|setting| setting.name).collect::<Vec<_>>(),
        "dangers": config.dangers.iter().map(|danger| danger.warning).collect::<Vec<_>>(),
        "warnings": warnings(config),
    })
}

fn as_text(config: &Config) -> String {
    let mut text = format!(
        "settings are valid\n  listens on  {}\n  stores in   {}\n  audit log   {}\n  login by    {}\n",
        config.listen,
        backend(config),
        config.audit_dir.display(),
        logins(config).join(", "),
    );
    for (setting, from) in &config.given {
        let effect = if setting.has_effect() {
            ""
        } else {
            ", without effect"
        };
        text.push_str(&format!(
            "  given       {} ({}{effect})\n",
            setting.name,
            source(*from)
        ));
    }
    for setting in &config.without_effect {
        let fate = match setting.state {
            State::Ignored => "is ignored",
            _ => "has no effect in this version",
        };
        text.push_str(&format!(
            "note: {} {fate}: {}\n",
            setting.name,
            setting.told().1
        ));
    }
    for danger in &config.dangers {
        text.push_str(&format!("DANGER: {}\n", danger.warning));
    }
    for warning in warnings(config) {
        text.push_str(&format!("warning: {warning}\n"));
    }
    text
}

/// What is allowed and should not stay so.
pub(crate) fn warnings(config: &Config) -> Vec<String> {
    let quoted = config.quoted.iter().map(|setting| {
        format!(
            "{} stands between quotes, which belong to it: a shell takes them off, an env-file of Docker keeps them",
            setting.name
        )
    });
    let others = about_logins(config).into_iter().map(str::to_owned);
    quoted.chain(others).collect()
}

fn about_logins(config: &Config) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    if config.confidant.rules == server::settings::ConfidantRules::None {
        warnings.push(
            "ACL_MODULE=no_acl: every caller who logs in may read and change every credential",
        );
    }
    if matches!(config.browsers, Browsers::Header(_)) && config.trusted_peers.are_everybody() {
        warnings.push(
            "FORWARDED_ALLOW_IPS=* with USER_AUTH_MODULE=header: whoever reaches the port is whom he says he is",
        );
    }
    if matches!(config.backend, Backend::Aws(_))
        && config.kms_login.is_none()
        && config.administrators.is_empty()
        && matches!(config.browsers, Browsers::Nobody)
    {
        warnings.push("no AUTH_KEY, USER_AUTH_KEY, USER_AUTH_MODULE or KEEPWARD_ADMINISTRATORS: nobody can log in");
    }
    let open = match config.metrics.at {
        MetricsAt::Off => false,
        MetricsAt::Main => !config.listen.ip().is_loopback(),
        MetricsAt::Own(address) => !address.ip().is_loopback(),
    };
    if open {
        warnings.push(
            "KEEPWARD_METRICS: /metrics asks for no login, and its address is not of this machine alone; whoever reaches it reads it",
        );
    }
    if config.confidant.certificates_by_name_start {
        warnings.push(
            "KEEPWARD_CERTIFICATES_BY_NAME_START=true: a service whose name begins the common name gets certificates with \
             any other names",
        );
    }
    if let Some(login) = &config.kms_login {
        warnings.extend(about_kms_tokens(login));
    }
    warnings
}

fn about_kms_tokens(login: &server::settings::KmsLogin) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    if login.drop_days {
        warnings.push(
            "KEEPWARD_TOKEN_DROP_DAYS=true: whole days of a KMS token's lifetime do not count, so AUTH_TOKEN_MAX_LIFETIME \
             lets tokens of many years pass; for clients that cannot be mended yet",
        );
    }
    let takes = |kind: &str| login.user_types.contains(kind);
    if takes("user") && login.user_auth_keys.is_empty() {
        warnings.push("KMS_AUTH_USER_TYPES has user, but USER_AUTH_KEY is not set: no user can log in with a KMS token");
    }
    if takes("service") && login.auth_keys.is_empty() && login.scoped.is_empty() {
        warnings.push("KMS_AUTH_USER_TYPES has service, but AUTH_KEY is not set: no service can log in with a KMS token");
    }
    if !login.user_auth_keys.is_empty() && !takes("user") {
        warnings.push("USER_AUTH_KEY is set, but KMS_AUTH_USER_TYPES has no user: no user can log in with a KMS token");
    }
    if login
        .user_types
        .iter()
        .any(|kind| kind != "user" && kind != "service")
    {
        warnings.push(
            "KMS_AUTH_USER_TYPES has a type that is neither service nor user: no key can prove it",
        );
    }
    warnings
}
