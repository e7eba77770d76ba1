//! Login headers, usernames and tokens' base64: no bytes panic, what is read is what was sent.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use login::{MAX_TOKEN, MAX_USERNAME, Presented, Username};

fuzz_target!(|bytes: &[u8]| {
    // Line breaks cannot be in a header, so they separate the three headers here.
    let mut parts = bytes.splitn(4, |byte| *byte == b'\n');
    let (authorization, from, token) = (parts.next(), parts.next(), parts.next());
    let basic = parts
        .next()
        .map(|pair| format!("Basic {}", STANDARD.encode(pair)).into_bytes());

    for authorization in [authorization, basic.as_deref(), None] {
        let Ok(Some(presented)) = Presented::from_headers(authorization, from, token) else {
            continue;
        };
        let (username, text) = (presented.username.as_str(), presented.token.expose());
        assert!((1..=MAX_USERNAME).contains(&username.len()));
        assert!((1..=MAX_TOKEN).contains(&text.len()));
        if let Ok(decoded) = presented.token.decode() {
            assert!(!decoded.is_empty() && decoded.len() <= text.len());
        }
        if let Ok(Username {
            version,
            user_type,
            name,
        }) = Username::parse(username)
        {
            assert!(!name.is_empty() && !name.contains('/'));
            assert!(username == name || username == format!("{version}/{user_type}/{name}"));
        }
    }
});
