//! The second client of every test: IMAP by hand, at whatever server a user has.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Lab, PASSWORD};
use crate::{Context, Result};

const PATIENCE: Duration = Duration::from_secs(20);

/// A logged-in IMAP connection that says what it is told to.
pub struct Client {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

impl Client {
    pub(super) fn connect(lab: &Lab, host: &str, address: Ipv4Addr, user: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(lab.ca_file())? {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect((address, 993)).context(|| format!("{address}:993"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let tls = ClientConnection::new(Arc::new(config), ServerName::try_from(host.to_owned())?)?;
        let mut client = Self { stream: BufReader::new(StreamOwned::new(tls, stream)) };
        client.until("* OK")?;
        client.ask(&format!("LOGIN {user} \"{PASSWORD}\""))?;
        Ok(client)
    }

    /// Sends a command without its tag; gives everything up to its completion.
    ///
    /// # Errors
    /// When the command is refused, or the connection ends.
    pub fn ask(&mut self, command: &str) -> Result<String> {
        self.say(format!("x {command}\r\n").as_bytes())?;
        self.completed(command)
    }

    /// Appends a message, given with its line ends.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn append(&mut self, mailbox: &str, flags: &str, message: &[u8]) -> Result<String> {
        self.say(format!("x APPEND {mailbox} ({flags}) {{{}}}\r\n", message.len()).as_bytes())?;
        self.until("+")?;
        self.say(&[message, b"\r\n"].concat())?;
        self.completed("APPEND")
    }

    /// Has the server tell by itself of new messages: by NOTIFY (RFC 5465) where it can, else by IDLE (RFC 2177) in the
    /// INBOX. Only [`Client::told`] makes sense from then on.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn attend(&mut self) -> Result<()> {
        if self.ask("CAPABILITY")?.split_whitespace().any(|word| word == "NOTIFY") {
            self.ask("NOTIFY SET (personal (MessageNew MessageExpunge))")?;
            return Ok(());
        }
        self.ask("SELECT INBOX")?;
        self.say(b"x IDLE\r\n")?;
        self.until("+")?;
        Ok(())
    }

    /// Waits until the server tells of a change.
    ///
    /// # Errors
    /// When it says nothing for 20 s, or the connection ends.
    pub fn told(&mut self) -> Result<()> {
        loop {
            let line = self.until("*")?;
            if line.starts_with("* STATUS") || line.trim_end().ends_with(" EXISTS") {
                return Ok(());
            }
        }
    }

    /// Appends a message with an INTERNALDATE, as `01-Jan-2024 10:00:00 +0000`.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub fn append_at(&mut self, mailbox: &str, date: &str, message: &[u8]) -> Result<String> {
        self.say(format!("x APPEND {mailbox} () \"{date}\" {{{}}}\r\n", message.len()).as_bytes())?;
        self.until("+")?;
        self.say(&[message, b"\r\n"].concat())?;
        self.completed("APPEND")
    }

    fn say(&mut self, bytes: &[u8]) -> Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        Ok(stream.flush()?)
    }

    fn completed(&mut self, command: &str) -> Result<String> {
        let said = self.until("x ")?;
        let last = said.lines().next_back().unwrap_or_default();
        if last.starts_with("x OK") { Ok(said) } else { Err(format!("{command}: {last}").into()) }
    }

    /// Reads up to the first line that starts with `end`. Literals are read as they are.
    fn until(&mut self, end: &str) -> Result<String> {
        let mut said = Vec::new();
        loop {
            let start = said.len();
            if self.stream.read_until(b'\n', &mut said)? == 0 {
                return Err("the server closed the connection".into());
            }
            let line = said.get(start..).unwrap_or_default();
            if line.starts_with(end.as_bytes()) {
                return Ok(String::from_utf8_lossy(&said).into_owned());
            }
            let text = String::from_utf8_lossy(line);
            let announced = text.trim_end().strip_suffix('}').and_then(|text| text.rsplit_once('{'));
            if let Some(length) = announced.and_then(|(_, length)| length.parse::<u64>().ok()) {
                self.stream.by_ref().take(length).read_to_end(&mut said)?;
            }
        }
    }
}
