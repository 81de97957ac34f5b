//! Memory to memory, through the library: a stream of generated content to a sink that hashes and
//! discards it, the same as DATA objects, and the bare socket on the same path in the same run.
//!
//! Each side is a process of its own, so that its memory can be told: this program again, behind
//! `--at-sender` and `--at-receiver`, which may be `ip netns exec NAME`.
//!
//! Both sides hash what they write or read (BLAKE3), and the hashes are compared: nothing may be missing.

mod content;
mod roles;

use std::io;
use std::process::{Child, Command, Stdio};

use clap::Parser;
use roles::{Outcome, Role};

/// What is sent, and where.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// GiB of the stream.
    #[arg(long, default_value_t = 4)]
    gib: u64,
    /// Runs.
    #[arg(long, default_value_t = 1)]
    runs: u32,
    /// What to run: any of stream, data and raw.
    #[arg(long, value_delimiter = ',', default_value = "stream,data,raw")]
    what: Vec<String>,
    /// Mbit/s of stream and DATA objects; without it, as fast as it goes.
    #[arg(long)]
    rate: Option<u64>,
    /// Bytes of content in a packet.
    #[arg(long, default_value_t = 1400)]
    segment: u16,
    /// Interface at both sides.
    #[arg(long, default_value = "lo")]
    interface: String,
    /// Words before the sender's command.
    #[arg(long, default_value = "")]
    at_sender: String,
    /// Words before the receiver's command.
    #[arg(long, default_value = "")]
    at_receiver: String,
    /// Be one side, and say how it went.
    #[arg(long, hide = true)]
    role: Option<Role>,
}

fn main() -> Result<(), String> {
    let options = Options::parse();
    if let Some(role) = options.role {
        let outcome = role.play(&options)?;
        println!("{outcome}");
        return Ok(());
    }
    println!(
        "{} GiB, {} bytes per packet, over {}",
        options.gib, options.segment, options.interface
    );
    println!(
        "| run | what | Mbit/s | arrived | hashes | sender CPU s/GB, MiB | receiver CPU s/GB, MiB |"
    );
    println!("|{}", "---|".repeat(7));
    for run in 1..=options.runs {
        for what in &options.what {
            let (sender, receiver) = Role::pair(what).ok_or(format!("what is {what}?"))?;
            let (sent, taken) = transfer(&options, sender, receiver)?;
            print(run, what, &sent, &taken);
        }
    }
    Ok(())
}

fn print(run: u32, what: &str, sent: &Outcome, taken: &Outcome) {
    let gigabytes = sent.bytes as f64 * 1e-9;
    let seconds = taken.end.saturating_sub(sent.begin) as f64 * 1e-9;
    let side =
        |side: &Outcome| format!("{:.2}, {:.0}", side.cpu / gigabytes, side.peak_kib / 1024.0);
    let hashes = match (&*sent.hash, &*taken.hash) {
        ("-", "-") => "-",
        (sent, taken) if sent == taken => "same",
        _ => "DIFFER",
    };
    println!(
        "| {run} | {what} | {:.0} | {:.2} % | {hashes} | {} | {} |",
        taken.bytes as f64 * 8e-6 / seconds,
        taken.bytes as f64 / sent.bytes as f64 * 100.0,
        side(sent),
        side(taken),
    );
}

/// Runs both sides to their end.
fn transfer(options: &Options, sender: Role, receiver: Role) -> Result<(Outcome, Outcome), String> {
    let begin = |before: &str, role| start(options, before, role).map_err(|e| e.to_string());
    let receiver = begin(&options.at_receiver, receiver)?;
    std::thread::sleep(std::time::Duration::from_millis(300));
    let sender = begin(&options.at_sender, sender)?;
    Ok((end(sender)?, end(receiver)?))
}

fn start(options: &Options, before: &str, role: Role) -> io::Result<Child> {
    let myself = std::env::current_exe()?.to_string_lossy().into_owned();
    let mut words = before.split_whitespace().map(str::to_owned).chain([myself]);
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).args(["--role", role.name(), "--interface", &options.interface]);
    command.args(["--gib", &options.gib.to_string(), "--segment", &options.segment.to_string()]);
    if let Some(rate) = options.rate {
        command.args(["--rate", &rate.to_string()]);
    }
    command.stdout(Stdio::piped()).spawn()
}

fn end(child: Child) -> Result<Outcome, String> {
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    Outcome::parse(&text).ok_or_else(|| format!("a side has failed, and said: {text}"))
}
