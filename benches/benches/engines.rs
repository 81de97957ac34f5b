//! Both engines in the simulator: 8 MiB to ten receivers.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use norm_sim::{Link, Scenario, run};

fn engines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("simulated transfer to 10 receivers");
    let size = 8 << 20;
    group.throughput(Throughput::Bytes(size));
    group.sample_size(10);
    for percent in [0u32, 1, 5] {
        let link = Link::lossy(f64::from(percent) / 100.0);
        let mut scenario = Scenario::new(1, size).receivers(10, &link);
        let config = &mut scenario.sender().config;
        config.segment_size = 1344;
        config.block_len = 256;
        let id = BenchmarkId::from_parameter(format!("{percent} % loss"));
        group.bench_with_input(id, &scenario, |b, scenario| b.iter(|| run(scenario).packets));
    }
    group.finish();
}

criterion_group!(benches, engines);
criterion_main!(benches);
