//! Plots of rates, for docs/congestion-control.md.

use core::time::Duration;

use super::{Bottleneck, Group, Path};
use crate::plan::plot::Plot;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);
/// A point of a plot is the mean of this time.
const GRAIN: Duration = Duration::from_millis(20);

/// Names and contents of the files.
pub fn plots(threads: usize) -> Vec<(&'static str, String)> {
    let start = Bottleneck { time: SECOND * 4, ..Bottleneck::new(100_000_000, MS * 50, 1.0) };
    let lossy = Bottleneck { loss: 0.2, ..start.clone() };
    let [rate, queue] = alone(&start, threads);
    let [lossy, _] = alone(&lossy, threads);
    let group = Bottleneck {
        receivers: 10,
        loss: 0.2,
        time: SECOND * 10,
        ..Bottleneck::new(10_000_000, MS * 5, 1.0)
    };
    let [group_rate, _] = alone(&group, threads);
    let (joins, leaves) = (SECOND * 4, SECOND * 9);
    let mut group = Group::drawn(1, 20, 20_000_000, SECOND * 16);
    group.paths.push(Path::new(10_000_000, MS * 30).during(joins, leaves));
    let course = group.run(threads);
    let grains = (0..).map(|n| GRAIN * 5 * n).take_while(|&at| at + GRAIN * 5 <= group.time);
    let followed: Vec<(f64, f64)> = grains
        .map(|at| ((at + GRAIN * 5).as_secs_f64(), course.mean(at, at + GRAIN * 5) / 1e6))
        .collect();
    vec![
        ("start-rate.svg", picture("100 Mbit/s, 50 ms: rate", "Mbit/s", &rate)),
        ("start-queue.svg", picture("100 Mbit/s, 50 ms: queue", "packets", &queue)),
        ("slow-receiver.svg", picture("10 Mbit/s from 4 to 9 s: rate", "Mbit/s", &followed)),
        (
            "group-after.svg",
            picture("10 Mbit/s, 10 receivers, 20 % loss each: rate", "Mbit/s", &group_rate),
        ),
        ("loss-20.svg", picture("100 Mbit/s, 20 % loss: rate", "Mbit/s", &lossy)),
    ]
}

/// The course of the rate in Mbit/s, and that of the queue in packets.
fn alone(path: &Bottleneck, threads: usize) -> [Vec<(f64, f64)>; 2] {
    let found = path.run(threads);
    let mut rates = Vec::new();
    let mut queues = Vec::new();
    let mut from = Duration::ZERO;
    let mut sent = 0.0;
    let mut max_queue = 0.0;
    for step in &found.course {
        sent += step.sent;
        max_queue = f64::max(max_queue, step.queued);
        if step.at >= from + GRAIN {
            let time = step.at.as_secs_f64();
            rates.push((time, sent * 8.0 / 1e6 / (step.at - from).as_secs_f64()));
            queues.push((time, max_queue / f64::from(super::PACKET)));
            from = step.at;
            sent = 0.0;
            max_queue = 0.0;
        }
    }
    [rates, queues]
}

fn picture(title: &str, y_label: &str, points: &[(f64, f64)]) -> String {
    let max = points.iter().map(|point| point.1).fold(1.0, f64::max);
    let end = points.last().map_or(1.0, |point| point.0);
    let (x, y_max) = (0.0..end, max * 1.1);
    let plot = Plot { title, x_label: "seconds", y_label, points, x, y_max, mark: None };
    // A separate file needs the name space.
    plot.svg().replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1)
}
