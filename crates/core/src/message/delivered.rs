//! When a message came, as its header tells.

use super::date;
use super::header::Header;

/// When the last server took the message over: the date of the topmost Received field (RFC 5321, section 4.4), in
/// seconds since 1970 UTC. `header` may hold the body too.
#[must_use]
pub fn received_at(header: &[u8]) -> Option<i64> {
    let received = Header::read(header).unfolded("Received")?;
    date::read(received.rsplit_once(';')?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_server_tells_when_it_came() {
        let header = "Received: from a (HELO; b) by c\r\n with SMTP id 1; Thu, 22 Aug 2002 12:36:23 +0100 (IST)\r\n\
            Received: from d by e; Wed, 21 Aug 2002 10:00:00 +0000\r\nDate: whenever\r\n\r\n";
        assert_eq!(received_at(header.as_bytes()), Some(1_030_016_183));
        assert_eq!(received_at(b"Received: by nobody\n\n"), None);
        assert_eq!(received_at(b"Subject: x\n\nReceived: by a; Thu, 22 Aug 2002 12:36:23 +0100\n"), None);
    }
}
