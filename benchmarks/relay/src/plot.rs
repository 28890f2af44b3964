//! Draws latency and cost over the rate, one line a system, as SVG.

use crate::{
    case::System,
    row::{Row, SUSTAINED_P99_MS},
};
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::path::Path;

const SIZE: (u32, u32) = (1_200, 520);

/// Systems, each with its points as (rate, figure).
type Series = Vec<(System, Vec<(f64, f64)>)>;

/// Draws the rows of 1 × 21 and 216 bytes.
pub(crate) fn draw(rows: &[Row], path: &Path) -> Result<()> {
    let plain: Vec<_> = rows
        .iter()
        .filter(|row| {
            (row.relays, row.validators, row.payload) == (1, 21, 216)
                && row.is_plain()
                && row.burst_p99_ms.is_none()
        })
        .collect();
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    let drawn = (|| {
        root.fill(&WHITE)?;
        let (left, right) = root.split_horizontally(SIZE.0 / 2);
        let latency = series(&plain, |row| row.p99_ms);
        chart(&left, "p99 latency, ms (1 relay × 21 validators, 216 B)", &latency)?;
        let cost = series(&plain, |row| row.cpu_us_per_delivery);
        chart(&right, "CPU of the relay per delivery, µs", &cost)?;
        root.present()
    })();
    drawn.map_err(|error| anyhow!("cannot draw {}: {error}", path.display()))
}

fn series(rows: &[&Row], figure: fn(&Row) -> f64) -> Series {
    let mut all: Series = Vec::new();
    for row in rows {
        let Some(system) = row.system else { continue };
        let point = (row.ingress as f64, figure(row).max(0.01));
        match all.iter_mut().find(|(of, _)| *of == system) {
            Some((_, points)) => points.push(point),
            None => all.push((system, vec![point])),
        }
    }
    for (_, points) in &mut all {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    all
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn chart(area: &Area<'_>, title: &str, all: &Series) -> Drawn {
    let points = || all.iter().flat_map(|(_, points)| points);
    let bounds = |of: fn(&(f64, f64)) -> f64| {
        let low = points().map(of).fold(f64::INFINITY, f64::min);
        let high = points().map(of).fold(0.01, f64::max);
        (low.min(high) / 1.5)..(high * 1.5)
    };
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(
            bounds(|point| point.0).log_scale(),
            bounds(|point| point.1).log_scale(),
        )?;
    let short = |value: &f64| format!("{value}");
    chart
        .configure_mesh()
        .x_desc("messages published a second")
        .x_label_formatter(&short)
        .y_label_formatter(&short)
        .draw()?;
    for (at, (system, points)) in all.iter().enumerate() {
        let colour = Palette99::pick(at).to_rgba();
        chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
            .label(system.to_string())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        let dots = points.iter().map(|point| Circle::new(*point, 3, colour.filled()));
        chart.draw_series(dots)?;
    }
    if title.starts_with("p99") {
        let limit = points().map(|point| (point.0, SUSTAINED_P99_MS));
        chart.draw_series(LineSeries::new(limit, BLACK.mix(0.3)))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .draw()
}
