//! Every route of the real router, and everybody who might knock: who gets in, and what those see
//! who may see one account.

#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use outlay_domain::people::Scope;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use super::people_tests::{House, json_request};

/// Stands in everything that is somebody else's, and in nothing that a caller sends.
const MARK: &str = "zzbob";
/// The account that is somebody else's.
const BOBS: &str = "zzbob-account";

/// How far a door reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// What is of no account.
    None,
    /// The account that the caller sees.
    Account,
    /// All accounts at once.
    All,
    /// A way in that lasts: only a credential that does gives one.
    Lasting,
    /// What a credential may make: only one that is not narrowed.
    Credentials,
}

/// What a door takes.
#[derive(Debug, Clone, Copy)]
enum Takes {
    /// Nothing.
    Nothing,
    /// A way to prove who one is, which is refused like no caller at all.
    SignIn,
    /// A role of these (`a`dmin, `m`ember, `v`iewer), and all of these scopes.
    Caller { scopes: &'static [Scope], roles: &'static str, reach: Reach },
    /// Revenue: whoever may send usage, and is an admin or has a key.
    Revenue,
}

/// A request, as somebody would send it to do harm.
struct Knock {
    method: Method,
    /// As the API's document has it; `{id}` is somebody else's.
    path: &'static str,
    query: &'static str,
    body: Value,
    takes: Takes,
}

/// Somebody who knocks.
struct Guest {
    name: String,
    header: Option<(&'static str, String)>,
    /// What they act as; nothing where their credential does not count.
    role: Option<char>,
    scopes: Option<Vec<Scope>>,
    /// Whether their credential is for one account.
    is_bound: bool,
    /// Whether their credential is for a smaller role than their own.
    is_lesser: bool,
    /// Whether their credential ends.
    ends: bool,
}

impl Guest {
    fn sees_one_account(&self) -> bool {
        self.is_bound || self.role == Some('m')
    }

    fn has(&self, scopes: &[Scope]) -> bool {
        let Some(own) = &self.scopes else { return true };
        own.contains(&Scope::Admin) || scopes.iter().all(|scope| own.contains(scope))
    }

    /// The status with which a door is closed to them; nothing where it opens.
    fn refused_with(&self, takes: Takes) -> Option<StatusCode> {
        let (scopes, roles, reach) = match takes {
            Takes::Nothing => return None,
            Takes::SignIn => return Some(StatusCode::UNAUTHORIZED),
            Takes::Caller { scopes, roles, reach } => (scopes, roles, reach),
            Takes::Revenue => {
                let is_key = self.scopes.is_some();
                (&[Scope::EventsWrite][..], if is_key { "am" } else { "a" }, Reach::Account)
            }
        };
        let Some(role) = self.role else { return Some(StatusCode::UNAUTHORIZED) };
        let reaches = match reach {
            Reach::None | Reach::Account => true,
            Reach::All => !self.sees_one_account(),
            Reach::Lasting => !self.sees_one_account() && !self.ends,
            Reach::Credentials => !self.is_bound && !self.is_lesser,
        };
        let is_in = roles.contains(role) && self.has(scopes) && reaches;
        (!is_in).then_some(StatusCode::FORBIDDEN)
    }

    /// Whether they may do to others' data what a door is for, and so must not be let do it here.
    fn may_harm(&self, takes: Takes) -> bool {
        self.refused_with(takes).is_none() && !self.sees_one_account()
    }
}

/// What every route of the API takes, with what to send to it.
fn knocks() -> Vec<Knock> {
    use Reach::{Account, All, Credentials, Lasting};
    use Scope::{
        Admin, AnnotationsWrite, EventsAmend, EventsWrite, MetricsRead, PricesRead, PricesWrite,
        UsageRead,
    };
    const ADMINS: Takes = Takes::Caller { scopes: &[Admin], roles: "a", reach: All };
    const LETS_IN: Takes = Takes::Caller { scopes: &[Admin], roles: "a", reach: Lasting };
    const USAGE: Takes = Takes::Caller { scopes: &[UsageRead], roles: "amv", reach: Account };
    const OF_ALL: Takes = Takes::Caller { scopes: &[UsageRead], roles: "amv", reach: All };
    const METRICS: Takes = Takes::Caller { scopes: &[MetricsRead], roles: "av", reach: All };
    const PRICES: Takes = Takes::Caller { scopes: &[PricesRead], roles: "amv", reach: Reach::None };
    const SET_PRICES: Takes = Takes::Caller { scopes: &[PricesWrite], roles: "a", reach: All };
    const UNPRICED: Takes =
        Takes::Caller { scopes: &[PricesRead, UsageRead], roles: "amv", reach: Account };
    const CREDIT: Takes =
        Takes::Caller { scopes: &[Scope::CreditWrite], roles: "a", reach: Account };
    const AMEND: Takes = Takes::Caller { scopes: &[EventsAmend], roles: "a", reach: Account };
    const SEND: Takes = Takes::Caller { scopes: &[EventsWrite], roles: "am", reach: Account };
    const SELF: Takes = Takes::Caller { scopes: &[], roles: "amv", reach: Reach::None };
    const KEYS: Takes = Takes::Caller { scopes: &[Admin], roles: "am", reach: Credentials };
    const TOKENS: Takes = Takes::Caller { scopes: &[Admin], roles: "a", reach: Credentials };
    const ANNOTATE: Takes =
        Takes::Caller { scopes: &[AnnotationsWrite], roles: "am", reach: Account };
    const KEEP: Takes = Takes::Caller { scopes: &[Admin], roles: "amv", reach: Account };
    // Where nothing is there is nothing to refuse to whoever is known.
    const UNKNOWN: Takes = SELF;
    let (get, post) = (&Method::GET, &Method::POST);
    let (put, patch, delete) = (&Method::PUT, &Method::PATCH, &Method::DELETE);
    let reason = "because I can";
    let name = json!({ "source": "shop", "id": "order-3" });
    let wrong = json!({
        "source": "shop", "id": "order-3", "cost": "0", "occurred_at": "2026-01-05T10:00:00Z",
    });
    let rule = json!({
        "name": "mine", "severity": "info", "condition": { "kind": "silence", "hours": 1 },
    });
    let budget = json!({ "name": "mine", "amount": "1", "period": { "every": "month" } });
    let price = json!({
        "provider": "p", "model": "m", "meter": "input_tokens", "amount": "1", "unit": "1M",
    });
    let merge = json!({ "source": "leadfactory:cost_tracking:1", "duplicates": [] });
    let import = json!({ "source": "s", "kind": "k", "name": "n" });
    let view = json!({ "name": "mine", "by": ["account"] });
    let note = json!({ "text": "a release", "at": "2026-01-05T10:00:00Z" });
    let schedule = json!({
        "name": "mine", "export": { "kind": "events", "format": "csv" },
        "cadence": { "every": "day" },
    });
    let grant = json!({ "id": "g", "amount": "1", "unit": "USD", "source": "bonus" });
    let month = "?from=2026-01-01&to=2026-02-01";
    let rows: Vec<(&Method, &str, &str, Value, Takes)> = vec![
        (get, "/healthz", "", Value::Null, Takes::Nothing),
        (get, "/readyz", "", Value::Null, Takes::Nothing),
        (get, "/metrics", "", Value::Null, METRICS),
        (get, "/api/v1/system", "", Value::Null, METRICS),
        (post, "/api/v1/system/clock", "", Value::Null, ADMINS),
        (post, "/api/v1/session", "", json!({ "user": "bob", "password": "?" }), Takes::SignIn),
        (post, "/api/v1/session/link", "", json!({ "token": "?" }), Takes::SignIn),
        (get, "/api/v1/session", "", Value::Null, SELF),
        (delete, "/api/v1/session", "", Value::Null, SELF),
        (get, "/api/v1/users", "", Value::Null, ADMINS),
        (post, "/api/v1/users", "", json!({ "id": "mallory", "role": "admin" }), LETS_IN),
        (get, "/api/v1/users/{id}", "", Value::Null, ADMINS),
        (patch, "/api/v1/users/{id}", "", json!({ "role": "viewer" }), LETS_IN),
        (delete, "/api/v1/users/{id}", "", Value::Null, ADMINS),
        (post, "/api/v1/users/{id}/link", "", Value::Null, LETS_IN),
        (get, "/api/v1/keys", "", Value::Null, KEYS),
        (post, "/api/v1/keys", "", json!({ "name": "k", "scopes": ["usage:read"] }), KEYS),
        (delete, "/api/v1/keys/{id}", "", Value::Null, KEYS),
        (post, "/api/v1/tokens", "", json!({ "user": "ada" }), TOKENS),
        (get, "/api/v1/audit", "", Value::Null, ADMINS),
        (post, "/api/v1/backup", "", Value::Null, ADMINS),
        (post, "/api/v1/check", "", Value::Null, ADMINS),
        (post, "/api/v1/sql", "", json!({ "query": "select * from events" }), ADMINS),
        (get, "/api/v1/sql/schema", "", Value::Null, ADMINS),
        (post, "/api/v1/erasures", "", json!({ "reason": reason, "subject": "someone" }), ADMINS),
        (post, "/api/v1/events", "", json!({ "id": Uuid::now_v7(), "cost": "0" }), SEND),
        (post, "/v1/traces", "", json!({ "resourceSpans": [] }), SEND),
        (
            post,
            "/api/v1/events/corrections",
            "",
            json!({ "reason": reason, "events": [wrong] }),
            AMEND,
        ),
        (
            post,
            "/api/v1/events/deletions",
            "",
            json!({ "reason": reason, "events": [name] }),
            AMEND,
        ),
        (get, "/api/v1/usage/total", month, Value::Null, USAGE),
        (
            get,
            "/api/v1/usage/series",
            "?from=2026-01-01&to=2026-02-01&every=day",
            Value::Null,
            USAGE,
        ),
        (
            get,
            "/api/v1/usage/breakdown",
            "?from=2026-01-01&to=2026-02-01&by=account,model",
            Value::Null,
            USAGE,
        ),
        (get, "/api/v1/usage/events", month, Value::Null, USAGE),
        (get, "/api/v1/exports/events", month, Value::Null, USAGE),
        (get, "/api/v1/exports/focus", month, Value::Null, USAGE),
        (get, "/api/v1/exports/focus/metadata", month, Value::Null, USAGE),
        (get, "/api/v1/reports/month", "?month=2026-01", Value::Null, USAGE),
        (get, "/api/v1/export-schedules", "", Value::Null, ADMINS),
        (post, "/api/v1/export-schedules", "", schedule.clone(), ADMINS),
        (get, "/api/v1/export-schedules/{id}", "", Value::Null, ADMINS),
        (put, "/api/v1/export-schedules/{id}", "", schedule, ADMINS),
        (delete, "/api/v1/export-schedules/{id}", "", Value::Null, ADMINS),
        (get, "/api/v1/export-schedules/{id}/runs", "", Value::Null, ADMINS),
        (post, "/api/v1/export-schedules/{id}/runs", "", json!({}), ADMINS),
        (delete, "/api/v1/export-schedules/{id}/runs/{run}", "", Value::Null, ADMINS),
        (get, "/api/v1/export-schedules/{id}/runs/{run}/file", "", Value::Null, ADMINS),
        (get, "/api/v1/insights/spend", "", Value::Null, USAGE),
        (get, "/api/v1/insights/brief", "", Value::Null, USAGE),
        (get, "/api/v1/insights/roi", month, Value::Null, USAGE),
        (
            get,
            "/api/v1/insights/drivers",
            "?from=2026-01-01&to=2026-02-01&by=account,model",
            Value::Null,
            USAGE,
        ),
        (get, "/api/v1/insights/recommendations", "", Value::Null, USAGE),
        (put, "/api/v1/insights/recommendations/{id}", "", json!({ "state": "dismissed" }), ADMINS),
        (get, "/api/v1/budgets", "", Value::Null, USAGE),
        (post, "/api/v1/budgets", "", budget.clone(), ADMINS),
        (post, "/api/v1/budgets/check", "", json!({ "amount": "0.01" }), USAGE),
        (get, "/api/v1/budgets/{id}", "", Value::Null, USAGE),
        (put, "/api/v1/budgets/{id}", "", budget, ADMINS),
        (delete, "/api/v1/budgets/{id}", "", Value::Null, ADMINS),
        (get, "/api/v1/accounts/{id}/balance", "", Value::Null, USAGE),
        (get, "/api/v1/accounts/{id}/ledger", "", Value::Null, USAGE),
        (get, "/api/v1/accounts/{id}/statement", "?period=2026-01", Value::Null, USAGE),
        (get, "/api/v1/accounts/{id}/grants", "", Value::Null, USAGE),
        (get, "/api/v1/accounts/{id}/holds", "", Value::Null, USAGE),
        (post, "/api/v1/accounts/{id}/grants", "", grant, CREDIT),
        (put, "/api/v1/accounts/{id}/terms", "", json!({ "overdraft": "refuse" }), CREDIT),
        (
            post,
            "/api/v1/accounts/{id}/adjustments",
            "",
            json!({ "id": "a", "amount": "1", "unit": "USD", "reason": reason }),
            CREDIT,
        ),
        (
            post,
            "/api/v1/accounts/{id}/refunds",
            "",
            json!({ "id": "r", "of": 1, "reason": reason }),
            CREDIT,
        ),
        (
            post,
            "/api/v1/authorize",
            "",
            json!({ "id": "h", "account": BOBS, "amount": "0.01" }),
            SEND,
        ),
        (post, "/api/v1/holds/{id}/capture", "", json!({}), SEND),
        (post, "/api/v1/holds/{id}/release", "", Value::Null, SEND),
        (get, "/api/v1/plans", "", Value::Null, PRICES),
        (post, "/api/v1/plans/import", "", json!({ "plans": {} }), SET_PRICES),
        (get, "/api/v1/plans/{id}", "", Value::Null, PRICES),
        (put, "/api/v1/plans/{id}", "", json!({ "name": "mine" }), SET_PRICES),
        (delete, "/api/v1/plans/{id}", "", Value::Null, SET_PRICES),
        (get, "/api/v1/plans/{id}/versions", "", Value::Null, PRICES),
        (get, "/api/v1/plans/{id}/subscribers", "", Value::Null, OF_ALL),
        (get, "/api/v1/accounts/{id}/subscription", "", Value::Null, USAGE),
        (get, "/api/v1/accounts/{id}/subscription/history", "", Value::Null, USAGE),
        (get, "/api/v1/accounts/{id}/limits", "", Value::Null, USAGE),
        (get, "/api/v1/accounts/{id}/entitlements", "", Value::Null, USAGE),
        (put, "/api/v1/accounts/{id}/subscription", "", json!({ "plan": "zzbob" }), CREDIT),
        (
            post,
            "/api/v1/accounts/{id}/subscription/change",
            "",
            json!({ "plan": "zzbob", "cycle": "yearly", "when": "now" }),
            CREDIT,
        ),
        (post, "/api/v1/accounts/{id}/subscription/cancel", "", json!({ "when": "now" }), CREDIT),
        (post, "/api/v1/accounts/{id}/subscription/resume", "", Value::Null, CREDIT),
        (post, "/api/v1/accounts/{id}/subscription/due", "", Value::Null, CREDIT),
        (post, "/api/v1/accounts/{id}/subscription/paid", "", Value::Null, CREDIT),
        (get, "/api/v1/alerts", "", Value::Null, USAGE),
        (post, "/api/v1/alerts/{id}/acknowledge", "", Value::Null, ADMINS),
        (post, "/api/v1/alerts/{id}/resolve", "", Value::Null, ADMINS),
        (
            post,
            "/api/v1/alerts/{id}/snooze",
            "",
            json!({ "until": "2100-01-01T00:00:00Z" }),
            ADMINS,
        ),
        (get, "/api/v1/alert-rules", "", Value::Null, OF_ALL),
        (post, "/api/v1/alert-rules", "", rule.clone(), ADMINS),
        (put, "/api/v1/alert-rules/{id}", "", rule, ADMINS),
        (delete, "/api/v1/alert-rules/{id}", "", Value::Null, ADMINS),
        (get, "/api/v1/revenue", "", Value::Null, OF_ALL),
        (
            post,
            "/api/v1/revenue",
            "",
            json!({
                "id": Uuid::now_v7(), "kind": "payment", "amount": "1",
                "occurred_at": "2026-01-05T10:00:00Z",
            }),
            Takes::Revenue,
        ),
        (get, "/api/v1/prices", "", Value::Null, PRICES),
        (get, "/api/v1/prices/unpriced", "", Value::Null, UNPRICED),
        (
            post,
            "/api/v1/prices/quote",
            "",
            json!({ "provider": "p", "model": "m", "quantities": { "input_tokens": 1 } }),
            PRICES,
        ),
        (post, "/api/v1/prices", "", price, SET_PRICES),
        (post, "/api/v1/prices/close", "", json!({}), SET_PRICES),
        (post, "/api/v1/prices/import", "", json!({}), SET_PRICES),
        (post, "/api/v1/prices/rerate", "", json!({ "all": true, "dry_run": false }), SET_PRICES),
        (get, "/api/v1/views", "", Value::Null, USAGE),
        (post, "/api/v1/views", "", view.clone(), KEEP),
        (get, "/api/v1/views/{id}", "", Value::Null, USAGE),
        (put, "/api/v1/views/{id}", "", view, KEEP),
        (delete, "/api/v1/views/{id}", "", Value::Null, KEEP),
        (get, "/api/v1/pins", "", Value::Null, USAGE),
        (get, "/api/v1/annotations", "?from=2026-01-01&to=2026-02-01", Value::Null, USAGE),
        (post, "/api/v1/annotations", "", note.clone(), ANNOTATE),
        (put, "/api/v1/annotations/{id}", "", note, ANNOTATE),
        (delete, "/api/v1/annotations/{id}", "", Value::Null, ANNOTATE),
        (put, "/api/v1/pins", "", json!({ "items": [] }), KEEP),
        (get, "/api/v1/imports", "", Value::Null, ADMINS),
        (post, "/api/v1/imports", "", import.clone(), ADMINS),
        (get, "/api/v1/imports/budgets", "", Value::Null, ADMINS),
        (post, "/api/v1/imports/budgets", "", import.clone(), ADMINS),
        (get, "/api/v1/imports/batches", "", Value::Null, ADMINS),
        (post, "/api/v1/imports/batches", "", import, ADMINS),
        (post, "/api/v1/imports/merges", "", merge, ADMINS),
        // Not in the document.
        (get, "/api/v1/openapi.json", "", Value::Null, Takes::Nothing),
        (get, "/api/docs/", "", Value::Null, Takes::Nothing),
        (get, "/", "", Value::Null, Takes::Nothing),
        (get, "/api/v1/nothing", "", Value::Null, UNKNOWN),
        (get, "/api/nothing", "", Value::Null, UNKNOWN),
        (post, "/api/v1/usage/total", "", Value::Null, UNKNOWN),
        (get, "/socket.io/", "?EIO=4&transport=polling", Value::Null, USAGE),
    ];
    let dialect = DIALECT.into_iter().map(|path| (get, path, "", Value::Null, USAGE));
    let folder = (
        post,
        "/api/v1/backup/folder",
        "",
        json!({ "folder": "/nowhere/outlay" }),
        // Only for the owner of the data folder: closed to every guest.
        Takes::Caller { scopes: &[Admin], roles: "", reach: All },
    );
    rows.into_iter()
        .chain(dialect)
        .chain([folder])
        .map(|(method, path, query, body, takes)| Knock {
            method: method.clone(),
            path,
            query,
            body,
            takes,
        })
        .collect()
}

/// LeadFactory's paths, which are in no document.
const DIALECT: [&str; 22] = [
    "/api/enhanced/dashboard-data",
    "/api/enhanced/cost-trends",
    "/api/enhanced/optimization-recommendations",
    "/api/enhanced/cost-efficiency",
    "/api/enhanced/detailed-breakdown",
    "/api/enhanced/cost-alerts",
    "/api/enhanced/export/json",
    "/api/enhanced/health",
    "/api/cost/breakdown",
    "/api/cost/trends",
    "/api/cost/optimization",
    "/api/cost/budget-utilization",
    "/api/cost/roi-analysis",
    "/api/cost/summary",
    "/api/cost/integrated/dashboard",
    "/api/cost/integrated/efficiency",
    "/api/cost/integrated/health",
    "/api/cost/integrated/export/csv",
    "/api/cost/detailed-breakdown",
    "/api/cost/optimization-insights",
    "/api/cost/budget-status",
    "/api/cost/realtime-summary",
];

/// A house with usage of two accounts, and everybody who might knock.
struct Street {
    house: House,
    guests: Vec<Guest>,
    bobs_key: String,
    bobs_view: String,
    bobs_note: String,
    bobs_hold: String,
}

impl Street {
    async fn new() -> Self {
        let house = House::with(|config| {
            config.dialects.leadfactory.enabled = true;
            config.limits.requests_per_second = 0;
            config.limits.ingest_requests_per_second = 0;
            config.limits.sign_ins_per_minute = 1_000_000;
        })
        .await;
        let mut street = Self {
            house,
            guests: Vec::new(),
            bobs_key: String::new(),
            bobs_view: String::new(),
            bobs_note: String::new(),
            bobs_hold: String::new(),
        };
        street.move_in().await;
        street.invite().await;
        street
    }

    async fn done(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.house.root(method, path, body).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer.body
    }

    /// Puts something of bob's into every corner.
    async fn move_in(&mut self) {
        for (id, role, account) in [
            ("ada", "admin", "ops"),
            ("alice", "member", "alice"),
            ("bob", "member", BOBS),
            ("eve", "viewer", "eve"),
            ("gone", "admin", "gone"),
        ] {
            let name = if id == "bob" { format!("{MARK} the third") } else { id.to_owned() };
            let body = json!({ "id": id, "role": role, "account": account, "name": name });
            self.done(Method::POST, "/api/v1/users", body).await;
        }
        let now = self.house.now();
        let event = |id: &str, account: &str, mark: &str, at: &str| {
            json!({
                "id": id, "source": "shop", "account": account, "cost": "0.5", "occurred_at": at,
                "provider": format!("{mark}-provider"), "model": format!("{mark}-model"),
                "service": format!("{mark}-service"), "operation": format!("{mark}-operation"),
                "subject": format!("{mark}-subject"), "tags": { "batch_id": format!("{mark}-batch") },
                "team": format!("{mark}-team"), "metadata": { "note": format!("{mark}-note") },
                "quantities": { "input_tokens": 1000 },
            })
        };
        let mut events = vec![event("order-3", BOBS, MARK, "2026-01-05T10:00:00Z")];
        for (account, mark) in [(BOBS, MARK), ("alice", "alices")] {
            events.push(event(&format!("{mark}-now"), account, mark, &now));
            events.push(event(&format!("{mark}-then"), account, mark, "2026-01-06T10:00:00Z"));
            let mut unpriced = event(&format!("{mark}-unpriced"), account, mark, &now);
            unpriced.as_object_mut().unwrap().remove("cost");
            events.push(unpriced);
        }
        self.done(Method::POST, "/api/v1/events", json!(events)).await;
        self.done(
            Method::POST,
            "/api/v1/revenue",
            json!({
                "id": "payment-1", "kind": "payment", "amount": "77.31", "account": BOBS,
                "product": format!("{MARK}-product"), "occurred_at": "2026-01-05T10:00:00Z",
            }),
        )
        .await;
        let grant = json!({
            "id": format!("{MARK}-grant"), "amount": "7.31", "unit": "USD", "source": "bonus",
        });
        self.done(Method::POST, &format!("/api/v1/accounts/{BOBS}/grants"), grant).await;
        let says = json!({ "name": format!("{MARK} plan"), "hidden": true, "limits": [
            { "id": format!("{MARK}-limit"), "measure": "events", "most": 1000, "every": "month" },
        ] });
        self.done(Method::PUT, &format!("/api/v1/plans/{MARK}"), says).await;
        let path = format!("/api/v1/accounts/{BOBS}/subscription");
        self.done(Method::PUT, &path, json!({ "plan": MARK })).await;
        let hold = json!({ "id": MARK, "account": BOBS, "amount": "5", "unit": "USD" });
        let hold = self.house.root(Method::POST, "/api/v1/authorize", hold).await;
        self.bobs_hold = hold.body["hold"].as_str().unwrap().to_owned();
        // The first is bob's, the second everybody's and so nobody's to see who sees one account.
        for (id, scope) in [("budget-1", json!({ "account": [BOBS] })), ("budget-2", json!({}))] {
            let body = json!({
                "id": id, "name": format!("{MARK} {id}"), "amount": "0.001", "scope": scope,
                "period": { "every": "month" }, "enforcement": "hard",
            });
            self.done(Method::POST, "/api/v1/budgets", body).await;
        }
        let rule = json!({
            "id": "rule-1", "name": format!("{MARK} rule"), "severity": "info",
            "condition": { "kind": "silence", "hours": 1 },
        });
        self.done(Method::POST, "/api/v1/alert-rules", rule).await;
        self.keep_views().await;
        let import = json!({ "source": MARK, "kind": MARK, "name": MARK });
        self.done(Method::POST, "/api/v1/imports", import).await;
        let key = json!({ "user": "bob", "name": MARK, "scopes": ["usage:read"] });
        let key = self.done(Method::POST, "/api/v1/keys", key).await;
        self.bobs_key = key["id"].as_str().unwrap().to_owned();
    }

    /// A view of bob's own, and one for all that names his account.
    async fn keep_views(&mut self) {
        let of_bob = json!({ "account": [BOBS] });
        let for_all = json!({ "name": "for all", "audience": "all", "filters": of_bob });
        self.done(Method::POST, "/api/v1/views", for_all).await;
        let own = json!({ "name": format!("{MARK} view"), "filters": of_bob });
        let token = self.token("bob", None).await;
        let headers = [("authorization", token.as_str())];
        let request = json_request(Method::POST, "/api/v1/views", &headers, own);
        let (status, text) = answer(&self.house.live_router(), request).await;
        assert_eq!(status, StatusCode::CREATED, "{text}");
        let kept: Value = serde_json::from_str(&text).unwrap();
        self.bobs_view = kept["id"].as_str().unwrap().to_owned();
        let note = json!({
            "text": format!("{MARK} note"), "at": "2026-01-05T10:00:00Z", "scope": of_bob,
        });
        let note = self.done(Method::POST, "/api/v1/annotations", note).await;
        self.bobs_note = note["id"].as_str().unwrap().to_owned();
    }

    async fn invite(&mut self) {
        let guest = |name: &str, role| Guest {
            name: name.to_owned(),
            header: None,
            role,
            scopes: None,
            is_bound: false,
            is_lesser: false,
            ends: false,
        };
        self.guests.push(guest("nobody", None));
        for (user, role) in [("ada", 'a'), ("alice", 'm'), ("eve", 'v')] {
            let header = Some(("authorization", self.token(user, None).await));
            self.guests.push(Guest { header, ends: true, ..guest(user, Some(role)) });
        }
        for (as_role, role) in [("member", 'm'), ("viewer", 'v')] {
            let header = Some(("authorization", self.token("ada", Some(as_role)).await));
            let narrowed = guest(&format!("ada as {as_role}"), Some(role));
            self.guests.push(Guest { header, is_lesser: true, ends: true, ..narrowed });
        }
        for scope in Scope::ALL {
            for (user, role, account) in
                [("ada", 'a', None), ("ada", 'a', Some("alice")), ("alice", 'm', None)]
            {
                let Some((_, secret)) = self.key(user, scope, account).await else { continue };
                let name = format!("{user}'s key for {scope} of {account:?}");
                self.guests.push(Guest {
                    header: Some(("x-api-key", secret)),
                    scopes: Some(vec![scope]),
                    is_bound: account.is_some(),
                    ..guest(&name, Some(role))
                });
            }
        }
        let (id, secret) = self.key("ada", Scope::Admin, None).await.unwrap();
        self.done(Method::DELETE, &format!("/api/v1/keys/{id}"), Value::Null).await;
        let header = Some(("x-api-key", secret));
        self.guests.push(Guest { header, ..guest("a revoked key", None) });
        let token = Some(("authorization", self.token("gone", None).await));
        let (_, secret) = self.key("gone", Scope::Admin, None).await.unwrap();
        self.done(Method::DELETE, "/api/v1/users/gone", Value::Null).await;
        let body = json!({ "id": "gone", "role": "admin" });
        self.done(Method::POST, "/api/v1/users", body).await;
        self.guests.push(Guest { header: token, ..guest("a token of a deleted user", None) });
        let header = Some(("x-api-key", secret));
        self.guests.push(Guest { header, ..guest("a key of a deleted user", None) });
    }

    async fn token(&self, user: &str, role: Option<&str>) -> String {
        let body = json!({ "user": user, "role": role });
        let minted = self.done(Method::POST, "/api/v1/tokens", body).await;
        format!("Bearer {}", minted["token"].as_str().unwrap())
    }

    /// A key and its secret; nothing where its user may not have one for that.
    async fn key(
        &self,
        user: &str,
        scope: Scope,
        account: Option<&str>,
    ) -> Option<(String, String)> {
        let body = json!({ "user": user, "name": "k", "scopes": [scope], "account": account });
        let key = self.house.root(Method::POST, "/api/v1/keys", body).await;
        let text = |field: &str| key.body[field].as_str().unwrap().to_owned();
        key.status.is_success().then(|| (text("id"), text("secret")))
    }

    /// What must be the same after everybody knocked.
    async fn bobs_things(&self) -> Vec<Value> {
        let mut things = Vec::new();
        for path in [
            "/api/v1/usage/breakdown?from=2026-01-01&by=account&account=zzbob-account",
            "/api/v1/users/bob",
            "/api/v1/budgets/budget-2",
            "/api/v1/alert-rules",
            "/api/v1/views",
            "/api/v1/annotations?from=2026-01-01&to=2026-02-01&account=zzbob-account",
            "/api/v1/accounts/zzbob-account/ledger",
            "/api/v1/accounts/zzbob-account/subscription/history",
            "/api/v1/plans/zzbob/versions",
            "/api/v1/keys?user=bob",
            "/api/v1/imports",
        ] {
            let mut body = self.done(Method::GET, path, Value::Null).await;
            // When something was looked at is no thing of bob's.
            let kept = ["items", "rows", "id", "name", "amount", "role", "account"];
            body.as_object_mut().unwrap().retain(|name, _| kept.contains(&name.as_str()));
            things.push(body);
        }
        things
    }

    fn request(&self, guest: &Guest, knock: &Knock) -> Request<Body> {
        // Who may do it is sent to what is not there.
        let may_harm = guest.may_harm(knock.takes);
        let (id, key) = match may_harm {
            true => ("none", Uuid::nil().to_string()),
            false => ("bob", self.bobs_key.clone()),
        };
        let id = match knock.path {
            path if path.contains("/keys/") => key,
            path if path.contains("/annotations/") && may_harm => Uuid::nil().to_string(),
            path if path.contains("/annotations/") => self.bobs_note.clone(),
            path if path.contains("/views/") && may_harm => Uuid::nil().to_string(),
            path if path.contains("/views/") => self.bobs_view.clone(),
            path if path.contains("/accounts/") && !may_harm => BOBS.to_owned(),
            path if path.contains("/plans/") && !may_harm => MARK.to_owned(),
            path if path.contains("/holds/") && !may_harm => self.bobs_hold.clone(),
            path if path.contains("/alerts/") => Uuid::nil().to_string(),
            path if path.contains("/export-schedules/") => Uuid::nil().to_string(),
            path if path.contains("/budgets/") && !may_harm => "budget-2".to_owned(),
            path if path.contains("/alert-rules/") && !may_harm => "rule-1".to_owned(),
            _ => id.to_owned(),
        };
        let path =
            format!("{}{}", knock.path.replace("{id}", &id).replace("{run}", &id), knock.query);
        let body = match knock.body.is_null() || !may_harm {
            true => knock.body.clone(),
            false => json!("nothing of the kind"),
        };
        let headers: Vec<(&str, &str)> =
            guest.header.iter().map(|(name, value)| (*name, value.as_str())).collect();
        json_request(knock.method.clone(), &path, &headers, body)
    }
}

async fn answer(router: &Router, request: Request<Body>) -> (StatusCode, String) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

#[test]
fn every_route_of_the_document_has_somebody_who_knocks_at_it() {
    let known: Vec<String> =
        knocks().iter().map(|knock| format!("{} {}", knock.method, knock.path)).collect();
    let document = serde_json::to_value(super::document()).unwrap();

    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let route = format!("{} {path}", method.to_uppercase());
            assert!(known.contains(&route), "say who may come in at {route}, and try the others");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_opens_for_whom_it_is_and_nobody_sees_or_harms_what_is_anothers() {
    let street = Street::new().await;
    let router = street.house.live_router();
    let before = street.bobs_things().await;
    let mut faults = Vec::new();
    assert!(street.guests.len() > 20, "everybody came");

    for knock in knocks() {
        for guest in &street.guests {
            let (status, text) = answer(&router, street.request(guest, &knock)).await;
            let what = format!("{}: {} {}: {status}", guest.name, knock.method, knock.path);
            let is_refused = match status {
                // Whoever tries too often is not heard at all.
                StatusCode::TOO_MANY_REQUESTS if matches!(knock.takes, Takes::SignIn) => {
                    Some(StatusCode::UNAUTHORIZED)
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(status),
                _ => None,
            };
            if is_refused != guest.refused_with(knock.takes) {
                faults.push(format!(
                    "{what} instead of {:?}: {text}",
                    guest.refused_with(knock.takes)
                ));
            }
            if status == StatusCode::INTERNAL_SERVER_ERROR {
                faults.push(format!("{what}: {text}"));
            }
            if (guest.role.is_none() || guest.sees_one_account()) && text.contains(MARK) {
                faults.push(format!("{what} tells of another: {text}"));
            }
        }
    }

    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(street.bobs_things().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sees_all_accounts_sees_what_the_others_must_not() {
    let street = Street::new().await;
    let router = street.house.live_router();
    let ada = street.guests.iter().find(|guest| guest.name == "ada").unwrap();
    let told = [
        "/api/v1/usage/breakdown",
        "/api/v1/usage/events",
        "/api/v1/exports/events",
        "/api/v1/exports/focus",
        "/api/v1/reports/month",
        "/api/v1/budgets",
        "/api/v1/alert-rules",
        "/api/v1/views",
        "/api/v1/annotations",
        "/api/v1/revenue",
        "/api/v1/prices/unpriced",
        "/api/v1/users",
        "/api/v1/keys",
        "/api/v1/audit",
        "/api/v1/imports",
        "/api/cost/breakdown",
    ];

    for knock in knocks().iter().filter(|knock| told.contains(&knock.path)) {
        if knock.method == Method::GET {
            let (_, text) = answer(&router, street.request(ada, knock)).await;
            assert!(text.contains(MARK), "the mark is no proof at {}: {text}", knock.path);
        }
    }
}
