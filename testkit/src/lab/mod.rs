//! The laboratory: real servers in a network of their own.
//!
//! `cargo xtask lab up` starts one, `cargo xtask test` runs every test inside a fresh one. A test takes its handle
//! with [`Lab::current`], invents users with [`Lab::fresh_user`] (every full address is a user, its password is
//! [`PASSWORD`]), and asks the servers' own logs what was tried.
//!
//! Dovecot has the mail of every domain but two: `cyrus.test` is at Cyrus, `courier.test` at Courier. Postfix takes
//! submissions of everybody. [`SPECIAL_USERS`] and [`Lab::refuse_with`] make logins fail; the domains where a
//! server itself is at fault, with their ports:
#![doc = include_str!("faults.md")]
//! The ready domains are listed in [`DOMAINS`]; a test may add its own with [`Lab::zone`] and [`Lab::document`].

mod browser;
mod ca;
mod client;
mod courier;
mod cyrus;
mod dns;
mod domains;
mod dovecot;
mod faults;
mod holder;
mod install;
mod launch;
mod log;
mod net;
mod odd;
mod policy;
mod postfix;
mod state;
mod unpack;
mod web;

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub use browser::{Browser, Everybody, Visit};
pub use ca::Variant;
pub use client::Client;
pub use domains::{DOMAINS, Domain, autoconfig};
pub use dovecot::SPECIAL_USERS;
pub use holder::serve;
pub use install::{install, install_program, missing};
pub use launch::{Mode, down, run, running, up};
pub use log::{LoginAttempts, Request};
pub use net::Net;
pub use postfix::MESSAGE_SIZE_LIMIT;
pub use state::{State, uid};
pub use unpack::unpack;

use crate::mail::{Plan, maildir};
use crate::{Context, Result};

/// The password of every user.
pub const PASSWORD: &str = "correct horse";

/// The environment variable that names the state folder inside a laboratory.
pub const VARIABLE: &str = "RESTANTE_LAB";

/// The user and group that own all mail when the laboratory runs as root. No such account needs to exist.
pub(crate) const MAIL_UID: u32 = 5000;

/// A running laboratory.
#[derive(Clone, Debug)]
pub struct Lab {
    state: State,
    net: Net,
    mode: Mode,
}

impl Lab {
    /// The laboratory this process runs in.
    ///
    /// # Panics
    ///
    /// Outside a laboratory, so that a test which needs one fails there instead of passing unseen.
    pub fn current() -> Self {
        let Some(dir) = std::env::var_os(VARIABLE) else {
            panic!(
                "this test talks to real servers and must run inside the laboratory: use `cargo xtask test`, \
                 or `cargo xtask lab run -- cargo nextest run -p PACKAGE`"
            );
        };
        match Self::open(State::at(PathBuf::from(dir))) {
            Ok(lab) => lab,
            Err(error) => panic!("{VARIABLE} names a laboratory that does not run: {error}"),
        }
    }

    /// The running laboratory with this state folder.
    pub fn open(state: State) -> Result<Self> {
        let path = state.description();
        let text = std::fs::read_to_string(&path).context(|| format!("cannot read {}", path.display()))?;
        let json: serde_json::Value = serde_json::from_str(&text)?;
        let prefix: Vec<u8> = json["prefix"]
            .as_array()
            .map(|bytes| bytes.iter().filter_map(|byte| u8::try_from(byte.as_u64()?).ok()).collect())
            .unwrap_or_default();
        let prefix = <[u8; 3]>::try_from(prefix).map_err(|_| format!("{} is damaged", path.display()))?;
        let mode = json["mode"].as_str().and_then(Mode::from_name).ok_or("unknown mode")?;
        Ok(Self { state, net: Net::from_prefix(prefix), mode })
    }

    /// The folder with everything the servers write.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// How far the laboratory is its own world.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Who answers where.
    pub fn net(&self) -> Net {
        self.net
    }

    /// The root certificate to trust, PEM.
    pub fn ca_file(&self) -> PathBuf {
        self.state.ca().join("root.pem")
    }

    /// The laboratory's DNS server.
    pub fn dns(&self) -> SocketAddr {
        (IpAddr::from(self.net.dns()), 53).into()
    }

    /// A user nobody else has used: `user-…@domain`. Its mailbox is empty and appears with the first login.
    pub fn fresh_user(&self, domain: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        let process = std::process::id();
        format!("user-{now:x}-{process:x}-{}@{domain}", NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Hands a message to the user's server, as if it had just arrived. Lines may end in LF or CRLF.
    pub fn deliver(&self, address: &str, message: &[u8]) -> Result<()> {
        match Server::of(address) {
            Server::Dovecot => lmtp(self.net.mail(), address, message),
            Server::Cyrus => lmtp(self.net.cyrus(), address, message),
            Server::Courier => courier::deliver(&self.state, address, message),
        }
    }

    /// Another client of this user, logged in to the user's server.
    pub fn client(&self, address: &str) -> Result<Client> {
        let (host, server) = match Server::of(address) {
            Server::Dovecot => ("imap.autoconfig.test", self.net.mail()),
            Server::Cyrus => ("imap.cyrus.test", self.net.cyrus()),
            Server::Courier => ("imap.courier.test", self.net.courier()),
        };
        self.client_at(host, server, address)
    }

    /// Another client of this user at a server of one's choice, e.g. `imap.limit.test` and [`Net::limit`].
    pub fn client_at(&self, host: &str, server: Ipv4Addr, user: &str) -> Result<Client> {
        Client::connect(self, host, server, user).context(|| host.into())
    }

    /// From now on Dovecot refuses this user's right password with these words: `NO [ALERT] …`. They begin with a
    /// response code. A wrong password is refused as ever. Postfix refuses with the same words: `535 5.7.8 Error: authentication failed: …`.
    pub fn refuse_with(&self, user: &str, words: &str) -> Result<()> {
        if !words.starts_with('[') || words.contains(['\r', '\n']) {
            return Err(format!("Dovecot would put [ALERT] in front of {words:?}").into());
        }
        state::write_atomically(&policy::refusal(&self.state, user), words.as_bytes())
    }

    /// Runs `doveadm ARGS` and gives what it printed: a second client of users at Dovecot.
    /// For example `["flags", "add", "-u", user, "\\Seen", "mailbox", "INBOX", "uid", "1"]`.
    pub fn doveadm(&self, args: &[&str]) -> Result<String> {
        dovecot::doveadm(&self.state.dovecot(), args, b"")
    }

    /// Puts a message into any mailbox, as another client's APPEND would. The mailbox must exist.
    pub fn save(&self, address: &str, mailbox: &str, message: &[u8]) -> Result<()> {
        dovecot::doveadm(&self.state.dovecot(), &["save", "-u", address, "-m", mailbox], message).map(drop)
    }

    /// How many messages a mailbox holds, by Dovecot's own account.
    pub fn count(&self, address: &str, mailbox: &str) -> Result<usize> {
        let said = self.doveadm(&["-f", "tab", "mailbox", "status", "-u", address, "messages", mailbox])?;
        let number = said.lines().nth(1).and_then(|line| line.split('\t').next_back());
        number
            .and_then(|number| number.trim().parse().ok())
            .ok_or_else(|| format!("no mailbox {mailbox:?}: doveadm said {said:?}").into())
    }

    /// Writes generated mail straight into a user's mailboxes, fast; gives the number of bytes written.
    /// Use a fresh user: mailboxes Dovecot has open already learn of it late.
    pub fn fill(&self, address: &str, plan: &Plan) -> Result<u64> {
        let home = self.state.home(address);
        let owner = (uid() == 0).then_some(MAIL_UID);
        maildir::write(&home, owner, plan)
    }

    /// How often somebody tried to log in as this user, counted in the servers' own logs.
    pub fn login_attempts(&self, address: &str) -> Result<LoginAttempts> {
        let dovecot = self.state.dovecot().join("log/dovecot.log");
        // Postfix asks Dovecot about everybody.
        let found = log::login_attempts(&dovecot, |text| log::dovecot(text, address))?;
        let imap = |path: PathBuf, count: fn(&str, &str) -> usize| {
            log::login_attempts(&path, |text| LoginAttempts { imap: count(text, address), smtp: found.smtp })
        };
        match Server::of(address) {
            Server::Dovecot => Ok(found),
            Server::Cyrus => imap(self.state.cyrus().join("log/cyrus.log"), log::cyrus),
            Server::Courier => imap(courier::attempts(&self.state), log::courier),
        }
    }

    /// Every HTTP request so far, oldest first.
    pub fn requests(&self) -> Result<Vec<Request>> {
        log::requests(&self.state.requests())
    }

    /// Creates or replaces a zone; a record a line: `imap A 127.0.10.1`, `_imaps._tcp SRV 0 1 993 imap.x.test`.
    /// `@` is the domain itself. `!servfail` and `!silent` are lines of their own.
    pub fn zone(&self, domain: &str, records: &str) -> Result<()> {
        dns::check(domain, records)?;
        state::write_atomically(&self.state.zones().join(domain), records.as_bytes())
    }

    /// Serves `body` at `https://host/path`. The host also needs an address in a zone.
    pub fn document(&self, host: &str, path: &str, body: &str) -> Result<()> {
        self.put("https", host, path, body)
    }

    /// Serves `body` at `http://host/path`.
    pub fn plain_document(&self, host: &str, path: &str, body: &str) -> Result<()> {
        self.put("http", host, path, body)
    }

    /// Serves a whole answer at `scheme://host/path`, e.g. 302 and `["Location: https://…"]`.
    pub fn answer(
        &self,
        scheme: &str,
        host: &str,
        path: &str,
        status: u16,
        fields: &[&str],
        body: &str,
    ) -> Result<()> {
        let mut text = format!("{status}\n");
        for field in fields {
            text.push_str(field);
            text.push('\n');
        }
        text.push('\n');
        text.push_str(body);
        self.put(scheme, host, &format!("{path}.http"), &text)
    }

    /// Chooses the certificate `https://host` shows from now on.
    pub fn certificate(&self, host: &str, variant: Variant) -> Result<()> {
        let path = self.state.dir().join("tls").join(host);
        state::write_atomically(&path, variant.name().as_bytes())
    }

    fn put(&self, scheme: &str, host: &str, path: &str, body: &str) -> Result<()> {
        let path = self.state.web(scheme).join(host).join(path.trim_start_matches('/'));
        state::write_atomically(&path, body.as_bytes())
    }
}

/// Asks until the answer is there; fails with `what` when it is not after ten seconds.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> Result<T> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = ask() {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(format!("waited ten seconds for this: {what}").into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Which server has a user's mail.
#[derive(Clone, Copy)]
enum Server {
    Dovecot,
    Cyrus,
    Courier,
}

impl Server {
    fn of(address: &str) -> Self {
        match address.rsplit_once('@').map_or("", |(_, domain)| domain) {
            domain if domain.eq_ignore_ascii_case("cyrus.test") => Self::Cyrus,
            domain if domain.eq_ignore_ascii_case("courier.test") => Self::Courier,
            _ => Self::Dovecot,
        }
    }
}

/// Delivers by LMTP (RFC 2033).
fn lmtp(server: Ipv4Addr, recipient: &str, message: &[u8]) -> Result<()> {
    let stream = TcpStream::connect((server, 24)).context(|| format!("cannot reach {server} by LMTP"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut lmtp = Lmtp { reader: BufReader::new(stream) };
    lmtp.expect("220")?;
    lmtp.ask("LHLO lab.test", "250")?;
    lmtp.ask("MAIL FROM:<sender@autoconfig.test>", "250")?;
    lmtp.ask(&format!("RCPT TO:<{recipient}>"), "250")?;
    lmtp.ask("DATA", "354")?;
    let mut data = Vec::with_capacity(message.len() + 1024);
    let body = message.strip_suffix(b"\n").unwrap_or(message);
    for line in body.split(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            data.push(b'.');
        }
        data.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        data.extend_from_slice(b"\r\n");
    }
    data.extend_from_slice(b".\r\n");
    lmtp.reader.get_mut().write_all(&data)?;
    lmtp.expect("250")
}

struct Lmtp {
    reader: BufReader<TcpStream>,
}

impl Lmtp {
    fn ask(&mut self, line: &str, code: &str) -> Result<()> {
        self.reader.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
        self.expect(code).context(|| line.to_owned())
    }

    fn expect(&mut self, code: &str) -> Result<()> {
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line)? == 0 {
                return Err("the server closed the LMTP connection".into());
            }
            if !line.starts_with(code) {
                return Err(format!("the server said by LMTP: {}", line.trim_end()).into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}

/// Whether a program can be found, on the path or in the folders of a system administrator.
pub(crate) fn program(root: &Path, name: &str) -> bool {
    ["usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin"]
        .iter()
        .any(|folder| root.join(folder).join(name).exists())
}
