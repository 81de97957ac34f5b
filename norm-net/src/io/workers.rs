//! Threads for slow work: reading, coding, writing, hashing.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, unbounded};

type Task = Box<dyn FnOnce() + Send>;

/// A few threads that take tasks in order. One thread keeps the order of execution as well.
///
/// The queue is not bounded here: those that submit tasks bound how many are under way.
/// Dropping the pool finishes what was submitted, then joins the threads.
#[derive(Debug)]
pub struct Workers {
    tasks: Option<Sender<Task>>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts `count` threads (at least one) called `name`.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn new(name: &str, count: usize) -> io::Result<Self> {
        let (tasks, queue) = unbounded::<Task>();
        let threads = (0..count.max(1))
            .map(|_| {
                let queue = queue.clone();
                std::thread::Builder::new().name(name.to_owned()).spawn(move || {
                    for task in queue {
                        // A task that has a result to give back guards it; the thread lives on.
                        let _ = guarded(task);
                    }
                })
            })
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self { tasks: Some(tasks), threads })
    }

    /// True while tasks wait for a thread.
    pub(crate) fn is_busy(&self) -> bool {
        self.tasks.as_ref().is_some_and(|tasks| !tasks.is_empty())
    }

    /// Has a task done.
    pub fn submit(&self, task: impl FnOnce() + Send + 'static) {
        if let Some(tasks) = &self.tasks {
            // Cannot fail: the threads take tasks for as long as the pool is there.
            let _ = tasks.send(Box::new(task));
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.tasks = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Does some work, and says what went wrong if it panics, so that a result that is waited for comes
/// in any case.
///
/// # Errors
/// The panic's message. What the work had borrowed mutably may be half changed.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        format!("an internal error, please report it: {}", message(panic.as_ref()))
    })
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_panics_takes_no_thread_with_it() {
        let (send, receive) = unbounded();
        let workers = Workers::new("test", 1).unwrap();
        workers.submit(|| panic!("on purpose"));
        workers.submit(move || send.send(()).unwrap());
        assert!(receive.recv_timeout(std::time::Duration::from_secs(10)).is_ok());
    }

    #[test]
    fn the_message_of_a_panic_is_kept() {
        let number = 7;
        for (work, expected) in [
            (guarded(|| panic!("plain")), "plain"),
            (guarded(|| panic!("number {number}")), "number 7"),
            (guarded(|| std::panic::panic_any(number)), "a panic"),
        ] {
            let error: Result<(), String> = work;
            assert!(error.unwrap_err().ends_with(expected));
        }
        assert_eq!(guarded(|| 5), Ok(5));
    }

    #[test]
    fn task_that_waits_for_a_thread_makes_the_pool_busy() {
        let (go_on, wait) = unbounded::<()>();
        let (running, is_running) = unbounded();
        let workers = Workers::new("test", 1).unwrap();
        workers.submit(move || {
            running.send(()).unwrap();
            wait.recv().unwrap();
        });
        is_running.recv().unwrap();
        assert!(!workers.is_busy());
        workers.submit(|| {});
        assert!(workers.is_busy());
        go_on.send(()).unwrap();
    }

    #[test]
    fn one_thread_keeps_the_order_and_dropping_finishes_the_work() {
        let (send, receive) = unbounded();
        let workers = Workers::new("test", 1).unwrap();
        for n in 0..100 {
            let send = send.clone();
            workers.submit(move || send.send(n).unwrap());
        }
        drop(workers);
        assert_eq!(receive.try_iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    }
}
