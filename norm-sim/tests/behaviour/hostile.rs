//! Attackers in the group: forged, random and mutated packets during a transfer.

use core::time::Duration;

use norm_core::Rng;
use norm_core::fec::Layout;
use norm_core::norm::wire::{
    Cmd, Command, Data, Eot, ExtensionBuf, Extensions, FecId, Flush, Fti, Header, InstanceId,
    Message, Nack, NodeId, NodeList, ObjectFlags, ObjectId, ObjectList, PayloadFormat, PayloadId,
    QuantizedGroupSize, QuantizedRtt, RepairFlags, RepairForm, RepairItem, RepairWriter,
    SenderFields, Sequence, Squelch, WireTime,
};
use norm_sim::{Attack, AttackerPlan, Change, Host, Link, Role, Scenario, run, seeds};

const MS: Duration = Duration::from_millis(1);

fn scenario(seed: u64) -> Scenario {
    let mut scenario = Scenario::new(seed, 2_000_000).receivers(3, &Link::lossy(0.02));
    // A sender must not wait for receivers that do not exist.
    scenario.sender().config.min_receivers = 3;
    scenario
}

/// Adds an attacker that sends these packets at these times.
fn inject(scenario: &mut Scenario, packets: Vec<(Duration, Vec<u8>)>) {
    let plan = AttackerPlan { attacks: vec![Attack::Script(packets)], rate: 1 };
    let near = Link { delay: MS / 20, ..Link::default() };
    scenario.add(Host::new(Role::Attacker(plan), near));
}

fn emit(source: u32, message: &Message<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.emit(Header { sequence: Sequence(9), source: NodeId(source) }, &mut bytes);
    bytes
}

fn fields(instance: u16) -> SenderFields {
    SenderFields {
        instance: InstanceId(instance),
        grtt: QuantizedRtt::from_duration(MS * 10),
        backoff: 4,
        group_size: QuantizedGroupSize::from_count(100),
    }
}

fn payload_id(block: u32, symbol: u32) -> norm_core::norm::wire::RawPayloadId {
    PayloadId { block, block_len: 0, symbol }.encode(PayloadFormat::Block8Symbol24)
}

/// Messages of node `source`, with all the fields that can be forged.
fn forged(source: u32, instance: u16, rng: &mut Rng) -> Vec<Vec<u8>> {
    let id = ObjectId(rng.next_u32() as u16);
    let raptorq = FecId::RAPTORQ;
    let place = payload_id(rng.next_u32(), rng.next_u32());
    let layout = Layout::choose_raptorq(5_000_000, 1024, 64).unwrap();
    let mut extensions = ExtensionBuf::new();
    extensions.push_fti(&Fti::of(&layout));
    let command = |command| {
        let sender = fields(instance);
        emit(source, &Message::Cmd(Cmd { sender, extensions: Extensions::EMPTY, command }))
    };
    let mut writer = RepairWriter::new(1024);
    let item = |object| RepairItem { fec_id: raptorq, object: ObjectId(object), payload_id: place };
    writer.push_range(RepairFlags::OBJECT, item(0), item(u16::MAX));
    writer.push_range(RepairFlags::BLOCK, item(0), item(0));
    writer.push_item(RepairForm::Erasures, RepairFlags::SEGMENT, item(0));
    let nack = Nack {
        sender: NodeId(1),
        instance: InstanceId(instance),
        reserved: 0,
        grtt_response: WireTime { sec: 1, usec: 5 },
        extensions: Extensions::EMPTY,
        requests: writer.as_requests(),
    };
    let empty = NodeList::EMPTY;
    vec![
        emit(
            source,
            &Message::Data(Data {
                sender: fields(instance),
                flags: ObjectFlags(0),
                fec_id: raptorq,
                object: id,
                payload_id: place,
                extensions: extensions.as_extensions(),
                payload: &[0x5a; 1024],
            }),
        ),
        command(Command::Eot(Eot { reserved: [0; 3] })),
        command(Command::Squelch(Squelch {
            fec_id: raptorq,
            object: id,
            payload_id: place,
            invalid: ObjectList::EMPTY,
        })),
        command(Command::Flush(Flush {
            fec_id: raptorq,
            object: id,
            payload_id: place,
            acking: empty,
        })),
        emit(source.wrapping_add(7), &Message::Nack(nack)),
    ]
}

fn every(count: u64, gap: Duration) -> impl Iterator<Item = Duration> {
    (1..=count).map(move |n| gap * u32::try_from(n).unwrap())
}

#[test]
fn random_bytes_are_dropped_and_counted() {
    for seed in seeds(10) {
        let mut scenario = scenario(seed);
        let mut rng = Rng::new(seed);
        let mut packets = Vec::new();
        for at in every(2000, MS / 10) {
            let len = rng.below(1500);
            let mut bytes: Vec<u8> = (0..len).map(|_| rng.next_u32() as u8).collect();
            // Half of them get a plausible first byte.
            if let Some(first) = bytes.first_mut().filter(|_| rng.chance(0.5)) {
                *first = 0x10 | (rng.below(7) as u8);
            }
            packets.push((at, bytes));
        }
        inject(&mut scenario, packets);
        let outcome = run(&scenario);
        outcome.assert_all_complete();
        assert!(outcome.sender().malformed > 500);
        assert!(outcome.receivers.iter().all(|r| r.stats.malformed > 500));
    }
}

#[test]
fn attacker_with_the_ids_of_the_sender_changes_nothing() {
    // The attacker knows the sender's node id and instance id, and starts before some receivers.
    for (seed, joins) in
        seeds(10).into_iter().flat_map(|seed| [(seed, Duration::ZERO), (seed, MS * 21)])
    {
        let mut hostile = scenario(seed);
        for host in &mut hostile.hosts[1..] {
            host.life = vec![(joins, Change::Start)];
        }
        let instance = hostile.instance(0).0;
        let mut rng = Rng::new(seed);
        let mut packets = Vec::new();
        for at in every(100, MS * 2) {
            packets.extend(forged(1, instance, &mut rng).into_iter().map(|packet| (at, packet)));
        }
        inject(&mut hostile, packets);
        let outcome = run(&hostile);
        outcome.assert_all_complete();
        assert_eq!(outcome.confirmed(), 3);
    }
}

#[test]
fn forged_senders_neither_displace_the_real_one_nor_grow_memory() {
    for seed in seeds(3) {
        let mut scenario = scenario(seed);
        let mut rng = Rng::new(seed);
        let mut packets = Vec::new();
        for (n, at) in every(2000, MS / 10).enumerate() {
            for packet in forged(1000 + n as u32, rng.next_u32() as u16, &mut rng) {
                packets.push((at, packet));
            }
        }
        inject(&mut scenario, packets);
        let outcome = run(&scenario);
        let done = outcome.receivers.iter().filter(|r| r.objects >= 1).count();
        assert_eq!(done, 3, "{:?}", outcome.receivers);
        assert!(outcome.receivers.iter().all(|r| r.peak_blocks <= 256));
    }
}

#[test]
fn flood_of_requests_costs_a_bounded_share_of_the_rate() {
    for seed in seeds(5) {
        let alone = run(&scenario(seed));
        let mut scenario = scenario(seed);
        let instance = scenario.instance(0).0;
        let mut rng = Rng::new(seed);
        let nacks =
            every(3000, MS / 10).map(|at| (at, forged(1, instance, &mut rng).pop().unwrap()));
        inject(&mut scenario, nacks.collect());
        let outcome = run(&scenario);
        let slowest =
            |o: &norm_sim::Outcome| o.receivers.iter().map(|r| r.completed.unwrap()).max();
        let (with, without) = (slowest(&outcome).unwrap(), slowest(&alone).unwrap());
        assert!(with < without * 3, "{with:?} instead of {without:?}");
        // An attacker that has not announced itself delays no other node.
        outcome.assert_all_complete();
        assert!(outcome.finished < Some(Duration::from_secs(2)), "{:?}", outcome.finished);
    }
}
