//! `restante read`

use super::complete::complete;
use super::context::Context;
use super::error::Failure;
use super::list::rfc3339;
use super::message::{Name, find, is_file, named_messages, read_file};
use super::output::{print, write};
use super::sync::octets;
use super::zone::zone;
use clap::Args;
use jiff::Timestamp;
use restante_core::mail::Contact;
use restante_core::message::{
    Authentication, Protected, Protection, Reading, Warning, WarningKind, clean, clean_line,
};
use restante_store::{Row, View};
use serde_json::{Map, Value};
use std::process::ExitCode;

/// Lines longer than this are hard to read, however wide the terminal is.
pub(super) const WIDTH: usize = 78;
/// The most warnings of one message that are shown.
const MAX_WARNINGS: usize = 6;

/// Read a message.
///
/// Where only its beginning is here and that is not enough, the whole of it is fetched first.
#[derive(Debug, Args)]
pub(super) struct Read {
    /// A message's id, or a file; `-` reads ids from standard input and shows one message after the other, with
    /// --json a document of each.
    #[arg(value_name = "ID|FILE.eml")]
    message: Name,
    /// The text alone.
    #[arg(long, group = "form")]
    text: bool,
    /// The HTML part, made harmless.
    #[arg(long, group = "form")]
    html: bool,
    /// Every octet as the server sent it.
    #[arg(long, group = "form")]
    raw: bool,
    /// The header as it is.
    #[arg(long, group = "form")]
    headers: bool,
}

impl Read {
    pub(super) fn run(self, context: &Context) -> Result<ExitCode, Failure> {
        for (at, name) in named_messages(&self.message)?.iter().enumerate() {
            if at > 0 && !self.raw && !context.output.json {
                print(&context.output.dim(&format!("\n{}\n\n", "-".repeat(WIDTH))))?;
            }
            self.show(context, name)?;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn show(&self, context: &Context, name: &Name) -> Result<(), Failure> {
        let found = self.content(context, name)?;
        let bytes = &found.bytes;
        if self.raw {
            write(bytes)?;
            return Ok(());
        }
        if self.headers {
            print(&clean(&String::from_utf8_lossy(header(bytes).unwrap_or(bytes))))?;
            return Ok(());
        }
        let own = &found.own;
        let beginning = found.is_partial().then(|| Reading::read_beginning(bytes, WIDTH, own)).flatten();
        let reading = beginning.unwrap_or_else(|| Reading::read_as(bytes, WIDTH, own));
        if context.output.json {
            context.output.document("read", &document(&found, &reading)?)?;
        } else if self.html {
            match &reading.html {
                Some(html) => print(&clean(html))?,
                None => return Err(Failure::NotFound("this message has no HTML part".to_owned())),
            }
        } else if self.text {
            print(&format!("{}\n", clean(&reading.text)))?;
        } else {
            print(&page(context, &reading))?;
            if found.is_partial() {
                let (held, size) = (octets(bytes.len() as u64), octets(found.size));
                let note = format!("\n{held} of {size} are here; `restante save` fetches the rest\n");
                print(&context.output.dim(&note))?;
            }
        }
        Ok(())
    }

    /// The message, or as much of it as this needs: where too little is here, the rest is fetched.
    fn content(&self, context: &Context, name: &Name) -> Result<Content, Failure> {
        if is_file(name) {
            let bytes = read_file(name)?;
            return Ok(Content { id: None, own: Vec::new(), size: bytes.len() as u64, bytes });
        }
        let content = Content::of(context, name)?;
        let enough = |bytes: &[u8]| {
            if self.raw {
                return false;
            }
            if self.headers {
                return header(bytes).is_some();
            }
            let reading = Reading::read_beginning(bytes, WIDTH, &[]);
            reading.is_some_and(|reading| !self.html || reading.html.is_some())
        };
        if !content.is_partial() || enough(&content.bytes) {
            return Ok(content);
        }
        complete(context, name)?;
        Content::of(context, name)
    }
}

/// What is here of a message.
struct Content {
    id: Option<String>,
    /// What servers of these say of it counts.
    own: Vec<String>,
    bytes: Vec<u8>,
    /// Octets of the whole message.
    size: u64,
}

impl Content {
    fn of(context: &Context, name: &str) -> Result<Self, Failure> {
        let view = context.view()?;
        let message = find(&view, name)?;
        let bytes = view.read(message)?;
        let row = view.row(message)?;
        let size = row.as_ref().filter(|row| row.held < row.size).map_or(bytes.len() as u64, |row| row.size);
        let own = row.as_ref().map(|row| own_hosts(context, &view, row)).transpose()?.unwrap_or_default();
        Ok(Self { id: row.map(|row| row.id), own, bytes, size })
    }

    fn is_partial(&self) -> bool {
        (self.bytes.len() as u64) < self.size
    }
}

/// The hosts and the domain of the accounts a message is in: what their servers say of it counts.
pub(super) fn own_hosts(context: &Context, view: &View, row: &Row) -> Result<Vec<String>, Failure> {
    let known = view.accounts()?;
    let is_here = |name: &str| {
        known.iter().any(|account| account.name == name && row.places.iter().any(|p| p.account == account.id))
    };
    let accounts = context.accounts()?;
    let mut hosts = Vec::new();
    for account in accounts.all().iter().filter(|account| is_here(&account.name)) {
        hosts.push(account.imap.host.clone());
        hosts.extend(account.smtp.iter().map(|smtp| smtp.host.clone()));
        hosts.push(account.address.to_string());
    }
    Ok(hosts)
}

/// The reading, with its id and with the date as lists print it.
fn document(found: &Content, reading: &Reading) -> Result<Map<String, Value>, Failure> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(reading) else {
        return Err(Failure::Io("the message has no JSON form".to_owned()));
    };
    fields.insert("id".to_owned(), Value::from(found.id.clone()));
    fields.insert("size".to_owned(), Value::from(found.size));
    fields.insert("held".to_owned(), Value::from(found.bytes.len()));
    fields.insert("date".to_owned(), Value::from(reading.date.map(rfc3339)));
    Ok(fields)
}

/// What a person sees: the header that matters, the text, the attachments.
fn page(context: &Context, reading: &Reading) -> String {
    let mut page = String::new();
    let mut field = |name: &str, value: &str| {
        if !value.is_empty() {
            let name = context.output.bold(&format!("{name:<8} "));
            page.push_str(&format!("{name}{}\n", clean_line(value)));
        }
    };
    field("From:", &contacts(&reading.from));
    field("Sender:", &sender(reading));
    field("Reply-To:", &answers(reading));
    field("To:", &contacts(&reading.to));
    field("Cc:", &contacts(&reading.cc));
    field("Date:", &date(reading));
    field("Subject:", &reading.subject);
    field("Checked:", &reading.authentication.as_ref().map(checked).unwrap_or_default());
    field("Sealed:", &reading.protection.iter().map(sealed).collect::<Vec<_>>().join(", "));
    page.push_str(&cautions(context, reading));
    page.push('\n');
    page.push_str(clean(&reading.text).trim_end());
    page.push('\n');
    page.push_str(&attachments(reading));
    if !reading.damaged.is_empty() {
        let names: Vec<String> = reading.damaged.iter().map(super::steps::serde_word).collect();
        page.push_str(&context.output.dim(&format!("\nThis message is damaged: {}\n", names.join(", "))));
    }
    page
}

/// When a message was written, or what it says of that when nobody can read it.
pub(super) fn date(reading: &Reading) -> String {
    reading.date.map(local).or_else(|| reading.date_text.clone()).unwrap_or_default()
}

/// Who sent a message for its author; empty when that is the author.
pub(super) fn sender(reading: &Reading) -> String {
    let is_author = |contact: &&Contact| !reading.from.iter().any(|from| is_same(from, contact));
    contacts(&reading.sender.iter().filter(is_author).cloned().collect::<Vec<_>>())
}

/// Where an answer goes; empty when that is to the author.
pub(super) fn answers(reading: &Reading) -> String {
    let (from, answers) = (&reading.from, &reading.reply_to);
    let is_among = |contact: &Contact, all: &[Contact]| all.iter().any(|other| is_same(other, contact));
    let is_author = answers.iter().all(|contact| is_among(contact, from))
        && from.iter().all(|contact| is_among(contact, answers));
    if is_author { String::new() } else { contacts(answers) }
}

fn is_same(one: &Contact, other: &Contact) -> bool {
    one.address.eq_ignore_ascii_case(&other.address)
}

/// What a person is warned of, one line each.
pub(super) fn cautions(context: &Context, reading: &Reading) -> String {
    let mut lines = String::new();
    for warning in reading.warnings.iter().take(MAX_WARNINGS) {
        lines.push_str(&format!("{} {}\n", context.output.bold("Beware:"), clean_line(&caution(warning))));
    }
    if let Some(more) = reading.warnings.len().checked_sub(MAX_WARNINGS).filter(|more| *more > 0) {
        lines.push_str(&format!("{} {more} more like these\n", context.output.bold("Beware:")));
    }
    lines
}

/// The attachments below a text, one line each after an empty one.
pub(super) fn attachments(reading: &Reading) -> String {
    let mut lines = String::new();
    let mut head = "\n";
    for part in reading.files() {
        let name = part.filename.as_deref().unwrap_or("(no name)");
        // Nobody knows its size before the rest is here.
        let size = if part.cut { "at least " } else { "" };
        let size = format!("{size}{}", octets(part.size as u64));
        lines.push_str(&format!(
            "{head}[{}] {}, {}, {size}\n",
            part.part,
            clean_line(name),
            clean_line(&part.kind)
        ));
        head = "";
    }
    let other = reading.parts.iter().find(|part| Some(&part.part) == reading.other_text.as_ref());
    if let Some(part) = other {
        let size = octets(part.size as u64);
        let part_kind = clean_line(&part.kind);
        lines.push_str(&format!("{head}[{}] (another text), {part_kind}, {size}\n", part.part));
    }
    lines
}

/// What the own provider found out about the sender.
pub(super) fn checked(found: &Authentication) -> String {
    let result = |name: &str, result: &Option<String>| result.as_ref().map(|word| format!("{name} {word}"));
    let results = [result("SPF", &found.spf), result("DKIM", &found.dkim), result("DMARC", &found.dmarc)];
    let results: Vec<String> = results.into_iter().flatten().collect();
    match (results.is_empty(), found.server.as_str()) {
        (true, _) => String::new(),
        (false, "") => results.join(", "),
        (false, server) => format!("{}, says {server}", results.join(", ")),
    }
}

pub(super) fn sealed(found: &Protection) -> String {
    let what = match found.state {
        Protected::Signed => "signed",
        Protected::Encrypted => "encrypted",
    };
    format!("{what} with {} (part {}), not verified", found.method.name(), found.part)
}

/// A warning as a sentence.
pub(super) fn caution(warning: &Warning) -> String {
    let Warning { kind, place, shown, actual } = warning;
    match kind {
        WarningKind::NameShowsAnotherAddress => {
            format!("the name in {place} shows {shown}, the address is {actual}")
        }
        WarningKind::MixedScripts => format!("{shown} in {place} mixes letters of scripts that look alike"),
        WarningKind::LookAlikeDomain => {
            format!("the domain {shown} in {place} is written with foreign letters; it is {actual}")
        }
        WarningKind::LinkShowsAnotherHost => format!("a link shows {shown} and leads to {actual}"),
        WarningKind::AnswerGoesElsewhere => {
            format!("the message says it is from {shown}, an answer goes to {actual}")
        }
        WarningKind::HiddenCharacters => {
            format!("characters that hide or reorder others were in {place}: {shown}")
        }
    }
}

/// Contacts as a header shows them.
pub(super) fn contacts(contacts: &[Contact]) -> String {
    let one = |contact: &Contact| match contact.name.as_str() {
        "" => contact.address.clone(),
        name => format!("{name} <{}>", contact.address),
    };
    contacts.iter().map(one).collect::<Vec<_>>().join(", ")
}

pub(super) fn local(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| String::new(),
        |time| time.to_zoned(zone()).strftime("%a %d %b %Y %H:%M %Z").to_string(),
    )
}

/// The header, up to the first empty line; `None` when there is none.
fn header(message: &[u8]) -> Option<&[u8]> {
    let crlf = message.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 2);
    let lf = message.windows(2).position(|w| w == b"\n\n").map(|at| at + 1);
    let end = crlf.into_iter().chain(lf).min()?;
    message.get(..end)
}
