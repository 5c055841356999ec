//! Dovecot with a configuration of its own: any full address is a user, and a few names are special.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::ca::Variant;
use super::net::Net;
use super::policy;
use super::state::{State, uid};
use super::{MAIL_UID, PASSWORD};
use crate::{Context, Result};

/// Names (the part before the `@`, in any domain) with a fate of their own.
///
/// - `disabled`: the right password is refused like a wrong one (`[AUTHENTICATIONFAILED]`);
/// - `suspended`: the right password is answered by `[CONTACTADMIN]` and a reason;
/// - `unavailable`: the server cannot check the password now (`[UNAVAILABLE]`);
/// - `full`: logs in, but only 64 KiB of mail fit (`[OVERQUOTA]`).
pub const SPECIAL_USERS: [&str; 4] = ["disabled", "suspended", "unavailable", "full"];

/// Writes the configuration below `dovecot/`.
pub(crate) fn prepare(state: &State, net: Net) -> Result<()> {
    let dir = state.dovecot();
    for name in ["run", "state", "log"] {
        fs::create_dir_all(dir.join(name)).context(|| format!("cannot create {}", dir.display()))?;
    }
    let homes = state.dir().join("home");
    fs::create_dir_all(&homes)?;
    let root = uid() == 0;
    if root {
        chown(&homes, Some(MAIL_UID), Some(MAIL_UID))?;
    }
    for path in [state.dir(), &dir, &dir.join("run"), &homes] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    }
    fs::write(dir.join("denied"), "disabled:\n")?;
    fs::write(
        dir.join("special"),
        format!(
            "suspended:{{PLAIN}}{PASSWORD}::::::nodelay=y nologin=y reason=suspended:invoice-4711-is-unpaid\n"
        ),
    )?;
    // Looked up by the constant `any`, so it fits every user; the static driver allows no blank in a password.
    fs::write(dir.join("everybody"), format!("any:{{PLAIN}}{PASSWORD}::::::nodelay=y\n"))?;
    let owner = if root { MAIL_UID } else { uid() };
    fs::write(dir.join("small"), format!("full::{owner}:{owner}::::userdb_quota_rule=*:storage=64K\n"))?;
    let path = dir.join("dovecot.conf");
    fs::write(&path, configuration(state, net, root)).context(|| format!("cannot write {}", path.display()))
}

/// Starts the master in the foreground, as a child in a process group of its own.
pub(crate) fn start(state: &State) -> Result<Child> {
    use std::os::unix::process::CommandExt;
    let out = fs::File::create(state.dovecot().join("log/out.log"))?;
    Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "dovecot", "-F", "-c"])
        .arg(state.dovecot().join("dovecot.conf"))
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
        .context(|| "cannot start dovecot".into())
}

fn configuration(state: &State, net: Net, root: bool) -> String {
    let dir = state.dovecot();
    let (d, ca, home) = (dir.display(), state.ca(), state.dir().join("home"));
    let (ca, home) = (ca.display(), home.display());
    let mail = net.mail();
    let users = if root { drop_privileges() } else { keep_identity() };
    let variants = [
        (net.expired(), Variant::Expired),
        (net.wrong_name(), Variant::WrongName),
        (net.self_signed(), Variant::SelfSigned),
        (net.untrusted(), Variant::Untrusted),
        (net.no_intermediate(), Variant::NoIntermediate),
        (net.not_yet(), Variant::NotYet),
    ];
    let mut listen = format!("{mail}");
    for address in [net.limit(), net.old_tls(), net.no_auth(), net.dead_auth(), net.small(), net.rejects()] {
        listen.push_str(&format!(" {address}"));
    }
    let mut locals = String::new();
    for (address, variant) in variants {
        listen.push_str(&format!(" {address}"));
        let name = variant.name();
        locals.push_str(&format!(
            "local {address} {{\n  ssl_cert = <{ca}/{name}.pem\n  ssl_key = <{ca}/{name}.key\n}}\n"
        ));
    }
    let no_tls = net.no_tls();
    locals.push_str(&format!("local {no_tls} {{\n  ssl = no\n}}\n"));
    let limit = net.limit();
    locals.push_str(&format!("local {limit} {{\n  mail_max_userip_connections = 1\n}}\n"));
    // Dovecot cannot be told to stop at TLS 1.1, but these ciphers are those of that time; the one for TLS 1.3
    // is known to nobody.
    let old = net.old_tls();
    locals.push_str(&format!(
        "local {old} {{\n  ssl_min_protocol = TLSv1\n  ssl_cipher_list = ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0\n  \
         ssl_cipher_suites = TLS_AES_128_CCM_8_SHA256\n}}\n"
    ));
    let swapped = net.swapped();
    let policy = policy::PORT;
    // auth_debug: its lines are what counts login attempts.
    // denied/never: a path that cannot be opened is a password database that is out of order.
    // auth_failure_delay: even at 0 most failures are answered at the next tick of half a second.
    // auth_policy_check_after_auth: without it the policy makes SCRAM lose the server's last message.
    // anvil-auth-penalty: without this every failed login makes the next one from the same address slower.
    format!(
        r#"# Written by the laboratory, anew for every start.
base_dir = {d}/run
state_dir = {d}/state
instance_name = restante-lab
log_path = {d}/log/dovecot.log
log_timestamp = "%Y-%m-%d %H:%M:%S.%{{usecs}} "
auth_verbose = yes
auth_debug = yes
protocols = imap lmtp
listen = {mail}
{users}
first_valid_uid = 1
ssl = yes
ssl_cert = <{ca}/good.pem
ssl_key = <{ca}/good.key
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = yes
auth_mechanisms = plain login cram-md5 scram-sha-256
auth_failure_delay = 0
mail_max_userip_connections = 50
auth_policy_server_url = http://{mail}:{policy}/
auth_policy_hash_nonce = laboratory
auth_policy_check_before_auth = no
auth_policy_check_after_auth = yes
auth_policy_report_after_auth = no
auth_policy_reject_on_fail = no

passdb {{
  driver = passwd-file
  deny = yes
  args = username_format=%Ln {d}/denied
}}
passdb {{
  driver = passwd-file
  args = username_format=%Ln {d}/special
}}
passdb {{
  driver = passwd-file
  username_filter = unavailable@*
  args = username_format=%Ln {d}/denied/never
}}
passdb {{
  driver = passwd-file
  username_filter = !unavailable@*
  args = username_format=any {d}/everybody
}}
userdb {{
  driver = passwd-file
  args = username_format=%Ln {d}/small
  default_fields = home={home}/%Ld/%Ln
}}
userdb {{
  driver = static
  args = home={home}/%Ld/%Ln allow_all_users=yes
}}

mail_location = maildir:~/Maildir
mail_plugins = quota zlib notify
mail_fsync = never
mailbox_list_index = yes
mail_always_cache_fields = body.snippet
recipient_delimiter = +
submission_host = {mail}:587
protocol imap {{
  mail_plugins = $mail_plugins imap_quota imap_zlib
}}
protocol lmtp {{
  postmaster_address = postmaster@autoconfig.test
}}
lmtp_rcpt_check_quota = yes
plugin {{
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=5G
  quota_exceeded_message = Quota exceeded (mailbox for user is full)
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Drafts {{
    special_use = \Drafts
    auto = subscribe
  }}
  mailbox Sent {{
    special_use = \Sent
    auto = subscribe
  }}
  mailbox Trash {{
    special_use = \Trash
    auto = subscribe
  }}
  mailbox Junk {{
    special_use = \Junk
    auto = subscribe
  }}
  mailbox Archive {{
    special_use = \Archive
    auto = subscribe
  }}
}}
service imap-login {{
  inet_listener imap {{
    address = {listen} {no_tls}
    port = 143
  }}
  inet_listener imaps {{
    address = {listen}
    port = 993
    ssl = yes
  }}
  inet_listener swapped {{
    address = {swapped}
    port = 993
  }}
  inet_listener swapped_tls {{
    address = {swapped}
    port = 143
    ssl = yes
  }}
  service_count = 0
  process_min_avail = 1
  client_limit = 2000
}}
service imap {{
  process_limit = 300
  process_min_avail = 1
}}
service lmtp {{
  inet_listener lmtp {{
    address = {mail}
    port = 24
  }}
  unix_listener lmtp {{
    mode = 0666
  }}
}}
service auth {{
  inet_listener {{
    address = {mail}
    port = 12345
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
{locals}"#
    )
}

fn drop_privileges() -> String {
    format!("mail_uid = {MAIL_UID}\nmail_gid = {MAIL_UID}")
}

/// Without root every process stays the user who started it, and nothing can be locked away by chroot.
fn keep_identity() -> String {
    let name = |flag: &str| {
        let out = Command::new("id").arg(flag).output().map(|out| out.stdout).unwrap_or_default();
        String::from_utf8_lossy(&out).trim().to_owned()
    };
    let (user, group) = (name("-un"), name("-gn"));
    let (user_id, group_id) = (name("-u"), name("-g"));
    let mut text = format!(
        "default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n\
         mail_uid = {user_id}\nmail_gid = {group_id}\n"
    );
    for service in ["anvil", "imap-login", "stats", "imap-urlauth-login"] {
        text.push_str(&format!("service {service} {{\n  chroot =\n}}\n"));
    }
    text
}

/// Runs `doveadm` against this laboratory's Dovecot.
pub(crate) fn doveadm(dir: &Path, args: &[&str], input: &[u8]) -> Result<String> {
    use std::io::Write;
    let mut child = Command::new("doveadm")
        .arg("-c")
        .arg(dir.join("dovecot.conf"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context(|| "cannot start doveadm".into())?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input)?;
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("doveadm {}: {}", args.join(" "), said.trim()).into())
}
