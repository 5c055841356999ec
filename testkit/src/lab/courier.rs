//! Courier, from unpacked packages: any full address is a user, whose Maildir appears with the first login or mail.
//!
//! Courier asks another process who somebody is. That process is ours here (see [`answer_logins`]), so that every
//! address is a user; the IMAP server, its TLS and its five seconds of thought over a wrong password are Courier's.
//!
//! What a client meets here and not at Dovecot: mailboxes below `INBOX.`, nothing but INBOX to begin with, no
//! special uses, no LITERAL+, no CONDSTORE, `NO Login failed.` without a response code.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::PASSWORD;
use super::cyrus::ACCOUNT;
use super::net::Net;
use super::postfix::account;
use super::state::State;
use super::unpack::Programs;
use crate::{Context, Result};

const LONGEST_QUESTION: usize = 4096;

/// Writes what Courier reads below `courier/`.
pub(crate) fn prepare(state: &State) -> Result<()> {
    let dir = state.courier();
    for name in ["run/authdaemon", "log"] {
        fs::create_dir_all(dir.join(name)).context(|| format!("cannot create {}", dir.display()))?;
    }
    let (user, group) = account(ACCOUNT)?;
    // Postfix delivers as that account, and must find the place it may write to.
    let homes = state.home("@courier.test");
    fs::create_dir_all(&homes)?;
    chown(&homes, Some(user), Some(group))?;
    // Its programs want an account of this name; in their mount namespace they find one.
    for (table, line) in [
        ("passwd", format!("courier:x:{user}:{group}::/:/bin/false")),
        ("group", format!("courier:x:{group}:")),
    ] {
        let text = fs::read_to_string(Path::new("/etc").join(table))?;
        fs::write(dir.join(table), format!("{text}\n{line}\n"))?;
    }
    let (key, chain) = (state.ca().join("good.key"), state.ca().join("good.pem"));
    let pem = dir.join("imapd.pem");
    fs::write(&pem, fs::read_to_string(key)? + &fs::read_to_string(chain)?)?;
    chown(&pem, Some(user), Some(group))?;
    fs::set_permissions(&pem, fs::Permissions::from_mode(0o600))
        .context(|| format!("cannot write below {}", dir.display()))
}

/// Starts the servers for 143 and 993 as children of one shell.
pub(crate) fn start(state: &State, net: Net) -> Result<Child> {
    use std::os::unix::process::CommandExt;
    // gam_server tells waiting connections (IDLE) of new mail.
    // 993: without these two it would ask for STARTTLS inside TLS.
    const SCRIPT: &str = r#"set -e
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/group" /etc/group
mount -t tmpfs tmpfs /run
mkdir /run/courier
mount --bind "$1/run" /run/courier
trap 'kill $(jobs -p); exit 0' TERM
setpriv --reuid "$ACCOUNT" --regid "$ACCOUNT" --clear-groups "$2/usr/libexec/gam_server" --notimeout '' &
serve() {
  port=$1; shift
  "$PROGRAMS/usr/sbin/couriertcpd" -address="$ADDRESS" -maxprocs=100 -maxperip=100 -nodnslookup -noidentlookup \
    -stderr="$LOG" "$port" "$@" "$PROGRAMS/usr/lib/courier/courier/imaplogin" "$PROGRAMS/usr/bin/imapd" Maildir &
}
ADDRESS=$3 PROGRAMS=$2 LOG=$1/log/imapd.log
serve 143
export IMAP_TLS=1 IMAP_STARTTLS=NO IMAP_TLS_REQUIRED=0
serve 993 "$COURIERTLS" -server -tcpd
wait"#;
    const CAPABILITY: &str =
        "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE";
    let dir = state.courier();
    let programs = Programs::of(state, "courier");
    let out = fs::File::create(dir.join("log/out.log"))?;
    let settings = [
        ("IMAP_CAPABILITY", CAPABILITY.to_owned()),
        ("IMAP_CAPABILITY_TLS", format!("{CAPABILITY} AUTH=PLAIN")),
        ("IMAP_KEYWORDS", "1".into()),
        ("IMAP_ACL", "1".into()),
        ("IMAP_IDLE_TIMEOUT", "60".into()),
        ("IMAP_MAILBOX_SANITY_CHECK", "1".into()),
        ("IMAP_DISABLETHREADSORT", "0".into()),
        ("IMAP_CHECK_ALL_FOLDERS", "0".into()),
        ("IMAP_OBSOLETE_CLIENT", "0".into()),
        ("IMAP_UMASK", "022".into()),
        ("IMAP_USELOCKS", "1".into()),
        ("IMAP_ENHANCEDIDLE", "1".into()),
        ("IMAP_TRASHFOLDERNAME", "Trash".into()),
        ("IMAP_MOVE_EXPUNGE_TO_TRASH", "0".into()),
        ("IMAP_STARTTLS", "YES".into()),
        ("IMAP_TLS_REQUIRED", "1".into()),
        ("COURIERTLS", programs.path("usr/bin/couriertls").display().to_string()),
        ("TLS_CERTFILE", dir.join("imapd.pem").display().to_string()),
        ("TLS_VERIFYPEER", "NONE".into()),
        ("MAILDIRPATH", "Maildir".into()),
        ("AUTHMODULES", "authdaemon".into()),
        ("ACCOUNT", ACCOUNT.into()),
        ("LD_LIBRARY_PATH", programs.libraries()),
    ];
    Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "unshare", "--mount", "sh", "-c", SCRIPT, "sh"])
        .arg(&dir)
        .arg(programs.path(""))
        .arg(net.courier().to_string())
        .envs(settings)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
        .context(|| "cannot start Courier".into())
}

/// Answers Courier's questions about users, for as long as the runtime lives, and writes down who tried to log in.
pub(crate) fn answer_logins(state: &State) -> Result<()> {
    let path = state.courier().join("run/authdaemon/socket");
    let listener = UnixListener::bind(&path).context(|| format!("cannot listen on {}", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;
    let log = fs::File::create(attempts(state))?;
    let state = state.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (state, log) = (state.clone(), log.try_clone());
            tokio::spawn(async move {
                if let (Err(error), Ok(mut log)) = (answer(stream, &state).await, log) {
                    let _ = writeln!(log, "error {error}");
                }
            });
        }
    });
    Ok(())
}

/// One line, `USER`, for each attempt to log in.
pub(crate) fn attempts(state: &State) -> PathBuf {
    state.courier().join("log/attempts.log")
}

/// The question is `AUTH LENGTH` and so many bytes: service, kind, and for the kind `login` user and password, a
/// line each. Lines about the connection may precede it.
async fn answer(mut stream: UnixStream, state: &State) -> Result<()> {
    let mut question = Vec::new();
    let rest = loop {
        if question.len() > LONGEST_QUESTION || stream.read_buf(&mut question).await? == 0 {
            return Err("a question that is none".into());
        }
        if let Some(rest) = whole(&question) {
            break rest;
        }
    };
    let mut lines = rest.lines().skip(1);
    let (kind, user, password) = (
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
    );
    let mut log = fs::File::options().append(true).open(attempts(state))?;
    writeln!(log, "{user}")?;
    let reply = if kind == "login" && password == PASSWORD && is_address(user) {
        let (uid, gid) = account(ACCOUNT)?;
        let maildir = create(state, user)?;
        let home = state.home(user);
        format!(
            "UID={uid}\nGID={gid}\nHOME={}\nADDRESS={user}\nMAILDIR={}\nOPTIONS=\n.\n",
            home.display(),
            maildir.display()
        )
    } else {
        "FAIL\n".into()
    };
    Ok(stream.write_all(reply.as_bytes()).await?)
}

/// What follows the line `AUTH LENGTH`, once all of it is there.
fn whole(question: &[u8]) -> Option<String> {
    let text = str::from_utf8(question).ok()?;
    let at = text.find("AUTH ")?;
    let (length, rest) = text.get(at + 5..)?.split_once('\n')?;
    rest.get(..length.trim().parse().ok()?).map(str::to_owned)
}

fn is_address(user: &str) -> bool {
    let good = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains('/');
    user.split_once('@').is_some_and(|(name, domain)| good(name) && good(domain))
}

/// Puts a message into the INBOX, as a delivery agent does.
pub(crate) fn deliver(state: &State, address: &str, message: &[u8]) -> Result<()> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let address = address.to_ascii_lowercase();
    if !is_address(&address) {
        return Err(format!("{address} is no address").into());
    }
    let maildir = create(state, &address)?;
    let (uid, gid) = account(ACCOUNT)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    let name = format!("{now}.{}_{}.lab", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = maildir.join("tmp").join(&name);
    fs::write(&path, message).context(|| format!("cannot write {}", path.display()))?;
    chown(&path, Some(uid), Some(gid))?;
    Ok(fs::rename(&path, maildir.join("new").join(&name))?)
}

/// The user's Maildir, which is there afterwards.
fn create(state: &State, user: &str) -> Result<PathBuf> {
    let (uid, gid) = account(ACCOUNT)?;
    let home = state.home(user);
    let maildir = home.join("Maildir");
    let domain = home.parent().unwrap_or(&home).to_owned();
    let all = [domain, home, maildir.clone(), maildir.join("cur"), maildir.join("new"), maildir.join("tmp")];
    for folder in all {
        match fs::create_dir(&folder) {
            Ok(()) => chown(&folder, Some(uid), Some(gid))?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(format!("cannot create {}: {error}", folder.display()).into()),
        }
    }
    Ok(maildir)
}

#[cfg(test)]
mod tests {
    use super::{is_address, whole};

    #[test]
    fn a_question_is_read_once_it_is_whole() {
        let question = b"TCPREMOTEIP=::1\nAUTH 17\nimap\nlogin\na\nb c\n";
        assert_eq!(whole(question).as_deref(), Some("imap\nlogin\na\nb c\n"));
        assert_eq!(whole(&question[..question.len() - 1]), None);
        assert_eq!(whole(b"AUTH 16"), None);
    }

    #[test]
    fn no_user_name_leads_out_of_the_homes() {
        assert!(is_address("ann+x@courier.test"));
        for name in ["ann", "../x@y.test", "a@../b", "a/b@c.test", "@c.test", ".@c.test", "a@"] {
            assert!(!is_address(name), "{name}");
        }
    }
}
