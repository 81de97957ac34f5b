//! Transfers from memory to memory with the library: generated content as a stream and as DATA
//! objects, and through the bare socket on this path in the same run. The receiver hashes and
//! discards the content.
//!
//! Each side is a process of its own, so that its memory can be measured: this program again,
//! started by `--at-sender` and `--at-receiver`, such as `ip netns exec NAME`.
//!
//! Both sides hash the content (BLAKE3), and the hashes are compared.

mod content;
mod roles;

use std::io;
use std::process::{Child, Command, Stdio};

use clap::Parser;
use roles::{Outcome, Role};

/// Measures transfers from memory to memory.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// GiB of content.
    #[arg(long, default_value_t = 4)]
    gib: u64,
    /// Number of runs.
    #[arg(long, default_value_t = 1)]
    runs: u32,
    /// Transfers: any of stream, data and raw.
    #[arg(long, value_delimiter = ',', default_value = "stream,data,raw")]
    what: Vec<String>,
    /// Mbit/s of stream and DATA objects; the highest rate without it.
    #[arg(long)]
    rate: Option<u64>,
    /// Bytes of content in a packet.
    #[arg(long, default_value_t = 1400)]
    segment: u16,
    /// Interface at both sides.
    #[arg(long, default_value = "lo")]
    interface: String,
    /// Command that starts the sender.
    #[arg(long, default_value = "")]
    at_sender: String,
    /// Command that starts the receiver.
    #[arg(long, default_value = "")]
    at_receiver: String,
    /// Run one side, and print its outcome.
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
        "| run | transfer | Mbit/s | arrived | hashes | sender CPU s/GB, MiB \
         | receiver CPU s/GB, MiB |"
    );
    println!("|{}", "---|".repeat(7));
    for run in 1..=options.runs {
        for what in &options.what {
            let (sender, receiver) = Role::pair(what)
                .ok_or(format!("{what} is no transfer: use stream, data or raw"))?;
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
        (sent, taken) if sent == taken => "equal",
        _ => "DIFFERENT",
    };
    println!(
        "| {run} | {what} | {:.0} | {:.2} % | {hashes} | {} | {} |",
        taken.bytes as f64 * 8e-6 / seconds,
        taken.bytes as f64 / sent.bytes as f64 * 100.0,
        side(sent),
        side(taken),
    );
}

/// Runs both sides of a transfer.
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
    Outcome::parse(&text).ok_or_else(|| format!("a side has failed: {text}"))
}
