//! Names of time zones, and which of them somebody may have meant.

use chrono_tz::{TZ_VARIANTS, Tz};

/// Mistakes in a name that is taken for another, at most: a third of its letters.
const LETTERS_A_MISTAKE: usize = 3;

/// What is said of a name that is no time zone's.
pub fn no_zone(name: &str) -> String {
    let nearest = nearest(name).map(|zone| format!("; did you mean {zone}?"));
    let example = || ", such as Europe/Berlin".to_owned();
    format!("`{name}` is no time zone of the IANA list{}", nearest.unwrap_or_else(example))
}

/// The zone whose name is most like `name`, where one is.
fn nearest(name: &str) -> Option<Tz> {
    let wanted = name.to_lowercase().replace(' ', "_");
    let is_like = |zone: &Tz| {
        let known = zone.name().to_lowercase();
        // A city alone says which zone is meant.
        let city = known.rsplit('/').next().unwrap_or(&known);
        mistakes(&wanted, &known).min(mistakes(&wanted, city))
    };
    let (mistakes, zone) = TZ_VARIANTS
        .iter()
        .map(|zone| (is_like(zone), *zone))
        .min_by_key(|(mistakes, _)| *mistakes)?;
    (mistakes <= wanted.chars().count() / LETTERS_A_MISTAKE).then_some(zone)
}

/// Letters to insert, remove or replace until one is the other. Names are short: what goes on beyond
/// sixty letters does not count.
fn mistakes(one: &str, other: &str) -> usize {
    const LETTERS_MAX: usize = 60;
    let other: Vec<char> = other.chars().take(LETTERS_MAX).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().take(LETTERS_MAX).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, known) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *known);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_that_was_meant_is_named() {
        assert_eq!(
            no_zone("Europe/Berlim"),
            "`Europe/Berlim` is no time zone of the IANA list; did you mean Europe/Berlin?"
        );
        assert!(no_zone("europe/berlin").ends_with("did you mean Europe/Berlin?"));
        assert!(no_zone("Tokyo").ends_with("did you mean Asia/Tokyo?"));
        assert!(no_zone("New York").ends_with("did you mean America/New_York?"));
        assert!(no_zone("Middle-earth").ends_with("such as Europe/Berlin"));
    }
}
