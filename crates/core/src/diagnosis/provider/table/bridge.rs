//! Providers without IMAP of their own.

use super::super::{Access, Advice, Provider};

pub(super) const PROTON: Provider = Provider {
    name: "Proton",
    domains: &["proton.me", "protonmail.com", "protonmail.ch", "pm.me"],
    exchanges: &["protonmail.ch"],
    access: Access::Bridge(Advice {
        say: "Proton needs its Bridge program on this machine (paid plans only). When it runs, use the \
              password it shows and --imap 127.0.0.1:1143/starttls --smtp 127.0.0.1:1025/starttls, with its \
              certificate in --ca-file.",
        link: "https://proton.me/mail/bridge",
    }),
    source: "https://proton.me/mail/bridge",
    ..Provider::BARE
};

pub(super) const TUTA: Provider = Provider {
    name: "Tuta",
    domains: &["tuta.com", "tuta.io", "tutanota.com", "tutanota.de", "tutamail.com", "keemail.me"],
    exchanges: &["tutanota.de"],
    access: Access::Bridge(Advice {
        say: "Tuta has no IMAP and no bridge: only its own programs can read this mail.",
        link: "https://tuta.com/support",
    }),
    source: "https://tuta.com/support",
    ..Provider::BARE
};

pub(super) const HEY: Provider = Provider {
    name: "HEY",
    domains: &["hey.com"],
    exchanges: &["app.hey.com"],
    access: Access::Bridge(Advice {
        say: "HEY has no IMAP and no bridge: only its own programs can read this mail.",
        link: "https://help.hey.com",
    }),
    source: "https://help.hey.com",
    ..Provider::BARE
};
