//! Reed-Solomon coding of one block: 64 source symbols of 1400 bytes, 16 parity symbols, 16 losses.
//! Compared with the crate `reed-solomon-erasure`, which has another code of equal cost.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use norm_core::fec::{Field, Points, ReedSolomon};
use norm_gf::{Field as _, Gf256, Gf65536, Kernel};
use reed_solomon_erasure::galois_8;
use std::hint::black_box;

const K: u32 = 64;
const PARITY: u32 = 16;
const T: u16 = 1400;
const SIZE: usize = T as usize;
const LOST: [u32; 16] = [0, 3, 4, 9, 14, 18, 22, 23, 31, 36, 40, 45, 50, 55, 61, 63];

fn block() -> Vec<u8> {
    (0..K * u32::from(T)).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Our code, made once, as in a session.
fn ours(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, field: Field) {
    let code = ReedSolomon::new(field, Points::Rizzo, K, PARITY).expect("valid");
    let source = block();
    let mut parity = Vec::new();
    code.encode(K, T, &source, 0, PARITY, &mut parity).expect("valid");
    group.bench_function(format!("encode/{name}"), |b| {
        b.iter(|| {
            parity.clear();
            code.encode(K, T, black_box(&source), 0, PARITY, &mut parity).expect("valid");
        });
    });
    // Lost symbols may have any content, so one block can be decoded again and again.
    let mut block = source.clone();
    for n in LOST {
        block[n as usize * SIZE..][..SIZE].fill(0);
    }
    let lost: Vec<bool> = (0..K).map(|n| LOST.contains(&n)).collect();
    let decode = |block: &mut [u8]| {
        let parity = (0..).zip(parity.chunks(SIZE));
        code.decode(K, T, block, |n| !lost[n as usize], parity).expect("enough");
    };
    decode(&mut block);
    assert!(block == source, "a wrongly decoded block");
    group.bench_function(format!("decode/{name}"), |b| b.iter(|| decode(black_box(&mut block))));
}

fn theirs(group: &mut BenchmarkGroup<'_, WallTime>) {
    let code = galois_8::ReedSolomon::new(K as usize, PARITY as usize).expect("valid");
    let mut shards: Vec<Vec<u8>> = block().chunks(SIZE).map(<[u8]>::to_vec).collect();
    shards.resize(shards.len() + PARITY as usize, vec![0; SIZE]);
    code.encode(&mut shards).expect("valid");
    group.bench_function("encode/reed-solomon-erasure", |b| {
        b.iter(|| code.encode(black_box(&mut shards)).expect("valid"));
    });
    // Lost shards keep their memory, so nothing is allocated. The crate caches the matrix of the
    // losses.
    let mut shards: Vec<(Vec<u8>, bool)> = shards.into_iter().map(|s| (s, true)).collect();
    group.bench_function("decode/reed-solomon-erasure", |b| {
        b.iter(|| {
            for n in LOST {
                shards[n as usize].1 = false;
            }
            code.reconstruct_data(black_box(&mut shards)).expect("enough");
        });
    });
    assert!(shards.iter().zip(block().chunks(SIZE)).all(|(ours, shard)| ours.0 == shard));
}

/// The sums of products alone, with each kernel of this machine.
fn kernels(group: &mut BenchmarkGroup<'_, WallTime>) {
    let source = block();
    let sources: Vec<&[u8]> = source.chunks(SIZE).collect();
    let mut out = vec![0; PARITY as usize * SIZE];
    let bytes: Vec<u8> = (0..PARITY * K).map(|i| (i % 255 + 1) as u8).collect();
    let words: Vec<u16> = (0..PARITY * K).map(|i| (i * 61 + 1) as u16).collect();
    for kernel in Kernel::ALL.into_iter().filter(|k| k.available()) {
        group.bench_function(format!("GF(2^8)/{kernel:?}"), |b| {
            b.iter(|| Gf256::mul_add_rows_with(kernel, &mut out, SIZE, &bytes, &sources));
        });
        group.bench_function(format!("GF(2^16)/{kernel:?}"), |b| {
            b.iter(|| Gf65536::mul_add_rows_with(kernel, &mut out, SIZE, &words, &sources));
        });
    }
}

fn reed_solomon(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rs(64,16)");
    group.throughput(Throughput::Bytes(u64::from(K) * u64::from(T)));
    ours(&mut group, "GF(2^8)", Field::Gf256);
    theirs(&mut group);
    ours(&mut group, "GF(2^16)", Field::Gf65536);
    kernels(&mut group);
    group.finish();
}

criterion_group!(benches, reed_solomon);
criterion_main!(benches);
