//! What it takes to update an image of which few chunks have changed, beside sending all of it.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use norm_core::fileset::ChunkHasher;

use crate::command::say;
use crate::scene::{SENDER, Scene};

const MEBIBYTE: u64 = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(180);
/// Set to 1, makes the image as large as it should be: 1 GiB.
const SWITCH: &str = "NORM_TEST_LARGE";
/// Bytes of manifest, digest list, and what the session says beside the content.
const LISTS: u64 = 200_000;

/// Chunks of the image, how many of them have changed, and which part of the time of all of it that
/// may take.
fn size() -> (u64, u64, f64) {
    match is_large() {
        true => (1024, 51, 0.25),
        // The start takes as long as with a large one.
        false => (128, 6, 0.6),
    }
}

fn is_large() -> bool {
    std::env::var_os(SWITCH).is_some_and(|value| value == "1")
}

/// How many times what has changed may be on the wire, by the loss in percent.
fn limit(loss: u8) -> f64 {
    if loss == 0 { 1.15 } else { 1.3 }
}

/// What a transfer to one receiver took.
struct Taken {
    /// From the start of the sender's program to its end.
    seconds: f64,
    /// Ethernet bytes that the sender sent.
    bytes: u64,
}

/// Sends the source to one receiver of this name.
fn send(scene: &Scene, name: &str, source: &Path, send: &[&str], recv: &[&str]) -> Taken {
    let mut receiver = scene.receiver_called(name, 1, recv);
    let host = scene.network.host(SENDER);
    let (before, start) = (host.bytes_sent(), Instant::now());
    let arguments = [&["--min-receivers", "1"], send].concat();
    let mut sender = scene.sender_called(&format!("sender {name}"), &arguments, source);
    let sent = sender.finish(PATIENCE);
    let seconds = start.elapsed().as_secs_f64();
    let bytes = host.bytes_sent() - before;
    assert_eq!(sent.code, Some(0), "the sender's exit code\n{}", sender.tail());
    receiver.must_complete(source, PATIENCE);
    Taken { seconds, bytes }
}

/// A copy of the source, of which a byte is another one in as many chunks, spread over it.
fn make_old(source: &Path, folder: &Path, chunks: u64, changes: u64) {
    fs::create_dir(folder).expect("the folder is new");
    let old = folder.join(source.file_name().expect("the source is a file"));
    fs::copy(source, &old).expect("there is room");
    let old = File::options().read(true).write(true).open(old).expect("it was just made");
    for change in 0..changes {
        let at = change * chunks / changes * MEBIBYTE + 4_711;
        let mut byte = [0];
        old.read_exact_at(&mut byte, at)
            .and_then(|()| old.write_all_at(&[!byte[0]], at))
            .expect("a byte of it can be changed");
    }
}

#[test]
fn update_takes_a_part_of_the_time_and_of_the_bytes() {
    let test = "update_takes_a_part_of_the_time_and_of_the_bytes";
    let (chunks, changes, part) = size();
    for loss in [0, 5] {
        let Some(scene) = Scene::begin(test, 1) else { return };
        let source = scene.source(chunks * MEBIBYTE);
        scene.network.limit(1, "200mbit");
        scene.network.host(1).lose(loss);
        let full = send(&scene, "full", &source, &[], &[]);
        make_old(&source, &scene.folder_of("update"), chunks, changes);
        let update = send(&scene, "update", &source, &["--delta"], &["--overwrite"]);
        let (time, bytes) =
            (update.seconds / full.seconds, update.bytes as f64 / (changes * MEBIBYTE) as f64);
        say(format_args!(
            "{test}: {chunks} MiB, {changes} changed, {loss} % loss: {:.2} s instead of {:.2} s \
             ({time:.3}), {bytes:.3} x what changed on the wire",
            update.seconds, full.seconds
        ));
        assert!(time <= part, "{time:.3} of the time of all of it");
        let most = (changes * MEBIBYTE) as f64 * limit(loss) + LISTS as f64;
        assert!(update.bytes as f64 <= most, "{} of {most} bytes", update.bytes);
    }
}

/// The seconds that two threads take to read and hash a file, and to copy all of it where
/// `copy_to` names a file.
fn work(path: &Path, copy_to: Option<&Path>) -> f64 {
    let source = File::open(path).expect("it is there");
    let size = source.metadata().expect("it is open").len();
    let copy = copy_to.map(|to| File::create(to).expect("the folder is writable"));
    let start = Instant::now();
    thread::scope(|scope| {
        for first in [0, 1] {
            let (source, copy) = (&source, &copy);
            scope.spawn(move || {
                let mut buffer = vec![0; MEBIBYTE as usize];
                for at in (first * MEBIBYTE..size).step_by(2 * MEBIBYTE as usize) {
                    source.read_exact_at(&mut buffer, at).expect("it has whole mebibytes");
                    let _ = std::hint::black_box(ChunkHasher::hash(at, size, &buffer));
                    if let Some(copy) = copy {
                        copy.write_all_at(&buffer, at).expect("there is room");
                    }
                }
            });
        }
    });
    start.elapsed().as_secs_f64()
}

#[test]
fn update_without_a_bottleneck_takes_little_more_than_its_parts() {
    let test = "update_without_a_bottleneck_takes_little_more_than_its_parts";
    let (chunks, changes, _) = size();
    let Some(scene) = Scene::begin(test, 1) else { return };
    let source = scene.source(chunks * MEBIBYTE);
    let mut ratios = Vec::new();
    for run in 0..3 {
        let folder = scene.folder_of(&format!("update{run}"));
        make_old(&source, &folder, chunks, changes);
        let copy = folder.with_extension("copy");
        let parts = [work(&source, None), work(&source, Some(&copy))];
        fs::remove_file(&copy).expect("it was just made");
        let name = format!("update{run}");
        let send_all = ["-b", "max", "--delta"];
        let update = send(&scene, &name, &source, &send_all, &["--overwrite"]);
        let ratio = update.seconds / (parts[0] + parts[1]);
        say(format_args!(
            "{test}: {chunks} MiB: {:.2} s; reading and hashing takes {:.2} s, and with copying \
             {:.2} s: {ratio:.2} of both",
            update.seconds, parts[0], parts[1]
        ));
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    // A small one takes as long to start and to end.
    let limit = if chunks < 1024 { 12.0 } else { 1.3 };
    assert!(ratios[1] <= limit, "{:.2} of its parts", ratios[1]);
}
