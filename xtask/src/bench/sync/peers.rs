//! Other programs that bring mail here, at the same mailbox.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::Result;
use testkit::lab::PASSWORD;

use super::{Bench, Cost, measure};

/// How mbsync is set up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mbsync {
    /// Without COMPRESS, which costs more than it saves on loopback, and without fsync.
    Tuned,
    /// As it comes.
    Usual,
}

impl Mbsync {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tuned => "mbsync, without COMPRESS, without fsync",
            Self::Usual => "mbsync, as it comes",
        }
    }
}

impl Bench {
    /// mbsync into a folder, which is made; a second time into the same brings what is new.
    pub(super) fn mbsync(
        &self,
        how: Mbsync,
        user: &str,
        host: &str,
        port: u16,
        store: &Path,
    ) -> Result<Cost> {
        let (ca, path) = (self.lab.ca_file(), store.display());
        let tuned = how == Mbsync::Tuned;
        let tuning = if tuned { "DisableExtension COMPRESS=DEFLATE\n" } else { "" };
        let fsync = if tuned { "FSync no\n" } else { "" };
        let config = format!(
            "{fsync}IMAPAccount lab\nHost {host}\nPort {port}\nUser {user}\nPass \"{PASSWORD}\"\nSSLType IMAPS\n\
             CertificateFile {}\n{tuning}\nIMAPStore remote\nAccount lab\n\nMaildirStore local\nPath {path}/\n\
             Inbox {path}/INBOX\nSubFolders Verbatim\n\nChannel all\nFar :remote:\nNear :local:\n\
             Pattern INBOX\nCreate Near\nSync Pull\nSyncState *\n",
            ca.display()
        );
        std::fs::create_dir_all(store)?;
        let file = store.with_extension("mbsyncrc");
        std::fs::write(&file, config)?;
        let mut command = Command::new("mbsync");
        command.args(["-q", "-c"]).arg(&file).arg("all");
        measure(&mut command, &self.place.join("log"))
    }

    /// offlineimap into a folder, which is made.
    pub(super) fn offlineimap(&self, user: &str, store: &Path) -> Result<Cost> {
        let (ca, path) = (self.lab.ca_file(), store.display());
        let config = format!(
            "[general]\naccounts = lab\nmetadata = {path}/metadata\nui = quiet\nfsync = False\n\
             [Account lab]\nlocalrepository = local\nremoterepository = remote\n\
             [Repository local]\ntype = Maildir\nlocalfolders = {path}/mail\n\
             [Repository remote]\ntype = IMAP\nreadonly = True\nremotehost = {}\nremoteport = 993\nremoteuser = {user}\n\
             remotepass = {PASSWORD}\nssl = yes\nsslcacertfile = {}\nauth_mechanisms = PLAIN, LOGIN\n\
             folderfilter = lambda name: name == 'INBOX'\n",
            super::HOST,
            ca.display()
        );
        std::fs::create_dir_all(store)?;
        let file = store.with_extension("offlineimaprc");
        std::fs::write(&file, config)?;
        let mut command = Command::new("offlineimap");
        command.args(["-o", "-u", "quiet", "-c"]).arg(&file);
        measure(&mut command, &self.place.join("log"))
    }

    /// A folder for a peer's mail that does not exist yet.
    pub(super) fn folder(&mut self, name: &str) -> PathBuf {
        self.stores += 1;
        self.place.join(format!("{name}-{}", self.stores))
    }
}
