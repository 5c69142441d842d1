//! One time that a condition held.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use uuid::Uuid;

use super::rule::Severity;
use crate::links::Link;

/// One time that a condition held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its id.
    pub id: Uuid,
    /// The rule.
    pub rule_id: CompactString,
    /// What of the rule it is about, e.g. a budget and a threshold.
    pub key: CompactString,
    /// How much it matters.
    pub severity: Severity,
    /// What holds, in a line.
    pub title: String,
    /// The figures behind it, as they were when it opened.
    pub detail: String,
    /// What is behind it.
    pub link: Option<Link>,
    /// The account that it is about, where it is about one alone: whose people see it.
    pub account: Option<CompactString>,
    /// When it opened.
    pub opened_at: DateTime<Utc>,
    /// Where it is between open and resolved.
    pub state: AlertState,
    /// Until when it is silent.
    pub snoozed_until: Option<DateTime<Utc>>,
    /// Whether the condition held when it was judged last.
    pub holds: bool,
}

/// Where an alert is between open and resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertState {
    /// Nobody said that they saw it.
    Open,
    /// Somebody did.
    Acknowledged(Acknowledgement),
    /// It is over.
    Resolved {
        /// Who said so; `None` when the condition went away by itself.
        by: Option<CompactString>,
        /// When that was.
        at: DateTime<Utc>,
        /// Who had seen it before, where anybody had.
        acknowledged: Option<Acknowledgement>,
    },
}

/// Who said first that they saw an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Who saw it.
    pub by: CompactString,
    /// When that was.
    pub at: DateTime<Utc>,
}

impl AlertState {
    /// The state after `by` said that they saw it. Who said so first stays.
    #[must_use]
    pub fn acknowledged(self, by: CompactString, at: DateTime<Utc>) -> Self {
        match self {
            Self::Open => Self::Acknowledged(Acknowledgement { by, at }),
            later => later,
        }
    }

    /// The state once it is over, by itself where nobody said so.
    #[must_use]
    pub fn resolved(self, by: Option<CompactString>, at: DateTime<Utc>) -> Self {
        Self::Resolved { by, at, acknowledged: self.acknowledgement().cloned() }
    }

    /// Who saw it, where anybody did.
    pub const fn acknowledgement(&self) -> Option<&Acknowledgement> {
        match self {
            Self::Open => None,
            Self::Acknowledged(seen) => Some(seen),
            Self::Resolved { acknowledged, .. } => acknowledged.as_ref(),
        }
    }

    /// The words, in the order in which an alert passes them.
    pub const WORDS: [&str; 3] = ["open", "acknowledged", "resolved"];

    /// The word on the wire and in the books.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged(_) => "acknowledged",
            Self::Resolved { .. } => "resolved",
        }
    }
}

/// How a condition stands to what it watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It holds.
    Holds,
    /// It has nearly gone: what is open stays open, and nothing opens.
    Nearly,
}

/// What a condition sees of one thing. Of what it does not hold for at all there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What it is about.
    pub key: CompactString,
    /// Whether it holds.
    pub hold: Hold,
    /// How much it matters, where that is more or less than the rule says.
    pub severity: Option<Severity>,
    /// What holds, in a line.
    pub title: String,
    /// The figures behind it.
    pub detail: String,
    /// What is behind it.
    pub link: Option<Link>,
    /// The account that it is about, where it is about one alone.
    pub account: Option<CompactString>,
}

/// What a round of judging does to the alerts of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Turn {
    /// Readings that open an alert.
    pub opened: Vec<Reading>,
    /// Alerts that are over.
    pub resolved: Vec<Uuid>,
    /// Alerts that were closed by hand before and whose condition has gone now.
    pub gone: Vec<Uuid>,
}

impl Turn {
    /// Whether nothing changes.
    pub const fn is_empty(&self) -> bool {
        self.opened.is_empty() && self.resolved.is_empty() && self.gone.is_empty()
    }
}

/// What `readings` of a rule do to `holding`, its alerts whose condition held before.
pub fn turn(holding: &[Alert], readings: Vec<Reading>) -> Turn {
    let mut turn = Turn::default();
    for alert in holding {
        if readings.iter().any(|reading| reading.key == alert.key) {
            continue;
        }
        match alert.state {
            AlertState::Resolved { .. } => turn.gone.push(alert.id),
            AlertState::Open | AlertState::Acknowledged(_) => turn.resolved.push(alert.id),
        }
    }
    for reading in readings {
        let is_known = holding.iter().any(|alert| alert.key == reading.key)
            || turn.opened.iter().any(|opened| opened.key == reading.key);
        if reading.hold == Hold::Holds && !is_known {
            turn.opened.push(reading);
        }
    }
    turn
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(key: &str, state: AlertState) -> Alert {
        Alert {
            id: Uuid::from_u128(u128::from(key.bytes().next().unwrap_or_default())),
            rule_id: "rule".into(),
            key: key.into(),
            severity: Severity::Warning,
            title: String::new(),
            detail: String::new(),
            link: None,
            account: None,
            opened_at: DateTime::UNIX_EPOCH,
            state,
            snoozed_until: None,
            holds: true,
        }
    }

    fn reading(key: &str, hold: Hold) -> Reading {
        Reading {
            key: key.into(),
            hold,
            severity: None,
            title: String::new(),
            detail: String::new(),
            link: None,
            account: None,
        }
    }

    fn told(holding: &[Alert], readings: &[Reading]) -> String {
        let Turn { opened, resolved, gone } = turn(holding, readings.to_vec());
        let keys: Vec<_> = opened.iter().map(|reading| reading.key.as_str()).collect();
        format!("opens {}, resolves {}, forgets {}", keys.join(" "), resolved.len(), gone.len())
    }

    #[test]
    fn a_condition_opens_once_and_resolves_when_it_has_gone() {
        let open = [alert("a", AlertState::Open)];

        assert_eq!(told(&[], &[reading("a", Hold::Holds)]), "opens a, resolves 0, forgets 0");
        assert_eq!(told(&open, &[reading("a", Hold::Holds)]), "opens , resolves 0, forgets 0");
        assert_eq!(told(&open, &[]), "opens , resolves 1, forgets 0");
        let twice = [reading("a", Hold::Holds), reading("a", Hold::Holds)];
        assert_eq!(told(&[], &twice), "opens a, resolves 0, forgets 0");
    }

    #[test]
    fn what_has_nearly_gone_neither_opens_nor_resolves() {
        let nearly = [reading("a", Hold::Nearly)];

        assert_eq!(told(&[], &nearly), "opens , resolves 0, forgets 0");
        assert_eq!(told(&[alert("a", AlertState::Open)], &nearly), "opens , resolves 0, forgets 0");
    }

    #[test]
    fn who_saw_it_first_is_known_also_when_it_is_over() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default();

        let seen = AlertState::Open.acknowledged("ada".into(), at(1));
        let over = seen.acknowledged("bob".into(), at(2)).resolved(None, at(3));

        let ada = Acknowledgement { by: "ada".into(), at: at(1) };
        assert_eq!(over.acknowledgement(), Some(&ada));
        assert_eq!(AlertState::Open.resolved(None, at(3)).acknowledgement(), None);
    }

    #[test]
    fn what_was_closed_by_hand_stays_closed_until_it_went_away() {
        let state = AlertState::Open.resolved(Some("ada".into()), DateTime::UNIX_EPOCH);
        let closed = [alert("a", state)];

        assert_eq!(told(&closed, &[reading("a", Hold::Holds)]), "opens , resolves 0, forgets 0");
        assert_eq!(told(&closed, &[]), "opens , resolves 0, forgets 1");
    }
}
