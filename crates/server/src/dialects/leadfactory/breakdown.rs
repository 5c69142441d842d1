//! Costs by service, operation and time.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use chrono_tz::Tz;
use outlay_domain::usage::Fact;
use outlay_domain::usage::question::{Attribute, Every};
use outlay_engine::insights::course::units;
use outlay_engine::insights::{Days, SpendQuestion, SpendRow, SpendTable};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::desk::{Desk, Selection, shares};
use super::details::with_details;
use super::error::Refused;
use super::params::{Params, invalid};
use super::wire::{Json, day, dollars, mean, name, percent};

/// Expensive operations that are listed, at most.
const EXPENSIVE_MAX: usize = 20;
/// Days that the plain breakdown is about where none are named, before today.
const PLAIN_DAYS_BACK: u32 = 30;

/// What can be grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Service,
    Operation,
    Date,
    Hour,
    TimePeriod,
}

impl By {
    const ALL: [Self; 5] =
        [Self::Service, Self::Operation, Self::Date, Self::Hour, Self::TimePeriod];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Operation => "operation",
            Self::Date => "date",
            Self::Hour => "hour",
            Self::TimePeriod => "time_period",
        }
    }
}

/// The words for the widths of time.
pub const PERIODS: [(&str, Every); 4] = [
    ("hourly", Every::Hour),
    ("daily", Every::Day),
    ("weekly", Every::Week),
    ("monthly", Every::Month),
];

/// A breakdown that is asked for.
#[derive(Debug, Clone)]
pub struct Ask {
    selection: Selection,
    period: Every,
    days: Option<Days>,
    by: Vec<By>,
}

/// Which rows are listed, and in which order.
#[derive(Debug, Clone)]
struct Listing {
    min: Option<f64>,
    max: Option<f64>,
    sort_by: String,
    ascending: bool,
    /// Whether what is grouped by time stands in its order, the newest first.
    newest_first: bool,
}

impl Ask {
    /// By service, of what is selected.
    pub fn by_service(selection: Selection, period: Every, days: Option<Days>) -> Self {
        Self { selection, period, days, by: vec![By::Service] }
    }

    fn read(params: &Params, days: Option<Days>) -> Result<Self, Refused> {
        let mut by = Vec::new();
        for word in params.all("group_by") {
            let known = By::ALL.into_iter().find(|by| by.as_str() == word);
            let known =
                known.ok_or_else(|| invalid("group_by", By::ALL.iter().map(|by| by.as_str())))?;
            if !by.contains(&known) {
                by.push(known);
            }
        }
        if by.is_empty() {
            by.push(By::Service);
        }
        Ok(Self {
            selection: Selection {
                service: params.one("service_type")?.map(ToOwned::to_owned),
                operation: params.one("operation_type")?.map(ToOwned::to_owned),
            },
            period: params.choice("time_period", &PERIODS, Every::Day)?,
            days,
            by,
        })
    }

    /// The narrowest of the widths that are grouped by.
    fn every(&self) -> Option<Every> {
        let width = |by: &By| match by {
            By::Hour => Some(Every::Hour),
            By::Date => Some(Every::Day),
            By::TimePeriod => Some(self.period),
            By::Service | By::Operation => None,
        };
        let rank = |every: &Every| Every::ALL.iter().position(|known| known == every);
        self.by.iter().filter_map(width).min_by_key(rank)
    }

    fn attributes(&self) -> Vec<Attribute> {
        let attribute = |by: &By| match by {
            By::Service => Some(Attribute::Service),
            By::Operation => Some(Attribute::Operation),
            _ => None,
        };
        self.by.iter().filter_map(attribute).collect()
    }

    fn filters(&self) -> Value {
        let period = PERIODS.iter().find(|(_, every)| *every == self.period);
        json!({
            "service_type": self.selection.service,
            "time_period": period.map(|(word, _)| word),
            "operation_type": self.selection.operation,
            "start_date": self.days.and_then(Days::start).map(day),
            "end_date": self.days.map(|days| day(days.last())),
            "group_by": self.by.iter().map(|by| by.as_str()).collect::<Vec<_>>(),
        })
    }
}

impl Listing {
    const FIGURES: [&str; 6] =
        ["total_cost", "transaction_count", "avg_cost", "min_cost", "max_cost", "cost_percentage"];

    fn all() -> Self {
        Self {
            min: None,
            max: None,
            sort_by: "total_cost".into(),
            ascending: false,
            newest_first: false,
        }
    }

    fn read(params: &Params, by: &[By]) -> Result<Self, Refused> {
        let fields = || by.iter().map(|by| by.as_str()).chain(Self::FIGURES);
        let sort_by = params.one("sort_by")?.unwrap_or("total_cost");
        if !fields().any(|field| field == sort_by) {
            return Err(invalid("sort_by", fields()));
        }
        let (min, max) = (params.number("min_cost")?, params.number("max_cost")?);
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            return Err(Refused::bad(format!("min_cost {min} is above max_cost {max}")));
        }
        Ok(Self {
            min,
            max,
            sort_by: sort_by.to_owned(),
            ascending: params.choice("sort_order", &[("asc", true), ("desc", false)], false)?,
            newest_first: false,
        })
    }

    fn keeps(&self, row: &SpendRow) -> bool {
        let cost = units(row.nanos);
        self.min.is_none_or(|min| cost >= min) && self.max.is_none_or(|max| cost <= max)
    }

    fn sort(&self, rows: &mut [Line]) {
        self.sort_by_field(rows);
        if self.newest_first {
            // Of one time the largest stays first: the sort is stable.
            rows.sort_by(|one, two| two.group.time().cmp(&one.group.time()));
        }
    }

    fn sort_by_field(&self, rows: &mut [Line]) {
        rows.sort_by(|one, two| {
            let order = match self.sort_by.as_str() {
                "transaction_count" => one.transaction_count.cmp(&two.transaction_count),
                "total_cost" => one.total_cost.total_cmp(&two.total_cost),
                "avg_cost" => one.avg_cost.total_cmp(&two.avg_cost),
                "min_cost" => one.min_cost.total_cmp(&two.min_cost),
                "max_cost" => one.max_cost.total_cmp(&two.max_cost),
                "cost_percentage" => one.cost_percentage.total_cmp(&two.cost_percentage),
                name => one.group.get(name).cmp(&two.group.get(name)),
            };
            if self.ascending { order } else { order.reverse() }
        });
    }
}

/// A breakdown.
#[derive(Debug, Serialize)]
pub struct Breakdown {
    filters: Value,
    summary: Value,
    breakdown: Vec<Line>,
    service_breakdown: Value,
    recent_high_cost_transactions: Vec<Value>,
    generated_at: String,
}

/// One row of it. There can be many, so they are written without a detour.
#[derive(Debug, Serialize)]
struct Line {
    #[serde(flatten)]
    group: Names,
    total_cost: f64,
    transaction_count: i64,
    avg_cost: f64,
    min_cost: f64,
    max_cost: f64,
    cost_percentage: f64,
}

/// The names of what is grouped by.
#[derive(Debug)]
struct Names(Vec<(&'static str, String)>);

impl Names {
    /// When it was, where that is grouped by: names of times stand in the order of time.
    fn time(&self) -> Option<&str> {
        let words = [By::Hour, By::Date, By::TimePeriod].map(By::as_str);
        words.into_iter().find_map(|word| self.get(word))
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == key).map(|(_, name)| name.as_str())
    }
}

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, name)| (key, name)))
    }
}

/// `GET /api/enhanced/detailed-breakdown`: of all days where none are named.
pub async fn enhanced(desk: Desk, params: Params) -> Result<Json<Breakdown>, Refused> {
    let ask = Ask::read(&params, params.days(None, desk.today())?)?;
    let listing = Listing::read(&params, &ask.by)?;
    Ok(Json(answer(&desk, &ask, &listing).await?))
}

/// `GET /api/cost/breakdown`: of the thirty days before the last where no first is named.
pub async fn plain(desk: Desk, params: Params) -> Result<Json<Breakdown>, Refused> {
    let ask = Ask::read(&params, params.days(Some(PLAIN_DAYS_BACK), desk.today())?)?;
    let mut listing = Listing::read(&params, &ask.by)?;
    listing.newest_first = params.one("sort_by")?.is_none();
    Ok(Json(answer(&desk, &ask, &listing).await?))
}

/// The whole breakdown.
pub async fn whole(desk: &Desk, ask: &Ask) -> Result<Breakdown, Refused> {
    answer(desk, ask, &Listing::all()).await
}

async fn answer(desk: &Desk, ask: &Ask, listing: &Listing) -> Result<Breakdown, Refused> {
    let question = desk.question(&ask.selection, ask.days).await?;
    let grouped = SpendQuestion {
        every: ask.every(),
        by: ask.attributes(),
        extremes: true,
        ..question.clone()
    };
    let (table, services) = tokio::try_join!(desk.spend(grouped), services(desk, ask))?;
    let count = table.total.events.max(1);
    let expensive =
        desk.expensive_events(&question, table.total.nanos / count, EXPENSIVE_MAX).await?;

    let listed: Vec<&SpendRow> =
        table.rows.iter().filter(|row| row.events != 0 && listing.keeps(row)).collect();
    let nanos: i128 = listed.iter().map(|row| row.nanos).sum();
    let events: i128 = listed.iter().map(|row| row.events).sum();
    let mut rows: Vec<Line> = listed.iter().map(|row| line(ask, row, &table)).collect();
    listing.sort(&mut rows);
    Ok(Breakdown {
        filters: ask.filters(),
        summary: json!({
            "total_cost": dollars(nanos),
            "total_transactions": count_of(events),
            "avg_transaction_cost": mean(nanos, events),
            "time_range_days": ask.days.filter(|days| days.start().is_some()).map(Days::count),
        }),
        breakdown: rows,
        service_breakdown: services,
        recent_high_cost_transactions: transactions(&expensive, desk.tz),
        generated_at: desk.stamp(),
    })
}

fn transactions(facts: &[Fact], tz: Tz) -> Vec<Value> {
    facts.iter().map(|fact| with_details(fact, tz)).collect()
}

/// All services of the days that are asked about, whatever else is.
async fn services(desk: &Desk, ask: &Ask) -> Result<Value, Refused> {
    let question = desk.question(&Selection::default(), ask.days).await?;
    let table = desk.spend(SpendQuestion { by: vec![Attribute::Service], ..question }).await?;
    let service = |share: &outlay_engine::insights::findings::ServiceShare| {
        json!({
            "service": share.service,
            "total_cost": dollars(share.nanos),
            "transaction_count": count_of(share.events),
            "avg_cost": mean(share.nanos, share.events),
            "percentage": percent(share.nanos, table.total.nanos),
        })
    };
    let services: Vec<Value> = shares(&table, |_| true).iter().map(service).collect();
    Ok(json!({ "services": services, "total_cost": dollars(table.total.nanos) }))
}

fn line(ask: &Ask, row: &SpendRow, table: &SpendTable) -> Line {
    let mut names = row.group.iter();
    let when = |every| row.starts_at.map(|at| label(at, every, table.tz)).unwrap_or_default();
    let name = |by: &By| match by {
        By::Service | By::Operation => {
            name(names.next().and_then(|name| name.as_deref())).to_owned()
        }
        By::Date => when(Every::Day),
        By::Hour => when(Every::Hour),
        By::TimePeriod => when(ask.period),
    };
    let group = ask.by.iter().map(|by| by.as_str()).zip(ask.by.iter().map(name)).collect();
    Line {
        group: Names(group),
        total_cost: units(row.nanos),
        transaction_count: i64::try_from(row.events).unwrap_or(i64::MAX),
        avg_cost: mean(row.nanos, row.events),
        min_cost: units(row.least),
        max_cost: units(row.most),
        cost_percentage: percent(row.nanos, table.total.nanos),
    }
}

/// A count of operations.
pub fn count_of(events: i128) -> Value {
    json!(i64::try_from(events).unwrap_or(i64::MAX))
}

/// The name of a stretch of time, as LeadFactory writes it.
fn label(at: DateTime<Utc>, every: Every, tz: Tz) -> String {
    let at = at.with_timezone(&tz).naive_local();
    match every {
        Every::Hour => format!("{} {:02}", day(at.date()), at.hour()),
        Every::Day => day(at.date()),
        Every::Week => week(at.date()),
        Every::Month => format!("{:04}-{:02}", at.year(), at.month()),
    }
}

/// The week of a day, by the number that its Monday's has in the year of that Monday.
fn week(date: NaiveDate) -> String {
    let into = date.weekday().num_days_from_monday();
    let monday = date - chrono::Days::new(into.into());
    monday.format("%Y-W%W").to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn stretches_of_time_have_leadfactorys_names() {
        let at: DateTime<Utc> = "2026-11-02T12:00:00Z".parse().unwrap();
        let names = PERIODS.map(|(_, every)| label(at, every, Tz::UTC));
        assert_eq!(names, ["2026-11-02 12", "2026-11-02", "2026-W44", "2026-11"]);
        let new_year = NaiveDate::from_ymd_opt(2027, 1, 1).unwrap();
        assert_eq!(week(new_year), "2026-W52", "a week is one, also over New Year");
    }
}
