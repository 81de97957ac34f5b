//! The scenario of a plan.

use core::time::Duration;

use norm_core::norm::receiver::Feedback;
use norm_core::norm::sender::{FeedbackFrom, GrttOptions, ObjectSpec, SenderConfig};
use norm_core::norm::wire::NodeId;

use super::request::{MAX_EFFORT, Request};
use crate::preset;
use crate::rule::Rule;
use crate::scenario::{Host, Link, PopulationPlan, Role, Scenario};

/// Round trip without a preset.
pub(super) const DELAY: Duration = Duration::from_millis(5);
/// Round trip of the sender's own link.
const NEAR: Duration = Duration::from_micros(100);
/// Shortest delay of a receiver's link.
const MIN_DELAY: Duration = Duration::from_micros(50);
/// Share of packets that Wi-Fi receivers lose in addition.
pub(super) const WIFI_LOSS: f64 = 0.02;
/// Mean length in packets of their bursts of loss.
const WIFI_BURST: f64 = 6.0;
/// Bytes of content that are simulated, unless there are too many receivers.
const STRETCH: u64 = 64 << 20;
/// Seconds of content that are simulated, if they are more bytes.
const STRETCH_SECONDS: f64 = 2.5;
/// Minimum number of blocks that are simulated.
const MIN_BLOCKS: u64 = 8;
/// Effort for a loss in a population, relative to a delivery to an engine.
const POPULATION_EFFORT: f64 = 0.25;
/// Loss of a population without loss, as far as its effort is concerned.
const MIN_LOSS: f64 = 0.002;

/// The simulated network of a plan.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) scenario: Scenario,
    /// Names of the receivers that are engines, in the order of their hosts.
    pub(super) names: Vec<String>,
    pub(super) rate: u64,
    pub(super) block_len: u32,
    pub(super) stretch: u64,
    /// Notes for the user.
    pub(super) notes: Vec<String>,
}

impl Network {
    pub(super) fn new(request: &Request) -> Self {
        let engines = request.receivers - request.population();
        let mut scenario = match &request.network {
            Some(name) => preset::by_name(name, request.seed, 1, engines as usize)
                .unwrap_or_else(|| unreachable!("the request was checked")),
            None => one_switch(request, engines),
        };
        let default = if request.network.is_some() { scenario.sender().config.rate } else { None };
        let rate = request.rate_or(default);
        let block_len = request.block_len_at(rate);
        let stretch = stretch(request, rate, block_len);
        set_sender(&mut scenario, request, rate, block_len, stretch);
        let names = set_receivers(&mut scenario, request);
        if request.population() > 0 {
            add_population(&mut scenario, request);
        }
        scenario.may_fail = true;
        scenario.check_nacks = false;
        let expected = stretch as f64 * 8.0 / rate as f64;
        scenario.limit = Duration::from_secs_f64(expected * 20.0 + 60.0);
        Self { scenario, names, rate, block_len, stretch, notes: notes(request) }
    }
}

fn half(request: &Request) -> Duration {
    (request.delay.unwrap_or(DELAY).saturating_sub(NEAR) / 2).max(MIN_DELAY)
}

fn one_switch(request: &Request, engines: u32) -> Scenario {
    let link = Link { delay: half(request), ..Link::default() };
    Scenario::new(request.seed, 1).receivers(engines as usize, &link)
}

/// Bytes of content that are simulated: whole blocks, or all.
fn stretch(request: &Request, rate: u64, block_len: u32) -> u64 {
    let block = u64::from(block_len) * u64::from(request.segment_size);
    let bytes = request.stretch.unwrap_or_else(|| {
        let population = f64::from(request.population());
        let engines = f64::from(request.receivers) - population;
        let each = engines + population * request.loss.max(MIN_LOSS) * POPULATION_EFFORT;
        let packets = MAX_EFFORT / each.max(1.0);
        let bytes = (packets * f64::from(request.segment_size)) as u64;
        let max = STRETCH.max((rate as f64 / 8.0 * STRETCH_SECONDS) as u64);
        bytes.clamp((block * MIN_BLOCKS).min(STRETCH), max)
    });
    // The whole transfer, if it is only a little longer.
    if request.size <= bytes + bytes / 4 {
        return request.size;
    }
    (bytes / block * block).max(block)
}

fn set_sender(scenario: &mut Scenario, request: &Request, rate: u64, block_len: u32, bytes: u64) {
    let population = request.population() > 0;
    let sender = scenario.sender();
    let default = SenderConfig::new(NodeId(1));
    let scheme = request.scheme_at(rate, block_len);
    sender.config = SenderConfig {
        rate: Some(rate),
        segment_size: request.segment_size,
        scheme,
        block_len,
        // A population does not announce itself.
        feedback: if population { FeedbackFrom::All } else { FeedbackFrom::Announced },
        group_size: population.then_some(request.receivers.into()),
        // Nor does it measure round trips.
        grtt: GrttOptions {
            initial: if population { half(request) * 2 + NEAR } else { default.grtt.initial },
            ..default.grtt
        },
        ..default
    };
    let object = |size| ObjectSpec { size, info: None, file: true };
    sender.objects = request.objects(bytes, scheme, block_len).into_iter().map(object).collect();
}

/// Sets the loss of every engine. Returns their names.
fn set_receivers(scenario: &mut Scenario, request: &Request) -> Vec<String> {
    let bad: Vec<f64> = request
        .bad
        .iter()
        .flat_map(|(count, loss)| std::iter::repeat_n(*loss, *count as usize))
        .collect();
    let wifi = request.wifi as usize;
    let is_receiver = |host: &&mut Host| matches!(host.role, Role::Receiver(_));
    let mut names = Vec::new();
    for (n, host) in scenario.hosts.iter_mut().filter(is_receiver).enumerate() {
        if request.delay.is_some() {
            host.link.delay = half(request);
            host.link.delay_up = None;
        }
        if request.unicast_feedback
            && let Role::Receiver(plan) = &mut host.role
        {
            plan.config.feedback = Feedback::Unicast;
        }
        let own = n.checked_sub(wifi).and_then(|n| bad.get(n));
        names.push(match (n < wifi, own) {
            (true, _) => format!("Wi-Fi {}", n + 1),
            (_, Some(_)) => format!("bad {}", n - wifi + 1),
            _ => format!("receiver {}", n - wifi - bad.len() + 1),
        });
        let loss = own.copied().unwrap_or(request.loss);
        if loss > 0.0 {
            host.link.down.push(Rule::Loss(loss));
        }
        if n < wifi {
            host.link.down.push(Rule::wifi_bursts(WIFI_LOSS, WIFI_BURST));
        }
    }
    names
}

fn add_population(scenario: &mut Scenario, request: &Request) {
    let plan = PopulationPlan {
        receivers: request.population(),
        loss: request.loss,
        unicast: request.unicast_feedback,
        delay: half(request) * 2,
    };
    let link = Link { delay: half(request), ..Link::default() };
    scenario.add(Host::new(Role::Population(plan), link));
}

fn notes(request: &Request) -> Vec<String> {
    let mut notes = Vec::new();
    if request.wifi > 0 {
        notes.push(format!(
            "Wi-Fi receivers lose {} % more than the others, in bursts of {WIFI_BURST} packets. \
             The radio itself is assumed to be fast enough for the rate.",
            WIFI_LOSS * 100.0
        ));
    }
    if request.population() > 0 {
        notes.push(format!(
            "{} receivers are a statistical model: they lose packets and ask for repair, but \
             neither report nor confirm, so the wait for their confirmations is not included.",
            request.population()
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_transfers_are_simulated_in_whole_blocks() {
        let stretch = |size, receivers| Network::new(&Request::new(size, receivers)).stretch;
        assert_eq!(stretch(10_000_000, 500), 10_000_000);
        let block = 930 * 1344;
        for receivers in [1, 500, 2000, 100_000, 1_000_000] {
            let bytes = stretch(40_000_000_000, receivers);
            assert_eq!(bytes % block, 0);
            assert!((MIN_BLOCKS * block..=STRETCH).contains(&bytes), "{receivers}: {bytes}");
        }
    }

    #[test]
    fn population_and_engines_add_up_to_the_receivers() {
        let request = Request { wifi: 7, bad: vec![(2, 0.1)], ..Request::new(1, 50_000) };
        let mut network = Network::new(&request);
        assert_eq!(network.scenario.receiver_plans().count(), 109);
        assert_eq!(network.names.len(), 109);
        let Role::Population(plan) = &network.scenario.hosts.last().unwrap().role else { panic!() };
        assert_eq!(plan.receivers, 50_000 - 109);
    }

    #[test]
    fn options_refine_a_preset() {
        let request = Request {
            network: Some("campus".into()),
            wifi: 1,
            bad: vec![(1, 0.2)],
            loss: 0.0,
            unicast_feedback: true,
            ..Request::new(1, 60)
        };
        let mut network = Network::new(&request);
        assert_eq!(network.names[..3], ["Wi-Fi 1", "bad 1", "receiver 1"]);
        assert_eq!(network.rate, 100_000_000);
        let down: Vec<_> = network.scenario.hosts[1..4].iter().map(|h| h.link.down.len()).collect();
        assert_eq!(down, [1, 1, 0]);
        let unicast = |plan: &mut crate::ReceiverPlan| plan.config.feedback == Feedback::Unicast;
        assert!(network.scenario.receiver_plans().all(unicast));
    }
}
