//! Plots as SVG, with the colours of the page around them.

use core::ops::Range;

use plotters::prelude::*;

/// Colours that the page replaces by those of the reader's mode.
pub(crate) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub(crate) const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);
pub(crate) const LINE: RGBColor = RGBColor(0x1f, 0x6f, 0xb4);
pub(crate) const MARK: RGBColor = RGBColor(0xb4, 0x53, 0x09);

const SIZE: (u32, u32) = (760, 260);
pub(crate) const FONT: &str = "sans-serif";

/// One line over time.
#[derive(Debug)]
pub(crate) struct Plot<'a> {
    /// Description of the plot for screen readers.
    pub(crate) title: &'a str,
    pub(crate) x_label: &'a str,
    pub(crate) y_label: &'a str,
    pub(crate) points: &'a [(f64, f64)],
    pub(crate) x: Range<f64>,
    /// Upper end of the y axis, which begins at zero.
    pub(crate) y_max: f64,
    /// Time of a vertical line.
    pub(crate) mark: Option<f64>,
}

impl Plot<'_> {
    /// The plot as an element of a page. Drawing into a string does not fail.
    pub(crate) fn svg(&self) -> String {
        let mut svg = String::new();
        let drawn = self.draw(&mut svg);
        debug_assert!(drawn.is_ok(), "{drawn:?}");
        let title = self.title;
        // Inline SVG needs no name space.
        svg.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1).replacen(
            "<svg ",
            &format!("<svg role=\"img\" aria-label=\"{title}\" "),
            1,
        )
    }

    fn draw(&self, svg: &mut String) -> Result<(), Box<dyn core::error::Error>> {
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let font = |size: i32| (FONT, size).into_font().color(&INK);
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .margin_right(20)
            .x_label_area_size(50)
            .y_label_area_size(70)
            .build_cartesian_2d(self.x.clone(), 0.0..self.y_max)?;
        let (x_step, y_step) = ((self.x.end - self.x.start) / 8.0, self.y_max / 5.0);
        chart
            .configure_mesh()
            .x_labels(9)
            .y_labels(6)
            .x_label_formatter(&|value| tick(*value, x_step))
            .y_label_formatter(&|value| tick(*value, y_step))
            .x_desc(self.x_label)
            .y_desc(self.y_label)
            .label_style(font(15))
            .axis_desc_style(font(16))
            .axis_style(INK)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .draw()?;
        if let Some(at) = self.mark {
            chart.draw_series(LineSeries::new([(at, 0.0), (at, self.y_max)], MARK))?;
        }
        let points = self.points.iter().copied();
        chart.draw_series(AreaSeries::new(points.clone(), 0.0, LINE.mix(0.15)))?;
        chart.draw_series(LineSeries::new(points, LINE.stroke_width(2)))?;
        area.present()?;
        Ok(())
    }
}

/// A label with the decimals that the distance between ticks needs.
pub(crate) fn tick(value: f64, step: f64) -> String {
    let decimals = (-libm::floor(libm::log10(step.max(1e-9)))).clamp(0.0, 6.0) as usize;
    // No negative zero.
    format!("{:.decimals$}", value + 0.0)
}

/// The next round number, at which an axis ends.
pub(crate) fn round_up(max: f64) -> f64 {
    if !(max > 0.0 && max.is_finite()) {
        return 1.0;
    }
    let unit = libm::pow(10.0, libm::floor(libm::log10(max)));
    let steps = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.map(|step| step * unit).into_iter().find(|end| *end >= max).unwrap_or(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (max, end) in [(0.0, 1.0), (0.9, 1.0), (1.01, 1.5), (193.0, 200.0), (0.033, 0.04)] {
            assert!((round_up(max) - end).abs() < 1e-9, "{max}");
        }
        assert_eq!(round_up(f64::NAN), 1.0);
    }

    #[test]
    fn ticks_have_distinct_labels() {
        assert_eq!(tick(0.25, 0.05), "0.25");
        assert_eq!(tick(40.0, 20.0), "40");
        assert_eq!(tick(-0.0, 0.5), "0.0");
    }
}
