//! Odd tokens, judged as PyPI's `cryptography` judged them (`vectors/fernet/python_tokens.json`).

use crate::vectors::{fernet_key, list, read, text};

#[test]
fn accepts_and_refuses_the_tokens_that_python_does() {
    let file = read("fernet/python_tokens.json");
    let key = fernet_key(text(&file, "key"));
    let (mut opened, mut refused) = (0, 0);
    for case in list(&file, "cases") {
        let name = text(case, "name");
        let ours = key
            .open(text(case, "token"))
            .ok()
            .map(|plain| hex::encode(plain.expose()));
        assert_eq!(ours.as_deref(), case["plaintext_hex"].as_str(), "{name}");
        *if ours.is_some() {
            &mut opened
        } else {
            &mut refused
        } += 1;
    }
    assert_eq!(Some(opened + refused), file["count"].as_u64());
    assert!(
        opened >= 16 && refused >= 19,
        "{opened} opened, {refused} refused"
    );
}
