//! A plan as an HTML page without references and scripts.

use super::Plan;
use super::plot::{GRID, INK, LINE, MARK, Plot, round_up};

const STYLE: &str = include_str!("page.css");

impl Plan {
    /// The plan as an HTML page with plots.
    pub fn page(&self) -> String {
        let title = self.headline();
        let facts: String = self.facts().iter().map(|(name, text)| fact(name, text)).collect();
        let notes: String = self.notes.iter().map(|note| format!("<p>{note}</p>\n")).collect();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>\n{STYLE}{}</style>\n</head>\n<body>\n\
             <h1>{}</h1>\n<table class=\"facts\">\n{facts}</table>\n{notes}\
             <h2>The last receivers</h2>\n{}{}</body>\n</html>\n",
            colours(),
            tied(&title),
            self.worst_table(),
            self.figures(),
        )
    }

    fn worst_table(&self) -> String {
        let mut table = String::from("<table class=\"worst\">\n");
        for (n, row) in self.worst_rows().iter().enumerate() {
            let tag = if n == 0 { "th" } else { "td" };
            let cells = row.iter().map(|cell| format!("<{tag}>{cell}</{tag}>"));
            table += &format!("<tr>{}</tr>\n", cells.collect::<String>());
        }
        let sent = "Times count from the end of the first transmission; NACKs are those of the \
                    simulated part.";
        table + &format!("</table>\n<p class=\"small\">{sent}</p>\n")
    }

    fn figures(&self) -> String {
        let mut page = self.completion_figure();
        let part = if self.simulated.whole { "the transfer" } else { "the simulated part" };
        let top = self.course.iter().map(|point| point.rate).fold(0.0, f64::max);
        let (unit, scale) = match top {
            0.0..1e6 => ("kbit/s", 1e3),
            1e6..1e9 => ("Mbit/s", 1e6),
            _ => ("Gbit/s", 1e9),
        };
        let rate: Vec<f64> = self.course.iter().map(|point| point.rate / scale).collect();
        let caption = format!(
            "Rate over {part}: bytes of the sender, without UDP and IP headers. The vertical line \
             is the end of the first transmission."
        );
        page += &self.course_figure("Rate", &caption, &format!("rate [{unit}]"), &rate);
        let loss: Vec<f64> = self.course.iter().map(|point| point.loss * 100.0).collect();
        let caption =
            format!("Loss over {part}: mean share of content packets that receivers lost.");
        page += &self.course_figure("Loss", &caption, "lost packets [%]", &loss);
        let repair: Vec<f64> = self.course.iter().map(|point| point.repair * 100.0).collect();
        let caption =
            format!("Repair over {part}: repair packets per content packet since the start.");
        page + &self.course_figure("Repair", &caption, "repair share [%]", &repair)
    }

    fn course_figure(&self, title: &str, caption: &str, y_label: &str, values: &[f64]) -> String {
        let times = self.course.iter().map(|point| point.seconds);
        let start = values.first().map(|value| (0.0, *value));
        let points: Vec<(f64, f64)> =
            start.into_iter().chain(times.zip(values.iter().copied())).collect();
        let plot = Plot {
            title,
            x_label: "time since the start [s]",
            y_label,
            points: &points,
            x: 0.0..self.simulated.seconds.max(1e-3),
            y_max: round_up(values.iter().copied().fold(0.0, f64::max)),
            mark: self.simulated.sent_once_seconds,
        };
        figure(&plot, caption)
    }

    /// Number of complete receivers by time, at the end of the transfer.
    fn completion_figure(&self) -> String {
        let Some(sent) = self.sent_once_seconds.filter(|_| !self.completion.is_empty()) else {
            return String::new();
        };
        let share = |count: u32| f64::from(count) * 100.0 / f64::from(self.request.receivers);
        let last = self.completion.last().map_or(0.0, |(at, _)| at - sent);
        let (unit, scale) = match last {
            ..1.0 => ("ms", 1e3),
            1.0..300.0 => ("s", 1.0),
            _ => ("min", 1.0 / 60.0),
        };
        let end = round_up(last.max(1e-3) * scale * 1.02);
        let mut points = vec![(0.0, 0.0)];
        for (at, count) in &self.completion {
            let (at, before) = (((at - sent) * scale).max(0.0), points[points.len() - 1].1);
            points.extend([(at, before), (at, share(*count))]);
        }
        points.push((end, points[points.len() - 1].1));
        let plot = Plot {
            title: "Receivers complete",
            x_label: &format!("time after the first transmission [{unit}]"),
            y_label: "complete [%]",
            points: &points,
            x: 0.0..end,
            y_max: 105.0,
            mark: None,
        };
        let sent = super::words::span(sent);
        figure(
            &plot,
            &format!("Complete receivers after the first transmission, which ends after {sent}."),
        )
    }
}

fn fact(name: &str, text: &str) -> String {
    format!("<tr><th>{name}</th><td>{}</td></tr>\n", tied(text))
}

/// The text without line breaks between a number and its unit.
fn tied(text: &str) -> String {
    let mut tied = String::new();
    let mut before = ' ';
    for c in text.chars() {
        tied.push(if c == ' ' && before.is_ascii_digit() { '\u{a0}' } else { c });
        before = c;
    }
    tied
}

fn figure(plot: &Plot<'_>, caption: &str) -> String {
    format!("<figure>\n<figcaption>{caption}</figcaption>\n{}</figure>\n", plot.svg())
}

/// CSS rules that replace each colour of the plots by a variable.
fn colours() -> String {
    let all = [(INK, "ink"), (GRID, "grid"), (LINE, "line"), (MARK, "mark")];
    all.map(|(colour, name)| {
        let hex = format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2);
        format!(
            "svg [fill=\"{hex}\"] {{ fill: var(--{name}) }}\n\
             svg [stroke=\"{hex}\"] {{ stroke: var(--{name}) }}\n"
        )
    })
    .concat()
}
