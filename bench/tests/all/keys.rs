//! KMS.

use bench::standin::World;
use serde_json::{Value, json};

use crate::{kms, world};

/// A world with a key behind `alias/one` and another behind `alias/two`.
fn keyed() -> World {
    let world = world();
    for alias in ["alias/one", "alias/two"] {
        let key = kms(&world, "CreateKey", json!({})).expect("a key");
        let request = json!({ "AliasName": alias, "TargetKeyId": key["KeyMetadata"]["KeyId"] });
        kms(&world, "CreateAlias", request).expect("an alias");
    }
    world
}

#[test]
fn what_is_encrypted_decrypts_under_the_same_context_only() {
    let world = keyed();
    let context = json!({ "from": "svc", "to": "confidant" });
    let request =
        json!({ "KeyId": "alias/one", "Plaintext": "aGVsbG8=", "EncryptionContext": context });
    let wrapped = kms(&world, "Encrypt", request).expect("a ciphertext");
    // The order of the pairs does not matter.
    let turned = json!({ "to": "confidant", "from": "svc" });
    let request =
        json!({ "CiphertextBlob": wrapped["CiphertextBlob"], "EncryptionContext": turned });
    let opened = kms(&world, "Decrypt", request).expect("the plaintext");
    assert_eq!(opened["Plaintext"], "aGVsbG8=");
    assert_eq!(opened["KeyId"], wrapped["KeyId"]);
    for other in [
        json!({ "from": "svc" }),
        json!({ "from": "other", "to": "confidant" }),
        Value::Null,
    ] {
        let request =
            json!({ "CiphertextBlob": wrapped["CiphertextBlob"], "EncryptionContext": other });
        let error = kms(&world, "Decrypt", request).expect_err("a refusal");
        assert!(
            error["__type"]
                .as_str()
                .is_some_and(|kind| kind.ends_with("#InvalidCiphertextException"))
        );
    }
}

#[test]
fn a_decrypt_that_names_another_key_is_refused() {
    let world = keyed();
    let request = json!({ "KeyId": "alias/one", "Plaintext": "aGVsbG8=" });
    let wrapped = kms(&world, "Encrypt", request).expect("a ciphertext");
    let request = json!({ "CiphertextBlob": wrapped["CiphertextBlob"], "KeyId": "alias/two" });
    let error = kms(&world, "Decrypt", request).expect_err("a refusal");
    assert!(
        error["__type"]
            .as_str()
            .is_some_and(|kind| kind.ends_with("#IncorrectKeyException"))
    );
}

#[test]
fn a_key_goes_by_id_alias_and_arn() {
    let world = keyed();
    let by_alias = kms(&world, "DescribeKey", json!({ "KeyId": "alias/two" })).expect("a key");
    let key = &by_alias["KeyMetadata"];
    for name in [
        &key["KeyId"],
        &key["Arn"],
        &json!("arn:aws:kms:us-east-1:123456789012:alias/two"),
    ] {
        let again = kms(&world, "DescribeKey", json!({ "KeyId": name })).expect("the same key");
        assert_eq!(again["KeyMetadata"]["Arn"], key["Arn"]);
    }
    assert!(kms(&world, "DescribeKey", json!({ "KeyId": "alias/three" })).is_err());
}

#[test]
fn data_keys_and_random_bytes_have_the_length_asked_for_and_differ() {
    let world = keyed();
    let request = json!({ "KeyId": "alias/one", "KeySpec": "AES_256" });
    let key = kms(&world, "GenerateDataKey", request.clone()).expect("a data key");
    let other = kms(&world, "GenerateDataKey", request).expect("a data key");
    assert_ne!(key["Plaintext"], other["Plaintext"]);
    assert_eq!(key["Plaintext"].as_str().map(str::len), Some(44));
    let opened = kms(
        &world,
        "Decrypt",
        json!({ "CiphertextBlob": key["CiphertextBlob"] }),
    )
    .expect("the plaintext");
    assert_eq!(opened["Plaintext"], key["Plaintext"]);
    let random = kms(&world, "GenerateRandom", json!({ "NumberOfBytes": 12 })).expect("bytes");
    assert_eq!(random["Plaintext"].as_str().map(str::len), Some(16));
}

#[test]
fn calls_are_counted() {
    let world = keyed();
    assert_eq!(
        world.counts(),
        r#"{"CreateAlias":2,"CreateKey":2,"CreateTable":2,"items read":0}"#
    );
}
