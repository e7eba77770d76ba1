//! Private keys in all the texts that operators have.

use pki::{Passphrase, PkiError, PrivateKey, TokenKey};
use rstest::rstest;

use crate::openssl::OpenSsl;

fn pass(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned())
}

#[rstest]
#[case::pkcs8("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key")]
#[case::pkcs1("genrsa -traditional -out key 2048")]
#[case::p256("ecparam -name prime256v1 -genkey -out key")]
#[case::p384("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out key")]
fn reads_a_key_that_is_not_locked(#[case] line: &str) {
    let openssl = OpenSsl::new();
    openssl.run(line);
    PrivateKey::read(&openssl.read("key"), None).unwrap();
    // As JSON often has it.
    let with_returns = openssl.read("key").replace('\n', "\r\n");
    PrivateKey::read(&with_returns, Some(&pass("not needed"))).unwrap();
}

#[rstest]
#[case::pkcs8("genpkey -algorithm RSA -aes256 -pass pass:hunter2 -out key")]
#[case::pkcs8_128("genpkey -algorithm RSA -aes128 -pass pass:hunter2 -out key")]
#[case::pkcs8_192("genpkey -algorithm RSA -aes192 -pass pass:hunter2 -out key")]
#[case::old("genrsa -traditional -aes256 -passout pass:hunter2 -out key 2048")]
#[case::old_128("genrsa -traditional -aes128 -passout pass:hunter2 -out key 2048")]
#[case::old_192("genrsa -traditional -aes192 -passout pass:hunter2 -out key 2048")]
#[case::curve(
    "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:hunter2 -out key"
)]
fn a_locked_key_opens_with_its_passphrase_alone(#[case] line: &str) {
    let openssl = OpenSsl::new();
    openssl.run(line);
    let text = openssl.read("key");
    PrivateKey::read(&text, Some(&pass("hunter2"))).unwrap();
    assert_eq!(
        PrivateKey::read(&text, None).err(),
        Some(PkiError::PassphraseNeeded)
    );
    for wrong in ["", "hunter", "hunter22"] {
        let refused = PrivateKey::read(&text, Some(&pass(wrong))).err().unwrap();
        let expected = [PkiError::WrongPassphrase, PkiError::KeyKind];
        assert!(expected.contains(&refused), "{wrong}: {refused}");
    }
}

#[rstest]
#[case::hash_sha1("-v2 aes256 -v2prf hmacWithSHA1", Ok(()))]
#[case::hash_sha512("-v2 aes256 -v2prf hmacWithSHA512", Ok(()))]
#[case::triple_des("-v2 des3", Err(PkiError::OldLock))]
#[case::scrypt("-v2 aes256 -scrypt", Err(PkiError::OldLock))]
fn a_lock_that_is_not_known_is_told_as_such(
    #[case] way: &str,
    #[case] expected: Result<(), PkiError>,
) {
    let openssl = OpenSsl::new();
    openssl.run("genrsa -out plain 2048");
    openssl.run(&format!(
        "pkcs8 -topk8 -in plain {way} -passout pass:hunter2 -out key"
    ));
    let read = PrivateKey::read(&openssl.read("key"), Some(&pass("hunter2")));
    assert_eq!(read.map(drop), expected);
}

#[rstest]
#[case::too_small("genrsa -out key 1024", PkiError::KeyKind)]
#[case::other_curve(
    "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out key",
    PkiError::KeyKind
)]
#[case::edwards("genpkey -algorithm ED25519 -out key", PkiError::KeyKind)]
fn a_key_of_another_kind_is_refused(#[case] line: &str, #[case] expected: PkiError) {
    let openssl = OpenSsl::new();
    openssl.run(line);
    assert_eq!(
        PrivateKey::read(&openssl.read("key"), None).err(),
        Some(expected)
    );
}

#[test]
fn a_made_key_is_given_out_as_openssl_reads_it() {
    let openssl = OpenSsl::new();
    let key = PrivateKey::generate_rsa(2048).unwrap();
    openssl.write("key", key.pem().unwrap().expose());
    assert!(
        openssl
            .read("key")
            .starts_with("-----BEGIN RSA PRIVATE KEY-----\n")
    );
    let told = openssl.run("rsa -in key -check -noout");
    assert!(told.contains("RSA key ok"), "{told}");
    assert_eq!(
        PrivateKey::generate_rsa(1024).err(),
        Some(PkiError::KeyKind)
    );
}

#[test]
fn debug_shows_nothing_of_a_key() {
    let key = TokenKey::new(PrivateKey::generate_rsa(2048).unwrap()).unwrap();
    let shown = format!("{key:?}");
    assert!(shown.contains("PrivateKey(..)"), "{shown}");
    assert!(!shown.contains("BEGIN"), "{shown}");
}
