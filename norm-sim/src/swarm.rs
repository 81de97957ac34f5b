//! The swarm: many drawn scenarios on all cores, with failures shrunk.

use core::fmt;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, Once, PoisonError};

use crate::kernel::{RunOptions, run_with};
use crate::outcome::Outcome;
use crate::recipe::Recipe;
use crate::scenario::Scenario;
use crate::shrink::shrink;

/// Kinds of failure that are shrunk and reported; further kinds are only counted.
const MAX_FAILURES: usize = 8;
/// Runs for shrinking one failure, at most.
const MAX_RUNS: u32 = 400;
/// Deliveries of a run, at most; drawn scenarios stay far below.
const MAX_DELIVERIES: u64 = 3_000_000;
/// Letters of two messages, numbers left out, that must agree for one kind of failure.
const PREFIX: usize = 48;

/// The outcome of a swarm. It follows from the seeds, and does not depend on the threads.
#[derive(Clone, Debug, PartialEq)]
pub struct Swarm {
    /// Number of scenarios that were run.
    pub seeds: u64,
    /// Number of scenarios that failed.
    pub failed: u64,
    /// The first failure of each kind, in the order of their seeds; at most eight.
    pub failures: Vec<Failure>,
}

/// A kind of failure.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The first seed that led to it.
    pub seed: u64,
    /// Number of seeds that led to it.
    pub count: u64,
    /// The failure of the shrunk recipe.
    pub message: Message,
    /// The smallest recipe that was found to fail like this.
    pub recipe: Recipe,
    /// Number of recipes that were tried to find it.
    pub tried: u32,
}

/// The message of a panic, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The panic's text.
    pub text: String,
    /// File and line.
    pub place: String,
}

/// A kind of failure that is not shrunk yet.
struct Kind {
    /// The first seed that led to it.
    seed: u64,
    message: Message,
    count: u64,
}

/// Runs the recipes of these seeds on `threads` threads, and shrinks the failures. `run` fails by a
/// panic.
pub fn swarm<T>(seeds: Range<u64>, threads: usize, run: impl Fn(&Scenario) -> T + Sync) -> Swarm {
    let numbers: Vec<u64> = seeds.collect();
    let messages =
        parallel(&numbers, threads, |&seed| attempt(&Recipe::draw(seed), false, &run).err());
    let failed = numbers.iter().zip(messages).filter_map(|(&seed, m)| Some((seed, m?)));
    let mut kinds: Vec<Kind> = Vec::new();
    let mut total = 0;
    for (seed, message) in failed {
        total += 1;
        match kinds.iter_mut().find(|kind| kind.message.is_like(&message)) {
            Some(kind) => kind.count += 1,
            None => kinds.push(Kind { seed, message, count: 1 }),
        }
    }
    kinds.truncate(MAX_FAILURES);
    let failures = parallel(&kinds, threads, |kind| {
        let alike = |recipe: &Recipe, message: &Message| {
            attempt(recipe, false, &run).err().filter(|other| other.is_like(message))
        };
        let shrunk = shrink(Recipe::draw(kind.seed), kind.message.clone(), MAX_RUNS, alike);
        Failure {
            seed: kind.seed,
            count: kind.count,
            message: shrunk.failure,
            recipe: shrunk.recipe,
            tried: shrunk.tried,
        }
    });
    Swarm { seeds: numbers.len() as u64, failed: total, failures }
}

/// Runs a scenario to its end.
///
/// # Panics
/// When an invariant is violated, or a limit of virtual time or of deliveries is reached before the
/// end.
pub fn run_to_end(scenario: &Scenario, options: &RunOptions) -> Outcome {
    let options = RunOptions { max_deliveries: Some(MAX_DELIVERIES), ..options.clone() };
    let outcome = run_with(scenario, &options);
    let ended = outcome.finished.is_some() || scenario.may_hang();
    assert!(ended, "the senders have not finished after {:?}", scenario.limit);
    outcome
}

/// Runs a recipe, and returns its outcome or the message of its panic. With `loud` the panic is
/// printed, last packets included.
///
/// # Errors
/// The message of the panic.
pub fn attempt<T>(recipe: &Recipe, loud: bool, run: impl Fn(&Scenario) -> T) -> Result<T, Message> {
    catch_panic_messages();
    let quiet = IS_QUIET.replace(!loud);
    let result = catch_unwind(AssertUnwindSafe(|| run(&recipe.scenario())));
    IS_QUIET.set(quiet);
    result.map_err(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string));
        let text = text.unwrap_or_else(|| "a panic without a message".into());
        Message { text, place: PLACE.take() }
    })
}

thread_local! {
    /// True while a panic of this thread is expected, and must not be printed.
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
    /// Place of the last such panic.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// True in a run whose panic is returned rather than printed.
pub(crate) fn is_quiet() -> bool {
    IS_QUIET.get()
}

fn catch_panic_messages() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !IS_QUIET.get() {
                loud(info);
            }
            PLACE.set(
                info.location()
                    .map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line())),
            );
        }));
    });
}

/// Calls `work` for each item, on `threads` threads. The results are in the order of the items.
pub(crate) fn parallel<I: Sync, R: Send>(
    items: &[I],
    threads: usize,
    work: impl Fn(&I) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                while let n = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(item) = items.get(n)
                {
                    let result = work(item);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((n, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(n, _)| *n);
    done.into_iter().map(|(_, result)| result).collect()
}

impl Message {
    /// True for failures of one kind: the same letters, numbers left out, at the same place.
    pub fn is_like(&self, other: &Self) -> bool {
        let kind = |text: &str| {
            let letters = text.chars().filter(|c| !c.is_ascii_digit());
            letters.take(PREFIX).collect::<String>()
        };
        self.place == other.place && kind(&self.text) == kind(&other.text)
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {})", self.text, self.place)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, count, message, recipe, tried } = self;
        writeln!(f, "seed {seed} ({count} like it): {message}")?;
        writeln!(f, "  shrunk in {tried} runs to {recipe}")?;
        write!(f, "  replay: cargo run --release -p norm-sim -- replay '{recipe}'")
    }
}

impl fmt::Display for Swarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "{failure}")?;
        }
        write!(f, "{} scenarios, {} failed", self.seeds, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Feature;
    use crate::{Role, Rule};

    /// Fails with more than three receivers and a link that duplicates packets to one of them.
    fn fake(scenario: &Scenario) {
        let receivers = scenario.hosts.iter().filter(|h| matches!(h.role, Role::Receiver(_)));
        let twice = |rule: &Rule| matches!(rule, Rule::Duplicate(_));
        let doubles = receivers.clone().any(|host| host.link.down.iter().any(twice));
        let count = receivers.count();
        assert!(count <= 3 || !doubles, "{count} receivers are one too many");
        assert!(scenario.hosts.len() < 60, "too many hosts: {}", scenario.hosts.len());
    }

    #[test]
    fn failure_is_shrunk_to_what_it_needs() {
        let swarm = swarm(0..500, 2, fake);
        let like = |text: &str| {
            let found = swarm.failures.iter().find(|f| f.message.text.starts_with(text));
            found.unwrap_or_else(|| panic!("no failure {text}: {swarm}"))
        };
        let failure = like("4 receivers");
        assert_eq!((failure.recipe.receivers, failure.recipe.sizes.as_slice()), (4, &[0][..]));
        let [Feature::Fault { rule: Rule::Duplicate(_), .. }] = failure.recipe.features[..] else {
            panic!("{failure}");
        };
        let simplest = Recipe::simplest(failure.recipe.seed);
        let reduced = Recipe {
            receivers: 1,
            features: Vec::new(),
            sizes: simplest.sizes.clone(),
            ..failure.recipe.clone()
        };
        assert_eq!(reduced, simplest);
        assert!(swarm.failed >= failure.count && failure.count > 1, "{swarm}");
        assert!(!like("too many").message.is_like(&failure.message));
    }

    #[test]
    fn outcome_does_not_depend_on_the_threads() {
        let one = swarm(100..400, 1, fake);
        assert!(one.failed > 0);
        assert_eq!(one, swarm(100..400, 3, fake));
    }

    #[test]
    fn replayed_recipe_fails_with_its_message() {
        let failure = &swarm(0..500, 2, fake).failures[0];
        let replayed = Recipe::parse(&failure.recipe.to_string()).unwrap();
        assert_eq!(attempt(&replayed, false, fake).err().as_ref(), Some(&failure.message));
        assert!(attempt(&Recipe::simplest(1), false, fake).is_ok());
    }

    #[test]
    fn messages_of_one_kind_differ_in_numbers_only() {
        let message = |text: &str| Message { text: text.into(), place: "here".into() };
        assert!(message("seed 17: late by 3 s").is_like(&message("seed 4: late by 250 s")));
        assert!(!message("seed 17: late").is_like(&message("seed 17: early")));
        let elsewhere = Message { place: "there".into(), ..message("late") };
        assert!(!message("late").is_like(&elsewhere));
    }
}
