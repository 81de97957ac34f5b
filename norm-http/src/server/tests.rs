use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::*;
use crate::protocol::catalogue;
use crate::testing::{MIB, complete, folder, request, serve};

/// A service of a set in a temporary directory, and where its payload is.
fn service() -> (tempfile::TempDir, Server, Vec<u8>, String) {
    let dir = tempfile::tempdir().unwrap();
    let set = complete(&folder(dir.path()));
    let chunks = 0..set.chunks().chunks();
    let payload = chunks.flat_map(|number| set.read(number).unwrap().to_vec()).collect();
    let base = format!("/norm/1/{}", set.content());
    (dir, serve([set]), payload, base)
}

#[test]
fn ranges_of_the_payload_are_the_bytes_of_the_files() {
    let (_dir, server, payload, base) = service();
    let ask = |range: &str| {
        let range = format!("GET {base}/payload HTTP/1.1|Host: 127.0.0.1|Range: bytes={range}");
        request(server.address(), &range)
    };
    let end = payload.len() - 1;
    for (range, from, to) in [
        ("0-0".to_owned(), 0, 1),
        ("5-1048999".to_owned(), 5, 1_049_000),
        (format!("{}-", MIB + 7), MIB + 7, payload.len()),
        ("-9".to_owned(), payload.len() - 9, payload.len()),
        (format!("0-{end}"), 0, payload.len()),
    ] {
        let answer = ask(&range);
        let is_all = to - from == payload.len();
        assert_eq!(answer.status(), if is_all { 200 } else { 206 }, "{range}");
        assert!(answer.body == payload[from..to], "{range}");
        let told = format!("bytes {from}-{}/{}", to - 1, payload.len());
        assert_eq!(answer.header("content-range"), (!is_all).then_some(told));
        assert_eq!(answer.header("content-length"), Some((to - from).to_string()));
    }
    let whole = request(server.address(), &format!("GET {base}/payload HTTP/1.1|Host: [::1]:80"));
    assert!(whole.status() == 200 && whole.body == payload);
    for range in [format!("{}-", payload.len()), "0-1,5-6".to_owned(), "5-4".to_owned()] {
        let answer = ask(&range);
        assert_eq!(answer.status(), 416, "{range}");
        assert_eq!(answer.header("content-range"), Some(format!("bytes */{}", payload.len())));
    }
    assert!(server.served().payload() > 2 * payload.len() as u64);
}

#[test]
fn range_counts_only_while_the_content_is_the_same() {
    let (_dir, server, payload, base) = service();
    let ask = |tag: &str| {
        let lines =
            format!("GET {base}/payload HTTP/1.1|Host: localhost|Range: bytes=1-2|If-Range: {tag}");
        request(server.address(), &lines)
    };
    let etag = request(server.address(), &format!("HEAD {base}/payload HTTP/1.1|Host: 1.2.3.4"));
    assert_eq!((etag.status(), etag.body.len()), (200, 0));
    assert_eq!(etag.header("content-length"), Some(payload.len().to_string()));
    let etag = etag.header("etag").unwrap();
    assert_eq!(ask(&etag).body, payload[1..3]);
    assert!(ask("\"other\"").body == payload);
}

#[test]
fn lists_and_sets_are_there() {
    let (dir, server, payload, base) = service();
    let get =
        |path: &str| request(server.address(), &format!("GET {path} HTTP/1.1|Host: 127.0.0.1"));
    let set = complete(&dir.path().join("set"));
    assert_eq!(get(&format!("{base}/manifest")).body, set.manifest()[..]);
    assert_eq!(get(&format!("{base}/digests")).body, set.list()[..]);
    let have = get(&format!("{base}/have"));
    assert_eq!(have.body.iter().map(|byte| byte.count_ones()).sum::<u32>(), set.chunks().chunks());
    assert_eq!(have.header("cache-control").as_deref(), Some("no-store"));
    let sets = catalogue::parse(&get("/norm/1/sets").body).unwrap();
    assert_eq!(sets.len(), 1);
    assert_eq!(sets[0].content(), Some(set.content()));
    assert!(sets[0].is_complete() && sets[0].bytes == payload.len() as u64);
    assert_eq!(get("/").status(), 404);
    assert_eq!(get(&format!("/norm/1/{}/payload", "0".repeat(64))).status(), 404);
}

#[test]
fn what_is_no_request_of_ours_is_refused() {
    let (_dir, server, _, base) = service();
    for (lines, status) in [
        (format!("POST {base}/payload HTTP/1.1|Host: 127.0.0.1"), 405),
        (format!("GET {base}/have HTTP/1.1|Host: evil.example"), 403),
        (format!("GET {base}/have HTTP/1.1|Host: 127.0.0.1|Host: 127.0.0.1"), 403),
        (format!("GET {base}/have HTTP/1.1"), 403),
        (format!("GET http://evil.example{base}/have HTTP/1.1|Host: 127.0.0.1"), 403),
        (format!("GET {base}/have HTTP/1.1|Host: 127.0.0.1|X: {}", "x".repeat(20_000)), 431),
        ("nonsense".to_owned(), 400),
    ] {
        assert_eq!(request(server.address(), &lines).status(), status, "{lines:.80}");
    }
}

#[test]
fn chunk_of_a_changed_file_is_not_sent_any_more() {
    let (dir, server, payload, base) = service();
    let set = complete(&dir.path().join("set"));
    let large = (0..set.chunks().chunks()).find(|&n| set.chunks().chunk(n).unwrap().size > 3 << 20);
    let first = set.chunks().chunk(large.unwrap()).unwrap().payload;
    let get = |from: u64, to: u64| {
        let range = format!("Range: bytes={from}-{}", to - 1);
        request(server.address(), &format!("GET {base}/payload HTTP/1.1|Host: 127.0.0.1|{range}"))
    };
    let path = dir.path().join("set/large");
    let mut bytes = fs::read(&path).unwrap();
    bytes[MIB + 5] ^= 1;
    fs::write(&path, bytes).unwrap();
    let wrong = first + MIB as u64;
    assert_eq!(get(wrong, wrong + 1).status(), 410);
    assert_eq!(get(first, first + 9).body, payload[first as usize..first as usize + 9]);
    let cut = get(first, first + 3 * MIB as u64);
    assert_eq!((cut.status(), cut.body.len()), (206, MIB), "it ends before what is wrong");
    let have = request(server.address(), &format!("GET {base}/have HTTP/1.1|Host: 127.0.0.1"));
    let count: u32 = have.body.iter().map(|byte| byte.count_ones()).sum();
    assert_eq!(count, set.chunks().chunks() - 1);
}

#[test]
fn connections_of_one_address_are_limited() {
    let (_dir, server, _, _) = service();
    let idle: Vec<TcpStream> =
        (0..8).map(|_| TcpStream::connect(server.address()).unwrap()).collect();
    // The others are taken in their order.
    let refused = request(server.address(), "GET /norm/1/sets HTTP/1.1|Host: 127.0.0.1");
    assert_eq!(refused.status(), 503);
    drop(idle);
    let since = Instant::now();
    loop {
        let answer = request(server.address(), "GET /norm/1/sets HTTP/1.1|Host: 127.0.0.1");
        if answer.status() == 200 {
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(10), "there is no room again");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn connection_without_a_request_is_closed() {
    let (_dir, server, _, _) = service();
    let mut slow = TcpStream::connect(server.address()).unwrap();
    slow.write_all(b"GET /norm/1/sets HT").unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let since = Instant::now();
    // Closed, perhaps with an answer.
    let _ = slow.read_to_end(&mut Vec::new());
    let waited = since.elapsed();
    assert!(waited > Duration::from_secs(8) && waited < Duration::from_secs(20), "{waited:?}");
}

#[test]
fn single_bytes_of_many_chunks_are_too_dear() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large");
    fs::File::create(&path).unwrap().set_len(200 * MIB as u64).unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    for _ in 0..200 {
        file.write_all(&[1; MIB]).unwrap();
    }
    let set = complete(&path);
    let base = format!("/norm/1/{}", set.content());
    let server = serve([set]);
    let ask = |chunk: usize| {
        let range = format!("Range: bytes={0}-{0}", chunk * MIB);
        request(server.address(), &format!("GET {base}/payload HTTP/1.1|Host: 127.0.0.1|{range}"))
    };
    let answers: Vec<u16> = (0..80).map(|chunk| ask(chunk).status()).collect();
    assert_eq!(answers.iter().filter(|&&status| status == 206).count(), 64);
    assert_eq!(answers[79], 429);
    assert_eq!(ask(63).status(), 206, "what is in the cache costs nothing");
}
