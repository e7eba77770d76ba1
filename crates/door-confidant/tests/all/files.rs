//! Files beside the API.

use door_confidant::DoorSettings;
use login::Browsers;
use rstest::rstest;

use crate::house::{As, House};

/// A house with pages of the operator's own, and a secret beside them.
async fn house() -> (House, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    std::fs::create_dir_all(own.join("modules/resources")).unwrap();
    std::fs::create_dir_all(own.join("styles")).unwrap();
    std::fs::write(own.join("modules/resources/docs.html"), "<p>Ours</p>").unwrap();
    std::fs::write(own.join("styles/ours.css"), "p{}").unwrap();
    std::fs::write(own.join("modules/.hidden"), "SECRET").unwrap();
    std::fs::write(own.join("secret.txt"), "SECRET").unwrap();
    std::os::unix::fs::symlink(own.join("secret.txt"), own.join("styles/link.css")).unwrap();
    let settings = DoorSettings {
        custom_frontend: Some(own),
        ..DoorSettings::default()
    };
    (
        House::with_browsers(Browsers::Nobody, settings).await,
        folder,
    )
}

#[tokio::test]
async fn an_operators_own_pages_are_shown_to_proven_callers() {
    let (house, _folder) = house().await;
    let page = "/custom/modules/resources/docs.html";
    assert_eq!(house.get(As::Nobody, page).await.status, 401);
    let shown = house.get(As::User("alice"), page).await;
    assert_eq!(
        (shown.status.as_u16(), shown.body.as_str()),
        (200, "<p>Ours</p>")
    );
    assert_eq!(shown.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(shown.headers["cache-control"], "private, max-age=43200");
    let style = house
        .get(As::Service("web"), "/custom/styles/ours.css")
        .await;
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
}

#[rstest]
#[case::absent("/custom/styles/none.css", 404)]
#[case::absent_module("/custom/modules/none.html", 200)]
#[case::other_folder("/custom/secrets/secret.txt", 404)]
#[case::up("/custom/styles/../secret.txt", 404)]
#[case::up_encoded("/custom/styles/%2e%2e/secret.txt", 404)]
#[case::up_in_one("/custom/styles/..%2fsecret.txt", 404)]
#[case::backslash("/custom/styles/..%5csecret.txt", 404)]
#[case::root("/custom/styles/%2fetc/passwd", 404)]
#[case::link("/custom/styles/link.css", 404)]
#[case::hidden("/custom/modules/.hidden", 200)]
#[case::folder("/custom/modules/resources", 200)]
#[case::nul("/custom/styles/a%00.css", 404)]
#[tokio::test]
async fn nothing_outside_the_operators_folders_is_shown(#[case] path: &str, #[case] status: u16) {
    let (house, _folder) = house().await;
    let answer = house.get(As::User("alice"), path).await;
    assert_eq!(answer.status, status, "{answer}");
    assert!(!answer.body.contains("SECRET") && !answer.body.contains("root:"));
}

#[tokio::test]
async fn search_engines_are_sent_away() {
    let (house, _folder) = house().await;
    let robots = house.get(As::Nobody, "/robots.txt").await;
    assert_eq!(robots.body, "User-agent: *\nDisallow: /\n");
    assert_eq!(robots.headers["cache-control"], "public, max-age=43200");
    let page = house.get(As::Nobody, "/404.html").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.headers["cache-control"], "public, max-age=43200");
    assert_eq!(house.get(As::Nobody, "/favicon.ico").await.status, 404);
}
