//! Real transfers over the loopback interface.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{Program, group, last, names, norm_recv, norm_send, random_bytes};
use crate::schema;

fn receiver(group: &str, name: &str, directory: &Path, more: &[&str]) -> Program {
    let mut command = norm_recv();
    command.args(["-i", "127.0.0.1", "-g", group, "--json", "--name", name, "--timeout", "30"]);
    let mut program = Program::start(command.args(more).arg(directory));
    program.wait_for("settings");
    program
}

fn sender(group: &str, receivers: usize, path: &Path, more: &[&str]) -> Program {
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", group, "--json", "-b", "100M"]);
    command.args(["--min-receivers", &receivers.to_string(), "--start-timeout", "30"]);
    Program::start(command.args(more).arg(path))
}

#[test]
fn two_receivers_get_a_file_through_loss_and_report_it() {
    let temp = tempfile::tempdir().unwrap();
    let content = random_bytes(1, 3_000_001);
    let source = temp.path().join("image.bin");
    fs::write(&source, &content).unwrap();
    let report = temp.path().join("report.json");
    let folders: Vec<PathBuf> = (1..=2).map(|n| temp.path().join(format!("out{n}"))).collect();
    let group = group();

    let receivers: Vec<Program> = folders
        .iter()
        .zip([("lab-1", "0"), ("lab-2", "5")])
        .map(|(folder, (name, drop))| receiver(&group, name, folder, &["--drop", drop]))
        .collect();
    let sender = sender(&group, 2, &source, &["--report", report.to_str().unwrap()]);

    let (status, events) = sender.finish();
    schema::check(&["ProgramEvent", "SenderEvent", "SendEvent"], &events);
    assert_eq!(status.code(), Some(0), "{events:#?}");
    let settings = &events[0];
    assert_eq!(settings["event"], "settings");
    assert_eq!((&settings["group"], &settings["files"]), (&Value::from(group), &Value::from(1)));
    for (name, count) in [("receiver_found", 2), ("started", 1), ("receiver_confirmed", 2)] {
        let found = events.iter().filter(|event| event["event"] == name).count();
        assert_eq!(found, count, "{name} in {events:#?}");
    }
    let summary = last(&events, "summary");
    assert_eq!(summary["outcome"], "complete");
    assert_eq!(summary["bytes"], 3_000_001);
    let heard: Vec<&str> = summary["receivers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|receiver| {
            assert_eq!(receiver["outcome"], "confirmed");
            receiver["name"].as_str().unwrap()
        })
        .collect();
    assert_eq!(heard, ["lab-1", "lab-2"], "sorted by name");
    let written: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert_eq!(written["summary"]["content"], summary["content"]);
    schema::check_one("Report", &written);
    schema::check_one("ProgramSendSettings", &written["settings"]);
    schema::check_one("ProgramSendReport", &written["summary"]);

    for (program, folder) in receivers.into_iter().zip(&folders) {
        let (status, events) = program.finish();
        assert_eq!(status.code(), Some(0), "{events:#?}");
        schema::check(&["ProgramEvent", "ReceiverEvent", "ReceiveEvent"], &events);
        for name in ["sender_found", "set_found", "files_known", "file_complete"] {
            last(&events, name);
        }
        assert_eq!(last(&events, "set_complete")["content"], summary["content"]);
        assert_eq!(last(&events, "summary")["outcome"], "complete");
        assert_eq!(names(folder), ["image.bin"], "nothing else is left");
        assert!(fs::read(folder.join("image.bin")).unwrap() == content, "the copy differs");
    }
}

#[test]
fn hashes_of_files_are_what_b3sum_prints_and_content_has_one_name() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("set");
    fs::create_dir(&source).unwrap();
    let sizes = [("a", 3_500_001), ("b", 0), ("c", 17), ("d", 1 << 20), ("e", (2 << 20) + 1)];
    for (n, (name, size)) in sizes.into_iter().enumerate() {
        fs::write(source.join(name), random_bytes(60 + n as u64, size)).unwrap();
    }
    let mut contents = Vec::new();
    // Another file system, where there is one.
    let in_memory = tempfile::tempdir_in("/dev/shm").ok();
    let elsewhere = in_memory.as_ref().map_or(temp.path(), |dir| dir.path()).join("copy/set");
    fs::create_dir_all(&elsewhere).unwrap();
    let files = sizes.map(|(name, _)| name);
    for name in files {
        fs::copy(source.join(name), elsewhere.join(name)).unwrap();
    }
    for name in files.into_iter().chain(["."]) {
        let time = fs::metadata(source.join(name)).unwrap().modified().unwrap();
        fs::File::open(elsewhere.join(name)).unwrap().set_modified(time).unwrap();
    }
    // Other packets, blocks, codes and orders.
    let senders = [&[][..], &["--fec", "raptorq", "--mtu", "800"], &["--hash-first"]];
    for (n, more) in senders.into_iter().enumerate() {
        let source = if n == 1 { &elsewhere } else { &source };
        let (out, group) = (temp.path().join(format!("out{n}")), group());
        let receiver = receiver(&group, "lab", &out, &[]);
        let (status, sent) = sender(&group, 1, source, more).finish();
        assert_eq!(status.code(), Some(0), "{sent:#?}");
        let (_, events) = receiver.finish();
        let complete = last(&events, "set_complete");
        let summary = last(&sent, "summary");
        assert_eq!(complete["content"], summary["content"]);
        contents.push(complete["content"].clone());
        let expected: Vec<String> = sizes.iter().map(|(name, _)| b3sum(source, name)).collect();
        assert_eq!(complete["hashes"], Value::from(expected.clone()));
        let placed = events.iter().filter(|event| event["event"] == "file_complete");
        for event in placed {
            let name = Path::new(event["path"].as_str().unwrap()).file_name().unwrap();
            assert_eq!(event["hash"], b3sum(source, name.to_str().unwrap()));
        }
        let hashes: Vec<&Value> =
            summary["hashes"].as_array().unwrap().iter().map(|file| &file["hash"]).collect();
        let with_content = [0, 2, 3, 4].map(|n| &expected[n]);
        assert_eq!(hashes, with_content, "of files with content");
    }
    assert!(contents[0] == contents[1] && contents[0] == contents[2], "{contents:?}");
    assert_eq!(contents[0].as_str().unwrap().len(), 64);
}

/// What `b3sum` prints, where there is one; else what its library computes.
fn b3sum(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    let computed = blake3::hash(&fs::read(&path).unwrap()).to_hex().to_string();
    if let Ok(printed) = std::process::Command::new("b3sum").arg("--no-names").arg(&path).output() {
        assert_eq!(String::from_utf8(printed.stdout).unwrap().trim(), computed);
    }
    computed
}

#[test]
fn directory_arrives_with_unicast_feedback() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("set");
    fs::create_dir_all(source.join("sub/empty")).unwrap();
    fs::write(source.join("a"), random_bytes(2, 100_000)).unwrap();
    fs::write(source.join("sub/b"), random_bytes(3, 5)).unwrap();
    fs::write(source.join("sub/nothing"), "").unwrap();
    let out = temp.path().join("out");
    let group = group();

    let receiver = receiver(&group, "lab", &out, &["--feedback", "unicast"]);
    let (status, events) = sender(&group, 1, &source, &[]).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    assert_eq!(receiver.finish().0.code(), Some(0));
    for file in ["a", "sub/b", "sub/nothing"] {
        let (sent, got) = (fs::read(source.join(file)), fs::read(out.join("set").join(file)));
        assert!(sent.unwrap() == got.unwrap(), "{file} differs");
    }
    assert!(out.join("set/sub/empty").is_dir());
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf8_arrive_unchanged() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("set");
    let long = [&[0xe9][..]; 255].concat();
    let of = |name: &'static [u8]| PathBuf::from(OsStr::from_bytes(name));
    let files = [of(b"caf\xe9"), of(b"d\xff/\xc3"), of("d\u{f7e9}".as_bytes()), of(b"d\xe9")];
    fs::create_dir_all(source.join(of(b"d\xff"))).unwrap();
    for (number, file) in (0..).zip(&files) {
        fs::write(source.join(file), random_bytes(number, 1000)).unwrap();
    }
    fs::write(source.join(OsStr::from_bytes(&long)), "long").unwrap();
    let out = temp.path().join("out");
    let group = group();

    let receiver = receiver(&group, "lab", &out, &[]);
    let (status, events) = sender(&group, 1, &source, &[]).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    assert_eq!(receiver.finish().0.code(), Some(0));
    let arrived = |path: &Path| fs::read(out.join("set").join(path)).unwrap();
    for (number, file) in (0..).zip(&files) {
        assert!(arrived(file) == random_bytes(number, 1000), "{}", file.display());
    }
    assert_eq!(arrived(Path::new(OsStr::from_bytes(&long))), b"long");
}

#[test]
fn receiver_with_present_files_succeeds() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("set");
    fs::create_dir_all(source.join("sub")).unwrap();
    fs::write(source.join("a"), random_bytes(5, 300_000)).unwrap();
    fs::write(source.join("sub/b"), random_bytes(6, 100)).unwrap();
    fs::write(source.join("c"), random_bytes(7, 2_000)).unwrap();
    let folders: Vec<PathBuf> =
        ["none", "some", "all"].iter().map(|name| temp.path().join(name)).collect();
    for (folder, there) in folders.iter().zip([&[][..], &["sub/b"], &["a", "sub/b", "c"]]) {
        fs::create_dir_all(folder.join("set/sub")).unwrap();
        for file in there {
            fs::copy(source.join(file), folder.join("set").join(file)).unwrap();
        }
    }
    let group = group();

    let receivers: Vec<Program> = folders
        .iter()
        .map(|folder| receiver(&group, folder.file_name().unwrap().to_str().unwrap(), folder, &[]))
        .collect();
    let (status, events) = sender(&group, 3, &source, &[]).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    for ((program, folder), before) in receivers.into_iter().zip(&folders).zip([0, 1, 3]) {
        let (status, events) = program.finish();
        assert_eq!(status.code(), Some(0), "{events:#?}");
        assert_eq!(last(&events, "set_complete")["present"], before);
        assert_eq!(last(&events, "summary")["sets"][0]["present"], before);
        let told = |event: &&Value| event["present"] == true && event["path"].is_string();
        assert_eq!(events.iter().filter(told).count(), before);
        for file in ["a", "sub/b", "c"] {
            let (sent, got) =
                (fs::read(source.join(file)), fs::read(folder.join("set").join(file)));
            assert!(sent.unwrap() == got.unwrap(), "{file} differs");
        }
        assert_eq!(names(folder), ["set"], "nothing else is left");
        assert_eq!(names(&folder.join("set")), ["a", "c", "sub"]);
    }
}

#[test]
fn receiver_with_another_file_of_the_name_fails() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("file");
    fs::write(&source, "new").unwrap();
    let (good, bad) = (temp.path().join("good"), temp.path().join("bad"));
    fs::create_dir(&bad).unwrap();
    fs::write(bad.join("file"), "old").unwrap();
    let group = group();

    let receivers = [receiver(&group, "good", &good, &[]), receiver(&group, "bad", &bad, &[])];
    let (status, events) = sender(&group, 2, &source, &[]).finish();
    assert_eq!(status.code(), Some(6), "{events:#?}");
    let failed = last(&events, "receiver_failed");
    assert_eq!(failed["name"], "bad");
    assert!(failed["reason"].as_str().unwrap().contains("exists already"), "{failed}");

    let codes = receivers.map(|receiver| receiver.finish().0.code());
    assert_eq!(codes[0], Some(0));
    assert!(codes[1].is_some_and(|code| code != 0), "{codes:?}");
    assert_eq!(fs::read(bad.join("file")).unwrap(), b"old", "nothing is overwritten unasked");
    assert_eq!(fs::read(good.join("file")).unwrap(), b"new");
}
