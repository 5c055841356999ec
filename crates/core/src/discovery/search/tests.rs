use super::*;
use crate::diagnosis::Stage;

const NOW: &str = "2026-03-01T00:00:00Z";
const EARLY: Duration = Duration::from_millis(100);

fn now() -> jiff::Timestamp {
    NOW.parse().unwrap()
}

fn config(imap: &str) -> Vec<u8> {
    let server = |tag: &str, kind: &str, host: &str, port: u16| {
        format!(
            "<{tag} type=\"{kind}\"><hostname>{host}</hostname><port>{port}</port><socketType>SSL</socketType>\
             <username>%EMAILADDRESS%</username></{tag}>"
        )
    };
    format!(
        "<clientConfig><emailProvider id=\"x\">{}{}</emailProvider></clientConfig>",
        server("incomingServer", "imap", imap, 993),
        server("outgoingServer", "smtp", "smtp.example.org", 465)
    )
    .into_bytes()
}

fn document(url: &str, status: u16, body: Vec<u8>) -> Reply {
    Reply::Document(Document { hops: vec![url.to_owned()], status, body, date: None })
}

fn record(target: &str, port: u16) -> Reply {
    Reply::Srv(vec![Record { priority: 0, weight: 0, port, target: target.to_owned() }])
}

fn failed(verdict: Verdict, said: &str) -> Reply {
    Reply::Failed(Finding::new(Stage::Dns, crate::diagnosis::Service::Discovery, verdict, said))
}

/// A search that is answered by name: what is not named does not exist.
struct Script {
    search: Search,
    open: Vec<(AskId, String)>,
}

impl Script {
    fn new(address: &str) -> Self {
        Self::with(address, false)
    }

    fn with(address: &str, thorough: bool) -> Self {
        let options = SearchOptions { ispdb: Some("https://db.test".into()), thorough };
        let search = Search::new(&Address::parse(address).unwrap(), options, now());
        let mut script = Self { search, open: Vec::new() };
        script.advance(Duration::ZERO);
        script
    }

    fn advance(&mut self, elapsed: Duration) {
        let new = self.search.next_asks(elapsed);
        self.open.extend(new.into_iter().map(|(id, ask)| (id, ask.what.to_string())));
    }

    /// Answers the open question of that name.
    fn answer(&mut self, asked: &str, reply: Reply) -> TraceLine {
        let at = self.open.iter().position(|(_, open)| open == asked);
        let at = at.unwrap_or_else(|| panic!("{asked} is not open: {:?}", self.open));
        let (id, _) = self.open.remove(at);
        let line = self.search.handle(id, reply, 1).unwrap();
        self.advance(EARLY);
        line
    }

    fn answer_config(&mut self, url: &str, imap: &str) -> TraceLine {
        self.answer(url, document(url, 200, config(imap)))
    }

    /// Nothing else exists.
    fn rest_is_absent(mut self) -> Discovery {
        while let Some((id, _)) = self.open.pop() {
            self.search.handle(id, Reply::Absent("none".into()), 1);
            self.advance(EARLY);
        }
        assert!(self.search.is_over(EARLY));
        self.search.finish(EARLY)
    }

    fn is_over(&self) -> bool {
        self.search.is_over(EARLY)
    }
}

const AUTOCONFIG: &str = "https://autoconfig.example.org/mail/config-v1.1.xml";
const WELL_KNOWN: &str = "https://example.org/.well-known/autoconfig/mail/config-v1.1.xml";
const ISPDB: &str = "https://db.test/example.org";

fn verdict(discovery: &Discovery) -> Verdict {
    assert!(discovery.best().is_none(), "{:?}", discovery.candidates);
    discovery.findings[0].verdict
}

#[test]
fn the_domains_own_word_ends_the_search_at_once() {
    let mut script = Script::new("ann@example.org");
    assert!(!script.is_over());
    script.answer_config(AUTOCONFIG, "imap.example.org");
    assert!(script.is_over());
    let found = script.search.finish(EARLY);
    let best = found.best().unwrap();
    assert_eq!((best.source, best.trusted), (Source::Autoconfig, true));
    assert_eq!(found.findings, []);
    let open =
        found.trace.iter().filter(|line| line.detail == "not waited for any longer after 100 ms").count();
    assert_eq!(open, 8);
}

#[test]
fn a_lesser_source_waits_for_the_better_ones_and_no_longer_than_patience() {
    let mut script = Script::new("ann@example.org");
    script.answer_config(ISPDB, "imap.example.org");
    assert!(!script.is_over(), "autoconfig may still answer");
    assert!(script.search.is_over(Search::PATIENCE));
    script.answer(AUTOCONFIG, failed(Verdict::PortBlocked, "no answer"));
    script.answer(WELL_KNOWN, Reply::Absent("404".into()));
    assert!(!script.is_over(), "the DNS may still answer");
    for service in Service::ALL {
        script.answer(&format!("SRV {}", service.name("example.org")), Reply::Absent("none".into()));
    }
    assert!(script.is_over(), "the mail exchanger ranks below");
}

#[test]
fn the_result_does_not_depend_on_who_was_quicker() {
    let mut one = Script::with("ann@example.org", true);
    one.answer_config(AUTOCONFIG, "imap.example.org");
    one.answer_config(ISPDB, "old.example.org");
    let mut other = Script::with("ann@example.org", true);
    other.answer_config(ISPDB, "old.example.org");
    other.answer_config(AUTOCONFIG, "imap.example.org");
    let (one, other) = (one.rest_is_absent(), other.rest_is_absent());
    assert_eq!(one.candidates, other.candidates);
    assert_eq!(one.candidates[0].source, Source::Autoconfig);
    let ispdb = one.trace.iter().find(|line| line.source == Source::Ispdb).unwrap();
    assert_eq!(ispdb.result, TraceResult::Disagrees);
    assert!(ispdb.detail.ends_with("; the best candidate names imap.example.org"), "{}", ispdb.detail);
}

#[test]
fn a_picky_server_is_asked_again_for_nobody() {
    let mut script = Script::new("ann@example.org");
    script.answer(AUTOCONFIG, document(AUTOCONFIG, 400, Vec::new()));
    let again = format!("{AUTOCONFIG}?emailaddress=test%40example.org");
    assert_eq!(script.answer_config(&again, "imap.example.org").result, TraceResult::Found);
    assert_eq!(script.search.finish(EARLY).candidates[0].url, again);

    let mut script = Script::new("ann@example.org");
    script.answer(WELL_KNOWN, document(WELL_KNOWN, 400, Vec::new()));
    script.answer(AUTOCONFIG, document(AUTOCONFIG, 500, Vec::new()));
    assert!(!script.open.iter().any(|(_, asked)| asked.contains('?')), "{:?}", script.open);
}

#[test]
fn srv_records_become_one_candidate_when_all_have_answered() {
    let mut script = Script::new("ann@example.org");
    script.answer("SRV _imaps._tcp.example.org", record("imap.example.org", 993));
    assert_eq!(script.search.candidates(false), []);
    script.answer("SRV _submission._tcp.example.org", record("smtp.example.org", 587));
    let found = script.rest_is_absent();
    let best = found.best().unwrap();
    assert_eq!(
        (best.source, best.trusted, best.url.as_str()),
        (Source::Srv, true, "_imaps._tcp.example.org")
    );
    assert_eq!(best.smtp().unwrap().to_string(), "smtp.example.org:587/starttls");
}

#[test]
fn a_foreign_mail_exchanger_leads_on_but_is_not_trusted() {
    let mut script = Script::new("ann@example.org");
    script.answer("MX example.org", Reply::Mx(vec!["mx01.hoster.test".into(), "mx02.hoster.test".into()]));
    let url = "https://autoconfig.hoster.test/mail/config-v1.1.xml";
    script.answer_config(url, "imap.hoster.test");
    assert!(!script.is_over(), "something trusted may still come");
    let found = script.rest_is_absent();
    let best = found.best().unwrap();
    assert_eq!((best.source, best.trusted), (Source::MxAutoconfig, false));
    assert!(best.why.contains("mx01.hoster.test"), "{}", best.why);
}

#[test]
fn a_trusted_lesser_source_outranks_an_untrusted_better_one() {
    let mut script = Script::with("ann@example.org", true);
    let hops = vec![AUTOCONFIG.to_owned(), "http://example.org/x".to_owned()];
    script.answer(
        AUTOCONFIG,
        Reply::Document(Document { hops, status: 200, body: config("evil.test"), date: None }),
    );
    script.answer_config(ISPDB, "imap.example.org");
    let found = script.rest_is_absent();
    let sources: Vec<_> = found.candidates.iter().map(|c| (c.source, c.trusted)).collect();
    assert_eq!(sources, [(Source::Ispdb, true), (Source::Autoconfig, false)]);
}

#[test]
fn usual_names_are_tried_last_and_the_best_that_speaks_is_taken() {
    let mut script = Script::new("ann@example.org");
    let first: Vec<_> = script.open.iter().map(|(_, asked)| asked.clone()).collect();
    for asked in first {
        assert!(!script.open.iter().any(|(_, open)| open.contains("993")), "too early");
        script.answer(&asked, Reply::Absent("none".into()));
    }
    script.answer("mail.example.org:993/tls", Reply::Spoke("* OK".into()));
    script.answer("mail.example.org:587/starttls", Reply::Spoke("220".into()));
    script.answer("imap.example.org:143/starttls", Reply::Spoke("* OK".into()));
    assert!(!script.is_over(), "imap.example.org:993 may still answer");
    let found = script.rest_is_absent();
    let best = found.best().unwrap();
    assert_eq!((best.source, best.trusted), (Source::Guess, true));
    assert_eq!(best.imap().unwrap().to_string(), "mail.example.org:993/tls");
    assert_eq!(best.smtp().unwrap().to_string(), "mail.example.org:587/starttls");
}

#[test]
fn usual_names_do_not_wait_for_a_dead_source() {
    let mut script = Script::new("ann@example.org");
    script.answer("MX example.org", Reply::Absent("none".into()));
    script.advance(Search::PATIENCE);
    assert!(script.open.iter().any(|(_, asked)| asked == "imap.example.org:993/tls"), "{:?}", script.open);
}

#[test]
fn a_domain_that_does_not_exist_ends_it_and_a_slip_is_pointed_out() {
    let mut script = Script::new("ann@gmial.com");
    script.answer("MX gmial.com", Reply::NoSuchName("NXDOMAIN".into()));
    assert!(script.is_over());
    let found = script.search.finish(EARLY);
    assert_eq!(verdict(&found), Verdict::DomainNotFound);
    assert_eq!(found.findings[0].remedy, "Did you mean ann@gmail.com?");
}

#[test]
fn a_domain_that_says_no_is_believed() {
    let mut script = Script::new("ann@example.org");
    script.answer("MX example.org", Reply::Mx(vec![String::new()]));
    let found = script.rest_is_absent();
    assert_eq!(verdict(&found), Verdict::NoMailService);
    assert_eq!(found.findings[0].certainty, Certainty::Certain);
    assert!(!found.trace.iter().any(|line| line.source == Source::Guess));

    let mut script = Script::new("ann@example.org");
    script.answer("SRV _imaps._tcp.example.org", record(".", 0));
    let found = script.rest_is_absent();
    assert_eq!((verdict(&found), found.findings[0].certainty), (Verdict::NoMailService, Certainty::Certain));
    assert!(!found.trace.iter().any(|line| line.source == Source::Guess));
}

#[test]
fn nothing_at_all_is_said_so() {
    let found = Script::new("ann@example.org").rest_is_absent();
    assert_eq!((verdict(&found), found.findings[0].certainty), (Verdict::NoMailService, Certainty::Likely));
}

#[test]
fn a_broken_name_service_is_not_a_missing_domain() {
    let mut script = Script::new("ann@example.org");
    script.advance(Search::PATIENCE);
    script.answer("MX example.org", failed(Verdict::DnsFailure, "SERVFAIL"));
    let found = script.rest_is_absent();
    assert_eq!(verdict(&found), Verdict::DnsFailure);
    assert!(!found.trace.iter().any(|line| line.source == Source::Guess));

    let mut script = Script::new("ann@example.org");
    script.answer("MX example.org", failed(Verdict::DnsFailure, "no answer"));
    script.answer(ISPDB, failed(Verdict::DnsFailure, "no answer"));
    let found = script.rest_is_absent();
    assert_eq!((verdict(&found), found.findings[0].certainty), (Verdict::Offline, Certainty::Likely));
}

#[test]
fn without_a_network_nothing_is_guessed() {
    let mut script = Script::new("ann@example.org");
    while let Some((_, asked)) = script.open.first().cloned() {
        script.answer(&asked, failed(Verdict::Offline, "no route"));
    }
    assert!(script.is_over());
    assert_eq!(verdict(&script.search.finish(EARLY)), Verdict::Offline);
}

#[test]
fn a_page_in_place_of_the_ispdb_is_a_captive_portal() {
    let mut script = Script::new("ann@example.org");
    script.answer(ISPDB, document(ISPDB, 200, b"<html>Welcome to the hotel</html>".to_vec()));
    assert_eq!(verdict(&script.rest_is_absent()), Verdict::CaptivePortal);
}

#[test]
fn a_provider_without_imap_is_known() {
    let script = Script::new("ann@proton.me");
    assert_eq!(script.open, []);
    assert!(script.is_over());
    assert_eq!(verdict(&script.search.finish(EARLY)), Verdict::NeedsBridge);

    let mut script = Script::new("ann@example.org");
    script.answer("MX example.org", Reply::Mx(vec!["mail.tutanota.de".into()]));
    let found = script.rest_is_absent();
    assert_eq!(verdict(&found), Verdict::NeedsBridge);
    assert!(!found.trace.iter().any(|line| line.source == Source::Guess));
}

#[test]
fn pop3_alone_is_shown_and_explained() {
    let mut script = Script::new("ann@example.org");
    script.answer("SRV _pop3s._tcp.example.org", record("pop.example.org", 995));
    let found = script.rest_is_absent();
    assert_eq!(verdict(&found), Verdict::NoMailService);
    assert_eq!(found.findings[0].evidence, "srv names only POP3 at pop.example.org:995/tls");
    assert_eq!(found.candidates.len(), 1);
}

#[test]
fn a_clock_that_is_off_by_days_is_told() {
    let mut script = Script::new("ann@example.org");
    let date = Some("2026-03-05T00:00:00Z".parse().unwrap());
    let reply =
        Document { hops: vec![AUTOCONFIG.to_owned()], status: 200, body: config("i.example.org"), date };
    script.answer(AUTOCONFIG, Reply::Document(reply));
    let found = script.search.finish(EARLY);
    assert_eq!(found.findings[0].verdict, Verdict::ClockWrong);
    assert!(found.best().is_some());
}

#[test]
fn a_guessed_server_with_a_bad_certificate_is_a_better_answer_than_nothing() {
    let mut script = Script::new("ann@example.org");
    let first: Vec<_> = script.open.iter().map(|(_, asked)| asked.clone()).collect();
    for asked in first {
        script.answer(&asked, Reply::Absent("none".into()));
    }
    script.answer("imap.example.org:993/tls", failed(Verdict::CertificateExpired, "expired"));
    assert_eq!(verdict(&script.rest_is_absent()), Verdict::CertificateExpired);
}

#[test]
fn the_json_has_ranks() {
    let mut script = Script::new("ann@example.org");
    script.answer_config(AUTOCONFIG, "imap.example.org");
    let json = serde_json::to_value(script.search.finish(EARLY)).unwrap();
    assert_eq!(json["candidates"][0]["rank"], 1);
    assert_eq!(json["candidates"][0]["source"], "autoconfig");
    assert_eq!(json["candidates"][0]["incoming"][0]["security"], "tls");
    assert_eq!(json["trace"][0]["result"], "found");
    assert_eq!(json["findings"], serde_json::json!([]));
}
