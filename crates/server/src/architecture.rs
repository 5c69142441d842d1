//! What ARCHITECTURE says of the rooms of this crate, held against their sources.

use std::path::{Path, PathBuf};

/// The rooms, from the ground up: what stands in one knows those before it and none after it. A `*` is
/// any dialect.
const ROOMS: [&str; 36] = [
    "error",
    "bounded",
    "by_name",
    "compressed",
    "exact",
    "moment",
    "malformed",
    "metadata",
    "tls",
    "values",
    "dialects/registered",
    "dialects/*/settings",
    "config",
    "log",
    "kept",
    "shares",
    "serving",
    "metrics",
    "guard",
    "web",
    "state",
    "problems",
    "auth",
    "extract",
    "forms",
    "report",
    "live",
    "dialect",
    "api",
    "dialects",
    "startup",
    "cli/*",
    "dialects/*/import",
    "dialects/*/command",
    "cli",
    "fuzz",
];

/// What only puts the commands together, and so stands above those of dialects.
const COMMANDS: [&str; 3] = ["cli/mod", "cli/dialects", "cli/import"];

/// The place of `path` among the rooms: the most exact one that it is in.
fn room(path: &str) -> Option<usize> {
    if COMMANDS.contains(&path) {
        return ROOMS.iter().position(|room| *room == "cli");
    }
    let parts: Vec<&str> = path.split('/').collect();
    let is_within = |room: &str| {
        let wanted: Vec<&str> = room.split('/').collect();
        wanted.len() <= parts.len()
            && wanted.iter().zip(&parts).all(|(wanted, part)| *wanted == "*" || wanted == part)
    };
    let within = ROOMS.iter().enumerate().filter(|(_, room)| is_within(room));
    within.max_by_key(|(_, room)| room.split('/').count()).map(|(place, _)| place)
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

/// Every file that is no test's, as its path without the ending, and what stands in it besides tests.
fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    let mut files = Vec::new();
    for path in paths {
        let name = path.strip_prefix(&root).unwrap().with_extension("").display().to_string();
        let source = std::fs::read_to_string(&path).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        if !name.ends_with("tests") && !["lib", "main", "architecture"].contains(&&*name) {
            files.push((name, code.to_owned()));
        }
    }
    files
}

/// The paths within this crate that stand after `crate::`, those in braces one by one.
fn named(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let is_part = |letter: char| letter.is_alphanumeric() || "_:$".contains(letter);
        let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        let path = rest[..end].trim_end_matches(':').replace("::", "/");
        match rest[end..].strip_prefix('{').and_then(|list| list.split_once('}')) {
            Some((list, _)) if path.is_empty() => {
                named.extend(list.split(',').map(|one| one.trim().replace("::", "/")));
            }
            Some((list, _)) => {
                let each = |one: &str| format!("{path}/{}", one.trim().replace("::", "/"));
                named.extend(list.split(',').map(each));
            }
            None => named.push(path),
        }
    }
    named.retain(|path| !path.is_empty());
    named
}

#[test]
fn arrows_between_rooms_point_one_way() {
    let files = files();
    assert!(files.len() > 150, "{} files", files.len());

    let mut wrong = Vec::new();
    let mut arrows = 0;
    for (name, code) in &files {
        let Some(own) = room(name) else {
            wrong.push(format!("{name} stands in no room"));
            continue;
        };
        for path in named(code) {
            // A macro of the whole crate is nobody's.
            let Some(other) = room(&path) else { continue };
            arrows += 1;
            if other > own {
                wrong.push(format!("{name} names {path}"));
            }
        }
    }

    assert!(arrows > 200, "{arrows} arrows");
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn a_noun_of_the_api_borrows_nothing_from_another() {
    let nouns: Vec<(String, String)> =
        files().into_iter().filter(|(name, _)| name.starts_with("api/")).collect();
    let of = |name: &str| name.split('/').nth(1).unwrap_or_default().to_owned();
    let known: Vec<String> = nouns.iter().map(|(name, _)| of(name)).collect();
    assert!(known.len() > 20, "{known:?}");

    let mut borrowed = Vec::new();
    for (name, code) in nouns.iter().filter(|(name, _)| name != "api/mod") {
        let own = of(name);
        let others = [code.split("super::"), code.split("crate::api::")];
        for part in others.into_iter().flat_map(|parts| parts.skip(1)) {
            let other: String = part
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
                .collect();
            if other != own
                && other != "mod"
                && known.contains(&other)
                && name.matches('/').count() == 1
            {
                borrowed.push(format!("{own} borrows from {other}"));
            }
        }
    }

    assert_eq!(borrowed, [""; 0]);
}

#[test]
fn what_stands_in_braces_is_read_one_by_one() {
    let code = "use crate::{api, forms::ids};\nuse crate::cli::{client::CliError, serve};\n\
                crate::tls::install();";

    assert_eq!(
        named(code),
        ["api", "forms/ids", "cli/client/CliError", "cli/serve", "tls/install"]
    );
    assert!(room("cli/serve") < room("dialects/any/command"));
    assert!(room("dialects/any/command") < room("cli/mod"));
    assert!(room("dialects/any/settings/Settings") < room("config/mod"));
    assert!(room("dialects/any/desk") > room("api/usage"));
}
