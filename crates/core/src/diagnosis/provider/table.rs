//! The rows. One provider a row; a fact without a page that says so does not belong here.

use super::{Access, Advice, Provider, Server, TwoStep, UserName};
use crate::settings::Security::{StartTls, Tls};

const fn full(host: &'static str, port: u16, security: crate::settings::Security) -> Server {
    Server { host, port, security, user_name: UserName::Address }
}

pub(super) const ALL: &[Provider] = &[
    Provider {
        name: "Gmail",
        domains: &["gmail.com", "googlemail.com"],
        exchanges: &["google.com", "googlemail.com"],
        servers: &["gmail.com", "googlemail.com"],
        imap: &[full("imap.gmail.com", 993, Tls)],
        smtp: &[full("smtp.gmail.com", 465, Tls), full("smtp.gmail.com", 587, StartTls)],
        access: Access::Password,
        two_step: TwoStep::Always(Advice {
            say: "Google takes no account password from mail programs: turn two-step verification on, then \
                  create an app password and use it here.",
            link: "https://myaccount.google.com/apppasswords",
        }),
        switch: None,
        checked: "2026-11",
        source: "https://support.google.com/accounts/answer/185833",
    },
    Provider {
        name: "Proton",
        domains: &["proton.me", "protonmail.com", "protonmail.ch", "pm.me"],
        exchanges: &["protonmail.ch"],
        servers: &[],
        imap: &[],
        smtp: &[],
        access: Access::Bridge(Advice {
            say: "Proton needs its Bridge program on this machine (paid plans only). When it runs, use the \
                  password it shows and --imap 127.0.0.1:1143/starttls --smtp 127.0.0.1:1025/starttls, with its \
                  certificate in --ca-file.",
            link: "https://proton.me/mail/bridge",
        }),
        two_step: TwoStep::Unknown,
        switch: None,
        checked: "2026-11",
        source: "https://proton.me/mail/bridge",
    },
    Provider {
        name: "Tuta",
        domains: &["tuta.com", "tuta.io", "tutanota.com", "tutanota.de", "tutamail.com", "keemail.me"],
        exchanges: &["tutanota.de"],
        servers: &[],
        imap: &[],
        smtp: &[],
        access: Access::Bridge(Advice {
            say: "Tuta has no IMAP and no bridge: only its own programs can read this mail.",
            link: "https://tuta.com/support",
        }),
        two_step: TwoStep::Unknown,
        switch: None,
        checked: "2026-11",
        source: "https://tuta.com/support",
    },
    Provider {
        name: "HEY",
        domains: &["hey.com"],
        exchanges: &["app.hey.com"],
        servers: &[],
        imap: &[],
        smtp: &[],
        access: Access::Bridge(Advice {
            say: "HEY has no IMAP and no bridge: only its own programs can read this mail.",
            link: "https://help.hey.com",
        }),
        two_step: TwoStep::Unknown,
        switch: None,
        checked: "2026-11",
        source: "https://help.hey.com",
    },
];
