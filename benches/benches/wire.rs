//! Parsing and emitting one DATA message of 1344 bytes of content.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use norm_core::norm::wire::{
    Data, Extensions, FecId, Header, InstanceId, Message, NodeId, ObjectFlags, ObjectId,
    PayloadFormat, PayloadId, QuantizedGroupSize, QuantizedRtt, SenderFields, Sequence,
};

fn wire(criterion: &mut Criterion) {
    let payload = [0x5a; 1344];
    let message = Message::Data(Data {
        sender: SenderFields {
            instance: InstanceId(7),
            grtt: QuantizedRtt::MIN,
            backoff: 4,
            group_size: QuantizedGroupSize::from_count(10),
        },
        flags: ObjectFlags::FILE,
        fec_id: FecId::RAPTORQ,
        object: ObjectId(1),
        payload_id: PayloadId { block: 3, block_len: 0, symbol: 77 }
            .encode(PayloadFormat::Block8Symbol24),
        extensions: Extensions::EMPTY,
        payload: &payload,
    });
    let header = Header { sequence: Sequence(1), source: NodeId(1) };
    let mut bytes = Vec::with_capacity(2048);
    message.emit(header, &mut bytes);

    let mut group = criterion.benchmark_group("wire");
    group.throughput(Throughput::Elements(1));
    group.bench_function("parse DATA", |b| b.iter(|| Message::parse(black_box(&bytes)).is_ok()));
    let mut out = Vec::with_capacity(2048);
    group.bench_function("emit DATA", |b| {
        b.iter(|| {
            out.clear();
            black_box(&message).emit(header, &mut out);
            out.len()
        });
    });
    group.finish();
}

criterion_group!(benches, wire);
criterion_main!(benches);
