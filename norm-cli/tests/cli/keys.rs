//! Key files, phrases, and sessions that are sealed with them.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use norm_core::Timestamp;
use norm_net::seal::{Guard, KeyFile, Role, RunId, SessionAddress, Suite};
use serde_json::Value;

use crate::common::{
    Program, group, last, norm_objects, norm_recv, norm_send, normctl, random_bytes, stderr, stdout,
};

/// Six words, and others.
const PHRASE: &str = "velvet orbit canyon maple ribbon quiet";
const OTHER_PHRASE: &str = "velvet orbit canyon maple ribbon quick";
/// The start of the line that a session without a key prints.
const WARNING: &str = "warning: no key: ";

struct Lab {
    temp: tempfile::TempDir,
    group: String,
}

impl Lab {
    /// A folder with a file to send, an empty folder, and a pair of key files.
    fn new() -> Self {
        let lab = Self { temp: tempfile::tempdir().unwrap(), group: group() };
        fs::write(lab.path("image"), random_bytes(3, 300_000)).unwrap();
        fs::create_dir(lab.path("in")).unwrap();
        lab.keygen("lab");
        lab
    }

    fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn keygen(&self, name: &str) -> String {
        let output = normctl().arg("keygen").arg(self.path(name)).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).unwrap();
        self.path(name)
    }

    fn send(&self) -> Command {
        let mut command = clean(norm_send());
        command.args(["-i", "lo", "-g", &self.group, "--min-receivers", "1"]);
        command.args(["--start-timeout", "60"]).arg(self.path("image"));
        command
    }

    fn recv(&self) -> Command {
        let mut command = clean(norm_recv());
        command.args(["-i", "lo", "-g", &self.group]).arg(self.path("in"));
        command
    }

    fn assert_received(&self) {
        let [sent, received] = ["image", "in/image"].map(|name| fs::read(self.path(name)).unwrap());
        assert!(sent == received);
    }
}

/// Without keys in the environment.
fn clean(mut command: Command) -> Command {
    for name in ["NORM_KEY_FILE", "NORM_PHRASE", "NORM_REQUIRE_KEY"] {
        command.env_remove(name);
    }
    command
}

/// The line of a key file that is the key.
fn secret(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().find(|line| line.starts_with("norm-")).unwrap().to_owned()
}

/// Runs a program that must fail with this code; its one line on standard error.
fn failure(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    message
}

#[test]
fn keygen_makes_two_files_for_their_owner_and_overwrites_none() {
    let lab = Lab::new();
    let said = lab.keygen("other");
    assert!(said.contains("other.key ") && said.contains("other.join "), "{said}");
    let (_, key_id) = said.split_once("key id ").unwrap();
    for name in ["other.key", "other.join"] {
        let mode = fs::metadata(lab.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        let text = fs::read_to_string(lab.path(name)).unwrap();
        assert!(text.contains(&key_id[..8]) && !said.contains(&secret(&lab.path(name))), "{said}");
    }
    let before = fs::read(lab.path("other.key")).unwrap();
    let message = failure(normctl().arg("keygen").arg(lab.path("other")), 1);
    assert!(message.contains("exists already") && message.contains("another NAME"), "{message}");
    assert_eq!(fs::read(lab.path("other.key")).unwrap(), before);
    let message = failure(normctl().arg("keygen").arg(lab.path("none/x")), 4);
    assert!(message.contains("another directory"), "{message}");
}

#[test]
fn key_files_that_do_not_fit_are_refused_with_the_cure() {
    let lab = Lab::new();
    let key = |command: fn(&Lab) -> Command, name: &str| {
        let message = failure(command(&lab).arg("--key").arg(lab.path(name)), 1);
        assert!(message.contains("--key") && message.contains(name), "{message}");
        message
    };
    let message = key(Lab::recv, "lab.key");
    assert!(message.contains("the sender's key") && message.contains("lab.join"), "{message}");
    let message = key(Lab::send, "lab.join");
    assert!(message.contains("cannot sign") && message.contains("lab.key"), "{message}");
    assert!(key(Lab::send, "none.key").contains("check the name"));
    let line = secret(&lab.path("lab.key"));
    let mut damaged = line.clone();
    damaged.replace_range(30..31, if &line[30..31] == "q" { "p" } else { "q" });
    lab.write("damaged.key", &damaged);
    let message = key(Lab::send, "damaged.key");
    assert!(message.contains("wrong or missing") && !message.contains(&damaged), "{message}");
    fs::set_permissions(lab.path("lab.key"), Permissions::from_mode(0o640)).unwrap();
    let message = key(Lab::send, "lab.key");
    assert!(message.contains("chmod 600") && message.contains("mode 640"), "{message}");
    let objects = |role: &[&str], name: &str| {
        let mut command = clean(norm_objects());
        failure(command.args(role).args(["-i", "lo", "--key"]).arg(lab.path(name)), 1)
    };
    assert!(objects(&["send", "data"], "lab.join").contains("cannot sign"));
    lab.write("lab.key", &line);
    assert!(objects(&["recv", "--secs", "1"], "lab.key").contains("the sender's key"));
}

#[test]
fn file_that_systemd_hands_to_the_service_alone_is_taken() {
    let lab = Lab::new();
    fs::set_permissions(lab.path("lab.join"), Permissions::from_mode(0o440)).unwrap();
    let mut command = lab.recv();
    command.args(["--timeout", "0.3", "--key"]).arg(lab.path("lab.join"));
    assert!(failure(&mut command, 1).contains("chmod 600"));
    let output = command.env("CREDENTIALS_DIRECTORY", lab.temp.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
}

#[test]
fn required_key_cannot_be_left_out() {
    let lab = Lab::new();
    for insecure in [&[][..], &["--insecure"]] {
        for mut command in [lab.send(), lab.recv()] {
            command.env("NORM_REQUIRE_KEY", "1").args(insecure);
            let message = failure(&mut command, 3);
            assert!(message.contains("--key FILE") && message.contains("keygen"), "{message}");
            assert_eq!(message.contains("--insecure"), !insecure.is_empty(), "{message}");
        }
    }
    let mut command = lab.recv();
    command.env("NORM_KEY_FILE", lab.path("lab.key"));
    assert!(failure(&mut command, 1).contains("NORM_KEY_FILE"));
}

#[test]
fn programs_of_others_get_no_sealed_session() {
    let lab = Lab::new();
    for args in [&["--compat", "nrl"][..], &["--flute=rfc6726", "-b", "5M"]] {
        let mut command = clean(norm_send());
        command.args(["-i", "lo", "-g", &lab.group]).args(args).arg(lab.path("image"));
        let message = failure(command.arg("--key").arg(lab.path("lab.key")), 1);
        assert!(message.contains("have no keys"), "{message}");
    }
}

/// What programs have said, and reported.
fn said(outputs: &[&Output], reports: &[PathBuf]) -> String {
    let mut all: String = outputs.iter().map(|out| stdout(out) + &stderr(out)).collect();
    for report in reports {
        all += &fs::read_to_string(report).unwrap();
    }
    all
}

#[test]
fn sealed_transfer_says_which_key_and_nothing_of_its_secret() {
    let lab = Lab::new();
    let reports = ["send.json", "recv.json"].map(|name| lab.path(name));
    let mut receiver = lab.recv();
    receiver.arg("--key").arg(lab.path("lab.join")).arg("--report").arg(&reports[1]);
    let receiver = receiver.stdout(Stdio::piped()).stderr(Stdio::piped());
    let receiver = receiver.spawn().unwrap();
    let mut sender = lab.send();
    sender.arg("--json").arg("--report").arg(&reports[0]);
    let sent = sender.env("NORM_KEY_FILE", lab.path("lab.key")).output().unwrap();
    assert!(sent.status.success(), "{}", said(&[&sent], &[]));
    let received = receiver.wait_with_output().unwrap();
    assert!(received.status.success(), "{}", said(&[&received], &[]));
    lab.assert_received();

    let all = said(&[&sent, &received], &reports);
    for file in ["lab.key", "lab.join"] {
        let line = secret(&lab.path(file));
        // Any part of it would be too much.
        for part in line.as_bytes()["norm-join-1".len()..].windows(12) {
            assert!(!all.contains(std::str::from_utf8(part).unwrap()), "of {file}: {all}");
        }
    }
    let comment = fs::read_to_string(lab.path("lab.key")).unwrap();
    let (_, ids) = comment.split_once("# key id ").unwrap();
    let (key_id, signer) = (&ids[..8], &ids["12345678, signer ".len()..][..64]);
    for (report, proved) in reports.iter().zip(["member", "sender"]) {
        let report: Value = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
        let key = &report["settings"]["key"];
        assert_eq!((&key["from"], &key["key_id"]), (&"file".into(), &key_id.into()));
        assert_eq!(key["signer"], signer);
        let security = &report["summary"]["security"];
        assert_eq!((&security["mode"], &security["key_id"]), (&"group".into(), &key_id.into()));
        assert_eq!(security["proved"], proved);
        let signed = if proved == "sender" { signer.into() } else { Value::Null };
        assert_eq!(security["signer"], signed);
        assert!(security["opened"].as_u64().unwrap() > 0, "{security}");
    }
    let told = stderr(&received);
    assert_eq!(told.matches(&format!("sealed with key {key_id}")).count(), 1, "{told}");
    assert!(!told.contains(WARNING), "{told}");
}

#[test]
fn process_with_a_key_leaves_no_core_dump() {
    let lab = Lab::new();
    let mut command = lab.recv();
    command.arg("--json").arg("--key").arg(lab.path("lab.join"));
    let mut receiver = Program::start(&mut command);
    receiver.wait_for("settings");
    let limits = fs::read_to_string(format!("/proc/{}/limits", receiver.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let words: Vec<&str> = core.split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{core}");
}

#[test]
fn wrong_key_is_told_and_ends_with_code_3_at_the_timeout() {
    let lab = Lab::new();
    lab.keygen("other");
    let mut sender = lab.send();
    let sender = sender.arg("--json").arg("--key").arg(lab.path("other.key"));
    let mut sender = Program::start(sender);
    sender.wait_for("settings");
    for key in ["lab.join", ""] {
        let mut receiver = lab.recv();
        receiver.args(["--json", "--timeout", "2"]);
        if key.is_empty() {
            receiver.arg("--insecure");
        } else {
            receiver.arg("--key").arg(lab.path(key));
        }
        let (status, events) = Program::start(&mut receiver).finish();
        let hint = last(&events, "hint");
        assert_eq!(hint["kind"], "other_key", "{hint}");
        assert!(hint["at"].as_f64().unwrap() < 1.5, "{hint}");
        assert_eq!(status.code(), Some(3), "{:#?}", last(&events, "error"));
        let message = last(&events, "error")["message"].as_str().unwrap();
        assert!(message.contains("--key"), "{message}");
        assert!(message.contains(hint["key_id"].as_str().unwrap()), "{message}");
    }
    assert_eq!(fs::read_dir(lab.path("in")).unwrap().count(), 0);
}

#[test]
fn another_signer_of_the_group_is_told_and_ends_with_code_10_at_the_timeout() {
    let lab = Lab::new();
    let key = KeyFile::parse(&fs::read_to_string(lab.path("lab.key")).unwrap()).unwrap();
    // What a member could make of the group's secret.
    let [member, _] = KeyFile::pair([7; 32], *key.group().bytes());
    let file = lab.write("member.key", &member.line());
    let mut sender = lab.send();
    let mut sender = Program::start(sender.arg("--json").arg("--key").arg(file));
    sender.wait_for("settings");
    let mut receiver = lab.recv();
    receiver.args(["--json", "--timeout", "2", "--key"]).arg(lab.path("lab.join"));
    let (status, events) = Program::start(&mut receiver).finish();
    let hint = last(&events, "hint");
    assert_eq!(hint["kind"], "other_signer", "{hint}");
    assert_eq!(hint["signer"], member.signer().to_string(), "{hint}");
    assert!(hint["at"].as_f64().unwrap() < 1.5, "{hint}");
    let error = last(&events, "error");
    assert_eq!(status.code(), Some(10), "{error}");
    assert!(error["message"].as_str().unwrap().contains(".join"), "{error}");
    assert_eq!(fs::read_dir(lab.path("in")).unwrap().count(), 0);
}

#[test]
fn expired_session_is_told_and_ends_with_code_11_at_the_timeout() {
    let lab = Lab::new();
    let key = KeyFile::parse(&fs::read_to_string(lab.path("lab.key")).unwrap()).unwrap();
    let two_days = Duration::from_secs(2 * 24 * 3600);
    let then = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - two_days;
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let to = SocketAddr::from(([127, 0, 0, 1], port));
    let (address, run) = (SessionAddress::of(to), RunId([3; 12]));
    let guard = Guard::new(Role::Sender, key.keyring(), Suite::default(), address, run);
    let mut guard = guard.signing(&[5; 32]);
    guard.set_wall_clock(Timestamp::ZERO, then.as_secs());
    let hello = guard.poll_hello(Timestamp::ZERO).unwrap().to_vec();
    let mut receiver = clean(norm_recv());
    receiver.args(["-i", "lo", "-g", &to.to_string()]).arg(lab.path("in"));
    receiver.args(["--json", "--timeout", "2", "--key"]).arg(lab.path("lab.join"));
    let mut receiver = Program::start(&mut receiver);
    receiver.wait_for("settings");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(&hello, to).unwrap();
    let (status, events) = receiver.finish();
    assert_eq!(last(&events, "hint")["kind"], "expired");
    let error = last(&events, "error");
    assert_eq!(status.code(), Some(11), "{error}");
    assert!(error["message"].as_str().unwrap().contains("clocks"), "{error}");
}

#[test]
fn sender_without_a_key_is_told_and_ends_with_code_3_at_the_timeout() {
    let lab = Lab::new();
    let mut sender = Program::start(lab.send().args(["--json", "--insecure"]));
    sender.wait_for("settings");
    let mut receiver = lab.recv();
    receiver.args(["--json", "--timeout", "2", "--key"]).arg(lab.path("lab.join"));
    let (status, events) = Program::start(&mut receiver).finish();
    let hint = last(&events, "hint");
    assert_eq!(hint["kind"], "unsealed", "{hint}");
    assert!(hint["at"].as_f64().unwrap() < 1.5, "{hint}");
    let error = last(&events, "error");
    assert_eq!(status.code(), Some(3), "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("without a seal") && message.contains("--key"), "{message}");
}

#[test]
fn receiver_of_objects_tells_a_wrong_key_and_a_missing_one() {
    let lab = Lab::new();
    lab.keygen("other");
    for (at_sender, at_receiver) in [("other.key", "lab.join"), ("other.key", ""), ("", "lab.join")]
    {
        let key = |command: &mut Command, name: &str| {
            if name.is_empty() {
                command.arg("--insecure");
            } else {
                command.arg("--key").arg(lab.path(name));
            }
        };
        let mut receiver = clean(norm_objects());
        receiver.args(["recv", "-i", "lo", "-g", &lab.group, "--secs", "2"]);
        key(&mut receiver, at_receiver);
        let receiver = receiver.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut sender = clean(norm_objects());
        sender.args(["send", "data", "-i", "lo", "-g", &lab.group]).stdin(Stdio::piped());
        key(&mut sender, at_sender);
        let mut sender = sender.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sender.stdin.take().unwrap().write_all(&[7; 20_000]).unwrap();
        let output = receiver.wait_with_output().unwrap();
        let _ = sender.kill();
        let _ = sender.wait();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{at_sender}, {at_receiver}: {said}");
        assert!(said.contains("hint: ") && said.contains("--key"), "{said}");
    }
}

#[test]
fn phrase_seals_for_those_who_know_it() {
    let lab = Lab::new();
    let file = lab.write("phrase", &format!("# of the lab\n{PHRASE}\n"));
    let mut other = lab.recv();
    other.args(["--timeout", "3"]).env("NORM_PHRASE", OTHER_PHRASE);
    let other = other.stderr(Stdio::piped()).spawn().unwrap();
    let mut receiver = lab.recv();
    receiver.arg("--json").env("NORM_PHRASE", PHRASE);
    let mut receiver = Program::start(&mut receiver);
    let key = receiver.wait_for("settings")["key"].clone();
    assert_eq!((&key["from"], &key["signer"]), (&"phrase".into(), &Value::Null));
    let mut sender = lab.send();
    let sent = sender.arg("--phrase-file").arg(&file).output().unwrap();
    assert!(sent.status.success(), "{}", stderr(&sent));
    let told = stderr(&sent);
    assert!(told.contains("not of which member"), "{told}");
    let (status, events) = receiver.finish();
    assert!(status.success());
    lab.assert_received();
    let other = other.wait_with_output().unwrap();
    assert_eq!(other.status.code(), Some(3), "{}", stderr(&other));
    let all = said(&[&sent, &other], &[]) + &format!("{events:?}");
    for word in PHRASE.split(' ').chain(["quick"]) {
        assert!(!all.contains(word), "{word} in {all}");
    }
}

#[test]
fn phrases_that_can_be_guessed_are_refused() {
    let lab = Lab::new();
    let short = lab.write("short", "correct horse\n");
    let message = failure(lab.recv().arg("--phrase-file").arg(&short), 1);
    assert!(message.contains("20 characters") && message.contains("six words"), "{message}");
    assert!(!message.contains("horse"), "{message}");
    let message = failure(lab.recv().env("NORM_PHRASE", "correct horse"), 1);
    assert!(message.contains("NORM_PHRASE") && !message.contains("horse"), "{message}");
    fs::set_permissions(&short, Permissions::from_mode(0o644)).unwrap();
    let message = failure(lab.recv().arg("--phrase-file").arg(&short), 1);
    assert!(message.contains("chmod 600"), "{message}");
    let both = failure(lab.recv().env("NORM_PHRASE", PHRASE).env("NORM_KEY_FILE", "x"), 1);
    assert!(both.contains("unset one"), "{both}");
}

#[test]
fn session_without_a_key_warns_once_unless_that_is_known() {
    let lab = Lab::new();
    for (args, warnings) in [(&[][..], 1), (&["--insecure"], 0), (&["--json"], 0)] {
        let mut receiver = lab.recv();
        let output = receiver.args(["--timeout", "0.3"]).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(5));
        assert_eq!(stderr(&output).matches(WARNING).count(), warnings, "{args:?}");
        assert!(!stdout(&output).contains(WARNING));
        let mut sender = clean(norm_send());
        sender.args(["-i", "lo", "-g", &lab.group]).args(args);
        let output = sender.arg(lab.path("image")).output().unwrap();
        assert_eq!(output.status.code(), Some(5));
        assert_eq!(stderr(&output).matches(WARNING).count(), warnings, "{args:?}");
    }
    let warned = norm_recv().args(["-i", "lo", "-g", &lab.group, "--timeout", "0.3"]).output();
    let warned = stderr(&warned.unwrap());
    let line = warned.lines().find(|line| line.starts_with(WARNING)).unwrap();
    assert!(line.contains("normctl keygen") && line.contains("--insecure"), "{line}");
}
