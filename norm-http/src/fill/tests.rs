use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use norm_core::fileset::ContentHash;
use norm_files::complete::CompleteSet;
use norm_files::receipts::Store;
use norm_files::sink::Only;
use norm_files::state::StateFolders;

use super::*;
use crate::client::{HttpError, SourceUrl};
use crate::protocol::range::{Wanted, wanted};
use crate::testing::{
    Asked, MIB, answer, complete, content, folder, request, serve, static_answer, url, web_server,
    write_sidecar,
};

/// Fills `out` below a directory from these sources.
fn run(dir: &Path, sources: &[SourceUrl]) -> (Result<FillReport, FillError>, Vec<FillEvent>) {
    run_with(dir, sources, |_| {})
}

fn run_with(
    dir: &Path,
    sources: &[SourceUrl],
    change: impl FnOnce(&mut FillOptions),
) -> (Result<FillReport, FillError>, Vec<FillEvent>) {
    let mut options = FillOptions::new(sources.to_vec(), dir.join("out"));
    options.state = StateFolders::within(&dir.join("state"));
    change(&mut options);
    let mut events = Vec::new();
    let result = fill(&options, &Arc::default(), &mut |event| events.push(event));
    (result, events)
}

fn assert_same(dir: &Path) {
    for name in ["large", "a b/100%", "short", "empty"] {
        let (sent, come) = (dir.join("set").join(name), dir.join("out/set").join(name));
        assert!(fs::read(sent).unwrap() == fs::read(come).unwrap(), "{name}");
    }
    let left = fs::read_dir(dir.join("out")).unwrap().count();
    assert_eq!(left, 1, "nothing else is left");
}

fn failures(events: &[FillEvent]) -> Vec<&HttpError> {
    let failed = events.iter().filter_map(|event| match event {
        FillEvent::SourceFailed { error, .. } => Some(error),
        _ => None,
    });
    failed.collect()
}

#[test]
fn directory_is_filled_from_a_service_and_again_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let set = complete(&folder(dir.path()));
    let content = set.content();
    let server = serve([set]);
    let (report, events) = run(dir.path(), &[url(server.address(), "/")]);
    let report = report.unwrap();
    assert_same(dir.path());
    assert_eq!((report.files, report.content, report.unchanged), (4, Some(content), false));
    assert_eq!((report.sources[0].bytes, report.sources[0].errors), (report.bytes, 0));
    let proved = |event: &FillEvent| matches!(event, FillEvent::Found { is_proved: true, .. });
    assert!(!events.iter().any(proved), "nothing proves it");
    let before = server.served().payload();
    assert_eq!(before, report.bytes);
    let (again, _) = run(dir.path(), &[url(server.address(), "/")]);
    let again = again.unwrap();
    assert!(again.unchanged && again.sources.is_empty() && again.bytes_kept == report.bytes);
    assert_eq!(server.served().payload(), before);
}

#[test]
fn receiver_that_has_a_set_serves_it_by_its_receipt() {
    let dir = tempfile::tempdir().unwrap();
    let set = complete(&folder(dir.path()));
    let (content, first) = (set.content(), serve([set]));
    run(dir.path(), &[url(first.address(), "/")]).0.unwrap();
    let store = Store::new(&StateFolders::within(&dir.path().join("state"))).unwrap();
    let receipt = store.look_up(&dir.path().join("out"), content).unwrap();
    let second = serve([CompleteSet::of_receipt(receipt).unwrap()]);
    let path = format!("/norm/1/{content}/");
    let other = |options: &mut FillOptions| options.directory = dir.path().join("other");
    run_with(dir.path(), &[url(second.address(), &path)], other).0.unwrap();
    let (a, b) = (dir.path().join("set/large"), dir.path().join("other/set/large"));
    assert!(fs::read(a).unwrap() == fs::read(b).unwrap());
}

#[test]
fn plain_web_server_with_lists_beside_the_files_is_a_source() {
    let dir = tempfile::tempdir().unwrap();
    let content = write_sidecar(&folder(dir.path())).content();
    let root = dir.path().to_owned();
    let (address, _) = web_server(move |asked| static_answer(&root, asked));
    let expecting = |options: &mut FillOptions| options.expect = Some(content);
    let (report, events) = run_with(dir.path(), &[url(address, "/set")], expecting);
    assert_eq!(report.unwrap().sources[0].errors, 0, "{events:?}");
    assert_same(dir.path());
    let proved = |event: &FillEvent| matches!(event, FillEvent::Found { is_proved: true, .. });
    assert!(events.iter().any(proved), "its hash was demanded");
}

#[test]
#[cfg(unix)]
fn file_with_holes_comes_from_both_kinds_of_sources() {
    use std::os::unix::fs::{FileExt, MetadataExt};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk.img");
    let file = fs::File::create(&path).unwrap();
    file.set_len(64 * MIB as u64).unwrap();
    file.write_all_at(&content(MIB, 3), 5 * MIB as u64 + 4_096).unwrap();
    file.write_all_at(&content(9_000, 4), 40 * MIB as u64).unwrap();
    drop(file);
    let server = serve([write_sidecar(&path)]);
    let root = dir.path().to_owned();
    let (address, _) = web_server(move |asked| static_answer(&root, asked));
    for (name, source) in [("a", url(server.address(), "/")), ("b", url(address, "/disk.img"))] {
        let to = dir.path().join(name);
        run_with(dir.path(), &[source], |options| options.directory = to.clone()).0.unwrap();
        let there = to.join("disk.img");
        assert!(fs::read(&path).unwrap() == fs::read(&there).unwrap(), "{name}");
        let blocks = fs::metadata(&there).unwrap().blocks();
        assert!(blocks <= fs::metadata(&path).unwrap().blocks() + 64, "{name}: {blocks}");
    }
}

#[test]
fn source_that_spoils_every_tenth_chunk_never_counts_and_is_banned() {
    let dir = tempfile::tempdir().unwrap();
    write_sidecar(&folder(dir.path()));
    let root = dir.path().to_owned();
    let (bad, asked_bad) = web_server(move |asked| {
        let mut bytes = static_answer(&root, asked);
        // Every tenth MiB of a file.
        let spoiled = (9..20).step_by(10).find_map(|mib| within(asked, mib * MIB as u64));
        if let Some(at) = spoiled {
            let len = bytes.len();
            bytes[len - at] ^= 1;
        }
        bytes
    });
    let (report, events) = run(dir.path(), &[url(bad, "/set")]);
    let Err(FillError::Incomplete { missing, kept, sources }) = report else {
        panic!("{report:?}")
    };
    assert!(sources[0].is_banned && missing > 0 && kept > 0);
    assert!(failures(&events).contains(&&HttpError::WrongChunk));
    let server = serve([complete(&dir.path().join("set"))]);
    let report = run(dir.path(), &[url(bad, "/set"), url(server.address(), "/")]).0.unwrap();
    assert_same(dir.path());
    assert!(report.bytes_kept >= kept, "{report:?}");
    let banned_at = asked_bad.load(Ordering::Relaxed);
    assert!(banned_at < 60, "it is asked no more: {banned_at}");
}

/// Where a byte of the large file is in an answer that has it, counted from the end.
fn within(asked: &Asked, byte: u64) -> Option<usize> {
    let Wanted::Part(part) = wanted(asked.range.as_deref(), 20 * MIB as u64 + 77) else {
        return None;
    };
    let has_it = asked.path.ends_with("large") && part.contains(&byte);
    has_it.then(|| (part.end - byte) as usize)
}

#[test]
fn fill_goes_on_where_it_was_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let set = complete(&folder(dir.path()));
    let server = serve([set]);
    let mut options = FillOptions::new(vec![url(server.address(), "/")], dir.path().join("out"));
    options.state = StateFolders::none();
    let stop = Arc::new(AtomicBool::new(false));
    let root = dir.path().to_owned();
    write_sidecar(&dir.path().join("set"));
    let (limited, _) = web_server(move |asked| match within(asked, 9 * MIB as u64) {
        None => static_answer(&root, asked),
        Some(_) => {
            thread::sleep(Duration::from_secs(30));
            Vec::new()
        }
    });
    options.sources = vec![url(limited, "/set")];
    let began = Instant::now();
    let stopping = Arc::clone(&stop);
    let stopped = fill(&options, &stop, &mut |event| {
        if let FillEvent::Progress(progress) = event
            && began.elapsed() > Duration::from_secs(1)
            && progress.bytes_done > 2 * MIB as u64
        {
            stopping.store(true, Ordering::Relaxed);
        }
    });
    assert_eq!(stopped, Err(FillError::Stopped));
    assert!(began.elapsed() < Duration::from_secs(10));
    options.sources = vec![url(server.address(), "/")];
    let report = fill(&options, &Arc::default(), &mut |_| {}).unwrap();
    assert_same(dir.path());
    assert!(report.bytes_kept > 2 * MIB as u64);
    assert_eq!(server.served().payload(), report.bytes - report.bytes_kept);
}

#[test]
fn damaged_chunk_of_what_was_kept_is_fetched_again() {
    let dir = tempfile::tempdir().unwrap();
    write_sidecar(&folder(dir.path()));
    let root = dir.path().to_owned();
    let (limited, _) = web_server(move |asked| match within(asked, 9 * MIB as u64) {
        None => static_answer(&root, asked),
        Some(_) => answer("404 Not Found", "", b""),
    });
    let (part, _) = run(dir.path(), &[url(limited, "/set")]);
    let Err(FillError::Incomplete { kept, .. }) = part else { panic!("{part:?}") };
    let entries = fs::read_dir(dir.path().join("out")).unwrap().map(|entry| entry.unwrap().path());
    let payload = entries.filter(|path| path.extension().is_some_and(|end| end == "payload"));
    let payload: Vec<_> = payload.collect();
    let mut bytes = fs::read(&payload[0]).unwrap();
    bytes[MIB / 2] ^= 0x10;
    fs::write(&payload[0], bytes).unwrap();
    let server = serve([complete(&dir.path().join("set"))]);
    let (report, _) = run(dir.path(), &[url(server.address(), "/")]);
    let report = report.unwrap();
    assert_same(dir.path());
    let again = kept.saturating_sub(report.bytes_kept);
    assert!(again > 0 && again <= MIB as u64, "{kept} {report:?}");
}

/// What comes of one source that answers requests for parts in this way.
fn hostile(spoil: impl Fn(&Asked, Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Vec<HttpError> {
    let dir = tempfile::tempdir().unwrap();
    write_sidecar(&folder(dir.path()));
    let root = dir.path().to_owned();
    let (address, _) = web_server(move |asked| {
        let right = static_answer(&root, asked);
        if asked.range.is_some() { spoil(asked, right) } else { right }
    });
    let good = serve([complete(&dir.path().join("set"))]);
    let sources = [url(address, "/set"), url(good.address(), "/")];
    let (report, events) = run(dir.path(), &sources);
    let report = report.unwrap();
    assert_same(dir.path());
    assert_eq!(report.sources[0].bytes, 0, "{:?}", report.sources);
    failures(&events).into_iter().cloned().collect()
}

fn replaced(answer: &[u8], from: &str, to: &str) -> Vec<u8> {
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    assert!(head.contains(from), "{head}");
    [head.replace(from, to).as_bytes(), &answer[end..]].concat()
}

#[test]
fn hostile_answers_are_refused_and_nothing_of_them_counts() {
    let range = |errors: Vec<HttpError>| assert!(errors.contains(&HttpError::Range), "{errors:?}");
    range(hostile(|_, answer| replaced(&answer, "bytes ", "bytes 1")));
    range(hostile(|_, answer| replaced(&answer, "Content-Range", "X-Range")));
    range(hostile(|_, answer| replaced(&answer, "206 Partial Content", "200 OK")));
    let errors = hostile(|_, answer| {
        replaced(&answer, "Content-Range", "Content-Encoding: gzip\r\nContent-Range")
    });
    assert!(errors.contains(&HttpError::Encoded), "{errors:?}");
    let errors = hostile(|_, answer| replaced(&answer, "206 Partial Content", "500 Oh"));
    assert!(errors.contains(&HttpError::Status(500)), "{errors:?}");
    let errors = hostile(|_, _| b"HTTP/1.1 206 OK\r\nnonsense\r\n\r\n".to_vec());
    assert!(matches!(errors[0], HttpError::Broken(_)), "{errors:?}");
}

#[test]
fn body_that_is_too_long_or_too_short_is_an_error() {
    let chunked = |answer: &[u8], body: &dyn Fn(&[u8]) -> Vec<u8>| {
        let end = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let lines = head.split("\r\n").filter(|line| !line.starts_with("Content-Length"));
        let head = lines.collect::<Vec<_>>().join("\r\n");
        let body = body(&answer[end + 4..]);
        let head = format!("{head}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len());
        [head.as_bytes(), &body, b"\r\n0\r\n\r\n"].concat()
    };
    let errors = hostile(move |_, answer| chunked(&answer, &|body| vec![0; body.len() / 2]));
    assert!(errors.contains(&HttpError::Short), "{errors:?}");
    let errors = hostile(move |_, answer| chunked(&answer, &|body| vec![0; body.len() + 1]));
    let is_long = errors.iter().any(|e| matches!(e, HttpError::Long | HttpError::WrongChunk));
    assert!(is_long, "{errors:?}");
}

#[test]
fn redirects_are_followed_five_times_and_not_to_https() {
    let dir = tempfile::tempdir().unwrap();
    write_sidecar(&folder(dir.path()));
    let root = dir.path().to_owned();
    let (files, _) = web_server(move |asked| static_answer(&root, asked));
    let hops = move |most: usize| {
        web_server(move |asked: &Asked| {
            let (hop, rest) = asked.path[1..].split_once('/').unwrap();
            let hop: usize = hop.parse().unwrap();
            let to = match hop < most {
                true => format!("/{}/{rest}", hop + 1),
                false => format!("http://{files}/{rest}"),
            };
            answer("302 Found", &format!("Location: {to}\r\n"), b"")
        })
        .0
    };
    let (report, events) = run(dir.path(), &[url(hops(5), "/1/set")]);
    assert!(report.is_ok(), "{report:?} {events:?}");
    assert_same(dir.path());
    let (report, _) = run_with(dir.path(), &[url(hops(6), "/1/set")], |options| {
        options.directory = dir.path().join("other");
    });
    let Err(FillError::NoSource(why)) = report else { panic!("{report:?}") };
    assert_eq!(why[0].1, HttpError::Redirect);
    let (secure, _) = web_server(|_| answer("301 Moved", "Location: https://127.0.0.1/x\r\n", b""));
    let (report, _) = run(dir.path(), &[url(secure, "/set")]);
    let Err(FillError::NoSource(why)) = report else { panic!("{report:?}") };
    assert_eq!(why[0].1, HttpError::Secure, "and nothing is sent there in the clear");
}

#[test]
fn dead_and_stalling_sources_cost_little_beside_a_good_one() {
    let dir = tempfile::tempdir().unwrap();
    write_sidecar(&folder(dir.path()));
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let root = dir.path().to_owned();
    let (stalls, _) = web_server(move |asked| {
        if asked.range.is_some() {
            thread::sleep(Duration::from_secs(60));
        }
        static_answer(&root, asked)
    });
    let (absent, _) = web_server(|_| answer("404 Not Found", "", b""));
    let good = serve([complete(&dir.path().join("set"))]);
    let sources =
        [url(refused, "/set"), url(absent, "/"), url(stalls, "/set"), url(good.address(), "/")];
    let began = Instant::now();
    let report = run(dir.path(), &sources).0.unwrap();
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_same(dir.path());
    assert_eq!(report.sources[3].bytes, report.bytes);
}

#[test]
fn several_sources_share_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let set = complete(&folder(dir.path()));
    let servers = [serve([set.clone()]), serve([set.clone()]), serve([set])];
    let sources = servers.iter().map(|server| url(server.address(), "/")).collect::<Vec<_>>();
    let report = run(dir.path(), &sources).0.unwrap();
    assert_same(dir.path());
    assert!(report.sources.iter().all(|source| source.bytes > 0), "{:?}", report.sources);
    let sum: u64 = report.sources.iter().map(|source| source.bytes).sum();
    assert_eq!(sum, report.bytes);
}

#[test]
fn other_content_than_what_is_expected_is_not_fetched() {
    let dir = tempfile::tempdir().unwrap();
    let set = complete(&folder(dir.path()));
    let (found, server) = (set.content(), serve([set]));
    let expecting = |options: &mut FillOptions| options.expect = Some(ContentHash([1; 32]));
    let (report, _) = run_with(dir.path(), &[url(server.address(), "/")], expecting);
    assert_eq!(report, Err(FillError::Unexpected { found }));
    assert!(!dir.path().join("out").exists());
}

#[test]
fn one_of_several_sets_has_to_be_named() {
    let dir = tempfile::tempdir().unwrap();
    let set = complete(&folder(dir.path()));
    fs::write(dir.path().join("other"), b"other").unwrap();
    let other = complete(&dir.path().join("other"));
    let (wanted, server) = (set.content(), serve([set, other]));
    let (report, _) = run(dir.path(), &[url(server.address(), "/")]);
    assert!(matches!(&report, Err(FillError::Several { contents, .. }) if contents.len() == 2));
    let path = format!("/norm/1/{wanted}");
    run(dir.path(), &[url(server.address(), &path)]).0.unwrap();
    assert_same(dir.path());
}

#[test]
fn chunk_that_a_service_lost_comes_from_elsewhere_and_the_rest_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let set = complete(&folder(dir.path()));
    let copy = dir.path().join("copy");
    let copied = |options: &mut FillOptions| options.directory = copy.clone();
    let server = serve([set.clone()]);
    run_with(dir.path(), &[url(server.address(), "/")], copied).0.unwrap();
    // This one has no chunk in its cache.
    let server = serve([set]);
    let large = dir.path().join("set/large");
    let mut bytes = fs::read(&large).unwrap();
    bytes[9 * MIB + 5] ^= 1;
    fs::write(&large, &bytes).unwrap();
    let (part, events) = run(dir.path(), &[url(server.address(), "/")]);
    let Err(FillError::Incomplete { missing, .. }) = part else { panic!("{part:?}") };
    assert_eq!(missing, MIB as u64, "{events:?}");
    let other = serve([complete(&copy.join("set"))]);
    run(dir.path(), &[url(other.address(), "/")]).0.unwrap();
    bytes[9 * MIB + 5] ^= 1;
    fs::write(&large, &bytes).unwrap();
    assert_same(dir.path());
}

#[test]
fn only_what_is_wanted_is_fetched() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve([complete(&folder(dir.path()))]);
    let only = Only::new(&["short".to_owned()]).unwrap();
    let (report, _) = run_with(dir.path(), &[url(server.address(), "/")], |options| {
        options.only = only;
    });
    let report = report.unwrap();
    assert_eq!((report.files, report.unwanted, report.content), (1, 3, None));
    assert_eq!(server.served().payload(), 5);
    let mut there = String::new();
    let mut file = fs::File::open(dir.path().join("out/set/short")).unwrap();
    file.read_to_string(&mut there).unwrap();
    assert_eq!(there, "short");
}

#[test]
fn files_that_are_there_are_compared_and_not_fetched() {
    let dir = tempfile::tempdir().unwrap();
    let set = complete(&folder(dir.path()));
    let server = serve([set]);
    let out = dir.path().join("out/set");
    fs::create_dir_all(&out).unwrap();
    let mut large = content(20 * MIB + 77, 1);
    large[3 * MIB] ^= 1;
    fs::write(out.join("large"), &large).unwrap();
    let (refused, _) = run(dir.path(), &[url(server.address(), "/")]);
    assert!(matches!(refused, Err(FillError::Place(_))), "{refused:?}");
    let (report, _) = run_with(dir.path(), &[url(server.address(), "/")], |options| {
        options.overwrite = true;
    });
    let report = report.unwrap();
    assert_same(dir.path());
    assert_eq!(server.served().payload(), report.bytes - report.bytes_kept);
    assert!(report.bytes_kept >= 19 * MIB as u64);
}

#[test]
fn content_hash_is_what_the_lists_prove() {
    let dir = tempfile::tempdir().unwrap();
    let path = folder(dir.path());
    write_sidecar(&path);
    let sidecar = dir.path().join("set.norm");
    let mut bytes = fs::read(&sidecar).unwrap();
    let at = bytes.len() - 40;
    bytes[at] ^= 1;
    fs::write(&sidecar, bytes).unwrap();
    let root = dir.path().to_owned();
    let (address, _) = web_server(move |asked| static_answer(&root, asked));
    let damaged = url(address, "/set");
    let (report, _) = run(dir.path(), std::slice::from_ref(&damaged));
    assert_eq!(report, Err(FillError::Lists(damaged.clone())));
    // Another source has the right one, and nothing is taken from that one.
    let server = serve([complete(&path)]);
    let (report, _) = run(dir.path(), &[damaged, url(server.address(), "/")]);
    let report = report.unwrap();
    assert_eq!((report.sources.len(), report.sources[0].errors), (1, 0));
    assert_same(dir.path());
}

#[test]
fn content_that_a_url_names_is_demanded() {
    let dir = tempfile::tempdir().unwrap();
    let found = complete(&folder(dir.path())).content();
    let (path, wanted) = (format!("/norm/1/{found}/"), ContentHash([7; 32]));
    let server = serve([complete(&dir.path().join("set"))]);
    // What says that it has the one, and hands out the other.
    let (named, real) = (wanted.to_string(), found.to_string());
    let at = server.address();
    let (address, _) = web_server(move |asked| {
        let lines = format!("GET {} HTTP/1.1|Host: {at}", asked.path.replace(&named, &real));
        let came = request(at, &lines);
        let body = String::from_utf8(came.body.clone());
        let body = body.map_or(came.body, |text| text.replace(&real, &named).into_bytes());
        answer("200 OK", "", &body)
    });
    let (report, _) =
        run(dir.path(), &[url(address, &path.replace(&found.to_string(), &wanted.to_string()))]);
    assert_eq!(report, Err(FillError::Unexpected { found }));
}
