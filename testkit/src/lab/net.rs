//! Who answers where: every service of a laboratory has its own loopback address and its real port.

use std::net::Ipv4Addr;

/// The addresses of one laboratory: a /24 inside 127/8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    prefix: [u8; 3],
}

impl Net {
    /// The addresses inside an own network namespace, the same for every laboratory.
    pub fn in_namespace() -> Self {
        Self { prefix: [127, 0, 10] }
    }

    /// Addresses on the host's own loopback, chosen by the laboratory's name so that two can stand side by side.
    pub fn on_host(name: &str) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let [x, y, ..] = hash.to_be_bytes();
        // 127.0.x.x belongs to the system: 127.0.0.1, 127.0.0.53 and their like.
        Self { prefix: [127, x.max(1), y] }
    }

    /// The network with these first three bytes, as [`Net::prefix`] gave them.
    pub fn from_prefix(prefix: [u8; 3]) -> Self {
        Self { prefix }
    }

    /// The first three bytes of every address.
    pub fn prefix(self) -> [u8; 3] {
        self.prefix
    }

    /// Dovecot and Postfix with a certificate everybody accepts.
    pub fn mail(self) -> Ipv4Addr {
        self.at(1)
    }

    /// The same servers with a certificate that has expired.
    pub fn expired(self) -> Ipv4Addr {
        self.at(2)
    }

    /// The same servers with a certificate for somebody else.
    pub fn wrong_name(self) -> Ipv4Addr {
        self.at(3)
    }

    /// The same servers with a certificate that signs itself.
    pub fn self_signed(self) -> Ipv4Addr {
        self.at(4)
    }

    /// The same servers with a certificate from a root nobody knows.
    pub fn untrusted(self) -> Ipv4Addr {
        self.at(5)
    }

    /// The same servers, which do not send their certificate's issuer along.
    pub fn no_intermediate(self) -> Ipv4Addr {
        self.at(6)
    }

    /// The same servers with a certificate whose time has not begun.
    pub fn not_yet(self) -> Ipv4Addr {
        self.at(7)
    }

    /// The same servers without any TLS (143 and 587 only).
    pub fn no_tls(self) -> Ipv4Addr {
        self.at(9)
    }

    /// Dovecot allows one connection for each user and address.
    pub fn limit(self) -> Ipv4Addr {
        self.at(10)
    }

    /// The same servers with encryption of long ago only.
    pub fn old_tls(self) -> Ipv4Addr {
        self.at(11)
    }

    /// Postfix offers no login.
    pub fn no_auth(self) -> Ipv4Addr {
        self.at(12)
    }

    /// Postfix cannot ask anybody about passwords.
    pub fn dead_auth(self) -> Ipv4Addr {
        self.at(13)
    }

    /// Postfix takes small messages only.
    pub fn small(self) -> Ipv4Addr {
        self.at(14)
    }

    /// Postfix refuses every client.
    pub fn rejects(self) -> Ipv4Addr {
        self.at(15)
    }

    /// The ports of implicit TLS and of STARTTLS have changed places.
    pub fn swapped(self) -> Ipv4Addr {
        self.at(16)
    }

    /// Connections to the mail ports are never answered; 80 and 443 are.
    pub fn blocked(self) -> Ipv4Addr {
        self.at(17)
    }

    /// Connections to the mail ports are refused; 80 and 443 answer.
    pub fn web_only(self) -> Ipv4Addr {
        self.at(18)
    }

    /// Speaks HTTP on the mail ports, inside TLS where the port has implicit TLS.
    pub fn garbage(self) -> Ipv4Addr {
        self.at(20)
    }

    /// Accepts connections on the mail ports and never says a word.
    pub fn silent(self) -> Ipv4Addr {
        self.at(21)
    }

    /// Greets with PREAUTH on the ports of IMAP.
    pub fn preauth(self) -> Ipv4Addr {
        self.at(22)
    }

    /// Greets with BYE, or with 421, and leaves.
    pub fn bye(self) -> Ipv4Addr {
        self.at(23)
    }

    /// Speaks SSH on the mail ports.
    pub fn ssh(self) -> Ipv4Addr {
        self.at(24)
    }

    /// Cyrus.
    pub fn cyrus(self) -> Ipv4Addr {
        self.at(30)
    }

    /// Courier.
    pub fn courier(self) -> Ipv4Addr {
        self.at(31)
    }

    /// The DNS server, UDP and TCP port 53.
    pub fn dns(self) -> Ipv4Addr {
        self.at(53)
    }

    /// The web server, 80 and 443.
    pub fn web(self) -> Ipv4Addr {
        self.at(80)
    }

    /// Nobody listens here: every connection is refused.
    pub fn closed(self) -> Ipv4Addr {
        self.at(99)
    }

    fn at(self, last: u8) -> Ipv4Addr {
        let [a, b, c] = self.prefix;
        Ipv4Addr::new(a, b, c, last)
    }
}

#[cfg(test)]
mod tests {
    use super::Net;

    #[test]
    fn laboratories_on_the_host_keep_out_of_each_others_way_and_of_the_systems() {
        assert_ne!(Net::on_host("one"), Net::on_host("two"));
        for name in ["", "a", "default", "run-1", "run-2"] {
            assert_ne!(Net::on_host(name).prefix()[1], 0, "{name}");
        }
    }
}
