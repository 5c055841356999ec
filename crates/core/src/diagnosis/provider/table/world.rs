//! Providers that serve the whole world.

use super::super::{Access, Advice, Provider, TwoStep};
use super::{full, local};
use crate::settings::Security::{StartTls, Tls};

#[rustfmt::skip]
pub(super) const GMAIL: Provider = Provider {
    name: "Gmail",
    domains: &["gmail.com", "googlemail.com"],
    exchanges: &["google.com", "googlemail.com"],
    servers: &["gmail.com", "googlemail.com"],
    greetings: &["gimap ready"],
    imap: &[full("imap.gmail.com", 993, Tls)],
    smtp: &[full("smtp.gmail.com", 465, Tls), full("smtp.gmail.com", 587, StartTls)],
    two_step: TwoStep::Always(Advice {
        say: "Google takes no account password from mail programs: turn two-step verification on, then \
              create an app password and use it here. An administrator of a company's domain may forbid that.",
        link: "https://myaccount.google.com/apppasswords",
    }),
    checked: "2026-11",
    source: "https://support.google.com/accounts/answer/185833",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const OUTLOOK: Provider = Provider {
    name: "Outlook.com",
    domains: &[
        "hotmail.com", "live.com", "msn.com", "outlook.com", "windowslive.com", "outlook.at",
        "outlook.be", "outlook.cl", "outlook.cz", "outlook.de", "outlook.dk", "outlook.es",
        "outlook.fr", "outlook.hu", "outlook.ie", "outlook.in", "outlook.it", "outlook.jp",
        "outlook.kr", "outlook.lv", "outlook.my", "outlook.ph", "outlook.pt", "outlook.sa",
        "outlook.sg", "outlook.sk", "outlook.co.id", "outlook.co.il", "outlook.co.th",
        "outlook.com.ar", "outlook.com.au", "outlook.com.br", "outlook.com.gr", "outlook.com.tr",
        "outlook.com.vn", "hotmail.be", "hotmail.ca", "hotmail.cl", "hotmail.cz", "hotmail.de",
        "hotmail.dk", "hotmail.es", "hotmail.fi", "hotmail.fr", "hotmail.gr", "hotmail.hu",
        "hotmail.it", "hotmail.lt", "hotmail.lv", "hotmail.my", "hotmail.nl", "hotmail.no",
        "hotmail.ph", "hotmail.rs", "hotmail.se", "hotmail.sg", "hotmail.sk", "hotmail.co.id",
        "hotmail.co.il", "hotmail.co.in", "hotmail.co.jp", "hotmail.co.kr", "hotmail.co.th",
        "hotmail.co.uk", "hotmail.co.za", "hotmail.com.ar", "hotmail.com.au", "hotmail.com.br",
        "hotmail.com.hk", "hotmail.com.tr", "hotmail.com.tw", "hotmail.com.vn", "live.at", "live.be",
        "live.ca", "live.cl", "live.cn", "live.de", "live.dk", "live.fi", "live.fr", "live.hk",
        "live.ie", "live.in", "live.it", "live.jp", "live.nl", "live.no", "live.ru", "live.se",
        "live.co.jp", "live.co.kr", "live.co.uk", "live.co.za", "live.com.ar", "live.com.au",
        "live.com.mx", "live.com.my", "live.com.ph", "live.com.pt", "live.com.sg", "livemail.tw",
    ],
    exchanges: &["olc.protection.outlook.com"],
    servers: &["smtp-mail.outlook.com", "imap-mail.outlook.com"],
    imap: &[full("outlook.office365.com", 993, Tls)],
    smtp: &[full("smtp-mail.outlook.com", 587, StartTls)],
    access: Access::OAuth(Advice {
        say: "Microsoft takes no password from mail programs, app passwords included: use a token command with \
              --auth xoauth2. IMAP must also be on in Outlook's settings, under Forwarding and IMAP.",
        link: "https://support.microsoft.com/office/d088b986-291d-42b8-9564-9c414e2aa040",
    }),
    switch: Some(Advice {
        say: "Switch IMAP on in Outlook's settings, under Forwarding and IMAP.",
        link: "https://outlook.live.com/mail/options/mail/popImap",
    }),
    source: "https://support.microsoft.com/office/d088b986-291d-42b8-9564-9c414e2aa040",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const MICROSOFT_365: Provider = Provider {
    name: "Microsoft 365",
    domains: &["office365.com", "onmicrosoft.com"],
    exchanges: &["protection.outlook.com", "mx.microsoft"],
    servers: &["office365.com", "outlook.com"],
    imap: &[full("outlook.office365.com", 993, Tls)],
    smtp: &[full("smtp.office365.com", 587, StartTls)],
    access: Access::OAuth(Advice {
        say: "Microsoft takes no password from mail programs, app passwords included: use a token command with \
              --auth xoauth2. The organisation's administrator must allow IMAP and the program.",
        link: "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/deprecation-of-basic-authentication-exchange-online",
    }),
    source: "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/deprecation-of-basic-authentication-exchange-online",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const AOL: Provider = Provider {
    name: "AOL",
    domains: &[
        "aol.com", "aim.com", "netscape.net", "netscape.com", "compuserve.com", "cs.com",
        "wmconnect.com", "aol.de", "aol.it", "aol.fr", "aol.es", "aol.se", "aol.co.uk", "aol.co.nz",
        "aol.com.au", "aol.com.ar", "aol.com.br", "aol.com.mx",
    ],
    exchanges: &["gm0.yahoodns.net"],
    servers: &["aol.com"],
    imap: &[full("imap.aol.com", 993, Tls)],
    smtp: &[full("smtp.aol.com", 465, Tls), full("smtp.aol.com", 587, StartTls)],
    two_step: TwoStep::Always(Advice {
        say: "AOL takes no account password from mail programs: create an app password on the account \
              security page and use it here.",
        link: "https://login.aol.com/account/security",
    }),
    source: "https://help.aol.com/articles/how-do-i-use-other-email-applications-to-send-and-receive-my-aol-mail",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const YAHOO: Provider = Provider {
    name: "Yahoo",
    domains: &[
        "yahoo.com", "yahoo.ca", "yahoo.de", "yahoo.it", "yahoo.fr", "yahoo.es", "yahoo.se",
        "yahoo.co.in", "yahoo.co.uk", "yahoo.co.nz", "yahoo.com.au", "yahoo.com.ar", "yahoo.com.br",
        "yahoo.com.mx", "ymail.com", "myyahoo.com", "rocketmail.com", "yahoo.com.hk", "yahoo.com.sg",
        "yahoo.com.ph", "yahoo.co.id", "yahoo.ie", "yahoo.gr", "yahoo.ro", "yahoo.pl", "yahoo.no",
        "yahoo.dk", "yahoo.fi", "yahoo.nl", "yahoo.be", "yahoo.at",
    ],
    exchanges: &["yahoodns.net"],
    servers: &["mail.yahoo.com"],
    imap: &[full("imap.mail.yahoo.com", 993, Tls)],
    smtp: &[full("smtp.mail.yahoo.com", 465, Tls), full("smtp.mail.yahoo.com", 587, StartTls)],
    two_step: TwoStep::Always(Advice {
        say: "Yahoo takes no account password from mail programs: create an app password on the account \
              security page and use it here.",
        link: "https://login.yahoo.com/account/security",
    }),
    checked: "2026-11",
    source: "https://help.yahoo.com/kb/new-mail-for-desktop/imap-server-settings-yahoo-mail-sln4075.html",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const ICLOUD: Provider = Provider {
    name: "iCloud",
    domains: &["icloud.com", "me.com", "mac.com"],
    exchanges: &["mail.icloud.com"],
    servers: &["mail.me.com"],
    greetings: &["iscream"],
    imap: &[local("imap.mail.me.com", 993, Tls)],
    smtp: &[full("smtp.mail.me.com", 587, StartTls)],
    two_step: TwoStep::Always(Advice {
        say: "Apple takes no account password from mail programs: create an app-specific password for the \
              Apple Account and use it here. With a domain of one's own the user name is still the icloud.com one.",
        link: "https://account.apple.com/account/manage",
    }),
    checked: "2026-11",
    source: "https://support.apple.com/102525",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const FASTMAIL: Provider = Provider {
    name: "Fastmail",
    domains: &[
        "123mail.org", "150mail.com", "150ml.com", "16mail.com", "2-mail.com", "4email.net",
        "50mail.com", "airpost.net", "allmail.net", "bestmail.us", "cluemail.com", "elitemail.org",
        "emailcorner.net", "emailengine.net", "emailengine.org", "emailgroups.net", "emailplus.org",
        "emailuser.net", "eml.cc", "f-m.fm", "fast-email.com", "fast-mail.org", "fastem.com",
        "fastemail.us", "fastemailer.com", "fastest.cc", "fastimap.com", "fastmail.cn",
        "fastmail.co.uk", "fastmail.com", "fastmail.com.au", "fastmail.de", "fastmail.es",
        "fastmail.fm", "fastmail.fr", "fastmail.im", "fastmail.in", "fastmail.jp", "fastmail.mx",
        "fastmail.net", "fastmail.nl", "fastmail.org", "fastmail.se", "fastmail.to", "fastmail.tw",
        "fastmail.uk", "fastmail.us", "fastmailbox.net", "fastmessaging.com", "fea.st", "fmail.co.uk",
        "fmailbox.com", "fmgirl.com", "fmguy.com", "ftml.net", "h-mail.us", "hailmail.net",
        "imap-mail.com", "imap.cc", "imapmail.org", "inoutbox.com", "internet-e-mail.com",
        "internet-mail.org", "internetemails.net", "internetmailing.net", "jetemail.net",
        "justemail.net", "letterboxes.org", "mail-central.com", "mail-page.com", "mailandftp.com",
        "mailas.com", "mailbolt.com", "mailc.net", "mailcan.com", "mailforce.net", "mailftp.com",
        "mailhaven.com", "mailingaddress.org", "mailite.com", "mailmight.com", "mailnew.com",
        "mailsent.net", "mailservice.ms", "mailup.net", "mailworks.org", "ml1.net", "mm.st",
        "myfastmail.com", "mymacmail.com", "nospammail.net", "ownmail.net", "petml.com",
        "postinbox.com", "postpro.net", "proinbox.com", "promessage.com", "realemail.net",
        "reallyfast.biz", "reallyfast.info", "rushpost.com", "sent.as", "sent.at", "sent.com",
        "speedpost.net", "speedymail.org", "ssl-mail.com", "swift-mail.com", "the-fastest.net",
        "the-quickest.com", "theinternetemail.com", "veryfast.biz", "veryspeedy.net", "warpmail.net",
        "xsmail.com", "yepmail.net", "your-mail.com",
    ],
    exchanges: &["messagingengine.com"],
    servers: &["fastmail.com", "messagingengine.com"],
    imap: &[full("imap.fastmail.com", 993, Tls)],
    smtp: &[full("smtp.fastmail.com", 465, Tls), full("smtp.fastmail.com", 587, StartTls)],
    two_step: TwoStep::Always(Advice {
        say: "Fastmail takes no account password from mail programs: create an app password with access to \
              mail and use it here (Basic plans have no IMAP). The user name is the account's own address, not an \
              alias.",
        link: "https://app.fastmail.com/settings/security/apps",
    }),
    checked: "2026-11",
    source: "https://www.fastmail.com/help/clients/apppassword.html",
    ..Provider::BARE
};

/// One of Zoho's data centres: accounts live in one of them, and the others refuse the login.
const fn zoho(
    domains: &'static [&'static str],
    exchanges: &'static [&'static str],
    servers: &'static [&'static str],
    imap: &'static [super::Server],
    smtp: &'static [super::Server],
    source: &'static str,
) -> Provider {
    Provider {
        name: "Zoho Mail",
        domains,
        exchanges,
        servers,
        imap,
        smtp,
        two_step: TwoStep::AppPassword(Advice {
            say: "With two-step sign-in on, Zoho wants an application-specific password: create it in the \
                  account's security settings and use it here.",
            link: "https://accounts.zoho.com/home#security/app_password",
        }),
        switch: Some(Advice {
            say: "IMAP is off for new accounts: sign in to this mailbox and switch it on in its settings, \
                  under Mail Accounts. The administrator's page only permits it.",
            link: "https://www.zoho.com/mail/help/imap-access.html",
        }),
        source,
        ..Provider::BARE
    }
}

#[rustfmt::skip]
pub(super) const ZOHO: Provider = zoho(
    &["zoho.com", "zohomail.com"],
    &["zoho.com"],
    &["zoho.com"],
    &[full("imap.zoho.com", 993, Tls), full("imappro.zoho.com", 993, Tls)],
    &[full("smtp.zoho.com", 465, Tls), full("smtp.zoho.com", 587, StartTls), full("smtppro.zoho.com", 465, Tls)],
    "https://www.zoho.com/mail/help/imap-access.html",
);

#[rustfmt::skip]
pub(super) const ZOHO_EU: Provider = zoho(
    &["zoho.eu", "zohomail.eu"],
    &["zoho.eu"],
    &["zoho.eu"],
    &[full("imap.zoho.eu", 993, Tls), full("imappro.zoho.eu", 993, Tls)],
    &[full("smtp.zoho.eu", 465, Tls), full("smtp.zoho.eu", 587, StartTls), full("smtppro.zoho.eu", 465, Tls)],
    "https://www.zoho.com/mail/help/imap-access.html",
);

#[rustfmt::skip]
pub(super) const ZOHO_IN: Provider = zoho(
    &["zoho.in", "zohomail.in"],
    &["zoho.in"],
    &["zoho.in"],
    &[full("imap.zoho.in", 993, Tls), full("imappro.zoho.in", 993, Tls)],
    &[full("smtp.zoho.in", 465, Tls), full("smtp.zoho.in", 587, StartTls), full("smtppro.zoho.in", 465, Tls)],
    "https://www.zoho.com/mail/help/imap-access.html",
);

#[rustfmt::skip]
pub(super) const ZOHO_AU: Provider = zoho(
    &["zoho.com.au", "zohomail.com.au"],
    &["zoho.com.au"],
    &["zoho.com.au"],
    &[full("imap.zoho.com.au", 993, Tls)],
    &[full("smtp.zoho.com.au", 465, Tls), full("smtp.zoho.com.au", 587, StartTls)],
    "https://www.zoho.com/mail/help/imap-access.html",
);

#[rustfmt::skip]
pub(super) const ZOHO_JP: Provider = zoho(
    &["zoho.jp"],
    &["zoho.jp"],
    &["zoho.jp"],
    &[full("imap.zoho.jp", 993, Tls)],
    &[full("smtp.zoho.jp", 465, Tls), full("smtp.zoho.jp", 587, StartTls)],
    "https://www.zoho.com/mail/help/imap-access.html",
);

#[rustfmt::skip]
pub(super) const ZOHO_CA: Provider = zoho(
    &["zohocloud.ca", "zohomailcloud.ca"],
    &["zohocloud.ca"],
    &["zohocloud.ca"],
    &[full("imap.zohocloud.ca", 993, Tls)],
    &[full("smtp.zohocloud.ca", 465, Tls), full("smtp.zohocloud.ca", 587, StartTls)],
    "https://www.zoho.com/mail/help/imap-access.html",
);
