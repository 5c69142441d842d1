//! The text format of Prometheus.

use std::fmt::{Display, Write};

use outlay_engine::latency::LatencyReading;

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, from zero at each start.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Durations, counted by how long they were.
    Histogram,
}

/// A page of metrics in the making.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
}

/// The samples of one metric.
pub struct Family<'a> {
    page: &'a mut Page,
    name: &'static str,
}

impl Page {
    /// Begins a metric. `help` is one line.
    pub fn family(&mut self, kind: Kind, name: &'static str, help: &str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.push(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        Family { page: self, name }
    }

    /// A metric of one sample without labels.
    pub fn single(&mut self, kind: Kind, name: &'static str, help: &str, value: impl Display) {
        self.family(kind, name, help).sample(&[], value);
    }

    /// The whole text.
    pub fn into_text(self) -> String {
        self.text
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.text.write_fmt(text);
    }
}

impl Family<'_> {
    /// Adds a sample.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.line("", labels, None, value);
        self
    }

    /// Adds the samples of a histogram, in seconds.
    pub fn latency(&mut self, labels: &[(&str, &str)], reading: &LatencyReading) -> &mut Self {
        for &(bound_us, count) in &reading.up_to {
            self.line("_bucket", labels, Some(&Seconds(bound_us).to_string()), count);
        }
        self.line("_bucket", labels, Some("+Inf"), reading.count);
        self.line("_sum", labels, None, Seconds(reading.sum_us));
        self.line("_count", labels, None, reading.count);
        self
    }

    fn line(
        &mut self,
        suffix: &str,
        labels: &[(&str, &str)],
        up_to: Option<&str>,
        value: impl Display,
    ) {
        self.page.push(format_args!("{}{suffix}", self.name));
        let labels = labels.iter().copied().chain(up_to.map(|bound| ("le", bound)));
        let mut open = false;
        for (label, text) in labels {
            let before = if open { ',' } else { '{' };
            open = true;
            self.page.push(format_args!("{before}{label}=\"{}\"", Escaped(text)));
        }
        if open {
            self.page.text.push('}');
        }
        self.page.push(format_args!(" {value}\n"));
    }
}

/// Microseconds, written as seconds.
struct Seconds(u64);

impl Display for Seconds {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if rest == 0 {
            return write!(to, "{whole}");
        }
        let rest = format!("{rest:06}");
        write!(to, "{whole}.{}", rest.trim_end_matches('0'))
    }
}

/// A label's value as it may stand between quotes.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\\' => to.write_str("\\\\"),
            '"' => to.write_str("\\\""),
            '\n' => to.write_str("\\n"),
            other => to.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_stand_under_their_metric_with_labels_escaped() {
        let mut page = Page::default();
        page.family(Kind::Gauge, "spend", "What was spent.")
            .sample(&[("provider", "a\"b\\c\n"), ("kind", "x")], "12.345678901")
            .sample(&[], 3);

        assert_eq!(
            page.into_text(),
            "# HELP spend What was spent.\n# TYPE spend gauge\n\
             spend{provider=\"a\\\"b\\\\c\\n\",kind=\"x\"} 12.345678901\nspend 3\n"
        );
    }

    #[test]
    fn a_histogram_has_its_bounds_in_seconds_and_ends_with_all() {
        let reading =
            LatencyReading { up_to: vec![(500, 1), (2_500_000, 4)], count: 5, sum_us: 12_000_500 };
        let mut page = Page::default();
        page.family(Kind::Histogram, "took", "How long.").latency(&[("route", "/x")], &reading);

        assert_eq!(
            page.into_text(),
            "# HELP took How long.\n# TYPE took histogram\n\
             took_bucket{route=\"/x\",le=\"0.0005\"} 1\n\
             took_bucket{route=\"/x\",le=\"2.5\"} 4\n\
             took_bucket{route=\"/x\",le=\"+Inf\"} 5\n\
             took_sum{route=\"/x\"} 12.0005\n\
             took_count{route=\"/x\"} 5\n"
        );
    }
}
