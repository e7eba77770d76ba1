//! Certificate requests and PEM texts: no bytes panic, and what is passed on is what was judged.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use pki::{Certificate, Passphrase, PrivateKey, Request};

fuzz_target!(|bytes: &[u8]| {
    // As a client sends it, and behind the right label.
    let text = String::from_utf8_lossy(bytes);
    let _refused = Request::read(&text);
    let _refused = Certificate::read(&text);
    let _refused = PrivateKey::read(&text, Some(&Passphrase::new("x".to_owned())));

    let letters = STANDARD.encode(bytes);
    let block = |label| format!("-----BEGIN {label}-----\n{letters}\n-----END {label}-----\n");
    if let Ok(request) = Request::read(&block("CERTIFICATE REQUEST")) {
        let again = Request::read(&request.pem()).expect("it was one");
        assert!(again == request, "another request was passed on");
        let _answered = request.check_signature();
    }
    let _refused = Certificate::read(&block("CERTIFICATE"));
    let _refused = PrivateKey::read(&block("PRIVATE KEY"), None);
});
