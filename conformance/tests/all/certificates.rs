//! Certificates of the built program: from moto's Private CA, from keys of its own, and vouching for themselves; judged
//! by OpenSSL.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use conformance::{Login, Program, Running};
use serde_json::{Value, json};
use testkit::Moto;

use crate::openssl::OpenSsl;
use crate::world::{self, text};

const PATTERN: &str = r"(?P<service_name>[\w-]+)\.example\.com";

struct House {
    moto: Moto,
    folder: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        Self {
            moto: Moto::start(),
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn program(&self) -> Program {
        world::on_moto(
            Program::keepward(),
            &self.moto,
            "certificates",
            self.folder.path(),
        )
    }

    fn serve(&self, settings: &[(&str, &str)]) -> Running {
        self.program().set_all(settings).serve().expect("it starts")
    }

    fn login(&self, kind: &str, name: &str) -> Login {
        world::kms_login(&self.program(), kind, name)
    }
}

/// A request of OpenSSL's own, for these names.
fn request(openssl: &OpenSsl, common_name: &str, hosts: &[&str]) -> String {
    let hosts: Vec<_> = hosts.iter().map(|host| format!("DNS:{host}")).collect();
    openssl.run(&format!(
        "req -new -newkey rsa:2048 -nodes -keyout key -out csr -subj /O=Example/CN={common_name} \
         -addext subjectAltName={}",
        hosts.join(",")
    ));
    openssl.read("csr")
}

fn get(server: &Running, login: &Login, path: &str) -> Value {
    let answer = server.http.get(path, login);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

#[test]
fn a_private_ca_of_aws_issues_with_a_made_key_and_for_a_request() {
    let house = House::new();
    let authority = house.moto.private_ca();
    let server = house.serve(&[
        ("ACM_PRIVATE_CAS", "development"),
        ("ACM_PRIVATE_CA_ARN_DEVELOPMENT", &authority),
        ("ACM_PRIVATE_CA_DOMAIN_REGEX_DEVELOPMENT", PATTERN),
        ("ACM_PRIVATE_CA_MAX_VALIDITY_DAYS_DEVELOPMENT", "30"),
        ("ACM_PRIVATE_CA_CSR_COUNTRY_NAME_DEVELOPMENT", "US"),
        (
            "ACM_PRIVATE_CA_CSR_ORGANIZATION_NAME_DEVELOPMENT",
            "Example",
        ),
        ("ACM_PRIVATE_CA_CERTIFICATE_USE_CACHE_DEVELOPMENT", "true"),
    ]);
    let (web, alice) = (house.login("service", "web"), house.login("user", "alice"));
    let root = get(&server, &web, "/v1/cas/development");
    assert_eq!(root["tags"], json!({ "hello": "world" }));
    assert_eq!(root["certificate_chain"], "");
    let all = get(&server, &web, "/v1/cas");
    assert_eq!(all["cas"], json!([root]));
    let root = text(&root, "certificate");

    let openssl = OpenSsl::new();
    let path = "/v1/certificates/development/web.example.com?san=web.example.com&validity=5";
    let made = get(&server, &web, path);
    let certificate = text(&made, "certificate");
    openssl.trusts(
        &root,
        &text(&made, "certificate_chain"),
        &certificate,
        "web.example.com",
    );
    openssl.write("key", &text(&made, "key"));
    assert_eq!(
        openssl.run("rsa -in key -pubout"),
        openssl.run("x509 -in leaf.pem -noout -pubkey")
    );
    let subject = openssl.run("x509 -in leaf.pem -noout -subject");
    assert!(
        subject.contains("CN = web.example.com, C = US, O = Example"),
        "{subject}"
    );
    // Kept, with its key.
    assert_eq!(get(&server, &web, path), made);

    let body = json!({ "csr": request(&openssl, "web.example.com", &["web.example.com"]), "validity": 99 });
    let issued = server
        .http
        .post("/v1/certificates/development", &web, &body);
    assert_eq!(issued.status, 200, "{}", issued.body);
    let chain = text(&issued.body, "certificate_chain");
    openssl.trusts(
        &root,
        &chain,
        &text(&issued.body, "certificate"),
        "web.example.com",
    );
    assert_eq!(
        openssl.run("req -in csr -noout -pubkey"),
        openssl.run("x509 -in leaf.pem -noout -pubkey")
    );
    let days: Vec<_> = house
        .moto
        .calls()
        .iter()
        .filter(|call| call.operation() == "IssueCertificate")
        .map(|call| call.body()["Validity"]["Value"].as_i64())
        .collect();
    assert_eq!(days, [Some(5), Some(30)]);

    for (login, path, status) in [
        (&web, "/v1/certificates/development/api.example.com", 403),
        (
            &web,
            "/v1/certificates/development/web.example.com?san=api.example.com",
            403,
        ),
        (
            &web,
            "/v1/certificates/development/web.example.com.evil.org",
            403,
        ),
        (&alice, "/v1/certificates/development/web.example.com", 403),
        (&alice, "/v1/cas", 403),
        (&web, "/v1/cas/unknown", 404),
    ] {
        let answer = server.http.get(path, login);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
    let log = server.stop();
    assert!(
        log.contains("panics=0") && !log.contains("PRIVATE KEY"),
        "{log}"
    );
}

#[test]
fn a_refusing_aws_is_told_as_such_and_one_that_is_away_as_such() {
    let house = House::new();
    let authority = house.moto.private_ca();
    let server = house.serve(&[
        ("ACM_PRIVATE_CAS", "development"),
        ("ACM_PRIVATE_CA_ARN_DEVELOPMENT", &authority),
        ("ACM_PRIVATE_CA_DOMAIN_REGEX_DEVELOPMENT", PATTERN),
    ]);
    let web = house.login("service", "web");
    let path = "/v1/certificates/development/web.example.com";
    let ask = || server.http.get(path, &web);
    let allowed = ["dynamodb:*", "kms:*", "acm-pca:GetCertificate"];
    house.moto.allow_only("AKIDTEST", &allowed);
    let denied = ask();
    assert_eq!(denied.status, 502, "{}", denied.body);
    assert_eq!(denied.body["dependency"], "certificate authority");
    house.moto.allow_all("AKIDTEST");
    house
        .moto
        .fault(testkit::Fault::refuse("IssueCertificate", "ThrottlingException", 400).times(10));
    let throttled = ask();
    assert_eq!(throttled.status, 503, "{}", throttled.body);
    house.moto.forget_faults();
    assert_eq!(ask().status, 200);
    let log = server.stop();
    assert!(log.contains("acm-pca:IssueCertificate"), "{log}");
}

#[test]
fn the_switch_brings_back_what_confidant_lets_pass() {
    let house = House::new();
    let server = house.serve(&[
        ("ACM_PRIVATE_CAS", "development"),
        ("ACM_PRIVATE_CA_SELF_SIGN_DEVELOPMENT", "true"),
        ("ACM_PRIVATE_CA_DOMAIN_REGEX_DEVELOPMENT", PATTERN),
        ("KEEPWARD_CERTIFICATES_BY_NAME_START", "true"),
    ]);
    let web = house.login("service", "web");
    let path = "/v1/certificates/development/web.example.com.evil.org?san=api.example.com";
    let made = get(&server, &web, path);
    let openssl = OpenSsl::new();
    let certificate = text(&made, "certificate");
    // It vouches for itself.
    openssl.trusts(&certificate, &certificate, &certificate, "api.example.com");
    let other = server
        .http
        .get("/v1/certificates/development/api.example.com", &web);
    assert_eq!(other.status, 403);
    let log = server.stop();
    assert!(log.contains("KEEPWARD_CERTIFICATES_BY_NAME_START"), "{log}");
    let audit = std::fs::read_dir(house.folder.path().join("audit")).expect("the audit log");
    let lines: String = audit
        .filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok())
        .collect();
    assert!(
        lines.contains("service-gets-certificates-by-name-start"),
        "{lines}"
    );
}

#[test]
fn a_key_of_the_settings_issues_for_requests_only() {
    let house = House::new();
    let authority = OpenSsl::new();
    let subject = "/DC=com/DC=example/OU=One/OU=Two/CN";
    authority.run(&format!(
        "req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 30 -subj {subject}=Root"
    ));
    authority.run("genpkey -algorithm RSA -aes256 -pass pass:hunter2 -out ca.key");
    authority.run(&format!(
        "req -new -key ca.key -passin pass:hunter2 -out ca.csr -subj {subject}=Issuing"
    ));
    authority.write(
        "ca.ext",
        "basicConstraints=critical,CA:true\nsubjectKeyIdentifier=hash\n",
    );
    authority.run(
        "x509 -req -in ca.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -extfile ca.ext -out ca.pem",
    );
    let keys = json!({ "staging": [{
        "kid": "ca-2026",
        "key": authority.read("ca.key"),
        "crt": authority.read("ca.pem"),
        "rootcrt": authority.read("root.pem"),
        "passphrase": "hunter2",
    }] });
    let server = house.serve(&[
        ("CA_TYPE", "custom_ca"),
        (
            "CUSTOM_CERTIFICATE_AUTHORITIES",
            &STANDARD.encode(keys.to_string()),
        ),
        ("CUSTOM_CA_ENCRYPTED", "false"),
        ("CUSTOM_CA_ACTIVE_KEYS", r#"{"staging": "ca-2026"}"#),
        ("CUSTOM_CA_DOMAIN_REGEX", PATTERN),
    ]);
    let web = house.login("service", "web");
    let told = get(&server, &web, "/v1/cas/staging");
    let chain = authority.read("ca.pem") + &authority.read("root.pem");
    assert_eq!(
        told,
        json!({
            "ca": "ca-2026",
            "certificate": authority.read("ca.pem"),
            "certificate_chain": chain,
            "tags": [],
        })
    );
    let openssl = OpenSsl::new();
    let issue = |request: &str| {
        let body = json!({ "csr": request, "validity": 5 });
        server.http.post("/v1/certificates/staging", &web, &body)
    };
    let issued = issue(&request(&openssl, "web.example.com", &["web.example.com"]));
    assert_eq!(issued.status, 200, "{}", issued.body);
    assert_eq!(text(&issued.body, "certificate_chain"), chain);
    let certificate = text(&issued.body, "certificate");
    openssl.trusts(
        &authority.read("root.pem"),
        &chain,
        &certificate,
        "web.example.com",
    );

    openssl.run("req -new -newkey rsa:2048 -nodes -keyout key -out csr -subj /CN=web.example.com");
    let without_names = issue(&openssl.read("csr"));
    assert_eq!(without_names.status, 400, "{}", without_names.body);
    let foreign = issue(&request(&openssl, "web.example.com", &["api.example.com"]));
    assert_eq!(foreign.status, 403, "{}", foreign.body);
    let with_key = server
        .http
        .get("/v1/certificates/staging/web.example.com", &web);
    assert_eq!(with_key.status, 400, "{}", with_key.body);
    let log = server.stop();
    assert!(
        log.contains("panics=0") && !log.contains("hunter2"),
        "{log}"
    );
}
