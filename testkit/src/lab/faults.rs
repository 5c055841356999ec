//! The domains where one thing is wrong, each with an address of its own, and those of Cyrus and Courier.
//!
//! What is wrong at each of them is in the documentation of [`super`]. Every one has `imap.DOMAIN` and `smtp.DOMAIN`, an autoconfig document and SRV records that name 993 with
//! implicit TLS and 587 with STARTTLS. What is not mentioned works as at `autoconfig.test`.

use std::net::Ipv4Addr;

use super::net::Net;

/// Domains by SRV and autoconfig whose both servers are at one address.
pub(crate) fn domains(net: Net) -> Vec<(&'static str, Ipv4Addr)> {
    vec![
        ("wrongname.test", net.wrong_name()),
        ("expired.test", net.expired()),
        ("selfsigned.test", net.self_signed()),
        ("untrusted.test", net.untrusted()),
        ("nointermediate.test", net.no_intermediate()),
        ("notyet.test", net.not_yet()),
        ("notls.test", net.no_tls()),
        ("limit.test", net.limit()),
        ("oldtls.test", net.old_tls()),
        ("noauth.test", net.no_auth()),
        ("deadauth.test", net.dead_auth()),
        ("small.test", net.small()),
        ("rejects.test", net.rejects()),
        ("swapped.test", net.swapped()),
        ("blocked.test", net.blocked()),
        ("webonly.test", net.web_only()),
        ("garbage.test", net.garbage()),
        ("silent.test", net.silent()),
        ("preauth.test", net.preauth()),
        ("bye.test", net.bye()),
        ("ssh.test", net.ssh()),
        ("v6dead.test", net.mail()),
        ("refused.test", net.closed()),
    ]
}

/// Records that a domain of [`domains`] has beside the usual ones.
pub(crate) fn more(domain: &str) -> &'static str {
    if domain == "v6dead.test" { "imap AAAA ::1\nsmtp AAAA ::1\n" } else { "" }
}
