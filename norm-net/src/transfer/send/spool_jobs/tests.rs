use crossbeam_channel::{Receiver, unbounded};
use norm_core::endpoint::{Job, ReadJob};
use norm_core::fec::{Scheme, encode_repair};
use norm_files::source::scan;

use super::*;
use crate::io::socket::{Link, LinkConfig};
use crate::transfer::send::jobs::Jobs;

const T: u16 = 64;
const K: u32 = 10;
const BLOCK: usize = 640;
/// Key of the first object.
const FIRST: u64 = 70;

struct Fixture {
    _dir: tempfile::TempDir,
    _link: Link,
    jobs: Jobs,
    done: Receiver<JobDone>,
    content: Vec<u8>,
}

impl Fixture {
    /// Two files: one of three blocks and a byte, and another of five bytes.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..3 * BLOCK + 1).map(|n| (n * 31 + n / 251) as u8).collect();
        let paths = ["a", "b"].map(|name| dir.path().join(name));
        std::fs::write(&paths[0], &content).unwrap();
        std::fs::write(&paths[1], b"other").unwrap();
        let found = scan(&paths).unwrap();
        let source = Reader::of_files(vec![0, content.len() as u64], found);
        let link = Link::open(&LinkConfig::new("127.0.0.1:9".parse().unwrap())).unwrap();
        let (results, done) = unbounded();
        let jobs = Jobs::new(source, FIRST, JobResults::new(results, link.waker())).unwrap();
        Self { _dir: dir, _link: link, jobs, done, content }
    }

    fn run(&mut self, job: Job) -> JobDone {
        assert!(self.jobs.start(job).is_none(), "it is done on another thread");
        self.done.recv_timeout(std::time::Duration::from_secs(10)).unwrap()
    }

    fn prepare(&mut self, block: u64, first: u32, count: u32) -> Result<(), JobFailed> {
        let offset = block * BLOCK as u64;
        let source = ReadJob { object: FIRST, block, offset, len: BLOCK as u32 };
        let scheme = Scheme::RaptorQ;
        let job = PrepareJob { source, scheme, symbols: K, symbol_size: T, first, count };
        match self.run(Job::Prepare(job)) {
            JobDone::Prepare { block: b, first: f, result } if (b, f) == (block, first) => result,
            done => panic!("{done:?}"),
        }
    }

    fn gather(&mut self, number: u64, pieces: Vec<Piece>) -> Result<Bytes, JobFailed> {
        match self.run(Job::Gather(GatherJob { number, pieces })) {
            JobDone::Gather { number: n, result } if n == number => result,
            done => panic!("{done:?}"),
        }
    }

    fn coded(&self, block: usize, first: u32, count: u32) -> Vec<u8> {
        let source = &self.content[block * BLOCK..(block + 1) * BLOCK];
        encode_repair(K, T, source, first, count).unwrap()
    }
}

#[test]
fn pieces_of_files_and_of_prepared_symbols_come_in_the_order_asked_for() {
    let mut set = Fixture::new();
    for first in [10, 20, 30] {
        for block in 0..3 {
            assert_eq!(set.prepare(block, first, 10), Ok(()));
        }
    }
    let pieces = vec![
        Piece::Prepared { block: 2, first: 25, count: 5 },
        Piece::Source { object: FIRST, offset: 3 * BLOCK as u64 - 1, len: 2 },
        Piece::Prepared { block: 0, first: 30, count: 1 },
        Piece::Source { object: FIRST + 1, offset: 1, len: 4 },
        Piece::Source { object: FIRST, offset: 64, len: 128 },
    ];
    let expected = [
        set.coded(2, 25, 5),
        set.content[3 * BLOCK - 1..].to_vec(),
        set.coded(0, 30, 1),
        b"ther".to_vec(),
        set.content[64..192].to_vec(),
    ];
    assert_eq!(set.gather(1, pieces), Ok(Bytes::from(expected.concat())));
    assert_eq!(set.gather(2, Vec::new()), Ok(Bytes::new()));
}

#[test]
fn what_is_not_there_fails_the_job_with_a_reason() {
    let mut set = Fixture::new();
    assert_eq!(set.prepare(0, 10, 10), Ok(()));
    let unknown = Piece::Prepared { block: 0, first: 15, count: 6 };
    assert_eq!(set.gather(1, vec![unknown]), Err(JobFailed));
    let problem = set.jobs.take_failure().unwrap().to_string();
    assert!(problem.contains("not prepared"), "{problem}");
    let past_end = Piece::Source { object: FIRST + 1, offset: 4, len: 2 };
    assert_eq!(set.gather(2, vec![past_end]), Err(JobFailed));
    assert!(set.jobs.take_failure().is_some());
    assert_eq!(set.prepare(0, 9, 1), Err(JobFailed), "that is a source symbol");
}

#[test]
#[cfg(target_os = "linux")]
fn full_disk_is_told_with_its_directory() {
    let set = Fixture::new();
    let full = std::fs::File::options().read(true).write(true).open("/dev/full").unwrap();
    let source = Arc::new(Mutex::new(Reader::of_files(
        vec![0],
        scan(&[set._dir.path().join("a")]).unwrap(),
    )));
    let work = Work {
        source,
        first_key: FIRST,
        spool: Arc::new(Spool::new(SpoolFile::of(full))),
        failure: SpoolFailure::default(),
    };
    let source = ReadJob { object: FIRST, block: 0, offset: 0, len: BLOCK as u32 };
    let scheme = Scheme::RaptorQ;
    let job = PrepareJob { source, scheme, symbols: K, symbol_size: T, first: 10, count: 1 };
    let content = work.read(&job).unwrap();
    assert_eq!(work.prepare(&job, &content), Err(JobFailed));
    let problem = work.failure.take().unwrap().to_string();
    assert!(problem.contains("in dir: No space left") && problem.contains("TMPDIR"), "{problem}");
}
