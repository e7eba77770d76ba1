//! What is promised of a rendering besides its text: what is asked, what it may cost, what its errors say.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex};

use rstest::rstest;
use seal::Plaintext;
use templates::{KeyFormat, Limits, Lookup, Secrets, Settings, TemplateError, render};

use crate::table::Fixed;

/// Answers every name with the same value, and remembers the names; `broken` cannot be read, `absent` is not there.
struct Watched {
    value: &'static str,
    asked: Mutex<Vec<String>>,
}

impl Watched {
    fn new(value: &'static str) -> Arc<Self> {
        Arc::new(Self {
            value,
            asked: Mutex::default(),
        })
    }
}

impl Lookup for Watched {
    fn look_up(&self, name: &str) -> Result<Option<Plaintext>, Box<dyn Error + Send + Sync>> {
        self.asked.lock().unwrap().push(name.to_owned());
        match name {
            "broken" => Err("the store is on fire".into()),
            "absent" => Ok(None),
            _ => Ok(Some(Plaintext::new(self.value.as_bytes().into()))),
        }
    }
}

fn secrets(lookup: &Arc<Watched>) -> Secrets {
    Secrets::new(Arc::clone(lookup) as Arc<dyn Lookup>, KeyFormat::default())
}

fn text(rendered: &Plaintext) -> &str {
    std::str::from_utf8(rendered.expose()).unwrap()
}

fn fails(template: &str, settings: &Settings) -> TemplateError {
    match render(template, &secrets(&Watched::new(CANARY)), settings) {
        Ok(rendered) => panic!("{template:?} became {:?}", text(&rendered)),
        Err(error) => error,
    }
}

#[test]
fn each_name_is_asked_once_in_a_run_of_several_templates_and_only_when_used() {
    let lookup = Watched::new("v");
    let secrets = secrets(&lookup);
    let settings = Settings::default();
    let first = "{{ secrets.a }}{{ secrets['a'] }}{{ 'a' in secrets }}{{ 'absent' in secrets }}\
                 {{ secrets.absent }}{% if false %}{{ secrets.b }}{% endif %}";
    assert_eq!(
        text(&render(first, &secrets, &settings).unwrap()),
        "vvTrueFalse"
    );
    let second = "{{ secrets.get_str('a') }}{{ secrets.get_bytes('c') | length }}";
    assert_eq!(text(&render(second, &secrets, &settings).unwrap()), "v1");
    assert_eq!(secrets.bytes("a").unwrap().expose(), b"v");
    assert_eq!(*lookup.asked.lock().unwrap(), ["a", "absent", "c"]);
}

#[test]
fn the_key_format_makes_the_names_that_are_asked() {
    let lookup = Watched::new("v");
    let secrets = Secrets::new(
        Arc::clone(&lookup) as Arc<dyn Lookup>,
        KeyFormat::new("dev.{0}/{1}").unwrap(),
    );
    let rendered = render("{{ secrets['a', 'b'] }}", &secrets, &Settings::default()).unwrap();
    assert_eq!(text(&rendered), "v");
    assert_eq!(*lookup.asked.lock().unwrap(), ["dev.a/b"]);
}

#[test]
fn the_secrets_object_has_the_name_it_is_given_and_hides_a_variable_of_that_name() {
    let settings = Settings {
        object: "vault".to_owned(),
        variables: serde_json::from_str(r#"{"vault": "hidden", "n": 5}"#).unwrap(),
        ..Settings::default()
    };
    let rendered = render(
        "{{ vault.a }}{{ n }}[{{ secrets }}]",
        &secrets(&Watched::new("v")),
        &settings,
    )
    .unwrap();
    assert_eq!(text(&rendered), "v5[]");
}

#[rstest]
#[case::attribute("{{ secrets.broken }}")]
#[case::item("{{ secrets['broken'] }}")]
#[case::contained("{% if 'broken' in secrets %}x{% endif %}")]
#[case::method("{{ secrets.get_str('broken') }}")]
#[case::bytes("{{ secrets.get_bytes('broken') }}")]
#[case::default("{{ secrets.broken | default('x') }}")]
#[case::tested("{{ secrets.broken is defined }}")]
#[case::unused("{% set x = secrets.broken %}ok")]
#[case::walked("{{ ['broken'] | select('in', secrets) | list }}")]
fn a_secret_that_cannot_be_read_fails_the_rendering_with_its_name_and_the_reason(
    #[case] template: &str,
) {
    let error = fails(template, &Settings::default());
    assert_eq!(error.to_string(), "secret broken could not be read");
    assert_eq!(error.source().unwrap().to_string(), "the store is on fire");
}

#[test]
fn a_failed_rendering_leaves_the_secrets_usable() {
    let lookup = Watched::new("v");
    let secrets = secrets(&lookup);
    let settings = Settings::default();
    assert!(render("{{ secrets.broken }}", &secrets, &settings).is_err());
    assert_eq!(
        text(&render("{{ secrets.a }}", &secrets, &settings).unwrap()),
        "v"
    );
}

#[rstest]
#[case::undefined(
    "a\n\n{{ nosuch.x }}",
    "template line 3: the value is undefined, in `nosuch.x`"
)]
#[case::absent(
    "{{ 1 }}\n{{ secrets.get_str('absent') }}",
    "template line 2: no secret named absent, in `.get_str('absent')`"
)]
#[case::filter(
    "{{ 'x' | nosuch }}",
    "template line 1: no filter of this name, in `nosuch`"
)]
#[case::syntax(
    "\n{% if x %}\n{{ 1 + }}",
    "template line 3: unexpected end of variable block"
)]
#[case::not_closed(
    "{% if x %}\n",
    "template line 1: unexpected end of input, expected end of block"
)]
#[case::loader(
    "{% include 'other' %}",
    "template line 1: no loader for this environment specified: a template cannot read other files, in `include 'other'`"
)]
fn an_error_names_the_line_and_what_stands_there(#[case] template: &str, #[case] words: &str) {
    assert_eq!(fails(template, &Settings::default()).to_string(), words);
}

/// Each would show the value in an error if anything of it came from the engine.
#[rstest]
#[case("{{ secrets.a + 1 }}")]
#[case("{{ 1 + secrets.a }}")]
#[case("{{ secrets.a - 1 }}")]
#[case("{{ -secrets.a }}")]
#[case("{{ secrets.a.nosuch() }}")]
#[case("{{ secrets.a() }}")]
#[case("{{ secrets.a | round }}")]
#[case("{{ secrets.a | abs }}")]
#[case("{{ secrets.a | minjson }}")]
#[case("{{ [secrets.a] | sum }}")]
#[case("{{ [1, secrets.a] | sort }}")]
#[case("{{ {secrets.a ~ ' ': 1} | xmlattr }}")]
#[case("{{ '%d' | format(secrets.a) }}")]
#[case("{{ secrets.a | format(1) }}")]
#[case("{{ (secrets.a ~ '{}').format() }}")]
#[case("{{ '{:d}'.format(secrets.a) }}")]
#[case("{{ secrets.a.index('nosuch') }}")]
#[case("{{ dict(**{secrets.a: 1}).x.y }}")]
#[case("{{ range(secrets.a) }}")]
#[case("{{ secrets.get_str(secrets.a ~ 'x') | int + nosuch.x }}")]
#[case("{{ [1] | map(secrets.a) | list }}")]
#[case("{{ [1] | select(secrets.a) | list }}")]
#[case("{{ 1 | round(0, secrets.a) }}")]
#[case("{{ {} | dictsort(by=secrets.a) }}")]
#[case("{{ 'x' | center(secrets.a) }}")]
#[case("{% include secrets.a %}")]
#[case("{% import secrets.a as x %}")]
#[case("{% extends secrets.a %}")]
#[case("{% for a, b in [secrets.a] %}{% endfor %}")]
#[case("{% macro f(a) %}{% endmacro %}{{ f(**{secrets.a: 1}) }}")]
#[case("{{ cycler(**{secrets.a: 1}) }}")]
#[case("{{ 'x' | truncate(**{secrets.a: 1}) }}")]
#[case("{{ secrets.a.encode().nosuch }}{{ nosuch[secrets.a] }}")]
#[case("{{ lipsum(**{secrets.a: 1}) }}")]
#[case("{{ namespace(secrets.a) }}")]
#[case("{% set ns = namespace() %}{% set ns.x = secrets.a %}{{ ns.x.y.z }}")]
fn no_error_holds_a_value(#[case] template: &str) {
    let error = fails(template, &Settings::default());
    let mut shown = format!("{error} {error:?} {error:#?}");
    let mut next = error.source();
    while let Some(source) = next {
        shown.push_str(&format!("{source} {source:?}"));
        next = source.source();
    }
    for part in ["CANARY", "canary", "4217"] {
        assert!(!shown.contains(part), "{template} says {shown}");
    }
}

/// Finds one secret only; what cannot be found or read is told by its name, unless that is made from a value.
struct One;

impl Lookup for One {
    fn look_up(&self, name: &str) -> Result<Option<Plaintext>, Box<dyn Error + Send + Sync>> {
        match name {
            "a" => Ok(Some(Plaintext::new(CANARY.as_bytes().into()))),
            name if name.ends_with("broken") => Err("no".into()),
            name if name.ends_with("bytes") => Ok(Some(Plaintext::new([0xff].into()))),
            _ => Ok(None),
        }
    }
}

#[rstest]
#[case("{{ secrets.get_str(secrets.a) }}")]
#[case("{{ secrets.get_str('x' ~ secrets.a | upper) }}")]
#[case("{{ secrets[secrets.a | lower ~ 'broken'] }}")]
#[case("{{ secrets[secrets.a ~ 'bytes'] }}")]
fn a_name_that_is_made_from_a_value_is_not_told(#[case] template: &str) {
    let secrets = Secrets::new(Arc::new(One), KeyFormat::default());
    let error = render(template, &secrets, &Settings::default())
        .err()
        .unwrap();
    let shown = format!("{error} {error:?}").to_lowercase();
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("made from another secret"), "{shown}");
    let plain = render(
        "{{ secrets.get_str('other') }}",
        &secrets,
        &Settings::default(),
    );
    assert!(
        plain
            .err()
            .unwrap()
            .to_string()
            .contains("no secret named other")
    );
}

#[test]
fn what_holds_secrets_prints_none() {
    let secrets = secrets(&Watched::new(CANARY));
    render("{{ secrets.a }}", &secrets, &Settings::default()).unwrap();
    assert_eq!(format!("{secrets:?}"), "<secrets>");
    let rendered = render(
        "{{ secrets }}{{ secrets.get_str }}{{ [secrets] }}",
        &secrets,
        &Settings::default(),
    )
    .unwrap();
    assert!(!text(&rendered).contains("CANARY"), "{}", text(&rendered));
}

#[test]
fn nothing_but_the_template_s_own_names_can_be_reached() {
    for template in [
        "{{ debug() }}",
        "{{ open('/etc/passwd') }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ secrets.__class__.__init__.__globals__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum.__globals__.os }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ 'x'.format.__globals__ }}",
        "{{ secrets | attr('__class__') | attr('__init__') | attr('x') + 1 }}",
        "{% from '/etc/passwd' import x %}",
    ] {
        fails(template, &Settings::default());
    }
}

fn limited(change: impl FnOnce(&mut Limits)) -> Settings {
    let mut settings = Settings::default();
    change(&mut settings.limits);
    settings
}

#[test]
fn a_template_that_is_too_large_is_not_read() {
    let settings = limited(|limits| limits.template = 10);
    assert!(matches!(
        fails("01234567890", &settings),
        TemplateError::TemplateTooLarge(10)
    ));
}

#[test]
fn a_rendered_text_that_is_too_large_fails_at_its_limit_and_not_before() {
    let settings = limited(|limits| limits.output = 10);
    let secrets = secrets(&Watched::new("v"));
    assert!(render("{{ 'x' * 10 }}", &secrets, &settings).is_ok());
    let error = render("{{ 'x' * 6 }}{{ 'y' * 5 }}", &secrets, &settings)
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "the rendered text is larger than 10 bytes"
    );
}

#[rstest]
#[case::loops("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}")]
#[case::doubling(
    "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}"
)]
#[case::width("{{ 'x' | center(10 ** 12) }}")]
#[case::method_width("{{ 'x'.ljust(10 ** 15) }}")]
#[case::zeros("{{ '1'.zfill(10 ** 15) }}")]
#[case::indent("{{ 'x\ny' | indent(10 ** 12) }}")]
#[case::format_width("{{ '%1000000000000d' | format(1) }}")]
#[case::str_format_width("{{ '{:1000000000000}'.format(1) }}")]
#[case::replaced("{% set x = 'a' * 1000000 %}{{ x.replace('a', x) }}")]
#[case::joined("{% set x = 'a' * 1000000 %}{{ x.join(['a'] * 100000) }}")]
#[case::filter_joined("{% set x = 'a' * 1000000 %}{{ (['a'] * 100000) | join(x) }}")]
#[case::tabs("{{ ('\t' * 1000).expandtabs(10 ** 12) }}")]
#[case::filler("{{ lipsum(1000000000) }}")]
fn work_without_end_stops(#[case] template: &str) {
    let settings = limited(|limits| limits.steps = 1_000_000);
    let error = fails(template, &settings);
    assert!(
        matches!(
            error,
            TemplateError::TooMuchWork {
                limit: 1_000_000,
                ..
            } | TemplateError::Failed { .. }
        ),
        "{error}"
    );
}

#[rstest]
#[case::macros("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}")]
#[case::blocks("{% block a %}{{ self.a() }}{% endblock %}")]
#[case::loops("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}")]
fn nesting_without_end_stops(#[case] template: &str) {
    fails(template, &Settings::default());
}

#[test]
fn deep_expressions_are_refused_and_deep_values_print() {
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(matches!(
        fails(&deep, &Settings::default()),
        TemplateError::Syntax { line: 1, .. }
    ));
    let grown = "{% set ns = namespace(x=1) %}{% for i in range(2000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}";
    let rendered = render(grown, &secrets(&Watched::new("v")), &Settings::default()).unwrap();
    assert!(text(&rendered).contains("[...]"));
}

#[test]
fn lists_within_lists_up_to_the_limit_of_steps_end_well() {
    let template = "{% set ns = namespace(x=1) %}{% for a in range(100000) %}{% for i in range(100000) %}\
                    {% set ns.x = [ns.x] %}{% endfor %}{% endfor %}";
    assert!(matches!(
        fails(template, &Settings::default()),
        TemplateError::TooMuchWork { .. }
    ));
}

#[test]
fn a_range_is_as_long_as_the_sandbox_of_jinja2_allows() {
    let secrets = Secrets::new(Arc::new(Fixed(BTreeMap::new())), KeyFormat::default());
    let rendered = render(
        "{{ range(100000) | length }}",
        &secrets,
        &Settings::default(),
    )
    .unwrap();
    assert_eq!(text(&rendered), "100000");
    assert_eq!(
        fails("{{ range(100001) }}", &Settings::default()).to_string(),
        "template line 1: a range may have at most 100000 numbers, in `range(100001)`"
    );
}

const CANARY: &str = "CANARY-4217-canary";
