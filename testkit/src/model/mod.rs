//! An honest IMAP server in memory (IMAP4rev1, IMAP4rev2 and the extensions of [`Config`]), for tests that need to
//! see both sides.
//!
//! ```
//! # async fn example() -> testkit::Result<()> {
//! use testkit::model::{Config, Model};
//!
//! let model = Model::new(Config::qresync());
//! model.edit(|server| server.deliver("INBOX", &["\\Seen"], b"Subject: one\r\n\r\n"));
//! let (near, far) = tokio::io::duplex(1 << 16);
//! let client = async { drop(near) };
//! tokio::join!(client, model.serve(far));
//! # Ok(())
//! # }
//! ```
//!
//! Any number of connections share one [`Server`]. What each of them has been told is kept per connection, and what
//! changed is found by comparing, so that a sequence number never means two messages. Nothing depends on the time of
//! day or on chance. [`Server::fault`] and [`Server::at`] make it lie, fail and change at chosen moments; without
//! them it does what the standards say. It shares no code with what it tests.

mod append;
mod copy;
mod date;
mod fault;
mod fetch;
mod input;
mod labels;
mod limit;
mod list;
mod mailboxes;
mod name;
mod notify;
mod search;
mod select;
mod server;
mod session;
mod set;
mod state;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

pub use fault::{Fault, Moment};
pub use server::Server;
pub use state::{Flags, Mailbox, Message};

use input::{Input, Next};
use session::Session;

/// What a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    capabilities: BTreeSet<String>,
    /// Of those: what clients are not told.
    concealed: BTreeSet<String>,
    /// The hierarchy delimiter.
    pub delimiter: char,
    /// The password of whoever logs in.
    pub password: String,
    /// What NAMESPACE is answered with.
    pub namespaces: String,
    /// The most octets that may be stored, where QUOTA is offered.
    pub room: u64,
    /// Clients are greeted with PREAUTH and need no login.
    pub preauth: bool,
}

impl Config {
    /// RFC 3501 and nothing else.
    pub fn plain() -> Self {
        Self {
            capabilities: BTreeSet::new(),
            concealed: BTreeSet::new(),
            delimiter: '/',
            password: crate::lab::PASSWORD.into(),
            namespaces: "((\"\" \"/\")) NIL NIL".into(),
            room: 1 << 30,
            preauth: true,
        }
    }

    /// With modification sequences, and what mostly comes with them.
    pub fn condstore() -> Self {
        Self::plain().with("CONDSTORE ENABLE ESEARCH LIST-EXTENDED LIST-STATUS UIDPLUS MOVE UNSELECT ID")
    }

    /// With everything that today's Dovecot has of [`Config::everything`].
    pub fn qresync() -> Self {
        Self::condstore().with(
            "QRESYNC LITERAL+ IDLE NOTIFY MULTIAPPEND NAMESPACE SPECIAL-USE CREATE-SPECIAL-USE STATUS=SIZE",
        )
    }

    /// As Gmail: mailboxes are labels. Give the test server its `\\All` and `\\Trash` with [`Server::mark`].
    pub fn labels() -> Self {
        Self::condstore().with("IDLE LITERAL- NAMESPACE SPECIAL-USE X-GM-EXT-1")
    }

    /// With everything that is modelled.
    pub fn everything() -> Self {
        Self::qresync().with("IMAP4rev2 OBJECTID UIDONLY UTF8=ACCEPT")
    }

    /// With these capabilities too, separated by spaces.
    #[must_use]
    pub fn with(mut self, capabilities: &str) -> Self {
        self.capabilities.extend(capabilities.split(' ').map(str::to_owned));
        self
    }

    /// Without these capabilities, separated by spaces.
    #[must_use]
    pub fn without(mut self, capabilities: &str) -> Self {
        self.capabilities.retain(|capability| capabilities.split(' ').all(|without| without != capability));
        self
    }

    /// Does as one with these capabilities, and does not tell.
    #[must_use]
    pub fn concealing(mut self, capabilities: &str) -> Self {
        self.concealed.extend(capabilities.split(' ').map(str::to_owned));
        self.with(capabilities)
    }

    /// Whether a capability is offered.
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }

    /// What follows the `=` of a capability.
    pub fn value(&self, capability: &str) -> Option<&str> {
        self.capabilities.iter().find_map(|offered| offered.strip_prefix(capability)?.strip_prefix('='))
    }

    fn line(&self) -> String {
        let all: Vec<&str> = self.capabilities.difference(&self.concealed).map(String::as_str).collect();
        format!("IMAP4rev1 AUTH=PLAIN SASL-IR {}", all.join(" ")).trim_end().to_owned()
    }
}

/// A server in memory; its clones are the same server.
#[derive(Clone)]
pub struct Model(Arc<Shared>);

struct Shared {
    server: Mutex<Server>,
    /// Wakes connections that listen.
    changes: watch::Sender<u64>,
}

impl Model {
    /// A server with an empty INBOX.
    pub fn new(config: Config) -> Self {
        Self::of(Server::new(config))
    }

    /// Another server with the same mailboxes and messages, to begin from the same once more. It has none of
    /// the faults and plans of this one, and has not been asked for anything.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self::of(self.server().copy())
    }

    fn of(server: Server) -> Self {
        Self(Arc::new(Shared { server: Mutex::new(server), changes: watch::Sender::new(0) }))
    }

    /// Looks at the server, or changes it behind the clients' backs.
    pub fn edit<T>(&self, work: impl FnOnce(&mut Server) -> T) -> T {
        let mut server = self.server();
        let done = work(&mut server);
        server.settle_labels();
        drop(server);
        self.0.changes.send_modify(|change| *change += 1);
        done
    }

    /// Serves one connection to its end. Everything the client wrote is carried out, even when it is gone
    /// before the answer.
    pub async fn serve<S: AsyncRead + AsyncWrite>(&self, stream: S) {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut changes = self.0.changes.subscribe();
        let mut session = Session::default();
        let mut input = Input::default();
        let mut buffer = vec![0; 1 << 16];
        let mut gone = false;
        session.greet(&self.server().config);
        loop {
            loop {
                let octets = std::mem::take(&mut session.out);
                let cut = self.server().faults.cut(octets.len() as u64);
                let allowed = cut.map_or(octets.len(), |cut| usize::try_from(cut).unwrap_or(usize::MAX));
                gone = gone || writer.write_all(&octets[..allowed.min(octets.len())]).await.is_err();
                if cut.is_some() || session.closing {
                    let _ = writer.shutdown().await;
                    return;
                }
                match input.next() {
                    Next::More => break,
                    Next::Ask => session.say("+ go on"),
                    Next::Command(command) => self.edit(|server| session.carry_out(server, &command)),
                }
            }
            changes.mark_unchanged();
            tokio::select! {
                read = reader.read(&mut buffer) => match read {
                    Ok(count) if count > 0 => input.push(&buffer[..count]),
                    _ => return,
                },
                Ok(()) = changes.changed(), if session.listens() => session.hear(&mut self.server()),
            }
        }
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.0.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
