//! RaptorQ at the block sizes that transfers use: 1344-byte symbols.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use norm_core::fec::{BlockBuffer, Scheme, encode_repair};

const T: u16 = 1344;

fn block(k: u32) -> Vec<u8> {
    (0..k * u32::from(T)).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// A buffer with repair symbols instead of every tenth source symbol.
fn lossy(k: u32, source: &[u8]) -> BlockBuffer {
    let mut buffer = BlockBuffer::new(Scheme::RaptorQ, k, T, source.len() as u32).expect("valid");
    let lost = k.div_ceil(10);
    let repair = encode_repair(k, T, source, k, lost + 1).expect("valid");
    for (n, symbol) in source.chunks(usize::from(T)).enumerate() {
        if n % 10 != 0 {
            buffer.put(n as u32, symbol);
        }
    }
    for (n, symbol) in repair.chunks(usize::from(T)).enumerate() {
        buffer.put(k + n as u32, symbol);
    }
    buffer
}

fn fec(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("raptorq");
    group.sample_size(20);
    for k in [64, 256, 1024] {
        let source = block(k);
        group.throughput(Throughput::Bytes(source.len() as u64));
        group.bench_with_input(BenchmarkId::new("encode 5 %", k), &source, |b, source| {
            b.iter(|| encode_repair(k, T, source, k, k / 20).expect("valid"));
        });
        group.bench_with_input(BenchmarkId::new("decode 10 % lost", k), &source, |b, source| {
            b.iter_batched(
                || lossy(k, source),
                |mut buffer| assert!(buffer.recover()),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, fec);
criterion_main!(benches);
