//! Whether the master key seals and opens, and whether login keys can prove callers. A key that is
//! drawn for this is thrown away; nothing is stored.

use std::collections::BTreeSet;

use keep::{KeyError, KeyService, MasterKey, Random};
use seal::{DataKey, EncryptionContext};

use super::examination::{Examination, Resource};

/// A key service, and how policies name its keys.
pub(crate) struct Keys<'k> {
    pub(crate) service: &'k dyn KeyService,
    pub(crate) random: &'k dyn Random,
    /// Where keys are whose ARN is not known: `arn:aws:kms:<region>:*:key/*`.
    pub(crate) unresolved: String,
}

impl Keys<'_> {
    /// Draws a data key, wraps and unwraps it, as a new credential does.
    pub(crate) async fn master(&self, examination: &mut Examination, master: &str) {
        let what = |doing: &str| format!("master key {master}: {doing}");
        let resolved = self.service.describe(master).await;
        let resource = self.resource(master, resolved.as_ref().ok());
        match resolved {
            Ok(key) => examination.ok(what("DescribeKey"), key.to_string()),
            // Sealing and opening go without.
            Err(KeyError::Denied(_)) => examination.unknown(
                what("DescribeKey"),
                "not permitted, and not needed to seal and open",
                "kms:DescribeKey lets this command name the key",
            ),
            Err(error) => return tell(examination, what("DescribeKey"), &error, &resource),
        }
        let drawn = match self.service.random(KEY_BYTES).await {
            Ok(key) => {
                examination.ok(what("GenerateRandom"), "permitted");
                key
            }
            Err(error) => {
                // Any key shows the rest.
                tell(
                    examination,
                    what("GenerateRandom"),
                    &error,
                    &Resource::arn("*"),
                );
                DataKey::new(Box::from(self.random.bytes::<KEY_BYTES>()))
            }
        };
        let context = EncryptionContext::new([("id", NOBODY)]);
        let wrapped = match self.service.wrap(master, &drawn, &context).await {
            Ok(wrapped) => wrapped,
            Err(error) => return tell(examination, what("Encrypt"), &error, &resource),
        };
        examination.ok(what("Encrypt"), "permitted");
        match self.service.unwrap(&wrapped, &context).await {
            Ok(opened) if opened.key.expose() == drawn.expose() => {
                examination.ok(what("Decrypt"), "permitted, and opens what it sealed");
            }
            Ok(_) => examination.wrong(
                what("Decrypt"),
                "gave other bytes than were sealed",
                "see what answers at KMS_URL",
            ),
            Err(error) => tell(examination, what("Decrypt"), &error, &resource),
        }
    }

    /// Resolves each login key, and opens a token of nobody under it where this role can make one.
    pub(crate) async fn login(
        &self,
        examination: &mut Examination,
        (kind, keys): (&str, &[String]),
        server: &str,
    ) {
        for key in keys.iter().collect::<BTreeSet<_>>() {
            let what = |doing: &str| format!("{kind} login key {key}: {doing}");
            let resolved = match self.service.describe(key).await {
                Ok(resolved) => {
                    examination.ok(what("DescribeKey"), resolved.to_string());
                    Some(resolved)
                }
                // A whole ARN needs no resolving.
                Err(KeyError::Denied(_)) if key.starts_with("arn:") && key.contains(":key/") => {
                    Some(MasterKey(key.clone()))
                }
                Err(error) => {
                    let resource = self.resource(key, None);
                    tell(examination, what("DescribeKey"), &error, &resource);
                    continue;
                }
            };
            let resource = self.resource(key, resolved.as_ref());
            let context =
                EncryptionContext::new([("from", NOBODY), ("to", server), ("user_type", kind)]);
            let sample = DataKey::new(Box::from(self.random.bytes::<KEY_BYTES>()));
            let wrapped = match self.service.wrap(key, &sample, &context).await {
                Ok(wrapped) => wrapped,
                Err(KeyError::Denied(_)) => {
                    examination.unknown(
                        what("Decrypt"),
                        "cannot be tried: this role may make no token under it, which is as it should be",
                        "`keepward token inspect --server URL` tries a token of a caller",
                    );
                    continue;
                }
                Err(error) => {
                    tell(examination, what("Encrypt"), &error, &resource);
                    continue;
                }
            };
            match self.service.unwrap(&wrapped, &context).await {
                Ok(_) => examination.ok(what("Decrypt"), "permitted"),
                Err(error) => tell(examination, what("Decrypt"), &error, &resource),
            }
        }
    }

    fn resource(&self, configured: &str, resolved: Option<&MasterKey>) -> Resource {
        match resolved {
            Some(key) => Resource::arn(&key.0),
            None if configured.starts_with("arn:") && configured.contains(":key/") => {
                Resource::arn(configured)
            }
            None => Resource {
                arn: self.unresolved.clone(),
                alias: configured
                    .rsplit_once("alias/")
                    .map(|(_, name)| format!("alias/{name}")),
            },
        }
    }
}

fn tell(examination: &mut Examination, what: String, error: &KeyError, resource: &Resource) {
    let says = error.to_string();
    match error {
        KeyError::Denied(told) => examination.denied(what, told.as_str(), resource),
        KeyError::NoSuchKey(_) => examination.wrong(
            what,
            says,
            "name a key that there is, by alias, id or ARN, in the region of AWS_DEFAULT_REGION",
        ),
        KeyError::Unusable(_) => examination.wrong(
            what,
            says,
            "enable the key, or cancel its deletion; it must be symmetric and for ENCRYPT_DECRYPT",
        ),
        KeyError::DoesNotOpen => {
            examination.wrong(what, says, "see what answers at KMS_URL");
        }
        KeyError::Throttled => {
            examination.unknown(what, says, "run this again");
        }
        KeyError::Unavailable(_) => examination.wrong(
            what,
            says,
            "AWS_DEFAULT_REGION and KMS_URL say where KMS is; KMS_CONNECTION_TIMEOUT and KMS_READ_TIMEOUT how long an \
             answer may take",
        ),
    }
}

const KEY_BYTES: usize = 32;
/// No credential and no caller has this name.
const NOBODY: &str = "kw/doctor";
