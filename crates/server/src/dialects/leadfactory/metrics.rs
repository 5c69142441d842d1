//! LeadFactory's metrics, read from the ledger when they are asked for.

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::Amount;
use outlay_domain::imports::ImportedRun;
use outlay_domain::revenue::RevenueKind;
use outlay_domain::usage::question::{Attribute, Filter};
use outlay_engine::import::books::runs;
use outlay_engine::insights::course::units;
use outlay_engine::insights::findings::ServiceShare;
use outlay_engine::insights::month::{Month, MonthUse};
use outlay_engine::insights::{Days, SpendQuestion, SpendTable};
use outlay_engine::revenue::ProductRevenue;
use outlay_engine::usage::By;

use super::access::Admitted;
use super::desk::{Desk, Selection, shares};
use super::error::Refused;
use super::roi::CURRENCY;
use super::wire::name;
use crate::metrics::page::{Kind, Page};
use crate::state::AppState;

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Services, operations and products that are told apart, at most.
const LABELS_MAX: usize = 500;
/// The tag that holds a cost's run.
const RUN_TAG: &str = "batch_id";
/// What stands for the reason of a refund: LeadFactory's databases hold none.
const NO_REASON: &str = "unknown";
/// What stands for all others.
const OTHERS: &str = "other";

/// `GET /metrics` on a port of the dialect's own: of all accounts, for whoever may see them all.
pub async fn page(
    State(state): State<AppState>,
    Extension(admitted): Extension<Admitted>,
) -> Result<impl IntoResponse, Refused> {
    if let Some(own) = admitted.scope {
        return Err(Refused::new(
            StatusCode::FORBIDDEN,
            format!("the metrics are of all accounts, and this caller may see only `{own}`"),
        ));
    }
    if !state.config.dialects.leadfactory.prometheus_metrics {
        return Err(Refused::not_found("the metrics are switched off"));
    }
    let text = text(&state).await?;
    Ok(([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], text))
}

/// All of LeadFactory's metrics.
pub async fn text(state: &AppState) -> Result<String, Refused> {
    let desk = Desk::of(state, By::Server("metrics"), None);
    let everything = Selection::default();
    let today = desk.today();
    let month = Month::of(today).ok_or_else(|| Refused::bad("the clock is wrong"))?;
    let question = desk.question(&everything, None).await?;
    let by = vec![Attribute::Service, Attribute::Operation];
    let all = desk.spend(SpendQuestion { by, ..question }).await?;
    let (used, of_month) = desk.utilisation(month).await?;
    let tz = desk.tz;
    let limit = LABELS_MAX as u32;
    let revenue = desk.insights.revenue_by_product(None, tz, limit).await?;
    let daily = desk.revenue(Some(Days::only(today))).await?;
    let sets = runs(&state.outlay.books).await?;
    let runs: Vec<ImportedRun> = sets.into_iter().flat_map(|set| set.runs).collect();
    let newest = newest_of_tiers(&runs);
    // Runs that nobody imported are no filter: it would have to name at least one.
    let of_runs = match newest.is_empty() {
        true => None,
        false => Some(spend_of(&desk, &newest).await?),
    };

    let mut page = Page::default();
    write_costs(&mut page, &all);
    write_services(&mut page, &all, &of_month, today);
    let of_day = desk.budgets().of_each_day().await?;
    write_utilisation(&mut page, &used, &of_month, of_day, today);
    write_budget(&mut page, &used, state.config.dialects.leadfactory.budget());
    write_leads(&mut page, &newest, of_runs.as_ref());
    let done_in_month = |run: &&ImportedRun| {
        let day = run.ended_at.map(|at| at.with_timezone(&tz).date_naive());
        day.is_some_and(|day| month.days().contains(day))
    };
    let leads = runs.iter().filter(done_in_month).map(|run| i128::from(run.leads)).sum();
    if let Some(cost) = cost_per_lead(of_month.total.nanos, leads) {
        let help = "What the running month cost by each lead of its batches, in dollars.";
        page.single(Kind::Gauge, "lead_factory_cost_per_lead", help, cost);
    }
    write_revenue(&mut page, &revenue);
    let help = "What came in today, in cents.";
    let cents = daily.map_or(0.0, |total| 100.0 * units(total.paid_nanos));
    page.single(Kind::Gauge, "daily_revenue_cents", help, cents);
    Ok(page.into_text())
}

fn write_costs(page: &mut Page, all: &SpendTable) {
    let mut rows: Vec<_> = all.rows.iter().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.nanos));
    let (named, others) = rows.split_at(rows.len().min(LABELS_MAX));
    let help = "What APIs cost, in dollars.";
    let mut family = page.family(Kind::Counter, "api_cost_dollars_total", help);
    for row in named {
        let label = |place: usize| name(row.group.get(place).and_then(|name| name.as_deref()));
        let labels = [("api_name", label(0)), ("operation", label(1))];
        family.sample(&labels, units(row.nanos));
    }
    if !others.is_empty() {
        let nanos = others.iter().map(|row| row.nanos).sum();
        family.sample(&[("api_name", OTHERS), ("operation", OTHERS)], units(nanos));
    }
}

fn write_services(
    page: &mut Page,
    all: &SpendTable,
    of_month: &SpendTable,
    today: chrono::NaiveDate,
) {
    let month = shares(of_month, |_| true);
    // A service of the month that cost nothing today is told so: a series that is absent would keep
    // its last value on a graph.
    let of_today = shares(of_month, |day| day == today);
    let today_of = |service: &str| of_today.iter().find(|own| own.service == service);
    let day = month.iter().map(|own| match today_of(&own.service) {
        Some(today) => today.clone(),
        None => ServiceShare { service: own.service.clone(), nanos: 0, events: 0 },
    });
    let day: Vec<ServiceShare> = day.collect();
    let gpu: i128 = day.iter().filter(|own| own.service == "gpu").map(|own| own.nanos).sum();
    for (kind, name, help, shares) in [
        (
            Kind::Counter,
            "leadfactory_total_cost_total",
            "What services cost, in dollars.",
            shares(all, |_| true),
        ),
        (Kind::Gauge, "lead_factory_daily_cost", "What services cost today, in dollars.", day),
        (
            Kind::Gauge,
            "lead_factory_monthly_cost",
            "What services cost in the running month, in dollars.",
            month,
        ),
    ] {
        let mut family = page.family(kind, name, help);
        for share in shares.iter().take(LABELS_MAX) {
            family.sample(&[("service", &share.service)], units(share.nanos));
        }
    }
    let help = "What GPUs cost today, in dollars.";
    page.single(Kind::Gauge, "leadfactory_gpu_cost_daily", help, units(gpu));
}

/// Of each tier the run that was done last.
fn newest_of_tiers(runs: &[ImportedRun]) -> Vec<&ImportedRun> {
    let mut newest: BTreeMap<_, &ImportedRun> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.ended_at.is_some() && run.leads > 0) {
        let known = newest.entry(run.tier.as_deref()).or_insert(run);
        if known.ended_at < run.ended_at {
            *known = run;
        }
    }
    newest.into_values().take(LABELS_MAX).collect()
}

/// What the usage of these runs cost, each with the run's id.
async fn spend_of(desk: &Desk, runs: &[&ImportedRun]) -> Result<SpendTable, Refused> {
    let id = || Attribute::Tag(RUN_TAG.into());
    let local = |at: DateTime<Utc>| at.with_timezone(&desk.tz).date_naive();
    let first = runs.iter().map(|run| local(run.started_at)).min();
    let last = runs.iter().filter_map(|run| run.ended_at).map(local).max();
    let days = first.zip(last).and_then(|(first, last)| Days::new(first, last));
    let mut question = desk.question(&Selection::default(), days).await?;
    question.filters.push(Filter::among(id(), runs.iter().map(|run| run.id.as_str()))?);
    desk.spend(SpendQuestion { by: vec![id()], ..question }).await
}

fn write_leads(page: &mut Page, newest: &[&ImportedRun], spend: Option<&SpendTable>) {
    let help = "What a lead cost in the batch of its tier that was done last, in dollars.";
    let mut family = page.family(Kind::Gauge, "leadfactory_cost_per_lead", help);
    for run in newest {
        let own = spend
            .and_then(|spend| spend.rows.iter().find(|row| row.group == [Some(run.id.clone())]));
        let tier = run.tier.as_ref().map_or("unknown", CompactString::as_str);
        if let Some(cost) = own.and_then(|row| cost_per_lead(row.nanos, run.leads.into())) {
            family.sample(&[("tier", tier)], cost);
        }
    }
}

/// Dollars a lead.
fn cost_per_lead(nanos: i128, leads: i128) -> Option<f64> {
    (leads > 0).then(|| units(nanos / leads))
}

/// How much of the month's budget is spent, and of the day's where there is one.
fn write_utilisation(
    page: &mut Page,
    used: &MonthUse,
    of_month: &SpendTable,
    of_day: Option<Amount>,
    today: chrono::NaiveDate,
) {
    let help = "How much of a budget is spent.";
    let mut family = page.family(Kind::Gauge, "lead_factory_budget_utilization", help);
    family.sample(&[("period", "monthly")], used.share());
    if let Some(budget) = of_day.filter(|budget| *budget > Amount::ZERO) {
        let running: i128 =
            shares(of_month, |day| day == today).iter().map(|share| share.nanos).sum();
        family.sample(&[("period", "daily")], units(running) / units(budget.nanos().into()));
    }
}

fn write_budget(page: &mut Page, used: &MonthUse, gate: Amount) {
    let percent = 100.0 * used.share();
    let help = "How much of the month's budget is spent, in per cent.";
    page.single(Kind::Gauge, "leadfactory_monthly_cost_percentage", help, percent);
    let help = "Whether BUDGET_GATE_THRESHOLD was spent in the running month.";
    let closed = u8::from(used.spent >= gate.nanos().into());
    page.single(Kind::Gauge, "leadfactory_budget_gate_status", help, closed);
}

fn write_revenue(page: &mut Page, all: &[ProductRevenue]) {
    let product = |own: &ProductRevenue| own.product.as_deref().unwrap_or("unknown").to_owned();
    let paid = || all.iter().filter(|own| own.kind == RevenueKind::Payment);
    let cents = |nanos: i128| (100.0 * units(nanos.abs())).round();
    let mut family = page.family(Kind::Counter, "purchases_total", "Payments.");
    for own in paid() {
        let labels = [("audit_type", &*product(own)), ("currency", &*own.currency)];
        family.sample(&labels, own.count);
    }
    let help = "What customers paid, in cents.";
    let mut family = page.family(Kind::Counter, "revenue_total_cents_total", help);
    for own in paid() {
        let labels = [("audit_type", &*product(own)), ("currency", &*own.currency)];
        family.sample(&labels, cents(own.gross_nanos));
    }
    let help = "What a customer paid on average, in cents of a dollar.";
    let mut family = page.family(Kind::Gauge, "average_order_value_cents", help);
    for own in paid().filter(|own| own.count > 0 && own.currency == CURRENCY) {
        let mean = own.gross_nanos / i128::from(own.count);
        family.sample(&[("audit_type", &*product(own))], cents(mean));
    }
    let mut currencies: Vec<_> = all.iter().map(|own| own.currency.as_str()).collect();
    currencies.sort_unstable();
    currencies.dedup();
    let help = "What the payment provider kept, in cents.";
    let mut family = page.family(Kind::Counter, "stripe_fees_total_cents_total", help);
    for currency in &currencies {
        let fees = paid().filter(|own| own.currency == *currency).map(|own| own.fee_nanos).sum();
        family.sample(&[("currency", currency)], cents(fees));
    }
    let back = |currency: &str| {
        let returned = all
            .iter()
            .filter(move |own| matches!(own.kind, RevenueKind::Refund | RevenueKind::Chargeback));
        returned
            .filter({
                let currency = currency.to_owned();
                move |own| own.currency == currency
            })
            .fold((0, 0), |(count, nanos), own| (count + own.count, nanos + own.gross_nanos))
    };
    let mut family = page.family(Kind::Counter, "refunds_total", "Payments given back.");
    for currency in &currencies {
        family.sample(&[("reason", NO_REASON), ("currency", currency)], back(currency).0);
    }
    let help = "What was given back, in cents.";
    let mut family = page.family(Kind::Counter, "refund_amount_total_cents_total", help);
    for currency in &currencies {
        family.sample(&[("currency", currency)], cents(back(currency).1));
    }
}
