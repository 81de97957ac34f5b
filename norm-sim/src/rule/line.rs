//! The rules of one direction of a link, with their state.

use core::time::Duration;

use norm_core::{Rng, Timestamp};

use super::Rule;
use super::bottleneck::Bottleneck;
use super::chance::Chance;
use crate::clock::START;
use crate::packet::{Body, Packet, To};

/// The rules of a direction.
///
/// Most lines of a large run are empty or lose packets at random. So a leading [`Rule::Loss`] has a
/// field of its own: such a line costs a countdown and no memory access through a pointer.
#[derive(Debug)]
pub(crate) struct Line {
    /// The leading loss.
    loss: Chance,
    /// The other rules.
    steps: Box<[Step]>,
    only_drops: bool,
    rng: Rng,
}

/// The fate of a packet: it arrives never, once or twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) arrivals: [Option<Arrival>; 2],
}

/// One arrival of a packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Delay in addition to the link's own.
    pub(crate) delay: Duration,
    /// The packet has a CE mark, from here or from before.
    pub(crate) ce: bool,
    /// Damage of its bytes; the last one if there are several.
    pub(crate) damage: Option<Damage>,
}

/// Damage of a packet's bytes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// This bit is flipped.
    Flip { bit: u32 },
    /// Only this many bytes are left.
    Cut { len: u32 },
}

impl Damage {
    /// The damaged payload.
    pub(crate) fn apply(self, payload: &[u8]) -> Vec<u8> {
        let mut bytes = payload.to_vec();
        match self {
            Self::Flip { bit } => {
                if let Some(byte) = bytes.get_mut(bit as usize / 8) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            Self::Cut { len } => bytes.truncate(len as usize),
        }
        bytes
    }
}

impl Line {
    pub(crate) fn new(rules: &[Rule], mut rng: Rng) -> Self {
        let (loss, steps) = match rules {
            [Rule::Loss(p), steps @ ..] => (Chance::new(*p, &mut rng), steps),
            _ => (Chance::NEVER, rules),
        };
        let steps: Box<[Step]> = steps.iter().map(|rule| Step::new(rule, &mut rng)).collect();
        let only_drops = steps.iter().all(Step::only_drops);
        Self { loss, steps, only_drops, rng }
    }

    /// True when all rules only drop packets, so that [`Self::passes`] is enough.
    pub(crate) fn only_drops(&self) -> bool {
        self.only_drops
    }

    /// True when the packet arrives, on a line that only drops packets.
    #[inline]
    pub(crate) fn passes(&mut self, now: Timestamp, packet: &Packet) -> bool {
        debug_assert!(self.only_drops, "a line that delays or changes packets needs `apply`");
        if self.loss.happens(&mut self.rng) {
            return false;
        }
        let rng = &mut self.rng;
        self.steps.iter_mut().all(|step| step.on_packet(now, packet, rng) != Effect::Drop)
    }

    /// The fate of a packet that enters the link now.
    pub(crate) fn apply(&mut self, now: Timestamp, packet: &Packet) -> Fate {
        let Self { loss, steps, rng, .. } = self;
        if loss.happens(rng) {
            return Fate::default();
        }
        let mut first = Some(Arrival { ce: packet.ce, ..Arrival::default() });
        let mut second = None;
        for step in steps {
            let mut copy = None;
            for slot in [&mut first, &mut second] {
                let Some(arrival) = slot else { continue };
                match step.on_packet(now, packet, rng) {
                    Effect::Pass => {}
                    Effect::Drop => *slot = None,
                    Effect::Deliver { delay, ce } => {
                        arrival.delay += delay;
                        arrival.ce |= ce && packet.ecn_capable;
                    }
                    Effect::Twice => copy = Some(arrival.clone()),
                    Effect::Damaged(damage) => arrival.damage = Some(damage),
                }
            }
            // The following rules apply to each copy; no packet arrives three times.
            second = second.or(copy);
        }
        Fate { arrivals: [first, second] }
    }
}

/// The effect of one rule on one packet.
#[derive(Copy, Clone, Debug, PartialEq)]
enum Effect {
    Pass,
    Drop,
    Deliver { delay: Duration, ce: bool },
    Twice,
    Damaged(Damage),
}

impl Effect {
    fn drop_if(dropped: bool) -> Self {
        if dropped { Self::Drop } else { Self::Pass }
    }

    fn if_true(self, happens: bool) -> Self {
        if happens { self } else { Self::Pass }
    }

    fn late(delay: Duration) -> Self {
        Self::Deliver { delay, ce: false }
    }
}

/// A rule with its state.
#[derive(Debug)]
enum Step {
    Loss(Chance),
    Bursts { bad: bool, enter: Chance, leave: Chance, loss: Chance },
    LossDuring { from: Timestamp, to: Timestamp, loss: Chance },
    Recorded { lost: Box<[bool]>, from: usize, passed: usize },
    Outage { from: Timestamp, to: Timestamp },
    Mtu(u32),
    MtuFrom { from: Timestamp, bytes: u32 },
    NoMulticast,
    Nothing,
    Rate(Bottleneck),
    Jitter(Duration),
    Late { share: Chance, by: Duration },
    Held { every: Duration, first: Duration },
    Duplicate(Chance),
    Corrupt(Chance),
    Truncate(Chance),
}

impl Step {
    fn new(rule: &Rule, rng: &mut Rng) -> Self {
        let at = |time: Duration| START + time;
        match *rule {
            Rule::Loss(p) => Self::Loss(Chance::new(p, rng)),
            Rule::Bursts { enter, leave, loss } => Self::Bursts {
                // The stationary distribution, so that short runs have the same mean loss.
                bad: rng.chance(enter / (enter + leave)),
                enter: Chance::new(enter, rng),
                leave: Chance::new(leave, rng),
                loss: Chance::new(loss, rng),
            },
            Rule::LossDuring { from, to, loss } => {
                Self::LossDuring { from: at(from), to: at(to), loss: Chance::new(loss, rng) }
            }
            Rule::Recorded(ref lost) => {
                Self::Recorded { lost: lost.as_slice().into(), from: 0, passed: 0 }
            }
            Rule::Outage { from, to } => Self::Outage { from: at(from), to: at(to) },
            Rule::Mtu(bytes) => Self::Mtu(bytes),
            Rule::MtuFrom { from, bytes } => Self::MtuFrom { from: at(from), bytes },
            Rule::NoMulticast => Self::NoMulticast,
            Rule::Nothing => Self::Nothing,
            Rule::Rate { bits, queue, mark } => Self::Rate(Bottleneck::new(bits, queue, mark)),
            Rule::Jitter(max) => Self::Jitter(max),
            Rule::Late { share, by } => Self::Late { share: Chance::new(share, rng), by },
            Rule::Held(every) => {
                let every = every.max(Duration::from_nanos(1));
                Self::Held { every, first: random_part(every, rng) }
            }
            Rule::Duplicate(p) => Self::Duplicate(Chance::new(p, rng)),
            Rule::Corrupt(p) => Self::Corrupt(Chance::new(p, rng)),
            Rule::Truncate(p) => Self::Truncate(Chance::new(p, rng)),
        }
    }

    fn only_drops(&self) -> bool {
        match self {
            Self::Loss(_)
            | Self::Bursts { .. }
            | Self::LossDuring { .. }
            | Self::Recorded { .. }
            | Self::Outage { .. }
            | Self::Mtu(_)
            | Self::MtuFrom { .. }
            | Self::NoMulticast
            | Self::Nothing => true,
            Self::Rate(_)
            | Self::Jitter(_)
            | Self::Late { .. }
            | Self::Held { .. }
            | Self::Duplicate(_)
            | Self::Corrupt(_)
            | Self::Truncate(_) => false,
        }
    }

    fn on_packet(&mut self, now: Timestamp, packet: &Packet, rng: &mut Rng) -> Effect {
        match self {
            Self::Loss(loss) => Effect::drop_if(loss.happens(rng)),
            Self::Bursts { bad, enter, leave, loss } => {
                let change = if *bad { leave } else { enter };
                *bad ^= change.happens(rng);
                Effect::drop_if(*bad && loss.happens(rng))
            }
            Self::LossDuring { from, to, loss } => {
                Effect::drop_if((*from..*to).contains(&now) && loss.happens(rng))
            }
            Self::Recorded { lost, .. } if lost.is_empty() => Effect::Pass,
            Self::Recorded { lost, from, passed } => {
                if *passed == lost.len() {
                    // A random position, so that a short trace does not beat with the traffic.
                    *from = rng.below(lost.len() as u64) as usize;
                    *passed = 0;
                }
                let dropped = lost[(*from + *passed) % lost.len()];
                *passed += 1;
                Effect::drop_if(dropped)
            }
            Self::Outage { from, to } => Effect::drop_if((*from..*to).contains(&now)),
            Self::Mtu(bytes) => Effect::drop_if(packet.size > *bytes),
            Self::MtuFrom { from, bytes } => Effect::drop_if(now >= *from && packet.size > *bytes),
            Self::NoMulticast => Effect::drop_if(packet.to == To::Group),
            Self::Nothing => Effect::Drop,
            Self::Rate(bottleneck) => match bottleneck.send(now, packet.size) {
                Some(passed) => Effect::Deliver { delay: passed.delay, ce: passed.ce },
                None => Effect::Drop,
            },
            Self::Jitter(max) => Effect::late(random_part(*max, rng)),
            Self::Held { every, first } => {
                let since = (now.saturating_since(START) + *every - *first).as_nanos();
                let held = since % every.as_nanos();
                let held = Duration::from_nanos(u64::try_from(held).unwrap_or(0));
                Effect::late(every.saturating_sub(held))
            }
            Self::Late { share, by } => Effect::late(*by).if_true(share.happens(rng)),
            Self::Duplicate(chance) => Effect::Twice.if_true(chance.happens(rng)),
            Self::Corrupt(chance) => match payload_len(packet) {
                Some(len) if chance.happens(rng) => {
                    let bit = rng.below(u64::from(len) * 8) as u32;
                    Effect::Damaged(Damage::Flip { bit })
                }
                _ => Effect::Pass,
            },
            Self::Truncate(chance) => match payload_len(packet) {
                Some(len) if chance.happens(rng) => {
                    Effect::Damaged(Damage::Cut { len: rng.below(len.into()) as u32 })
                }
                _ => Effect::Pass,
            },
        }
    }
}

/// A random part of a time.
fn random_part(time: Duration, rng: &mut Rng) -> Duration {
    Duration::from_nanos(rng.below(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)))
}

/// Number of bytes that can be damaged, if there are any.
fn payload_len(packet: &Packet) -> Option<u32> {
    match &packet.body {
        Body::Datagram(payload) if !payload.is_empty() => u32::try_from(payload.len()).ok(),
        _ => None,
    }
}
