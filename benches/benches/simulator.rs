//! The speed of the simulator on one thread.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use norm_sim::{Experiment, run};

fn deliveries(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("deliveries to 1,000 receivers");
    group.sample_size(10);
    for percent in [0u32, 1] {
        let loss = f64::from(percent) / 100.0;
        let experiment = Experiment { loss, size: 2 << 20, ..Experiment::new(1, 1000) };
        let scenario = experiment.scenario();
        group.throughput(Throughput::Elements(run(&scenario).deliveries));
        let id = BenchmarkId::from_parameter(format!("{percent} % loss"));
        group.bench_with_input(id, &scenario, |b, scenario| b.iter(|| run(scenario).deliveries));
    }
    group.finish();
}

/// Prints the ratio of virtual time to real time.
fn against_real_time(_: &mut Criterion) {
    for percent in [0u32, 1] {
        let loss = f64::from(percent) / 100.0;
        let experiment = Experiment { loss, rate: 10_000_000, ..Experiment::new(1, 100) };
        let start = Instant::now();
        let simulated = experiment.run(1).completed.expect("all receivers complete").as_secs_f64();
        let real = start.elapsed().as_secs_f64();
        println!(
            "100 receivers at 10 Mbit/s, {percent} % loss: {simulated:.2} s simulated in \
             {real:.2} s, {:.0}:1",
            simulated / real
        );
    }
}

criterion_group!(benches, deliveries, against_real_time);
criterion_main!(benches);
