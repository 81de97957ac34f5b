use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use norm_core::endpoint::{BlockGeometry, BlockSlot, SenderId, SymbolStore};
use norm_core::fec::Scheme;
use norm_core::fileset::{ContentId, SetId};

use super::*;
use crate::io::socket::{Link, LinkConfig};
use crate::transfer::receive::store::BlockStore;
use norm_files::sink::Spools;

const SLOT: BlockSlot = BlockSlot { sender: SenderId(0), object: 0, block: 0 };
const GEOMETRY: BlockGeometry =
    BlockGeometry { scheme: Scheme::RaptorQ, symbols: 1, symbol_size: 64, offset: 0, len: 64 };

struct Fixture {
    _dir: tempfile::TempDir,
    _link: Link,
    spool: Arc<Spool>,
    store: BlockStore,
    failures: TaskResults,
    tasks: Receiver<TaskDone>,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let link = Link::open(&LinkConfig::new("127.0.0.1:9".parse().unwrap())).unwrap();
        let spool = Arc::new(Spools::new(dir.path(), true).create(ContentId([1; 16]), 64).unwrap());
        spool.take_room(|| true).unwrap();
        let mut store = BlockStore::new(64);
        assert!(store.put(SLOT, &GEOMETRY, 0, &[7; 64]));
        let (done, tasks) = unbounded();
        let failures = TaskResults { done, waker: link.waker() };
        Self { _dir: dir, _link: link, spool, store, failures, tasks }
    }

    fn part(&self) -> Part {
        Part { kind: PartKind::Payload, offset: 0, size: 64 }
    }

    fn store_task(&mut self) -> StoreTask {
        StoreTask {
            owner: Owner::Set(5),
            target: Target::Part(Arc::clone(&self.spool), self.part()),
            job: StoreJob { slot: SLOT, geometry: GEOMETRY, decode: false },
            held: self.store.lend(SLOT).unwrap(),
            returns: self.store.returns(),
            failures: self.failures.clone(),
        }
    }

    fn check_task(&self) -> CheckTask {
        CheckTask {
            set: 5,
            key: 1,
            part: self.part(),
            id: SetId([2; 16]),
            extents: 1,
            payload_size: 64,
            overwrite: false,
            spool: Arc::clone(&self.spool),
            cancel: Arc::default(),
            results: self.failures.clone(),
        }
    }

    fn failure(&self) -> String {
        let done = self.tasks.recv_timeout(Duration::from_secs(10)).unwrap();
        let TaskResult::Failed { action, error } = done.result else { panic!("{done:?}") };
        assert_eq!(done.owner, Owner::Set(5));
        format!("{action}: {error}")
    }
}

#[test]
fn a_panic_while_a_block_is_stored_fails_the_block_and_says_why() {
    let mut set = Fixture::new();
    let done = set.store_task().run_with(|_| panic!("on purpose"));
    assert!(matches!(done, JobDone::Store { slot: SLOT, outcome: StoreOutcome::Failed }));
    let failure = set.failure();
    assert!(failure.starts_with("write to: ") && failure.ends_with("on purpose"), "{failure}");
    assert!(set.store.put(SLOT, &GEOMETRY, 0, &[7; 64]), "the buffer came back");
}

#[test]
fn a_panic_while_reading_back_fails_the_set_and_says_why() {
    let set = Fixture::new();
    set.check_task().run_with(|_| panic!("on purpose"));
    let failure = set.failure();
    assert!(failure.ends_with("on purpose"), "{failure}");
    set.check_task().run();
    let done = set.tasks.try_recv().unwrap();
    assert!(matches!(done.result, TaskResult::Extent { key: 1, .. }), "{done:?}");
}
