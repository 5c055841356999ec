//! `restante discover`

use super::context::Context;
use super::error::Failure;
use super::output::print;
use super::steps::{Checklist, serde_word};
use super::wrap::wrapped;
use clap::Args;
use restante_core::discovery::Discovery;
use restante_core::mail::Address;
use restante_core::message::{clean, clean_line};
use restante_core::settings::{Candidate, Protocol, Security, Settings, Source};
use restante_engine::discover::{DiscoverOptions, ISPDB, discover};
use serde::Serialize;
use std::process::ExitCode;
use std::time::Duration;

/// Show the settings found for an address: from where, and how far they can be trusted.
///
/// Asks for no password and stores nothing. The part before the @ is sent to nobody.
#[derive(Debug, Args)]
pub(super) struct Discover {
    /// An e-mail address.
    address: String,
    #[command(flatten)]
    discovery: DiscoveryArgs,
}

/// How to look for settings.
#[derive(Clone, Debug, Args)]
pub(super) struct DiscoveryArgs {
    /// Stop looking after this many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = Self::default().deadline, value_parser = clap::value_parser!(u64).range(1..=600))]
    deadline: u64,
    /// Do not ask the database kept by Thunderbird; it learns the domain.
    #[arg(long, conflicts_with = "ispdb")]
    no_ispdb: bool,
    /// Ask this database in its place: URL/DOMAIN is an autoconfig document.
    #[arg(long, value_name = "URL", default_value = ISPDB, hide_default_value = true)]
    ispdb: String,
}

impl Default for DiscoveryArgs {
    fn default() -> Self {
        Self { deadline: 10, no_ispdb: false, ispdb: ISPDB.to_owned() }
    }
}

impl DiscoveryArgs {
    /// `thorough` hears every source that is alive, also when the best answer is known.
    pub(super) fn options(&self, thorough: bool) -> DiscoverOptions {
        DiscoverOptions {
            deadline: Duration::from_secs(self.deadline),
            ispdb: (!self.no_ispdb).then(|| self.ispdb.clone()),
            thorough,
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    address: String,
    #[serde(flatten)]
    discovery: &'a Discovery,
}

impl Discover {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let address = Address::parse(&self.address).map_err(Failure::address)?;
        let network = context.network()?;
        // What every source says is the point here.
        let options = self.discovery.options(true);
        let checklist = Checklist::new(context);
        let discovery = context.block_on(async {
            Ok(discover(&network, &address, &options, &mut |line| checklist.trace(line)).await)
        })?;
        let exit = if discovery.best().is_none() {
            // The first finding is why; its code says what kind of no this is.
            discovery.findings.first().map_or(1, |finding| finding.verdict.exit_code())
        } else {
            0
        };
        if context.output.json {
            let document = Document { address: address.to_string(), discovery: &discovery };
            context.output.document("discover", &document)?;
        } else {
            print(&wrapped(&Screen { context, discovery: &discovery }.text(), std::io::stdout()))?;
        }
        Ok(ExitCode::from(exit))
    }
}

/// What a person sees: the best settings, where they come from, what else there is, what is odd.
struct Screen<'a> {
    context: &'a Context,
    discovery: &'a Discovery,
}

impl Screen<'_> {
    fn text(&self) -> String {
        let mut text = String::new();
        let best = self.discovery.best();
        if let Some(best) = best {
            self.best(&mut text, best);
        }
        let others: Vec<_> =
            self.discovery.candidates.iter().filter(|c| best.is_none_or(|best| *best != **c)).collect();
        if !others.is_empty() {
            let head = if best.is_some() { "Also found" } else { "Found, and not usable" };
            self.line(&mut text, &format!("\n{}", self.context.output.bold(head)));
            for other in others {
                self.other(&mut text, other);
            }
        }
        if !self.discovery.oddities.is_empty() {
            self.line(&mut text, &format!("\n{}", self.context.output.bold("Odd")));
            for oddity in &self.discovery.oddities {
                self.line(&mut text, &clean_line(&format!("  {}: {}", oddity.source, oddity.text)));
            }
        }
        for link in &self.discovery.help {
            let what = if link.text.is_empty() { "Help" } else { &link.text };
            self.line(&mut text, &clean_line(&format!("\n{what}: {}", link.url)));
        }
        for finding in &self.discovery.findings {
            self.line(&mut text, &format!("\n{}", clean(&finding.to_string())));
        }
        // Nothing stands above the first head.
        text.trim_start_matches('\n').to_owned()
    }

    fn line(&self, text: &mut String, line: &str) {
        text.push_str(line);
        text.push('\n');
    }

    fn best(&self, text: &mut String, best: &Candidate) {
        let bold = |word: &str| self.context.output.bold(word);
        for (head, settings) in [("Reading", best.imap()), ("Sending", best.smtp())] {
            match settings {
                Some(settings) => {
                    self.line(text, &format!("{}  {}", bold(head), clean_line(&served(settings))));
                }
                None => {
                    self.line(text, &format!("{}  {}", bold(head), "no server that is protected was named"))
                }
            }
        }
        let trust = if best.trusted { "Trusted" } else { "Not trusted" };
        let sources = self.sources();
        self.line(text, &format!("{}     {}", bold("From"), clean_line(&sources)));
        let note = if best.trusted { "" } else { " (a password goes there only when you say so)" };
        self.line(text, &clean_line(&format!("{trust}: {}{note}", best.why)));
        self.line(text, &self.context.output.dim(&clean_line(&best.url)));
        let chosen = [best.imap(), best.smtp()];
        let more: Vec<_> =
            best.incoming.iter().chain(&best.outgoing).filter(|s| !chosen.contains(&Some(s))).collect();
        if !more.is_empty() {
            self.line(text, &format!("\n{}", bold("It also names")));
            for settings in more {
                self.line(text, &clean_line(&format!("  {}", described(settings))));
            }
        }
    }

    /// The sources of the reading server, the best first.
    fn sources(&self) -> String {
        let of_host = self.discovery.values.iter().find(|value| value.name == "imap.host");
        let sources: Vec<_> = of_host.into_iter().flat_map(|v| &v.sources).map(|s| named(*s)).collect();
        sources.join(", and ")
    }

    fn other(&self, text: &mut String, other: &Candidate) {
        let trust = if other.trusted { "trusted" } else { "not trusted" };
        self.line(text, &clean_line(&format!("  {}, {trust}: {}", named(other.source), other.why)));
        for settings in other.incoming.iter().chain(&other.outgoing) {
            self.line(text, &clean_line(&format!("    {}", described(settings))));
        }
    }
}

/// A server and how to log in to it.
fn served(settings: &Settings) -> String {
    let logins: Vec<&str> = settings.authentication.iter().map(|a| a.as_str()).collect();
    let logins = if logins.is_empty() { String::new() } else { format!(" by {}", logins.join(" or ")) };
    format!("{settings} as {}{logins}", settings.username)
}

/// The same, for one that is shown and not used.
fn described(settings: &Settings) -> String {
    let protocol = serde_word(&settings.protocol);
    let used = matches!(settings.protocol, Protocol::Imap | Protocol::Smtp);
    let note = match settings.security {
        Security::None => "  (no encryption: not used)",
        _ if !used => "  (not spoken by restante)",
        _ => "",
    };
    format!("{protocol:<10} {settings}{note}")
}

/// A source in plain words.
fn named(source: Source) -> &'static str {
    match source {
        Source::Given => "you",
        Source::Autoconfig | Source::AutoconfigWellKnown => "the domain's own autoconfig",
        Source::Pacc => "the domain's own configuration document (PACC)",
        Source::Srv => "the domain's DNS (SRV)",
        Source::Provider => "restante's table of providers",
        Source::Ispdb => "the ISPDB kept by Thunderbird",
        Source::MxAutoconfig => "the autoconfig of the mail exchanger's domain",
        Source::MxIspdb => "the ISPDB's entry for the mail exchanger",
        Source::Autodiscover => "Autodiscover",
        Source::Guess => "usual host names, tried",
    }
}
