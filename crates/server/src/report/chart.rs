//! Spend by day as bars, in SVG.

use std::fmt::Write;

use chrono::{Datelike, NaiveDate};
use outlay_engine::figure_text::amount_text;

/// Spend by day as bars. Unusual days are dark and have a mark.
#[allow(clippy::cast_precision_loss)]
pub fn chart(days: &[(NaiveDate, i128)], odd: &[NaiveDate]) -> String {
    let (width, height, left_edge, base) = (720.0_f64, 190.0_f64, 56.0_f64, 164.0_f64);
    let most = days.iter().map(|(_, nanos)| *nanos).max().unwrap_or_default().max(1);
    let most = round_up(most);
    let step = (width - left_edge) / days.len().max(1) as f64;
    let mut bars = String::new();
    for (place, (day, nanos)) in days.iter().enumerate() {
        let tall = (*nanos).max(0) as f64 / most as f64 * (base - 20.0);
        let left = left_edge + place as f64 * step;
        let (x, y) = (left + step * 0.14, base - tall);
        let is_odd = odd.contains(day);
        let class = if is_odd { "odd" } else { "bar" };
        let _ = write!(
            bars,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{tall:.1}\" rx=\"1.5\">\
             <title>{day}: {}</title></rect>",
            step * 0.72,
            amount_text(*nanos),
        );
        let middle = left + step / 2.0;
        if is_odd {
            let _ = write!(
                bars,
                "<circle class=\"mark\" cx=\"{middle:.1}\" cy=\"{:.1}\" r=\"2.5\"/>",
                y - 7.0
            );
        }
        if place == 0 || day.day().is_multiple_of(5) {
            let _ = write!(
                bars,
                "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                base + 16.0,
                day.day()
            );
        }
    }
    let mut lines = String::new();
    for share in [0.0, 0.5, 1.0] {
        let y = base - share * (base - 20.0);
        let value = if share < 0.25 {
            0
        } else if share < 0.75 {
            most / 2
        } else {
            most
        };
        let _ = write!(
            lines,
            "<line x1=\"{left_edge}\" x2=\"{width}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left_edge - 8.0,
            y + 3.5,
            amount_text(value),
        );
    }
    let legend = match days.iter().any(|(day, _)| odd.contains(day)) {
        true => "<p class=\"legend\"><i></i> unusual days</p>",
        false => "",
    };
    format!(
        "<section><h2>Spend by day</h2><svg viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"Spend by day\">{lines}{bars}</svg>{legend}</section>"
    )
}

/// The least amount of one of the digits 1, 2, 4, 6 or 8 and zeros that is not below `nanos`: half of
/// it is as round.
fn round_up(nanos: i128) -> i128 {
    let mut unit = 1;
    while nanos > unit * 10 {
        unit *= 10;
    }
    [1, 2, 4, 6, 8, 10]
        .map(|digit| digit * unit)
        .into_iter()
        .find(|round| *round >= nanos)
        .unwrap_or(nanos)
}
