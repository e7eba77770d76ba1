//! What ours writes the real tools read, what they write ours reads, and both leave items of the same form.

use std::collections::BTreeMap;

use serde_json::Value;

use super::preloaded::Preloaded;
use super::tools::{Desk, Ran, Tools};
use super::transcripts::shape;

/// Where ours writes, and where the real tools write.
const OURS: &str = "by-ours";
const THEIRS: &str = "by-theirs";

/// One way to write: its options, and whether a context comes with it.
struct Variant {
    name: String,
    /// Of CredSmash: its config file.
    config: Option<String>,
    /// Of credstash: what `put` takes besides name and value.
    options: Vec<&'static str>,
    context: bool,
}

/// As credstash takes them.
const PAIRS: [&str; 2] = ["env=prod", "app.tier=db"];

/// As CredSmash takes them.
const CONTEXT: &str =
    "[credsmash:key_service:kms]\nencryption_context =\n    env = prod\n    app.tier = db\n";

/// An algorithm and its options.
type Chosen = (&'static str, Vec<(&'static str, &'static str)>);

/// Every algorithm with every length and digest that the real CredSmash takes; every other one with a context.
fn credsmash_variants() -> Vec<Variant> {
    let mut settings = Vec::new();
    for digest in ["SHA224", "SHA256", "SHA384", "SHA512"] {
        for key in ["32", "48", "64"] {
            settings.push((
                "aes-ctr",
                vec![("key_length", key), ("digest_method", digest)],
            ));
        }
        settings.push(("aes-ctr-legacy", vec![("digest_method", digest)]));
    }
    for key in ["16", "24", "32"] {
        for iv in ["8", "12", "16", "64", "128"] {
            settings.push(("aes-gcm", vec![("key_length", key), ("iv_length", iv)]));
        }
    }
    let variant = |(index, (algorithm, options)): (usize, Chosen)| {
        let context = index % 2 == 1;
        let mut config = format!("[credsmash]\nalgorithm = {algorithm}\n[credsmash:{algorithm}]\n");
        let mut name = algorithm.to_owned();
        for (option, value) in options {
            config.push_str(&format!("{option} = {value}\n"));
            name.push_str(&format!(".{value}"));
        }
        if context {
            config.push_str(CONTEXT);
        }
        Variant {
            name,
            config: Some(config),
            options: Vec::new(),
            context,
        }
    };
    settings.into_iter().enumerate().map(variant).collect()
}

/// Every digest, with and without a comment and a context.
fn credstash_variants() -> Vec<Variant> {
    let mut variants = Vec::new();
    for digest in ["SHA", "SHA224", "SHA256", "SHA384", "SHA512", "MD5"] {
        for comment in [false, true] {
            for context in [false, true] {
                let mut options = vec!["-d", digest];
                if comment {
                    options.extend(["-c", "a comment, größer"]);
                }
                let name = format!("{digest}.{comment}.{context}");
                variants.push(Variant {
                    name,
                    config: None,
                    options,
                    context,
                });
            }
        }
    }
    variants
}

/// What is stored: by name, all of them text.
fn texts() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("plain", b"hunter2".to_vec()),
        ("empty", Vec::new()),
        (
            "unicode",
            "p\u{e4}ssw\u{f6}rd \u{2603} \u{65e5}\u{672c}".into(),
        ),
        ("lines", b"-----BEGIN-----\nab\n\n-----END-----\n".to_vec()),
        ("one-block", b"0123456789abcdef".to_vec()),
        ("block-and-one", b"0123456789abcdefg".to_vec()),
        ("long", b"64 KiB! ".repeat(8192)),
    ]
}

/// And those that are no text.
fn binaries() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("bytes", (0..=255).collect()),
        ("cr-lf-nul", b"a\r\nb\0\xff\xfe".to_vec()),
    ]
}

/// One of the programs at a desk: ours, or the real one.
trait Writer {
    fn feed(&mut self, face: &str, words: &[&str], input: &[u8]) -> Ran;

    /// Puts a value the way that this variant says.
    fn put(&mut self, desk: &Desk, table: &str, name: &str, variant: &Variant, value: &[u8]) {
        let ran = if let Some(config) = &variant.config {
            desk.write("config", config);
            self.feed(
                "credsmash",
                &["-c", "config", "-t", table, "put", name, "-"],
                value,
            )
        } else {
            let mut words = vec!["-t", table, "put", name, "-"];
            if variant.context {
                words.extend(PAIRS);
            }
            words.extend(&variant.options);
            self.feed("credstash", &words, value)
        };
        assert_eq!(ran.code, Some(0), "{} {name}: {ran:?}", variant.name);
    }

    fn get(&mut self, desk: &Desk, face: &str, table: &str, name: &str, variant: &Variant) -> Ran {
        if face == "credsmash" {
            let config = if variant.context { CONTEXT } else { "" };
            desk.write("reader", config);
            return self.feed(face, &["-c", "reader", "-t", table, "get", name], b"");
        }
        let mut words = match face {
            "stash" => vec!["get", name, "--table", table],
            _ => vec!["-t", table, "get", "-n", name],
        };
        for pair in PAIRS.iter().filter(|_| variant.context) {
            words.extend((face == "stash").then_some("--context"));
            words.push(pair);
        }
        self.feed(face, &words, b"")
    }
}

impl Writer for Preloaded {
    fn feed(&mut self, face: &str, words: &[&str], input: &[u8]) -> Ran {
        Preloaded::feed(self, face, words, input)
    }
}

/// Ours at a desk.
struct Ours<'d>(&'d Desk);

impl Writer for Ours<'_> {
    fn feed(&mut self, face: &str, words: &[&str], input: &[u8]) -> Ran {
        self.0.feed(face, words, input)
    }
}

/// Both tables, item by item: what a random key does not decide is the same.
fn same_form(desk: &Desk) -> usize {
    let forms = |table: &str| -> BTreeMap<String, Value> {
        desk.moto
            .dump(table)
            .iter()
            .map(|item| (format!("{}", item["name"]), shape(item)))
            .collect()
    };
    let (ours, theirs) = (forms(OURS), forms(THEIRS));
    for (name, form) in &theirs {
        assert_eq!(
            ours.get(name),
            Some(form),
            "left ours, right theirs: {name}"
        );
    }
    assert_eq!(ours.len(), theirs.len());
    ours.len()
}

fn desk() -> Desk {
    let desk = Desk::open(Tools::ours());
    for table in [OURS, THEIRS] {
        desk.moto.load(table, "stash", &[]);
    }
    desk
}

#[test]
fn credsmash_and_ours_read_each_others_items_in_every_variant() {
    let desk = desk();
    let (mut real, mut ours) = (Preloaded::at(&desk), Ours(&desk));
    let values: Vec<_> = texts().into_iter().chain(binaries()).collect();
    let variants = credsmash_variants();
    let mut trips = 0;
    for (index, variant) in variants.iter().enumerate() {
        // Two values each, so that every algorithm meets every value.
        for step in [0, 4] {
            let (kind, value) = &values[(index + step) % values.len()];
            let name = format!("{}.{kind}", variant.name);
            real.put(&desk, THEIRS, &name, variant, value);
            ours.put(&desk, OURS, &name, variant, value);
            let mut read = |by: &mut dyn Writer, face: &str, table: &str| {
                let ran = by.get(&desk, face, table, &name, variant);
                assert_eq!(ran.code, Some(0), "{face} {table} {name}: {}", ran.told());
                assert!(ran.stdout == *value, "{face} {table} {name}: another value");
                trips += 1;
            };
            read(&mut real, "credsmash", OURS);
            for face in ["credsmash", "credstash", "stash"] {
                read(&mut ours, face, THEIRS);
            }
            read(&mut ours, "credsmash", OURS);
        }
    }
    println!(
        "{trips} round trips in {} variants of CredSmash",
        variants.len()
    );
    assert_eq!(same_form(&desk), variants.len() * 2);
    assert_eq!(trips, variants.len() * 2 * 5);
}

#[test]
fn credstash_and_ours_read_each_others_items_in_every_variant() {
    let desk = desk();
    let (mut real, mut ours) = (Preloaded::at(&desk), Ours(&desk));
    let values = texts();
    let variants = credstash_variants();
    let mut trips = 0;
    for (index, variant) in variants.iter().enumerate() {
        let (kind, value) = &values[index % values.len()];
        let name = format!("{}.{kind}", variant.name);
        real.put(&desk, THEIRS, &name, variant, value);
        ours.put(&desk, OURS, &name, variant, value);
        let mut read = |by: &mut dyn Writer, face: &str, table: &str| {
            let ran = by.get(&desk, face, table, &name, variant);
            assert_eq!(ran.code, Some(0), "{face} {table} {name}: {}", ran.told());
            assert!(ran.stdout == *value, "{face} {table} {name}: another value");
            trips += 1;
        };
        read(&mut real, "credstash", OURS);
        for face in ["credsmash", "credstash", "stash"] {
            read(&mut ours, face, THEIRS);
        }
        read(&mut ours, "credstash", OURS);
    }
    println!(
        "{trips} round trips in {} variants of credstash",
        variants.len()
    );
    assert_eq!(same_form(&desk), variants.len());
    assert_eq!(trips, variants.len() * 5);
}

#[test]
fn bytes_that_credstash_cannot_store_go_through_ours_and_credsmash() {
    let desk = desk();
    let (mut real, mut ours) = (Preloaded::at(&desk), Ours(&desk));
    for (name, value) in binaries() {
        let digest = Variant {
            name: name.to_owned(),
            config: None,
            options: vec!["-d", "SHA256"],
            context: false,
        };
        ours.put(&desk, OURS, name, &digest, &value);
        for ran in [
            real.get(&desk, "credsmash", OURS, name, &digest),
            ours.get(&desk, "credsmash", OURS, name, &digest),
            ours.get(&desk, "credstash", OURS, name, &digest),
        ] {
            assert_eq!(ran.code, Some(0), "{name}: {}", ran.told());
            assert_eq!(ran.stdout, value, "{name}");
        }
    }
}

#[test]
fn the_real_tools_read_what_the_modern_commands_write() {
    let desk = desk();
    let mut real = Preloaded::at(&desk);
    let mut trips = 0;
    for (form, digest, readers) in [
        ("legacy", "SHA256", &["credsmash", "credstash"][..]),
        ("legacy", "SHA224", &["credsmash", "credstash"]),
        ("aes-ctr", "SHA512", &["credsmash"]),
        ("aes-gcm", "SHA256", &["credsmash"]),
    ] {
        for (context, (kind, value)) in [false, true].into_iter().zip(texts().into_iter().skip(2)) {
            let name = format!("{form}.{digest}.{kind}");
            let mut words = vec![
                "put", &name, "--table", OURS, "--form", form, "--digest", digest,
            ];
            words.extend(["--comment", "by hand"]);
            for pair in PAIRS.iter().filter(|_| context) {
                words.extend(["--context", pair]);
            }
            desk.feed("stash", &words, &value).ok();
            let variant = Variant {
                name,
                config: None,
                options: Vec::new(),
                context,
            };
            for tool in readers {
                let ran = real.get(&desk, tool, OURS, &variant.name, &variant);
                assert_eq!(ran.code, Some(0), "{tool} {}: {}", variant.name, ran.told());
                assert_eq!(ran.stdout, value, "{tool} {}", variant.name);
                trips += 1;
            }
        }
    }
    println!("{trips} values written by keepward stash were read by the real tools");
    assert_eq!(trips, 12);
}

#[test]
fn versions_go_on_counting_whoever_writes() {
    let desk = desk();
    let (mut real, mut ours) = (Preloaded::at(&desk), Ours(&desk));
    // CredSmash reads no more of credstash than the legacy form, and credstash no more of CredSmash.
    desk.write("config", "[credsmash]\nalgorithm = aes-ctr-legacy\n");
    let smash = ["-c", "config", "-t", OURS, "put", "n", "-"];
    let stash = ["-t", OURS, "put", "-a", "n", "-"];
    let mut version = 0;
    for _ in 0..2 {
        for (face, words) in [("credsmash", &smash[..]), ("credstash", &stash)] {
            for by in [&mut real as &mut dyn Writer, &mut ours] {
                version += 1;
                let value = format!("value {version}");
                let put = by.feed(face, words, value.as_bytes());
                assert_eq!(put.code, Some(0), "{version}: {}", put.told());
                let shown = by.feed("credstash", &["-t", OURS, "get", "-n", "n"], b"");
                assert_eq!((shown.code, shown.text()), (Some(0), value), "{version}");
            }
        }
    }
    let listed = real.run("credsmash", &["-t", OURS, "list"]).ok();
    assert_eq!(listed, desk.run("credsmash", &["-t", OURS, "list"]).ok());
    assert_eq!(listed.lines().count(), version);
}
