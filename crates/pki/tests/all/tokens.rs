//! Signed tokens and their public keys, against OpenSSL's own numbers.

use pki::{PkiError, PrivateKey, Token, TokenKey};

use crate::openssl::OpenSsl;

#[test]
fn the_public_numbers_are_those_that_openssl_reads() {
    let openssl = OpenSsl::new();
    openssl.run("genrsa -out key 2048");
    let key = PrivateKey::read(&openssl.read("key"), None).unwrap();
    let key = TokenKey::new(key).unwrap();
    assert_eq!(key.parts().exponent, "AQAB");
    // 2048 bits are 256 bytes are 342 letters.
    assert_eq!(key.parts().modulus.len(), 342);
}

#[test]
fn a_token_has_three_parts_and_says_its_claims() {
    let key = TokenKey::new(PrivateKey::generate_rsa(2048).unwrap()).unwrap();
    let token = Token::sign(&key, "{\"alg\":\"RS256\"}", "{\"user\":\"é\"}").unwrap();
    assert_eq!(token.expose().split('.').count(), 3);
    assert_eq!(
        token.unchecked_claims().unwrap(),
        "{\"user\":\"é\"}".as_bytes()
    );
    assert_eq!(Token::new("no token".to_owned()).unchecked_claims(), None);
}

#[test]
fn a_key_on_a_curve_signs_no_tokens() {
    let openssl = OpenSsl::new();
    openssl.run("ecparam -name prime256v1 -genkey -out key");
    let key = PrivateKey::read(&openssl.read("key"), None).unwrap();
    assert_eq!(TokenKey::new(key).err(), Some(PkiError::NotRsa));
}
