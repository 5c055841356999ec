use super::*;

fn ann() -> Address {
    Address::parse("ann.lee@example.org").unwrap()
}

fn document(servers: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\"><emailProvider id=\"x\">\
         <domain>example.org</domain><displayName>Example Mail</displayName>{servers}</emailProvider></clientConfig>"
    )
}

fn server(tag: &str, kind: &str, fields: &[(&str, &str)]) -> String {
    let fields: String = fields.iter().map(|(name, value)| format!("<{name}>{value}</{name}>")).collect();
    format!("<{tag} type=\"{kind}\">{fields}</{tag}>")
}

fn imap(host: &str, socket: &str, user: &str) -> String {
    server("incomingServer", "imap", &[("hostname", host), ("socketType", socket), ("username", user)])
}

fn parse(servers: &str) -> Autoconfig {
    read(document(servers).as_bytes(), &ann()).unwrap()
}

#[test]
fn a_whole_document_is_read_with_imap_first() {
    let read = parse(
        r#"<incomingServer type="pop3"><hostname>pop.example.org</hostname><port>995</port>
             <socketType>SSL</socketType><authentication>password-cleartext</authentication>
             <username>%EMAILADDRESS%</username></incomingServer>
           <incomingServer type="imap"><hostname>IMAP.example.org</hostname><port>993</port>
             <socketType>SSL</socketType><authentication>OAuth2</authentication>
             <authentication>password-cleartext</authentication><authentication>GSSAPI</authentication>
             <username>%EMAILLOCALPART%</username></incomingServer>
           <outgoingServer type="smtp"><hostname>smtp.%EMAILDOMAIN%</hostname><port>587</port>
             <socketType>STARTTLS</socketType><authentication>password-encrypted</authentication>
             <username>%EMAILDOMAIN%\%EMAILLOCALPART%</username></outgoingServer>
           <enable visiturl="https://example.org/imap"><instruction lang="de">Schalten Sie IMAP ein</instruction>
             <instruction lang="en">Switch IMAP
               on</instruction></enable>
           <documentation url="javascript:alert(1)"><descr>no</descr></documentation>"#,
    );
    assert_eq!(read.name.as_deref(), Some("Example Mail"));
    assert_eq!(read.oddities, Vec::<String>::new());
    let shown: Vec<_> =
        read.incoming.iter().map(|s| (s.protocol, s.to_string(), s.username.as_str())).collect();
    assert_eq!(
        shown,
        [
            (Protocol::Imap, "imap.example.org:993/tls".to_owned(), "ann.lee"),
            (Protocol::Pop3, "pop.example.org:995/tls".to_owned(), "ann.lee@example.org"),
        ]
    );
    assert_eq!(
        read.incoming[0].authentication,
        [Authentication::OAuth2, Authentication::Password, Authentication::Other("gssapi".into())]
    );
    assert_eq!(read.outgoing[0].to_string(), "smtp.example.org:587/starttls");
    assert_eq!(read.outgoing[0].username, r"example.org\ann.lee");
    assert_eq!(read.outgoing[0].authentication, [Authentication::CramMd5]);
    assert_eq!(
        read.links,
        [Link {
            kind: LinkKind::Enable,
            url: "https://example.org/imap".into(),
            text: "Switch IMAP on".into()
        }]
    );
}

#[test]
fn a_bad_block_is_left_out_and_the_good_one_stays() {
    let bad = [
        imap("", "SSL", "x"),
        imap("not a host", "SSL", "x"),
        imap("https://imap.example.org", "SSL", "x"),
        imap("imap.example.org", "rot13", "x"),
        server("incomingServer", "gopher", &[("hostname", "old.example.org")]),
    ];
    for bad in bad {
        let read = parse(&format!("{bad}{}", imap("good.example.org", "SSL", "%EMAILADDRESS%")));
        assert_eq!(read.incoming.len(), 1, "{bad}");
        assert_eq!(read.incoming[0].host, "good.example.org");
        assert_eq!(read.oddities.len(), 1, "{bad}: {:?}", read.oddities);
    }
}

#[test]
fn what_is_missing_takes_the_usual_value_and_is_told() {
    let read = parse(&server("incomingServer", "imap", &[("hostname", "imap.example.org")]));
    assert_eq!(read.incoming[0].to_string(), "imap.example.org:993/tls");
    assert_eq!(read.incoming[0].username, "ann.lee@example.org");
    assert!(read.incoming[0].authentication.is_empty());
    assert_eq!(
        read.oddities,
        [
            "imap.example.org: no socketType, taken from the port",
            "imap.example.org: no user name, the full address is taken"
        ]
    );
    let read = parse(&imap("imap.example.org", "STARTTLS", "x"));
    assert_eq!(read.incoming[0].to_string(), "imap.example.org:143/starttls");
    let port = |port| {
        server(
            "outgoingServer",
            "smtp",
            &[("hostname", "s.org"), ("port", port), ("socketType", "SSL"), ("username", "x")],
        )
    };
    for bad in ["0", "65536", "submission"] {
        let read = parse(&port(bad));
        assert_eq!(read.outgoing[0].port, 465, "{bad}");
        assert_eq!(read.oddities.len(), 1, "{bad}");
    }
}

#[test]
fn plain_text_is_named_as_such() {
    let read = parse(&imap("imap.example.org", "plain", "x"));
    assert_eq!(read.incoming[0].security, Security::None);
    assert_eq!(read.incoming[0].port, 143);
    assert_eq!(read.oddities, ["imap.example.org:143 (IMAP) has no encryption and is not used"]);
}

#[test]
fn a_placeholder_without_its_end_is_mended_and_told() {
    let read = parse(&imap("imap.example.org", "SSL", "%EMAILADDRESS"));
    assert_eq!(read.incoming[0].username, "ann.lee@example.org");
    assert_eq!(read.oddities, ["imap.example.org: a placeholder in `%EMAILADDRESS` has no closing %"]);
    let read = parse(&imap("imap.example.org", "SSL", "%EMAILUSER%"));
    assert_eq!(read.incoming[0].username, "%EMAILUSER%");
    assert_eq!(read.oddities.len(), 1);
    assert_eq!(parse(&imap("imap.example.org", "SSL", "50%off")).incoming[0].username, "50%off");
}

#[test]
fn a_port_that_speaks_against_the_document_is_told_and_obeyed() {
    let with = |port, socket| {
        server(
            "incomingServer",
            "imap",
            &[("hostname", "h.org"), ("port", port), ("socketType", socket), ("username", "x")],
        )
    };
    for (port, socket) in [("587", "STARTTLS"), ("993", "STARTTLS"), ("143", "SSL")] {
        let read = parse(&with(port, socket));
        assert_eq!(read.incoming[0].port.to_string(), port);
        assert_eq!(read.oddities.len(), 1, "{port} {socket}");
    }
    assert!(parse(&with("4993", "SSL")).oddities.is_empty());
}

#[test]
fn exchange_is_kept_behind_imap() {
    let exchange = server(
        "incomingServer",
        "exchange",
        &[
            ("ewsURL", "https://ex.example.org/EWS/Exchange.asmx"),
            ("easURL", "https://eas.example.org/Microsoft-Server-ActiveSync"),
            ("username", "%EMAILADDRESS%"),
        ],
    );
    let read = parse(&format!("{exchange}{}", imap("imap.example.org", "SSL", "x")));
    let shown: Vec<_> = read.incoming.iter().map(|s| (s.protocol, s.host.as_str(), s.port)).collect();
    assert_eq!(
        shown,
        [
            (Protocol::Imap, "imap.example.org", 993),
            (Protocol::Ews, "ex.example.org", 443),
            (Protocol::ActiveSync, "eas.example.org", 443)
        ]
    );
}

#[test]
fn what_is_no_settings_document_is_told_apart() {
    let read = |text: &str| read(text.as_bytes(), &ann()).unwrap_err();
    assert_eq!(read("<!DOCTYPE HTML><title>Welcome</title><p>Parking"), ReadError::WebPage);
    assert_eq!(read("<html xmlns='x'><body/></html>"), ReadError::WebPage);
    assert_eq!(read("<Autodiscover/>"), ReadError::OtherDocument("Autodiscover".into(), "clientConfig"));
    assert!(matches!(read("<clientConfig><emailProvider>"), ReadError::Xml(_)));
    assert!(matches!(read(""), ReadError::Xml(_)));
    assert!(matches!(read(&document("")), ReadError::NoServer(_)));
    assert_eq!(read(&" ".repeat(super::super::document::SIZE + 1)), ReadError::TooLong);
}

#[test]
fn entities_and_depth_cannot_be_used_against_the_reader() {
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><clientConfig>&b;</clientConfig>";
    assert!(matches!(read(bomb.as_bytes(), &ann()), Err(ReadError::Xml(_))));
    let deep = "<a>".repeat(80_000);
    assert!(matches!(read(deep.as_bytes(), &ann()), Err(ReadError::Xml(_))));
    let wide = document(&"<x/>".repeat(40_000));
    assert!(matches!(read(wide.as_bytes(), &ann()), Err(ReadError::Xml(_))));
}

#[test]
fn a_document_that_is_not_utf_8_is_still_read() {
    let mut bytes =
        document(&imap("imap.example.org", "SSL", "x")).replace("UTF-8", "ISO-8859-1").into_bytes();
    let at = bytes.windows(4).position(|w| w == b"Mail").unwrap();
    bytes[at] = 0xe9;
    assert_eq!(read(&bytes, &ann()).unwrap().name.as_deref(), Some("Example éail"));
    let with_bom = [b"\xef\xbb\xbf".as_slice(), document(&imap("i.org", "SSL", "x")).as_bytes()].concat();
    assert!(read(&with_bom, &ann()).is_ok());
}

#[test]
fn an_international_domain_is_ascii_in_a_host() {
    let address = Address::parse("info@bücher.example").unwrap();
    let text = document(&imap("imap.%EMAILDOMAIN%", "SSL", "%EMAILADDRESS%"));
    let read = read(text.as_bytes(), &address).unwrap();
    assert_eq!(read.incoming[0].host, "imap.xn--bcher-kva.example");
    assert_eq!(read.incoming[0].username, "info@bücher.example");
}
