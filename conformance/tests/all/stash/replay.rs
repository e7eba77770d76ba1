//! Everything that was recorded of CredSmash 3.0.2 and credstash 1.17.1, done again with our program.
//!
//! Calls alternate between `keepward credsmash ...` and a link named `credsmash`, and likewise for credstash: step by
//! step, and the other way round in the next scenario.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rstest::rstest;
use serde_json::{Value, json};
use testkit::Moto;

use super::tools::Tools;
use super::transcripts::{Got, Judged, judge, list, play, scenarios, shape};

/// How many scenarios run at once, each on its own moto: they share table names.
const WORKERS: usize = 2;

/// Calls that ours makes and the reference does not, each with the reason.
///
/// Scenario, step, operation, how many more, why. An entry that is not needed any more fails the test.
const MORE_CALLS: &[(&str, usize, &str, usize, &str)] = &[
    ("cs-context", 4, "Decrypt", 1, EACH_IS_TOLD),
    ("cs-get-missing", 2, "GetItem", 1, AS_TYPED),
    ("cs-setup", 2, "DescribeTable", 1, ONE_TABLE),
    ("cs-template-keyfmt", 1, "Decrypt", 1, KEY_FORMAT),
    ("st-missing", 2, "GetItem", 1, AS_TYPED),
    ("st-setup", 0, "DescribeTable", 1, ONE_TABLE),
    ("st-setup", 2, "DescribeTable", 1, ONE_TABLE),
    ("st-setup", 3, "DescribeTable", 1, ONE_TABLE),
    ("st-setup", 5, "DescribeTable", 1, ONE_TABLE),
];

const EACH_IS_TOLD: &str =
    "of every secret that does not open is told why; the reference stops at one of them";
const AS_TYPED: &str = "a version that is missing with its zeros is looked for as it was typed, as old releases stored it";
const ONE_TABLE: &str = "the one table is looked at, in place of a list of all";
const KEY_FORMAT: &str = "--key-fmt finds the secret; in the reference it has no effect";

/// What all of them came to.
#[derive(Default)]
struct Sum {
    scenarios: usize,
    steps: usize,
    wanted: usize,
    problems: Vec<String>,
    more: Vec<(String, usize, String, usize)>,
    calls: BTreeMap<String, [usize; 2]>,
}

impl Sum {
    fn add(&mut self, scenario: &Value, problems: Vec<String>, played: &[(&Value, Got)]) {
        let id = scenario["id"].as_str().expect("an id");
        self.scenarios += 1;
        for (index, (step, got)) in played.iter().enumerate() {
            self.steps += 1;
            self.wanted += usize::from(step.get("want").is_some());
            // Where it should not have failed, the reference did not come to its other calls.
            let wanted = step
                .get("want")
                .and_then(|want| want.get("any").or(want.get("rc")));
            let alike = wanted.is_none_or(|code| *code == step["expect"]["rc"]);
            let (ours, theirs) = (count(&got.calls), count(&recorded_calls(step)));
            for (operation, &made) in &ours {
                let allowed = theirs.get(operation).copied().unwrap_or_default();
                if alike && made > allowed {
                    self.more
                        .push((id.to_owned(), index, operation.clone(), made - allowed));
                }
            }
            for (side, calls) in [ours, theirs].into_iter().enumerate() {
                for (operation, made) in calls {
                    self.calls.entry(operation).or_default()[side] += made;
                }
            }
        }
        if !problems.is_empty() {
            self.problems
                .push(format!("{id}\n    {}", problems.join("\n    ")));
        }
    }
}

/// The reference's calls of a step, without what befell them.
fn recorded_calls(step: &Value) -> Vec<String> {
    list(&step["expect"]["calls"])
        .iter()
        .map(|call| match call.as_str().expect("a text") {
            // The query protocol: the one call that it is used for here.
            "POST /" => "AssumeRole".to_owned(),
            call => call.split('!').next().expect("a part").to_owned(),
        })
        .collect()
}

fn count(calls: &[String]) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for call in calls {
        *counted.entry(call.clone()).or_default() += 1;
    }
    counted
}

/// Plays these scenarios with these tools, some at once.
fn play_all(scenarios: &[Value], tools: &Tools, judged: Judged) -> Sum {
    let (next, sum) = (AtomicUsize::new(0), Mutex::new(Sum::default()));
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let moto = Moto::start();
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(scenario) = scenarios.get(number) else {
                        break;
                    };
                    let (problems, played) = play(scenario, number, tools, &moto, judged);
                    sum.lock()
                        .expect("no holder panics")
                        .add(scenario, problems, &played);
                }
            });
        }
    });
    sum.into_inner().expect("no holder panics")
}

#[test]
fn every_recorded_scenario_goes_as_recorded_or_better() {
    let scenarios = scenarios();
    let steps: usize = scenarios.iter().map(|one| list(&one["steps"]).len()).sum();
    let sum = play_all(&scenarios, &Tools::ours(), Judged::All);
    println!(
        "{} scenarios of {}, {} steps of {steps}, {} of them better than recorded",
        sum.scenarios,
        scenarios.len(),
        sum.steps,
        sum.wanted
    );
    for (operation, [ours, theirs]) in &sum.calls {
        println!("{operation}: {ours} calls, recorded {theirs}");
    }
    assert!(
        sum.problems.is_empty(),
        "{} scenarios differ:\n{}",
        sum.problems.len(),
        sum.problems.join("\n")
    );
    assert_eq!((sum.scenarios, sum.steps), (scenarios.len(), steps));
    assert!(steps > 500, "only {steps} steps are recorded");
    let mut expected: Vec<_> = MORE_CALLS
        .iter()
        .map(|(id, step, operation, more, why)| {
            assert!(!why.is_empty(), "{id}");
            ((*id).to_owned(), *step, (*operation).to_owned(), *more)
        })
        .collect();
    let mut more = sum.more;
    expected.sort();
    more.sort();
    assert_eq!(
        more, expected,
        "left what ours calls more often, right what is known"
    );
}

#[test]
fn the_real_tools_pass_the_same_checks() {
    let chosen = [
        "cs-throttle",
        "st-context",
        "ix-smash-legacy-to-stash",
        "cs-put-binary",
    ];
    let scenarios: Vec<Value> = scenarios()
        .into_iter()
        .filter(|one| chosen.iter().any(|id| one["id"] == *id))
        .collect();
    assert_eq!(scenarios.len(), chosen.len());
    let sum = play_all(&scenarios, &Tools::real(), Judged::WithoutWant);
    println!(
        "{} scenarios, {} steps by the real tools",
        sum.scenarios, sum.steps
    );
    assert!(sum.problems.is_empty(), "{}", sum.problems.join("\n"));
    assert!(sum.more.is_empty(), "{:?}", sum.more);
}

fn step() -> Value {
    json!({
        "tool": "credsmash", "args": ["get", "x", "out"],
        "expect": {
            "rc": 0, "stdout": "value", "calls": ["Query", "Decrypt"],
            "stderr": "<TIME> credsmash.cli [INFO] Stored x @ version 1\n<TRACEBACK> a.B: said\nusage: x\n",
            "out_files": { "out": { "mode": "0600", "data": "content" }, "x.log": { "mode": "0644" } },
        },
    })
}

fn got() -> Got {
    Got {
        code: Some(0),
        stdout: b"value".to_vec(),
        stderr: "2026 Stored x @ version 1\nError: said\n".to_owned(),
        calls: Vec::new(),
        files: [("out".to_owned(), (0o600, b"content".to_vec()))].into(),
    }
}

#[rstest]
#[case::code(|got: &mut Got| got.code = Some(1))]
#[case::signal(|got: &mut Got| got.code = None)]
#[case::stdout(|got: &mut Got| got.stdout.push(b'\n'))]
#[case::log_line(|got: &mut Got| got.stderr = got.stderr.replace("version 1", "version 2"))]
#[case::error(|got: &mut Got| got.stderr = got.stderr.replace("said", "sad"))]
#[case::mode(|got: &mut Got| got.files.get_mut("out").expect("it").0 = 0o644)]
#[case::content(|got: &mut Got| got.files.get_mut("out").expect("it").1.push(0))]
#[case::no_file(|got: &mut Got| got.files.clear())]
fn a_step_that_differs_is_seen(#[case] spoil: fn(&mut Got)) {
    assert_eq!(judge(&step(), &got()), Vec::<String>::new());
    let mut spoilt = got();
    spoil(&mut spoilt);
    assert_ne!(judge(&step(), &spoilt), Vec::<String>::new());
}

#[test]
fn what_is_wanted_replaces_what_was_recorded() {
    let mut step = step();
    step["want"] = json!({ "rc": 1, "stderr_contains": ["better"] });
    let mut better = got();
    assert_eq!(judge(&step, &better).len(), 2);
    (better.code, better.stdout, better.stderr) = (Some(1), Vec::new(), "better".to_owned());
    assert_eq!(judge(&step, &better), Vec::<String>::new());
}

#[test]
fn the_form_of_an_item_leaves_out_only_what_is_random() {
    let item = json!({
        "name": { "S": "x" }, "version": { "S": "1" }, "digest": { "S": "SHA256" },
        "key": { "B": "AAAA" }, "contents": { "B": "AAAA" }, "hmac": { "S": "abcd" },
    });
    let form = json!({
        "name": { "S": "x" }, "version": { "S": "1" }, "digest": { "S": "SHA256" },
        "key": { "type": "B" }, "contents": { "type": "B", "len": 3 }, "hmac": { "type": "S", "len": 4 },
    });
    assert_eq!(shape(&item), form);
}
