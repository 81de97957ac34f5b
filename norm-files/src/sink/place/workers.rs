//! Files are placed in batches, the last ones first: within a batch by several threads at once,
//! then the batch is cut off the payload.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::outcome::{PlaceError, PlacedFile};
use super::placer::{Outcome, Placer, Present, is_first};
use crate::sink::output::Tree;
use crate::sink::plan::Plan;
use crate::sink::spool_files::MAX_MAKERS;

/// Bytes that the disk may hold twice, unless a file alone is larger.
const MAX_BATCH_BYTES: u64 = 16 << 20;
/// Files in a batch at most.
const MAX_BATCH_FILES: usize = 2048;
/// Files that a thread takes at a time: they are often in one directory, which it opens once.
const RUN: usize = 32;

/// The files of a plan that are to be placed, by their places in it.
pub(super) struct Batches<'a, I: Iterator<Item = usize>> {
    plan: &'a Plan,
    files: Peekable<I>,
}

impl<'a> Batches<'a, Box<dyn Iterator<Item = usize> + 'a>> {
    /// Those that are wanted, and have not failed.
    pub(super) fn new(plan: &'a Plan, failed: &'a BTreeSet<usize>) -> Self {
        let wanted = plan.wanted_places().rev().filter(|at| !failed.contains(at));
        let files: Box<dyn Iterator<Item = usize> + 'a> = Box::new(wanted);
        Self { plan, files: files.peekable() }
    }
}

impl<I: Iterator<Item = usize>> Iterator for Batches<'_, I> {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(&at) = self.files.peek() {
            let file = self.plan.file(at)?;
            // The payload itself gets the name of the first one: no other may need it then.
            let alone = is_first(&file);
            let is_full = bytes + file.data > MAX_BATCH_BYTES || batch.len() == MAX_BATCH_FILES;
            if !batch.is_empty() && (alone || is_full) {
                break;
            }
            batch.extend(self.files.next());
            bytes += file.data;
            if alone {
                break;
            }
        }
        (!batch.is_empty()).then_some(batch)
    }
}

/// The threads that place files: this one, and others while a batch is large.
pub(super) struct Workers<'a, F> {
    tree: Tree,
    placer: Placer<'a>,
    others: Vec<(Tree, Placer<'a>)>,
    new_placer: F,
}

impl<'a, F: Fn() -> Placer<'a>> Workers<'a, F> {
    /// This thread alone, for now.
    pub(super) fn new(tree: Tree, new_placer: F) -> Self {
        Self { tree, placer: new_placer(), others: Vec::new(), new_placer }
    }

    /// Places a batch, cuts it off the payload, and says each file to `placed`; returns how many
    /// were present before.
    ///
    /// # Errors
    /// The first one.
    pub(super) fn place(
        &mut self,
        batch: &[usize],
        present: &Present,
        placed: &mut dyn FnMut(PlacedFile<'_>),
    ) -> Result<u64, PlaceError> {
        self.hire(batch.len() / RUN);
        let outcomes = self.run(batch, present);
        self.placer.cut(&mut self.tree, &outcomes);
        let mut count = 0;
        let mut error = None;
        for outcome in outcomes {
            count += self.placer.tell(&outcome, placed);
            error = error.or(outcome.into_error());
        }
        error.map_or(Ok(count), Err)
    }

    /// Sees to it that there are threads for as many runs of files, as far as there are processors.
    fn hire(&mut self, runs: usize) {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let wanted = runs.min(processors).min(MAX_MAKERS);
        while self.others.len() + 1 < wanted {
            // Without descriptors to spare one thread does it all.
            let Ok(tree) = self.tree.again() else { return };
            let placer = (self.new_placer)().of_thread(self.others.len() + 1);
            self.others.push((tree, placer));
        }
    }

    /// What became of the files of a batch, in their order.
    fn run(&mut self, batch: &[usize], present: &Present) -> Vec<Outcome> {
        let next = AtomicUsize::new(0);
        let work = |tree: &mut Tree, placer: &mut Placer<'a>| {
            let mut outcomes = Vec::new();
            loop {
                let start = next.fetch_add(RUN, Ordering::Relaxed);
                let Some(rest) = batch.get(start..).filter(|rest| !rest.is_empty()) else {
                    return outcomes;
                };
                for &at in rest.iter().take(RUN) {
                    let outcome = placer.place(tree, at, present);
                    let is_over = outcome.is_error();
                    outcomes.push(outcome);
                    if is_over {
                        // The others end with the runs that they have begun.
                        next.store(batch.len(), Ordering::Relaxed);
                        return outcomes;
                    }
                }
            }
        };
        let (tree, placer) = (&mut self.tree, &mut self.placer);
        let mut outcomes = thread::scope(|scope| {
            let work = &work;
            let others = self.others.iter_mut();
            let others: Vec<_> =
                others.map(|(tree, placer)| scope.spawn(|| work(tree, placer))).collect();
            let mut outcomes = work(tree, placer);
            for other in others {
                match other.join() {
                    Ok(more) => outcomes.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            outcomes
        });
        // A batch goes down.
        outcomes.sort_by_key(|outcome| std::cmp::Reverse(outcome.at()));
        outcomes
    }

    /// What all of them have made and noted.
    pub(super) fn join(self) -> (Tree, Placer<'a>) {
        let Self { mut tree, mut placer, others, .. } = self;
        for (other_tree, other) in others {
            tree.absorb(other_tree);
            placer.absorb(other);
        }
        (tree, placer)
    }
}
