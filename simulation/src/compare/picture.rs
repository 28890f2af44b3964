//! Draws the figures: bars by system, one panel a question, as SVG.

use super::{
    Condition, Row, Topology,
    case::{FANOUT, SIZES},
};
use std::fmt::Write;

const WIDTH: f64 = 1_080.0;
const HEIGHT: f64 = 640.0;
const COLOURS: [&str; 3] = ["#4c78a8", "#f2a03d", "#3f9b6c"];

/// One panel.
struct Panel<'a> {
    title: &'a str,
    /// Left, top, width and height of the area with bars.
    area: (f64, f64, f64, f64),
    logarithmic: bool,
    condition: Condition,
    figure: fn(&Row) -> Option<f64>,
}

/// The picture.
pub fn picture(rows: &[Row]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
    );
    let until_all = |row: &Row| row.until_all.median_ms.map(|ms| ms as f64);
    let panels = [
        Panel {
            title: "Connections (logarithmic)",
            area: (70.0, 80.0, 440.0, 190.0),
            logarithmic: true,
            condition: Condition::Calm,
            figure: |row| Some(row.connections as f64),
        },
        Panel {
            title: "KiB on the wire for each vote (logarithmic)",
            area: (600.0, 80.0, 440.0, 190.0),
            logarithmic: true,
            condition: Condition::Calm,
            figure: |row| Some(row.bytes_per_vote / 1_024.0),
        },
        Panel {
            title: "Until all have it, ms: no trouble",
            area: (70.0, 370.0, 270.0, 200.0),
            logarithmic: false,
            condition: Condition::Calm,
            figure: until_all,
        },
        Panel {
            title: "5 % loss",
            area: (420.0, 370.0, 270.0, 200.0),
            logarithmic: false,
            condition: Condition::Loss,
            figure: until_all,
        },
        Panel {
            title: "churn of a third within 10 s",
            area: (770.0, 370.0, 270.0, 200.0),
            logarithmic: false,
            condition: Condition::Churn,
            figure: until_all,
        },
    ];
    legend(&mut svg);
    // One scale for the three that show time.
    let times = rows.iter().filter_map(until_all).fold(1.0, f64::max);
    for panel in &panels {
        let most = match panel.logarithmic {
            true => rows.iter().filter_map(panel.figure).fold(1.0, f64::max),
            false => times,
        };
        draw(&mut svg, panel, rows, most);
    }
    let _ = writeln!(
        svg,
        "<text x=\"70\" y=\"{}\" fill=\"#555\">Medians over all votes; simulated links with 50 ms round trip, \
         350-byte votes; gossip with {FANOUT} neighbours.</text>\n</svg>",
        HEIGHT - 16.0
    );
    svg
}

fn legend(svg: &mut String) {
    for (at, (topology, colour)) in Topology::ALL.iter().zip(COLOURS).enumerate() {
        let x = 70.0 + 220.0 * at as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"18\" width=\"14\" height=\"14\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"30\" font-size=\"14\">{topology}</text>",
            x + 20.0
        );
    }
}

/// Height of a figure, between 0 and 1.
fn height(value: f64, most: f64, logarithmic: bool) -> f64 {
    match logarithmic {
        true => (value.max(1.0).log10() / most.log10().ceil().max(1.0)).clamp(0.0, 1.0),
        false => (value / nice(most)).clamp(0.0, 1.0),
    }
}

/// The next larger round number.
fn nice(most: f64) -> f64 {
    let power = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|of| *of >= most).unwrap_or(most)
}

fn short(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{:.1}M", v / 1e6),
        v if v >= 1e4 => format!("{:.0}k", v / 1e3),
        v if v >= 10.0 => format!("{v:.0}"),
        v => format!("{v:.1}"),
    }
}

fn draw(svg: &mut String, panel: &Panel<'_>, rows: &[Row], most: f64) {
    let (left, top, width, tall) = panel.area;
    let bottom = top + tall;
    let _ = writeln!(
        svg,
        "<text x=\"{left}\" y=\"{}\" font-size=\"14\" font-weight=\"bold\">{}</text>",
        top - 14.0,
        panel.title
    );
    let ticks: Vec<f64> = match panel.logarithmic {
        true => (0..=most.log10().ceil() as i32).map(|power| 10_f64.powi(power)).collect(),
        false => (0..=4).map(|step| nice(most) * f64::from(step) / 4.0).collect(),
    };
    for tick in ticks {
        let y = bottom - tall * height(tick, most, panel.logarithmic);
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555\">{}</text>",
            left + width,
            left - 6.0,
            y + 4.0,
            if tick == 0.0 { "0".into() } else { short(tick) }
        );
    }
    let group = width / SIZES.len() as f64;
    let bar = group / 4.5;
    for (at, size) in SIZES.into_iter().enumerate() {
        let x = left + group * at as f64;
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{size} validators</text>",
            x + group / 2.0,
            bottom + 18.0
        );
        for (n, topology) in Topology::ALL.into_iter().enumerate() {
            let row = rows.iter().find(|row| {
                (row.case.topology, row.case.validators, row.case.condition)
                    == (topology, size, panel.condition)
            });
            let value = row.and_then(panel.figure);
            let x = x + bar * (0.75 + n as f64);
            let share = value.map_or(1.0, |value| height(value, most, panel.logarithmic));
            let y = bottom - tall * share;
            let (fill, text) = match value {
                Some(value) => (COLOURS[n], short(value)),
                None => ("#eeeeee", "never".into()),
            };
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{fill}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"10\">{text}</text>",
                bar * 0.9,
                bottom - y,
                x + bar * 0.45,
                y - 3.0
            );
        }
    }
    let _ = writeln!(
        svg,
        "<line x1=\"{left}\" x2=\"{}\" y1=\"{bottom}\" y2=\"{bottom}\" stroke=\"#222\"/>",
        left + width
    );
}
