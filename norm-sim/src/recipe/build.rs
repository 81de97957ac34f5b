//! The scenario of a recipe.

mod flute;
mod roster;

use core::time::Duration;

use bytes::Bytes;
use norm_core::fec::{Layout, MAX_RS8_SYMBOLS, MAX_RS16_SYMBOLS, Points, RsCode, RsForm, Scheme};
use norm_core::norm::receiver::{Feedback, JoinPolicy};
use norm_core::norm::sender::{ObjectSpec, PacketSize, Passes, Payload, RateControl, SenderConfig};
use norm_core::norm::wire::NodeId;
use norm_seal::Suite;

use super::Recipe;
use super::feature::{Feature, FecId, Place};
use crate::clock::Clock;
use crate::rule::Rule;
use crate::scenario::{
    AttackerPlan, Change, Control, HeldPlan, Host, Link, ReceiverPlan, Role, Scenario, SenderPlan,
    Switch, TcpPlan, WantedPlan, WithdrawalPlan,
};

/// How long a sender waits for receivers that join or restart.
const REJOIN_TIME: Duration = Duration::from_secs(6);
/// Bits per second of a TCP flow, so that it does not take too much of the swarm's time.
const TCP_RATE: u64 = 10_000_000;
/// The shortest segments that a sender falls back to: queries and other commands fit them.
const MIN_SEGMENT: u16 = 256;
/// Parity symbols of a code over GF(2^8), at most.
const MAX_RS8_PARITY: u16 = 55;

/// The scenario that a recipe describes.
pub(super) fn scenario(recipe: &Recipe) -> Scenario {
    let mut scenario = unsealed(recipe);
    let roster = recipe.features.iter().find_map(|feature| match feature {
        Feature::Roster { keys } => Some(*keys),
        _ => None,
    });
    if let Some(keys) = roster {
        roster::expect_all(&mut scenario, keys);
    }
    let sealed = recipe.features.iter().find_map(|feature| match feature {
        Feature::Sealed { chacha: true } => Some(Suite::ChaCha20Poly1305),
        Feature::Sealed { chacha: false } => Some(Suite::Aes256Gcm),
        Feature::Roster { keys: true } => Some(Suite::default()),
        _ => None,
    });
    if let Some(suite) = sealed {
        scenario.seal(suite);
    }
    scenario
}

/// The same, with everything in the clear.
fn unsealed(recipe: &Recipe) -> Scenario {
    let session = recipe.features.iter().find_map(|feature| match feature {
        Feature::Flute(session) => Some(session),
        _ => None,
    });
    if let Some(session) = session {
        return flute::scenario(recipe, session);
    }
    let mut scenario = Scenario::new(recipe.seed, 0);
    let sender = scenario.sender();
    configure(recipe, &mut sender.config, recipe.rate_kbit);
    sender.objects = objects(recipe, &recipe.sizes);
    let delay = Duration::from_micros(recipe.delay_us.max(1).into());
    let link = Link { delay, ..Link::default() };
    scenario = scenario.receivers(recipe.receivers.max(1) as usize, &link);
    // Without a code each loss is named, and short segments have room for few names.
    scenario.limit = limit(recipe) * if recipe.no_code { 10 } else { 1 };
    scenario.may_fail = may_fail(recipe);
    // A receiver that loses the whole of a small first object must want it all the same.
    plans(&mut scenario, 1).for_each(|plan| plan.config.join = JoinPolicy::All);
    for feature in &recipe.features {
        apply(recipe, feature, &mut scenario);
    }
    scenario
}

fn configure(recipe: &Recipe, config: &mut SenderConfig, rate_kbit: u32) {
    config.rate = Some(u64::from(rate_kbit.max(1)) * 1000);
    config.segment_size = recipe.segment_size.clamp(64, 65_000);
    config.block_len = recipe.block_len.clamp(1, 56_403);
    config.scheme = scheme(recipe);
}

/// A Reed-Solomon code. `None` unless all objects fit it.
fn code(recipe: &Recipe, id: FecId, parity: u16) -> Option<RsCode> {
    let segment_size = recipe.segment_size.clamp(64, 65_000);
    let (form, max, parity) = match id {
        // Symbols of id 2 are of 16-bit words.
        FecId::Id2 if recipe.segment_size.is_multiple_of(2) => {
            (RsForm::Id2Bits16, MAX_RS16_SYMBOLS, parity.min(MAX_RS16_SYMBOLS))
        }
        FecId::Id129 => {
            (RsForm::Id129, MAX_RS8_SYMBOLS - MAX_RS8_PARITY, parity.min(MAX_RS8_PARITY))
        }
        _ => (RsForm::Id5, MAX_RS8_SYMBOLS - MAX_RS8_PARITY, parity.min(MAX_RS8_PARITY)),
    };
    let block_len = recipe.block_len.clamp(1, max.into()) as u16;
    let code = RsCode::new(form, Points::Rizzo, block_len, parity).ok()?;
    let fits = |&size: &u64| Layout::reed_solomon(size, segment_size, code).is_ok();
    recipe.sizes.iter().all(fits).then_some(code)
}

fn objects(recipe: &Recipe, sizes: &[u64]) -> Vec<ObjectSpec> {
    let (t, k) = (recipe.segment_size.max(64), recipe.block_len.max(1));
    let max = if recipe.no_code {
        Layout::max_no_code_object(t, k)
    } else {
        Layout::max_raptorq_object(t, k)
    };
    let spec = |(n, size): (usize, &u64)| ObjectSpec {
        size: (*size).min(max),
        info: recipe.info.then(|| Bytes::from(format!("object {n}"))),
        file: n % 2 == 0,
    };
    sizes.iter().enumerate().map(spec).collect()
}

/// The limit of virtual time: thirty times what the bytes take at the rate, fifty NACK cycles, and
/// two minutes.
fn limit(recipe: &Recipe) -> Duration {
    let backoff = recipe.features.iter().find_map(|feature| match feature {
        Feature::Backoff(backoff) => Some(u32::from(*backoff)),
        _ => None,
    });
    let round_trip = Duration::from_micros(recipe.delay_us.into()) * 2;
    let cycles = round_trip * (2 * backoff.unwrap_or(4) + 4) * 50;
    let bits = recipe.sizes.iter().sum::<u64>().saturating_mul(8);
    let millis = bits / u64::from(recipe.rate_kbit.max(1));
    Duration::from_secs(120) + Duration::from_millis(millis) * 30 + cycles
}

/// True when a receiver may end incomplete, or a sender wait for ever, without a fault of the
/// engines. Content that a receiver lost before it knew what it wants is not repaired, nor is that
/// of receivers whose feedback does not arrive; and attackers that report receivers make a sender
/// wait for these.
fn may_fail(recipe: &Recipe) -> bool {
    let has = |test: fn(&Feature) -> bool| recipe.features.iter().any(test);
    let unheard = has(|f| matches!(f, Feature::Silent { .. } | Feature::OneWay { .. }));
    let choosy = has(|f| matches!(f, Feature::JoinPolicy { .. }));
    let waits = has(|f| matches!(f, Feature::WaitFor));
    let dies = has(|f| matches!(f, Feature::Dies { .. }));
    // A late receiver with a smaller path MTU than the others is waited for in vain, and a second
    // sender does not look for it.
    let late = has(|f| {
        matches!(
            f,
            Feature::Joins { .. }
                | Feature::Restarts { .. }
                | Feature::Stalls { .. }
                | Feature::SecondSender { .. }
                | Feature::SameNode { .. }
                | Feature::Roster { keys: true }
        )
    });
    let short = has(|f| matches!(f, Feature::PathMtu { .. }));
    has(Feature::denies)
        || short && (late || unheard || choosy)
        || (unheard || choosy) && has(Feature::loses)
        || waits && dies
}

fn apply(recipe: &Recipe, feature: &Feature, scenario: &mut Scenario) {
    use Feature as F;
    match feature {
        F::Tree { .. }
        | F::Fault { .. }
        | F::WayBack { .. }
        | F::FarAway { .. }
        | F::PathMtu { .. } => {
            apply_to_network(feature, scenario);
        }
        F::ReedSolomon { .. }
        | F::Control { .. }
        | F::Backoff(_)
        | F::PacketSizes
        | F::Payload { .. }
        | F::Withdraws { .. }
        | F::Carousel { .. }
        | F::WaitFor
        | F::SlowRead { .. }
        | F::SmallCache { .. }
        | F::FirstObject(_)
        | F::Linger { .. } => apply_to_sender(recipe, feature, scenario),
        F::Unicast { .. }
        | F::Silent { .. }
        | F::OneWay { .. }
        | F::Snooping { .. }
        | F::JoinPolicy { .. }
        | F::SlowDisk { .. }
        | F::FullDisk { .. }
        | F::FewBlocks { .. }
        | F::Store { .. }
        | F::OnDisk { .. }
        | F::Only { .. }
        | F::SameNode { .. } => apply_to_receivers(feature, scenario),
        F::Joins { .. }
        | F::Restarts { .. }
        | F::Dies { .. }
        | F::Stalls { .. }
        | F::Moves { .. }
        | F::Clock { .. } => apply_to_lives(feature, scenario),
        // Then the whole scenario is another one, or that comes last.
        F::Flute(_) | F::Sealed { .. } | F::Roster { .. } => {}
        F::Attacker { .. } | F::SecondSender { .. } | F::Tcp { .. } => {
            add_host(recipe, feature, scenario);
        }
    }
}

fn apply_to_network(feature: &Feature, scenario: &mut Scenario) {
    match *feature {
        Feature::Tree { branches } => tree(scenario, branches.clamp(1, 64)),
        Feature::Fault { place, ref rule } => fault(scenario, place, rule),
        Feature::WayBack { delay_us } => {
            for link in receiver_links(scenario, 1) {
                link.delay_up = Some(Duration::from_micros(delay_us.max(1).into()));
            }
        }
        Feature::FarAway { every, delay_us } => {
            for link in receiver_links(scenario, every) {
                link.delay = Duration::from_micros(delay_us.max(1).into());
            }
            // The estimate of the RFC is for equal round trips.
            scenario.check_nacks = false;
        }
        Feature::PathMtu { every, size, from_ms } => path_mtu(scenario, every, size, from_ms),
        ref other => unreachable!("{other:?} does not concern the network"),
    }
}

fn apply_to_sender(recipe: &Recipe, feature: &Feature, scenario: &mut Scenario) {
    let config = &mut scenario.sender().config;
    match *feature {
        Feature::ReedSolomon { id, parity } => {
            if let Some(code) = code(recipe, id, parity) {
                config.scheme = Scheme::ReedSolomon(code);
                scenario.limit = limit(recipe) * 10;
            }
        }
        Feature::Control { fair } => {
            config.control = if fair { RateControl::Fair } else { RateControl::Auto };
            config.rate_min = config.rate.unwrap_or(0) / 4;
            scenario.limit = limit(recipe) * 10;
        }
        Feature::PacketSizes => look_for_sizes(config),
        Feature::Payload { missing } => {
            config.payload = if missing { Payload::Missing } else { Payload::Auto };
            // The estimate of the RFC is for what is lost.
            scenario.check_nacks &= !missing;
        }
        Feature::Withdraws { at_ms, chunk, share } => {
            let plan = WithdrawalPlan { at: millis(at_ms), chunk, share };
            scenario.sender().withdrawal = Some(plan);
            // What was mixed is asked for again.
            scenario.check_nacks = false;
            scenario.limit *= 2;
        }
        Feature::Carousel { passes, once, interleave } => {
            carousel(config, passes, once, interleave);
            // No other code has passes.
            config.scheme = scheme(recipe);
            scenario.limit *= 1 + passes.max(1);
            // In passes no receiver asks for what it loses.
            scenario.check_nacks = false;
        }
        Feature::Backoff(backoff) => config.backoff = Some(backoff.min(15)),
        Feature::WaitFor => {
            config.min_receivers = recipe.receivers as usize;
            config.start.timeout = Some(Duration::from_secs(15));
        }
        Feature::SlowRead { delay_us } => {
            scenario.sender().read_delay = Duration::from_micros(delay_us.into());
        }
        Feature::SmallCache { bytes } => config.cache.bytes = bytes as usize,
        Feature::FirstObject(key) => config.first_object = key,
        Feature::Linger { ms } => linger(scenario, millis(ms)),
        ref other => unreachable!("{other:?} does not concern the sender"),
    }
}

fn apply_to_receivers(feature: &Feature, scenario: &mut Scenario) {
    match *feature {
        Feature::Unicast { every } => feedback(scenario, every, Feedback::Unicast),
        Feature::Silent { every } => feedback(scenario, every, Feedback::None),
        Feature::OneWay { every } => fault(scenario, Place::Up(every), &Rule::Nothing),
        Feature::Snooping { every } => {
            feedback(scenario, every, Feedback::Unicast);
            fault(scenario, Place::Up(every), &Rule::NoMulticast);
        }
        Feature::JoinPolicy { every, next } => {
            let policy = if next { JoinPolicy::Current } else { JoinPolicy::Object };
            plans(scenario, every).for_each(|plan| plan.config.join = policy);
        }
        Feature::SlowDisk { every, delay_us } => {
            let delay = Duration::from_micros(delay_us.into());
            plans(scenario, every).for_each(|plan| plan.store_delay = delay);
        }
        Feature::FullDisk { every, after } => {
            plans(scenario, every).for_each(|plan| plan.disk_full_after = Some(after));
        }
        Feature::FewBlocks { every, blocks } => {
            let blocks = blocks.max(1) as usize;
            plans(scenario, every).for_each(|plan| plan.config.max_blocks = blocks);
            // Blocks come one after another, each asked for, and that takes time.
            scenario.limit *= 10;
        }
        Feature::Store { every } => {
            plans(scenario, every).for_each(|plan| plan.real_store = true);
        }
        Feature::OnDisk { every, chunk, missing, compare_us, unreadable } => {
            let compare_time = Duration::from_micros(compare_us.into());
            let expected = all_have_info(scenario);
            let held = HeldPlan { chunk, missing, compare_time, expected, unreadable };
            plans(scenario, every).for_each(|plan| plan.held = Some(held));
            // They lack different things, and ask as they compare.
            scenario.check_nacks = false;
        }
        Feature::Only { every, chunk, share } => {
            let wanted = WantedPlan { chunk, share, expected: all_have_info(scenario) };
            plans(scenario, every).for_each(|plan| plan.wanted = Some(wanted));
            // They ask for different things.
            scenario.check_nacks = false;
        }
        Feature::SameNode { every } => {
            for (n, plan) in plans(scenario, every).enumerate() {
                plan.config.node = Some(NodeId(if n == 0 { 1 } else { 77 }));
            }
        }
        ref other => unreachable!("{other:?} does not concern receivers"),
    }
}

/// True when all objects of all senders have INFO.
fn all_have_info(scenario: &Scenario) -> bool {
    scenario.hosts.iter().all(|host| match &host.role {
        Role::Sender(plan) => plan.objects.iter().all(|object| object.info.is_some()),
        _ => true,
    })
}

fn apply_to_lives(feature: &Feature, scenario: &mut Scenario) {
    match *feature {
        Feature::Joins { every, at_ms } => {
            let at = millis(at_ms);
            linger(scenario, at + REJOIN_TIME);
            for host in receivers(scenario, every) {
                host.life.insert(0, (at, Change::Start));
            }
        }
        Feature::Restarts { every, at_ms } => {
            let at = millis(at_ms);
            linger(scenario, at + REJOIN_TIME);
            change(receivers(scenario, every), at, Change::Start);
        }
        Feature::Dies { every, at_ms } => {
            change(receivers(scenario, every), millis(at_ms), Change::Stop);
        }
        Feature::Stalls { every, at_ms, for_ms, buffer } => {
            plans(scenario, 1).for_each(|plan| plan.socket_buffer = buffer);
            let hosts = scenario.hosts.iter_mut().step_by(step(every));
            change(hosts, millis(at_ms), Change::Stall(millis(for_ms)));
        }
        Feature::Moves { every, ref at_ms } => {
            // Receivers that have moved count as late ones for a while.
            linger(scenario, REJOIN_TIME);
            for &at_ms in at_ms {
                let hosts = scenario.hosts.iter_mut().step_by(step(every));
                change(hosts, millis(at_ms), Change::Move);
            }
        }
        Feature::Clock { every, offset_ms, drift_ppm, late_us } => {
            let late = Duration::from_micros(late_us.into());
            let clock = Clock { offset: millis(offset_ms), drift_ppm, late };
            let hosts = scenario.hosts.iter_mut().step_by(step(every));
            hosts.for_each(|host| host.clock = clock);
        }
        ref other => unreachable!("{other:?} does not change the lives of hosts"),
    }
}

fn add_host(recipe: &Recipe, feature: &Feature, scenario: &mut Scenario) {
    match *feature {
        Feature::Attacker { ref attacks, rate, at_ms } => {
            let plan = AttackerPlan { attacks: attacks.clone(), rate };
            let attacker = Host::new(Role::Attacker(plan), Link::default());
            scenario.add(attacker.joining(millis(at_ms)));
        }
        Feature::SecondSender { ref sizes, rate_kbit } => {
            let mut plan = SenderPlan::new(0);
            configure(recipe, &mut plan.config, rate_kbit);
            plan.config.node = NodeId(2);
            plan.config.linger = scenario.sender().config.linger;
            plan.objects = objects(recipe, sizes);
            scenario.add(Host::new(Role::Sender(plan), Link::default()));
        }
        Feature::Tcp { cubic } => {
            let control = if cubic { Control::Cubic } else { Control::Reno };
            let mut sink = Host::new(Role::Tcp(TcpPlan::Sink), Link::default());
            sink.switch = scenario.hosts.get(1).map_or(0, |receiver| receiver.switch);
            let to = scenario.add(sink);
            let source = Role::Tcp(TcpPlan::Source { to, control });
            let up = vec![Rule::bottleneck(TCP_RATE, Duration::from_millis(50))];
            scenario.add(Host::new(source, Link { up, ..Link::default() }));
        }
        ref other => unreachable!("{other:?} adds no host"),
    }
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

fn step(every: u32) -> usize {
    every.max(1) as usize
}

fn receivers(scenario: &mut Scenario, every: u32) -> impl Iterator<Item = &mut Host> {
    let is_receiver = |role: &Role| matches!(role, Role::Receiver(_) | Role::FluteReceiver(_));
    let receivers = scenario.hosts.iter_mut().filter(move |host| is_receiver(&host.role));
    receivers.step_by(step(every))
}

fn receiver_links(scenario: &mut Scenario, every: u32) -> impl Iterator<Item = &mut Link> {
    receivers(scenario, every).map(|host| &mut host.link)
}

fn plans(scenario: &mut Scenario, every: u32) -> impl Iterator<Item = &mut ReceiverPlan> {
    scenario.receiver_plans().step_by(step(every))
}

fn feedback(scenario: &mut Scenario, every: u32, feedback: Feedback) {
    plans(scenario, every).for_each(|plan| plan.config.feedback = feedback);
}

/// Senders stay after the end for at least this time.
fn linger(scenario: &mut Scenario, min: Duration) {
    for host in &mut scenario.hosts {
        if let Role::Sender(plan) = &mut host.role {
            plan.config.linger = plan.config.linger.max(min);
        }
    }
}

/// Adds a change to the lives of hosts. Hosts without a `Start` get one at the beginning.
fn change<'a>(hosts: impl Iterator<Item = &'a mut Host>, at: Duration, what: Change) {
    for host in hosts {
        if !host.life.iter().any(|(_, change)| *change == Change::Start) {
            host.life.push((Duration::ZERO, Change::Start));
        }
        host.life.push((at, what));
        host.life.sort_by_key(|(at, _)| *at);
    }
}

fn tree(scenario: &mut Scenario, branches: u32) {
    let first = scenario.switches.len() as u32;
    scenario.switches.extend((0..branches).map(|_| Switch::default()));
    for (n, host) in receivers(scenario, 1).enumerate() {
        host.switch = first + n as u32 % branches;
    }
}

/// Everything is sent in passes, or once with a share of coded symbols on top.
fn carousel(config: &mut SenderConfig, passes: u32, once: Option<u32>, interleave: Option<u32>) {
    let passes = match once {
        Some(overhead) => Passes::Once { overhead: overhead.min(1000) },
        None => Passes::Times(passes.max(1)),
    };
    let interleave = interleave.map(|bytes| bytes.max(1).into());
    config.payload = Payload::Carousel { passes, interleave };
    config.control = RateControl::Fixed;
}

/// The code, but for features that choose another one.
fn scheme(recipe: &Recipe) -> Scheme {
    if recipe.no_code { Scheme::NoCode } else { Scheme::RaptorQ }
}

/// The sender looks for the length of packets: that of its settings, and some that are shorter.
fn look_for_sizes(config: &mut SenderConfig) {
    let longest = config.segment_size;
    let segments = [longest, longest / 4 * 3, longest / 2].map(|size| size / 2 * 2);
    let sizes = segments.map(|segment| PacketSize { packet: packet(segment), segment });
    config.packets.sizes = sizes.into_iter().filter(|size| size.segment >= MIN_SEGMENT).collect();
    if let Some(first) = config.packets.sizes.first_mut() {
        *first = PacketSize { packet: packet(longest), segment: longest };
    }
}

/// Bytes of an IP packet that has room for a segment and all headers.
fn packet(segment: u16) -> u16 {
    segment.saturating_add(120)
}

fn path_mtu(scenario: &mut Scenario, every: u32, size: u8, from_ms: u32) {
    let config = &mut scenario.sender().config;
    look_for_sizes(config);
    let sizes = &config.packets.sizes;
    let Some(size) = sizes.get(usize::from(size)).or(sizes.last()).copied() else { return };
    let bytes = size.packet.into();
    let rule = match from_ms {
        0 => Rule::Mtu(bytes),
        ms => Rule::MtuFrom { from: millis(ms), bytes },
    };
    fault(scenario, Place::Down(every), &rule);
}

fn fault(scenario: &mut Scenario, place: Place, rule: &Rule) {
    let add = |rules: &mut Vec<Rule>| rules.push(rule.clone());
    match place {
        Place::SenderOut => add(&mut scenario.hosts[0].link.up),
        Place::SenderIn => add(&mut scenario.hosts[0].link.down),
        Place::TrunkDown => {
            scenario.switches.iter_mut().skip(1).for_each(|s| add(&mut s.link.down));
        }
        Place::TrunkUp => scenario.switches.iter_mut().skip(1).for_each(|s| add(&mut s.link.up)),
        Place::Down(every) => receiver_links(scenario, every).for_each(|l| add(&mut l.down)),
        Place::Up(every) => receiver_links(scenario, every).for_each(|l| add(&mut l.up)),
    }
}
