//! Sessions that are sealed for keys that people have already.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::common::{
    Program, group, last, norm_recv, norm_send, normctl, random_bytes, stderr, stdout,
};

/// A key of age, made for these tests: 01 02 … 20.
const AGE: &str = "age1q73he0q5yzfu3d64msd3p6rvksnrwjk3d2598mgtmlqt9wrdr37q2vrn72";
const AGE_SECRET: &str =
    "AGE-SECRET-KEY-1QYPQXPQ9QCRSSZG2PVXQ6RS0ZQG3YYC5Z5TPWXQERGD3C8G7RUSQGPQYEE";

struct Lab {
    temp: tempfile::TempDir,
    group: String,
}

impl Lab {
    /// A folder with a file to send and ssh keys `sign`, `one`, `two` and `three`.
    fn new(len: usize) -> Self {
        let lab = Self { temp: tempfile::tempdir().unwrap(), group: group() };
        fs::write(lab.path("image"), random_bytes(3, len)).unwrap();
        for name in ["sign", "one", "two", "three"] {
            lab.ssh_key(name);
        }
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// Makes `NAME` and `NAME.pub`.
    fn ssh_key(&self, name: &str) {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(self.path(name));
        assert!(command.status().expect("ssh-keygen is there").success());
    }

    fn public(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap().trim().to_owned()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).unwrap();
        self.path(name)
    }

    fn send(&self) -> Command {
        let mut command = clean(norm_send());
        command.args(["-i", "lo", "-g", &self.group, "--json"]);
        command.arg(self.path("image")).arg("--sign").arg(self.path("sign"));
        command
    }

    /// The same for one receiver.
    fn send_to_one(&self) -> Command {
        let mut command = self.send();
        command.args(["--min-receivers", "1"]);
        command
    }

    /// A receiver with this identity, and a folder of its name.
    fn recv(&self, name: &str) -> Command {
        let folder = self.path(&format!("in-{name}"));
        fs::create_dir_all(&folder).unwrap();
        let mut command = clean(norm_recv());
        command.args(["-i", "lo", "-g", &self.group, "--json"]).arg(folder);
        command.arg("--identity").arg(self.path(name));
        command.arg("--trust").arg(self.path("sign.pub"));
        command
    }

    fn assert_received(&self, name: &str) {
        let received = self.path(&format!("in-{name}/image"));
        assert!(fs::read(self.path("image")).unwrap() == fs::read(received).unwrap());
    }
}

/// Without keys in the environment.
fn clean(mut command: Command) -> Command {
    for name in ["NORM_KEY_FILE", "NORM_PHRASE", "NORM_REQUIRE_KEY"] {
        command.env_remove(name);
    }
    command
}

/// Runs a program that must fail with this code; its error.
fn failure(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let said = stdout(&output) + &stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut errors = lines.filter(|event| event["event"] == "error");
    errors.next_back().and_then(|event| event["message"].as_str().map(str::to_owned)).unwrap()
}

#[test]
fn roster_with_keys_serves_to_as_well() {
    let lab = Lab::new(300_000);
    lab.write("age", AGE_SECRET);
    let text = format!("lab-1 127.0.0.1 {AGE}\nlab-2 {}\n", lab.public("one"));
    let roster = lab.write("roster", &text);
    let receivers = [("age", "lab-1"), ("one", "lab-2")].map(|(key, name)| {
        let mut receiver = Program::start(lab.recv(key).args(["--name", name]));
        receiver.wait_for("settings");
        receiver
    });
    let mut command = lab.send();
    command.arg("--to").arg(&roster).arg("--receivers").arg(&roster);
    let (status, events) = Program::start(&mut command).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    let told = last(&events, "summary")["receivers"].as_array().unwrap();
    let names: Vec<_> = told.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["lab-1", "lab-2"]);
    for (receiver, key) in receivers.into_iter().zip(["age", "one"]) {
        assert!(receiver.finish().0.success());
        lab.assert_received(key);
    }
    // A line without a key names no recipient.
    lab.write("roster", &format!("{text}lab-3 127.0.0.1\n"));
    let said = failure(&mut command, 1);
    assert!(said.contains("line 3 is no key age1"), "{said}");
}

#[test]
fn receiver_with_another_key_is_not_taken_for_one_of_the_roster() {
    let lab = Lab::new(300_000);
    let [one, two, three] = ["one", "two", "three"].map(|name| lab.public(name));
    let roster = lab.write("roster", &format!("lab-1 {one}\nlab-2 {two}\n"));
    let all = lab.write("all", &format!("{one}\n{two}\n{three}\n"));
    let start = |key: &str, name: &str| {
        let mut receiver = Program::start(lab.recv(key).args(["--name", name]));
        receiver.wait_for("settings");
        receiver
    };
    let impostor = start("three", "lab-1");
    let mut command = lab.send();
    command.arg("--to").arg(&all).arg("--receivers").arg(&roster);
    let mut sender = Program::start(&mut command);
    let ignored = sender.wait_for("receiver_ignored");
    assert_eq!((&ignored["name"], &ignored["reason"]), (&"lab-1".into(), &"not_proved".into()));
    let receivers = [start("one", "lab-1"), start("two", "lab-2")];
    let (status, events) = sender.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    let told = last(&events, "summary")["receivers"].as_array().unwrap();
    for (receiver, name) in told.iter().zip(["lab-1", "lab-2"]) {
        assert_eq!((&receiver["name"], &receiver["proved"]), (&name.into(), &true.into()));
        assert!(receiver["key"].as_str().unwrap().starts_with("age1"), "{receiver}");
    }
    assert_ne!(told[0]["key"], told[1]["key"]);
    drop(impostor);
    for (receiver, key) in receivers.into_iter().zip(["one", "two"]) {
        assert!(receiver.finish().0.success());
        lab.assert_received(key);
    }
    let mut command = lab.send();
    command.arg("--to").arg(lab.path("one.pub")).arg("--receivers").arg(&roster);
    let said = failure(&mut command, 1);
    assert!(said.contains("the key of lab-2 in the roster is not among"), "{said}");
}

#[test]
fn keys_of_age_and_ssh_open_what_is_sealed_for_them() {
    let lab = Lab::new(300_000);
    lab.write("age", &format!("# mine\n{AGE_SECRET}\n"));
    let list = format!(
        "# lab\n{} laptop\nrestrict,pty {}\nssh-rsa AAAAB3NzaC1yc2E old\n\
         sk-ssh-ed25519@openssh.com AAAA token\n",
        AGE,
        lab.public("one"),
    );
    fs::write(lab.path("authorized_keys"), list).unwrap();
    let mut receivers = ["age", "one"].map(|name| Program::start(&mut lab.recv(name)));
    receivers.iter_mut().for_each(|receiver| drop(receiver.wait_for("settings")));
    let report = lab.path("report");
    let mut sender = lab.send();
    sender.arg("--to").arg(lab.path("authorized_keys")).arg("--report").arg(&report);
    let sent = sender.args(["--min-receivers", "2"]).output().unwrap();
    assert!(sent.status.success(), "{}{}", stdout(&sent), stderr(&sent));
    for (name, receiver) in ["age", "one"].into_iter().zip(receivers) {
        let (status, events) = receiver.finish();
        assert!(status.success(), "{name}: {}", last(&events, "error"));
        lab.assert_received(name);
        let security = &last(&events, "summary")["security"];
        assert_eq!(
            (&security["mode"], &security["proved"]),
            (&"recipients".into(), &"sender".into())
        );
        assert_eq!(security["epoch"], 0);
    }
    let report: Value = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!(report["settings"]["key"]["from"], "recipients");
    assert_eq!(report["summary"]["security"]["mode"], "recipients");
}

#[test]
fn list_tells_what_it_skips_and_how_many_it_has() {
    let lab = Lab::new(10);
    let list =
        format!("{}\nssh-rsa AAAA x\nsk-ssh-ed25519@openssh.com AAAA y\n", lab.public("one"));
    fs::write(lab.path("list"), list).unwrap();
    let mut command = clean(norm_send());
    command.args(["-i", "lo", "-g", &lab.group, "--start-timeout", "0.2", "--min-receivers", "1"]);
    command.arg(lab.path("image")).arg("--sign").arg(lab.path("sign"));
    let output = command.arg("--to").arg(lab.path("list")).output().unwrap();
    let said = stderr(&output);
    assert!(said.contains("sealed for 1 recipient, 2 skipped: 1 ssh-rsa, 1 sk-ssh"), "{said}");
    assert!(said.contains("security keys sign, and open nothing"), "{said}");
    assert!(!said.contains("warning: no key"), "{said}");
}

#[test]
fn description_of_a_session_for_recipients_has_a_key_id_and_no_name_of_a_file() {
    let lab = Lab::new(10);
    let mut sender = lab.send_to_one();
    sender.arg("--to").arg(lab.path("one.pub")).arg("--sdp").arg(lab.path("sdp"));
    let mut sender = Program::start(&mut sender);
    let (status, events) = Program::start(&mut lab.recv("one")).finish();
    assert!(status.success(), "{}", last(&events, "error"));
    sender.wait_for("summary");
    let described = fs::read_to_string(lab.path("sdp")).unwrap();
    let key_id = last(&events, "summary")["security"]["key_id"].as_str().unwrap().to_owned();
    assert!(described.contains(&format!("a=norm-key-id:{key_id}")), "{described}");
    assert!(!described.contains("image"), "{described}");
}

#[test]
fn receiver_that_is_not_listed_ends_with_code_3_and_says_what_was_tried() {
    let lab = Lab::new(300_000);
    let mut sender = lab.send_to_one();
    let mut sender = Program::start(sender.arg("--to").arg(lab.public("one")));
    sender.wait_for("settings");
    let (status, events) = Program::start(lab.recv("two").args(["--timeout", "2"])).finish();
    let hint = last(&events, "hint");
    assert_eq!(hint["kind"], "not_listed", "{hint}");
    assert!(hint["at"].as_f64().unwrap() < 1.5, "{hint}");
    let error = last(&events, "error");
    assert_eq!(status.code(), Some(3), "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("--to") && message.contains("tried: age1"), "{message}");
    assert_eq!(fs::read_dir(lab.path("in-two")).unwrap().count(), 0);
}

#[test]
fn sender_that_is_not_trusted_is_told_and_ends_with_code_10() {
    let lab = Lab::new(300_000);
    lab.ssh_key("other");
    let mut sender = lab.send_to_one();
    let mut sender = Program::start(sender.arg("--to").arg(lab.path("one.pub")));
    sender.wait_for("settings");
    let mut receiver = clean(norm_recv());
    fs::create_dir(lab.path("in")).unwrap();
    receiver.args(["-i", "lo", "-g", &lab.group, "--json", "--timeout", "2"]).arg(lab.path("in"));
    receiver.arg("--identity").arg(lab.path("one")).arg("--trust").arg(lab.public("other"));
    let (status, events) = Program::start(&mut receiver).finish();
    assert_eq!(status.code(), Some(10), "{}", last(&events, "error"));
}

#[test]
fn keys_that_cannot_be_used_are_refused_with_the_cure() {
    let lab = Lab::new(10);
    let send = |args: &[&str], path: &str| failure(lab.send().args(args).arg(lab.path(path)), 1);
    fs::write(lab.path("rsa"), "ssh-rsa AAAA x\n").unwrap();
    assert!(send(&["--to"], "rsa").contains("1 skipped: 1 ssh-rsa"), "no key is left");
    fs::write(lab.path("bad"), "# x\nage1qqqq\n").unwrap();
    assert!(send(&["--to"], "bad").contains("line 2"));
    assert!(send(&["--to"], "none").contains("check the name"));
    assert!(send(&["--to"], "one").contains("private key"));
    assert!(send(&["--to"], "sign.pub").contains("one key must not do both"));
    let message =
        failure(lab.send().arg("--to").arg(lab.path("one.pub")).args(["--rekey-every", "1"]), 1);
    assert!(message.contains("at least 10"), "{message}");
    let recv = |name: &str| failure(&mut lab.recv(name), 1);
    assert!(recv("sign").contains("one key must not do both"));
    lab.write("age", &AGE_SECRET[..60]);
    assert!(recv("age").contains("wrong or missing"));
    fs::set_permissions(lab.path("one"), Permissions::from_mode(0o644)).unwrap();
    assert!(recv("one").contains("chmod 600"));
    let mut locked = Command::new("ssh-keygen");
    locked.args(["-q", "-t", "ed25519", "-N", "words of mine", "-f"]).arg(lab.path("locked"));
    assert!(locked.status().unwrap().success());
    assert!(recv("locked").contains("has a passphrase"));
    for missing in [["--to", AGE], ["--identity", "x"]] {
        let mut command =
            if missing[0] == "--to" { clean(norm_send()) } else { clean(norm_recv()) };
        let output = command.args(missing).arg(lab.path("image")).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    }
}

#[test]
fn key_file_signs_and_its_join_file_is_trusted() {
    let lab = Lab::new(300_000);
    let made = normctl().arg("keygen").arg(lab.path("lab")).output().unwrap();
    assert!(made.status.success());
    let mut receiver = clean(norm_recv());
    fs::create_dir(lab.path("in-one")).unwrap();
    receiver.args(["-i", "lo", "-g", &lab.group, "--json"]).arg(lab.path("in-one"));
    receiver.arg("--identity").arg(lab.path("one")).arg("--trust").arg(lab.path("lab.join"));
    let mut receiver = Program::start(&mut receiver);
    receiver.wait_for("settings");
    let mut sender = clean(norm_send());
    sender.args(["-i", "lo", "-g", &lab.group, "--min-receivers", "1", "--start-timeout", "60"]);
    sender.arg(lab.path("image")).arg("--to").arg(lab.path("one.pub"));
    let sent = sender.arg("--sign").arg(lab.path("lab.key")).output().unwrap();
    assert!(sent.status.success(), "{}", stderr(&sent));
    assert!(receiver.finish().0.success());
    lab.assert_received("one");
}

#[test]
fn carousel_hands_out_its_keys_without_being_asked() {
    let lab = Lab::new(300_000);
    let mut sender = clean(norm_send());
    sender.args(["-i", "lo", "-g", &lab.group, "--json", "--flute=own", "-b", "20M"]);
    sender.args(["--carousel", "20"]).arg(lab.path("image"));
    sender.arg("--sign").arg(lab.path("sign")).arg("--to").arg(lab.path("one.pub"));
    let mut sender = Program::start(&mut sender);
    sender.wait_for("settings");
    std::thread::sleep(Duration::from_millis(700));
    let (status, events) =
        Program::start(lab.recv("one").args(["--flute", "--timeout", "20"])).finish();
    assert!(status.success(), "{}", last(&events, "error"));
    lab.assert_received("one");
}

/// The list is read again in mid-transfer, without one of three receivers, at 5 % loss.
#[test]
fn one_left_out_of_the_list_ends_with_code_12_and_the_others_complete() {
    let lab = Lab::new(6_000_000);
    let list = |names: &[&str]| {
        let keys: Vec<String> = names.iter().map(|name| lab.public(name)).collect();
        fs::write(lab.path("list"), keys.join("\n")).unwrap();
    };
    list(&["one", "two", "three"]);
    let mut receivers = ["one", "two", "three"].map(|name| {
        let mut receiver = lab.recv(name);
        Program::start(receiver.args(["--drop", "5"]))
    });
    receivers.iter_mut().for_each(|receiver| drop(receiver.wait_for("settings")));
    let mut sender = lab.send();
    sender.args(["--min-receivers", "3", "-b", "6M", "--to"]).arg(lab.path("list"));
    let mut sender = Program::start(&mut sender);
    sender.wait_for("progress");
    list(&["one", "three"]);
    let hang_up = Command::new("kill").args(["-HUP", &sender.id().to_string()]).status();
    assert!(hang_up.unwrap().success());
    let [one, two, three] = receivers;
    let (status, events) = two.finish();
    let error = last(&events, "error");
    assert_eq!(status.code(), Some(12), "{error}");
    assert!(error["message"].as_str().unwrap().contains("left this machine out"), "{error}");
    for (name, receiver) in [("one", one), ("three", three)] {
        let (status, events) = receiver.finish();
        assert!(status.success(), "{}", last(&events, "error"));
        assert_eq!(last(&events, "summary")["security"]["epoch"], 1);
        lab.assert_received(name);
    }
    assert!(!lab.path("in-two/image").exists());
}

#[test]
fn nothing_secret_is_said_or_sent() {
    let lab = Lab::new(300_000);
    let mut receiver = Program::start(&mut lab.recv("one"));
    receiver.wait_for("settings");
    let mut sender = lab.send_to_one();
    let sent = sender.arg("--to").arg(lab.path("one.pub")).output().unwrap();
    let (status, events) = receiver.finish();
    assert!(status.success());
    let said = format!("{}{}{events:?}", stdout(&sent), stderr(&sent));
    for name in ["one", "sign"] {
        let private = fs::read_to_string(lab.path(name)).unwrap();
        let base64: String = private.lines().filter(|line| !line.starts_with('-')).collect();
        // The private half is in the last 150 characters or so.
        for part in base64.as_bytes()[150..].windows(16) {
            assert!(!said.contains(std::str::from_utf8(part).unwrap()), "of {name}");
        }
    }
}
