//! `~/.credstash`: the region of KMS that `setup --save-kms-region` keeps.

use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::faces::{Done, Fault};
use crate::{content, environment};

/// The saved region, where one is saved.
///
/// Errors: a file that cannot be read, or that is not what credstash writes.
pub(crate) fn read() -> Done<Option<String>> {
    let Some(path) = path() else {
        return Ok(None);
    };
    match content::of_file(&path) {
        Ok(text) => region(text.expose()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Fault::new(format!(
            "reading {}: {}",
            path.display(),
            content::reason(&error)
        ))),
    }
}

/// Keeps this region.
pub(crate) fn save(region: &str) -> Done {
    let path = path().ok_or_else(|| {
        Fault::new("there is no home folder to keep .credstash in").hint("set HOME")
    })?;
    let text = python_json(region);
    std::fs::write(&path, text)
        .map_err(|error| Fault::new(format!("writing {}: {error}", path.display())))
}

fn path() -> Option<PathBuf> {
    environment::home().map(|home| home.join(".credstash"))
}

/// As Python's `json` prints it.
fn python_json(region: &str) -> String {
    format!("{{\"kms-region\": {}}}", json!(region))
}

fn region(text: &[u8]) -> Done<Option<String>> {
    let broken = || {
        Fault::new("~/.credstash is not what `setup --save-kms-region` writes")
            .hint("it holds {\"kms-region\": \"REGION\"}; delete it, or save a region anew")
    };
    match serde_json::from_slice(text) {
        Ok(Value::Object(saved)) => match saved.get("kms-region") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(region)) if region.is_empty() => Ok(None),
            Some(Value::String(region)) => Ok(Some(region.clone())),
            Some(_) => Err(broken()),
        },
        Ok(_) | Err(_) => Err(broken()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::saved(r#"{"kms-region": "eu-west-1"}"#, Some("eu-west-1"))]
    #[case::other_things_saved(r#"{"x": 1}"#, None)]
    #[case::null(r#"{"kms-region": null}"#, None)]
    fn a_saved_region_is_read(#[case] text: &str, #[case] saved: Option<&str>) {
        assert_eq!(region(text.as_bytes()), Ok(saved.map(str::to_owned)));
    }

    #[rstest]
    #[case::no_json("eu-west-1")]
    #[case::no_object("[]")]
    #[case::no_text(r#"{"kms-region": 1}"#)]
    fn another_file_is_refused_with_what_to_do(#[case] text: &str) {
        let told = region(text.as_bytes()).unwrap_err().to_string();
        assert!(told.contains("delete it"), "{told}");
    }

    #[test]
    fn what_is_written_is_read_and_is_as_python_prints_it() {
        let text = python_json("eu-west-1");
        assert_eq!(text, r#"{"kms-region": "eu-west-1"}"#);
        assert_eq!(region(text.as_bytes()), Ok(Some("eu-west-1".to_owned())));
    }
}
