//! What each path takes, before its handler is asked.

use axum::http::Method;
use outlay_domain::people::{Act, Reach};

/// What a path takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Nothing: pages, health, the API's description.
    Open,
    /// Nothing yet: here people sign in.
    SignIn,
    /// A caller who may do this, or nobody, of whom the handler asks something else.
    Asking(Act),
    /// A caller who may do this, and who sees as much as it reaches.
    Guarded {
        /// Where nothing is named, the handler says what it takes, and a key for a part of what
        /// its user may do does not pass.
        act: Option<Act>,
        /// Whoever sees one account does not pass where it is everything.
        reach: Reach,
    },
}

/// What every path takes that is not in the table: a whole credential for every account.
const CLOSED: Door = Door::Guarded { act: None, reach: Reach::Everything };

impl Door {
    /// What it takes to do `act`, and as far as it reaches.
    const fn to(act: Act) -> Self {
        Self::Guarded { act: Some(act), reach: act.reach() }
    }

    /// What it takes to do `act` where it is about all accounts at once.
    const fn to_all(act: Act) -> Self {
        Self::Guarded { act: Some(act), reach: Reach::Everything }
    }

    /// What it takes to send `method` to `path`: the one place where it is decided who gets in,
    /// and whether who sees one account does.
    pub fn at(method: &Method, path: &str) -> Self {
        let rest = match path.strip_prefix("/api/v1") {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
            _ if path == "/v1/traces" => return Self::to(Act::SendUsage),
            _ if path == "/metrics" => return Self::Asking(Act::SeeMetrics),
            _ if is_socket(path) => return Self::to(Act::SeeUsage),
            _ if is_within(path, "/api/docs") => return Self::Open,
            _ if is_within(path, "/api") => return CLOSED,
            _ => return Self::Open,
        };
        let mut parts = rest.split('/').skip(1);
        let (noun, detail) = (parts.next().unwrap_or(""), parts.next());
        let reads = matches!(*method, Method::GET | Method::HEAD);
        match (noun, detail) {
            ("openapi.json", None) => Self::Open,
            ("session", None) if *method == Method::POST => Self::SignIn,
            ("session", Some("link")) if *method == Method::POST => Self::SignIn,
            ("session", None) => Self::to(Act::SeeSelf),
            ("events", None) => Self::to(Act::SendUsage),
            ("events", Some(_)) => Self::to(Act::AmendUsage),
            ("budgets", Some("check")) => Self::to(Act::SeeUsage),
            ("usage" | "budgets" | "alerts" | "insights" | "exports" | "reports", _) if reads => {
                Self::to(Act::SeeUsage)
            }
            ("annotations", _) if reads => Self::to(Act::SeeUsage),
            ("annotations", _) => Self::to(Act::Annotate),
            ("views" | "pins", _) if reads => Self::to(Act::SeeUsage),
            ("views" | "pins", _) => Self::to(Act::KeepViews),
            ("accounts", Some(_)) if reads => Self::to(Act::SeeUsage),
            ("accounts", Some(_)) => Self::to(Act::GrantCredit),
            ("authorize", None) | ("holds", Some(_)) => Self::to(Act::SendUsage),
            // They are the organisation's.
            ("alert-rules" | "revenue", _) if reads => Self::to_all(Act::SeeUsage),
            // Which users may tell of it besides, the handler says.
            ("revenue", None) => Self::to(Act::SendUsage),
            // Which models have no price is seen on usage.
            ("prices", Some("unpriced")) if reads => {
                Self::Guarded { act: Some(Act::SeePrices), reach: Reach::Account }
            }
            ("prices", Some("quote")) => Self::to(Act::SeePrices),
            ("prices", _) if reads => Self::to(Act::SeePrices),
            ("prices", _) => Self::to(Act::SetPrices),
            // What is on offer is told to whoever may see prices.
            ("plans", _) if reads && path.ends_with("/subscribers") => Self::to_all(Act::SeeUsage),
            ("plans", _) if reads => Self::to(Act::SeePrices),
            ("plans", _) => Self::to(Act::SetPrices),
            ("system", None) => Self::to(Act::SeeMetrics),
            ("keys", _) => Self::to(Act::ManageOwnKeys),
            // Everybody may see themself and change their password; the rest is for admins.
            ("users", Some(_)) => Self::Guarded { act: None, reach: Reach::NoAccount },
            ("sql" | "erasures" | "tokens" | "audit" | "imports" | "export-schedules", _) => {
                Self::to(Act::Administer)
            }
            _ => CLOSED,
        }
    }
}

/// Whether `path` is where the live updates are.
pub fn is_socket(path: &str) -> bool {
    is_within(path, "/socket.io")
}

fn is_within(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_doors() {
        use Act::{
            Administer, AmendUsage, Annotate, KeepViews, ManageOwnKeys, SeeMetrics, SeePrices,
            SeeSelf, SeeUsage, SendUsage, SetPrices,
        };
        let guarded = Door::to;
        let unpriced = Door::Guarded { act: Some(SeePrices), reach: Reach::Account };
        let themselves = Door::Guarded { act: None, reach: Reach::NoAccount };
        for (method, path, door) in [
            (Method::GET, "/", Door::Open),
            (Method::GET, "/sign-in", Door::Open),
            (Method::GET, "/assets/index-1.js", Door::Open),
            (Method::GET, "/apiary", Door::Open),
            (Method::GET, "/healthz", Door::Open),
            (Method::GET, "/readyz", Door::Open),
            (Method::GET, "/api/docs", Door::Open),
            (Method::GET, "/api/docs/index.css", Door::Open),
            (Method::GET, "/api/v1/openapi.json", Door::Open),
            (Method::POST, "/api/v1/session", Door::SignIn),
            (Method::POST, "/api/v1/session/link", Door::SignIn),
            (Method::GET, "/api/v1/session", guarded(SeeSelf)),
            (Method::DELETE, "/api/v1/session", guarded(SeeSelf)),
            (Method::POST, "/api/v1/events", guarded(SendUsage)),
            (Method::POST, "/v1/traces", guarded(SendUsage)),
            (Method::GET, "/v1/traces", guarded(SendUsage)),
            (Method::POST, "/v1/metrics", Door::Open),
            (Method::POST, "/api/v1/events/corrections", guarded(AmendUsage)),
            (Method::POST, "/api/v1/erasures", guarded(Administer)),
            (Method::GET, "/api/v1/usage/total", guarded(SeeUsage)),
            (Method::GET, "/api/v1/budgets", guarded(SeeUsage)),
            (Method::POST, "/api/v1/budgets", CLOSED),
            (Method::POST, "/api/v1/budgets/check", guarded(SeeUsage)),
            (Method::GET, "/api/v1/alerts", guarded(SeeUsage)),
            (Method::GET, "/api/v1/alert-rules", Door::to_all(SeeUsage)),
            (Method::POST, "/api/v1/alerts/1/acknowledge", CLOSED),
            (Method::GET, "/api/v1/accounts/acme/balance", guarded(SeeUsage)),
            (Method::POST, "/api/v1/accounts/acme/grants", guarded(Act::GrantCredit)),
            (Method::PUT, "/api/v1/accounts/acme/terms", guarded(Act::GrantCredit)),
            (Method::POST, "/api/v1/authorize", guarded(SendUsage)),
            (Method::POST, "/api/v1/holds/h1-2/capture", guarded(SendUsage)),
            (Method::GET, "/api/v1/accounts", CLOSED),
            (Method::GET, "/api/v1/insights/roi", guarded(SeeUsage)),
            (Method::GET, "/api/v1/exports/focus", guarded(SeeUsage)),
            (Method::GET, "/api/v1/export-schedules", guarded(Administer)),
            (Method::DELETE, "/api/v1/export-schedules/1/runs/2", guarded(Administer)),
            (Method::GET, "/api/v1/reports/month", guarded(SeeUsage)),
            (Method::GET, "/api/v1/revenue", Door::to_all(SeeUsage)),
            (Method::POST, "/api/v1/revenue", guarded(SendUsage)),
            (Method::GET, "/api/v1/annotations", guarded(SeeUsage)),
            (Method::POST, "/api/v1/annotations", guarded(Annotate)),
            (Method::DELETE, "/api/v1/annotations/1", guarded(Annotate)),
            (Method::GET, "/api/v1/views", guarded(SeeUsage)),
            (Method::POST, "/api/v1/views", guarded(KeepViews)),
            (Method::DELETE, "/api/v1/views/1", guarded(KeepViews)),
            (Method::PUT, "/api/v1/pins", guarded(KeepViews)),
            (Method::GET, "/socket.io/", guarded(SeeUsage)),
            (Method::POST, "/socket.io/", guarded(SeeUsage)),
            (Method::POST, "/api/v1/sql", guarded(Administer)),
            (Method::GET, "/api/v1/prices", guarded(SeePrices)),
            (Method::GET, "/api/v1/prices/unpriced", unpriced),
            (Method::POST, "/api/v1/prices/quote", guarded(SeePrices)),
            (Method::POST, "/api/v1/prices", guarded(SetPrices)),
            (Method::POST, "/api/v1/prices/rerate", guarded(SetPrices)),
            (Method::GET, "/api/v1/plans/pro", guarded(SeePrices)),
            (Method::GET, "/api/v1/plans/pro/subscribers", Door::to_all(SeeUsage)),
            (Method::GET, "/api/v1/accounts/acme/subscription", guarded(SeeUsage)),
            (Method::POST, "/api/v1/accounts/acme/subscription/paid", guarded(Act::GrantCredit)),
            (Method::PUT, "/api/v1/plans/pro", guarded(SetPrices)),
            (Method::POST, "/api/v1/plans/import", guarded(SetPrices)),
            (Method::GET, "/api/v1/keys", guarded(ManageOwnKeys)),
            (Method::DELETE, "/api/v1/keys/1", guarded(ManageOwnKeys)),
            (Method::POST, "/api/v1/tokens", guarded(Administer)),
            (Method::GET, "/api/v1/audit", guarded(Administer)),
            (Method::GET, "/metrics", Door::Asking(SeeMetrics)),
            (Method::GET, "/api/v1/users", CLOSED),
            (Method::GET, "/api/v1/users/openapi.json", themselves),
            (Method::PATCH, "/api/v1/users/alice", themselves),
            (Method::POST, "/api/v1/backup", CLOSED),
            (Method::POST, "/api/v1/imports", guarded(Administer)),
            (Method::GET, "/api/v1/imports", guarded(Administer)),
            (Method::POST, "/api/v1/check", CLOSED),
            (Method::PUT, "/api/v1/insights/recommendations/1", CLOSED),
            (Method::POST, "/api/v1/session/other", CLOSED),
            (Method::POST, "/api/v1/usage/total", CLOSED),
            (Method::GET, "/api/v1/", CLOSED),
            (Method::GET, "/api/v1", CLOSED),
            (Method::GET, "/api/v2/session", CLOSED),
            (Method::GET, "/api", CLOSED),
        ] {
            assert_eq!(Door::at(&method, path), door, "{method} {path}");
        }
    }
}
