//! How costs went, and how they will go on.

use std::sync::Arc;

use chrono::NaiveDate;
use outlay_analytics::anomalies::{self, Anomaly, AnomalySeverity};
use outlay_analytics::change_points::ChangePoint;
use outlay_analytics::forecast::{Forecast, Method, MethodReport};
use outlay_analytics::robust;
use outlay_analytics::trend::Direction;
use outlay_engine::insights::findings::noise_word;
use outlay_engine::insights::{Analysis, Course, Days};
use serde_json::{Map, Value, json};

use super::breakdown::count_of;
use super::desk::{Desk, Selection};
use super::error::Refused;
use super::params::{DAYS_BACK_MAX, FORECAST_DAYS_MAX, Params};
use super::wire::{Json, day, dollars};

/// Anomalies that are listed, at most.
const ANOMALIES_MAX: usize = 20;
/// The same for the plain trends.
const PLAIN_ANOMALIES_MAX: usize = 10;
/// Changes that are listed, at most.
const CHANGES_MAX: usize = 10;
const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// The distance of the ends of a 95 % range of normal noise, in standard deviations.
const NORMAL_95: f64 = 1.959_964;

/// `GET /api/enhanced/cost-trends`.
pub async fn enhanced(desk: Desk, params: Params) -> Result<Json<Value>, Refused> {
    let service = params.one("service_type")?;
    let back = params.whole("days_back", 90, 0..=DAYS_BACK_MAX)?;
    let ahead = params.whole("forecast_days", 30, 0..=FORECAST_DAYS_MAX)?;
    Ok(Json(body(&desk, service, back, ahead).await?))
}

/// The whole answer of `cost-trends`.
pub async fn body(
    desk: &Desk,
    service: Option<&str>,
    back: u32,
    ahead: u32,
) -> Result<Value, Refused> {
    let (days, course) = desk.course(&Selection::service(service), back).await?;
    let count = course.len();
    let horizon = ahead as usize;
    let Some(analysis) = desk.analyse(course.clone(), horizon.max(1)).await? else {
        return Err(Refused::insufficient(count));
    };
    Ok(Trends { desk, service, days, course, analysis, horizon }.body())
}

/// The same, or nothing where there are too few days.
pub async fn body_if_any(
    desk: &Desk,
    service: Option<&str>,
    back: u32,
    ahead: u32,
) -> Result<Value, Refused> {
    match body(desk, service, back, ahead).await {
        Err(refused) if refused.is_about_too_little() => Ok(json!({})),
        body => body,
    }
}

/// All that an answer is written from.
struct Trends<'a> {
    desk: &'a Desk,
    service: Option<&'a str>,
    days: Days,
    course: Course,
    analysis: Arc<Analysis>,
    horizon: usize,
}

impl Trends<'_> {
    fn body(&self) -> Value {
        let analysis = &self.analysis;
        let anomalies: Vec<Value> =
            worst(&analysis.anomalies, ANOMALIES_MAX).map(|odd| anomaly(analysis, odd)).collect();
        let changes = analysis.changes.iter().take(CHANGES_MAX);
        json!({
            "service_type": self.service,
            "analysis_period": {
                "start_date": day(self.course.date(0).max(self.days.first())),
                "end_date": day(self.days.last()),
                "days_analyzed": self.course.len(),
            },
            "historical_data": history(&self.course),
            "trend_components": self.components(),
            "seasonality": seasonality(analysis),
            "trend_metrics": self.metrics(),
            "forecasts": self.forecasts(),
            "change_points": changes.map(|change| change_point(analysis, change)).collect::<Vec<_>>(),
            "volatility_analysis": volatility(analysis),
            "summary": {
                "overall_trend": direction(analysis),
                "trend_strength": strength(analysis),
                "forecast_confidence": analysis.confidence(),
                "anomaly_count": anomalies.len(),
                "seasonality_detected": analysis.weekly.is_some() || analysis.monthly == Some(true),
            },
            "anomalies": anomalies,
            "generated_at": self.desk.stamp(),
        })
    }

    fn components(&self) -> Value {
        match &self.analysis.parts {
            Some(parts) => json!({
                "trend": parts.level,
                "seasonal": parts.season,
                "residuals": parts.rest,
                "variance_explained": {
                    "trend": 100.0 * parts.shares[0],
                    "seasonal": 100.0 * parts.shares[1],
                    "residual": 100.0 * parts.shares[2],
                },
                "decomposition_quality": parts.quality(&self.analysis.values),
            }),
            None => json!({ "error": "Insufficient data for trend decomposition" }),
        }
    }

    fn metrics(&self) -> Value {
        let analysis = &self.analysis;
        let values = &analysis.values;
        let (least, most) = extremes(values);
        json!({
            "direction": direction(analysis),
            "strength": strength(analysis),
            "correlation": analysis.trend.as_ref().map_or(0.0, |trend| trend.tau),
            "total_cost": dollars(self.course.total()),
            "average_cost": analysis.mean(),
            "min_cost": least,
            "max_cost": most,
            "daily_change_rate": analysis.trend.as_ref().map_or(0.0, |trend| trend.slope),
            "percentage_change": 100.0 * analysis.growth(),
            "volatility": analysis.noise(),
            "coefficient_of_variation": analysis.volatility,
            "acceleration": acceleration(values),
            "recent_vs_historical_pct": 100.0 * recent(values),
            "data_points": self.course.len(),
            "time_span_days": self.course.len().saturating_sub(1),
        })
    }

    fn forecasts(&self) -> Value {
        let Some(forecast) = &self.analysis.forecast else {
            return json!({ "error": "Insufficient data for forecasting" });
        };
        let dates: Vec<String> =
            (0..self.horizon).map(|place| day(self.analysis.coming(place))).collect();
        let named = forecast.methods.iter().filter(|report| report.method != Method::Ensemble);
        let mut individual = Map::new();
        for report in named.clone() {
            // Of several forms of a method the heaviest comes first.
            individual
                .entry(method_name(report.method))
                .or_insert_with(|| individual_forecast(report, &self.analysis, &dates));
        }
        let mut weights = Map::new();
        for report in named {
            let weight = weights.entry(method_name(report.method)).or_insert(json!(0.0));
            *weight = json!(weight.as_f64().unwrap_or_default() + report.weight);
        }
        let methods: Vec<&String> = individual.keys().collect();
        json!({
            "forecast_days": self.horizon,
            "methods_used": methods,
            "ensemble_forecast": {
                "method": "ensemble",
                "component_methods": methods,
                "weights": weights,
                "values": self.analysis.to_come(&forecast.expected, self.horizon),
                "dates": dates,
            },
            "prediction_intervals": intervals(&self.analysis, forecast, self.horizon),
            "confidence_level": self.analysis.confidence(),
            "forecast_start_date": dates.first(),
            "forecast_end_date": dates.last(),
            "individual_forecasts": individual,
        })
    }
}

/// The days one by one; the one that runs is marked.
fn history(course: &Course) -> Vec<Value> {
    let days = course.days().enumerate();
    days.map(|(place, (date, nanos, events))| {
        let mut row = json!({
            "date": day(date), "cost": dollars(nanos), "transaction_count": count_of(events),
        });
        if let (true, Some(row)) = (course.is_running(place), row.as_object_mut()) {
            row.insert("partial".into(), true.into());
        }
        row
    })
    .collect()
}

fn intervals(analysis: &Analysis, forecast: &Forecast, horizon: usize) -> Value {
    let mut levels = Map::new();
    for interval in &forecast.intervals {
        let bounds = json!({
            "lower_bounds": analysis.to_come(&interval.low, horizon),
            "upper_bounds": analysis.to_come(&interval.high, horizon),
        });
        levels.insert(format!("{:.0}%", 100.0 * interval.level), bounds);
    }
    let widest = forecast.intervals.last();
    let first = |values: &[f64]| values.first().copied().unwrap_or_default();
    let error = widest.map(|wide| (first(&wide.high) - first(&wide.low)) / (2.0 * NORMAL_95));
    json!({
        "standard_error": error,
        "intervals": levels,
        "methodology": "conformal_backtest",
    })
}

/// LeadFactory's name of a method, where it has the method.
fn method_name(method: Method) -> String {
    match method {
        Method::Linear => "linear_trend".into(),
        Method::ExponentialSmoothing => "exponential_smoothing".into(),
        other => other.name().replace('-', "_"),
    }
}

fn individual_forecast(report: &MethodReport, analysis: &Analysis, dates: &[String]) -> Value {
    let values = &analysis.values;
    let mut body = json!({
        "method": method_name(report.method),
        "forecast_values": analysis.to_come(&report.expected, dates.len()),
        "forecast_dates": dates,
        "mae": report.error,
        "form": report.form,
    });
    let more = match report.method {
        Method::Linear => json!({
            "slope": analysis.trend.as_ref().map(|trend| trend.slope),
            "intercept": analysis.trend.as_ref().map(|trend| trend.intercept),
            "r_squared": r_squared(analysis),
        }),
        Method::ExponentialSmoothing => json!({ "alpha": number_after(&report.form, "α") }),
        Method::MovingAverage => {
            let window = &values[values.len().saturating_sub(7)..];
            json!({
                "window_size": window.len(),
                "moving_average": zero_unless_finite(robust::mean(window)),
                "std_dev": zero_unless_finite(robust::standard_deviation(window)),
            })
        }
        Method::SeasonalNaive => {
            let pattern = &values[values.len().saturating_sub(7)..];
            json!({ "season_length": pattern.len(), "seasonal_pattern": pattern })
        }
        _ => json!({}),
    };
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}

/// The number that follows `name` in the text of a form, such as `α 0.31`.
fn number_after(form: &str, name: &str) -> Option<f64> {
    let (_, rest) = form.split_once(name)?;
    let rest = rest.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let end = rest.find(|letter: char| !(letter.is_ascii_digit() || letter == '.'));
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

/// How much of the variance the trend's line explains.
fn r_squared(analysis: &Analysis) -> Option<f64> {
    let trend = analysis.trend.as_ref()?;
    let whole = robust::variance(&analysis.values);
    let rest: Vec<f64> = analysis
        .values
        .iter()
        .enumerate()
        .map(|(place, value)| value - trend.intercept - trend.slope * place as f64)
        .collect();
    (whole > 0.0).then(|| (1.0 - robust::variance(&rest) / whole).max(0.0))
}

/// The word for where spend goes.
pub fn direction(analysis: &Analysis) -> &'static str {
    match analysis.direction() {
        Direction::Rising => "increasing",
        Direction::Falling => "decreasing",
        Direction::Steady => "stable",
    }
}

fn strength(analysis: &Analysis) -> f64 {
    analysis.trend.as_ref().map_or(0.0, |trend| trend.tau.abs())
}

fn zero_unless_finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// The least and the largest day.
pub fn extremes(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (zero_unless_finite(least), zero_unless_finite(most))
}

/// By how much the daily change of the second half is above that of the first, for each day between.
fn acceleration(values: &[f64]) -> f64 {
    // Whole weeks, so that no half ends on another weekday than it began.
    let half = values.len() / 14 * 7;
    if half < 14 {
        return 0.0;
    }
    let last = &values[values.len() - 2 * half..];
    let slope = |values: &[f64]| robust_slope(values);
    (slope(&last[half..]) - slope(&last[..half])) / half as f64
}

fn robust_slope(values: &[f64]) -> f64 {
    let (first, last) = values.split_at(values.len() / 2);
    2.0 * (robust::mean(last) - robust::mean(first)) / values.len() as f64
}

/// The last whole week over all weeks before it, less one.
fn recent(values: &[f64]) -> f64 {
    let weeks = values.len() / 7;
    if weeks < 2 {
        return 0.0;
    }
    let whole = &values[values.len() - 7 * weeks..];
    let (before, last) = whole.split_at(whole.len() - 7);
    let before = robust::mean(before);
    if before > 0.0 { robust::mean(last) / before - 1.0 } else { 0.0 }
}

fn seasonality(analysis: &Analysis) -> Value {
    if analysis.parts.is_none() {
        let reason = "Insufficient data for seasonality detection";
        return json!({ "has_seasonality": false, "reason": reason });
    }
    let weekdays = analysis.weekdays();
    let mean = analysis.mean();
    let means: Vec<f64> = weekdays.iter().flatten().copied().collect();
    let variation = |spread: f64| if mean > 0.0 { zero_unless_finite(spread / mean) } else { 0.0 };
    let mut averages = Map::new();
    for (weekday, value) in WEEKDAYS.iter().zip(weekdays) {
        averages.insert((*weekday).to_owned(), json!(value));
    }
    let weekly = analysis.weekly.is_some();
    let picked = |pick: &dyn Fn(f64) -> bool| -> Vec<usize> {
        let days = weekdays.iter().enumerate();
        days.filter(|(_, value)| weekly && value.is_some_and(pick)).map(|(day, _)| day).collect()
    };
    let month = analysis.parts.as_ref().filter(|_| analysis.monthly == Some(true));
    let month = month.map_or(0.0, |parts| variation(robust::standard_deviation(&parts.rest)));
    json!({
        "has_seasonality": weekly || analysis.monthly == Some(true),
        "weekly_seasonality": {
            "detected": weekly,
            "daily_averages": averages,
            "coefficient_of_variation": variation(robust::standard_deviation(&means)),
        },
        "monthly_seasonality": {
            "detected": analysis.monthly == Some(true),
            "coefficient_of_variation": month,
        },
        "peak_days": picked(&|value| value > 1.2 * mean),
        "low_days": picked(&|value| value < 0.8 * mean),
    })
}

/// The worst anomalies, in order of time.
fn worst(all: &[Anomaly], limit: usize) -> impl Iterator<Item = &Anomaly> {
    let mut worst: Vec<&Anomaly> = all.iter().collect();
    worst.sort_by(|one, two| two.score.total_cmp(&one.score));
    worst.truncate(limit);
    worst.sort_by_key(|anomaly| anomaly.index);
    worst.into_iter()
}

/// A severity from 1 to 5.
const fn severity(severity: AnomalySeverity) -> u8 {
    match severity {
        AnomalySeverity::None => 1,
        AnomalySeverity::Low => 2,
        AnomalySeverity::Medium => 3,
        AnomalySeverity::High => 4,
        AnomalySeverity::Critical => 5,
    }
}

fn anomaly(analysis: &Analysis, odd: &Anomaly) -> Value {
    let (kind, side) = match odd.direction {
        anomalies::Direction::Above => ("high", "above"),
        anomalies::Direction::Below => ("low", "below"),
    };
    json!({
        "date": day(analysis.date(odd.index)),
        "cost": odd.value,
        "expected_cost": odd.expected,
        "deviation": (odd.value - odd.expected).abs(),
        "lower_bound": odd.lo,
        "upper_bound": odd.hi,
        "severity": severity(odd.severity),
        "type": kind,
        "method": "combined",
        "description": format!(
            "Cost was ${:.2} {side} the expected ${:.2}",
            (odd.value - odd.expected).abs(),
            odd.expected
        ),
    })
}

fn change_point(analysis: &Analysis, change: &ChangePoint) -> Value {
    let relative = if change.before > 0.0 { 100.0 * change.size() / change.before } else { 0.0 };
    let kind = if change.size() >= 0.0 { "increase" } else { "decrease" };
    json!({
        "date": day(analysis.date(change.index)),
        "index": change.index,
        "type": kind,
        "before_mean": change.before,
        "after_mean": change.after,
        "magnitude": change.size().abs(),
        "relative_magnitude_pct": relative.abs(),
        "significance": change.effect,
        "description": format!(
            "{} of {:.1}%, {}",
            if change.size() >= 0.0 { "Increase" } else { "Decrease" },
            relative.abs(),
            between(analysis.date(change.lo), analysis.date(change.hi)),
        ),
    })
}

fn between(first: NaiveDate, last: NaiveDate) -> String {
    match first == last {
        true => format!("on {}", day(first)),
        false => format!("between {} and {}", day(first), day(last)),
    }
}

fn volatility(analysis: &Analysis) -> Value {
    let (least, most) = extremes(&analysis.values);
    let level = noise_word(analysis.volatility);
    let rest = analysis.parts.as_ref().map_or(&analysis.values, |parts| &parts.rest);
    let window = 7.min(rest.len() / 3).max(3);
    let rolling: Vec<f64> = rest
        .windows(window)
        .map(|values| zero_unless_finite(robust::standard_deviation(values)))
        .collect();
    let average = zero_unless_finite(robust::mean(&rolling));
    let course =
        outlay_analytics::trend::trend(&rolling, &outlay_analytics::trend::Options::new(&[]));
    let described = match course.as_ref().map(|trend| trend.direction) {
        Some(Direction::Rising) => "increasing",
        Some(Direction::Falling) => "decreasing",
        _ => "stable",
    };
    json!({
        "standard_deviation": analysis.noise(),
        "coefficient_of_variation": analysis.volatility,
        "volatility_level": level,
        "average_rolling_volatility": average,
        "volatility_trend": course.map_or(0.0, |trend| trend.tau),
        "volatility_trend_description": described,
        "high_volatility_periods": rolling.iter().filter(|own| **own > 1.5 * average).count(),
        "total_periods": rolling.len(),
        "rolling_volatilities": rolling,
        "min_cost": least,
        "max_cost": most,
        "cost_range": most - least,
    })
}

/// `GET /api/cost/trends`.
pub async fn plain(desk: Desk, params: Params) -> Result<Json<Value>, Refused> {
    let service = params.one("service_type")?;
    let back = params.whole("days_back", 30, 0..=DAYS_BACK_MAX)?;
    let ahead = params.whole("forecast_days", 7, 0..=FORECAST_DAYS_MAX)? as usize;
    let (days, course) = desk.course(&Selection::service(service), back).await?;
    let Some(analysis) = desk.analyse(course.clone(), ahead.max(1)).await? else {
        return Err(Refused::insufficient(course.len()));
    };
    Ok(Json(json!({
        "service_type": service,
        "analysis_period": {
            "start_date": day(days.first()), "end_date": day(days.last()), "days": back,
        },
        "historical_data": history(&course),
        "trend_analysis": trend_analysis(&course, &analysis),
        "forecast": { "days": ahead, "predictions": predictions(&analysis, ahead) },
        "anomalies": plain_anomalies(&analysis),
        "generated_at": desk.stamp(),
    })))
}

/// The figures of a course in the shape of the plain trends.
pub fn trend_analysis(course: &Course, analysis: &Analysis) -> Value {
    let (least, most) = extremes(&analysis.values);
    json!({
        "total_cost": dollars(course.total()),
        "average_daily_cost": analysis.mean(),
        "min_daily_cost": least,
        "max_daily_cost": most,
        "growth_rate_percent": 100.0 * analysis.weekly_growth().unwrap_or_default(),
        "volatility": analysis.noise(),
        "trend_direction": direction(analysis),
        "coefficient_of_variation": 100.0 * analysis.volatility,
    })
}

fn predictions(analysis: &Analysis, ahead: usize) -> Vec<Value> {
    let Some(forecast) = &analysis.forecast else { return Vec::new() };
    let Some(interval) = forecast.intervals.last() else { return Vec::new() };
    let [expected, low, high] = [&forecast.expected, &interval.low, &interval.high]
        .map(|values| analysis.to_come(values, ahead));
    expected
        .iter()
        .zip(low)
        .zip(high)
        .enumerate()
        .map(|(place, ((expected, low), high))| {
            json!({
                "date": day(analysis.coming(place)),
                "predicted_cost": expected,
                "lower_bound": low,
                "upper_bound": high,
                "confidence": (100.0 * interval.level).round(),
            })
        })
        .collect()
}

/// The worst anomalies in the shape of the plain trends.
pub fn plain_anomalies(analysis: &Analysis) -> Vec<Value> {
    worst(&analysis.anomalies, PLAIN_ANOMALIES_MAX)
        .map(|odd| {
            let mut row = anomaly(analysis, odd);
            if let Some(row) = row.as_object_mut() {
                row.retain(|key, _| {
                    !["lower_bound", "upper_bound", "method"].contains(&key.as_str())
                });
            }
            row
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_behind_its_name() {
        assert_eq!(number_after("ETS(A,N,A), α 0.31, γ 0.1", "α"), Some(0.31));
        assert_eq!(number_after("season 7", "α"), None);
    }

    #[test]
    fn a_change_of_one_day_is_on_that_day() {
        let of = |day| NaiveDate::from_ymd_opt(2026, 5, day).unwrap_or_default();
        assert_eq!(between(of(2), of(2)), "on 2026-05-02");
        assert_eq!(between(of(2), of(3)), "between 2026-05-02 and 2026-05-03");
    }

    #[test]
    fn weeks_stand_against_weeks() {
        let week = [10.0, 10.0, 10.0, 10.0, 10.0, 3.0, 3.0];
        let values: Vec<f64> = week.iter().cycle().take(28).copied().collect();
        assert!(recent(&values).abs() < 1e-9 && acceleration(&values).abs() < 1e-9);
        assert!(recent(&values[..10]).abs() < 1e-9);
    }
}
