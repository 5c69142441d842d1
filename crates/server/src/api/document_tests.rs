//! The API's document: what programs are generated from has names, enums and answers.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::forms::event_body::EventBody;

/// What operations do.
const VERBS: [&str; 43] = [
    "acknowledge",
    "adjust",
    "analyze",
    "authorize",
    "cancel",
    "capture",
    "change",
    "check",
    "close",
    "confirm",
    "correct",
    "create",
    "decide",
    "delete",
    "describe",
    "download",
    "end",
    "erase",
    "explain",
    "export",
    "import",
    "issue",
    "list",
    "merge",
    "mint",
    "quote",
    "record",
    "redeem",
    "refund",
    "release",
    "remove",
    "replace",
    "report",
    "rerate",
    "resolve",
    "resume",
    "revoke",
    "run",
    "send",
    "set",
    "show",
    "snooze",
    "sum",
];

fn document() -> Value {
    serde_json::to_value(super::document()).unwrap()
}

/// Every operation, with its method and path in words.
fn operations(document: &Value) -> Vec<(String, Map<String, Value>)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, methods): (&String, &Value)| {
        let named = methods.as_object().unwrap().iter().map(|(method, operation)| {
            (format!("{method} {path}"), operation.as_object().unwrap().clone())
        });
        named.collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

/// Every property of every shape, by its place.
fn properties<'a>(place: &str, shape: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    match shape {
        Value::Object(fields) => {
            for (name, inner) in fields {
                if let ("properties", Value::Object(of_shape)) = (name.as_str(), inner) {
                    found.extend(of_shape.iter().map(|(name, at)| (format!("{place}.{name}"), at)));
                }
                properties(place, inner, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| properties(place, item, found)),
        _ => {}
    }
}

#[test]
fn every_operation_has_an_id_of_its_own_of_a_verb_and_a_noun() {
    let mut ids = BTreeSet::new();

    for (place, operation) in operations(&document()) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        let (verb, noun) = id.split_once('_').unwrap_or((&id, ""));
        let is_plain = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        assert!(VERBS.contains(&verb), "{place}: `{id}` begins with no verb");
        assert!(!noun.is_empty() && noun.chars().all(is_plain), "{place}: `{id}` has no noun");
        assert!(ids.insert(id.clone()), "{place}: there is another `{id}`");
    }
}

#[test]
fn every_operation_says_what_it_does_what_it_answers_and_who_may() {
    let document = document();
    assert!(document["security"].as_array().is_some_and(|ways| ways.len() == 3));

    for (place, operation) in operations(&document) {
        let answers = operation["responses"].as_object().unwrap();
        let is_open =
            operation.get("security").is_some_and(|ways| ways == &serde_json::json!([{}]));
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{place}");
        assert!(answers.keys().any(|status| status.starts_with('2')), "{place} has no answer");
        assert!(is_open || answers.contains_key("401"), "{place} lets nobody down");
        for (status, answer) in answers.iter().filter(|(status, _)| *status >= &"400".to_owned()) {
            let shape = &answer["content"]["application/json"]["schema"]["$ref"];
            assert!(shape.is_string(), "{place} does not say how it refuses with {status}");
        }
    }
}

#[test]
fn words_of_which_one_must_be_given_are_enums() {
    let document = document();
    let mut found = Vec::new();
    let shapes = document["components"]["schemas"].as_object().unwrap();
    shapes.iter().for_each(|(name, shape)| properties(name, shape, &mut found));

    for (place, property) in found {
        let said = property["description"].as_str().unwrap_or_default();
        let is_text = property["type"] == "string" || property["type"][0] == "string";
        let words = said.trim_end_matches('.').split([',', ' ']).filter(|word| !word.is_empty());
        let is_list = |word: &str| word == "or" || word.starts_with('`') && word.ends_with('`');
        let lists =
            said.starts_with('`') && words.clone().count() > 1 && words.clone().all(is_list);
        assert!(!(is_text && lists && property["enum"].is_null()), "{place}: {said}");
    }
}

#[test]
fn what_is_described_of_an_event_is_what_is_read_of_it() {
    // Other names for fields, and the dimensions, which may stand beside them.
    const BESIDE: [&str; 8] = [
        "timestamp",
        "time",
        "stated_cost",
        "cost_usd",
        "team",
        "project",
        "platform",
        "environment",
    ];
    let document = document();
    let described = &document["components"]["schemas"]["UsageEvent"]["properties"];
    let described: BTreeSet<&str> = described.as_object().unwrap().keys().map(|k| &**k).collect();

    // The reader names the fields that it knows when it meets one that it does not.
    let refused =
        serde_json::from_str::<EventBody<'_>>(r#"{"no such": 1}"#).unwrap_err().to_string();
    let read: BTreeSet<&str> = refused.split('`').skip(3).step_by(2).collect();

    assert_eq!(read, described.into_iter().chain(BESIDE).collect());
}
