//! Where this server answers otherwise than the recorded one, each with what it answers.

use serde_json::Value;

use crate::repaired_answers as answers;

/// Routes of later versions: 501, and a body that says which feature it is.
pub(crate) const LATER: &[(usize, &str)] = &[
    (104, "roles"),
    (105, "grants get"),
    (106, "grants get norole"),
    (107, "grants get nosvc"),
    (108, "grants put"),
    (109, "grants put norole"),
    (117, "archive enabled"),
    (118, "archive bad force"),
    (120, "archive dry"),
    (121, "archive force"),
    (123, "archive none"),
    (128, "saml md"),
    (129, "saml debug"),
    (161, "arch"),
    (221, "svc arch cred"),
    (226, "svc grants own"),
    (227, "svc grants put own"),
    (231, "svc roles"),
];

/// What an answer is instead of the recorded one.
pub(crate) enum Repair {
    /// It works, and this is the whole answer.
    Works(fn() -> Value),
    /// It is refused with this status and text, which names what is wrong.
    Refused(u16, &'static str),
}

use Repair::{Refused, Works};

/// What the recorded server answered with 500, and where it had defects; section 13.1 of the reference.
pub(crate) const REPAIRED: &[(usize, &str, Repair)] = &[
    (8, "create no enabled", Works(answers::minimal)),
    (
        11,
        "create no name",
        Refused(400, "name is a required field"),
    ),
    (
        17,
        "create non-json ct",
        Refused(
            400,
            "A JSON body is required (Content-Type: application/json).",
        ),
    ),
    (32, "update no name", Works(answers::update_without_name)),
    (33, "update no pairs", Works(answers::update_without_pairs)),
    (
        34,
        "update empty pairs",
        Refused(400, "Credential Pairs cannot be empty."),
    ),
    (
        35,
        "update enabled str",
        Refused(400, "Enabled must be a boolean."),
    ),
    (56, "svc create again", Works(answers::service_of_two)),
    (57, "svc create minimal", Works(answers::empty_service)),
    (
        58,
        "svc bad account",
        Refused(400, "account is not a valid account."),
    ),
    (59, "svc unknown cred", Works(answers::service_of_unknown)),
    (
        60,
        "svc no enabled",
        Works(answers::service_without_enabled),
    ),
    (
        61,
        "svc nobody",
        Refused(
            400,
            "A JSON body is required (Content-Type: application/json).",
        ),
    ),
    (80, "svc two", Works(answers::service_of_two)),
    (85, "blind cv str", Works(answers::blind_of_text_version)),
    (
        93,
        "blind update pairs no keys",
        Works(answers::blind_without_keys),
    ),
    // Each revision itself, and not the current one again and again.
    (96, "blind revs", Works(answers::revisions_of_blind)),
    (
        101,
        "svc blind get",
        Works(answers::scoped_service_with_values),
    ),
    (
        102,
        "svc blind get md",
        Works(answers::scoped_service_as_metadata),
    ),
    // Without the blanks and line breaks round it.
    (
        111,
        "ca",
        Refused(
            403,
            "rlane@example.com does not have access to get ca development",
        ),
    ),
    (135, "noauth", Refused(401, "login required")),
    (
        139,
        "upd no pairs",
        Works(answers::second_update_without_pairs),
    ),
    (
        141,
        "upd null pairs",
        Works(answers::update_with_null_pairs),
    ),
    (
        151,
        "svc nob",
        Works(answers::second_service_without_enabled),
    ),
    (
        165,
        "post text",
        Refused(
            400,
            "A JSON body is required (Content-Type: application/json).",
        ),
    ),
    // A version 1 token is no version 2 token because it was seen once.
    (
        179,
        "same v1 token as v2 after caching",
        Refused(403, "login refused"),
    ),
    // The whole lifetime counts, not the seconds within a day.
    (192, "25h (day wrap)", Refused(403, "login refused")),
    (193, "10 days + 10m", Refused(403, "login refused")),
    (199, "two parts", Refused(403, "login refused")),
    (200, "nonint", Refused(403, "login refused")),
    (205, "from only", Refused(401, "login required")),
    // With the blank that was missing.
    (
        215,
        "svc create cred",
        Refused(403, "svc-a does not have access to create credentials"),
    ),
    (
        216,
        "svc update cred",
        Refused(403, "svc-a does not have access to update credential abc"),
    ),
    // An authority whose certificates vouch for themselves has none of its own.
    (235, "svc cas", Works(answers::authorities)),
    // No account is ever set for a person: the access rule decides.
    (
        242,
        "user kms svc scoped",
        Works(answers::scoped_service_with_values),
    ),
];
