//! Tying a login to the TLS connection it goes through (RFC 5056), so that nobody in the middle can pass it on.

/// What both ends of a TLS connection know and nobody between them can have.
#[derive(Clone, PartialEq, Eq)]
pub enum ChannelBinding {
    /// `tls-exporter` (RFC 9266), for TLS 1.3: 32 bytes of keying material exported with the label
    /// `EXPORTER-Channel-Binding` and an empty context.
    TlsExporter([u8; 32]),
    /// `tls-server-end-point` (RFC 5929, section 4), for TLS 1.2: the hash of the server's certificate.
    TlsServerEndPoint(Vec<u8>),
}

impl ChannelBinding {
    /// The registered name of its kind.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::TlsExporter(_) => "tls-exporter",
            Self::TlsServerEndPoint(_) => "tls-server-end-point",
        }
    }

    /// The data itself.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        match self {
            Self::TlsExporter(data) => data,
            Self::TlsServerEndPoint(data) => data,
        }
    }
}

/// Shows the kind only: whoever has the data could pretend to be on the connection.
impl std::fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What SCRAM says about channel binding (RFC 5802, section 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// `n`: we have nothing to bind to, or bind to nothing on purpose.
    None,
    /// `y`: we could, but the server does not offer it. A server that did learns that somebody removed its offer.
    NotOffered,
    /// `p=`: bound to this.
    To(ChannelBinding),
}

impl Binding {
    /// The gs2-header, without an authorisation identity.
    pub(super) fn header(&self) -> String {
        match self {
            Self::None => "n,,".to_owned(),
            Self::NotOffered => "y,,".to_owned(),
            Self::To(channel) => format!("p={},,", channel.name()),
        }
    }

    /// What `c=` carries: the header, and the data behind it.
    pub(super) fn input(&self) -> Vec<u8> {
        let mut input = self.header().into_bytes();
        if let Self::To(channel) = self {
            input.extend_from_slice(channel.data());
        }
        input
    }
}
