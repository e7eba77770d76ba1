//! Many seeds of one test, and how to run a failed one again.

/// Runs `test` under the seeds 1 to `count`, ten times as many when `KEEPWARD_TEST_LONG=1`, or under
/// the one in `KEEPWARD_SIM_SEED`. Prints and returns how many it were.
///
/// A panic inside prints the seed and how to run it alone.
pub async fn under_seeds(count: u64, test: impl AsyncFn(u64)) -> u64 {
    let seeds = match setting("KEEPWARD_SIM_SEED").map(|text| text.parse::<u64>()) {
        Some(Ok(seed)) => seed..=seed,
        Some(Err(_)) => broken("KEEPWARD_SIM_SEED is no number"),
        None => {
            1..=if setting("KEEPWARD_TEST_LONG").as_deref() == Some("1") {
                count * 10
            } else {
                count
            }
        }
    };
    let mut ran = 0;
    for seed in seeds {
        let told = Told(seed);
        test(seed).await;
        std::mem::forget(told);
        ran += 1;
    }
    tell(&format!("{ran} seeds of {}", test_name()));
    ran
}

/// Says which seed it was, when dropped by a panic.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        let seed = self.0;
        let name = test_name();
        tell(&format!(
            "seed {seed} failed; alone: KEEPWARD_SIM_SEED={seed} cargo test -- --exact {name}"
        ));
    }
}

fn test_name() -> String {
    std::thread::current()
        .name()
        .unwrap_or("the test")
        .to_owned()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the settings of simulated tests, read in this one place"
)]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::print_stderr, reason = "the report of a test")]
fn tell(text: &str) {
    eprintln!("{text}");
}

#[expect(clippy::panic, reason = "a test with a wrong setting must not pass")]
fn broken(why: &str) -> ! {
    panic!("{why}")
}
