//! Many scopes, and which of them an event is in.

use std::collections::BTreeMap;

use compact_str::CompactString;
use hashbrown::HashMap;

use super::Scope;
use crate::usage::UsageEvent;
use crate::usage::question::{Attribute, Filter, Test};

/// Many scopes, so that the ones that take an event are found without a look at the others.
///
/// Each stands under the values that one of its filters wants. What wants no particular value, as
/// everything or all but some, is looked at each time: it takes most of what comes anyway.
#[derive(Debug, Default)]
pub struct Scopes {
    scopes: Vec<Scope>,
    /// By their places, under which of its filters each stands.
    anchored: Vec<Option<usize>>,
    anchors: Vec<Anchor>,
    /// Scopes that stand under no value.
    everywhere: Vec<usize>,
}

/// The scopes that want some values of an attribute.
#[derive(Debug)]
struct Anchor {
    attribute: Attribute,
    exact: HashMap<Option<CompactString>, Vec<usize>>,
    prefixes: HashMap<CompactString, Vec<usize>>,
    /// The lengths that there are of prefixes, the shortest first.
    lengths: Vec<usize>,
}

impl Scopes {
    /// Those scopes, which are told apart by their places.
    pub fn new(scopes: Vec<Scope>) -> Self {
        let mut all = Self::default();
        for (place, scope) in scopes.iter().enumerate() {
            let rarest = rarest(scope.filters());
            match rarest.map(|at| &scope.filters()[at]) {
                Some(filter) => all.anchor(filter.attribute()).put(filter.test(), place),
                None => all.everywhere.push(place),
            }
            all.anchored.push(rarest);
        }
        all.scopes = scopes;
        all
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.scopes.is_empty()
    }

    /// Calls `each` with the place of every scope that `event` is in, once.
    pub fn each_of(&self, event: &UsageEvent, mut each: impl FnMut(usize)) {
        let mut judge = |place: usize| {
            if self.scopes[place].takes_passed(event, self.anchored[place]) {
                each(place);
            }
        };
        for anchor in &self.anchors {
            anchor.each_under(event.value_of(&anchor.attribute), &mut judge);
        }
        self.everywhere.iter().copied().for_each(judge);
    }

    /// Calls `each` with the place of every scope that takes usage with these attributes, by their
    /// names, once.
    pub fn each_of_named(
        &self,
        attributes: &BTreeMap<String, String>,
        mut each: impl FnMut(usize),
    ) {
        let mut judge = |place: usize| {
            if self.scopes[place].takes(attributes) {
                each(place);
            }
        };
        for anchor in &self.anchors {
            let value = attributes.get(&*anchor.attribute.name()).map(String::as_str);
            anchor.each_under(value.filter(|value| !value.is_empty()), &mut judge);
        }
        self.everywhere.iter().copied().for_each(judge);
    }

    fn anchor(&mut self, attribute: &Attribute) -> &mut Anchor {
        let known = self.anchors.iter().position(|anchor| anchor.attribute == *attribute);
        let place = known.unwrap_or_else(|| {
            self.anchors.push(Anchor {
                attribute: attribute.clone(),
                exact: HashMap::new(),
                prefixes: HashMap::new(),
                lengths: Vec::new(),
            });
            self.anchors.len() - 1
        });
        &mut self.anchors[place]
    }
}

/// Where the filter is that wants the fewest values, if one wants any: values before beginnings.
fn rarest(filters: &[Filter]) -> Option<usize> {
    let wanted = filters.iter().enumerate().filter_map(|(at, filter)| match filter.test() {
        Test::In(values) => Some(((false, values.len()), at)),
        Test::Prefix(prefixes) => Some(((true, prefixes.len()), at)),
        Test::NotIn(_) => None,
    });
    wanted.min_by_key(|(rank, _)| *rank).map(|(_, at)| at)
}

impl Anchor {
    fn put(&mut self, test: &Test, place: usize) {
        match test {
            Test::In(values) => {
                for value in values {
                    self.exact.entry(value.clone()).or_default().push(place);
                }
            }
            Test::Prefix(prefixes) => {
                for prefix in prefixes {
                    // What begins with the longer begins with the shorter too, and is found once.
                    let is_within = |other: &CompactString| {
                        other.len() < prefix.len() && prefix.starts_with(&**other)
                    };
                    if !prefixes.iter().any(is_within) {
                        self.prefixes.entry(prefix.clone()).or_default().push(place);
                        self.lengths.push(prefix.len());
                    }
                }
                self.lengths.sort_unstable();
                self.lengths.dedup();
            }
            Test::NotIn(_) => {}
        }
    }

    fn each_under(&self, value: Option<&str>, each: &mut impl FnMut(usize)) {
        if !self.exact.is_empty()
            && let Some(places) = self.exact.get(&Wanted(value))
        {
            places.iter().copied().for_each(&mut *each);
        }
        let Some(value) = value else { return };
        let beginnings = self
            .lengths
            .iter()
            .map_while(|length| (*length <= value.len()).then(|| value.get(..*length)));
        for beginning in beginnings.flatten() {
            if let Some(places) = self.prefixes.get(beginning) {
                places.iter().copied().for_each(&mut *each);
            }
        }
    }
}

/// A value as it is looked up, without being copied.
struct Wanted<'a>(Option<&'a str>);

impl std::hash::Hash for Wanted<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl hashbrown::Equivalent<Option<CompactString>> for Wanted<'_> {
    fn equivalent(&self, key: &Option<CompactString>) -> bool {
        self.0 == key.as_deref()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::usage::EventDraft;

    const NAMES: [&str; 4] = ["provider", "model", "status", "tag.feature"];
    const VALUES: [&str; 6] = ["", "a", "ab", "abé", "b", "ok"];

    fn event(values: &[&str]) -> UsageEvent {
        let named = |at: usize| (!values[at].is_empty()).then(|| values[at].into());
        let draft = EventDraft {
            id: "e".into(),
            source: "tests".into(),
            account: "acme".into(),
            occurred_at: Some(chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000)),
            provider: named(0),
            model: named(1),
            tags: named(3).map(|value| vec![("feature".into(), value)]).unwrap_or_default(),
            stated_cost: Some(crate::Amount::ZERO),
            ..EventDraft::default()
        };
        draft.accept(chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_001)).unwrap()
    }

    /// Filters of some attributes, of each kind.
    fn scopes() -> impl Strategy<Value = Vec<Scope>> {
        let filter = (0..4_usize, 0..3_usize, prop::collection::vec(0..6_usize, 1..4));
        let scope = prop::collection::vec(filter, 0..4).prop_map(|filters| {
            let named = filters.into_iter().map(|(name, kind, values)| {
                let name = format!("{}{}", NAMES[name], ["", "!", "^"][kind]);
                let values = values.into_iter().map(|at| match (name.as_str(), VALUES[at], kind) {
                    ("status" | "status!", _, _) => "ok",
                    (_, "", 2) => "a",
                    (_, value, _) => value,
                });
                (name.clone(), values.map(str::to_owned).collect())
            });
            Scope::new(named.collect::<BTreeMap<_, _>>()).unwrap()
        });
        prop::collection::vec(scope, 0..40)
    }

    proptest! {
        #[test]
        fn the_index_finds_the_scopes_that_take_an_event_and_no_others(
            scopes in scopes(),
            values in prop::collection::vec(0..6_usize, 4),
        ) {
            let values: Vec<&str> = values.into_iter().map(|at| VALUES[at]).collect();
            let event = event(&values);
            let attributes: BTreeMap<String, String> = Attribute::NAMED
                .into_iter()
                .chain([Attribute::Tag("feature".into())])
                .filter_map(|attribute| {
                    let value = event.value_of(&attribute)?.to_owned();
                    Some((attribute.name().into_owned(), value))
                })
                .collect();
            let expected: Vec<usize> =
                (0..scopes.len()).filter(|at| scopes[*at].takes(&attributes)).collect();

            let mut found = Vec::new();
            Scopes::new(scopes).each_of(&event, |place| found.push(place));
            found.sort_unstable();

            prop_assert_eq!(found, expected);
        }
    }
}
