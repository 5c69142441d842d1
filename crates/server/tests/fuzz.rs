//! A bounded run of every fuzz target: seeds, changed at random, must not panic and must not take
//! long. `fuzz/` runs the same targets with coverage, for as long as one likes.
//!
//! `OUTLAY_FUZZ_SECONDS` is how long each target runs, `OUTLAY_SEED` what it is repeated from.
#![allow(clippy::unwrap_used)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use outlay_server::fuzz::TARGETS;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

const SECONDS: u64 = 4;
/// Longer than this for some kilobytes is an attack.
const ONE_INPUT_MAX: Duration = Duration::from_secs(2);
const INPUT_BYTES_MAX: usize = 64 * 1024;

/// What parsers stumble over.
const TOKENS: [&str; 34] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    ":",
    ",",
    "null",
    "true",
    "-0",
    "1e999",
    "-1e-999",
    "9223372036854775808",
    "0.0000000001",
    "NaN",
    "Infinity",
    "\n",
    "\r\n",
    "\0",
    "\u{feff}",
    "\u{202e}",
    "data: ",
    "event: ",
    "[DONE]",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "+99:99",
    "%00",
    "&",
    "=",
    ";",
];

#[test]
fn no_input_makes_a_parser_panic_or_hang() {
    let seed = number("OUTLAY_SEED").unwrap_or_else(rand::random);
    let time = Duration::from_secs(number("OUTLAY_FUZZ_SECONDS").unwrap_or(SECONDS));
    println!("OUTLAY_SEED={seed}");
    for (place, (name, target)) in TARGETS.iter().enumerate() {
        let corpus = corpus(name);
        let mut random = StdRng::seed_from_u64(seed ^ place as u64);
        let started = Instant::now();
        let mut inputs = 0_u64;
        for whole in &corpus {
            judge(name, *target, whole);
        }
        while started.elapsed() < time {
            let input = change(&corpus, &mut random);
            judge(name, *target, &input);
            inputs += 1;
        }
        println!("{name}: {inputs} inputs from {} seeds", corpus.len());
        assert!(inputs > 100, "{name} is slow: {inputs} inputs");
    }
}

/// Runs one input. What is wrong with it is told so that it can be run again.
fn judge(name: &str, target: fn(&[u8]), input: &[u8]) {
    let started = Instant::now();
    let done = catch_unwind(AssertUnwindSafe(|| target(input)));
    let took = started.elapsed();
    if done.is_err() || took > ONE_INPUT_MAX {
        let file = std::env::temp_dir().join(format!("outlay-fuzz-{name}"));
        std::fs::write(&file, input).unwrap();
        panic!("{name} fails on {} after {took:?}: {}", file.display(), input.escape_ascii());
    }
}

/// The seeds of a target: whole, right inputs.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(name);
    let mut paths: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{name} has no seeds");
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// A seed with some changes, each small and together anything.
fn change(corpus: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut input = corpus.choose(random).unwrap().clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=input.len());
        let end = (at + random.random_range(0..16)).min(input.len());
        match random.random_range(0..8) {
            0 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
            1 if at < input.len() => input[at] = random.random(),
            2 => drop(input.drain(at..end)),
            3 => {
                let token = TOKENS.choose(random).unwrap().as_bytes();
                input.splice(at..end, token.iter().copied());
            }
            4 => {
                let part = input[at..end].to_vec();
                let times = random.random_range(1..40);
                input.splice(at..at, part.repeat(times));
            }
            5 => {
                let other = corpus.choose(random).unwrap();
                let from = random.random_range(0..=other.len());
                input.splice(at.., other[from..].iter().copied());
            }
            6 => input.truncate(at),
            _ => {
                let number = random.random::<i64>() >> random.random_range(0..64);
                input.splice(at..end, number.to_string().into_bytes());
            }
        }
        input.truncate(INPUT_BYTES_MAX);
    }
    input
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
