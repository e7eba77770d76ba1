//! What Python wrote and read, as recorded in `vectors/documents` by `conformance/python/documents.py`.

use documents::agreement;
use rstest::rstest;

#[rstest]
#[case::json("json", include_str!("../../../../vectors/documents/json.json"), 2569)]
#[case::yaml("yaml", include_str!("../../../../vectors/documents/yaml.json"), 2796)]
#[case::csv("csv", include_str!("../../../../vectors/documents/csv.json"), 1516)]
#[case::dotenv("dotenv", include_str!("../../../../vectors/documents/dotenv.json"), 1200)]
#[case::ini("ini", include_str!("../../../../vectors/documents/ini.json"), 1200)]
#[case::pattern("pattern", include_str!("../../../../vectors/documents/pattern.json"), 6130)]
fn agrees_with_python(#[case] format: &str, #[case] cases: &str, #[case] count: usize) {
    let compared = agreement::compare(format, &serde_json::from_str(cases).unwrap());
    let told: Vec<_> = compared.faults.iter().take(10).cloned().collect();
    assert!(
        told.is_empty(),
        "{} of {} differ, such as\n{}",
        compared.faults.len(),
        compared.cases,
        told.join("\n")
    );
    assert_eq!(compared.cases, count);
}
