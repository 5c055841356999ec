//! `restante open`

use super::complete::complete;
use super::context::Context;
use super::error::Failure;
use super::message::{Name, find, is_file, read_file};
use super::output::print;
use super::read::{WIDTH, answers, caution, checked, contacts, date, own_hosts, sealed, sender};
use super::sync::octets;
use clap::Args;
use restante_core::message::{Note, Page, Reading};
use restante_engine::once::Once;
use serde::Serialize;
use std::process::{ExitCode, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};

/// How long a browser is waited for.
const PATIENCE: Duration = Duration::from_secs(300);
/// Browsers that run in the terminal, which they have to themselves until they end.
const IN_TERMINAL: [&str; 9] =
    ["lynx", "w3m", "links", "links2", "elinks", "cha", "browsh", "carbonyl", "www-browser"];

/// Show a message in the browser, made harmless: no scripts, no forms, and nothing is loaded from other servers.
///
/// The page is served by this machine to itself, at an address that is good for one time. The browser is that of --browser, of $BROWSER, or the desktop's.
#[derive(Debug, Args)]
pub(super) struct Open {
    /// A message's id, or a file.
    #[arg(value_name = "ID|FILE.eml")]
    message: Name,
    /// Load pictures from other servers too. These learn that, when and from where the message is read.
    #[arg(long)]
    remote: bool,
    /// The browser; `%s` stands for the address, which else comes last.
    #[arg(long, value_name = "CMD")]
    browser: Option<String>,
    /// Start no browser: print the address, and end when the page was fetched.
    #[arg(long, conflicts_with = "browser")]
    print_url: bool,
}

#[derive(Serialize)]
struct Document {
    id: Option<String>,
    url: String,
    remote: bool,
    /// Pictures of other servers that are not loaded.
    left_out: usize,
}

impl Open {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let (id, page) = self.page(context)?;
        context.block_on(async {
            let once = Once::bind().await?;
            let url = once.url();
            let document = Document { id, url: url.clone(), remote: self.remote, left_out: page.left_out };
            if self.print_url && context.output.json {
                context.output.document("open", &document)?;
            } else if self.print_url {
                print(&format!("{url}\n"))?;
            }
            let serve = once.serve(&page.html, page.policy, PATIENCE);
            let (served, browser) = match self.print_url {
                true => (serve.await?, None),
                false => self.browse(&url, serve).await?,
            };
            if !served {
                let minutes = PATIENCE.as_secs() / 60;
                return Err(Failure::Later(format!("no browser fetched the page within {minutes} minutes")));
            }
            if let Some(mut browser) = browser {
                browser.wait().await?;
            }
            if !self.print_url && context.output.json {
                context.output.document("open", &document)?;
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    /// The page of the message; of one of which the rest cannot be fetched now, what is here, if its text is.
    fn page(&self, context: &Context) -> Result<(Option<String>, Page), Failure> {
        let name = &self.message;
        if is_file(name) {
            let bytes = read_file(name)?;
            let reading = Reading::read(&bytes, WIDTH);
            return Ok((None, Page::new(&bytes, &reading, &notes(&reading, None), self.remote)));
        }
        let fetched = complete(context, name);
        let view = context.view()?;
        let message = find(&view, name)?;
        let row = view.row(message)?;
        let own = row.as_ref().map(|row| own_hosts(context, &view, row)).transpose()?.unwrap_or_default();
        let bytes = view.read(message)?;
        let (reading, missing) = match (&row, fetched) {
            (Some(row), Err(failure)) if row.held < row.size => {
                let Some(reading) = Reading::read_beginning(&bytes, WIDTH, &own) else { return Err(failure) };
                (reading, Some((row.held, row.size)))
            }
            (_, Err(failure)) => return Err(failure),
            (_, Ok(())) => (Reading::read_as(&bytes, WIDTH, &own), None),
        };
        let page = Page::new(&bytes, &reading, &notes(&reading, missing), self.remote);
        Ok((row.map(|row| row.id), page))
    }

    /// Starts one browser after the other until one fetches the page. Whether one did, and it, where it has the terminal.
    async fn browse(
        &self,
        url: &str,
        serve: impl Future<Output = std::io::Result<bool>>,
    ) -> Result<(bool, Option<Child>), Failure> {
        tokio::pin!(serve);
        let mut tried = Vec::new();
        for command in browsers(self.browser.as_deref(), std::env::var("BROWSER").ok().as_deref()) {
            let Some((mut child, in_terminal)) = start(&command, url) else {
                tried.push(command);
                continue;
            };
            let mut running = true;
            loop {
                tokio::select! {
                    // What was fetched counts, also when the browser has ended by then.
                    biased;
                    served = &mut serve => {
                        return Ok((served?, Some(child).filter(|_| running && in_terminal)));
                    }
                    ended = child.wait(), if running => {
                        if !ended?.success() {
                            break;
                        }
                        // It left the page to a browser that was there already.
                        running = false;
                    }
                }
            }
            tried.push(command);
        }
        Err(Failure::NotFound(format!(
            "no browser could be started (tried {}); --browser names one, --print-url does without",
            tried.join(", ")
        )))
    }
}

/// The commands to try: what was asked for, else those of the environment, else the desktop's.
fn browsers(asked: Option<&str>, environment: Option<&str>) -> Vec<String> {
    if let Some(asked) = asked {
        return vec![asked.to_owned()];
    }
    let named = environment.unwrap_or_default().split(':').map(str::trim).filter(|name| !name.is_empty());
    let desktop = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    named.map(str::to_owned).chain([desktop.to_owned()]).collect()
}

/// The words of a command, the address among them.
fn words(command: &str, url: &str) -> Vec<String> {
    let mut words: Vec<String> = command.split_whitespace().map(|word| word.replace("%s", url)).collect();
    if !command.contains("%s") {
        words.push(url.to_owned());
    }
    words
}

/// Starts a browser; `None` when there is no such program. Whether it runs in the terminal.
fn start(command: &str, url: &str) -> Option<(Child, bool)> {
    let words = words(command, url);
    let (program, arguments) = words.split_first()?;
    let name = program.rsplit('/').next().unwrap_or(program);
    let in_terminal = IN_TERMINAL.contains(&name);
    let mut browser = Command::new(program);
    browser.args(arguments);
    if !in_terminal {
        browser.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    }
    Some((browser.spawn().ok()?, in_terminal))
}

/// What stands above the message.
fn notes(reading: &Reading, missing: Option<(u64, u64)>) -> Vec<Note> {
    let sealed = reading.protection.iter().map(sealed).collect::<Vec<_>>().join(", ");
    let mut notes = vec![
        Note::Field("From", contacts(&reading.from)),
        Note::Field("Sender", sender(reading)),
        Note::Field("Reply-To", answers(reading)),
        Note::Field("To", contacts(&reading.to)),
        Note::Field("Cc", contacts(&reading.cc)),
        Note::Field("Date", date(reading)),
        Note::Field("Subject", reading.subject.clone()),
        Note::Field("Checked", reading.authentication.as_ref().map(checked).unwrap_or_default()),
        Note::Field("Sealed", sealed),
    ];
    // Pictures are in the page itself.
    let files = reading.files().filter(|part| part.attachment || part.cid.is_none());
    let files: Vec<String> = files
        .map(|part| {
            let name = part.filename.as_deref().unwrap_or("(no name)");
            format!("[{}] {name}, {}", part.part, octets(part.size as u64))
        })
        .collect();
    notes.push(Note::Field("Files", files.join("; ")));
    notes.extend(reading.warnings.iter().map(|warning| Note::Beware(caution(warning))));
    if let Some((held, size)) = missing {
        notes.push(Note::Remark(format!("{} of {} are here.", octets(held), octets(size))));
    }
    if !reading.damaged.is_empty() {
        let names: Vec<String> = reading.damaged.iter().map(super::steps::serde_word).collect();
        notes.push(Note::Remark(format!("This message is damaged: {}.", names.join(", "))));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_those_asked_for_then_those_of_the_environment_then_the_desktops() {
        assert_eq!(browsers(Some("a -b"), Some("c:d")), ["a -b"]);
        let found = browsers(None, Some("c: d %s :"));
        assert_eq!(found.get(..2), Some(&["c".to_owned(), "d %s".to_owned()][..]));
        assert_eq!((found.len(), browsers(None, None).len()), (3, 1));
    }

    #[test]
    fn the_address_stands_where_it_is_wanted() {
        assert_eq!(words("firefox --new-window", "u"), ["firefox", "--new-window", "u"]);
        assert_eq!(words("chromium --app=%s -x", "u"), ["chromium", "--app=u", "-x"]);
    }
}
