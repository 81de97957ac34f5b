//! Receivers that join anywhere and lose packets: how much they have to hear.

use super::*;
use crate::flute::sender::Passes;

const BLOCKS: usize = 8;
const K: usize = 300;

/// Block and symbol of each packet of eight passes; `None` for the table.
fn trace(interleave: Option<u64>) -> (Rig, u64, Vec<Sent>) {
    let (passes, rate) = (Passes::Forever, 100_000_000);
    let base = SenderConfig { block_len: K as u32, passes, rate, interleave, ..config() };
    let mut rig = Rig::new(&base);
    let key = rig.add_file("a", BLOCKS * K * 64);
    let sent = rig.run(8 * BLOCKS * K);
    (rig, key, sent)
}

/// Packets that were sent from a random one on until `K` different symbols of each block have
/// arrived, per source symbol.
fn needed(sent: &[Option<PayloadId>], loss: f64, rng: &mut Rng) -> f64 {
    let start = rng.below((2 * BLOCKS * K) as u64) as usize;
    let mut left = [K; BLOCKS];
    for (count, id) in sent[start..].iter().enumerate() {
        let arrived = id.filter(|_| !rng.chance(loss));
        if let Some(id) = arrived {
            // No symbol is sent twice.
            let block = &mut left[id.block as usize];
            *block = block.saturating_sub(1);
            if left == [0; BLOCKS] {
                return (count + 1) as f64 / (BLOCKS * K) as f64;
            }
        }
    }
    panic!("{left:?} are missing after all passes");
}

fn mean(sent: &[Sent], loss: f64) -> f64 {
    let ids: Vec<Option<PayloadId>> =
        sent.iter().map(|sent| Some(sent.symbol(PayloadFormat::Block8Symbol24)?.1)).collect();
    let mut rng = Rng::new(9);
    (0..200).map(|_| needed(&ids, loss, &mut rng)).sum::<f64>() / 200.0
}

#[test]
fn joining_anywhere_costs_little_more_than_what_is_lost() {
    let (_, _, sent) = trace(None);
    for loss in [0.01, 0.05, 0.1, 0.2] {
        let mean = mean(&sent, loss);
        assert!(mean < 1.05 / (1.0 - loss), "{mean} at a loss of {loss}");
        assert!(mean > 1.0 / (1.0 - loss), "{mean} at a loss of {loss}");
    }
}

#[test]
fn joining_costs_two_passes_when_blocks_are_sent_one_after_the_other() {
    let (_, _, sent) = trace(Some((K * 64) as u64));
    let mean = mean(&sent, 0.05);
    assert!((1.7..2.2).contains(&mean), "{mean}");
}

#[test]
fn what_is_heard_from_the_middle_on_is_the_content() {
    let (rig, key, sent) = trace(None);
    let fti = sent.iter().filter(|sent| sent.fdt().is_none()).find_map(Sent::fti).unwrap();
    let mut rng = Rng::new(4);
    for _ in 0..3 {
        let mut decoder = Decoder::new(key, fti.layout().unwrap());
        let start = rng.below((4 * BLOCKS * K) as u64) as usize;
        let heard = sent[start..].iter().filter(|_| !rng.chance(0.1));
        heard.take(BLOCKS * (K + 50)).for_each(|sent| decoder.take(sent));
        assert!(decoder.content() == Some(rig.content[&key].clone()), "from {start} on");
    }
}

#[test]
fn little_is_in_memory_whatever_the_rate() {
    for rate in [64_000, 1_000_000_000] {
        let passes = Passes::Forever;
        let mut rig = Rig::new(&SenderConfig { passes, rate, ..config() });
        rig.add_file("a", (8 * MIB) as usize / 64 * 64);
        rig.run(100);
        // 4 batches of 16 KiB to 1 MiB, a row more at most.
        assert!(rig.gathers <= 6, "{rate}: {}", rig.gathers);
    }
}
