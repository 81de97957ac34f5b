//! `normctl keygen`: makes the key files of a group.

use std::path::PathBuf;

use clap::Args;

use crate::exit::{Code, Failure};
use crate::keys;
use crate::output::Output;
use crate::text;

/// The options of `normctl keygen`.
#[derive(Debug, Args)]
pub(super) struct KeygenArgs {
    /// Name of the two files: NAME.key for the sender, NAME.join for receivers
    #[arg(value_name = "NAME")]
    name: PathBuf,
}

/// Makes them, and says what each is for.
pub(super) fn run(args: &KeygenArgs) -> Result<Code, Failure> {
    if args.name.file_name().is_none() {
        let name = text::path(&args.name);
        return Err(Failure::usage(format!("NAME {name} has no file name: add one, such as lab")));
    }
    let files = keys::generate(&args.name)?;
    Output::new(false).results([
        format!("{}   for norm-send --key: keep it at the sender", text::path(&files.key)),
        format!("{}  for norm-recv --key: copy it to each receiver", text::path(&files.join)),
        format!("key id {}, signer {}", files.key_id, files.signer),
    ]);
    Ok(Code::Success)
}
