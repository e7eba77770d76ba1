//! When a credential's values should be changed next.

use std::collections::{BTreeMap, BTreeSet};

use domain::Timestamp;

use crate::CredentialRecord;

/// The settings that rotation dates follow from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// `MAXIMUM_ROTATION_DAYS`.
    pub maximum_days: u32,
    /// `ROTATION_DAYS_CONFIG`: fewer days for some tags.
    pub by_tag: BTreeMap<String, u32>,
    /// `TAGS_EXCLUDING_ROTATION`: credentials with one of these never need it.
    pub excluded_tags: BTreeSet<String>,
}

impl Rotation {
    /// The next date; `None` when no rotation is needed.
    ///
    /// Source: spec/confidant.md section 2.2.1; vectors `confidant/rotation.json`.
    pub fn next(&self, record: &CredentialRecord, now: Timestamp) -> Option<Timestamp> {
        if record
            .tags
            .iter()
            .any(|tag| self.excluded_tags.contains(tag))
        {
            return None;
        }
        let Some(rotated) = record.last_rotation_date else {
            return Some(now);
        };
        if let Some(decrypted) = record
            .last_decrypted_date
            .filter(|decrypted| *decrypted > rotated)
        {
            return Some(decrypted);
        }
        let tagged = record
            .tags
            .iter()
            .filter_map(|tag| self.by_tag.get(tag).copied());
        let days = tagged.fold(self.maximum_days, u32::min);
        Some(rotated.plus_seconds(i64::from(days) * 24 * 60 * 60))
    }
}

#[cfg(test)]
mod tests {
    use domain::Revision;
    use serde_json::Value;

    use super::*;
    use crate::Sealed;

    fn moment(value: &Value) -> Option<Timestamp> {
        let text = value.as_str()?;
        let (whole, offset) = text.split_once('+').unwrap();
        assert_eq!(offset, "00:00");
        Some(Timestamp::from_stored(&format!("{whole}.000000+0000")).unwrap())
    }

    fn texts(value: &Value) -> Vec<String> {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| tag.as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn computes_what_the_reference_computed() {
        let file: Value =
            serde_json::from_str(include_str!("../../../vectors/confidant/rotation.json")).unwrap();
        let cases = file["cases"].as_array().unwrap();
        assert!(!cases.is_empty());
        let now = Timestamp::from_seconds(1_795_000_000);
        for case in cases {
            let rotation = Rotation {
                maximum_days: u32::try_from(case["MAXIMUM_ROTATION_DAYS"].as_u64().unwrap())
                    .unwrap(),
                by_tag: case["ROTATION_DAYS_CONFIG"]
                    .as_object()
                    .unwrap()
                    .iter()
                    .map(|(tag, days)| {
                        (tag.clone(), u32::try_from(days.as_u64().unwrap()).unwrap())
                    })
                    .collect(),
                excluded_tags: texts(&case["TAGS_EXCLUDING_ROTATION"])
                    .into_iter()
                    .collect(),
            };
            let record = CredentialRecord {
                id: "c".to_owned(),
                revision: Revision::FIRST,
                name: "n".to_owned(),
                enabled: true,
                modified_date: now,
                modified_by: "m".to_owned(),
                documentation: None,
                metadata: None,
                tags: texts(&case["tags"]),
                last_rotation_date: moment(&case["last_rotation_date"]),
                last_decrypted_date: moment(&case["last_decrypted_date"]),
                sealed: Sealed {
                    credential_pairs: String::new(),
                    data_key: Vec::new(),
                    cipher_version: Some(2),
                },
            };
            let expected = match case["next_rotation_date"].as_str() {
                Some("now") => Some(now),
                _ => moment(&case["next_rotation_date"]),
            };
            assert_eq!(rotation.next(&record, now), expected, "{}", case["name"]);
        }
    }
}
