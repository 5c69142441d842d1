//! What each setting is for, from the text over its field.

use std::collections::HashMap;

use serde_json::Value;
use utoipa::{PartialSchema, ToSchema};

use super::Config;

/// How wide the lines of an example are.
const WIDTH: usize = 90;

/// One setting.
#[derive(Debug, Clone)]
pub struct Key {
    /// The part before the last dot; sections may stand in sections.
    pub section: String,
    /// The part after it.
    pub key: String,
    /// What it is for.
    pub about: String,
    /// What it is when nobody sets it.
    pub default: toml::Value,
    /// Whether its value is shown to nobody.
    pub secret: bool,
}

impl Key {
    /// E.g. `server.listen`.
    pub fn name(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }

    /// E.g. `OUTLAY_SERVER_LISTEN`.
    pub fn variable(&self) -> String {
        format!("OUTLAY_{}_{}", self.section, self.key).replace('.', "_").to_uppercase()
    }
}

/// All settings, in the order of their fields.
pub fn keys() -> Vec<Key> {
    let schemas = schemas();
    let defaults = toml::Table::try_from(Config::default()).unwrap_or_default();
    let mut keys = Vec::new();
    for (section, name) in ordered_names() {
        let schema = &schemas[&section]["properties"][&name];
        keys.push(Key {
            about: said_of(schema),
            default: within(&defaults, &section).map_or_else(none, |own| own[&name].clone()),
            secret: schema["writeOnly"] == true,
            section,
            key: name,
        });
    }
    keys
}

/// A settings file with every setting at its default, explained and commented out.
pub fn example() -> String {
    let schemas = schemas();
    let mut text = String::from(
        "# Settings of Outlay. A line without # counts.\n\
         # The environment wins over this file (OUTLAY_SERVER_LISTEN for server.listen), and a\n\
         # flag wins over both. `outlay config check` says what is in force, and why.\n",
    );
    let mut current = String::new();
    for key in keys() {
        if key.section != current {
            let about = said_of(&schemas[&key.section]);
            text += &format!("\n{}[{}]\n", commented(&about), key.section);
            current.clone_from(&key.section);
        }
        text += &format!("\n{}# {} = {}\n", commented(&key.about), key.key, key.default);
    }
    text
}

fn none() -> toml::Value {
    toml::Value::String(String::new())
}

/// The table of a section, which may stand in others.
pub(super) fn within<'a>(table: &'a toml::Table, section: &str) -> Option<&'a toml::Table> {
    section.split('.').try_fold(table, |table, name| table.get(name)?.as_table())
}

/// What stands under a key; `None` where nothing does.
pub fn value<'a>(settings: &'a toml::Table, key: &Key) -> Option<&'a toml::Value> {
    within(settings, &key.section)?.get(&key.key)
}

/// The names of all settings. Serde keeps the order of fields; most maps do not.
fn ordered_names() -> Vec<(String, String)> {
    let text = toml::to_string(&Config::default()).unwrap_or_default();
    let mut section = "";
    let mut names = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((key, _)) = line.split_once(" = ") {
            names.push((section.to_owned(), key.to_owned()));
        }
    }
    names
}

/// The schema of each section, by the section's name.
fn schemas() -> HashMap<String, Value> {
    let mut parts = Vec::new();
    Config::schemas(&mut parts);
    let parts: HashMap<String, Value> =
        parts.into_iter().map(|(name, schema)| (name, json(&schema))).collect();
    let mut named = HashMap::new();
    let mut open = vec![(String::new(), json(&Config::schema()))];
    while let Some((above, schema)) = open.pop() {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            // A description beside a reference makes utoipa wrap the reference.
            let reference = [&property["$ref"], &property["allOf"][0]["$ref"]]
                .into_iter()
                .find_map(Value::as_str);
            let part = reference.and_then(|reference| parts.get(reference.rsplit('/').next()?));
            if let Some(part) = part {
                let section =
                    if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
                named.insert(section.clone(), part.clone());
                open.push((section, part.clone()));
            }
        }
    }
    named
}

fn json(schema: &impl serde::Serialize) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}

fn said_of(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `text` as lines of a comment.
fn commented(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            lines += &line;
            lines.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line += word;
    }
    lines + &line + "\n"
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/configuration.md");
    const BEGIN: &str = "<!-- settings -->\n";
    const END: &str = "<!-- /settings -->\n";

    /// The guide's tables of settings, made from the fields.
    fn tables() -> String {
        let schemas = schemas();
        let mut text = String::new();
        let mut current = String::new();
        for key in keys() {
            if key.section != current {
                let about = said_of(&schemas[&key.section]);
                text += &format!("\n### `[{}]`\n\n{about}\n\n", key.section);
                text += "| Setting | Default | What for |\n|---|---|---|\n";
                current.clone_from(&key.section);
            }
            text += &format!("| `{}` | `{}` | {} |\n", key.name(), key.default, key.about);
        }
        text + "\n"
    }

    #[test]
    fn every_setting_says_what_it_is_for() {
        let keys = keys();

        assert!(keys.len() > 8, "{keys:?}");
        for key in keys {
            assert!(key.about.len() > 10, "{} is not explained", key.name());
        }
    }

    #[test]
    fn the_example_is_a_file_of_defaults() {
        let example = example();
        let counted: String = example
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.split(' ').nth(1) == Some("=") => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();

        assert_eq!(toml::from_str::<Config>(&example).unwrap(), Config::default());
        assert_eq!(toml::from_str::<Config>(&counted).unwrap(), Config::default());
        assert!(example.lines().all(|line| line.len() <= WIDTH + 10), "{example}");
    }

    /// `UPDATE_DOCS=1 cargo test` writes the tables anew.
    #[test]
    fn the_guide_has_every_setting_as_it_is() {
        let guide = std::fs::read_to_string(GUIDE).unwrap();
        let (before, rest) = guide.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let wanted = format!("{before}{BEGIN}{}{END}{after}", tables());

        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(GUIDE, wanted).unwrap();
        } else {
            assert!(guide == wanted, "run `UPDATE_DOCS=1 cargo test --workspace the_guide_has`");
        }
    }
}
