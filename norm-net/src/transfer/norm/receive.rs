//! A NORM receiver, made of the user's options.

use norm_core::Rng;
use norm_core::norm::Identity;
use norm_core::norm::receiver::{Feedback as EngineFeedback, SenderFilter, Trust};
use norm_core::norm::{Receiver, ReceiverConfig};

use crate::event::Feedback;
use crate::io::seal::SealConfig;
use crate::transfer::receive::store::BlockStore;
use crate::transfer::receive::{ReceiveOptions, SocketFacts};

/// Bytes that the engine needs to keep track of a long block, at most: a quarter of the memory is
/// for this.
const BLOCK_NOTES: usize = 8 << 10;

/// An engine for these options that keeps symbols in `store`. With an identity of its own a
/// receiver that starts again is the same to its senders; else one is drawn. `socket` is what it
/// listens with.
pub(crate) fn receiver(
    options: &ReceiveOptions,
    store: BlockStore,
    own_identity: Option<[u8; 16]>,
    socket: SocketFacts,
    rng: &mut Rng,
) -> Receiver<BlockStore> {
    // Drawn whether it is used or not: what a seed means must not change.
    let drawn = rng.next_bytes();
    let feedback = match options.effective_feedback() {
        Feedback::Multicast => EngineFeedback::Multicast,
        Feedback::Unicast => EngineFeedback::Unicast,
        Feedback::None => EngineFeedback::None,
    };
    let config = ReceiverConfig {
        identity_per_sender: own_identity.is_some(),
        name: options.name.clone(),
        node: options.node,
        only: SenderFilter { address: options.source, name: options.sender_name.clone() },
        feedback,
        socket_buffer: socket.buffer as u64,
        link_mtu: socket.mtu,
        margins: SealConfig::margins(options.seal.as_ref()),
        trust: options.seal.as_ref().map_or(Trust::All, |_| Trust::Symbols),
        max_blocks: (options.memory / 4 / BLOCK_NOTES).clamp(64, 1 << 16),
        ..ReceiverConfig::new(Identity(own_identity.unwrap_or(drawn)))
    };
    Receiver::new(config, store, rng.next_u64())
}
