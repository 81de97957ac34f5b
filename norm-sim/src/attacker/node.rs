//! The attacker as a node: when it sends, and what.

use core::time::Duration;

use norm_core::fileset::{ManifestHash, SetId};
use norm_core::{Rng, Timestamp};
use norm_seal::exercise::Forgery;
use norm_seal::{Signer, Statement};

use super::choice::{byte, bytes, choose, one_of};
use super::corruption;
use super::listener::Listener;
use super::messages::{feedback, flute, path_report, sender};
use crate::host::seal::forge;
use crate::node::{Node, Outbox};
use crate::packet::{HostId, Packet, To};
use crate::scenario::{Attack, AttackerPlan};

/// What a member says in the name of a sender.
const MEMBER: [Attack; 6] = [
    Attack::ForgedEot,
    Attack::ForgedFlush,
    Attack::ForgedSquelch,
    Attack::ForgedData,
    Attack::FalseMoves,
    Attack::Member,
];

/// The shortest time to a timeout, which must be later than now.
const TICK: Duration = Duration::from_nanos(1);

/// What a member states of a set in the name of a sender: signed by its own long-term key, or by
/// none.
fn statement(rng: &mut Rng) -> Vec<u8> {
    let statement = Statement {
        set: SetId([0x55; 16]),
        manifest: ManifestHash([0x56; 32]),
        list: Some([byte(rng); 32]),
        serial: u64::MAX,
        created: rng.next_u64(),
        expires: u64::MAX,
        name: "forged".to_owned(),
    };
    let own = Signer::from_seed([0xbd; 32]);
    statement.encode(rng.chance(0.7).then_some(&own))
}

/// An attacker on host `me`.
pub(crate) fn node(plan: &AttackerPlan, me: HostId, seed: u64) -> Box<dyn Node> {
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
    Box::new(Attacker {
        attacks,
        gap,
        script,
        script_sent: 0,
        rng: Rng::new(seed),
        seed,
        listener: Listener::default(),
        started: Timestamp::ZERO,
        due: Timestamp::MAX,
    })
}

struct Attacker {
    attacks: Vec<Attack>,
    /// Time from one packet to the next; `None` without packets but the script's.
    gap: Option<Duration>,
    /// Datagrams of scripts, in order of time.
    script: Vec<(Duration, Vec<u8>)>,
    /// Number of datagrams of the script that are sent.
    script_sent: usize,
    seed: u64,
    rng: Rng,
    listener: Listener,
    started: Timestamp,
    /// Time of the next packet that is not of the script.
    due: Timestamp,
}

impl Node for Attacker {
    fn start(&mut self, now: Timestamp, _out: &mut Outbox) {
        self.rng = Rng::new(self.seed);
        self.listener = Listener::default();
        self.started = now;
        self.script_sent = 0;
        self.due = self.gap.map_or(Timestamp::MAX, |gap| now + gap);
    }

    fn stop(&mut self, _now: Timestamp) {
        self.due = Timestamp::MAX;
        self.script_sent = self.script.len();
    }

    fn receive(&mut self, _now: Timestamp, packet: &Packet, _out: &mut Outbox) {
        self.listener.observe(packet, &mut self.rng);
    }

    fn timeout(&mut self, now: Timestamp, out: &mut Outbox) {
        while let Some((at, packet)) = self.script.get(self.script_sent)
            && self.started + *at <= now
        {
            out.send(To::Group, packet);
            self.script_sent += 1;
        }
        if self.due <= now
            && let Some(gap) = self.gap
        {
            // What a pause has missed is not made up for.
            self.due = if self.due + gap > now { self.due + gap } else { now + gap };
            let as_member = choose(&self.attacks, &mut self.rng) == Some(&Attack::Member);
            if as_member {
                if let Some((host, packet)) = self.forged() {
                    out.send_as(Some(host), To::Group, &packet);
                }
            } else if let Some((to, packet)) = self.packet() {
                out.send(to, &packet);
            }
        }
    }

    fn next(&self) -> Timestamp {
        let script = self.script.get(self.script_sent).map(|(at, _)| self.started + *at);
        self.due.min(script.unwrap_or(Timestamp::MAX))
    }
}

impl Attacker {
    /// A packet that a member of the group forges in the name of a sender, and from where it seems
    /// to come.
    fn forged(&mut self) -> Option<(HostId, Vec<u8>)> {
        let Self { listener, rng, .. } = self;
        let ahead = one_of([1, 2, 9, 300], rng);
        let forgery = match rng.below(7) {
            0 => Forgery::Hello,
            1 | 2 => Forgery::Signed(ahead),
            3 => Forgery::Statement(ahead),
            4 => Forgery::Proof(ahead),
            _ => Forgery::Unsigned(ahead),
        };
        let (host, header, text) = match choose(&listener.senders, rng) {
            Some(sender) => {
                let attack = choose(&MEMBER, rng)?;
                let text = sender::build(attack, sender, listener, rng);
                (sender.host, sender.sealed?, text)
            }
            None => {
                let other = choose(&listener.others, rng)?;
                (other.host, other.header, flute::build(&other.plain, rng)?)
            }
        };
        let text = match forgery {
            Forgery::Statement(_) => statement(rng),
            Forgery::Proof(_) => bytes(rng, 64),
            _ => text,
        };
        Some((host, forge(&header, &text, forgery)?))
    }

    /// The next packet; `None` when too few packets were observed for it.
    fn packet(&mut self) -> Option<(To, Vec<u8>)> {
        let Self { attacks, listener, rng, .. } = self;
        let attack = choose(attacks, rng)?;
        Some(match attack {
            Attack::Bytes(bytes) => (To::Group, bytes.clone()),
            Attack::Script(_) | Attack::Member => return None,
            Attack::Noise => (To::Group, corruption::noise(rng)),
            Attack::Mutate => {
                let packet = corruption::mutate(listener, rng)?;
                let host = choose(&listener.hosts, rng).copied();
                let alone = host.filter(|_| rng.chance(0.25));
                (alone.map_or(To::Group, To::Host), packet)
            }
            Attack::Replay => (To::Group, corruption::replay(listener, rng)?),
            Attack::NackFlood
            | Attack::WholeObject
            | Attack::FalseReports
            | Attack::FalseAcks
            | Attack::FalseRoundTrip
            | Attack::ForgedClr => {
                let sender = choose(&listener.senders, rng)?;
                let packet = feedback::build(attack, sender, listener, rng);
                let to = if rng.chance(0.5) { To::Group } else { To::Host(sender.host) };
                (to, packet)
            }
            Attack::FalsePath(lie) => {
                let sender = choose(&listener.senders, rng)?;
                (To::Group, path_report::build(*lie, sender, listener, rng))
            }
            Attack::Collisions => {
                let sender = choose(&listener.senders, rng)?;
                let packet = if rng.chance(0.7) {
                    feedback::build(attack, sender, listener, rng)
                } else {
                    sender::build(attack, sender, listener, rng)
                };
                (To::Group, packet)
            }
            Attack::ForgedFlush
            | Attack::ForgedEot
            | Attack::ForgedSquelch
            | Attack::ForgedData
            | Attack::FalseRepairAdv
            | Attack::FalseMoves
            | Attack::NewInstances => {
                let sender = choose(&listener.senders, rng)?;
                (To::Group, sender::build(attack, sender, listener, rng))
            }
        })
    }
}
