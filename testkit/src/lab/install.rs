//! Which of the laboratory's programs are missing, and how to get them.

use std::path::Path;
use std::process::Command;

use super::postfix::MASTER;
use super::program;
use super::state::uid;
use crate::{Context, Result};

const POLICY: &str = "/usr/sbin/policy-rc.d";

/// The Debian packages that are missing below `root` (`/` outside tests).
pub fn missing(root: &Path) -> Vec<&'static str> {
    let at = |path: &str| root.join(path.trim_start_matches('/')).exists();
    let wanted = [
        ("dovecot-imapd", at("/usr/lib/dovecot/imap") && program(root, "dovecot")),
        ("dovecot-lmtpd", at("/usr/lib/dovecot/lmtp")),
        ("postfix", at(MASTER)),
        ("dbus", program(root, "dbus-run-session") && program(root, "dbus-daemon")),
        ("gnome-keyring", program(root, "gnome-keyring-daemon")),
        ("iproute2", program(root, "ip")),
        ("util-linux", ["unshare", "nsenter", "setpriv"].iter().all(|name| program(root, name))),
    ];
    wanted.into_iter().filter(|(_, there)| !there).map(|(package, _)| package).collect()
}

/// Installs the Debian package of a program that only some commands need, when it is missing.
pub fn install_program(name: &str, package: &'static str) -> Result<()> {
    if program(Path::new("/"), name) { Ok(()) } else { install(&[package]) }
}

/// Installs Debian packages with apt-get, as root or by way of sudo. None of the services they bring is started.
pub fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    let root = uid() == 0;
    if !program(Path::new("/"), "apt-get") || !(root || program(Path::new("/"), "sudo")) {
        return Err(format!("the laboratory needs these packages (by their Debian names): {list}").into());
    }
    eprintln!("installing {list}");
    let mut script = String::from("set -e\nexport DEBIAN_FRONTEND=noninteractive\n");
    if packages.contains(&"postfix") {
        script.push_str(
            "echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections || true\n",
        );
    }
    script.push_str(&format!(
        "if [ ! -e {POLICY} ]; then\n\
           printf '#!/bin/sh\\nexit 101\\n' > {POLICY}; chmod 755 {POLICY}; trap 'rm -f {POLICY}' EXIT\n\
         fi\n\
         apt-get update -q\n\
         apt-get install -q -y --no-install-recommends {list}\n"
    ));
    // What was not there before shall not start with the machine either.
    script.push_str("if [ -d /run/systemd/system ]; then\n  :\n");
    for (package, service) in [("dovecot-imapd", "dovecot"), ("postfix", "postfix")] {
        if packages.contains(&package) {
            script.push_str(&format!("  systemctl disable -q {service} || true\n"));
        }
    }
    script.push_str("fi\n");
    let mut command = if root {
        let mut command = Command::new("sh");
        command.args(["-c", &script]);
        command
    } else {
        let mut command = Command::new("sudo");
        command.args(["sh", "-c", &script]);
        command
    };
    let status = command.status().context(|| "cannot start apt-get".into())?;
    let left: Vec<_> = missing(Path::new("/")).into_iter().filter(|name| packages.contains(name)).collect();
    if status.success() && left.is_empty() {
        return Ok(());
    }
    Err(format!("apt-get could not install everything; install by hand: {list}").into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_missing_is_named_by_package() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        };
        assert_eq!(missing(dir.path()).len(), 7);
        put("usr/bin/unshare");
        put("usr/bin/nsenter");
        put("usr/sbin/dovecot");
        put("usr/lib/dovecot/imap");
        put("sbin/ip");
        put("usr/bin/dbus-daemon");
        put("usr/bin/dbus-run-session");
        put("usr/bin/gnome-keyring-daemon");
        assert_eq!(missing(dir.path()), ["dovecot-lmtpd", "postfix", "util-linux"]);
        put("usr/bin/setpriv");
        put("usr/lib/dovecot/lmtp");
        put("usr/lib/postfix/sbin/master");
        assert_eq!(missing(dir.path()), [] as [&str; 0]);
    }

    #[test]
    fn nothing_missing_means_nothing_done() {
        install(&[]).unwrap();
    }
}
