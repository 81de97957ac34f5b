//! Carousels: how many packets a receiver that joins somewhere waits for, from our sender and from
//! the peer's, through the same losses.

use norm_core::Rng;
use norm_core::flute::Profile;
use norm_core::flute::sender::Passes;

use crate::case::{Case, Fec, Loss};
use crate::matrix::is_on;
use crate::peer::PeerSender;
use crate::receiver::OurReceiver;
use crate::sender::{OurSender, config};

const MIB: usize = 1 << 20;
const LOSS: u32 = 5;
/// Our packets for one of the peer's, at most.
const SHARE: f64 = 0.55;

/// Packets that are sent from the `join`th on until all is there.
fn waited(mut next: impl FnMut() -> Vec<u8>, join: usize, seed: u64, content: &[u8]) -> usize {
    let (mut receiver, mut loss) = (OurReceiver::new(), Loss::drawn(LOSS, seed));
    (0..join).for_each(|_| _ = next());
    let mut count = 0;
    while receiver.complete_count() == 0 {
        count += 1;
        let packet = next();
        if !loss.hits() {
            receiver.hear(&packet);
        }
    }
    let [(_, bytes)] = &receiver.complete()[..] else { panic!("one object") };
    assert!(bytes == content);
    count
}

/// Packets of both, for an object of this size; the sum of some runs.
fn compare(size: usize, runs: u64) -> (usize, usize) {
    // The peer's program sends blocks of 64 symbols, with four coded ones here, one after the
    // other.
    let theirs = Case { block_len: 64, parity: 4, ..Case::new(Fec::Rs129, size) };
    let ours = Case { block_len: 1000, ..Case::new(Fec::RaptorQ, size) };
    let content = theirs.content();
    let symbols = size / 1400;
    let (mut sum_of_ours, mut sum_of_theirs) = (0, 0);
    for seed in 0..runs {
        let join = Rng::new(seed).below(symbols as u64) as usize;
        let mut peer = PeerSender::new(&theirs, &content, true);
        sum_of_theirs += waited(|| peer.next().unwrap(), join, seed, &content);
        let mut own = OurSender::new(&config(&ours, Profile::Own, Passes::Forever), &content);
        sum_of_ours += waited(|| own.next().unwrap(), join, seed, &content);
    }
    (sum_of_ours, sum_of_theirs)
}

#[test]
fn receivers_of_our_carousel_wait_for_little_more_than_half_of_the_packets() {
    let (ours, theirs) = compare(6 * MIB, 3);
    assert!(ours as f64 <= SHARE * theirs as f64, "{ours} packets of ours, {theirs} of the peer's");
}

#[test]
fn receivers_of_a_long_carousel_wait_for_little_more_than_half_of_the_packets() {
    if !is_on() {
        return;
    }
    let runs = 10;
    let (ours, theirs) = compare(64 * MIB, runs);
    let share = ours as f64 / theirs as f64;
    println!(
        "64 MiB, {LOSS} % lost, {runs} receivers that join anywhere: {} packets of ours, {} of the \
         peer's, {share:.3}",
        ours / runs as usize,
        theirs / runs as usize,
    );
    assert!(share <= SHARE, "{share}");
}
