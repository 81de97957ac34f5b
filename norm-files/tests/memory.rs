//! How much memory an entry of a set takes, where there are many.
#![expect(clippy::disallowed_methods, reason = "these are no calls of the sink")]
#![expect(unsafe_code, reason = "an allocator needs it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use norm_core::fileset::{Entry, EntryKind, Manifest, ManifestWriter};
use norm_files::sink::Plan;
use norm_files::source::{Extents, Reader, scan};

/// The system's allocator, with a count of the requested bytes.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on as it came, and so is its result.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller's promises hold for the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above; the memory came from there.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What `make` returns, and how many bytes that and making it have taken.
fn measured<T>(make: impl FnOnce() -> T) -> (T, usize, usize) {
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let made = make();
    let (live, peak) = (LIVE.load(Ordering::Relaxed), PEAK.load(Ordering::Relaxed));
    (made, live - before, peak - before)
}

/// Entries of a set that is not on disk.
const LISTED: usize = 100_000;
/// Files of one that is: their names are more than stays in memory.
const FOUND: usize = 8_000;

fn name(number: usize) -> String {
    format!("{:04}/{number:0200}", number / 1000)
}

/// The only test in here: others would be counted.
#[test]
#[cfg_attr(not(unix), ignore = "manifests are in memory")]
fn entries_take_no_memory_for_their_names() {
    for shuffled in [false, true] {
        let mut writer = ManifestWriter::new();
        for number in 0..LISTED {
            let number = if shuffled { number * 7919 % LISTED } else { number };
            let name = name(number);
            let entry = Entry { size: 1, ..Entry::new(EntryKind::File, &name) };
            writer.push(&entry).unwrap();
        }
        let manifest = writer.finish().0;
        let payload = Manifest::parse(&manifest).unwrap().payload_size();
        let (plan, live, peak) = measured(|| Plan::new(&manifest, payload).unwrap());
        // A plan of bytes has a copy of them.
        let (live, peak) = (live - manifest.len(), peak - manifest.len());
        println!("plan: {} bytes for an entry, {} at most", live / LISTED, peak / LISTED);
        assert!(live <= 32 * LISTED, "{live}");
        // Those that are in no order are sorted.
        assert!(peak <= 48 * LISTED, "{peak}");
        let walk = measured(|| plan.wanted().map(|(_, file)| file.size).sum::<u64>());
        assert!(walk.0 == payload && walk.2 < 10_000, "{}", walk.2);
    }
    let dir = tempfile::tempdir().unwrap();
    for number in 0..FOUND {
        let path = dir.path().join(name(number));
        if number % 1000 == 0 {
            fs::create_dir(path.parent().unwrap()).unwrap();
        }
        fs::write(path, "content").unwrap();
    }
    let (found, live, _) = measured(|| scan(&[dir.path().to_owned()]).unwrap());
    println!("scan: {} bytes for an entry", live / FOUND);
    assert!(live <= 64 * FOUND, "{live}");
    let payload = found.payload_size;
    let extents = Extents { extent_bytes: payload, payload_size: payload, count: 1 };
    let (mut reader, live, _) = measured(|| Reader::new(extents, found));
    println!("reader: {} bytes more", live / FOUND);
    assert!(live <= 48 * FOUND, "{live}");
    let (_, live, _) = measured(|| {
        reader.read(2, 0, 1).unwrap();
    });
    println!("digest list: {} bytes more", live / FOUND);
    assert!(live <= 40 * FOUND + (1 << 20), "{live}");
}
