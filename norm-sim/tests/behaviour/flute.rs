//! FLUTE: carousels and sessions that send once, to receivers without a way back.

use core::time::Duration;

use norm_core::flute::sender::{FecChoice, Passes, SenderConfig};
use norm_core::flute::wire::{ExtFdt, ExtensionBuf, FdtInstanceId, Fti, Header, Packet, Toi, Tsi};
use norm_sim::{
    Attack, AttackerPlan, Broken, Carousel, Change, FluteReceiverOutcome, FluteReceiverPlan,
    FluteSenderPlan, Host, Link, Outcome, Role, Rule, RunOptions, Scenario, few_seeds, run,
    run_with, seeds,
};

const RATE: u64 = 10_000_000;

fn config(passes: Passes) -> SenderConfig {
    SenderConfig {
        symbol_size: 512,
        block_len: 50,
        passes,
        unix_start: Duration::from_secs(1_800_000_000),
        fdt_interval: Duration::from_millis(100),
        ..SenderConfig::new(1, RATE)
    }
}

/// A sender and receivers that each lose this share of packets.
fn session(seed: u64, plan: FluteSenderPlan, receivers: usize, loss: f64) -> Scenario {
    let mut scenario = Scenario::new(seed, 0);
    scenario.hosts[0].role = Role::FluteSender(plan);
    let link = Link { down: vec![Rule::Loss(loss)], ..Link::default() };
    for _ in 0..receivers {
        scenario.add(Host::new(Role::FluteReceiver(FluteReceiverPlan::default()), link.clone()));
    }
    scenario
}

fn may_be_incomplete(scenario: &mut Scenario) {
    for host in &mut scenario.hosts {
        if let Role::FluteReceiver(plan) = &mut host.role {
            plan.must_complete = false;
        }
    }
}

fn complete(outcome: &Outcome) -> usize {
    outcome.flute_receivers.iter().filter(|receiver| receiver.completed.is_some()).count()
}

#[test]
fn receivers_that_join_a_carousel_anywhere_wait_for_little_more_than_what_they_lose() {
    // Fewer and shorter blocks than in the table: chance weighs more.
    let small = Carousel { symbols: 4_800, block_len: 480, ..Carousel::new(0.0) };
    for (loss, bound) in [(0.0, 1.03), (0.05, 1.12), (0.2, 1.4)] {
        let waited = Carousel { loss, ..small.clone() }.run(&seeds(10), 2);
        let all = waited.percentile(1.0);
        assert!(all <= bound, "{all} at a loss of {loss}: {waited:?}");
        assert!(waited.mean() >= 1.0 / (1.0 - loss), "less than what is needed: {waited:?}");
    }
}

#[test]
fn sizes_of_objects_do_not_matter_to_those_that_join() {
    let many = Carousel { symbols: 10_000, objects: 4, ..Carousel::new(0.05) };
    let waited = many.run(&few_seeds(5, 50), 2);
    assert!(waited.percentile(0.95) < 1.13, "{waited:?}");
}

#[test]
fn outcome_does_not_depend_on_threads() {
    for seed in seeds(3) {
        let plan = FluteSenderPlan::set(config(Passes::Forever), &[3_000, 200_000, 0, 1_000]);
        let mut scenario = session(seed, plan, 8, 0.1);
        scenario.hosts[3].life = vec![(Duration::from_millis(120), Change::Start)];
        let one = run(&scenario);
        assert_eq!(complete(&one), 8);
        let two = run_with(&scenario, &RunOptions { threads: 2, ..RunOptions::default() });
        assert_eq!(one, two);
    }
}

#[test]
fn what_is_sent_once_arrives_as_far_as_its_overhead_suffices() {
    let (mut with, mut without) = (0, 0);
    for seed in seeds(5) {
        for (overhead, count) in [(40, &mut with), (0, &mut without)] {
            let passes = Passes::Once { overhead };
            let plan = FluteSenderPlan::files(config(passes), &[100_000, 1, 70_000]);
            let mut scenario = session(seed, plan, 4, 0.05);
            may_be_incomplete(&mut scenario);
            let outcome = run(&scenario);
            assert!(outcome.finished.is_some());
            let ended =
                |receiver: &FluteReceiverOutcome| receiver.ended || receiver.completed.is_some();
            assert!(outcome.flute_receivers.iter().all(ended));
            *count += complete(&outcome);
        }
    }
    assert!(with > 3 * without, "{with} complete with coded symbols, {without} without");
}

#[test]
fn every_scheme_brings_everything_in_enough_passes() {
    use norm_core::fec::RsForm;
    for fec in [
        FecChoice::NoCode,
        FecChoice::Raptor,
        FecChoice::RaptorQ,
        FecChoice::ReedSolomon { form: RsForm::Id5, parity: 10 },
        FecChoice::ReedSolomon { form: RsForm::Id2Bits16Be, parity: 100 },
        FecChoice::ReedSolomon { form: RsForm::Id129, parity: 10 },
    ] {
        let config = SenderConfig { fec, ..config(Passes::Times(8)) };
        let plan = FluteSenderPlan::set(config, &[500, 90_000, 33, 0, 2_000]);
        assert_eq!(complete(&run(&session(1, plan, 4, 0.05))), 4, "{fec:?}");
    }
}

#[test]
fn sender_that_crashes_goes_on_with_what_receivers_have() {
    let plan = |first_toi| {
        let config = SenderConfig { first_toi, ..config(Passes::Times(3)) };
        FluteSenderPlan::files(config, &[300_000])
    };
    let restart = Duration::from_millis(200);
    let completed = |first_toi| {
        let mut scenario = session(1, plan(first_toi), 1, 0.0);
        scenario.hosts[0].life = vec![(Duration::ZERO, Change::Start), (restart, Change::Start)];
        run(&scenario).flute_receivers[0].completed.unwrap()
    };
    // Source symbols come again from the first one on: what is missing are the last ones.
    let same = completed(Some(5));
    assert!(same > restart);
    assert!(same <= completed(None), "with other TOIs all has to come again");
}

/// Packets of sessions that do not exist: a symbol of each, and a table if one is wanted.
fn forged(sessions: core::ops::Range<u64>, with_table: bool) -> Vec<Vec<u8>> {
    let fti = Fti::NoCode { size: 1 << 20, symbol_size: 512, max_block_len: 50 };
    let text = "<FDT-Instance Expires=\"4294967295\" FEC-OTI-FEC-Encoding-ID=\"0\" \
        FEC-OTI-Maximum-Source-Block-Length=\"50\" FEC-OTI-Encoding-Symbol-Length=\"512\">\
        <File TOI=\"9\" Content-Location=\"forged\" Transfer-Length=\"1048576\"/>\
        </FDT-Instance>";
    let mut packets = Vec::new();
    for tsi in sessions {
        let mut emit = |toi, fti: Fti, extensions: &mut ExtensionBuf, content: &[u8]| {
            assert!(extensions.push_fti(&fti));
            let header = Header::new(Tsi::new(tsi).unwrap(), toi, 0);
            let content = [&[0; 4], content].concat();
            let extensions = extensions.as_extensions();
            let mut out = Vec::new();
            Packet { header, extensions, content: &content }.emit(&mut out);
            packets.push(out);
        };
        emit(Toi::new(9).unwrap(), fti, &mut ExtensionBuf::new(), &[7; 512]);
        if with_table {
            let mut extensions = ExtensionBuf::new();
            let instance = FdtInstanceId::default();
            assert!(extensions.push_fdt(ExtFdt { version: 2, instance }));
            let size = text.len() as u64;
            let fti = Fti::NoCode { size, symbol_size: 512, max_block_len: 50 };
            emit(Toi::FDT, fti, &mut extensions, text.as_bytes());
        }
    }
    packets
}

#[test]
fn made_up_sessions_do_not_keep_the_real_one_out() {
    for (seed, with_table, seconds) in [(1, false, 6), (2, true, 35)] {
        let plan = FluteSenderPlan::files(config(Passes::Forever), &[100_000, 30_000]);
        let mut scenario = session(seed, plan, 2, 0.02);
        // They are there first, and never fall silent.
        scenario.hosts[0].life = vec![(Duration::from_secs(1), Change::Start)];
        let forged = forged(1_000..1_016, with_table);
        let times = (0..10 * seconds).map(|n| Duration::from_millis(100 * n));
        let script = times.flat_map(|at| forged.iter().map(move |packet| (at, packet.clone())));
        let attacks = vec![Attack::Script(script.collect())];
        let attacker = Role::Attacker(AttackerPlan { attacks, rate: 0 });
        scenario.add(Host::new(attacker, Link::default()));
        scenario.limit = Duration::from_secs(60);
        let outcome = run(&scenario);
        assert_eq!(complete(&outcome), 2, "{with_table}");
        for receiver in &outcome.flute_receivers {
            let completed = receiver.completed.unwrap();
            assert!(completed < Duration::from_secs(seconds), "{completed:?}");
        }
    }
}

#[test]
#[should_panic(expected = "FLUTE receiver is incomplete")]
fn receiver_that_does_not_complete_is_found() {
    let plan = FluteSenderPlan::files(config(Passes::Times(1)), &[100_000]);
    run(&session(1, plan, 1, 0.5));
}

#[test]
#[should_panic(expected = "WRONG BYTE delivered")]
fn block_that_is_written_to_a_wrong_place_is_found() {
    let plan = FluteSenderPlan::files(config(Passes::Forever), &[100_000]);
    let mut scenario = session(1, plan, 1, 0.0);
    let Role::FluteReceiver(receiver) = &mut scenario.hosts[1].role else { panic!("a receiver") };
    receiver.broken = Some(Broken::WritesAtAWrongOffset);
    run(&scenario);
}
