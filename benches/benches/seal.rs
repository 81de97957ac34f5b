//! Sealing and opening: the gate beside the AEAD alone, for packets of 1,344 and 8,832 bytes.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use norm_core::Timestamp;
use norm_seal::{
    GroupSecret, Guard, HEADER_LEN, Keyring, Role, RunId, SEAL, SessionAddress, Suite, TAG_LEN,
};
use ring::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

const SUITES: [(Suite, &str); 2] =
    [(Suite::Aes256Gcm, "AES-256-GCM"), (Suite::ChaCha20Poly1305, "ChaCha20-Poly1305")];
const SIZES: [usize; 2] = [1_344, 8_832];

fn guard(role: Role, suite: Suite, run: u8) -> Guard {
    let keys = Keyring::new(GroupSecret::new([7; 32]));
    let address = SessionAddress::of(([239, 1, 2, 3], 6003).into());
    Guard::new(role, keys, suite, address, RunId([run; 12]))
}

fn key(suite: Suite) -> LessSafeKey {
    let algorithm = match suite {
        Suite::Aes256Gcm => &AES_256_GCM,
        Suite::ChaCha20Poly1305 => &CHACHA20_POLY1305,
    };
    LessSafeKey::new(UnboundKey::new(algorithm, &[7; 32]).expect("a key has 32 bytes"))
}

fn seal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("seal");
    for ((suite, name), size) in SUITES.into_iter().flat_map(|s| SIZES.map(|size| (s, size))) {
        group.throughput(Throughput::Bytes(size as u64));
        let mut packet = vec![0x5a; size + SEAL.bytes()];
        let mut sender = guard(Role::Sender, suite, 1);
        group.bench_function(BenchmarkId::new(format!("gate, {name}"), size), |b| {
            b.iter(|| assert!(sender.seal(None, &mut packet)));
        });
        let key = key(suite);
        group.bench_function(BenchmarkId::new(format!("AEAD, {name}"), size), |b| {
            b.iter(|| {
                let (head, text) = packet.split_at_mut(HEADER_LEN);
                let nonce = Nonce::assume_unique_for_key([1; 12]);
                let text = &mut text[..size];
                key.seal_in_place_separate_tag(nonce, Aad::from(&*head), text).expect("seals")
            });
        });
    }
    group.finish();
}

fn open(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("open");
    let source = ([192, 0, 2, 1], 5740).into();
    for ((suite, name), size) in SUITES.into_iter().flat_map(|s| SIZES.map(|size| (s, size))) {
        group.throughput(Throughput::Bytes(size as u64));
        // Each opens once only: they are sealed outside of the measurement, in order.
        let mut sender = guard(Role::Sender, suite, 1);
        let mut receiver = guard(Role::Receiver, suite, 101);
        let mut batch = || {
            let mut packet = vec![0x5a; size + SEAL.bytes()];
            assert!(sender.seal(None, &mut packet));
            packet
        };
        group.bench_function(BenchmarkId::new(format!("gate, {name}"), size), |b| {
            b.iter_batched_ref(
                &mut batch,
                |packet| assert!(receiver.open(Timestamp::ZERO, source, packet).is_ok()),
                criterion::BatchSize::SmallInput,
            );
        });
        let key = key(suite);
        let nonce = || Nonce::assume_unique_for_key([1; 12]);
        let mut sealed = vec![0x5a; size];
        let tag = key.seal_in_place_separate_tag(nonce(), Aad::from([0; 28]), &mut sealed);
        sealed.extend_from_slice(tag.expect("seals").as_ref());
        assert_eq!(sealed.len(), size + TAG_LEN);
        group.bench_function(BenchmarkId::new(format!("AEAD, {name}"), size), |b| {
            b.iter_batched_ref(
                || sealed.clone(),
                |packet| {
                    assert!(key.open_in_place(nonce(), Aad::from([0; 28]), packet).is_ok());
                },
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, seal, open);
criterion_main!(benches);
