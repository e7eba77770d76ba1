//! Several processes put the same name at once: each version has one winner, and nothing is lost or doubled.

use std::collections::BTreeSet;
use std::thread;

use testkit::Fault;

use super::tools::{Desk, LIMIT, Ran, Tools, run};

/// How many put at once.
const RACERS: usize = 8;

/// Lets so many puts find the same newest version: each waits for its data key until all have looked.
fn hold_together(desk: &Desk, racers: usize) {
    let racers = u32::try_from(racers).expect("a few");
    desk.moto
        .fault(Fault::delay("GenerateDataKey", 700).times(racers));
}

/// All of these at once, each with its input.
fn race(runs: Vec<(std::process::Command, String)>) -> Vec<(Ran, String)> {
    thread::scope(|scope| {
        let runs: Vec<_> = runs
            .into_iter()
            .map(|(command, value)| scope.spawn(|| (run(command, value.as_bytes(), LIMIT), value)))
            .collect();
        runs.into_iter()
            .map(|run| run.join().expect("it ends"))
            .collect()
    })
}

/// Who won is there once, whoever lost is not there, and the versions have no gap. Gives how many won.
fn exactly_what_was_won(desk: &Desk, table: &str, ran: &[(Ran, String)]) -> usize {
    let won: BTreeSet<&str> = ran
        .iter()
        .filter(|(ran, _)| ran.code == Some(0))
        .map(|(_, value)| value.as_str())
        .collect();
    for (ran, value) in ran.iter().filter(|(ran, _)| ran.code != Some(0)) {
        assert_eq!(ran.code, Some(1), "{value}: {}", ran.told());
        assert!(
            !ran.told().is_empty(),
            "{value} is not stored, and nothing says so"
        );
    }
    let versions: Vec<String> = desk
        .moto
        .dump(table)
        .iter()
        .map(|item| item["version"]["S"].as_str().expect("a version").to_owned())
        .collect();
    let counted: Vec<String> = (1..=won.len())
        .map(|number| format!("{number:019}"))
        .collect();
    assert_eq!(versions, counted, "{:?}", ran);
    let stored: Vec<String> = (1..=won.len())
        .map(|number| {
            let number = number.to_string();
            desk.run("credstash", &["-t", table, "get", "-n", "n", "-v", &number])
                .ok()
        })
        .collect();
    let distinct: BTreeSet<&str> = stored.iter().map(String::as_str).collect();
    assert_eq!(
        distinct, won,
        "left what is stored, right who said that it won"
    );
    won.len()
}

/// The command of CredSmash that puts the next version, in the form that every tool reads.
const SMASH: [&str; 5] = ["-c", "config", "put", "n", "-"];

/// The same of credstash.
const STASH: [&str; 4] = ["put", "-a", "n", "-"];

fn desk() -> Desk {
    let desk = Desk::open(Tools::ours());
    desk.write(
        "config",
        "[credsmash]\nalgorithm = aes-ctr-legacy\ntable_name = credential-store\n",
    );
    desk
}

#[test]
fn each_of_many_racing_puts_gets_a_version_of_its_own() {
    for (tool, words) in [
        ("credsmash", &SMASH[..]),
        ("credstash", &STASH),
        ("stash", &["put", "n"]),
    ] {
        let desk = desk();
        hold_together(&desk, RACERS);
        let runs = (0..RACERS)
            .map(|number| (desk.command(tool, words), format!("value {number}")))
            .collect();
        let ran = race(runs);
        // It did race: more looks than puts.
        let looks = desk
            .moto
            .calls()
            .iter()
            .filter(|call| call.operation() == "Query")
            .count();
        assert!(looks > RACERS, "{tool}: {looks} looks, no race");
        let won = exactly_what_was_won(&desk, "credential-store", &ran);
        println!("{tool}: {won} of {RACERS} racing puts won a version");
        // A loser goes on with the next version: with so few racers everybody gets one.
        assert_eq!(won, RACERS, "{tool}: {ran:?}");
    }
}

#[test]
fn a_version_given_by_hand_has_one_winner() {
    let desk = desk();
    hold_together(&desk, RACERS);
    let words = ["-c", "config", "put", "n", "-", "-v", "1"];
    let runs = (0..RACERS)
        .map(|number| (desk.command("credsmash", &words), format!("value {number}")))
        .collect();
    let ran = race(runs);
    assert_eq!(exactly_what_was_won(&desk, "credential-store", &ran), 1);
    for (ran, value) in ran.iter().filter(|(ran, _)| ran.code != Some(0)) {
        assert!(
            ran.told().contains("ConditionalCheckFailedException"),
            "{value}: {}",
            ran.told()
        );
    }
}

#[test]
fn ours_and_the_real_tools_race_without_loss() {
    let desk = desk();
    let real = Tools::real();
    hold_together(&desk, RACERS);
    let mut runs = Vec::new();
    for number in 0..RACERS {
        let (tool, words) = match number % 2 {
            0 => ("credsmash", &SMASH[..]),
            _ => ("credstash", &STASH[..]),
        };
        let command = if number < RACERS / 4 {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            desk.ready(real.command(tool, super::tools::Way::Link, &words))
        } else {
            desk.command(tool, words)
        };
        runs.push((command, format!("value {number}")));
    }
    let ran = race(runs);
    let won = exactly_what_was_won(&desk, "credential-store", &ran);
    println!(
        "{won} of {RACERS} puts won a version, {} of them by the real tools",
        RACERS / 4
    );
    // The real tools give up when they lose; ours do not.
    let ours = ran.iter().skip(RACERS / 4);
    assert!(ours.clone().all(|(ran, _)| ran.code == Some(0)), "{ran:?}");
}
