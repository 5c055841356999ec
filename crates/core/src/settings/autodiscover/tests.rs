use super::*;

fn ann() -> Address {
    Address::parse("ann.lee@example.org").unwrap()
}

fn outlook_document(account: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\
         <Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a\">\
         <User><DisplayName>x</DisplayName></User><Account><AccountType>email</AccountType>{account}\
         </Account></Response></Autodiscover>"
    )
}

fn protocol(kind: &str, fields: &[(&str, &str)]) -> String {
    let fields: String = fields.iter().map(|(name, value)| format!("<{name}>{value}</{name}>")).collect();
    format!("<Protocol><Type>{kind}</Type>{fields}</Protocol>")
}

fn settings(protocols: &str) -> Autodiscover {
    let text = outlook_document(&format!("<Action>settings</Action>{protocols}"));
    match read(text.as_bytes(), &ann()).unwrap() {
        Answer::Settings(found) => found,
        other => panic!("{other:?}"),
    }
}

fn imap(port: &str, ssl: &str, encryption: &str) -> (String, usize) {
    let mut fields = vec![("Server", "imap.example.org"), ("Port", port)];
    if !ssl.is_empty() {
        fields.push(("SSL", ssl));
    }
    if !encryption.is_empty() {
        fields.push(("Encryption", encryption));
    }
    let found = settings(&protocol("IMAP", &fields));
    (found.incoming[0].to_string(), found.oddities.len())
}

#[test]
fn what_other_servers_than_exchange_publish_is_read_with_imap_first() {
    let found = settings(
        &[
            protocol(
                "SMTP",
                &[("Server", "smtp.example.org"), ("Port", "465"), ("SSL", "on"), ("SPA", "on")],
            ),
            protocol("POP3", &[("Server", "pop.example.org"), ("Port", "995"), ("SSL", "on")]),
            protocol("IMAP", &[("Server", "Imap.Example.org"), ("Port", "993"), ("LoginName", "ann")]),
            protocol("WEB", &[]),
        ]
        .concat(),
    );
    let shown: Vec<_> = found.incoming.iter().map(|s| (s.to_string(), s.username.as_str())).collect();
    assert_eq!(
        shown,
        [
            ("imap.example.org:993/tls".to_owned(), "ann"),
            ("pop.example.org:995/tls".to_owned(), "ann.lee@example.org")
        ]
    );
    assert_eq!(found.incoming[0].authentication, [Authentication::Password]);
    assert_eq!(found.outgoing[0].to_string(), "smtp.example.org:465/tls");
    assert_eq!(found.outgoing[0].authentication, [Authentication::Other("ntlm".into())]);
    assert_eq!(found.oddities, Vec::<String>::new());
}

#[test]
fn the_port_decides_what_the_words_leave_open_and_nothing_is_read_as_plain_text() {
    for (port, ssl, encryption, wire, oddities) in [
        ("993", "on", "", "993/tls", 0),
        ("993", "", "", "993/tls", 0),
        ("143", "on", "", "143/starttls", 1),
        ("143", "off", "", "143/starttls", 1),
        ("143", "on", "TLS", "143/starttls", 0),
        ("993", "on", "TLS", "993/tls", 0),
        ("4143", "off", "", "4143/starttls", 1),
        ("4993", "on", "SSL", "4993/tls", 0),
        ("4143", "on", "TLS", "4143/starttls", 0),
        ("143", "on", "STARTTLS", "143/starttls", 0),
        ("993", "off", "", "993/tls", 1),
        ("143", "", "None", "143/starttls", 1),
        ("143", "", "rot13", "143/starttls", 1),
        ("0", "on", "", "993/tls", 0),
    ] {
        let (found, odd) = imap(port, ssl, encryption);
        assert_eq!((found, odd), (format!("imap.example.org:{wire}"), oddities), "{port} {ssl} {encryption}");
    }
}

#[test]
fn a_bad_block_is_left_out_and_the_good_one_stays() {
    let found = settings(
        &[
            protocol("IMAP", &[("Server", "not a host"), ("Port", "993")]),
            protocol("EXCH", &[("Server", "guid@example.org")]),
            protocol("IMAP", &[("Server", "good.example.org"), ("Port", "993")]),
        ]
        .concat(),
    );
    assert_eq!(found.incoming.len(), 1);
    assert_eq!(found.oddities.len(), 2, "{:?}", found.oddities);
}

#[test]
fn exchange_is_shown() {
    let found = settings(&protocol(
        "EXPR",
        &[("Server", "mail.example.org"), ("EwsUrl", "https://mail.example.org/EWS/Exchange.asmx")],
    ));
    assert_eq!((found.incoming[0].protocol, found.incoming[0].port), (Protocol::Ews, 443));
    let mobile = "<Autodiscover><Response><Culture>en:us</Culture><Action><Settings><Server>\
        <Type>MobileSync</Type><Url>https://eas.example.org/Microsoft-Server-ActiveSync</Url></Server>\
        </Settings></Action></Response></Autodiscover>";
    let Answer::Settings(found) = read(mobile.as_bytes(), &ann()).unwrap() else { panic!() };
    assert_eq!(found.incoming[0].protocol, Protocol::ActiveSync);
    assert_eq!(found.incoming[0].host, "eas.example.org");
}

#[test]
fn redirects_are_told() {
    let text = outlook_document("<Action>redirectAddr</Action><RedirectAddr>ann@other.test</RedirectAddr>");
    assert_eq!(read(text.as_bytes(), &ann()).unwrap(), Answer::RedirectAddress("ann@other.test".to_owned()));
    let text = outlook_document("<Action>redirectUrl</Action><RedirectUrl>https://a.test/x</RedirectUrl>");
    let text = format!("\n {text}");
    assert_eq!(read(text.as_bytes(), &ann()).unwrap(), Answer::RedirectUrl("https://a.test/x".to_owned()));
    let text = outlook_document("<Action>redirectUrl</Action><RedirectUrl/>");
    assert!(matches!(read(text.as_bytes(), &ann()), Err(ReadError::NoServer(_))));
}

#[test]
fn a_refusal_has_the_servers_words() {
    let text = "<Autodiscover><Response><Error Time=\"1\" Id=\"2\"><ErrorCode>600</ErrorCode>\
        <Message>Invalid Request</Message><DebugData/></Error></Response></Autodiscover>";
    assert_eq!(read(text.as_bytes(), &ann()), Err(ReadError::Refused("600 Invalid Request".into())));
    assert_eq!(read(b"<html><body/></html>", &ann()), Err(ReadError::WebPage));
    assert!(matches!(read(b"<Autodiscover/>", &ann()), Err(ReadError::NoServer(_))));
    assert!(matches!(read(b"<clientConfig/>", &ann()), Err(ReadError::OtherDocument(..))));
}

#[test]
fn version_2_names_an_address_of_the_web() {
    let url = "https://eas.example.org/Microsoft-Server-ActiveSync";
    let json = format!("{{\"Protocol\":\"ActiveSync\",\"Url\":\"{url}\"}}");
    assert_eq!(read_v2(json.as_bytes()).unwrap(), url);
    assert_eq!(web_service(Protocol::ActiveSync, url, &ann()).unwrap().host, "eas.example.org");
    assert_eq!(
        read_v2(br#"{"ErrorCode":"UserNotFound","ErrorMessage":"x"}"#),
        Err(ReadError::Refused("UserNotFound".into()))
    );
    assert!(matches!(read_v2(br#"{"Url":"http://eas.example.org/"}"#), Err(ReadError::NoServer(_))));
    assert!(matches!(read_v2(b"[1"), Err(ReadError::Json(_))));
}

#[test]
fn a_request_names_its_schema_and_escapes() {
    let body = request("a&b@example.org", Schema::MobileSync);
    assert!(body.contains("<EMailAddress>a&amp;b@example.org</EMailAddress>"), "{body}");
    assert!(body.contains("mobilesync/responseschema/2006<"), "{body}");
    assert!(request("a@b.c", Schema::Outlook).contains("outlook/responseschema/2006a<"));
}
