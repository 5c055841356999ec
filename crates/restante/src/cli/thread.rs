//! `restante thread`

use super::context::Context;
use super::error::Failure;
use super::list::rfc3339;
use super::message::{Name, find, named_messages};
use super::output::{json_line, print};
use super::read::{WIDTH, attachments, cautions, contacts, local, own_hosts};
use super::sync::octets;
use clap::Args;
use restante_core::mail::{Contact, Flags, SystemFlag};
use restante_core::message::{
    Defect, PartInfo, Passage, PassageKind, Reading, Warning, clean, clean_line, is_forward,
};
use restante_store::{AccountId, Row, View};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

/// Of a quote that is answered below it, this many characters of its last line are shown.
const HINT: usize = 60;

/// Read a conversation, the oldest message first, your own answers among them.
///
/// What is quoted and signatures are folded to a line that says how much it is. Any message of the conversation names it. Nothing is fetched: of a message of which too little is here, that is said.
#[derive(Debug, Args)]
pub(super) struct Thread {
    /// A message's id; `-` reads ids from standard input and shows each conversation once.
    #[arg(value_name = "ID")]
    message: Name,
    /// Show what is quoted and signatures in full.
    #[arg(long)]
    quotes: bool,
}

#[derive(Serialize)]
struct Document {
    thread: String,
    subject: String,
    messages: Vec<Message>,
}

/// A message of a conversation.
#[derive(Serialize)]
struct Message {
    id: String,
    account: String,
    mailboxes: Vec<String>,
    uid: Option<u32>,
    date: String,
    from: Vec<Contact>,
    to: Vec<Contact>,
    cc: Vec<Contact>,
    subject: String,
    flags: Vec<String>,
    /// Sent from one of the accounts.
    own: bool,
    size: u64,
    held: u64,
    /// Absent when too little of the message is here.
    text: Option<String>,
    passages: Vec<Folded>,
    parts: Vec<PartInfo>,
    warnings: Vec<Warning>,
    damaged: Vec<Defect>,
}

#[derive(Serialize)]
struct Folded {
    kind: PassageKind,
    lines: usize,
    text: String,
}

/// A message as the store has it, and as much of it as can be read.
struct Shown {
    row: Row,
    reading: Option<Reading>,
    own: bool,
}

impl Thread {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        let view = context.view()?;
        let mut seen = BTreeSet::new();
        for name in named_messages(&self.message)? {
            let rows = view.thread(find(&view, &name)?)?;
            let Some(first) = rows.first() else {
                return Err(Failure::NotFound(format!("message `{name}` is in no mailbox any more")));
            };
            if !seen.insert(first.thread) {
                continue;
            }
            if context.output.ids {
                print(&rows.iter().map(|row| format!("{}\n", row.id)).collect::<String>())?;
                continue;
            }
            let shown =
                rows.into_iter().map(|row| shown(context, &view, row)).collect::<Result<Vec<_>, _>>()?;
            self.show(context, &view, &shown, seen.len() > 1)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn show(&self, context: &Context, view: &View, shown: &[Shown], again: bool) -> Result<(), Failure> {
        if !context.output.json && !context.output.lines {
            let head = if again { "\n\n" } else { "" };
            return print(&format!("{head}{}", self.page(context, shown)));
        }
        let accounts = view.accounts()?.into_iter().map(|account| (account.id, account.name)).collect();
        let messages: Vec<Message> = shown.iter().map(|shown| message(shown, &accounts)).collect();
        if context.output.lines {
            for message in &messages {
                print(&format!("{}\n", json_line(message)?))?;
            }
            return Ok(());
        }
        let thread = shown.first().map(|first| first.row.thread.to_string()).unwrap_or_default();
        context.output.document("thread", &Document { thread, subject: subject(shown), messages })
    }

    /// The conversation as a person reads it.
    fn page(&self, context: &Context, shown: &[Shown]) -> String {
        let unread = shown.iter().filter(|shown| !flags(&shown.row).has(SystemFlag::Seen)).count();
        let subject = subject(shown);
        let title = if subject.is_empty() { "(no subject)" } else { &subject };
        let number = match shown.len() {
            1 => "1 message".to_owned(),
            number => format!("{number} messages"),
        };
        let unread = if unread > 0 { format!(", {unread} unread") } else { String::new() };
        let mut page = format!("{} ({number}{unread})\n", context.output.bold(&clean_line(title)));
        for shown in shown {
            page.push_str(&self.message(context, shown, &subject));
        }
        page
    }

    fn message(&self, context: &Context, shown: &Shown, subject: &str) -> String {
        let Shown { row, reading, own } = shown;
        let flags = flags(row);
        let rule = "-".repeat(WIDTH.saturating_sub(row.id.len() + 1));
        let mut text = context.output.dim(&format!("\n{} {rule}\n", row.id));
        let you = if *own { " (you)" } else { "" };
        let to: Vec<Contact> = row.to.iter().chain(&row.cc).cloned().collect();
        let to = if to.is_empty() { String::new() } else { format!(" to {}", contacts(&to)) };
        let unread = !flags.has(SystemFlag::Seen);
        let from = format!("{}{you}", contacts(&row.from));
        let from = clean_line(&from);
        text.push_str(&if unread { context.output.bold(&from) } else { from.into_owned() });
        text.push_str(&format!("{}\n", clean_line(&to).trim_end()));
        let mut about = vec![local(row.date)];
        about.extend(row.places.iter().map(|place| clean_line(place.name.as_str()).into_owned()));
        let marks = [
            (unread, "unread"),
            (flags.has(SystemFlag::Flagged), "starred"),
            (flags.has(SystemFlag::Answered), "answered"),
            (flags.has(SystemFlag::Draft), "draft"),
        ];
        about.extend(marks.iter().filter(|(is, _)| *is).map(|(_, word)| (*word).to_owned()));
        text.push_str(&format!("{}\n", about.join(", ")));
        if bare(&row.subject) != bare(subject) {
            text.push_str(&format!("Subject: {}\n", clean_line(&row.subject)));
        }
        let Some(reading) = reading else {
            let (held, size) = (octets(row.held), octets(row.size));
            let note = format!(
                "\n(Only the first {held} of this message are here, of {size}; `restante read {}` fetches it.)\n",
                row.id
            );
            return text + &context.output.dim(&note);
        };
        text.push_str(&cautions(context, reading));
        text.push('\n');
        text.push_str(&self.folded(context, reading));
        text.push_str(&attachments(reading));
        if !reading.damaged.is_empty() {
            let names: Vec<String> = reading.damaged.iter().map(super::steps::serde_word).collect();
            text.push_str(&context.output.dim(&format!("\nThis message is damaged: {}\n", names.join(", "))));
        }
        if row.held < row.size {
            let note = format!("\n{} of {} are here\n", octets(row.held), octets(row.size));
            text.push_str(&context.output.dim(&note));
        }
        text
    }

    /// The text with what is not its author's folded.
    fn folded(&self, context: &Context, reading: &Reading) -> String {
        let whole = clean(&reading.text);
        let whole = whole.trim_end();
        if whole.is_empty() {
            return context.output.dim("(This message has no text.)\n");
        }
        if self.quotes {
            return format!("{whole}\n");
        }
        let passages = Passage::of(whole, is_forward(&reading.subject));
        let last = passages.iter().rposition(|passage| passage.kind == PassageKind::Own);
        let mut text = String::new();
        for (at, passage) in passages.iter().enumerate() {
            let line = match passage.kind {
                PassageKind::Own => {
                    text.push_str(passage.text);
                    continue;
                }
                // What is answered below it is told by its last line.
                PassageKind::Quote if last.is_some_and(|last| at < last) => {
                    format!("… {}{}", counted(passage, "quoted"), hint(passage.text))
                }
                PassageKind::Quote => format!("… {}", counted(passage, "quoted")),
                PassageKind::Signature => format!("… {}", counted(passage, "signature")),
            };
            text.push_str(&context.output.dim(&line));
            text.push('\n');
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }
}

fn counted(passage: &Passage<'_>, what: &str) -> String {
    match passage.lines() {
        1 => format!("1 {what} line"),
        lines => format!("{lines} {what} lines"),
    }
}

/// The last words of a quote.
fn hint(quote: &str) -> String {
    let mut lines = quote.lines().rev().map(|line| line.trim_start_matches(['>', ' ']).trim());
    let Some(last) = lines.find(|line| line.chars().any(char::is_alphanumeric)) else {
        return String::new();
    };
    let length = last.chars().count();
    let start = last.chars().take(HINT).collect::<String>();
    format!(": {start}{}", if length > HINT { "…" } else { "" })
}

/// A subject without what answering and passing on put before it.
fn bare(subject: &str) -> String {
    let mut rest = subject.trim();
    while let Some((prefix, after)) = rest.split_once([':', '：']) {
        let is_prefix = (1..=4).contains(&prefix.trim().chars().count()) && !prefix.trim().contains(' ');
        if !is_prefix {
            break;
        }
        rest = after.trim();
    }
    rest.to_lowercase()
}

/// What the conversation is about: the subject it began with.
fn subject(shown: &[Shown]) -> String {
    shown
        .iter()
        .map(|shown| &shown.row.subject)
        .find(|subject| !subject.is_empty())
        .cloned()
        .unwrap_or_default()
}

/// The flags of all places together: read in one is read.
fn flags(row: &Row) -> Flags {
    row.places.iter().flat_map(|place| place.flags.names()).collect()
}

fn shown(context: &Context, view: &View, row: Row) -> Result<Shown, Failure> {
    let own_hosts = own_hosts(context, view, &row)?;
    let bytes = view.read(row.message)?;
    let reading = match row.held < row.size {
        true => Reading::read_beginning(&bytes, WIDTH, &own_hosts),
        false => Some(Reading::read_as(&bytes, WIDTH, &own_hosts)),
    };
    let accounts = context.accounts()?;
    let is_own = |address: &str| {
        let mut accounts = accounts.all().iter();
        accounts.any(|account| account.address.to_string().eq_ignore_ascii_case(address))
    };
    let own = row.from.iter().any(|contact| is_own(&contact.address));
    Ok(Shown { row, reading, own })
}

fn message(shown: &Shown, accounts: &BTreeMap<AccountId, String>) -> Message {
    let Shown { row, reading, own } = shown;
    let place = row.places.first();
    let passages =
        reading.iter().flat_map(|reading| Passage::of(&reading.text, is_forward(&reading.subject)));
    Message {
        id: row.id.clone(),
        account: place.and_then(|place| accounts.get(&place.account)).cloned().unwrap_or_default(),
        mailboxes: row.places.iter().map(|place| place.name.as_str().to_owned()).collect(),
        uid: place.map(|place| place.uid.get()),
        date: rfc3339(row.date),
        from: row.from.clone(),
        to: row.to.clone(),
        cc: row.cc.clone(),
        subject: row.subject.clone(),
        flags: flags(row).names().map(str::to_owned).collect(),
        own: *own,
        size: row.size,
        held: row.held,
        text: reading.as_ref().map(|reading| reading.text.clone()),
        passages: passages
            .map(|passage| Folded {
                kind: passage.kind,
                lines: passage.lines(),
                text: passage.text.to_owned(),
            })
            .collect(),
        parts: reading.as_ref().map(|reading| reading.parts.clone()).unwrap_or_default(),
        warnings: reading.as_ref().map(|reading| reading.warnings.clone()).unwrap_or_default(),
        damaged: reading.as_ref().map(|reading| reading.damaged.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_the_same_whoever_answers() {
        for subject in ["The roof", "Re: The roof", "AW: Re: the roof", "Fwd: The roof"] {
            assert_eq!(bare(subject), "the roof");
        }
        assert_eq!(bare("Question: the roof"), "question: the roof");
    }

    #[test]
    fn a_hint_is_the_last_words_of_what_is_answered() {
        assert_eq!(hint("Bob wrote:\n> Paid?\n> Tight?\n>\n> --\n"), ": Tight?");
        assert_eq!(hint(">\n"), "");
        assert_eq!(hint(&format!("> {}\n", "x".repeat(99))), format!(": {}…", "x".repeat(HINT)));
    }
}
