//! `restante count`

use super::context::Context;
use super::error::Failure;
use super::list::filter;
use super::output::print;
use clap::Args;
use serde::Serialize;
use std::process::ExitCode;

/// Count messages. `restante search` says what a query can hold.
#[derive(Debug, Args)]
pub(super) struct Count {
    /// What to look for; everything when nothing is given.
    query: Vec<String>,
}

#[derive(Serialize)]
struct Document {
    total: u64,
}

impl Count {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let view = context.view()?;
        let total = view.count(&filter(context, &view, &self.query)?)?;
        if context.output.json {
            context.output.document("count", &Document { total })?;
        } else {
            print(&format!("{total}\n"))?;
        }
        Ok(if total == 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
    }
}
