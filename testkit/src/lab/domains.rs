//! The domains every laboratory starts with, each of them one way in which mail is or is not offered.

use super::faults;
use super::net::Net;
use super::state::{State, write_atomically};
use crate::Result;

/// A domain of the laboratory and what it is there to show.
pub struct Domain {
    /// The domain after the `@`.
    pub name: &'static str,
    /// What a client meets there.
    pub shows: &'static str,
}

/// All ready domains; `nosuch.test` is listed although, or because, it does not exist.
pub const DOMAINS: &[Domain] = &[
    Domain { name: "autoconfig.test", shows: "autoconfig at https://autoconfig.autoconfig.test" },
    Domain { name: "wellknown.test", shows: "autoconfig below /.well-known only" },
    Domain { name: "srv.test", shows: "SRV records only" },
    Domain { name: "mx.test", shows: "an MX at hoster.test, which has an autoconfig document" },
    Domain { name: "hoster.test", shows: "a hoster with autoconfig, mail for others too" },
    Domain { name: "pacc.test", shows: "a configuration document (PACC) with its digest in the DNS" },
    Domain { name: "autodiscover.test", shows: "Microsoft Autodiscover only, with SSL off on 587" },
    Domain { name: "exchange.test", shows: "Exchange ActiveSync, and no IMAP" },
    Domain { name: "wantslogin.test", shows: "an Autodiscover server that wants a login, and no IMAP" },
    Domain { name: "leftover.test", shows: "autoconfig of a web host beside a provider's mail exchanger" },
    Domain {
        name: "srvaway.test",
        shows: "SRV records that name hoster.test, whose certificate has this name too",
    },
    Domain { name: "srvnone.test", shows: "says by SRV 0 0 0 . that it has no IMAP (RFC 6186)" },
    Domain { name: "picky.test", shows: "autoconfig that wants an address, else status 400" },
    Domain { name: "plainhttp.test", shows: "autoconfig without TLS only" },
    Domain { name: "downgrade.test", shows: "autoconfig that is redirected from https to http" },
    Domain { name: "halfdead.test", shows: "an autoconfig host that is silent, and SRV records" },
    Domain { name: "signed.test", shows: "as mx.test, in signed DNS" },
    Domain { name: "guess.test", shows: "imap. and smtp. simply exist" },
    Domain {
        name: "ispdb.test",
        shows: "known to the ISPDB (autoconfig.thunderbird.net, played by the lab)",
    },
    Domain { name: "nomail.test", shows: "exists, but nothing listens anywhere" },
    Domain { name: "nullmx.test", shows: "says by MX 0 . that it takes no mail (RFC 7505)" },
    Domain { name: "nosuch.test", shows: "does not exist" },
    Domain { name: "wrongname.test", shows: "the mail servers' certificate is for somebody else" },
    Domain { name: "expired.test", shows: "the mail servers' certificate has expired" },
    Domain { name: "selfsigned.test", shows: "the mail servers' certificate signs itself" },
    Domain { name: "untrusted.test", shows: "the mail servers' certificate comes from an unknown root" },
    Domain { name: "notls.test", shows: "the mail servers know no TLS" },
    Domain { name: "refused.test", shows: "the mail servers' ports are closed" },
    Domain { name: "silent.test", shows: "the mail servers accept connections and say nothing" },
    Domain { name: "garbage.test", shows: "the mail ports speak HTTP" },
    Domain { name: "nointermediate.test", shows: "the mail servers do not send their certificate's issuer" },
    Domain { name: "notyet.test", shows: "the mail servers' certificate is not valid yet" },
    Domain { name: "limit.test", shows: "one connection for each user" },
    Domain { name: "oldtls.test", shows: "encryption of long ago only" },
    Domain { name: "noauth.test", shows: "submission without AUTH" },
    Domain { name: "deadauth.test", shows: "submission that cannot check passwords now (454)" },
    Domain { name: "small.test", shows: "submission of at most 64 KiB" },
    Domain { name: "rejects.test", shows: "submission that refuses the client's address" },
    Domain { name: "swapped.test", shows: "993 without TLS, 143 with it; 465 and 587 likewise" },
    Domain { name: "blocked.test", shows: "the mail ports never answer, the web does" },
    Domain { name: "webonly.test", shows: "the mail ports are closed, the web answers" },
    Domain { name: "preauth.test", shows: "IMAP greets with PREAUTH" },
    Domain { name: "bye.test", shows: "IMAP greets with BYE, submission with 421" },
    Domain { name: "ssh.test", shows: "the mail ports speak SSH" },
    Domain { name: "v6dead.test", shows: "nothing listens at the mail servers' IPv6 address" },
    Domain { name: "cyrus.test", shows: "IMAP by Cyrus (SRV)" },
    Domain { name: "courier.test", shows: "IMAP by Courier (autoconfig)" },
    Domain { name: "blackhole.test", shows: "DNS never answers" },
    Domain { name: "servfail.test", shows: "DNS answers SERVFAIL" },
];

/// The names the mail servers' certificates are made for: every ready domain and one label below it.
pub(crate) fn certificate_names() -> Vec<String> {
    DOMAINS.iter().flat_map(|domain| [domain.name.to_owned(), format!("*.{}", domain.name)]).collect()
}

/// Writes zones and documents.
pub(crate) fn write(state: &State, net: Net) -> Result<()> {
    let (mail, web, closed) = (net.mail(), net.web(), net.closed());
    let zone = |domain: &str, text: String| write_atomically(&state.zones().join(domain), text.as_bytes());
    let servers = |address| format!("imap A {address}\nsmtp A {address}\n");
    let autoconfig = format!("@ A {web}\nautoconfig A {web}\n");

    zone("test", String::new())?;
    zone("autoconfig.test", format!("{autoconfig}{}", servers(mail)))?;
    zone("wellknown.test", format!("@ A {web}\n{}", servers(mail).replace("imap", "mail")))?;
    zone(
        "srv.test",
        format!(
            "@ A {closed}\n_imaps._tcp SRV 0 1 993 imap.srv.test\n_imap._tcp SRV 0 0 0 .\n\
             _submission._tcp SRV 0 1 587 smtp.srv.test\n{}",
            servers(mail)
        ),
    )?;
    zone("mx.test", format!("@ A {closed}\n@ MX 10 mx1.hoster.test\n"))?;
    zone("hoster.test", format!("@ MX 10 mx1.hoster.test\nmx1 A {mail}\n{autoconfig}{}", servers(mail)))?;
    zone("guess.test", format!("@ A {web}\n{}", servers(mail)))?;
    zone("ispdb.test", format!("@ A {web}\n{}", servers(mail)))?;
    zone("thunderbird.net", format!("autoconfig A {web}\n"))?;
    zone("nomail.test", format!("@ A {closed}\n"))?;
    zone("nullmx.test", format!("@ A {web}\n@ MX 0 .\n"))?;
    zone("blackhole.test", "!silent\n".into())?;
    zone("servfail.test", "!servfail\n".into())?;
    for (domain, address) in faults::domains(net) {
        let srv =
            format!("_imaps._tcp SRV 0 1 993 imap.{domain}\n_submission._tcp SRV 0 1 587 smtp.{domain}\n");
        zone(domain, format!("{autoconfig}{srv}{}{}", servers(address), faults::more(domain)))?;
        document(
            state,
            &format!("autoconfig.{domain}/mail/config-v1.1.xml"),
            &config(domain, "imap", domain),
        )?;
    }

    let (cyrus, courier) = (net.cyrus(), net.courier());
    zone(
        "cyrus.test",
        format!(
            "@ MX 10 mx1.hoster.test\n_imaps._tcp SRV 0 1 993 imap.cyrus.test\n\
             _submission._tcp SRV 0 1 587 smtp.cyrus.test\nimap A {cyrus}\nsmtp A {mail}\n"
        ),
    )?;
    zone("courier.test", format!("{autoconfig}@ MX 10 mx1.hoster.test\nimap A {courier}\nsmtp A {mail}\n"))?;
    document(
        state,
        "autoconfig.courier.test/mail/config-v1.1.xml",
        &config("courier.test", "imap", "courier.test"),
    )?;

    write_odd(state, net)?;
    document(
        state,
        "autoconfig.autoconfig.test/mail/config-v1.1.xml",
        &config("autoconfig.test", "imap", "autoconfig.test"),
    )?;
    document(
        state,
        "wellknown.test/.well-known/autoconfig/mail/config-v1.1.xml",
        &config("wellknown.test", "mail", "wellknown.test"),
    )?;
    let hosted = config("hoster.test", "imap", "hoster.test")
        .replace("<displayName>", "<domain>mx.test</domain>\n    <displayName>");
    document(state, "autoconfig.hoster.test/mail/config-v1.1.xml", &hosted)?;
    document(state, "autoconfig.thunderbird.net/v1.1/ispdb.test", &config("ispdb.test", "imap", "ispdb.test"))
}

/// Domains that publish their settings in less usual ways.
fn write_odd(state: &State, net: Net) -> Result<()> {
    let (mail, web, closed) = (net.mail(), net.web(), net.closed());
    let zone = |domain: &str, text: String| write_atomically(&state.zones().join(domain), text.as_bytes());
    let servers = format!("imap A {mail}\nsmtp A {mail}\n");
    let path = "mail/config-v1.1.xml";

    zone(
        "pacc.test",
        format!("ua-auto-config A {web}\n_ua-auto-config TXT v=UAAC1; a=sha256; d={PACC_DIGEST}\n{servers}"),
    )?;
    document(state, "ua-auto-config.pacc.test/.well-known/user-agent-configuration.json", PACC)?;

    zone("autodiscover.test", format!("autodiscover A {web}\n{servers}"))?;
    let protocol = |kind: &str, port: u16, ssl: &str| {
        let host = kind.to_ascii_lowercase();
        format!(
            "<Protocol><Type>{kind}</Type><Server>{host}.autodiscover.test</Server><Port>{port}</Port>\
             <LoginName>test@autodiscover.test</LoginName><SSL>{ssl}</SSL></Protocol>"
        )
    };
    let account = [protocol("IMAP", 993, "on"), protocol("SMTP", 587, "off")].concat();
    let settings = format!(
        "<Autodiscover><Response><Account><AccountType>email</AccountType><Action>settings</Action>{account}\
         </Account></Response></Autodiscover>"
    );
    document(state, "autodiscover.autodiscover.test/autodiscover/autodiscover.xml", &settings)?;

    zone("exchange.test", format!("@ A {closed}\nautodiscover A {web}\nmail A {web}\n"))?;
    let mobile = "<Autodiscover><Response><Action><Settings><Server><Type>MobileSync</Type>\
        <Url>https://mail.exchange.test/Microsoft-Server-ActiveSync</Url></Server></Settings></Action></Response>\
        </Autodiscover>";
    document(state, "autodiscover.exchange.test/autodiscover/autodiscover.xml", mobile)?;
    document(
        state,
        "mail.exchange.test/Microsoft-Server-ActiveSync.http",
        "200\nMS-ASProtocolVersions: 14.1,16.1\n\n",
    )?;
    zone("wantslogin.test", format!("@ A {closed}\nautodiscover A {web}\n"))?;
    document(
        state,
        "autodiscover.wantslogin.test/autodiscover/autodiscover.xml.http",
        "401\nWWW-Authenticate: Basic realm=\"lab\"\n\n",
    )?;

    zone(
        "leftover.test",
        format!("@ A {web}\n@ MX 1 aspmx.l.google.com\nautoconfig A {web}\nmail A {mail}\n"),
    )?;
    document(
        state,
        &format!("autoconfig.leftover.test/{path}"),
        &config("leftover.test", "mail", "leftover.test"),
    )?;

    zone(
        "srvaway.test",
        "_imaps._tcp SRV 0 1 993 imap.hoster.test\n_submission._tcp SRV 0 1 587 smtp.hoster.test\n".into(),
    )?;
    zone("srvnone.test", format!("@ A {closed}\n_imaps._tcp SRV 0 0 0 .\n_imap._tcp SRV 0 0 0 .\n"))?;

    zone("picky.test", format!("autoconfig A {web}\n{servers}"))?;
    let picky = config("picky.test", "imap", "picky.test").replace("%EMAILADDRESS%", "test@picky.test");
    document(state, &format!("autoconfig.picky.test/{path}.http"), "400\n\n")?;
    document(state, &format!("autoconfig.picky.test/{path}.asked"), &picky)?;

    let plain = |host: &str, name: &str| {
        let path = state.web("http").join(host).join(path);
        write_atomically(&path, config(name, "imap", name).as_bytes())
    };
    zone("plainhttp.test", format!("@ A {closed}\nautoconfig A {web}\nimap A {closed}\n"))?;
    plain("autoconfig.plainhttp.test", "plainhttp.test")?;
    zone("downgrade.test", format!("@ A {closed}\nautoconfig A {web}\nopen A {web}\nimap A {closed}\n"))?;
    let to = format!("302\nLocation: http://open.downgrade.test/{path}\n\n");
    document(state, &format!("autoconfig.downgrade.test/{path}.http"), &to)?;
    plain("open.downgrade.test", "downgrade.test")?;

    let silent = net.silent();
    zone(
        "halfdead.test",
        format!(
            "@ A {web}\nautoconfig A {silent}\n_imaps._tcp SRV 0 1 993 imap.halfdead.test\n\
             _submission._tcp SRV 0 1 587 smtp.halfdead.test\n{servers}"
        ),
    )?;
    zone("signed.test", format!("!signed\n@ A {closed}\n@ MX 10 mx1.hoster.test\n"))
}

const PACC: &str = r#"{"protocols":{"imap":{"host":"imap.pacc.test"},"smtp":{"host":"smtp.pacc.test"},"jmap":{"url":"https://jmap.pacc.test/"}},"authentication":{"password":true},"info":{"provider":{"name":"pacc.test (lab)"}}}"#;
/// The SHA-256 of [`PACC`], in base64.
const PACC_DIGEST: &str = "CCh9tlUWh/HPMaaq6xtmydBAEWYL2feG2qzD1iJawhQ=";

/// An autoconfig document in the form Thunderbird's and its like read: IMAP with implicit TLS, submission with
/// STARTTLS, the whole address as user name.
pub fn autoconfig(domain: &str, imap: &str, smtp: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="{domain}">
    <domain>{domain}</domain>
    <displayName>{domain} (lab)</displayName>
    <displayShortName>{domain}</displayShortName>
    <incomingServer type="imap">
      <hostname>{imap}</hostname>
      <port>993</port>
      <socketType>SSL</socketType>
      <authentication>password-cleartext</authentication>
      <username>%EMAILADDRESS%</username>
    </incomingServer>
    <outgoingServer type="smtp">
      <hostname>{smtp}</hostname>
      <port>587</port>
      <socketType>STARTTLS</socketType>
      <authentication>password-cleartext</authentication>
      <username>%EMAILADDRESS%</username>
    </outgoingServer>
  </emailProvider>
</clientConfig>
"#
    )
}

fn config(domain: &str, imap: &str, servers: &str) -> String {
    autoconfig(domain, &format!("{imap}.{servers}"), &format!("smtp.{servers}"))
}

fn document(state: &State, path: &str, text: &str) -> Result<()> {
    write_atomically(&state.web("https").join(path), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::dns;

    #[test]
    fn every_ready_domain_but_the_missing_one_has_a_zone_that_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::at(dir.path());
        write(&state, Net::in_namespace()).unwrap();
        for domain in DOMAINS {
            let zone = std::fs::read_to_string(state.zones().join(domain.name));
            assert_eq!(zone.is_ok(), domain.name != "nosuch.test", "{}", domain.name);
            dns::check(domain.name, &zone.unwrap_or_default()).unwrap();
        }
    }
}
