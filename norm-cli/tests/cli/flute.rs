//! Transfers one way, by FLUTE and by NORM.

use std::fs;
use std::path::Path;

use tempfile::tempdir;

use crate::common::{Program, group, last, norm_recv, norm_send, random_bytes, stderr, stdout};

/// A folder with files.
fn tree(root: &Path) {
    fs::create_dir_all(root.join("sub/empty")).unwrap();
    fs::write(root.join("large"), random_bytes(1, 2_000_000)).unwrap();
    fs::write(root.join("sub/small"), b"small").unwrap();
}

fn assert_same(root: &Path, received: &Path) {
    for name in ["large", "sub/small"] {
        assert!(fs::read(root.join(name)).unwrap() == fs::read(received.join(name)).unwrap());
    }
}

#[test]
fn folder_is_sent_once_and_received_through_losses() {
    let (dir, group) = (tempdir().unwrap(), group());
    let (root, out) = (dir.path().join("set"), dir.path().join("out"));
    tree(&root);
    let mut receiver = norm_recv();
    receiver.args(["--flute", "--json", "--drop", "4", "-i", "lo", "-g", &group]).arg(&out);
    let mut receiver = Program::start(&mut receiver);
    receiver.wait_for("settings");
    let sent = norm_send()
        .args(["--flute", "-b", "80M", "--tsi", "9", "-i", "lo", "-g", &group])
        .arg(&root)
        .output()
        .unwrap();
    assert!(sent.status.success(), "{}", stderr(&sent));
    let said = stdout(&sent);
    assert!(said.contains("content hash") && said.contains("sent: 2 files"), "{said}");
    assert!(said.contains("one way"), "{said}");
    let notes = stderr(&sent);
    assert!(
        notes.contains("once with 15 % more, one way by FLUTE (profile own, TSI 9)"),
        "{notes}"
    );
    assert!(!notes.contains("no receiver"), "{notes}");
    let (status, events) = receiver.finish();
    assert!(status.success(), "{events:#?}");
    assert_eq!(last(&events, "summary")["outcome"], "complete");
    assert_same(&root, &out.join("set"));
    assert!(out.join("set/sub/empty").is_dir());
}

#[test]
fn receiver_that_comes_late_gets_all_of_a_carousel_which_goes_on_until_it_is_stopped() {
    let (dir, group) = (tempdir().unwrap(), group());
    let (root, out) = (dir.path().join("set"), dir.path().join("out"));
    tree(&root);
    let mut sender = norm_send();
    sender.args(["--flute", "-b", "80M", "--carousel", "forever", "--json", "-i", "lo"]);
    let mut sender = Program::start(sender.args(["-g", &group]).arg(&root));
    assert_eq!(sender.wait_for("settings")["tsi"], 1);
    sender.wait_for("all_sent");
    fs::create_dir(&out).unwrap();
    for passed in ["--timeout", "--tsi"] {
        let value = if passed == "--tsi" { "1" } else { "30" };
        let mut receiver = norm_recv();
        receiver.args(["--flute", passed, value, "-i", "lo", "-g", &group]);
        let received = receiver.arg(out.join(passed)).output().unwrap();
        assert!(received.status.success(), "{}", stderr(&received));
        assert_same(&root, &out.join(passed).join("set"));
        assert!(sender.is_running());
    }
    let progress = sender.wait_for("progress");
    assert!(progress["pass"].as_u64().unwrap() >= 1, "{progress}");
    sender.signal("-INT");
    let (status, events) = sender.finish();
    assert!(status.success(), "everything was sent: {events:#?}");
    assert_eq!(last(&events, "summary")["outcome"], "sent");
}

#[test]
fn single_files_go_to_other_receivers() {
    let (dir, group) = (tempdir().unwrap(), group());
    let (root, out) = (dir.path().join("set"), dir.path().join("out"));
    tree(&root);
    let mut receiver = norm_recv();
    receiver.args(["--flute", "--json", "-i", "lo", "-g", &group]).arg(&out);
    let mut receiver = Program::start(&mut receiver);
    receiver.wait_for("settings");
    let sent = norm_send()
        .args(["--flute=rfc6726", "-b", "80M", "-i", "lo", "-g", &group])
        .arg(&root)
        .output()
        .unwrap();
    assert!(sent.status.success(), "{}", stderr(&sent));
    assert!(stderr(&sent).contains("1 empty directory"), "{}", stderr(&sent));
    let (status, events) = receiver.finish();
    assert!(status.success(), "{events:#?}");
    assert_same(&root, &out.join("set"));
}

#[test]
fn receiver_without_the_option_says_that_it_hears_flute() {
    let (dir, group) = (tempdir().unwrap(), group());
    let root = dir.path().join("set");
    tree(&root);
    let mut receiver = norm_recv();
    receiver.args(["--json", "--timeout", "3", "-i", "lo", "-g", &group]);
    let mut receiver = Program::start(receiver.arg(dir.path().join("out")));
    receiver.wait_for("settings");
    let mut sender = norm_send();
    sender.args(["--flute", "-b", "5M", "--json", "-i", "lo", "-g", &group]);
    let _sender = Program::start(sender.arg(&root));
    let hint = loop {
        let hint = receiver.wait_for("hint");
        if hint["kind"] == "other_protocol" {
            break hint;
        }
    };
    assert_eq!(hint["is_flute"], true);
}

#[test]
fn description_says_that_a_session_is_one_way() {
    let (dir, group) = (tempdir().unwrap(), group());
    let (root, sdp) = (dir.path().join("set"), dir.path().join("set.sdp"));
    tree(&root);
    let mut sender = norm_send();
    sender.args(["--flute", "-b", "80M", "--carousel", "forever", "--tsi", "77", "--json"]);
    sender.args(["-i", "lo", "-g", &group, "--sdp"]).arg(&sdp);
    let mut sender = Program::start(sender.arg(&root));
    sender.wait_for("all_sent");
    let described = fs::read_to_string(&sdp).unwrap();
    assert!(described.contains("FLUTE/UDP") && described.contains("flute-tsi:77"), "{described}");
    let mut receiver = norm_recv();
    receiver.args(["--timeout", "60", "-i", "lo", "--sdp"]).arg(&sdp);
    let received = receiver.arg(dir.path().join("out")).output().unwrap();
    assert!(received.status.success(), "{}", stderr(&received));
    assert_same(&root, &dir.path().join("out/set"));
    sender.signal("-INT");
    assert!(sender.finish().0.success());
}

#[test]
fn one_way_needs_a_rate() {
    let dir = tempdir().unwrap();
    let sent = norm_send().arg("--flute").arg(dir.path()).output().unwrap();
    assert_eq!(sent.status.code(), Some(1));
    assert!(stderr(&sent).contains("--flute requires a fixed --rate"), "{}", stderr(&sent));
}

#[test]
#[cfg(target_os = "linux")]
fn receiver_takes_no_more_memory_than_it_may() {
    const MIB: u64 = 1 << 20;
    let (dir, group) = (tempdir().unwrap(), group());
    let root = dir.path().join("large");
    fs::write(&root, random_bytes(3, 80 << 20)).unwrap();
    let mut sender = norm_send();
    sender.args(["--flute", "-b", "300M", "--carousel", "forever", "--json", "-i", "lo"]);
    let mut sender = Program::start(sender.args(["-g", &group]).arg(&root));
    sender.wait_for("all_sent");
    let mut receiver = norm_recv();
    receiver.args(["--flute", "--json", "--memory", "16M", "--drop", "5", "-i", "lo"]);
    let mut receiver = Program::start(receiver.args(["-g", &group]).arg(dir.path().join("out")));
    receiver.wait_for("settings");
    let mut most = 0;
    while receiver.is_running() {
        let status = fs::read_to_string(format!("/proc/{}/status", receiver.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        most = most.max(kib.unwrap_or(0) * 1024);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let (status, events) = receiver.finish();
    assert!(status.success(), "{events:#?}");
    println!("RssAnon {:.1} MiB", most as f64 / MIB as f64);
    assert!(most > MIB && most <= (16 + 40) * MIB, "{most}");
    sender.signal("-INT");
    sender.finish();
}

#[test]
fn silent_receiver_that_comes_late_gets_all_of_a_norm_carousel() {
    let (dir, group) = (tempdir().unwrap(), group());
    let (root, out) = (dir.path().join("set"), dir.path().join("out"));
    tree(&root);
    let mut sender = norm_send();
    sender.args(["-b", "80M", "--carousel", "forever", "--json", "-i", "lo"]);
    let mut sender = Program::start(sender.args(["-g", &group]).arg(&root));
    let settings = sender.wait_for("settings");
    assert_eq!((&settings["passes"], &settings["fec_id"]), (&0.into(), &6.into()));
    sender.wait_for("all_sent");
    let mut receiver = norm_recv();
    receiver.args(["--feedback", "none", "--timeout", "30", "-i", "lo", "-g", &group]);
    let received = receiver.arg(&out).output().unwrap();
    assert!(received.status.success(), "{}", stderr(&received));
    assert_same(&root, &out.join("set"));
    assert!(sender.is_running());
    sender.signal("-INT");
    let (status, events) = sender.finish();
    assert!(status.success(), "everything was sent: {events:#?}");
    assert_eq!(last(&events, "summary")["outcome"], "sent");
    assert!(events.iter().all(|event| event["event"] != "hint"), "{events:#?}");
}

#[test]
fn passes_and_what_is_repaired_after_them_end_with_success_at_both_sides() {
    let (dir, group) = (tempdir().unwrap(), group());
    let (root, out) = (dir.path().join("set"), dir.path().join("out"));
    tree(&root);
    let mut receiver = norm_recv();
    receiver.args(["--json", "--drop", "20", "-i", "lo", "-g", &group]).arg(&out);
    let mut receiver = Program::start(&mut receiver);
    receiver.wait_for("settings");
    let sent = norm_send()
        .args(["-b", "80M", "--carousel", "2", "--min-receivers", "1", "-i", "lo", "-g", &group])
        .arg(&root)
        .output()
        .unwrap();
    assert!(sent.status.success(), "{}", stderr(&sent));
    let (said, notes) = (stdout(&sent), stderr(&sent));
    assert!(said.contains("complete: 1 receiver has 2 files"), "{said}");
    assert!(said.contains("times the content"), "{said}");
    assert!(notes.contains(", in 2 passes"), "{notes}");
    let (status, events) = receiver.finish();
    assert!(status.success(), "{events:#?}");
    assert_same(&root, &out.join("set"));
}

#[test]
#[cfg(unix)]
fn single_file_whose_name_is_no_text_is_refused_with_a_cure() {
    use std::os::unix::ffi::OsStrExt;

    let (dir, group) = (tempdir().unwrap(), group());
    let root = dir.path().join("set");
    fs::create_dir(&root).unwrap();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    fs::write(root.join(name), b"content").unwrap();
    let refused = norm_send()
        .args(["--flute=rfc6726", "-b", "80M", "-i", "lo", "-g", &group])
        .arg(&root)
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = stderr(&refused);
    assert!(said.contains("set/caf\\xe9") && said.contains("rename it"), "{said}");
}

#[test]
fn file_that_a_profile_has_no_room_for_is_named_with_its_limit() {
    let (dir, group) = (tempdir().unwrap(), group());
    let path = dir.path().join("large.iso");
    fs::File::create(&path).unwrap().set_len(200 << 20).unwrap();
    let refused = norm_send()
        .args(["--flute=mabr", "-b", "80M", "-i", "lo", "-g", &group])
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = stderr(&refused);
    assert!(said.contains("large.iso (209715200 bytes)") && said.contains("mabr"), "{said}");
    assert!(said.contains("another profile"), "{said}");
}
