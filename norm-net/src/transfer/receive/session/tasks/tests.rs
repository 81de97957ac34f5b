use std::time::Duration;

use crossbeam_channel::Receiver;
use norm_core::endpoint::{BlockGeometry, BlockSlot, SenderId, SymbolStore};
use norm_core::fec::Scheme;
use norm_core::fileset::{ManifestHash, PartKind, digest_list_len};
use norm_files::sink::{Part, Reading, Spools};

use super::*;
use crate::event::Problem;
use crate::io::socket::{Link, LinkConfig};
use crate::transfer::receive::store::BlockStore;
use crate::transfer::spool_file::SpoolFile;

const SLOT: BlockSlot = BlockSlot { sender: SenderId(0), object: 0, block: 0 };
const GEOMETRY: BlockGeometry =
    BlockGeometry { scheme: Scheme::RaptorQ, symbols: 1, symbol_size: 64, offset: 0, len: 64 };
const PART: Part = Part { kind: PartKind::Payload, offset: 0, size: 64 };

/// The load of one block.
fn waiting() -> DiskLoad {
    let load = DiskLoad::default();
    load.waits();
    load
}

struct Fixture {
    _dir: tempfile::TempDir,
    _link: Link,
    spool: Arc<Spool>,
    store: BlockStore,
    results: TaskResults,
    done: Receiver<TaskDone>,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let link = Link::open(&LinkConfig::new("127.0.0.1:9".parse().unwrap())).unwrap();
        let spool =
            Arc::new(Spools::new(dir.path(), true).create(ManifestHash([1; 32]), 64).unwrap());
        spool.take_room(|| true).unwrap();
        let mut store = BlockStore::new(64);
        assert!(store.put(SLOT, &GEOMETRY, 0, &[7; 64]));
        let (sender, done) = unbounded();
        let results = TaskResults::new(sender, link.waker());
        Self { _dir: dir, _link: link, spool, store, results, done }
    }

    fn store_task(&mut self) -> StoreTask {
        StoreTask {
            owner: Owner::Set(5),
            target: Target::Part(Arc::clone(&self.spool), PART),
            job: StoreJob { slot: SLOT, geometry: GEOMETRY, decode: false, held: Vec::new() },
            held: self.store.lend(SLOT).unwrap(),
            returns: self.store.returns(),
            failures: self.results.clone(),
            load: Arc::new(waiting()),
        }
    }

    fn check_task(&self) -> CheckTask {
        let written = WrittenPart {
            check: Check::Payload { range: 0..64, which: Reading::All },
            payload_size: 64,
            list_size: digest_list_len(1),
            list_first: false,
            spool: Arc::clone(&self.spool),
        };
        let (cancel, results) = (Arc::default(), self.results.clone());
        CheckTask { number: 5, written, policy: Arc::default(), cancel, results }
    }

    fn failure(&self) -> String {
        let done = self.done.recv_timeout(Duration::from_secs(10)).unwrap();
        let TaskDone::Set { number: 5, result: SetResult::Failed(problem) } = done else {
            panic!("{done:?}")
        };
        assert!(matches!(problem, Problem::Internal { .. }), "{problem:?}");
        problem.to_string()
    }
}

#[test]
fn panic_while_storing_fails_the_block_and_says_why() {
    let mut set = Fixture::new();
    let done = set.store_task().run_with(|_| panic!("on purpose"));
    assert!(matches!(done, JobDone::Store { slot: SLOT, outcome: StoreOutcome::Failed }));
    let failure = set.failure();
    assert!(failure.ends_with("on purpose"), "{failure}");
    assert!(set.store.put(SLOT, &GEOMETRY, 0, &[7; 64]), "the buffer came back");
}

/// A store whose blocks wait in this file.
fn spooled(file: SpoolFile) -> BlockStore {
    BlockStore::with_spool(8, file).unwrap()
}

#[test]
fn block_that_waits_on_the_disk_is_written_to_its_place() {
    let mut set = Fixture::new();
    set.store = spooled(SpoolFile::new(std::env::temp_dir()));
    assert!(set.store.put(SLOT, &GEOMETRY, 0, &[9; 64]));
    let done = set.store_task().run();
    assert!(matches!(done, JobDone::Store { outcome: StoreOutcome::Written, .. }), "{done:?}");
    let mut written = [0; 64];
    set.spool.read_held(&mut written, 0).unwrap();
    assert_eq!(written, [9; 64]);
}

#[test]
#[cfg(target_os = "linux")]
fn block_of_which_symbols_were_lost_on_the_disk_is_to_come_again() {
    let mut set = Fixture::new();
    let full = std::fs::File::options().read(true).write(true).open("/dev/full").unwrap();
    set.store = spooled(SpoolFile::of(full));
    let geometry = BlockGeometry { symbols: 2, len: 128, ..GEOMETRY };
    assert!(set.store.put(SLOT, &geometry, 0, &[9; 64]));
    // The first one is to make room for it.
    let taken = set.store.put(SLOT, &geometry, 1, &[9; 64]);
    while set.store.take_spool_failure().is_none() {
        std::thread::yield_now();
    }
    assert!(taken);
    let done = set.store_task().run();
    assert!(matches!(done, JobDone::Store { outcome: StoreOutcome::HeldLost, .. }), "{done:?}");
    assert!(set.store.put(SLOT, &geometry, 0, &[9; 64]), "it begins anew");
}

#[test]
fn panic_while_reading_back_fails_the_set_and_says_why() {
    let set = Fixture::new();
    set.check_task().run_with(|_| panic!("on purpose"));
    let failure = set.failure();
    assert!(failure.ends_with("on purpose"), "{failure}");
    set.check_task().run();
    let done = set.done.try_recv().unwrap();
    let read = SetResult::Payload { damaged: Vec::new() };
    assert_eq!(format!("{done:?}"), format!("{:?}", TaskDone::Set { number: 5, result: read }));
}
