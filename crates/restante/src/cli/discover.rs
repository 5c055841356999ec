//! `restante discover`

use super::context::Context;
use super::error::Failure;
use super::output::print;
use super::steps::{Checklist, serde_word};
use clap::Args;
use restante_core::discovery::Discovery;
use restante_core::mail::Address;
use restante_core::message::{clean, clean_line};
use restante_engine::discover::{DiscoverOptions, discover};
use serde::Serialize;
use std::process::ExitCode;
use std::time::Duration;

/// Show the settings found for an address: from where, and how far they can be trusted.
///
/// Asks for no password and stores nothing.
#[derive(Debug, Args)]
pub(super) struct Discover {
    /// An e-mail address.
    address: String,
    /// Stop looking after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    deadline: u64,
    /// Do not ask the database kept by Thunderbird; it learns the domain.
    #[arg(long)]
    no_ispdb: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    address: String,
    #[serde(flatten)]
    discovery: &'a Discovery,
}

impl Discover {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let address = Address::parse(&self.address).map_err(|error| Failure::Usage(error.to_string()))?;
        let network = context.network()?;
        // What every source says is the point here, so none is left unheard because another was better.
        let mut options = DiscoverOptions {
            deadline: Duration::from_secs(self.deadline),
            thorough: true,
            ..DiscoverOptions::default()
        };
        if self.no_ispdb {
            options.ispdb = None;
        }
        let checklist = Checklist::new(context);
        let discovery = context.block_on(async {
            Ok(discover(&network, &address, &options, &mut |line| checklist.trace(line)).await)
        })?;
        let exit = if discovery.candidates.is_empty() {
            // The first finding is why; its code says what kind of no this is.
            discovery.findings.first().map_or(1, |finding| finding.verdict.exit_code())
        } else {
            0
        };
        if context.output.json {
            let document = Document { address: address.to_string(), discovery: &discovery };
            context.output.document("discover", &document)?;
        } else {
            print(&text(context, &discovery))?;
        }
        Ok(ExitCode::from(exit))
    }
}

fn text(context: &Context, discovery: &Discovery) -> String {
    let mut text = String::new();
    for (at, candidate) in discovery.candidates.iter().enumerate() {
        let trust = if candidate.trusted { "trusted" } else { "not trusted" };
        let head = format!("{}. {}, {trust}: {}", at + 1, candidate.source, candidate.why);
        text.push_str(&context.output.bold(&clean_line(&head)));
        text.push('\n');
        for settings in candidate.incoming.iter().chain(&candidate.outgoing) {
            let logins: Vec<&str> = settings.authentication.iter().map(|a| a.as_str()).collect();
            let protocol = serde_word(&settings.protocol);
            let line =
                format!("   {protocol:<5} {settings}  user {}  {}", settings.username, logins.join(", "));
            text.push_str(&clean_line(&line));
            text.push('\n');
        }
        if !candidate.url.is_empty() {
            text.push_str(&context.output.dim(&clean_line(&format!("   {}", candidate.url))));
            text.push('\n');
        }
    }
    for finding in &discovery.findings {
        text.push_str(&clean(&finding.to_string()));
        text.push('\n');
    }
    text
}
