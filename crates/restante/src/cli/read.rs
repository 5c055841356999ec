//! `restante read`

use super::complete::complete;
use super::context::Context;
use super::error::Failure;
use super::list::rfc3339;
use super::message::{find, is_file, named_messages, read_file};
use super::output::{print, write};
use super::sync::octets;
use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use restante_core::mail::Contact;
use restante_core::message::{Disposition, Reading, clean, clean_line};
use serde_json::{Map, Value};
use std::process::ExitCode;

/// Lines longer than this are hard to read, however wide the terminal is.
const WIDTH: usize = 78;

/// Read a message.
///
/// Where only its beginning is here and that is not enough, the whole of it is fetched first.
#[derive(Debug, Args)]
pub(super) struct Read {
    /// A message's id, or a file; `-` reads ids from standard input and shows one message after the other.
    #[arg(value_name = "ID|FILE.eml")]
    message: String,
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

    fn show(&self, context: &Context, name: &str) -> Result<(), Failure> {
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
        let beginning = found.is_partial().then(|| Reading::read_beginning(bytes, WIDTH)).flatten();
        let reading = beginning.unwrap_or_else(|| Reading::read(bytes, WIDTH));
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
    fn content(&self, context: &Context, name: &str) -> Result<Content, Failure> {
        if is_file(name) {
            let bytes = read_file(name)?;
            return Ok(Content { id: None, size: bytes.len() as u64, bytes });
        }
        let content = Content::of(context, name)?;
        let enough = |bytes: &[u8]| {
            if self.raw {
                return false;
            }
            if self.headers {
                return header(bytes).is_some();
            }
            let reading = Reading::read_beginning(bytes, WIDTH);
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
        Ok(Self { id: row.map(|row| row.id), bytes, size })
    }

    fn is_partial(&self) -> bool {
        (self.bytes.len() as u64) < self.size
    }
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
            let name = context.output.bold(&format!("{name:<9}"));
            page.push_str(&format!("{name}{}\n", clean_line(value)));
        }
    };
    field("From:", &contacts(&reading.from));
    field("To:", &contacts(&reading.to));
    field("Cc:", &contacts(&reading.cc));
    field("Date:", &reading.date.map(local).unwrap_or_default());
    field("Subject:", &reading.subject);
    page.push('\n');
    page.push_str(clean(&reading.text).trim_end());
    page.push('\n');
    let attachments = reading
        .parts
        .iter()
        .filter(|part| part.filename.is_some() || part.disposition == Some(Disposition::Attachment));
    let mut head = "\n";
    for part in attachments {
        let name = part.filename.as_deref().unwrap_or("(no name)");
        let size = octets(part.size as u64);
        page.push_str(&format!(
            "{head}[{}] {}, {}, {size}\n",
            part.part,
            clean_line(name),
            clean_line(&part.kind)
        ));
        head = "";
    }
    if !reading.damaged.is_empty() {
        let names: Vec<String> = reading.damaged.iter().map(super::steps::serde_word).collect();
        page.push_str(&context.output.dim(&format!("\nThis message is damaged: {}\n", names.join(", "))));
    }
    page
}

/// Contacts as a header shows them.
pub(super) fn contacts(contacts: &[Contact]) -> String {
    let one = |contact: &Contact| match contact.name.as_str() {
        "" => contact.address.clone(),
        name => format!("{name} <{}>", contact.address),
    };
    contacts.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn local(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| String::new(),
        |time| time.to_zoned(TimeZone::system()).strftime("%a %d %b %Y %H:%M %Z").to_string(),
    )
}

/// The header, up to the first empty line; `None` when there is none.
fn header(message: &[u8]) -> Option<&[u8]> {
    let crlf = message.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 2);
    let lf = message.windows(2).position(|w| w == b"\n\n").map(|at| at + 1);
    let end = crlf.into_iter().chain(lf).min()?;
    message.get(..end)
}
