//! What applications decide about sessions of objects.

use std::net::SocketAddr;
use std::time::Duration;

use norm_core::Rng;
use norm_core::endpoint::PacketOverhead;
use norm_core::fec::{Points, RsCode, RsForm, Scheme};
use norm_core::norm::receiver::{Feedback, JoinPolicy, Trust};
use norm_core::norm::sender::{ConfigError, Mode, PacketOptions, RateControl, StartLimits};
use norm_core::norm::{Identity, NodeId};
use norm_core::norm::{ReceiverConfig, SenderConfig};

use crate::io::interface::InterfaceSpec;
use crate::io::seal::SealConfig;
use crate::io::socket::{LinkConfig, PacketFilter};
use crate::transfer::config_problem::ConfigProblem;
use crate::transfer::norm::FEEDBACK;
use crate::transfer::receive::ReceiveError;
use crate::transfer::send::SendError;

/// The options of [`ObjectSender::open`](super::ObjectSender::open): [`ObjectSendOptions::new`] has
/// the defaults, and each field can be set. More fields may come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ObjectSendOptions {
    /// Multicast group and port, or the address of the only receiver.
    pub group: SocketAddr,
    /// Interface to send through; without it the routing table decides.
    pub interface: Option<InterfaceSpec>,
    /// Upper limit in bits per second, UDP and IP headers included. `None`: as fast as the kernel
    /// takes it.
    pub rate: Option<u64>,
    /// What decides how fast is sent, up to `rate`.
    pub control: RateControl,
    /// Multicast TTL or hop limit, 1 to 255.
    pub ttl: u32,
    /// Whether receivers on this machine get the packets too.
    pub loopback: bool,
    /// FEC encoding id and field of the Reed-Solomon code.
    pub form: RsForm,
    /// Source symbols per block: 1 to 254 over GF(2^8), to 4,096 over GF(2^16).
    pub block_len: u16,
    /// Parity symbols per block; with `block_len` at most 255 over GF(2^8).
    pub parity: u16,
    /// Standard mode speaks RFC 5740 and nothing else, for other implementations such as the NRL's:
    /// every receiver that is heard is listed. In native mode membership queries find the
    /// receivers, those that lose nothing included.
    pub mode: Mode,
    /// Bytes of content per packet, 64 to 65,000; in a sealed session 44 more are taken of them.
    pub segment_size: u16,
    /// Our node id, not 0 or 2^32 - 1; `None` draws one.
    pub node: Option<u32>,
    /// Shortest patience before a silent group or receiver is given up.
    pub patience: Duration,
    /// Sending starts when this many receivers were heard; 0 starts at once.
    pub min_receivers: usize,
    /// Give up waiting for `min_receivers` after this long; `None` waits for ever.
    pub start_timeout: Option<Duration>,
    /// Stay this long for late receivers after all known ones have finished.
    pub linger: Duration,
    /// Seal everything that is sent, and take only feedback that is sealed. Objects and streams are
    /// then of a machine that has the key. `None`: they may be of any machine.
    pub seal: Option<SealConfig>,
    /// Bytes of DATA objects in a session at most: it keeps them for repair until its end.
    pub max_held: usize,
}

impl ObjectSendOptions {
    /// The defaults: 100 Mbit/s, TTL 1, receivers on this machine included, FEC encoding id 5
    /// with 64 and 16 symbols of 1,400 bytes, standard mode, a patience of 5 s, starts at once, 1
    /// GiB of objects.
    pub fn new(group: SocketAddr) -> Self {
        Self {
            group,
            interface: None,
            rate: Some(100_000_000),
            control: RateControl::Fixed,
            ttl: 1,
            loopback: true,
            form: RsForm::Id5,
            block_len: 64,
            parity: 16,
            mode: Mode::Standard,
            segment_size: 1400,
            node: None,
            patience: Duration::from_secs(5),
            min_receivers: 0,
            start_timeout: None,
            linger: Duration::ZERO,
            seal: None,
            max_held: 1 << 30,
        }
    }

    /// The same with changes, such as `.with(|options| options.ttl = 2)`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn link_config(&self) -> LinkConfig {
        LinkConfig {
            interface: self.interface.clone(),
            ttl: self.ttl,
            ecn: self.control != RateControl::Fixed && self.mode == Mode::Native,
            loopback: self.loopback,
            recv_buffer: 4 << 20,
            feedback_filter: Some(match self.seal {
                Some(_) => PacketFilter::SEALED_FEEDBACK,
                None => FEEDBACK,
            }),
            ..LinkConfig::new(self.group)
        }
    }

    /// Bytes of content per packet, without what the seal takes.
    pub(super) fn content_per_packet(&self) -> u16 {
        let seal = SealConfig::margins(self.seal.as_ref()).bytes();
        self.segment_size.saturating_sub(seal as u16)
    }

    pub(super) fn engine_config(&self, rng: &mut Rng) -> Result<SenderConfig, SendError> {
        if self.rate == Some(0) {
            return Err(ConfigProblem::ZeroRate.into());
        }
        let code = RsCode::new(self.form, Points::Rizzo, self.block_len, self.parity);
        let (block_len, parity) = (self.block_len, self.parity);
        let code = code.map_err(|error| ConfigProblem::Code { block_len, parity, error })?;
        let margins = SealConfig::margins(self.seal.as_ref());
        let base = SenderConfig::new(self.node.map_or_else(|| NodeId::draw(rng), NodeId));
        Ok(SenderConfig {
            rate: self.rate,
            control: self.control,
            packets: PacketOptions {
                overhead: PacketOverhead::to(self.group.ip()).with(margins),
                signature: SealConfig::signature(self.seal.as_ref()),
                ..PacketOptions::default()
            },
            segment_size: self.content_per_packet(),
            scheme: Scheme::ReedSolomon(code),
            mode: self.mode,
            patience: self.patience,
            min_receivers: self.min_receivers,
            start: StartLimits { timeout: self.start_timeout, ..StartLimits::default() },
            linger: self.linger,
            max_receivers: base.max_receivers.max(self.min_receivers),
            ..base
        })
    }
}

/// The options of [`ObjectReceiver::open`](super::ObjectReceiver::open):
/// [`ObjectReceiveOptions::new`] has the defaults, and each field can be set. More fields may come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ObjectReceiveOptions {
    /// Multicast group and port of the session, or an address of this machine for a unicast
    /// session, whose feedback is always unicast.
    pub group: SocketAddr,
    /// Interface to join on; without it the routing table decides.
    pub interface: Option<InterfaceSpec>,
    /// How feedback travels to senders.
    pub feedback: Feedback,
    /// TTL (hop limit) of feedback to the group, 1 to 255.
    pub ttl: u32,
    /// Whether senders on this machine hear feedback to the group.
    pub loopback: bool,
    /// Our node id, not 0 or 2^32 - 1; `None` draws one. Another is drawn when it turns out taken.
    pub node: Option<u32>,
    /// What this receiver calls itself; cut at 64 bytes. Only senders of our own make ask for it.
    pub name: String,
    /// Take only what is sealed, and seal feedback. `None`: they may be of any machine.
    pub seal: Option<SealConfig>,
    /// Largest DATA object taken, in bytes; larger ones are refused.
    pub max_data: usize,
    /// Memory for DATA objects under way or not fetched yet, in bytes. One is always taken.
    pub memory: usize,
    /// Bytes of each stream held for reading; for repair as many again.
    pub stream_buffer: usize,
    /// Streams at once; further ones are refused.
    pub max_streams: usize,
    /// Where to begin in a session that is under way.
    pub join: JoinPolicy,
    /// Silence after which a sender counts as gone, with everything that is not complete.
    pub patience: Duration,
    /// How long [`ObjectReceiver::close`](super::ObjectReceiver::close) waits until senders have
    /// heard the last confirmations.
    pub leave: Duration,
}

impl ObjectReceiveOptions {
    /// The defaults: multicast feedback with TTL 1, objects of up to 64 MiB with 128 MiB of
    /// memory, 16 streams of 4 MiB, everything from the first object heard, a patience of 20 s.
    pub fn new(group: SocketAddr) -> Self {
        Self {
            group,
            interface: None,
            feedback: Feedback::Multicast,
            ttl: 1,
            loopback: true,
            node: None,
            name: String::new(),
            seal: None,
            max_data: 64 << 20,
            memory: 128 << 20,
            stream_buffer: 64 << 20,
            max_streams: 16,
            join: JoinPolicy::Object,
            patience: Duration::from_secs(20),
            leave: Duration::from_secs(5),
        }
    }

    /// The same with changes, such as `.with(|options| options.ttl = 2)`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(super) fn check(&self) -> Result<(), ReceiveError> {
        let reserved = |id: &u32| [NodeId::NONE, NodeId::ANY].contains(&NodeId(*id));
        if self.node.as_ref().is_some_and(reserved) {
            return Err(ReceiveError::Config(ConfigError::ReservedNode.into()));
        }
        Ok(())
    }

    pub(super) fn link_config(&self) -> LinkConfig {
        LinkConfig {
            interface: self.interface.clone(),
            ttl: self.ttl,
            loopback: self.loopback,
            bind_session_port: true,
            ..LinkConfig::new(self.group)
        }
    }

    pub(super) fn engine_config(&self, rng: &mut Rng) -> ReceiverConfig {
        let identity = Identity(rng.next_bytes());
        let feedback = match self.feedback {
            Feedback::Multicast if !self.group.ip().is_multicast() => Feedback::Unicast,
            feedback => feedback,
        };
        ReceiverConfig {
            name: self.name.clone(),
            node: self.node.map(NodeId),
            feedback,
            join: self.join,
            max_blocks: 1 << 12,
            accept_streams: true,
            stream_buffer: self.stream_buffer,
            patience: self.patience,
            margins: SealConfig::margins(self.seal.as_ref()),
            // Their content has no hash, and objects need have no INFO.
            trust: self.seal.as_ref().map_or(Trust::All, |_| Trust::Data),
            ..ReceiverConfig::new(identity)
        }
    }
}
