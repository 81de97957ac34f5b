//! The scenario of a recipe with a FLUTE session, and which of its receivers have to complete.

use core::time::Duration;

use norm_core::fec::RsForm;
use norm_core::flute::receiver::ReceiverConfig;
use norm_core::flute::sender::{FecChoice, Passes, SenderConfig};
use norm_core::flute::wire::Tsi;

use super::{apply, apply_to_lives, apply_to_network, change, code, limit, millis};
use crate::packet::address;
use crate::recipe::{Feature, FluteSession, Recipe};
use crate::rule::Rule;
use crate::scenario::{Change, FluteReceiverPlan, FluteSenderPlan, Host, Link, Role, Scenario};

const TSI: u64 = 7;
const FIRST_TOI: u64 = 100;
/// Packets that arrive at all receivers in a second of a carousel without end, at most.
const MAX_DELIVERIES: u64 = 100_000;
/// Bytes of a packet besides its symbol, about.
const OVERHEAD: u64 = 70;
/// Bytes that an object takes in a table, about.
const TABLE_ENTRY: u64 = 500;
/// Time since 1970 when the clocks of hosts are at zero.
const UNIX_START: Duration = Duration::from_secs(1_800_000_000);

/// The scenario of a session.
pub(super) fn scenario(recipe: &Recipe, session: &FluteSession) -> Scenario {
    let mut scenario = Scenario::new(recipe.seed, 0);
    scenario.limit = limit(recipe);
    let config = config(recipe, session);
    let mut plan = match session.set {
        true => FluteSenderPlan::set(config, &recipe.sizes),
        false => FluteSenderPlan::files(config, &recipe.sizes),
    };
    let mut receiver = FluteReceiverPlan { must_complete: false, ..FluteReceiverPlan::default() };
    receiver.config = ReceiverConfig {
        tsi: Tsi::new(TSI),
        source: session.known.then(|| address(0, 0).ip()),
        ..receiver.config
    };
    for feature in &recipe.features {
        match *feature {
            Feature::SlowRead { delay_us } => plan.job_time = micros(delay_us),
            Feature::SlowDisk { delay_us, .. } => receiver.job_time = micros(delay_us),
            _ => {}
        }
    }
    scenario.hosts[0].role = Role::FluteSender(plan);
    let link = Link { delay: micros(recipe.delay_us.max(1)), ..Link::default() };
    for _ in 0..recipe.receivers.max(1) {
        scenario.add(Host::new(Role::FluteReceiver(receiver.clone()), link.clone()));
    }
    if let Some(at) = session.restart_ms {
        change(scenario.hosts.iter_mut().take(1), millis(at), Change::Start);
    }
    for feature in &recipe.features {
        match feature {
            Feature::Tree { .. } | Feature::Fault { .. } | Feature::FarAway { .. } => {
                apply_to_network(feature, &mut scenario);
            }
            Feature::Joins { .. }
            | Feature::Restarts { .. }
            | Feature::Dies { .. }
            | Feature::Stalls { .. }
            | Feature::Clock { .. } => apply_to_lives(feature, &mut scenario),
            Feature::Attacker { .. } | Feature::Tcp { .. } => apply(recipe, feature, &mut scenario),
            _ => {}
        }
    }
    expect(recipe, session, &mut scenario);
    scenario
}

fn micros(us: u32) -> Duration {
    Duration::from_micros(us.into())
}

fn config(recipe: &Recipe, session: &FluteSession) -> SenderConfig {
    let symbol_size = recipe.segment_size.clamp(64, 65_000);
    let code = recipe.features.iter().find_map(|feature| match *feature {
        Feature::ReedSolomon { id, parity } => code(recipe, id, parity),
        _ => None,
    });
    let block_len = code.map_or(recipe.block_len.clamp(1, 56_403), |code| code.block_len().into());
    let fec = match code {
        Some(code) => {
            // What NORM has over GF(2^16) is in the byte order of another implementation.
            let form = match code.form() {
                RsForm::Id2Bits16 => RsForm::Id2Bits16Be,
                form => form,
            };
            FecChoice::ReedSolomon { form, parity: code.parity() }
        }
        None if recipe.no_code => FecChoice::NoCode,
        None if session.raptor => FecChoice::Raptor,
        None => FecChoice::RaptorQ,
    };
    let passes = match (session.once, session.passes) {
        (Some(overhead), _) => Passes::Once { overhead: overhead.min(1000) },
        (None, 0) => Passes::Forever,
        (None, passes) => Passes::Times(passes),
    };
    let fdt_interval = millis(session.fdt_ms.clamp(1, 60_000));
    let mut rate = u64::from(recipe.rate_kbit.max(1)) * 1000;
    if passes == Passes::Forever {
        // However little there is to send, it is sent all the time.
        let packets = MAX_DELIVERIES / u64::from(recipe.receivers.max(1));
        rate = rate.min(packets * 8 * (u64::from(symbol_size) + OVERHEAD));
    }
    SenderConfig {
        fec,
        symbol_size,
        block_len,
        passes,
        fdt_interval,
        unix_start: UNIX_START,
        interleave: session.interleave.map(|bytes| bytes.max(1).into()),
        first_toi: session.same_tois.then_some(FIRST_TOI),
        ..SenderConfig::new(TSI, rate)
    }
}

/// Notes which receivers have to complete: those for which chance leaves practically no doubt.
fn expect(recipe: &Recipe, session: &FluteSession, scenario: &mut Scenario) {
    let rules: Vec<&Rule> = recipe.features.iter().filter_map(lossy_rule).collect();
    let has = |test: fn(&Feature) -> bool| recipe.features.iter().any(test);
    let attacked = has(|f| matches!(f, Feature::Attacker { .. })) && !session.known;
    let stalls = has(|f| matches!(f, Feature::Stalls { .. }));
    // Nothing is taken before a HELLO, which another packet may overtake.
    let overtaken = has(|f| matches!(f, Feature::Sealed { .. })) && !rules.is_empty();
    let Role::FluteSender(sender) = &scenario.hosts[0].role else { return };
    let (config, fresh) = (&sender.config, sender.config.fec == FecChoice::RaptorQ);
    let chances = Chances::new(recipe, config, &rules);
    let restart = session.restart_ms.map_or(Duration::ZERO, millis);
    let passes = config.passes;
    for host in scenario.hosts.iter_mut().skip(1) {
        let Role::FluteReceiver(plan) = &mut host.role else { continue };
        let last = host.life.last();
        let dies = last.is_some_and(|(_, change)| *change == Change::Stop);
        let starts = host.life.iter().filter(|(_, change)| *change == Change::Start);
        let start = starts.map(|(at, _)| *at).max().unwrap_or_default();
        let missed = start.saturating_sub(restart);
        plan.must_complete = !dies
            && !attacked
            && match passes {
                Passes::Forever => fresh || chances.is_independent,
                Passes::Times(passes) => !stalls && chances.suffice(passes, missed, fresh),
                Passes::Once { .. } => {
                    !stalls && !overtaken && chances.is_lossless && missed.is_zero()
                }
            };
    }
    let unsure = |host: &Host| match &host.role {
        Role::FluteReceiver(plan) => !plan.must_complete,
        _ => false,
    };
    scenario.may_fail = scenario.hosts.iter().any(unsure);
}

/// A rule that can lose packets, or delay them so long that they come after the end.
fn lossy_rule(feature: &Feature) -> Option<&Rule> {
    match feature {
        Feature::Fault { place, rule } if place.carries_content() => {
            (!matches!(rule, Rule::Duplicate(_))).then_some(rule)
        }
        _ => None,
    }
}

/// The time between two tables at least: they take a twentieth of the rate at most.
fn table_interval(recipe: &Recipe, config: &SenderConfig) -> Duration {
    // Manifest and list of a set, too; and what a table has besides.
    let bytes = (recipe.sizes.len() as u64 + 3) * TABLE_ENTRY;
    let size = u64::from(config.symbol_size);
    let packets = bytes.div_ceil(size) + 2;
    let nanos = u128::from(packets * (size + OVERHEAD) * 8 * 20) * 1_000_000_000;
    Duration::from_nanos(u64::try_from(nanos / u128::from(config.rate)).unwrap_or(u64::MAX))
}

/// What the links of a recipe leave of a carousel.
struct Chances {
    is_lossless: bool,
    /// Packets are lost one by one, and not too many.
    is_independent: bool,
    /// Share of packets that arrive, if they are lost one by one; else 0.
    arrives: f64,
    /// Source symbols of the shortest block.
    shortest: f64,
    /// The time that a pass takes at least.
    pass: Duration,
    fdt_interval: Duration,
}

impl Chances {
    fn new(recipe: &Recipe, config: &SenderConfig, rules: &[&Rule]) -> Self {
        let shifts = |rule: &&&Rule| {
            matches!(rule, Rule::Jitter(_) | Rule::Late { .. } | Rule::Held(_) | Rule::Mtu(_))
        };
        let delays = rules.iter().filter(shifts).count();
        let mut arrives = 1.0;
        for rule in rules.iter().filter(|rule| !shifts(rule)) {
            arrives *= if let Rule::Loss(loss) = rule { 1.0 - loss } else { 0.0 };
        }
        let size = u64::from(config.symbol_size);
        let symbols = |bytes: u64| bytes.div_ceil(size);
        let all: u64 = recipe.sizes.iter().map(|&bytes| symbols(bytes)).sum();
        // A block has at least half of the symbols aimed at, or all of its object.
        let half = u64::from(config.block_len / 2).max(1);
        let shortest = recipe.sizes.iter().map(|&bytes| symbols(bytes)).filter(|&n| n > 0);
        let nanos = u128::from(all * size * 8) * 1_000_000_000 / u128::from(config.rate);
        Self {
            is_lossless: arrives >= 1.0 && delays <= 1,
            is_independent: arrives > 0.6,
            arrives,
            shortest: shortest.min().unwrap_or(1).min(half) as f64,
            pass: Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)),
            fdt_interval: config.fdt_interval.max(table_interval(recipe, config)),
        }
    }

    /// True when a receiver that has missed this time of a carousel of this many passes has
    /// everything at its end. `fresh`: each pass has other symbols.
    fn suffice(&self, passes: u32, missed: Duration, fresh: bool) -> bool {
        let lost = missed.as_secs_f64() / self.pass.as_secs_f64().max(1e-9);
        let left = f64::from(passes) - libm::ceil(lost) - if lost > 0.0 { 1.0 } else { 0.0 };
        if self.is_lossless {
            return left >= 1.0;
        }
        let tables = left * self.pass.as_secs_f64() / self.fdt_interval.as_secs_f64();
        let mean = left * self.shortest * self.arrives;
        let deviation = libm::sqrt(mean * (1.0 - self.arrives));
        let symbols = mean - 7.0 * deviation - 7.0;
        fresh && tables * self.arrives > 40.0 && symbols > self.shortest + 3.0
    }
}
