//! The JSON Schema of all that the programs print.

use norm_net::{
    Hint, Problem, ReceiveEvent, ReceiveReport, ReceiveSettings, SendEvent, SendReport,
};
use norm_net::{ReceiverInfo, SendSettings};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::json::{
    CtlEvent, DemoEvent, FillLine, FillResult, FillSetup, ProgramEvent, ReceiverEvent, SenderEvent,
    Settings, Summary,
};

/// A part of the document about the lines of a program.
pub(super) struct Chapter {
    /// Its heading.
    pub(super) name: &'static str,
    /// The types of its events, by their names in the schema.
    pub(super) types: &'static [&'static str],
}

/// All of them. An event that stands in more than one is described in the first.
pub(super) const CHAPTERS: &[Chapter] = &[
    Chapter { name: "All programs", types: &["ProgramEvent"] },
    Chapter { name: "norm-send", types: &["SenderEvent", "SendEvent"] },
    Chapter { name: "norm-send --demo", types: &["DemoEvent"] },
    Chapter { name: "norm-recv", types: &["ReceiverEvent", "ReceiveEvent"] },
    Chapter { name: "norm-recv --fill", types: &["FillLine"] },
    Chapter { name: "normctl list", types: &["CtlEvent"] },
];

/// The schema: what each line of `--json` must be. The file that `--report` writes is `Report` in
/// it.
pub(super) fn document() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let lines = [
        add::<ProgramEvent>(&mut generator),
        add::<SenderEvent<'_>>(&mut generator),
        add::<SendEvent>(&mut generator),
        add::<DemoEvent<'_>>(&mut generator),
        add::<ReceiverEvent<'_>>(&mut generator),
        add::<ReceiveEvent>(&mut generator),
        add::<FillLine>(&mut generator),
        add::<CtlEvent<'_>>(&mut generator),
    ];
    for also in [add::<Hint>, add::<Problem>, add::<ReceiverInfo>] {
        also(&mut generator);
    }
    let settings = [
        add::<Settings<&SendSettings>>(&mut generator),
        add::<Settings<&ReceiveSettings>>(&mut generator),
        add::<Settings<FillSetup>>(&mut generator),
    ];
    let summaries = [
        add::<Summary<&SendReport>>(&mut generator),
        add::<crate::json::DemoSummary<'_>>(&mut generator),
        add::<Summary<&ReceiveReport>>(&mut generator),
        add::<Summary<FillResult>>(&mut generator),
    ];
    let mut types: Map<String, Value> = generator.take_definitions(true);
    types.insert("Report".to_owned(), report(&settings, &summaries));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lines that norm-send, norm-recv and normctl print with --json",
        "type": "object",
        "properties": {
            "event": { "type": "string", "description": "What happened." },
            "at": {
                "type": "number",
                "description": "Seconds since the program began, to the millisecond."
            }
        },
        "required": ["event", "at"],
        "anyOf": lines,
        "$defs": types
    })
}

fn add<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

fn report(settings: &[Value], summaries: &[Value]) -> Value {
    json!({
        "description": "The file that `--report` writes.",
        "type": "object",
        "properties": {
            "program": {
                "type": "string",
                "description": "`norm-send`, `norm-send --demo` or `norm-recv`."
            },
            "version": { "type": "string", "description": "Version of the program." },
            "settings": {
                "description": "The fields of the event `settings`, without `event` and `at`.",
                "anyOf": settings
            },
            "summary": {
                "description": "The fields of the event `summary`, with `--demo` those of \
                                `demo_summary`; likewise.",
                "anyOf": summaries
            }
        },
        "required": ["program", "version", "settings", "summary"]
    })
}

/// The schema as its file has it.
pub(super) fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).expect("it is JSON");
    text.push('\n');
    text
}
