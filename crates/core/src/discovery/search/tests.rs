use super::*;
use crate::diagnosis::{Certainty, Stage};
use crate::settings::pacc;
use crate::settings::{Authentication, Protocol};

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
    Reply::Document(Document { hops: vec![url.to_owned()], status, body, ..Document::default() })
}

fn record(target: &str, port: u16) -> Reply {
    Reply::Srv(vec![Record { priority: 0, weight: 0, port, target: target.to_owned() }])
}

fn mx(exchanges: &[&str]) -> Reply {
    Reply::Mx { exchanges: exchanges.iter().map(|e| (*e).to_owned()).collect(), signed: false }
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
fn the_domains_own_word_ends_the_search_once_the_mail_exchanger_does_not_speak_against_it() {
    let mut script = Script::new("ann@example.org");
    assert!(!script.is_over());
    script.answer_config(AUTOCONFIG, "imap.example.org");
    assert!(!script.is_over(), "the mail may be a provider's");
    script.answer("MX example.org", mx(&["mx.example.org"]));
    assert!(script.is_over());
    let found = script.search.finish(EARLY);
    let best = found.best().unwrap();
    assert_eq!((best.source, best.trusted), (Source::Autoconfig, true));
    assert_eq!(found.findings, []);
    let given_up = |line: &&TraceLine| line.detail == "not waited for any longer after 100 ms";
    assert_eq!(found.trace.iter().filter(given_up).count(), 14);
}

/// Everything but the questions of this kind is answered: there is none.
fn only_open(script: &mut Script, open: &str) {
    let others: Vec<_> = script.open.iter().map(|(_, asked)| asked.clone()).collect();
    for asked in others.into_iter().filter(|asked| asked != open) {
        script.answer(&asked, Reply::Absent("none".into()));
    }
}

#[test]
fn a_better_source_that_is_silent_is_waited_for_three_times_as_long_as_the_others_took() {
    let mut script = Script::new("ann@example.org");
    let at = script.open.iter().position(|(_, open)| open == ISPDB).unwrap();
    let (id, _) = script.open.remove(at);
    script.search.handle(id, document(ISPDB, 200, config("imap.example.org")), 200);
    script.advance(EARLY);
    only_open(&mut script, AUTOCONFIG);
    let ms = Duration::from_millis;
    assert!(!script.search.is_over(ms(599)));
    assert!(script.search.is_over(ms(600)));
    assert_eq!(script.search.next_look(ms(200)), Some(ms(600)));
}

#[test]
fn a_quick_network_still_leaves_a_silent_source_a_moment_and_a_slow_one_not_too_long() {
    for (took, patience) in [(1, 300), (5000, 3000)] {
        let mut script = Script::new("ann@example.org");
        let at = script.open.iter().position(|(_, open)| open == ISPDB).unwrap();
        let (id, _) = script.open.remove(at);
        script.search.handle(id, document(ISPDB, 200, config("imap.example.org")), took);
        only_open(&mut script, AUTOCONFIG);
        assert!(!script.search.is_over(Duration::from_millis(patience - 1)), "{took}");
        assert!(script.search.is_over(Duration::from_millis(patience)), "{took}");
    }
}

#[test]
fn where_two_trusted_sources_agree_a_silent_third_is_not_waited_for_long() {
    let mut script = Script::new("ann@example.org");
    script.answer_config(ISPDB, "imap.example.org");
    script.answer_config(WELL_KNOWN, "imap.example.org");
    only_open(&mut script, AUTOCONFIG);
    assert!(!script.search.is_over(Duration::from_millis(9)));
    assert!(script.search.is_over(Duration::from_millis(10)));
}

#[test]
fn a_silent_question_does_not_hold_up_the_others_of_its_candidate() {
    let mut script = Script::new("ann@example.org");
    script.answer("SRV _imaps._tcp.example.org", record("imap.example.org", 993));
    only_open(&mut script, "SRV _submissions._tcp.example.org");
    assert!(!script.is_over());
    let later = Duration::from_millis(400);
    script.advance(later);
    assert!(script.search.is_over(later));
    assert_eq!(script.search.finish(later).best().unwrap().source, Source::Srv);
}

#[test]
fn a_web_hosts_word_is_doubted_where_the_mail_goes_to_a_provider_without_imap() {
    let mut script = Script::new("ann@example.org");
    script.answer_config(AUTOCONFIG, "mail.webhost.test");
    script.answer("MX example.org", mx(&["mail.protonmail.ch"]));
    let found = script.rest_is_absent();
    assert!(found.best().is_some());
    assert_eq!(found.findings[0].verdict, Verdict::NeedsBridge);
}

#[test]
fn a_lesser_source_that_is_silent_is_not_waited_for() {
    let mut script = Script::new("ann@example.org");
    script.answer_config(AUTOCONFIG, "imap.example.org");
    only_open(&mut script, ISPDB);
    assert!(script.search.is_over(Duration::ZERO));
}

#[test]
fn a_report_hears_what_is_alive_and_does_not_wait_for_the_dead() {
    let mut script = Script::with("ann@example.org", true);
    script.answer_config(AUTOCONFIG, "imap.example.org");
    only_open(&mut script, ISPDB);
    assert!(!script.search.is_over(Duration::from_millis(59)));
    assert!(script.search.is_over(Duration::from_millis(60)));
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
    script.answer(AUTOCONFIG, document(AUTOCONFIG, 500, Vec::new()));
    assert!(!script.open.iter().any(|(_, asked)| asked.contains("?email")), "{:?}", script.open);
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
    script.answer("MX example.org", mx(&["mx01.hoster.test", "mx02.hoster.test"]));
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
        Reply::Document(Document { hops, status: 200, body: config("evil.test"), ..Document::default() }),
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
    script.answer("MX example.org", mx(&[""]));
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
    let script = Script::new("ann@tuta.com");
    assert_eq!(script.open, []);
    assert!(script.is_over());
    assert_eq!(verdict(&script.search.finish(EARLY)), Verdict::NeedsBridge);

    let mut script = Script::new("ann@example.org");
    script.answer("MX example.org", mx(&["mail.tutanota.de"]));
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
    let reply = Document {
        hops: vec![AUTOCONFIG.to_owned()],
        status: 200,
        body: config("i.example.org"),
        date,
        ..Document::default()
    };
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
    script.answer_config(ISPDB, "mail.example.org");
    let json = serde_json::to_value(script.search.finish(EARLY)).unwrap();
    assert_eq!(json["candidates"][0]["rank"], 1);
    assert_eq!(json["candidates"][0]["source"], "autoconfig");
    assert_eq!(json["candidates"][0]["incoming"][0]["security"], "tls");
    assert_eq!(json["trace"][0]["result"], "found");
    assert_eq!(json["findings"][0]["verdict"], "sources-disagree");
    assert_eq!(
        json["values"][0],
        serde_json::json!({
            "name": "imap.host",
            "value": "imap.example.org",
            "url": AUTOCONFIG,
            "sources": ["autoconfig"],
            "others": [{"source": "ispdb", "value": "mail.example.org"}],
        })
    );
    assert_eq!(json["values"][1]["sources"], serde_json::json!(["autoconfig", "ispdb"]));
}

#[test]
fn a_program_of_the_providers_on_this_machine_is_offered_and_not_trusted() {
    let mut script = Script::new("ann@proton.me");
    let asked: Vec<_> = script.open.iter().map(|(_, asked)| asked.as_str()).collect();
    assert_eq!(asked, ["127.0.0.1:1143/starttls", "127.0.0.1:1025/starttls"]);
    script.answer("127.0.0.1:1143/starttls", Reply::Spoke("* OK".into()));
    script.answer("127.0.0.1:1025/starttls", Reply::Spoke("220".into()));
    let found = script.rest_is_absent();
    let best = found.best().unwrap();
    assert_eq!((best.source, best.trusted), (Source::Provider, false));
    assert_eq!(best.imap().unwrap().to_string(), "127.0.0.1:1143/starttls");
    assert_eq!(best.smtp().unwrap().to_string(), "127.0.0.1:1025/starttls");
    assert_eq!(found.findings, []);

    let found = Script::new("ann@proton.me").rest_is_absent();
    assert_eq!(verdict(&found), Verdict::NeedsBridge);
}

#[test]
fn a_provider_is_known_by_its_domain() {
    let found = Script::new("ann@gmail.com").rest_is_absent();
    let best = found.best().unwrap();
    assert_eq!((best.source, best.trusted), (Source::Provider, true));
    assert_eq!(best.imap().unwrap().to_string(), "imap.gmail.com:993/tls");
}

#[test]
fn a_web_hosts_leftover_ranks_behind_the_provider_whose_exchanger_takes_the_mail() {
    let mut script = Script::new("ann@example.org");
    script.answer_config(AUTOCONFIG, "mail.webhost.test");
    script.answer("MX example.org", mx(&["aspmx.l.google.com"]));
    let found = script.rest_is_absent();
    let sources: Vec<_> = found.candidates.iter().map(|c| (c.source, c.trusted)).collect();
    assert_eq!(sources, [(Source::Provider, true), (Source::Autoconfig, true)]);
    let finding = &found.findings[0];
    assert_eq!((finding.verdict, finding.certainty), (Verdict::SourcesDisagree, Certainty::Likely));
    assert_eq!(
        finding.evidence,
        format!(
            "{} (https://support.google.com/accounts/answer/185833) names imap.gmail.com; autoconfig \
             ({AUTOCONFIG}) names mail.webhost.test; the mail exchanger is aspmx.l.google.com",
            Source::Provider
        )
    );
    assert_eq!(found.trace[0].result, TraceResult::Disagrees);
}

#[test]
fn a_signed_mail_exchanger_is_believed() {
    let mut script = Script::new("ann@example.org");
    script.answer("MX example.org", Reply::Mx { exchanges: vec!["mx.hoster.test".to_owned()], signed: true });
    script.answer_config("https://autoconfig.hoster.test/mail/config-v1.1.xml", "imap.hoster.test");
    let found = script.rest_is_absent();
    let best = found.best().unwrap();
    assert_eq!((best.source, best.trusted), (Source::MxAutoconfig, true), "{}", best.why);
}

#[test]
fn a_foreign_target_is_trusted_when_it_has_a_certificate_of_the_domain() {
    let foreign = |vouch: Reply| {
        let mut script = Script::new("ann@example.org");
        script.answer("SRV _imaps._tcp.example.org", record("imap.hoster.test", 993));
        let open: Vec<_> = script.open.iter().map(|(_, asked)| asked.clone()).collect();
        for asked in open.into_iter().filter(|asked| asked.starts_with("SRV _")) {
            script.answer(&asked, Reply::Absent("none".into()));
        }
        assert_eq!(script.search.candidates(false), [], "the certificate is not known yet");
        script.answer("imap.hoster.test:993/tls for example.org", vouch);
        let found = script.rest_is_absent();
        let best = found.best().unwrap();
        assert_eq!(best.source, Source::Srv);
        (best.trusted, best.why.clone())
    };
    let (trusted, why) = foreign(Reply::Spoke("* OK".into()));
    assert!(trusted, "{why}");
    let (trusted, why) = foreign(failed(Verdict::CertificateNameMismatch, "not for example.org"));
    assert!(!trusted);
    assert_eq!(why, "unsigned DNS names imap.hoster.test, which is outside example.org");
}

const PACC: &str = "https://ua-auto-config.example.org/.well-known/user-agent-configuration.json";
const DIGEST: &str = "TXT _ua-auto-config.example.org";

#[test]
fn a_document_of_pacc_needs_its_digest() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let body = br#"{"protocols":{"imap":{"host":"imap.example.org"},"smtp":{"host":"smtp.example.org"}},
        "authentication":{"password":true}}"#;
    let record = |body: &[u8]| {
        let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(body));
        Reply::Txt(vec![format!("v=UAAC1; a=sha256; d={digest}")])
    };
    assert_eq!(PACC, pacc::url("example.org"));
    let found = |txt: Reply, first: bool| {
        let mut script = Script::new("ann@example.org");
        if first {
            script.answer(DIGEST, txt.clone());
        }
        script.answer(PACC, document(PACC, 200, body.to_vec()));
        if !first {
            assert_eq!(script.search.candidates(false), [], "the digest is not known yet");
            script.answer(DIGEST, txt);
        }
        let found = script.rest_is_absent();
        (found.best().map(|best| (best.source, best.trusted)), found)
    };
    for first in [true, false] {
        let (best, found_with) = found(record(body), first);
        assert_eq!(best, Some((Source::Pacc, true)));
        assert_eq!(found_with.candidates[0].incoming[0].authentication, [Authentication::Password]);
        let (best, found_without) = found(Reply::Absent("no TXT".into()), first);
        assert_eq!(best, Some((Source::Pacc, false)), "{found_without:?}");
        let (best, found_other) = found(record(b"{}"), first);
        assert_eq!(best, None);
        let told = found_other.trace.iter().any(|line| line.detail.contains("another digest"));
        assert!(told, "{:?}", found_other.trace);
    }
}

const POST: &str = "POST https://autodiscover.example.org/autodiscover/autodiscover.xml";
const POST_AT_DOMAIN: &str = "POST https://example.org/autodiscover/autodiscover.xml";

fn xml(url: &str, account: &str) -> Reply {
    let body = format!("<Autodiscover><Response><Account>{account}</Account></Response></Autodiscover>");
    document(url.trim_start_matches("POST "), 200, body.into_bytes())
}

const POX: &str = "<Action>settings</Action><Protocol><Type>IMAP</Type><Server>imap.example.org</Server>\
    <Port>143</Port><SSL>off</SSL><LoginName>test@example.org</LoginName></Protocol>";

#[test]
fn autodiscover_is_asked_about_a_stand_in_and_the_person_is_put_back() {
    let mut script = Script::new("ann@example.org");
    script.answer(POST, xml(POST, POX));
    let found = script.rest_is_absent();
    let best = found.best().unwrap();
    assert_eq!((best.source, best.trusted), (Source::Autodiscover, true), "{}", best.why);
    let imap = best.imap().unwrap();
    assert_eq!(
        (imap.to_string().as_str(), imap.username.as_str()),
        ("imap.example.org:143/starttls", "ann@example.org")
    );
    assert_eq!(found.oddities.len(), 1);
}

#[test]
fn autodiscovers_redirects_are_followed_over_https_a_few_times() {
    let to = |url: &str| format!("<Action>redirectUrl</Action><RedirectUrl>{url}</RedirectUrl>");
    let mut script = Script::new("ann@example.org");
    let line = script.answer(POST_AT_DOMAIN, xml(POST_AT_DOMAIN, &to("http://evil.test/x")));
    assert_eq!(line.result, TraceResult::Failed);
    script.answer(POST, xml(POST, &to("https://a.test/1")));
    for at in 1..3 {
        let post = format!("POST https://a.test/{at}");
        script.answer(&post, xml(&post, &to(&format!("https://a.test/{}", at + 1))));
    }
    let line = script.answer("POST https://a.test/3", xml("https://a.test/3", &to("https://a.test/4")));
    assert_eq!(line.result, TraceResult::Failed, "{line:?}");

    let mut script = Script::new("ann@example.org");
    script.answer(POST, xml(POST, "<RedirectAddr>Ann.Real@tenant.test</RedirectAddr>"));
    let post = "POST https://autodiscover.tenant.test/autodiscover/autodiscover.xml";
    script.answer(post, xml(post, &POX.replace("example.org<", "tenant.test<")));
    let asked = format!("{:?}", script.search.asks);
    assert!(!asked.to_lowercase().contains("ann.real"), "{asked}");
    assert_eq!(script.rest_is_absent().best().unwrap().source, Source::Autodiscover);
}

#[test]
fn an_autodiscover_server_outside_the_domain_is_not_trusted() {
    let mut script = Script::new("ann@example.org");
    script.answer("SRV _autodiscover._tcp.example.org", record("auto.hoster.test", 443));
    let post = "POST https://auto.hoster.test/autodiscover/autodiscover.xml";
    script.answer(post, xml(post, POX));
    let found = script.rest_is_absent();
    assert!(!found.best().unwrap().trusted, "{}", found.candidates[0].why);
}

#[test]
fn exchange_alone_is_recognised() {
    let mut script = Script::new("ann@example.org");
    script.answer(POST, document(POST.trim_start_matches("POST "), 401, Vec::new()));
    let found = script.rest_is_absent();
    assert_eq!((verdict(&found), found.findings[0].certainty), (Verdict::ExchangeOnly, Certainty::Likely));

    let mut script = Script::new("ann@example.org");
    script.answer(
        POST,
        document(
            POST.trim_start_matches("POST "),
            200,
            b"<Autodiscover><Response><Error>\
        <ErrorCode>601</ErrorCode></Error></Response></Autodiscover>"
                .to_vec(),
        ),
    );
    let mobile = "<Autodiscover><Response><Action><Settings><Server><Type>MobileSync</Type>\
        <Url>https://eas.example.org/Microsoft-Server-ActiveSync</Url></Server></Settings></Action></Response>\
        </Autodiscover>";
    script.answer(POST, document(POST.trim_start_matches("POST "), 200, mobile.as_bytes().to_vec()));
    let found = script.rest_is_absent();
    assert_eq!(verdict(&found), Verdict::ExchangeOnly);
    assert_eq!(found.candidates[0].incoming[0].protocol, Protocol::ActiveSync);

    let mut script = Script::new("ann@example.org");
    let first: Vec<_> = script.open.iter().map(|(_, asked)| asked.clone()).collect();
    for asked in first {
        script.answer(&asked, Reply::Absent("none".into()));
    }
    let options = "OPTIONS https://mail.example.org/Microsoft-Server-ActiveSync";
    let versions = Some("14.0,14.1,16.1".to_owned());
    script.answer(
        options,
        Reply::Document(Document { status: 200, activesync: versions, ..Document::default() }),
    );
    let found = script.rest_is_absent();
    assert_eq!(verdict(&found), Verdict::ExchangeOnly);
    assert!(found.findings[0].evidence.contains("16.1"), "{}", found.findings[0].evidence);
}
