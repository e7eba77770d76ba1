//! Certificates that we issue, judged by OpenSSL.

use pki::{
    Certificate, Issuer, Period, PkiError, PrivateKey, Request, Serial, Subject, self_signed,
};
use rstest::rstest;

use crate::now;
use crate::openssl::OpenSsl;

fn issuer(openssl: &OpenSsl) -> Issuer {
    let key = PrivateKey::read(&openssl.read("ca.key"), None).unwrap();
    Issuer::new(key, Certificate::read(&openssl.read("ca.pem")).unwrap()).unwrap()
}

fn period(days: u32) -> Period {
    Period { from: now(), days }
}

#[rstest]
#[case::rsa("-algorithm RSA -pkeyopt rsa_keygen_bits:2048")]
#[case::p256("-algorithm EC -pkeyopt ec_paramgen_curve:P-256")]
#[case::p384("-algorithm EC -pkeyopt ec_paramgen_curve:P-384")]
fn openssl_trusts_what_an_authority_issues(#[case] key: &str) {
    let openssl = OpenSsl::new();
    openssl.make_authorities(key);
    openssl.run(
        "req -new -newkey rsa:2048 -nodes -keyout key -out csr -subj /OU=One/OU=Two/CN=web.example.com \
         -addext subjectAltName=DNS:web.example.com,IP:192.0.2.1 -addext basicConstraints=critical,CA:true",
    );
    let request = Request::read(&openssl.read("csr")).unwrap();
    let issued = issuer(&openssl)
        .issue(&request, period(5), Serial::new([0xff; 16]))
        .unwrap();
    openssl.write("leaf.pem", &issued.pem());

    for purpose in ["sslserver", "sslclient"] {
        let told = openssl.run(&format!(
            "verify -x509_strict -purpose {purpose} -verify_hostname web.example.com \
             -CAfile root.pem -untrusted ca.pem leaf.pem"
        ));
        assert_eq!(told.trim(), "leaf.pem: OK");
    }
    let other = openssl.try_run(
        "verify -verify_hostname api.example.com -CAfile root.pem -untrusted ca.pem leaf.pem",
    );
    assert!(!other.status.success());

    let text = openssl.run("x509 -in leaf.pem -noout -text -nameopt RFC2253");
    for expected in [
        "CA:FALSE",
        "Digital Signature, Key Encipherment",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "DNS:web.example.com, IP Address:192.0.2.1",
        "Issuer: CN=Issuing,OU=Two,OU=One,DC=example,DC=com",
        "Subject: CN=web.example.com,OU=Two,OU=One",
        "7f:ff:ff:ff",
        "Authority Key Identifier",
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
    // Its public key is that of the request.
    assert_eq!(
        openssl.run("x509 -in leaf.pem -noout -pubkey"),
        openssl.run("req -in csr -noout -pubkey")
    );
    // Valid for five days from now.
    let day = 86_400;
    let lasts = |seconds| {
        let line = format!("x509 -in leaf.pem -noout -checkend {seconds}");
        openssl.try_run(&line).status.success()
    };
    assert!(lasts(5 * day - 600) && !lasts(5 * day + 600));
}

#[test]
fn a_request_without_alternative_names_or_with_a_strange_key_gets_nothing() {
    let openssl = OpenSsl::new();
    openssl.make_authorities("-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    openssl.run("req -new -newkey rsa:2048 -nodes -keyout key -out csr -subj /CN=web");
    let request = Request::read(&openssl.read("csr")).unwrap();
    let issued = issuer(&openssl).issue(&request, period(5), Serial::new([1; 16]));
    assert!(matches!(issued, Err(PkiError::Names(_))));
    openssl.run(
        "req -new -newkey rsa:2048 -sha1 -nodes -keyout key -out csr -subj /CN=web \
         -addext subjectAltName=DNS:web",
    );
    let request = Request::read(&openssl.read("csr")).unwrap();
    let issued = issuer(&openssl).issue(&request, period(5), Serial::new([1; 16]));
    assert_eq!(issued, Err(PkiError::BadSignature));
}

#[test]
fn an_authority_needs_its_own_certificate_and_the_right_to_issue() {
    let openssl = OpenSsl::new();
    openssl.make_authorities("-algorithm RSA");
    let key = || PrivateKey::read(&openssl.read("ca.key"), None).unwrap();
    let certificate = |name| Certificate::read(&openssl.read(name)).unwrap();
    assert_eq!(
        Issuer::new(key(), certificate("root.pem")).err(),
        Some(PkiError::ForeignCertificate)
    );
    openssl
        .run("req -x509 -key ca.key -out leaf.pem -subj /CN=x -addext basicConstraints=CA:false");
    assert_eq!(
        Issuer::new(key(), certificate("leaf.pem")).err(),
        Some(PkiError::NotAnAuthority)
    );
}

#[test]
fn a_certificate_that_vouches_for_itself_is_one_to_openssl() {
    let openssl = OpenSsl::new();
    let key = PrivateKey::generate_rsa(2048).unwrap();
    let subject = Subject {
        common_name: "web.example.com".to_owned(),
        ..Subject::default()
    };
    let hosts = ["web.example.com".to_owned()];
    let made = self_signed(&key, &subject, &hosts, period(3), Serial::new([0; 16])).unwrap();
    openssl.write("cert.pem", &made.pem());
    openssl.write("key.pem", key.pem().unwrap().expose());
    let told = openssl.run("verify -check_ss_sig -CAfile cert.pem cert.pem");
    assert_eq!(told.trim(), "cert.pem: OK");
    assert_eq!(
        openssl.run("x509 -in cert.pem -noout -pubkey"),
        openssl.run("rsa -in key.pem -pubout")
    );
    assert_eq!(Certificate::read(&openssl.read("cert.pem")).unwrap(), made);
}

#[rstest]
#[case::before_1970(-1, 1, Err(PkiError::BadTime))]
#[case::beyond_9999(253_402_300_799, 1, Err(PkiError::BadTime))]
#[case::over_2049(2_524_607_000, 30, Ok("notAfter=Jan 30 23:43:20 2050 GMT"))]
fn times_stand_as_long_as_there_are_four_digits_of_a_year(
    #[case] from: i64,
    #[case] days: u32,
    #[case] expected: Result<&str, PkiError>,
) {
    let openssl = OpenSsl::new();
    let key = PrivateKey::generate_rsa(2048).unwrap();
    let subject = Subject {
        common_name: "web".to_owned(),
        ..Subject::default()
    };
    let made = self_signed(
        &key,
        &subject,
        &[],
        Period { from, days },
        Serial::new([0; 16]),
    );
    let told = made.map(|made| {
        openssl.write("cert.pem", &made.pem());
        openssl
            .run("x509 -in cert.pem -noout -enddate")
            .trim()
            .to_owned()
    });
    assert_eq!(told.as_deref(), expected.as_deref());
}
