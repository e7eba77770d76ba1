//! Certificate requests: OpenSSL's read by us, ours by OpenSSL.

use std::net::IpAddr;

use pki::{AlternativeName, MAX_NAMES, MAX_REQUEST, PkiError, PrivateKey, Request, Subject};
use proptest::prelude::*;
use rstest::rstest;

use crate::openssl::OpenSsl;

fn request(openssl: &OpenSsl, subject: &str, rest: &str) -> String {
    openssl.run(&format!(
        "req -new -newkey rsa:2048 -nodes -keyout key -out csr -subj {subject}{rest}"
    ));
    openssl.read("csr")
}

#[test]
fn reads_the_names_of_a_request() {
    let openssl = OpenSsl::new();
    let names = "DNS:web.example.com,DNS:*.example.com,IP:192.0.2.1,IP:2001:db8::1,\
                 email:web@example.com,URI:spiffe://example.com/web,RID:1.2.3.4";
    let text = request(
        &openssl,
        "/CN=web.example.com/O=Example",
        &format!(" -addext subjectAltName={names}"),
    );
    let request = Request::read(&text).unwrap();
    assert_eq!(request.common_name(), Some("web.example.com"));
    let address = |text: &str| AlternativeName::Ip(text.parse::<IpAddr>().unwrap());
    assert_eq!(
        request.alternative_names(),
        [
            AlternativeName::Dns("web.example.com".to_owned()),
            AlternativeName::Dns("*.example.com".to_owned()),
            address("192.0.2.1"),
            address("2001:db8::1"),
            AlternativeName::Email("web@example.com".to_owned()),
            AlternativeName::Uri("spiffe://example.com/web".to_owned()),
            AlternativeName::Other,
        ]
    );
    request.check_signature().unwrap();
    // What is passed on is what was judged, in OpenSSL's own form.
    assert_eq!(request.pem(), text);
    let around = format!("Subject: anything\n{text}\nmore words\n");
    assert_eq!(Request::read(&around).unwrap().pem(), text);
}

#[rstest]
#[case::rsa("rsa:2048", "", Ok(()))]
#[case::rsa_512("rsa:2048", " -sha512", Ok(()))]
#[case::p256("ec -pkeyopt ec_paramgen_curve:P-256", "", Ok(()))]
#[case::p384("ec -pkeyopt ec_paramgen_curve:P-384", " -sha384", Ok(()))]
#[case::p521("ec -pkeyopt ec_paramgen_curve:P-521", " -sha512", Ok(()))]
#[case::ed25519("ed25519", "", Ok(()))]
#[case::sha1("rsa:2048", " -sha1", Err(PkiError::BadSignature))]
#[case::small("rsa:1024", "", Err(PkiError::BadSignature))]
fn a_request_is_of_the_owner_of_its_key_when_its_signature_is_strong(
    #[case] key: &str,
    #[case] hash: &str,
    #[case] expected: Result<(), PkiError>,
) {
    let openssl = OpenSsl::new();
    openssl.run(&format!(
        "req -new -newkey {key} -nodes -keyout key -out csr -subj /CN=web{hash}"
    ));
    let request = Request::read(&openssl.read("csr")).unwrap();
    assert_eq!(request.check_signature(), expected);
}

#[test]
fn a_request_with_a_strange_key_does_not_pass() {
    let openssl = OpenSsl::new();
    let text = request(&openssl, "/CN=web", "");
    openssl.run("req -in csr -outform DER -out der");
    // One bit of the subject: what was signed is something else.
    let mut der = base64_of(&text);
    let place = der.windows(3).position(|bytes| bytes == b"web").unwrap();
    der[place] ^= 1;
    let forged = Request::read(&pem_of(&der)).unwrap();
    assert_eq!(forged.common_name(), Some("veb"));
    assert_eq!(forged.check_signature(), Err(PkiError::BadSignature));
}

#[rstest]
#[case::two_common_names("/CN=web/CN=admin")]
#[case::control_character("/CN=we\u{7}b")]
fn names_that_cannot_be_judged_are_refused(#[case] subject: &str) {
    let openssl = OpenSsl::new();
    let text = request(&openssl, subject, "");
    assert!(matches!(Request::read(&text), Err(PkiError::Names(_))));
}

#[test]
fn alternative_names_stand_once_and_are_not_without_end() {
    let openssl = OpenSsl::new();
    let names = |count| {
        let names: Vec<_> = (0..count).map(|number| format!("DNS:{number}.x")).collect();
        format!(" -addext subjectAltName={}", names.join(","))
    };
    let most = request(&openssl, "/CN=web", &names(MAX_NAMES));
    assert_eq!(
        Request::read(&most).unwrap().alternative_names().len(),
        MAX_NAMES
    );
    let more = request(&openssl, "/CN=web", &names(MAX_NAMES + 1));
    assert!(matches!(Request::read(&more), Err(PkiError::Names(_))));
    let long = "x".repeat(MAX_REQUEST + 1);
    assert_eq!(Request::read(&long), Err(PkiError::TooLarge));
    let twice = format!("{most}{most}");
    assert_eq!(
        Request::read(&twice),
        Err(PkiError::NotPem("certificate request"))
    );
}

#[test]
fn openssl_reads_what_we_make() {
    let openssl = OpenSsl::new();
    let key = PrivateKey::generate_rsa(2048).unwrap();
    let subject = Subject {
        common_name: "web.example.com".to_owned(),
        country: Some("US".to_owned()),
        state: Some("California".to_owned()),
        locality: Some("San Francisco".to_owned()),
        organization: Some("Example".to_owned()),
    };
    let hosts = ["web.example.com".to_owned(), "www.example.com".to_owned()];
    let request = Request::make(&key, &subject, &hosts).unwrap();
    assert_eq!(request.common_name(), Some("web.example.com"));
    openssl.write("csr", &request.pem());
    let told = openssl.run("req -in csr -noout -verify -text -nameopt RFC2253,-dn_rev");
    assert!(
        told.contains("Subject: CN=web.example.com,C=US,ST=California,L=San Francisco,O=Example"),
        "{told}"
    );
    assert!(
        told.contains("DNS:web.example.com, DNS:www.example.com"),
        "{told}"
    );
}

#[rstest]
#[case::empty("")]
#[case::long(&"x".repeat(65))]
#[case::control("web\n")]
fn a_common_name_that_cannot_stand_there_is_refused(#[case] name: &str) {
    let key = PrivateKey::generate_rsa(2048).unwrap();
    let subject = Subject {
        common_name: name.to_owned(),
        ..Subject::default()
    };
    assert_eq!(Request::make(&key, &subject, &[]), Err(PkiError::BadName));
}

#[rstest]
#[case::empty("")]
#[case::blank("a b")]
#[case::letters("é.example.com")]
#[case::nul("a\0b")]
fn a_host_that_cannot_stand_there_is_refused(#[case] host: &str) {
    let key = PrivateKey::generate_rsa(2048).unwrap();
    let subject = Subject {
        common_name: "web".to_owned(),
        ..Subject::default()
    };
    let made = Request::make(&key, &subject, &[host.to_owned()]);
    assert_eq!(made, Err(PkiError::BadName));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _refused = Request::read(&pem_of(&bytes));
    }
}

fn base64_of(pem: &str) -> Vec<u8> {
    use base64::Engine as _;
    let letters: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD
        .decode(letters)
        .unwrap()
}

fn pem_of(der: &[u8]) -> String {
    use base64::Engine as _;
    let letters = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{letters}\n-----END CERTIFICATE REQUEST-----\n")
}
