//! Many scenarios at once, all cores at work; what fails is made small.

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

/// Kinds of failure that are shrunk and reported; further ones are counted.
const MAX_FAILURES: usize = 8;
/// Runs that shrinking one failure may take.
const MAX_RUNS: u32 = 400;
/// Arrivals at hosts that no drawn scenario comes near.
const MAX_DELIVERIES: u64 = 3_000_000;
/// How much of two messages must agree, numbers aside, for them to be one kind.
const PREFIX: usize = 48;

/// What came of a swarm. It follows from the seeds, whatever the number of threads.
#[derive(Clone, Debug, PartialEq)]
pub struct Swarm {
    /// Scenarios that were run.
    pub seeds: u64,
    /// How many of them failed.
    pub failed: u64,
    /// The first failure of each kind, in the order of their seeds; at most eight.
    pub failures: Vec<Failure>,
}

/// A kind of failure.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The first seed that led to it.
    pub seed: u64,
    /// How many seeds did.
    pub count: u64,
    /// What the shrunk recipe fails with.
    pub message: Message,
    /// The smallest recipe found that fails so.
    pub recipe: Recipe,
    /// Recipes tried to find it.
    pub tried: u32,
}

/// What a run panicked with, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The panic's text.
    pub text: String,
    /// File and line.
    pub place: String,
}

/// Runs the recipes of these seeds on so many threads, and shrinks what fails. `run` fails by
/// panicking.
pub fn swarm<T>(seeds: Range<u64>, threads: usize, run: impl Fn(&Scenario) -> T + Sync) -> Swarm {
    let numbers: Vec<u64> = seeds.collect();
    let messages =
        parallel(&numbers, threads, |&seed| attempt(&Recipe::draw(seed), false, &run).err());
    let failed = numbers.iter().zip(messages).filter_map(|(&seed, m)| Some((seed, m?)));
    let (mut kinds, mut total) = (Vec::<(u64, Message, u64)>::new(), 0);
    for (seed, message) in failed {
        total += 1;
        match kinds.iter_mut().find(|(_, known, _)| known.is_like(&message)) {
            Some((_, _, count)) => *count += 1,
            None => kinds.push((seed, message, 1)),
        }
    }
    kinds.truncate(MAX_FAILURES);
    let failures = parallel(&kinds, threads, |(seed, message, count)| {
        let same = |recipe: &Recipe, message: &Message| {
            attempt(recipe, false, &run).err().filter(|other| other.is_like(message))
        };
        let (recipe, message, tried) = shrink(Recipe::draw(*seed), message.clone(), MAX_RUNS, same);
        Failure { seed: *seed, count: *count, message, recipe, tried }
    });
    Swarm { seeds: numbers.len() as u64, failed: total, failures }
}

/// Runs a scenario to its end.
///
/// # Panics
/// When an invariant is violated, or a limit of virtual time or of arrivals comes before the
/// end.
pub fn run_to_end(scenario: &Scenario, options: &RunOptions) -> Outcome {
    let options = RunOptions { max_deliveries: Some(MAX_DELIVERIES), ..options.clone() };
    let outcome = run_with(scenario, &options);
    let ended = outcome.finished.is_some() || scenario.may_hang();
    assert!(ended, "the senders have not finished after {:?}", scenario.limit);
    outcome
}

/// Runs a recipe; what came of it, or what it panicked with. `loud` lets the panic tell its story,
/// last packets included.
///
/// # Errors
/// The panic's message.
pub fn attempt<T>(recipe: &Recipe, loud: bool, run: impl Fn(&Scenario) -> T) -> Result<T, Message> {
    listen_to_panics();
    let quiet = QUIET.replace(!loud);
    let result = catch_unwind(AssertUnwindSafe(|| run(&recipe.scenario())));
    QUIET.set(quiet);
    result.map_err(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string));
        let text = text.unwrap_or_else(|| "a panic without words".into());
        Message { text, place: PLACE.take() }
    })
}

thread_local! {
    /// True while a panic is expected here, and must not be printed.
    static QUIET: Cell<bool> = const { Cell::new(false) };
    /// Where the last such panic was.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// True in a run whose failure is somebody's to report, not to print.
pub(crate) fn is_quiet() -> bool {
    QUIET.get()
}

fn listen_to_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
            PLACE.set(
                info.location()
                    .map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line())),
            );
        }));
    });
}

/// Does something with each item, on so many threads; the results are in the items' order.
fn parallel<I: Sync, R: Send>(
    items: &[I],
    threads: usize,
    work: impl Fn(&I) -> R + Sync,
) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
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
    /// True for failures of one kind: the same words, numbers aside, at the same place.
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

    /// Fails when there are more than three receivers and something is duplicated on the way to one.
    fn fake(scenario: &Scenario) {
        let receivers = scenario.hosts.iter().filter(|h| matches!(h.role, Role::Receiver(_)));
        let twice = |rule: &Rule| matches!(rule, Rule::Duplicate(_));
        let doubles = receivers.clone().any(|host| host.link.down.iter().any(twice));
        let count = receivers.count();
        assert!(count <= 3 || !doubles, "{count} receivers are one too many");
        assert!(scenario.hosts.len() < 60, "a population of {}", scenario.hosts.len());
    }

    #[test]
    fn a_failure_is_shrunk_to_what_it_takes() {
        let swarm = swarm(0..500, 2, fake);
        let failure = &swarm.failures[0];
        assert!(failure.message.text.starts_with("4 receivers"), "{failure}");
        assert_eq!((failure.recipe.receivers, failure.recipe.sizes.as_slice()), (4, &[0][..]));
        let [Feature::Fault { rule: Rule::Duplicate(_), .. }] = failure.recipe.features[..] else {
            panic!("{failure}");
        };
        let plain = Recipe::plain(failure.recipe.seed);
        let like_plain = Recipe {
            receivers: 1,
            features: Vec::new(),
            sizes: plain.sizes.clone(),
            ..failure.recipe.clone()
        };
        assert_eq!(like_plain, plain);
        assert!(swarm.failed >= failure.count && failure.count > 1, "{swarm}");
        let population =
            swarm.failures.iter().find(|f| f.message.text.starts_with("a population")).unwrap();
        assert!(!population.message.is_like(&failure.message));
    }

    #[test]
    fn what_comes_out_does_not_depend_on_the_threads() {
        let one = swarm(100..400, 1, fake);
        assert!(one.failed > 0);
        assert_eq!(one, swarm(100..400, 3, fake));
    }

    #[test]
    fn a_replayed_recipe_fails_with_its_message_and_a_good_one_is_silent() {
        let failure = &swarm(0..500, 2, fake).failures[0];
        let replayed = Recipe::parse(&failure.recipe.to_string()).unwrap();
        assert_eq!(attempt(&replayed, false, fake).err().as_ref(), Some(&failure.message));
        assert!(attempt(&Recipe::plain(1), false, fake).is_ok());
    }

    #[test]
    fn messages_are_of_one_kind_whatever_their_numbers() {
        let message = |text: &str| Message { text: text.into(), place: "here".into() };
        assert!(message("seed 17: late by 3 s").is_like(&message("seed 4: late by 250 s")));
        assert!(!message("seed 17: late").is_like(&message("seed 17: early")));
        let elsewhere = Message { place: "there".into(), ..message("late") };
        assert!(!message("late").is_like(&elsewhere));
    }
}
