//! Files by HTTP: served beside a session, and from a web server with hashes beside them.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::common::{
    PATIENCE, Program, group, last, names, norm_recv, norm_send, random_bytes, stderr, stdout,
};
use crate::schema;

const MIB: usize = 1 << 20;

/// A sender that serves a file and is not waited for by receivers.
fn serving(source: &Path, words: &[&str]) -> (Program, String) {
    let group = group();
    let mut command = norm_send();
    command.args(["--json", "-i", "lo", "-g", &group, "--serve=127.0.0.1:0"]).args(words);
    let mut sender = Program::start(command.arg(source));
    let url = sender.wait_for("serving")["url"].as_str().unwrap().to_owned();
    sender.wait_for("hashed");
    (sender, url)
}

fn fill(source: &str, out: &Path, words: &[&str]) -> (Option<i32>, Vec<Value>) {
    let mut command = norm_recv();
    command.args(["--json", "--fill", source]).args(words).arg(out);
    let (status, events) = Program::start(&mut command).finish();
    let (lines, errors): (Vec<_>, Vec<_>) =
        events.iter().cloned().partition(|event| event["event"] != "error");
    schema::check(&["FillLine"], &lines);
    schema::check(&["ProgramEvent"], &errors);
    (status.code(), events)
}

/// A web server that has the files of a folder, and takes this time for each answer.
fn web_server(folder: &Path, pause: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, folder) = (listener.local_addr().unwrap(), folder.to_owned());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let folder = folder.clone();
            thread::spawn(move || answer(&stream, &folder, pause));
        }
    });
    address
}

fn answer(stream: &TcpStream, folder: &Path, pause: Duration) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(first) = lines.next() {
        let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let path: PathBuf = folder.join(first.split(' ').nth(1).unwrap().trim_start_matches('/'));
        let range = head.iter().find_map(|line| {
            let range = line.to_lowercase();
            let (first, last) = range.strip_prefix("range: bytes=")?.split_once('-')?;
            Some(first.parse().ok()?..last.parse::<usize>().ok()? + 1)
        });
        thread::sleep(pause);
        let reply = match (fs::read(path), range) {
            (Err(_), _) => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
            (Ok(bytes), None) => {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len());
                [head.as_bytes(), &bytes].concat()
            }
            (Ok(bytes), Some(range)) => {
                let told = format!("bytes {}-{}/{}", range.start, range.end - 1, bytes.len());
                let head = format!(
                    "HTTP/1.1 206 Partial Content\r\nContent-Range: {told}\r\nContent-Length: \
                     {}\r\n\r\n",
                    range.len()
                );
                [head.as_bytes(), &bytes[range]].concat()
            }
        };
        if (&mut &*stream).write_all(&reply).is_err() {
            return;
        }
    }
}

/// Hashes a file or folder; returns its content hash.
fn hash_only(path: &Path) -> String {
    let (status, events) =
        Program::start(norm_send().args(["--json", "--hash-only"]).arg(path)).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    schema::check(&["SenderEvent"], &events);
    last(&events, "hashes_written")["content"].as_str().unwrap().to_owned()
}

#[test]
#[cfg(unix)]
fn files_are_fetched_from_a_sender_without_a_session() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("set"), temp.path().join("out"));
    fs::create_dir(&source).unwrap();
    fs::write(source.join("large"), random_bytes(1, 5 * MIB + 9)).unwrap();
    fs::write(source.join("short"), b"short").unwrap();
    let (sender, url) = serving(&source, &[]);
    let report = temp.path().join("report.json");
    let (code, events) = fill(&url, &out, &["--report", report.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{events:#?}");
    for name in ["large", "short"] {
        let (sent, come) = (source.join(name), out.join("set").join(name));
        assert!(fs::read(sent).unwrap() == fs::read(come).unwrap(), "{name}");
    }
    assert_eq!(names(&out), ["set"], "nothing else is left");
    assert_ne!(last(&events, "fill_settings")["sandbox"], "off");
    let summary = last(&events, "fill_summary");
    assert_eq!(summary["complete"], true);
    assert_eq!(summary["sources"][0]["bytes"], 5 * MIB + 14);
    assert_eq!(last(&events, "fill_found")["proved"], false);
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!(report["summary"]["sources"], summary["sources"]);
    schema::check_one("Report", &report);
    sender.signal("-INT");
    let (_, sent) = sender.finish();
    let served = last(&sent, "served");
    assert_eq!(served["bytes"], 5 * MIB + 14, "{served}");
}

#[test]
fn web_server_with_hashes_beside_a_file_is_a_source() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("image.iso");
    fs::write(&source, random_bytes(2, 3 * MIB + 1)).unwrap();
    let content = hash_only(&source);
    let address = web_server(temp.path(), Duration::ZERO);
    let url = format!("http://{address}/image.iso");
    let run = |out: &str, words: &[&str]| {
        let mut command = norm_recv();
        command.args(["--fill", &url]).args(words).arg(temp.path().join(out)).output().unwrap()
    };
    let demanded = run("a", &["--expect", &content]);
    assert!(demanded.status.success(), "{}", stderr(&demanded));
    assert!(!stderr(&demanded).contains("warning"), "{}", stderr(&demanded));
    assert!(stdout(&demanded).contains(&content), "{}", stdout(&demanded));
    assert!(stdout(&demanded).contains(&url), "by source: {}", stdout(&demanded));
    let believed = run("b", &[]);
    assert!(believed.status.success());
    assert_eq!(stderr(&believed).matches("warning").count(), 1, "{}", stderr(&believed));
    assert!(fs::read(temp.path().join("b/image.iso")).unwrap() == fs::read(&source).unwrap());
    let other = run("c", &["--expect", &"0".repeat(64)]);
    assert_eq!(other.status.code(), Some(8));
    assert!(stderr(&other).contains(&content), "{}", stderr(&other));
    assert!(!temp.path().join("c/image.iso").exists());
}

#[test]
fn fill_goes_on_after_it_was_killed() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("image.iso"), temp.path().join("out"));
    fs::write(&source, random_bytes(3, 24 * MIB)).unwrap();
    hash_only(&source);
    let slow = web_server(temp.path(), Duration::from_millis(400));
    let mut command = norm_recv();
    command.args(["--json", "--fill", &format!("http://{slow}/image.iso")]).arg(&out);
    let mut killed = Program::start(&mut command);
    loop {
        let done = killed.wait_for("fill_progress")["bytes_done"].as_u64().unwrap();
        // What was written down is up to a second old.
        if done >= 8 * MIB as u64 {
            break;
        }
    }
    // Dropping it kills it, as kill -9 does.
    drop(killed);
    let fast = web_server(temp.path(), Duration::ZERO);
    let (code, events) = fill(&format!("http://{fast}/image.iso"), &out, &[]);
    assert_eq!(code, Some(0), "{events:#?}");
    assert!(fs::read(out.join("image.iso")).unwrap() == fs::read(&source).unwrap());
    let kept = last(&events, "fill_summary")["bytes_kept"].as_u64().unwrap();
    assert!(kept >= 2 * MIB as u64, "{kept}");
    assert_eq!(names(&out), ["image.iso"]);
}

#[test]
#[cfg(unix)]
fn what_a_session_has_left_is_completed() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out, group) = (temp.path().join("a.bin"), temp.path().join("out"), group());
    fs::write(&source, random_bytes(4, 16 * MIB)).unwrap();
    let mut command = norm_recv();
    command.args(["--json", "-i", "lo", "-g", &group]).arg(&out);
    let mut receiver = Program::start(&mut command);
    receiver.wait_for("settings");
    let words = ["--json", "-i", "lo", "-g", &group, "-b", "20M", "--min-receivers", "1"];
    let mut command = norm_send();
    command.args(words).arg("--serve=127.0.0.1:0").arg(&source);
    let mut sender = Program::start(&mut command);
    let url = sender.wait_for("serving")["url"].as_str().unwrap().to_owned();
    while receiver.wait_for("progress")["bytes_done"].as_u64().unwrap() < 4 * MIB as u64 {}
    receiver.signal("-INT");
    receiver.finish();
    let (code, events) = fill(&url, &out, &[]);
    assert_eq!(code, Some(0), "{events:#?}");
    assert!(fs::read(out.join("a.bin")).unwrap() == fs::read(&source).unwrap());
    let kept = last(&events, "fill_resumed")["bytes_done"].as_u64().unwrap();
    assert!(kept >= 3 * MIB as u64, "{kept}");
    // The first request leaves receivers to another sender, the second one ends it all.
    sender.signal("-INT");
    sender.signal("-INT");
    sender.finish_within(PATIENCE);
}

#[test]
#[cfg(unix)]
fn sender_serves_for_as_long_as_it_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("a.bin");
    fs::write(&source, random_bytes(5, MIB)).unwrap();
    let (mut sender, url) = serving(&source, &["--serve-for", "2"]);
    sender.wait_for("summary");
    assert!(sender.is_running());
    assert_eq!(fill(&url, &temp.path().join("out"), &[]).0, Some(0));
    let (_, events) = sender.finish();
    assert_eq!(last(&events, "served")["bytes"], MIB);
}

#[test]
fn errors_of_fill_say_what_to_do() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("no-hashes"), b"x").unwrap();
    let address = web_server(temp.path(), Duration::ZERO);
    let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let out = temp.path().join("out");
    let message = |source: String, code: i32| {
        let (found, events) = fill(&source, &out, &[]);
        assert_eq!(found, Some(code), "{events:#?}");
        last(&events, "error")["message"].as_str().unwrap().to_owned()
    };
    let message_of_hashes = message(format!("http://{address}/no-hashes"), 5);
    assert!(message_of_hashes.contains("--hash-only"), "{message_of_hashes}");
    let unreachable = message(format!("http://{refused}/"), 5);
    assert!(unreachable.contains("cannot be reached"), "{unreachable}");
}

#[test]
fn nothing_sealed_goes_by_http_yet() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("a");
    fs::write(&source, b"x").unwrap();
    let phrase = temp.path().join("phrase");
    fs::write(&phrase, "jungle slot anchor pioneer velvet ocean\n").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&phrase, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let key = ["--phrase-file", phrase.to_str().unwrap()];
    let send = norm_send().args(["--serve", "-i", "lo"]).args(key).arg(&source).output().unwrap();
    let fetch = norm_recv().args(["--fill", "http://a/"]).args(key).arg(temp.path()).output();
    for (refused, option) in [(send, "--serve"), (fetch.unwrap(), "--fill")] {
        assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
        let expected = format!("{option} cannot be combined with a key yet");
        assert!(stderr(&refused).contains(&expected), "{}", stderr(&refused));
    }
}

#[test]
fn hashes_are_written_beside_what_has_a_name() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("set");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a"), b"x").unwrap();
    let slash = format!("{}/", folder.display());
    let refused = norm_send().args(["--hash-only", &slash]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("slash"), "{}", stderr(&refused));
    hash_only(&folder);
    assert_eq!(names(temp.path()), ["set", "set.norm"]);
    fs::write(temp.path().join("set.norm"), b"mine").unwrap();
    let kept = norm_send().arg("--hash-only").arg(&folder).output().unwrap();
    assert_eq!(kept.status.code(), Some(4), "{}", stderr(&kept));
    assert_eq!(fs::read(temp.path().join("set.norm")).unwrap(), b"mine");
}
