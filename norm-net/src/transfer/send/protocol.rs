//! What a protocol brings to a sending session.

use norm_core::announce::SessionProtocol;
use norm_core::fileset::SetId;
use norm_core::flute::wire::Tsi;
use norm_core::transfer::Outbound;
use norm_core::{Rng, Timestamp};
use norm_files::source::{FileSet, LeftOut, Reader};

use super::HeldObjects;
use super::error::SendError;
use super::options::SendOptions;
use super::segment::Segment;
use crate::io::layer::Layer;
use crate::io::socket::PacketFilter;

/// A protocol that can send what was found.
pub(crate) trait Protocol {
    /// Its engine.
    type Engine: Outbound + Layer<Engine = Self::Engine> + Send + 'static;

    /// What descriptions of a session say of its protocol.
    fn carrier(&self) -> Carrier;

    /// Keeps what receivers send, and drops what other senders of the group do; `None` keeps all
    /// packets.
    fn feedback_filter(&self) -> Option<PacketFilter>;

    /// Bytes of a packet of content that are not content, without UDP and IP.
    fn data_overhead(&self, options: &SendOptions) -> u32;

    /// Makes an engine with all its objects, or holds them until they are hashed, in segments of
    /// this size. `set` is the id of a file set that is sent once more; without it one is drawn.
    ///
    /// # Errors
    /// When what was found does not fit the protocol's objects, or an option cannot work.
    fn prepare(
        self,
        options: &SendOptions,
        found: FileSet,
        segment: &Segment,
        set: Option<SetId>,
        rng: &mut Rng,
        now: Timestamp,
    ) -> Result<Prepared<Self::Engine>, SendError>;
}

/// What descriptions of a session say of its protocol.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Carrier {
    pub(crate) protocol: SessionProtocol,
    /// FLUTE: the transport session id.
    pub(crate) tsi: Option<Tsi>,
}

/// An engine with its objects, and what reads their content.
pub(crate) struct Prepared<E> {
    pub(crate) engine: E,
    /// Objects that the engine is to have when their hashes are known.
    pub(crate) held: HeldObjects,
    pub(crate) source: Reader,
    /// Key of the first object.
    pub(crate) first_key: u64,
    /// The file set, unless standalone files are sent.
    pub(crate) set: Option<SetId>,
    /// FEC encoding id in use.
    pub(crate) fec_id: u8,
    /// Source symbols in the longest block.
    pub(crate) block_len: u32,
    /// What is not sent, in addition to what the scan has left out.
    pub(crate) left_out: Vec<LeftOut>,
}
