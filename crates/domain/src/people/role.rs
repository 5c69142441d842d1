//! Roles, and the one table of who may do what.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::key::Scope;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May do everything.
    Admin,
    /// Sees and charges their own account.
    Member,
    /// Sees everything, writes nothing.
    Viewer,
}

impl Role {
    /// All of them, the strongest first.
    pub const ALL: [Self; 3] = [Self::Admin, Self::Member, Self::Viewer];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }

    /// Whether this role is at least `other`, in the order admin, member, viewer.
    ///
    /// The order is about writing. A member is "at least" a viewer and yet sees less:
    /// what is seen is said by [`Caller::scope`](super::Caller::scope).
    pub const fn is_at_least(self, other: Self) -> bool {
        self.rank() >= other.rank()
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Admin => 2,
            Self::Member => 1,
            Self::Viewer => 0,
        }
    }

    /// Whether whoever has this role may also act as `other`, and so do nothing new.
    ///
    /// A member may not act as a viewer, who sees everybody's account.
    pub fn includes(self, other: Self) -> bool {
        self == Self::Admin || self == other
    }

    /// The one table of who may do what. Whose account it may be is said by
    /// [`Caller`](super::Caller).
    pub const fn may(self, act: Act) -> bool {
        use Role::{Admin, Member, Viewer};
        match act {
            Act::SeeSelf
            | Act::SetOwnPassword
            | Act::SeeUsage
            | Act::SeePrices
            | Act::KeepViews => true,
            Act::SendUsage | Act::Annotate | Act::ManageOwnKeys => matches!(self, Admin | Member),
            Act::SeeMetrics => matches!(self, Admin | Viewer),
            Act::AmendUsage | Act::SetPrices | Act::GrantCredit | Act::Administer => {
                matches!(self, Admin)
            }
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not a role; roles are admin, member and viewer"))
    }
}

/// A thing that can be allowed or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Ask who one is, and sign out.
    SeeSelf,
    /// Change one's own password.
    SetOwnPassword,
    /// Ask questions about usage: a member about their own account.
    SeeUsage,
    /// Send usage events: a member for their own account.
    SendUsage,
    /// Correct and delete usage events.
    AmendUsage,
    /// Look at prices, and ask what something would cost.
    SeePrices,
    /// Change prices, and rate usage again by them.
    SetPrices,
    /// Give accounts credit, put balances right, and set what accounts agreed to.
    GrantCredit,
    /// Make, list and revoke keys: a member their own.
    ManageOwnKeys,
    /// Keep views, and lay out one's own overview of them.
    KeepViews,
    /// Write what happened onto charts: a member for their own account.
    Annotate,
    /// Read what the server measures about itself.
    SeeMetrics,
    /// Everything else: users, everybody's keys, tokens, audit, SQL, erasure, backup.
    Administer,
}

/// How far something goes, where callers may be confined to one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// It touches nobody's account: prices, or what the caller themself is.
    NoAccount,
    /// It is about accounts, and a caller who sees one gets that one.
    Account,
    /// It is about all accounts at once, and closed to whoever sees one.
    Everything,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::SeeSelf,
        Self::SetOwnPassword,
        Self::SeeUsage,
        Self::SendUsage,
        Self::AmendUsage,
        Self::SeePrices,
        Self::SetPrices,
        Self::GrantCredit,
        Self::ManageOwnKeys,
        Self::KeepViews,
        Self::Annotate,
        Self::SeeMetrics,
        Self::Administer,
    ];

    /// What a key needs for it, beside a user who may do it; `None` when any key will do.
    pub const fn scope(self) -> Option<Scope> {
        match self {
            Self::SeeSelf => None,
            Self::SeeUsage => Some(Scope::UsageRead),
            Self::SendUsage => Some(Scope::EventsWrite),
            Self::AmendUsage => Some(Scope::EventsAmend),
            Self::SeePrices => Some(Scope::PricesRead),
            Self::SetPrices => Some(Scope::PricesWrite),
            Self::GrantCredit => Some(Scope::CreditWrite),
            Self::SeeMetrics => Some(Scope::MetricsRead),
            Self::Annotate => Some(Scope::AnnotationsWrite),
            // A key that leaks must not be able to make itself a successor.
            Self::SetOwnPassword | Self::ManageOwnKeys | Self::KeepViews | Self::Administer => {
                Some(Scope::Admin)
            }
        }
    }

    /// How far it goes.
    pub const fn reach(self) -> Reach {
        match self {
            Self::SeeSelf | Self::SetOwnPassword | Self::SeePrices | Self::ManageOwnKeys => {
                Reach::NoAccount
            }
            Self::SeeUsage
            | Self::SendUsage
            | Self::AmendUsage
            | Self::GrantCredit
            | Self::KeepViews
            | Self::Annotate => Reach::Account,
            // A price rates everybody's usage, and metrics count everybody's.
            Self::SetPrices | Self::SeeMetrics | Self::Administer => Reach::Everything,
        }
    }

    /// The act as the end of "may not …", for the person who was refused.
    pub const fn as_phrase(self) -> &'static str {
        match self {
            Self::SeeSelf => "ask who they are",
            Self::SetOwnPassword => "change their password",
            Self::SeeUsage => "see usage",
            Self::SendUsage => "send usage",
            Self::AmendUsage => "correct or delete usage",
            Self::SeePrices => "see prices",
            Self::SetPrices => "change prices",
            Self::GrantCredit => "give credit",
            Self::ManageOwnKeys => "manage keys",
            Self::KeepViews => "keep views",
            Self::Annotate => "write annotations",
            Self::SeeMetrics => "read the server's metrics",
            Self::Administer => "administer the server",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_who_may_do_what() {
        let table = Act::ALL.map(|act| {
            let marks = Role::ALL.map(|role| if role.may(act) { "yes" } else { "-" });
            let scope = act.scope().map_or("any", Scope::as_str);
            format!("{act:?} | {} | {scope}", marks.join(" "))
        });

        assert_eq!(
            table,
            [
                //                 admin member viewer, and the scope a key needs
                "SeeSelf | yes yes yes | any",
                "SetOwnPassword | yes yes yes | admin",
                "SeeUsage | yes yes yes | usage:read",
                "SendUsage | yes yes - | events:write",
                "AmendUsage | yes - - | events:amend",
                "SeePrices | yes yes yes | prices:read",
                "SetPrices | yes - - | prices:write",
                "GrantCredit | yes - - | credit:write",
                "ManageOwnKeys | yes yes - | admin",
                "KeepViews | yes yes yes | admin",
                "Annotate | yes yes - | annotations:write",
                "SeeMetrics | yes - yes | metrics:read",
                "Administer | yes - - | admin",
            ]
        );
    }

    #[test]
    fn a_role_includes_another_only_when_that_adds_nothing() {
        let included = |role: Role| Role::ALL.map(|other| role.includes(other));

        assert_eq!(included(Role::Admin), [true, true, true]);
        assert_eq!(included(Role::Member), [false, true, false]);
        assert_eq!(included(Role::Viewer), [false, false, true]);
    }

    #[test]
    fn a_role_reads_back_as_it_is_written_and_nothing_else_does() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("Admin".parse::<Role>().is_err());
        assert!("".parse::<Role>().is_err());
    }
}
