//! What a browser's session holds, as Confidant's Flask kept it: the XSRF token, and dates.
//!
//! Shape: a JSON object in a signed cookie; the XSRF token stands under the name of the XSRF cookie.
//! What else an old server put there stays.

use std::fmt;
use std::sync::Arc;

use domain::Timestamp;
use keep::Random;
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq as _;

use crate::CookieKey;

/// How sessions are kept (`SESSION_SECRET` and its neighbours).
#[derive(Clone, Debug)]
pub struct Sessions {
    /// Signs the session cookie.
    pub key: CookieKey,
    /// `SESSION_COOKIE_NAME`.
    pub cookie: String,
    /// `XSRF_COOKIE_NAME`.
    pub xsrf_cookie: String,
    /// `PERMANENT_SESSION_LIFETIME` in seconds; 0 for as long as the browser runs.
    pub lifetime: u32,
    /// `MAX_PERMANENT_SESSION_LIFETIME` in seconds; 0 for the same as `lifetime`.
    pub max_lifetime: u32,
}

/// The session of one request by a browser's user.
pub struct Session {
    rules: Arc<Sessions>,
    values: Map<String, Value>,
    /// Whether the browser does not have it yet.
    new: bool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(..)")
    }
}

impl Session {
    /// The session in the request's `Cookie` headers, or a new one.
    ///
    /// A session that was begun for another user, or for nobody known, is not taken up: whoever can
    /// plant a cookie of his own in another's browser would know that browser's XSRF token.
    pub(crate) fn take_up<'h>(
        rules: &Arc<Sessions>,
        cookies: impl Iterator<Item = &'h [u8]>,
        user: &str,
        now: Timestamp,
        random: &dyn Random,
    ) -> Self {
        let kept = values_of(cookies, &rules.cookie)
            .take(MAX_TRIED)
            .filter_map(|cookie| rules.open(cookie, now))
            .find(|values| is_of(values, user));
        let has_token = |values: &Map<String, Value>| {
            values
                .get(&rules.xsrf_cookie)
                .and_then(Value::as_str)
                .is_some_and(|token| !token.is_empty())
        };
        let new = !kept.as_ref().is_some_and(has_token);
        let mut values = kept.unwrap_or_default();
        if new {
            let token = new_token(random).into();
            values.insert(rules.xsrf_cookie.clone(), token);
        }
        values.insert(USER.to_owned(), user.into());
        rules.date(&mut values, now);
        Self {
            rules: Arc::clone(rules),
            values,
            new,
        }
    }

    /// Whether a request shows the session's XSRF token in its `X-XSRF-TOKEN` header. Takes the
    /// same time wherever they differ.
    pub fn xsrf_matches(&self, shown: Option<&[u8]>) -> bool {
        let token = self.token().as_bytes();
        // A session made for this very request has a token that nobody can know.
        shown.is_some_and(|shown| !token.is_empty() && bool::from(token.ct_eq(shown)))
    }

    /// The values of the `Set-Cookie` headers for the answer. `https`: the browser reached us so.
    pub fn set_cookies(&self, now: Timestamp, https: bool) -> Vec<String> {
        let Sessions {
            key,
            cookie,
            xsrf_cookie,
            lifetime,
            ..
        } = &*self.rules;
        let secure = if https { "; Secure" } else { "" };
        let mut set = Vec::with_capacity(2);
        if *lifetime > 0 || self.new {
            let payload = Value::Object(self.values.clone()).to_string();
            let signed = key.sign(payload.as_bytes(), now);
            let expires = match lifetime {
                0 => String::new(),
                seconds => format!("; Expires={}", now.plus_seconds((*seconds).into()).http()),
            };
            set.push(format!(
                "{cookie}={signed}{expires}; HttpOnly; Path=/; SameSite=Lax{secure}"
            ));
        }
        let token = self.token();
        // Scripts of the page read this one.
        set.push(format!(
            "{xsrf_cookie}={token}; Path=/; SameSite=Lax{secure}"
        ));
        set
    }

    fn token(&self) -> &str {
        self.values
            .get(&self.rules.xsrf_cookie)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

impl Sessions {
    /// The value of the `Set-Cookie` header that ends a session.
    pub fn end(&self) -> String {
        format!(
            "{}=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Path=/; SameSite=Lax",
            self.cookie
        )
    }

    fn open(&self, cookie: &str, now: Timestamp) -> Option<Map<String, Value>> {
        let longest = match self.lifetime {
            0 => LONGEST,
            seconds => seconds.into(),
        };
        let payload = self.key.open(cookie, now, longest).ok()?;
        let values: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
        lasts(&values, now).then_some(values)
    }

    /// Moves the end of the session on; the last possible end stays.
    fn date(&self, values: &mut Map<String, Value>, now: Timestamp) {
        if self.lifetime == 0 {
            for name in ["_permanent", "expiration", LAST_END] {
                values.shift_remove(name);
            }
            return;
        }
        let after = |seconds: u32| json!({ DATE: now.plus_seconds(seconds.into()).http() });
        values.insert("_permanent".to_owned(), true.into());
        values.insert("expiration".to_owned(), after(self.lifetime));
        if values.get(LAST_END).is_none_or(Value::is_null) {
            let last = match self.max_lifetime {
                0 => self.lifetime,
                seconds => seconds,
            };
            values.insert(LAST_END.to_owned(), after(last));
        }
    }
}

/// Whether a session was begun for this user. Confidant's own name nobody under a header login, and
/// under the others the email address as the user's directory writes it.
fn is_of(values: &Map<String, Value>, user: &str) -> bool {
    match values.get(USER) {
        Some(owner) => owner == user,
        None => values
            .get("user")
            .and_then(|owner| owner.get("email"))
            .and_then(Value::as_str)
            .is_some_and(|email| email.to_lowercase() == user),
    }
}

/// Whether the last possible end of a session is still to come; an end that cannot be read has passed.
fn lasts(values: &Map<String, Value>, now: Timestamp) -> bool {
    match values.get(LAST_END) {
        None | Some(Value::Null) => true,
        Some(end) => end
            .get(DATE)
            .and_then(Value::as_str)
            .and_then(Timestamp::from_http)
            .is_some_and(|end| now <= end),
    }
}

/// Every value of one cookie, in the order sent.
fn values_of<'h>(
    headers: impl Iterator<Item = &'h [u8]>,
    name: &str,
) -> impl Iterator<Item = &'h str> {
    headers
        .filter_map(|header| std::str::from_utf8(header).ok())
        .flat_map(|header| header.split(';'))
        .filter_map(move |pair| {
            let (given, value) = pair.trim().split_once('=')?;
            (given == name).then_some(value.trim_matches('"'))
        })
}

/// 160 random bits in lower-case hex without leading zeros, as Python prints a number.
fn new_token(random: &dyn Random) -> String {
    let token = hex::encode(random.bytes::<20>());
    token.trim_start_matches('0').to_owned()
}

/// Where our sessions say for whom they were begun; no name of Confidant's.
const USER: &str = "kw_user";
/// When a session ends, however often it was used.
const LAST_END: &str = "max_expiration";
/// How Flask marks a date.
const DATE: &str = " d";
/// Cookies of one name that are looked at.
const MAX_TRIED: usize = 4;
/// Seconds that a session without dates is believed.
const LONGEST: i64 = 31 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    fn rules(lifetime: u32, max_lifetime: u32) -> Arc<Sessions> {
        Arc::new(Sessions {
            key: CookieKey::new("secret"),
            cookie: "confidant_session".to_owned(),
            xsrf_cookie: "XSRF-TOKEN".to_owned(),
            lifetime,
            max_lifetime,
        })
    }

    const NOW: Timestamp = Timestamp::from_seconds(1_795_324_500);

    struct Browser {
        rules: Arc<Sessions>,
        random: Counting,
        cookie: String,
    }

    impl Browser {
        fn new(rules: Arc<Sessions>) -> Self {
            Self {
                rules,
                random: Counting(1.into()),
                cookie: String::new(),
            }
        }

        fn request(&mut self, user: &str, now: Timestamp) -> (Session, Vec<String>) {
            let cookies = [self.cookie.as_bytes()];
            let session =
                Session::take_up(&self.rules, cookies.into_iter(), user, now, &self.random);
            let set = session.set_cookies(now, false);
            if let Some(cookie) = set.iter().find(|set| set.starts_with("confidant_session=")) {
                self.cookie = format!("other=1; {}; b=2", cookie.split(';').next().unwrap());
            }
            (session, set)
        }
    }

    #[test]
    fn the_token_is_made_once_and_stays_for_the_session() {
        let mut browser = Browser::new(rules(60, 100));
        let (first, set) = browser.request("ann@example.com", NOW);
        let token = "1".to_owned() + &"01".repeat(19);
        assert_eq!(first.token(), token, "no leading zero");
        assert_eq!(set[1], format!("XSRF-TOKEN={token}; Path=/; SameSite=Lax"));
        let (second, set) = browser.request("ann@example.com", NOW.plus_seconds(50));
        assert_eq!(second.token(), token);
        assert_eq!(set.len(), 2, "a permanent session is sent each time");
        assert!(second.xsrf_matches(Some(token.as_bytes())));
    }

    #[rstest::rstest]
    #[case::none(None)]
    #[case::empty(Some(""))]
    #[case::part(Some("1010101"))]
    #[case::other(Some("1020202020202020202020202020202020202020"))]
    #[case::longer(Some("1010101010101010101010101010101010101010 "))]
    fn another_token_does_not_match(#[case] shown: Option<&str>) {
        let (session, _) = Browser::new(rules(60, 100)).request("ann@example.com", NOW);
        assert!(!session.xsrf_matches(shown.map(str::as_bytes)));
    }

    #[test]
    fn a_session_of_another_user_is_not_taken_up() {
        let mut browser = Browser::new(rules(60, 100));
        let (of_eve, _) = browser.request("eve@example.com", NOW);
        let (of_ann, _) = browser.request("ann@example.com", NOW);
        assert!(!of_ann.xsrf_matches(Some(of_eve.token().as_bytes())));
    }

    #[rstest::rstest]
    #[case::ours(json!({"kw_user": "ann@example.com"}), true)]
    #[case::ours_for_another(json!({"kw_user": "eve@example.com"}), false)]
    #[case::ours_counts_first(json!({"kw_user": "eve@example.com", "user": {"email": "ann@example.com"}}), false)]
    #[case::confidants(json!({"user": {"email": "Ann@Example.com"}}), true)]
    #[case::confidants_for_another(json!({"user": {"email": "Eve@Example.com"}}), false)]
    #[case::no_owner(json!({}), false)]
    #[case::an_owner_without_email(json!({"user": {"first_name": "Ann"}}), false)]
    #[case::an_email_that_is_no_text(json!({"user": {"email": ["ann@example.com"]}}), false)]
    #[case::ended(json!({"kw_user": "ann@example.com", "max_expiration": {" d": "Sun, 22 Nov 2026 05:14:59 GMT"}}), false)]
    #[case::about_to_end(json!({"kw_user": "ann@example.com", "max_expiration": {" d": "Sun, 22 Nov 2026 05:15:00 GMT"}}), true)]
    #[case::no_end(json!({"kw_user": "ann@example.com", "max_expiration": null}), true)]
    #[case::an_end_that_is_no_date(json!({"kw_user": "ann@example.com", "max_expiration": {" d": "never"}}), false)]
    #[case::an_untagged_end(json!({"kw_user": "ann@example.com", "max_expiration": "Mon, 23 Nov 2026 05:15:00 GMT"}), false)]
    fn a_session_is_taken_up_for_its_owner_until_its_last_end(
        #[case] mut session: Value,
        #[case] is_taken_up: bool,
    ) {
        session["XSRF-TOKEN"] = "known".into();
        let rules = rules(60, 100);
        let signed = rules.key.sign(session.to_string().as_bytes(), NOW);
        let cookie = format!("confidant_session={signed}");
        let random = Counting(1.into());
        let cookies = [cookie.as_bytes()].into_iter();
        let session = Session::take_up(&rules, cookies, "ann@example.com", NOW, &random);
        assert_eq!(session.xsrf_matches(Some(b"known")), is_taken_up);
        assert_eq!(session.values[USER], "ann@example.com");
    }

    #[test]
    fn a_session_that_is_used_all_the_time_ends_at_its_longest_lifetime() {
        let mut browser = Browser::new(rules(60, 100));
        let (first, _) = browser.request("ann@example.com", NOW);
        for seconds in [50, 100] {
            let (later, _) = browser.request("ann@example.com", NOW.plus_seconds(seconds));
            assert_eq!(later.token(), first.token(), "after {seconds} s");
        }
        let (next, _) = browser.request("ann@example.com", NOW.plus_seconds(101));
        assert_ne!(next.token(), first.token());
        let (later, _) = browser.request("ann@example.com", NOW.plus_seconds(150));
        assert_eq!(later.token(), next.token(), "the new one has its own end");
    }

    #[test]
    fn a_session_of_the_real_server_is_taken_up_with_all_it_holds() {
        let file: Value = serde_json::from_str(include_str!(
            "../../../vectors/confidant/session_cookie.json"
        ))
        .unwrap();
        let rules = Arc::new(Sessions {
            key: CookieKey::new(file["session_secret"].as_str().unwrap()),
            ..(*rules(43_200, 86_400)).clone()
        });
        let recorded = &file["cookies"][0];
        let cookie = format!("confidant_session={}", recorded["cookie"].as_str().unwrap());
        let now = Timestamp::from_seconds(recorded["timestamp_unix"].as_i64().unwrap() + 100);
        let random = Counting(1.into());
        let cookies = [cookie.as_bytes()].into_iter();
        let session = Session::take_up(&rules, cookies, "rlane@example.com", now, &random);
        assert!(session.xsrf_matches(Some(b"56077595cc71dce990cc4d98ea8adbab6171057f")));
        assert_eq!(session.values["user"]["first_name"], "Ryan");
        assert_eq!(
            session.values["max_expiration"][" d"], "Mon, 23 Nov 2026 05:15:00 GMT",
            "the last possible end stays"
        );
        assert_eq!(
            session.values["expiration"][" d"],
            "Sun, 22 Nov 2026 17:16:40 GMT"
        );
    }

    #[test]
    fn cookies_live_as_long_as_the_settings_say() {
        let (_, set) = Browser::new(rules(60, 100)).request("ann@example.com", NOW);
        assert!(
            set[0].ends_with(
                "; Expires=Sun, 22 Nov 2026 05:16:00 GMT; HttpOnly; Path=/; SameSite=Lax"
            ),
            "{}",
            set[0]
        );
        let mut browser = Browser::new(rules(0, 0));
        let (first, set) = browser.request("ann@example.com", NOW);
        assert!(!set[0].contains("Expires") && !first.values.contains_key("expiration"));
        let (second, set) = browser.request("ann@example.com", NOW.plus_seconds(86_400));
        assert_eq!(set.len(), 1, "the browser has the session already");
        assert_eq!(second.token(), first.token());
        let (third, _) = browser.request("ann@example.com", NOW.plus_seconds(LONGEST + 1));
        assert_ne!(third.token(), first.token());
    }

    #[test]
    fn a_session_ends_with_its_lifetime_and_on_https_its_cookies_are_secure() {
        let mut browser = Browser::new(rules(60, 0));
        let (first, _) = browser.request("ann@example.com", NOW);
        assert_eq!(
            first.values["expiration"], first.values["max_expiration"],
            "0 means the same as the lifetime"
        );
        let (second, _) = browser.request("ann@example.com", NOW.plus_seconds(61));
        assert_ne!(second.token(), first.token());
        for cookie in first.set_cookies(NOW, true) {
            assert!(cookie.ends_with("; SameSite=Lax; Secure"), "{cookie}");
        }
    }

    #[test]
    fn a_session_shows_nothing() {
        let (session, _) = Browser::new(rules(60, 0)).request("ann@example.com", NOW);
        assert_eq!(format!("{session:?}"), "Session(..)");
    }
}
