//! What each path takes, before its handler is asked.

use axum::http::Method;
use outlay_domain::people::Act;

/// What a path takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Nothing: pages, health, the API's description.
    Open,
    /// Nothing yet: here people sign in.
    SignIn,
    /// A caller who may do this, or nobody, of whom the handler asks something else.
    Asking(Act),
    /// A caller who may do this. Where nothing is named, the handler says what it takes, and a key
    /// for a part of what its user may do does not pass.
    Guarded(Option<Act>),
}

impl Door {
    /// What it takes to send `method` to `path`.
    pub fn at(method: &Method, path: &str) -> Self {
        let rest = match path.strip_prefix("/api/v1") {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
            _ if path == "/metrics" => return Self::Asking(Act::SeeMetrics),
            _ if is_socket(path) => return Self::Guarded(Some(Act::SeeUsage)),
            _ if is_within(path, "/api/docs") => return Self::Open,
            _ if is_within(path, "/api") => return Self::Guarded(None),
            _ => return Self::Open,
        };
        let mut parts = rest.split('/').skip(1);
        let (noun, detail) = (parts.next().unwrap_or(""), parts.next());
        let reads = matches!(*method, Method::GET | Method::HEAD);
        match (noun, detail) {
            ("openapi.json", None) => Self::Open,
            ("session", None) if *method == Method::POST => Self::SignIn,
            ("session", Some("link")) if *method == Method::POST => Self::SignIn,
            ("session", None) => Self::Guarded(Some(Act::SeeSelf)),
            ("events", None) => Self::Guarded(Some(Act::SendUsage)),
            ("events", Some(_)) => Self::Guarded(Some(Act::AmendUsage)),
            ("budgets", Some("check")) => Self::Guarded(Some(Act::SeeUsage)),
            (
                "usage" | "budgets" | "alerts" | "alert-rules" | "insights" | "revenue" | "exports"
                | "reports",
                _,
            ) if reads => Self::Guarded(Some(Act::SeeUsage)),
            // Which users may tell of it besides, the handler says.
            ("revenue", None) => Self::Guarded(Some(Act::SendUsage)),
            ("prices", Some("quote")) => Self::Guarded(Some(Act::SeePrices)),
            ("prices", _) if reads => Self::Guarded(Some(Act::SeePrices)),
            ("prices", _) => Self::Guarded(Some(Act::SetPrices)),
            ("system", None) => Self::Guarded(Some(Act::SeeMetrics)),
            ("keys", _) => Self::Guarded(Some(Act::ManageOwnKeys)),
            ("sql" | "erasures" | "tokens" | "audit", _) => Self::Guarded(Some(Act::Administer)),
            _ => Self::Guarded(None),
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
            Administer, AmendUsage, ManageOwnKeys, SeeMetrics, SeePrices, SeeSelf, SeeUsage,
            SendUsage, SetPrices,
        };
        let guarded = |act| Door::Guarded(Some(act));
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
            (Method::POST, "/api/v1/events/corrections", guarded(AmendUsage)),
            (Method::POST, "/api/v1/erasures", guarded(Administer)),
            (Method::GET, "/api/v1/usage/total", guarded(SeeUsage)),
            (Method::GET, "/api/v1/budgets", guarded(SeeUsage)),
            (Method::POST, "/api/v1/budgets", Door::Guarded(None)),
            (Method::POST, "/api/v1/budgets/check", guarded(SeeUsage)),
            (Method::GET, "/api/v1/alerts", guarded(SeeUsage)),
            (Method::GET, "/api/v1/insights/roi", guarded(SeeUsage)),
            (Method::GET, "/api/v1/exports/focus", guarded(SeeUsage)),
            (Method::GET, "/api/v1/reports/month", guarded(SeeUsage)),
            (Method::GET, "/api/v1/revenue", guarded(SeeUsage)),
            (Method::POST, "/api/v1/revenue", guarded(SendUsage)),
            (Method::GET, "/socket.io/", guarded(SeeUsage)),
            (Method::POST, "/socket.io/", guarded(SeeUsage)),
            (Method::POST, "/api/v1/sql", guarded(Administer)),
            (Method::GET, "/api/v1/prices", guarded(SeePrices)),
            (Method::GET, "/api/v1/prices/unpriced", guarded(SeePrices)),
            (Method::POST, "/api/v1/prices/quote", guarded(SeePrices)),
            (Method::POST, "/api/v1/prices", guarded(SetPrices)),
            (Method::POST, "/api/v1/prices/rerate", guarded(SetPrices)),
            (Method::GET, "/api/v1/keys", guarded(ManageOwnKeys)),
            (Method::DELETE, "/api/v1/keys/1", guarded(ManageOwnKeys)),
            (Method::POST, "/api/v1/tokens", guarded(Administer)),
            (Method::GET, "/api/v1/audit", guarded(Administer)),
            (Method::GET, "/metrics", Door::Asking(SeeMetrics)),
            (Method::GET, "/api/v1/users", Door::Guarded(None)),
            (Method::GET, "/api/v1/users/openapi.json", Door::Guarded(None)),
            (Method::POST, "/api/v1/session/other", Door::Guarded(None)),
            (Method::POST, "/api/v1/usage/total", Door::Guarded(None)),
            (Method::GET, "/api/v1/", Door::Guarded(None)),
            (Method::GET, "/api/v1", Door::Guarded(None)),
            (Method::GET, "/api/v2/session", Door::Guarded(None)),
            (Method::GET, "/api", Door::Guarded(None)),
        ] {
            assert_eq!(Door::at(&method, path), door, "{method} {path}");
        }
    }
}
