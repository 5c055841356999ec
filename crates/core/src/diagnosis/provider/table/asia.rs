//! Providers of Russia, China and Korea.

use super::super::{Advice, Provider, TwoStep};
use super::full;
use crate::settings::Security::{StartTls, Tls};

#[rustfmt::skip]
pub(super) const YANDEX: Provider = Provider {
    name: "Yandex",
    domains: &[
        "yandex.ru", "yandex.com", "yandex.by", "yandex.kz", "yandex.ua", "yandex.net", "ya.ru", "narod.ru",
    ],
    exchanges: &["yandex.ru", "yandex.net"],
    servers: &["yandex.com", "yandex.ru", "yandex.net"],
    greetings: &["yandex imap4rev1"],
    imap: &[full("imap.yandex.com", 993, Tls)],
    smtp: &[full("smtp.yandex.com", 465, Tls)],
    two_step: TwoStep::Always(Advice {
        say: "Yandex takes no account password from mail programs: create an app password of the type Mail in \
              the account's security settings and use it here.",
        link: "https://id.yandex.com/security/app-passwords",
    }),
    switch: Some(Advice {
        say: "Switch access over IMAP on in Yandex Mail's settings, under Email clients.",
        link: "https://mail.yandex.com/#setup/client",
    }),
    checked: "2026-11",
    source: "https://yandex.com/support/passport/authorization/app-passwords.html",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const MAIL_RU: Provider = Provider {
    name: "Mail.ru",
    domains: &["mail.ru", "inbox.ru", "internet.ru", "bk.ru", "list.ru", "vk.com"],
    exchanges: &["mail.ru"],
    servers: &["mail.ru"],
    imap: &[full("imap.mail.ru", 993, Tls)],
    smtp: &[full("smtp.mail.ru", 465, Tls), full("smtp.mail.ru", 587, StartTls)],
    two_step: TwoStep::Always(Advice {
        say: "Mail.ru takes no account password from mail programs: create a password for external \
              applications in the account's security settings and use it here.",
        link: "https://account.mail.ru/user/2-step-auth/passwords/",
    }),
    source: "https://account.mail.ru/user/2-step-auth/passwords/",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const EXMAIL: Provider = Provider {
    name: "Tencent Exmail",
    domains: &["exmail.qq.com"],
    exchanges: &["mxbiz1.qq.com", "mxbiz2.qq.com"],
    servers: &["exmail.qq.com"],
    imap: &[full("imap.exmail.qq.com", 993, Tls)],
    smtp: &[full("smtp.exmail.qq.com", 465, Tls)],
    two_step: TwoStep::AppPassword(Advice {
        say: "With secure login on, Exmail wants a client password: bind WeChat in the web mail's settings, \
              create the client password there and use it here.",
        link: "https://service.exmail.qq.com/",
    }),
    switch: Some(Advice {
        say: "IMAP must be switched on in Exmail's web mail, and the company's administrator may forbid it.",
        link: "https://exmail.qq.com/",
    }),
    source: "https://service.exmail.qq.com/",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const QQ: Provider = Provider {
    name: "QQ Mail",
    domains: &["qq.com", "vip.qq.com", "foxmail.com"],
    exchanges: &["mx1.qq.com", "mx2.qq.com", "mx3.qq.com"],
    servers: &["imap.qq.com", "smtp.qq.com"],
    greetings: &["qqmail imap4server"],
    imap: &[full("imap.qq.com", 993, Tls)],
    smtp: &[full("smtp.qq.com", 465, Tls)],
    two_step: TwoStep::Always(Advice {
        say: "QQ Mail takes no account password from mail programs: switch IMAP/SMTP on in the web mail's \
              account settings, let it create an authorization code, and use the code here.",
        link: "https://service.mail.qq.com/cgi-bin/help?subtype=1&&id=28&&no=1001256",
    }),
    switch: Some(Advice {
        say: "IMAP is off for new accounts; the same page of the web mail's settings switches it on.",
        link: "https://mail.qq.com/",
    }),
    source: "https://service.mail.qq.com/cgi-bin/help?subtype=1&&id=28&&no=1001256",
    ..Provider::BARE
};

/// The advice of NetEase's three services, which differ in nothing but the page.
const fn authorization_code(page: &'static str) -> TwoStep {
    TwoStep::Always(Advice {
        say: "NetEase takes no account password from mail programs: switch IMAP/SMTP on in the web mail's \
              settings, let it create a client authorization code, and use the code here.",
        link: page,
    })
}

const fn netease_switch(page: &'static str) -> Option<Advice> {
    Some(Advice { say: "IMAP is off for new accounts; the web mail's settings switch it on.", link: page })
}

#[rustfmt::skip]
pub(super) const NETEASE_163: Provider = Provider {
    name: "163 Mail",
    domains: &["163.com"],
    exchanges: &["163mx00.mxmail.netease.com", "163mx01.mxmail.netease.com", "163mx02.mxmail.netease.com", "163mx03.mxmail.netease.com"],
    servers: &["163.com"],
    imap: &[full("imap.163.com", 993, Tls)],
    smtp: &[full("smtp.163.com", 465, Tls)],
    two_step: authorization_code("https://mail.163.com/"),
    switch: netease_switch("https://mail.163.com/"),
    wants_id: true,
    source: "https://mail.163.com/",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const NETEASE_126: Provider = Provider {
    name: "126 Mail",
    domains: &["126.com"],
    exchanges: &["126mx00.mxmail.netease.com", "126mx01.mxmail.netease.com", "126mx02.mxmail.netease.com", "126mx03.mxmail.netease.com"],
    servers: &["126.com"],
    imap: &[full("imap.126.com", 993, Tls)],
    smtp: &[full("smtp.126.com", 465, Tls)],
    two_step: authorization_code("https://mail.126.com/"),
    switch: netease_switch("https://mail.126.com/"),
    wants_id: true,
    source: "https://mail.126.com/",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const NETEASE_YEAH: Provider = Provider {
    name: "yeah.net",
    domains: &["yeah.net"],
    exchanges: &["yeahmx00.mxmail.netease.com", "yeahmx01.mxmail.netease.com"],
    servers: &["yeah.net"],
    imap: &[full("imap.yeah.net", 993, Tls)],
    smtp: &[full("smtp.yeah.net", 465, Tls)],
    two_step: authorization_code("https://mail.yeah.net/"),
    switch: netease_switch("https://mail.yeah.net/"),
    wants_id: true,
    source: "https://mail.yeah.net/",
    ..Provider::BARE
};

#[rustfmt::skip]
pub(super) const NAVER: Provider = Provider {
    name: "Naver",
    domains: &["naver.com"],
    exchanges: &["naver.com"],
    servers: &["naver.com"],
    imap: &[full("imap.naver.com", 993, Tls)],
    smtp: &[full("smtp.naver.com", 465, Tls), full("smtp.naver.com", 587, StartTls)],
    two_step: TwoStep::Always(Advice {
        say: "Naver takes no account password from mail programs: turn two-step verification on, then create \
              an application password there and use it here.",
        link: "https://nid.naver.com/user2/help/2StepVerif?m=viewManageSettings",
    }),
    switch: Some(Advice {
        say: "IMAP/SMTP is off for new accounts; the web mail's settings for POP3/IMAP switch it on.",
        link: "https://mail.naver.com/",
    }),
    checked: "2026-11",
    source: "https://help.naver.com/service/30029/contents/21342?osType=PC&lang=ko",
    ..Provider::BARE
};
