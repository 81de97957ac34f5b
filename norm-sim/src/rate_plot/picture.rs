//! Three panels over one time: rates, queue, loss.

use core::ops::Range;

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::table::{Report, Row, TraceError, rows};
use crate::plan::plot::{FONT, GRID, INK, LINE, MARK, round_up, tick};

const SIZE: (u32, u32) = (1000, 820);
/// Where the second and the third panel begin.
const SECOND: u32 = 420;
const THIRD: u32 = 610;
const BANDWIDTH: RGBColor = RGBColor(0x2e, 0x7d, 0x32);
const OTHER: RGBColor = RGBColor(0x77, 0x77, 0x77);
const PROBE: RGBColor = RGBColor(0x8e, 0x44, 0xad);

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Drawn<T> = Result<T, Box<dyn core::error::Error>>;

/// The picture of a trace, as SVG: rate, bandwidth estimate, and what was delivered by each report;
/// below them the queue, and the loss, that each report tells of. Reports of more than what the
/// axis of the rates has are drawn at its end.
pub fn plot_rate(trace: &str) -> Result<String, TraceError> {
    let rows = rows(trace)?;
    let mut svg = String::new();
    let drawn = draw(&rows, &mut svg);
    // Drawing into a string does not fail.
    debug_assert!(drawn.is_ok(), "{drawn:?}");
    Ok(svg)
}

fn draw(rows: &[Row], svg: &mut String) -> Drawn<()> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (upper, third) = area.split_vertically(THIRD);
    let (first, second) = upper.split_vertically(SECOND);
    let from = rows.first().map_or(0.0, |row| row.seconds);
    let last = rows.last().map_or(1.0, |row| row.seconds);
    let panels = Panels { rows, time: from..last.max(from + 1e-3) };
    panels.rates(&first)?;
    panels.reports(&second, "queue, ms", |report| report.queue)?;
    panels.reports(&third, "loss, %", |report| report.loss)?;
    area.present()?;
    Ok(())
}

struct Panels<'a> {
    rows: &'a [Row],
    time: Range<f64>,
}

impl Panels<'_> {
    fn rates(&self, area: &Area<'_>) -> Drawn<()> {
        let rates = self.rows.iter().map(|row| row.rate.max(row.bandwidth.unwrap_or(0.0)));
        let y_max = round_up(rates.fold(0.0, f64::max) * 1.05);
        let mut chart = self.chart(area, "Mbit/s", y_max)?;
        let key = |color: RGBColor| {
            move |(x, y)| Rectangle::new([(x, y - 3), (x + 12, y + 3)], color.filled())
        };
        self.rate_probes(&mut chart, y_max)?.label("rate probe").legend(key(PROBE));
        for (is_limiting, color, label) in
            [(false, OTHER, "delivered, others"), (true, MARK, "delivered, limiting receiver")]
        {
            let dots = self.dots(is_limiting, |report| report.delivered);
            let dots = dots.map(|(x, y)| dot((x, y.min(y_max)), color));
            chart.draw_series(dots)?.label(label).legend(key(color));
        }
        let bandwidth = |row: &Row| row.bandwidth;
        for (index, line) in self.steps(bandwidth).into_iter().enumerate() {
            let drawn = chart.draw_series(LineSeries::new(line, BANDWIDTH.stroke_width(2)))?;
            if index == 0 {
                drawn.label("bandwidth estimate").legend(key(BANDWIDTH));
            }
        }
        let rate = |row: &Row| Some(row.rate);
        let line = self.steps(rate).into_iter().flatten();
        chart.draw_series(LineSeries::new(line, LINE))?.label("rate").legend(key(LINE));
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.85))
            .border_style(GRID)
            .label_font((FONT, 14).into_font().color(&INK))
            .draw()?;
        Ok(())
    }

    /// A panel of what each report says, with the rate probes behind it.
    fn reports(
        &self,
        area: &Area<'_>,
        label: &str,
        value: impl Fn(&Report) -> Option<f64>,
    ) -> Drawn<()> {
        let reports = self.rows.iter().filter_map(|row| row.report.as_ref());
        let y_max = round_up(reports.filter_map(&value).fold(0.0, f64::max) * 1.05);
        let mut chart = self.chart(area, label, y_max)?;
        self.rate_probes(&mut chart, y_max)?;
        for (is_limiting, color) in [(false, OTHER), (true, MARK)] {
            chart.draw_series(self.dots(is_limiting, &value).map(|at| dot(at, color)))?;
        }
        Ok(())
    }

    fn chart<'a, 'b>(&self, area: &Area<'b>, label: &str, y_max: f64) -> Drawn<Chart<'a, 'b>> {
        let font = |size: i32| (FONT, size).into_font().color(&INK);
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_right(20)
            .x_label_area_size(45)
            .y_label_area_size(70)
            .build_cartesian_2d(self.time.clone(), 0.0..y_max)?;
        let (x_step, y_step) = ((self.time.end - self.time.start) / 10.0, y_max / 5.0);
        chart
            .configure_mesh()
            .x_labels(11)
            .y_labels(6)
            .x_label_formatter(&|value| tick(*value, x_step))
            .y_label_formatter(&|value| tick(*value, y_step))
            .x_desc("seconds")
            .y_desc(label)
            .label_style(font(15))
            .axis_desc_style(font(16))
            .axis_style(INK)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .draw()?;
        Ok(chart)
    }

    /// Rate probes as areas behind the rest. A border keeps short ones visible.
    fn rate_probes<'a, 'c, 'b>(
        &self,
        chart: &'c mut Chart<'a, 'b>,
        y_max: f64,
    ) -> Drawn<&'c mut plotters::chart::SeriesAnno<'a, SVGBackend<'b>>> {
        let spans = spans(self.rows);
        let area = |&(from, to): &(f64, f64)| {
            Rectangle::new([(from, 0.0), (to, y_max)], PROBE.mix(0.12).filled())
        };
        chart.draw_series(spans.iter().map(area))?;
        let border = |&(from, _): &(f64, f64)| {
            PathElement::new([(from, 0.0), (from, y_max)], PROBE.mix(0.3))
        };
        Ok(chart.draw_series(spans.iter().map(border))?)
    }

    /// What the reports of the limiting receiver say, or those of the others.
    fn dots(
        &self,
        is_limiting: bool,
        value: impl Fn(&Report) -> Option<f64>,
    ) -> impl Iterator<Item = (f64, f64)> {
        self.rows.iter().filter_map(move |row| {
            let report = row.report.as_ref().filter(|report| report.is_limiting == is_limiting)?;
            Some((row.seconds, value(report)?))
        })
    }

    /// Lines that stay at a value until the next one, each without gaps.
    fn steps(&self, value: impl Fn(&Row) -> Option<f64>) -> Vec<Vec<(f64, f64)>> {
        let mut lines = Vec::new();
        let mut line: Vec<(f64, f64)> = Vec::new();
        for row in self.rows {
            if let Some(&(_, before)) = line.last() {
                line.push((row.seconds, before));
            }
            match value(row) {
                Some(value) => line.push((row.seconds, value)),
                None if line.is_empty() => {}
                None => lines.push(core::mem::take(&mut line)),
            }
        }
        lines.push(line);
        lines.retain(|line| !line.is_empty());
        lines
    }
}

fn dot(at: (f64, f64), color: RGBColor) -> Circle<(f64, f64), i32> {
    Circle::new(at, 2, color.filled())
}

/// Beginnings and ends of rate probes.
fn spans(rows: &[Row]) -> Vec<(f64, f64)> {
    let mut spans = Vec::new();
    let mut begun = None;
    for row in rows {
        if row.is_rate_probe {
            begun.get_or_insert(row.seconds);
        } else if let Some(from) = begun.take() {
            spans.push((from, row.seconds));
        }
    }
    let last = rows.last().map(|row| row.seconds);
    spans.extend(begun.zip(last));
    spans
}

#[cfg(test)]
mod tests {
    use norm_core::norm::sender::RateRecord;

    use super::*;

    const LINES: [&str; 4] = [
        "0.010000,probe,steady,cruise,10000000,9000000,00000007,1,,,,,,,,,,,,,",
        "0.020000,probe,steady,probe,12500000,9000000,00000007,2,,,,,,,,,,,,,",
        "0.030000,report,steady,cruise,12000000,12000000,00000007,2,00000007,5000,1,20,12500000,\
         12000000,0.0500,0.0100,100,2500,0,0,ProbeArrived",
        "0.040000,report,fair,,12000000,0,00000007,,00000009,5000,,,,,,,,,,,Fair",
    ];

    fn trace(lines: &[&str]) -> String {
        format!("{}\n{}\n", RateRecord::COLUMNS, lines.join("\n"))
    }

    #[test]
    fn trace_is_drawn_by_the_names_of_its_columns() {
        let rows = rows(&trace(&LINES)).unwrap();
        let report = rows[2].report.as_ref().unwrap();
        assert!(report.is_limiting && !rows[3].report.as_ref().unwrap().is_limiting);
        let close = |value: Option<f64>, to: f64| value.is_some_and(|v| (v - to).abs() < 1e-9);
        assert!(close(report.queue, 2.5) && close(report.loss, 5.0), "{report:?}");
        assert!(close(report.delivered, 12.0) && rows[3].bandwidth.is_none());
        assert_eq!(spans(&rows), [(0.02, 0.03)]);
        let panels = Panels { rows: &rows, time: 0.0..1.0 };
        let lines = panels.steps(|row| row.bandwidth);
        let line = [(0.01, 9.0), (0.02, 9.0), (0.02, 9.0), (0.03, 9.0), (0.03, 12.0), (0.04, 12.0)];
        assert_eq!(lines, [line]);

        let svg = plot_rate(&trace(&LINES)).unwrap();
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
        for text in ["Mbit/s", "queue, ms", "loss, %", "rate probe", "delivered, limiting receiver"]
        {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        // A dot on each panel.
        assert_eq!(svg.matches("<circle").count(), 3, "{svg}");
    }

    #[test]
    fn files_that_are_no_traces_are_explained() {
        let said = |trace: &str| plot_rate(trace).unwrap_err().to_string();
        assert!(said("").contains("nothing was recorded"));
        assert!(said(&trace(&[])).contains("a fixed rate has no trace"));
        assert!(said("a,b\n1,2\n").contains("no column \"event\": not a trace of the rate"));
        let short = trace(&[LINES[0], "0.02,probe"]);
        assert_eq!(said(&short), "line 3 has 2 values for 21 columns");
        let wrong = trace(&[&LINES[0].replace("10000000", "fast")]);
        assert_eq!(said(&wrong), "line 2, column \"rate\": \"fast\" is not a number");
    }
}
