//! Services that are scoped to an account: both write them by turns, and both give them to the same callers.

use conformance::{Login, Program, run};
use rstest::rstest;
use serde_json::{Value, json};

use super::{Draw, Fleet, Side};
use crate::world;

/// Keys of accounts. AUTH_KEY is alias/authnz: under that name it speaks for no account, and nobody is of `arn`.
const ACCOUNTS: &str = r#"{
    "alias/authnz-sandbox": "sandbox", "alias/stranger": "mobile",
    "arn:aws:kms:us-east-1:123456789012:key/11111111-1111-1111-1111-111111111111": "arn"
}"#;

/// The same, but AUTH_KEY has an account under its own name.
const AND_MAIN: &str = r#"{
    "alias/authnz-sandbox": "sandbox", "alias/stranger": "mobile", "alias/authnz": "main"
}"#;

/// What a service may be scoped to.
const SCOPES: [Option<&str>; 3] = [None, Some("sandbox"), Some("mobile")];

/// A key that proves services, and the account that it proves. That of AUTH_KEY goes by the name in the settings.
const KEYS: [(&str, Option<&str>); 3] = [
    ("alias/authnz", None),
    ("alias/authnz-sandbox", Some("sandbox")),
    ("alias/stranger", Some("mobile")),
];

const SERVICES: [&str; 2] = ["web", "svc-b"];

#[rstest]
#[case::a_key_of_two_names_is_of_no_account(ACCOUNTS, "arn", None)]
#[case::a_key_of_one_name_is_of_its_account(AND_MAIN, "main", Some("main"))]
fn both_give_a_service_to_callers_of_its_account_alone_whoever_scoped_it(
    #[case] accounts: &str,
    #[case] third: &str,
    #[case] of_auth_key: Option<&'static str>,
) {
    let scopes = [&SCOPES[..], &[Some(third)]].concat();
    let rounds = if testkit::long() { 100 } else { 12 };
    let draw = Draw::new(testkit::seed());
    let fleet = Fleet::start_with(&[("SCOPED_AUTH_KEYS", accounts)]);
    let callers = callers(&fleet, of_auth_key);
    let mut revisions = [0; SERVICES.len()];
    let (mut given, mut refused) = (0, 0);

    for round in 0..rounds {
        let side = *draw.one(&[Side::Keepward, Side::Confidant]);
        let place = draw.below(SERVICES.len());
        let path = format!("/v1/services/{}", SERVICES[place]);
        let before = revisions[place];
        let reverts = before > 1 && draw.chance(3);
        let scope = if reverts {
            let to = 1 + draw.below(before);
            let answer = fleet.send(side, "PUT", &format!("{path}/{to}"), None);
            if answer.status == 400 {
                continue;
            }
            assert_eq!(
                answer.status, 200,
                "round {round}: {side:?}: {}",
                answer.body
            );
            answer.body["account"].clone()
        } else {
            let scope = json!(draw.one(&scopes));
            let written = fleet.write(side, "PUT", &path, &scoped_to(&scope));
            assert_eq!(written["account"], scope, "round {round}: {side:?}");
            scope
        };
        revisions[place] += 1;

        // What people see of it: in the list, in its history, and between two revisions.
        fleet.read("/v1/services");
        let history = fleet.read(&format!("/v1/archive/services/{}", SERVICES[place]));
        let last = history["revisions"].as_array().and_then(|all| all.last());
        assert_eq!(last.expect("a revision")["account"], scope);
        if before > 0 {
            fleet.read(&format!("{path}/{before}/{}", before + 1));
        }
        // What services get.
        for caller in callers
            .iter()
            .filter(|caller| caller.name == SERVICES[place])
        {
            for query in ["", "?metadata_only=true"] {
                let answers = [&fleet.keepward, &fleet.confidant]
                    .map(|server| server.http.get(&format!("{path}{query}"), &caller.login));
                let scoped = scope.as_str();
                let expected = if scoped.is_none() || scoped == caller.account {
                    given += 1;
                    200
                } else {
                    refused += 1;
                    401
                };
                let [ours, theirs] = &answers;
                assert_eq!(
                    (ours.status, theirs.status),
                    (expected, expected),
                    "round {round}: {path}{query} of {scope} as {:?}: {} {}",
                    caller.account,
                    ours.body,
                    theirs.body
                );
                if expected == 200 {
                    assert_eq!(ours.body, theirs.body);
                } else {
                    assert_eq!(ours.body["error"], theirs.body["error"]);
                }
            }
        }
    }
    assert!(given > 0 && refused > 0, "{given} given, {refused} refused");
    // A caller of the right account who is another service gets nothing all the same.
    for caller in &callers {
        let others = SERVICES.iter().filter(|service| **service != caller.name);
        for other in others {
            for server in [&fleet.keepward, &fleet.confidant] {
                let answer = server
                    .http
                    .get(&format!("/v1/services/{other}"), &caller.login);
                assert_eq!(answer.status, 403, "{}", answer.body);
            }
        }
    }
    for side in [Side::Keepward, Side::Confidant] {
        let unknown = scoped_to(&json!("nowhere"));
        let answer = fleet.send(side, "PUT", "/v1/services/web", Some(&unknown));
        assert_eq!(answer.status, 400, "{side:?}: {}", answer.body);
        let told = world::text(&answer.body, "error");
        assert!(
            told.ends_with("is not a valid account."),
            "{side:?}: {told}"
        );
        let answer = fleet.send(side, "GET", "/v1/client_config", None);
        let accounts = &answer.body["generated"]["aws_accounts"];
        assert_eq!(accounts, &json!(["sandbox", "mobile", third]), "{side:?}");
    }
    fleet.stop();
}

#[test]
fn people_read_scoped_services_here_and_are_refused_by_the_real_one() {
    let fleet = Fleet::start();
    let body = scoped_to(&json!("sandbox"));
    fleet.write(Side::Confidant, "PUT", "/v1/services/web", &body);
    let [ours, theirs] = [Side::Keepward, Side::Confidant]
        .map(|side| fleet.send(side, "GET", "/v1/services/web", None).status);
    assert_eq!((ours, theirs), (200, 401));
    fleet.stop();
}

/// A service under a key.
struct Caller {
    name: &'static str,
    account: Option<&'static str>,
    login: Login,
}

fn callers(fleet: &Fleet, of_auth_key: Option<&'static str>) -> Vec<Caller> {
    let program = world::aws_client(&fleet.moto)
        .into_iter()
        .fold(Program::keepward(), |program, (name, value)| {
            program.set(name, value)
        });
    let each = SERVICES.iter().flat_map(|name| {
        KEYS.iter()
            .map(move |(key, account)| (*name, *key, *account))
    });
    each.map(|(name, key, account)| {
        let made = run(program.command(&[
            "token",
            "--json",
            "--kms-key",
            key,
            "--from",
            name,
            "--to",
            "confidant-testing",
            "--minutes",
            "55",
        ]));
        let told = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{told}");
        let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
        Caller {
            name,
            account: if key == "alias/authnz" {
                of_auth_key
            } else {
                account
            },
            login: Login {
                username: world::text(&made, "username"),
                token: world::text(&made, "token"),
            },
        }
    })
    .collect()
}

/// The body of a service that maps nothing.
fn scoped_to(account: &Value) -> Value {
    json!({ "credentials": [], "blind_credentials": [], "enabled": true, "account": account })
}
