//! The stranger as a host: listens, and sends one packet at a time.

use core::time::Duration;

use norm_core::{Rng, Timestamp};

use crate::packet::{HostId, Node, Outbox, Packet, To};

use super::ears::Ears;
use super::names::choose;
use super::{Attack, StrangerPlan, feedback, garble, path_words, sender_words};

/// The next timeout is always later than now.
const TICK: Duration = Duration::from_nanos(1);

/// A stranger on host `me`.
pub(crate) fn node(plan: &StrangerPlan, me: HostId, seed: u64) -> Box<dyn Node> {
    let seed = seed ^ u64::from(me) << 32;
    let mut script = Vec::new();
    let mut attacks = Vec::new();
    for attack in &plan.attacks {
        match attack {
            Attack::Script(packets) => {
                let later = |(at, packet): &(Duration, Vec<u8>)| ((*at).max(TICK), packet.clone());
                script.extend(packets.iter().map(later));
            }
            other => attacks.push(other.clone()),
        }
    }
    script.sort_by_key(|(at, _)| *at);
    // Without an attack to choose from there is nothing to wake up for.
    let gap = Some(plan.rate).filter(|&rate| rate > 0 && !attacks.is_empty());
    let gap = gap.map(|rate| (Duration::from_secs(1) / rate).max(TICK));
    Box::new(Stranger {
        attacks,
        gap,
        script,
        said: 0,
        rng: Rng::new(seed),
        seed,
        ears: Ears::default(),
        started: Timestamp::ZERO,
        due: Timestamp::MAX,
    })
}

struct Stranger {
    attacks: Vec<Attack>,
    /// From one packet to the next; `None` for none but the script's.
    gap: Option<Duration>,
    /// What is said when, in order of time.
    script: Vec<(Duration, Vec<u8>)>,
    /// Packets of the script that are sent.
    said: usize,
    seed: u64,
    rng: Rng,
    ears: Ears,
    started: Timestamp,
    /// The next packet that is not scripted.
    due: Timestamp,
}

impl Node for Stranger {
    fn start(&mut self, now: Timestamp, _out: &mut Outbox) {
        self.rng = Rng::new(self.seed);
        self.ears = Ears::default();
        (self.started, self.said) = (now, 0);
        self.due = self.gap.map_or(Timestamp::MAX, |gap| now + gap);
    }

    fn stop(&mut self, _now: Timestamp) {
        self.due = Timestamp::MAX;
        self.said = self.script.len();
    }

    fn receive(&mut self, _now: Timestamp, packet: &Packet, _out: &mut Outbox) {
        self.ears.hear(packet, &mut self.rng);
    }

    fn timeout(&mut self, now: Timestamp, out: &mut Outbox) {
        while let Some((at, packet)) = self.script.get(self.said)
            && self.started + *at <= now
        {
            out.send(To::Group, packet);
            self.said += 1;
        }
        if self.due <= now
            && let Some(gap) = self.gap
        {
            // After a pause nothing is made up for.
            self.due = if self.due + gap > now { self.due + gap } else { now + gap };
            if let Some((to, packet)) = self.packet() {
                out.send(to, &packet);
            }
        }
    }

    fn next(&self) -> Timestamp {
        let script = self.script.get(self.said).map(|(at, _)| self.started + *at);
        self.due.min(script.unwrap_or(Timestamp::MAX))
    }
}

impl Stranger {
    /// The next packet; `None` when too little was heard to make one.
    fn packet(&mut self) -> Option<(To, Vec<u8>)> {
        let Self { attacks, ears, rng, .. } = self;
        let attack = choose(attacks, rng)?;
        Some(match attack {
            Attack::Bytes(bytes) => (To::Group, bytes.clone()),
            Attack::Script(_) => return None,
            Attack::Noise => (To::Group, garble::noise(rng)),
            Attack::Mutate => {
                let packet = garble::mutate(ears, rng)?;
                let host = choose(&ears.hosts, rng).copied();
                let alone = host.filter(|_| rng.chance(0.25));
                (alone.map_or(To::Group, To::Host), packet)
            }
            Attack::Replay => (To::Group, garble::replay(ears, rng)?),
            Attack::NackFlood
            | Attack::WholeObject
            | Attack::FalseReports
            | Attack::FalseAcks
            | Attack::FalseRoundTrip
            | Attack::ForgedClr => {
                let sender = choose(&ears.senders, rng)?;
                let packet = feedback::forge(attack, sender, ears, rng);
                let to = if rng.chance(0.5) { To::Group } else { To::Host(sender.host) };
                (to, packet)
            }
            Attack::FalsePath(lie) => {
                let sender = choose(&ears.senders, rng)?;
                (To::Group, path_words::forge(*lie, sender, ears, rng))
            }
            Attack::Collisions => {
                let sender = choose(&ears.senders, rng)?;
                let packet = if rng.chance(0.7) {
                    feedback::forge(attack, sender, ears, rng)
                } else {
                    sender_words::forge(attack, sender, ears, rng)
                };
                (To::Group, packet)
            }
            Attack::ForgedFlush
            | Attack::ForgedEot
            | Attack::ForgedSquelch
            | Attack::ForgedData
            | Attack::FalseRepairAdv
            | Attack::NewInstances => {
                let sender = choose(&ears.senders, rng)?;
                (To::Group, sender_words::forge(attack, sender, ears, rng))
            }
        })
    }
}
