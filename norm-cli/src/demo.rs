//! `norm-send --demo`: one sender and several receivers in one process, over loopback multicast.

mod compare;
mod scene;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use norm_net::io::interface::InterfaceSpec;
use norm_net::{
    ReceiveError, ReceiveEvent, ReceiveOptions, ReceiveReport, Receiving, SendOptions, SendReport,
    SendSettings,
};

use crate::args::SendArgs;
use crate::exit::{Code, Failure};
use crate::interrupt::Interrupt;
use crate::json::{DemoCopy, DemoEvent, DemoSummary, Settings, Summary, seconds};
use crate::output::Output;
use crate::report::{Destination, Report};
use crate::sender::{self, Labels};
use crate::table::Table;
use crate::{explain, text};
use scene::Scene;

/// Packets that each receiver drops, in percent.
const DROP_PERCENT: f64 = 5.0;
/// Memory of each receiver for incomplete blocks: less than the default, as many share this
/// machine.
const MEMORY: usize = 32 << 20;
/// Kernel buffers of each receiver and of the sender: what most systems grant by default.
const KERNEL_BUFFER: usize = 4 << 20;
/// Receivers in the same process join long before this, unless something is badly wrong.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs the demo; success only if all copies are identical.
///
/// # Errors
///
/// What ends the run without success, as one line and an exit code.
pub fn run(
    args: &SendArgs,
    receivers: u32,
    interrupt: &Interrupt,
    destination: &Destination,
) -> Result<Code, Failure> {
    let mut output = Output::new(args.common.json);
    let scene = Scene::new(args.paths.first().map(PathBuf::as_path))?;
    output.say(&format!(
        "demo: {} on this machine, each dropping {DROP_PERCENT} % of the packets; temporary \
         directory {}",
        text::count(u64::from(receivers), "receiver"),
        text::path(scene.folder())
    ));
    let audience = open_receivers(&scene, receivers, interrupt)?;
    let options = SendOptions::new(scene.group()).with(|o| {
        o.interface = Some(loopback());
        o.pace = args.pace();
        o.rate.schedule = args.rate.schedule();
        o.rate.trace = args.rate.trace_rate.clone();
        o.dscp = args.dscp();
        o.min_receivers = receivers as usize;
        o.start.timeout = Some(START_TIMEOUT);
        o.buffers.send = KERNEL_BUFFER;
        o.mtu = args.mtu;
        o.fec = args.code.set_fec();
        o.content.hash_first = args.hash_first;
    });
    let sending = norm_net::send(&[scene.source().to_path_buf()], &options)
        .map_err(|error| sender::failure(&error))?;
    let stopper = sending.stopper();
    interrupt.stops(move || stopper.stop());
    let settings = sending.settings().clone();
    let told = Settings::new("norm-send", None, &settings);
    sender::announce(told, &settings, &mut output);
    let labels = Labels::new(&[scene.source().to_path_buf()], args.slow.policy);
    let result = sender::follow(sending, &mut output, interrupt, &labels, &mut |_, _| {});
    // The sender has ended, so no receiver has anything to wait for.
    audience.iter().for_each(|member| (member.stop)());
    let copies: Vec<DemoCopy> =
        audience.into_iter().map(|member| member.finish(scene.source())).collect();
    output.clear();
    conclude(destination, &mut output, told, &result?, copies, interrupt)
}

fn loopback() -> InterfaceSpec {
    // Loopback interfaces have different names, but everywhere this address.
    InterfaceSpec::Address(std::net::Ipv4Addr::LOCALHOST.into())
}

/// A receiver of the demo, and the thread that listens to it.
struct Member {
    name: String,
    folder: PathBuf,
    stop: Box<dyn Fn()>,
    thread: thread::JoinHandle<Result<ReceiveReport, ReceiveError>>,
}

fn open_receivers(
    scene: &Scene,
    count: u32,
    interrupt: &Interrupt,
) -> Result<Vec<Member>, Failure> {
    (1..=count)
        .map(|number| {
            let name = format!("demo-{number}");
            let folder = scene.receiver_folder(number)?;
            let options = ReceiveOptions::new(scene.group(), &folder).with(|o| {
                o.interface = Some(loopback());
                o.name = name.clone();
                o.demo.drop_percent = DROP_PERCENT;
                o.memory = MEMORY;
                o.recv_buffer = KERNEL_BUFFER;
                o.send_buffer = KERNEL_BUFFER;
            });
            let receiving = norm_net::receive(&options).map_err(|error| {
                let cure = "the demo needs a loopback interface that is up";
                Failure::new(Code::Network, format!("{name}: {error}; {cure}"))
            })?;
            let (stopper, own_stopper) = (receiving.stopper(), receiving.stopper());
            interrupt.stops(move || stopper.stop());
            let stop = Box::new(move || own_stopper.stop());
            Ok(Member { name, folder, stop, thread: thread::spawn(move || listen(receiving)) })
        })
        .collect()
}

/// Discards the events of a receiver, so that they do not pile up, until it ends.
fn listen(receiving: Receiving) -> Result<ReceiveReport, ReceiveError> {
    receiving.events().for_each(drop::<ReceiveEvent>);
    receiving.wait()
}

impl Member {
    /// Waits for the receiver's end and compares its copy with the source.
    fn finish(self, source: &Path) -> DemoCopy {
        let copy = DemoCopy {
            receiver: self.name,
            loss_injected: DROP_PERCENT / 100.0,
            ..DemoCopy::default()
        };
        let report = match self.thread.join() {
            Ok(Ok(report)) => report,
            Ok(Err(error)) => return DemoCopy { problem: Some(error.to_string()), ..copy },
            Err(_) => {
                return DemoCopy { problem: Some("its thread panicked".to_owned()), ..copy };
            }
        };
        let set = report.sets.first();
        let problem = match set {
            None => {
                let reason = report.failed.first().map(explain::failure);
                Some(
                    reason
                        .unwrap_or_else(|| "it ended before it had received everything".to_owned()),
                )
            }
            Some(_) => compare::difference(source, &self.folder),
        };
        DemoCopy {
            identical: problem.is_none(),
            problem,
            elapsed: set.map(|set| seconds(set.elapsed)),
            bits_per_second: set.map(|set| set.bits_per_second.round()),
            ..copy
        }
    }
}

fn conclude(
    destination: &Destination,
    output: &mut Output,
    told: Settings<&SendSettings>,
    report: &SendReport,
    copies: Vec<DemoCopy>,
    interrupt: &Interrupt,
) -> Result<Code, Failure> {
    let identical = copies.iter().filter(|copy| copy.identical).count();
    let sent = interrupt.code(sender::code(report));
    let code = match sent {
        _ if identical == copies.len() && sent == Code::Success => Code::Success,
        _ if interrupt.requested() => interrupt.code(Code::Interrupted),
        Code::Success if identical == 0 => Code::AllFailed,
        Code::Success => Code::Partial,
        other => other,
    };
    let summary = DemoSummary {
        exit_code: code.number(),
        identical,
        copies,
        transfer: Summary::new(report, sent),
    };
    summary.copies.iter().for_each(|copy| output.event(&DemoEvent::DemoCopy(copy)));
    output.event(&DemoEvent::DemoSummary(&summary));
    output.results(table(&summary.copies).lines());
    let written = destination.write(&Report::new("norm-send --demo", told, &summary));
    output.report_written(&written, false);
    written?;
    let words = format!(
        "identical to the source: {identical} of {}; {} sent for {} of files",
        text::count(summary.copies.len() as u64, "copy"),
        text::bytes(report.wire_bytes),
        text::bytes(report.bytes),
    );
    match code {
        Code::Success => output.results([words]),
        code if code.is_stop() => return Err(Failure::new(code, format!("stopped; {words}"))),
        _ => return Err(Failure::new(code, words)),
    }
    Ok(Code::Success)
}

fn table(copies: &[DemoCopy]) -> Table {
    let mut table = Table::new(&["receiver", ">loss injected", "verified", ">seconds", ">Mbit/s"]);
    for copy in copies {
        let verified =
            copy.problem.as_ref().map_or("identical".to_owned(), |why| format!("NO: {why}"));
        let number = |value: Option<f64>, scale: f64| {
            value.map_or("-".to_owned(), |value| format!("{:.2}", value / scale))
        };
        table.row([
            copy.receiver.clone(),
            text::share(copy.loss_injected),
            verified,
            number(copy.elapsed, 1.0),
            number(copy.bits_per_second, 1e6),
        ]);
    }
    table
}
