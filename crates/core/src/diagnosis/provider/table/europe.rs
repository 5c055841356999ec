//! Providers of Europe.

use super::super::{Advice, Provider, Server, TwoStep};
use super::{full, local};
use crate::settings::Security::{StartTls, Tls};

#[rustfmt::skip]
pub(super) const GMX: Provider = Provider {
    name: "GMX",
    domains: &[
        "gmx.net", "gmx.de", "gmx.at", "gmx.ch", "gmx.eu", "gmx.biz", "gmx.org", "gmx.info",
    ],
    exchanges: &["gmx.net"],
    servers: &["gmx.net"],
    imap: &[full("imap.gmx.net", 993, Tls), full("imap.gmx.net", 143, StartTls)],
    smtp: &[full("mail.gmx.net", 465, Tls), full("mail.gmx.net", 587, StartTls)],
    two_step: TwoStep::AppPassword(Advice {
        say: "With two-step sign-in on, GMX wants an application-specific password: create it in the \
              account's security settings and use it here.",
        link: "https://hilfe.gmx.net/sicherheit/2fa/anwendungsspezifisches-passwort.html",
    }),
    switch: Some(Advice {
        say: "Switch POP3/IMAP on in GMX's web mail, in a desktop browser: it is off for new accounts, and \
              GMX switches it off again when it was long unused.",
        link: "https://hilfe.gmx.net/pop-imap/einschalten.html",
    }),
    checked: "2026-11",
    source: "https://hilfe.gmx.net/pop-imap/einschalten.html",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const GMX_COM: Provider = Provider {
    name: "GMX",
    domains: &[
        "gmx.com", "gmx.tm", "gmx.us", "gmx.co.uk", "gmx.es", "gmx.fr", "gmx.ca", "gmx.cn",
        "gmx.co.in", "gmx.com.br", "gmx.com.my", "gmx.hk", "gmx.ie", "gmx.ph", "gmx.pt", "gmx.ru",
        "gmx.se", "gmx.sg", "gmx.tw", "gmx.com.tr", "gmx.it", "gmx.li",
    ],
    exchanges: &["gmx.com"],
    servers: &["gmx.com"],
    imap: &[full("imap.gmx.com", 993, Tls), full("imap.gmx.com", 143, StartTls)],
    smtp: &[full("mail.gmx.com", 465, Tls), full("mail.gmx.com", 587, StartTls)],
    two_step: TwoStep::AppPassword(Advice {
        say: "With two-step sign-in on, GMX wants an application-specific password: create it in the \
              account's security settings and use it here.",
        link: "https://support.gmx.com/pop-imap/imap/imap.html",
    }),
    switch: Some(Advice {
        say: "Switch POP3/IMAP on in GMX's web mail, in a desktop browser: it is off for new accounts, and \
              GMX switches it off again when it was long unused.",
        link: "https://support.gmx.com/pop-imap/imap/imap.html",
    }),
    checked: "2026-11",
    source: "https://support.gmx.com/pop-imap/imap/imap.html",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const WEB_DE: Provider = Provider {
    name: "WEB.DE",
    domains: &[
        "web.de", "email.de", "flirt.ms", "hallo.ms", "kuss.ms", "love.ms", "magic.ms", "singles.ms",
        "cool.ms", "kanzler.ms", "okay.ms", "party.ms", "pop.ms", "stars.ms", "techno.ms", "clever.ms",
        "deutschland.ms", "genial.ms", "ich.ms", "online.ms", "smart.ms", "wichtig.ms", "action.ms",
        "fussball.ms", "joker.ms", "planet.ms", "power.ms",
    ],
    exchanges: &["web.de"],
    servers: &["web.de"],
    imap: &[local("imap.web.de", 993, Tls), local("imap.web.de", 143, StartTls)],
    smtp: &[local("smtp.web.de", 465, Tls), local("smtp.web.de", 587, StartTls)],
    two_step: TwoStep::AppPassword(Advice {
        say: "With two-step sign-in on, WEB.DE wants an application-specific password: create it in the \
              account's security settings and use it here.",
        link: "https://web.de/email/sicherheit/zwei-faktor-authentifizierung/",
    }),
    switch: Some(Advice {
        say: "Switch POP3/IMAP on in WEB.DE's web mail, in a desktop browser: it is off for new accounts, \
              and WEB.DE switches it off again when it was long unused.",
        link: "https://hilfe.web.de/pop-imap/einschalten.html",
    }),
    checked: "2026-11",
    source: "https://hilfe.web.de/pop-imap/einschalten.html",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const T_ONLINE: Provider = Provider {
    name: "T-Online",
    domains: &["t-online.de", "magenta.de"],
    exchanges: &["t-online.de"],
    servers: &["t-online.de"],
    imap: &[full("secureimap.t-online.de", 993, Tls)],
    smtp: &[full("securesmtp.t-online.de", 465, Tls), full("securesmtp.t-online.de", 587, StartTls)],
    two_step: TwoStep::Always(Advice {
        say: "T-Online wants its separate e-mail password from mail programs, not the one of the web mail: \
              set it in the customer centre and use it here.",
        link: "https://www.telekom.de/hilfe/apps-dienste/e-mail/programme/passwort-verwalten",
    }),
    source: "https://www.telekom.de/hilfe/apps-dienste/e-mail/programme/passwort-verwalten",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const FREENET: Provider = Provider {
    name: "freenet Mail",
    domains: &["freenet.de"],
    exchanges: &["freenet.de"],
    servers: &["freenet.de"],
    imap: &[full("mx.freenet.de", 993, Tls), full("mx.freenet.de", 143, StartTls)],
    smtp: &[full("mx.freenet.de", 465, Tls), full("mx.freenet.de", 587, StartTls)],
    switch: Some(Advice {
        say: "POP3/IMAP/SMTP is off for new accounts: switch it on in freenet's web mail.",
        link: "https://www.freenet.de/index.html",
    }),
    source: "https://www.freenet.de/index.html",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const POSTEO: Provider = Provider {
    name: "Posteo",
    domains: &[
        "posteo.de", "posteo.af", "posteo.at", "posteo.be", "posteo.ca", "posteo.ch", "posteo.cl",
        "posteo.co", "posteo.co.uk", "posteo.com", "posteo.com.br", "posteo.cr", "posteo.cz",
        "posteo.dk", "posteo.ee", "posteo.es", "posteo.eu", "posteo.fi", "posteo.gl", "posteo.gr",
        "posteo.hn", "posteo.hr", "posteo.hu", "posteo.ie", "posteo.in", "posteo.is", "posteo.it",
        "posteo.jp", "posteo.la", "posteo.li", "posteo.lt", "posteo.lu", "posteo.me", "posteo.mx",
        "posteo.my", "posteo.net", "posteo.nl", "posteo.no", "posteo.nz", "posteo.org", "posteo.pe",
        "posteo.pl", "posteo.pm", "posteo.pt", "posteo.ro", "posteo.ru", "posteo.se", "posteo.sg",
        "posteo.si", "posteo.tn", "posteo.uk", "posteo.us",
    ],
    exchanges: &["posteo.de"],
    servers: &["posteo.de"],
    imap: &[full("posteo.de", 993, Tls), full("posteo.de", 143, StartTls)],
    smtp: &[full("posteo.de", 465, Tls), full("posteo.de", 587, StartTls)],
    two_step: TwoStep::AppPassword(Advice {
        say: "Posteo may want an app password from mail programs: look in its settings, under Password and \
              security.",
        link: "https://posteo.de/en/help",
    }),
    switch: Some(Advice {
        say: "\"Additional email account protection\" in Posteo's settings closes IMAP and SMTP: switch it off \
              there.",
        link: "https://posteo.de/en/help/activating-additional-email-account-protection",
    }),
    checked: "2026-11",
    source: "https://posteo.de/en/help/activating-additional-email-account-protection",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const MAILBOX_ORG: Provider = Provider {
    name: "mailbox.org",
    domains: &["mailbox.org", "secure.mailbox.org"],
    exchanges: &["mailbox.org"],
    servers: &["mailbox.org"],
    imap: &[full("imap.mailbox.org", 993, Tls)],
    smtp: &[full("smtp.mailbox.org", 465, Tls), full("smtp.mailbox.org", 587, StartTls)],
    two_step: TwoStep::AppPassword(Advice {
        say: "With two-step sign-in on, mailbox.org wants an app password: create it under All settings > \
              Security and use it here. Accounts with the older one-time passwords may have IMAP closed \
              altogether; the same page tells.",
        link: "https://kb.mailbox.org/en/private/security-and-privacy/e-mail-password",
    }),
    checked: "2026-11",
    source: "https://kb.mailbox.org/en/private/e-mail/e-mail-configuration",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const KOLAB_NOW: Provider = Provider {
    name: "Kolab Now",
    domains: &["kolabnow.com", "kolabnow.ch", "mykolab.com", "mykolab.ch"],
    exchanges: &["kolabnow.com", "mykolab.com"],
    servers: &["kolabnow.com", "mykolab.com"],
    imap: &[full("imap.kolabnow.com", 993, Tls)],
    smtp: &[full("smtp.kolabnow.com", 587, StartTls)],
    two_step: TwoStep::Blocks(Advice {
        say: "If two-factor authentication is on, turn it off for this user in the Kolab Now cockpit: it \
              closes IMAP and every other way but the web mail, and there are no app passwords. If it is off, \
              check the password in the web mail.",
        link: "https://kb.kolabnow.com/documentation/two-factor-authentication-2fa-at-kolab-now",
    }),
    checked: "2026-11",
    source: "https://kb.kolabnow.com/documentation/two-factor-authentication-2fa-at-kolab-now",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const MIGADU: Provider = Provider {
    name: "Migadu",
    domains: &["migadu.com"],
    exchanges: &["migadu.com"],
    servers: &["migadu.com"],
    imap: &[full("imap.migadu.com", 993, Tls)],
    smtp: &[full("smtp.migadu.com", 465, Tls), full("smtp.migadu.com", 587, StartTls)],
    source: "https://www.migadu.com/",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const INFOMANIAK: Provider = Provider {
    name: "Infomaniak",
    domains: &["ik.me", "ikmail.com", "etik.com"],
    exchanges: &["infomaniak.ch", "infomaniak.com"],
    servers: &["infomaniak.com"],
    imap: &[full("mail.infomaniak.com", 993, Tls)],
    smtp: &[full("mail.infomaniak.com", 465, Tls), full("mail.infomaniak.com", 587, StartTls)],
    two_step: TwoStep::AppPassword(Advice {
        say: "Infomaniak gives every mail program its own password, and the account's password does not \
              work: add a device to the mail address in the Manager and use the password it shows.",
        link: "https://www.infomaniak.com/en/support/faq/1321/modifying-the-email-address-password-from-the-mail-hosting",
    }),
    checked: "2026-11",
    source: "https://www.infomaniak.com/en/support/faq/1321/modifying-the-email-address-password-from-the-mail-hosting",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const OVH: Provider = Provider {
    name: "OVHcloud",
    domains: &["ovh.net"],
    exchanges: &["mail.ovh.net", "mail.ovh.ca"],
    servers: &["ovh.net", "ovh.ca"],
    imap: &[full("ssl0.ovh.net", 993, Tls)],
    smtp: &[full("ssl0.ovh.net", 465, Tls), full("ssl0.ovh.net", 587, StartTls)],
    source: "https://www.ovhcloud.com/it/web-hosting/mxplan-migration/",
    ..Provider::BARE
};

/// IONOS in one country. An account lives in one country's servers.
const fn ionos(
    domains: &'static [&'static str],
    exchanges: &'static [&'static str],
    servers: &'static [&'static str],
    imap: &'static [Server],
    smtp: &'static [Server],
) -> Provider {
    Provider {
        name: "IONOS",
        domains,
        exchanges,
        servers,
        imap,
        smtp,
        two_step: TwoStep::AppPassword(Advice {
            say: "With two-step sign-in on, IONOS wants an app password: create it in the web mail under Login \
                  & Security and use it here.",
            link: "https://www.ionos.com/help/email/using-webmail/email-activate-and-configure-two-step-verification",
        }),
        checked: "2026-11",
        source: "https://www.ionos.com/help/email/using-webmail/email-activate-and-configure-two-step-verification",
        ..Provider::BARE
    }
}

#[rustfmt::skip]
pub(super) const IONOS_DE: Provider = ionos(
    &[
        "online.de", "onlinehome.de", "sofortstart.de", "sofort-start.de", "sofortsurf.de",
        "sofort-surf.de", "go4more.de", "kundenserver.de", "schlund.de",
    ],
    &["ionos.de", "kundenserver.de", "1und1.de"],
    &["ionos.de", "1und1.de"],
    &[full("imap.ionos.de", 993, Tls)],
    &[full("smtp.ionos.de", 465, Tls), full("smtp.ionos.de", 587, StartTls)],
);

#[rustfmt::skip]
pub(super) const IONOS: Provider = ionos(
    &[],
    &["ionos.com", "1and1.com", "perfora.net"],
    &["ionos.com"],
    &[full("imap.ionos.com", 993, Tls)],
    &[full("smtp.ionos.com", 465, Tls), full("smtp.ionos.com", 587, StartTls)],
);

#[rustfmt::skip]
pub(super) const IONOS_UK: Provider = ionos(
    &[],
    &["ionos.co.uk"],
    &["ionos.co.uk"],
    &[full("imap.ionos.co.uk", 993, Tls)],
    &[full("smtp.ionos.co.uk", 465, Tls), full("smtp.ionos.co.uk", 587, StartTls)],
);

#[rustfmt::skip]
pub(super) const IONOS_FR: Provider = ionos(
    &[],
    &["ionos.fr"],
    &["ionos.fr"],
    &[full("imap.ionos.fr", 993, Tls)],
    &[full("smtp.ionos.fr", 465, Tls), full("smtp.ionos.fr", 587, StartTls)],
);

#[rustfmt::skip]
pub(super) const IONOS_ES: Provider = ionos(
    &[],
    &["ionos.es"],
    &["ionos.es"],
    &[full("imap.ionos.es", 993, Tls)],
    &[full("smtp.ionos.es", 465, Tls), full("smtp.ionos.es", 587, StartTls)],
);

#[rustfmt::skip]
pub(super) const IONOS_IT: Provider = ionos(
    &[],
    &["ionos.it"],
    &["ionos.it"],
    &[full("imap.ionos.it", 993, Tls)],
    &[full("smtp.ionos.it", 465, Tls), full("smtp.ionos.it", 587, StartTls)],
);

#[rustfmt::skip]
pub(super) const STRATO: Provider = Provider {
    name: "STRATO",
    domains: &["strato.de", "rzone.de"],
    exchanges: &["rzone.de"],
    servers: &["strato.de", "strato.com"],
    imap: &[full("imap.strato.de", 993, Tls)],
    smtp: &[full("smtp.strato.de", 465, Tls), full("smtp.strato.de", 587, StartTls)],
    source: "https://www.strato.de/faq/mail/externes-e-mail-programm-mit-strato-e-mail-adresse-nutzen/",
    ..Provider::BARE
};
