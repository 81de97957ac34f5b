//! Jobs that are answered late and in any order.

use super::*;
use crate::flute::sender::{FecChoice, Passes};

/// All packets of a session with some objects, answered in the disorder of this seed.
fn session(seed: u64) -> (Rig, Vec<Sent>, Vec<u64>) {
    let mut rng = Rng::new(seed);
    let rs = FecChoice::ReedSolomon { form: RsForm::Id5, parity: 8 };
    let fec = if rng.chance(0.3) { rs } else { FecChoice::RaptorQ };
    let passes = match rng.below(3) {
        0 => Passes::Once { overhead: 30 },
        times => Passes::Times(times as u32 * 3),
    };
    let interleave = [None, Some(3000), Some(20_000)][rng.below(3) as usize];
    let rate = [100_000, 10_000_000, 1_000_000_000][rng.below(3) as usize];
    let mut rig = Rig::new(&SenderConfig { fec, passes, interleave, rate, ..config() });
    rig.disorder = Some(Rng::new(seed));
    let mut keys = Vec::new();
    let mut sent = Vec::new();
    for _ in 0..1 + rng.below(4) {
        let size = [1, 64 * 7, 64 * 20 + 1, 30_000, 200_000][rng.below(5) as usize];
        keys.push(rig.add_file("a", size));
        sent.extend(rig.run(rng.below(300) as usize));
    }
    rig.sender.finish();
    sent.extend(rig.run(usize::MAX));
    (rig, sent, keys)
}

#[test]
fn content_is_right_whatever_the_order_of_answers() {
    for seed in 0..60 {
        let (rig, sent, keys) = session(seed);
        assert!(rig.sender.is_finished(), "{seed}");
        for key in keys {
            let of_object = |sent: &&Sent| sent.header().toi == Toi::new(key.into());
            let fti = sent.iter().find(of_object).unwrap().fti().unwrap();
            // The later two thirds alone, where there are several passes.
            let all: Vec<&Sent> = sent.iter().filter(of_object).collect();
            let layout = fti.layout().unwrap();
            let mut decoder = Decoder::new(key, layout);
            let skipped = if all.len() as u64 > 2 * layout.symbols() { all.len() / 3 } else { 0 };
            all[skipped..].iter().for_each(|sent| decoder.take(sent));
            assert!(decoder.content().as_ref() == Some(&rig.content[&key]), "{seed}");
        }
    }
}

#[test]
fn order_of_packets_does_not_depend_on_the_order_of_answers() {
    let packets = |disorder| {
        let mut rig = Rig::new(&SenderConfig { passes: Passes::Times(4), ..config() });
        rig.disorder = disorder;
        rig.add_file("a", 40_000);
        rig.sender.finish();
        let sent = rig.run(usize::MAX);
        let content = sent.into_iter().filter(|sent| sent.fdt().is_none());
        content.map(|sent| sent.bytes).collect::<Vec<_>>()
    };
    let expected = packets(None);
    for seed in 0..5 {
        assert!(packets(Some(Rng::new(seed))) == expected, "{seed}");
    }
}

#[test]
fn symbols_are_not_forgotten_before_they_are_read() {
    // Several passes are planned ahead, each with jobs of its own.
    let (passes, rate) = (Passes::Times(6), 1_000_000_000);
    let (symbol_size, block_len) = (1344, 100);
    for seed in 0..4 {
        let base = SenderConfig { passes, rate, symbol_size, block_len, ..config() };
        let mut rig = Rig::new(&base);
        rig.disorder = Some(Rng::new(seed));
        rig.add_file("a", 1_200_000);
        rig.sender.finish();
        let sent = rig.run(usize::MAX);
        assert!(rig.sender.is_finished() && sent.len() > 5 * 893, "{}", sent.len());
        assert!(rig.prepares >= 5 * 9, "{}", rig.prepares);
    }
}
