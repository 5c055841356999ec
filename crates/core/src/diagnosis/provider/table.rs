//! The rows. One provider a row; a fact without a page that says so does not belong here.

mod asia;
mod bridge;
mod europe;
mod world;

use super::{Provider, Server, UserName};
use crate::settings::Security;

/// The first row that fits decides: of two providers with one exchanger domain inside the other, the inner
/// stands first.
#[rustfmt::skip]
pub(super) const ALL: &[Provider] = &[
    world::GMAIL, world::OUTLOOK, world::MICROSOFT_365, world::AOL, world::YAHOO, world::ICLOUD, world::FASTMAIL,
    world::ZOHO, world::ZOHO_EU, world::ZOHO_IN, world::ZOHO_AU, world::ZOHO_JP, world::ZOHO_CA,
    europe::GMX, europe::GMX_COM, europe::WEB_DE, europe::T_ONLINE, europe::FREENET, europe::POSTEO,
    europe::MAILBOX_ORG, europe::KOLAB_NOW, europe::MIGADU, europe::INFOMANIAK, europe::OVH,
    europe::IONOS_DE, europe::IONOS, europe::IONOS_UK, europe::IONOS_FR, europe::IONOS_ES, europe::IONOS_IT,
    europe::STRATO,
    asia::YANDEX, asia::MAIL_RU, asia::EXMAIL, asia::QQ, asia::NETEASE_163, asia::NETEASE_126,
    asia::NETEASE_YEAH, asia::NAVER,
    bridge::PROTON, bridge::TUTA, bridge::HEY,
];

/// A server that wants the full address as the user name.
const fn full(host: &'static str, port: u16, security: Security) -> Server {
    Server { host, port, security, user_name: UserName::Address }
}

/// A server that wants the part before the `@` as the user name.
const fn local(host: &'static str, port: u16, security: Security) -> Server {
    Server { host, port, security, user_name: UserName::LocalPart }
}
