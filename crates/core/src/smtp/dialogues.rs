//! Conversations with servers, as tests that read aloud. `S:` lines go in, `C:` lines must come out.

use super::{Envelope, EnvelopeError, Event, Protection, Session, SmtpError, Stage};
use crate::Secret;
use crate::sasl::{Exchange, Mechanism, SaslError};
use std::time::Duration;

const OFFER: &str =
    "S: 250-mx.example.org\nS: 250-SIZE 1000\nS: 250-8BITMIME\nS: 250 AUTH PLAIN SCRAM-SHA-256";
const PIPELINING: &str = "S: 250-mx.example.org\nS: 250 PIPELINING";

fn play(session: &mut Session, script: &str) {
    for line in script.lines().map(str::trim_start).filter(|l| !l.is_empty()) {
        let (who, text) = line.split_at(3);
        match who {
            "S: " => session.handle_input(format!("{text}\r\n").as_bytes()),
            "C: " => {
                let expected: String = text.split(" | ").map(|l| format!("{l}\r\n")).collect();
                let sent = session.poll_output().unwrap_or_default();
                assert_eq!(String::from_utf8(sent).unwrap(), expected);
            }
            _ => panic!("{line}"),
        }
    }
}

fn events(session: &mut Session) -> Vec<Event> {
    std::iter::from_fn(|| session.poll_event()).collect()
}

fn last_event(session: &mut Session) -> Event {
    events(session).pop().expect("an event")
}

/// A session that has said EHLO inside TLS and is ready.
fn ready(offer: &str) -> Session {
    let mut session = Session::new("[192.0.2.7]", Protection::Established);
    play(&mut session, "S: 220 mx.example.org ESMTP\nC: EHLO [192.0.2.7]");
    play(&mut session, offer);
    assert!(matches!(events(&mut session).as_slice(), [Event::Greeting(_), Event::Ready(_)]));
    session
}

fn login(session: &mut Session, mechanism: Mechanism, secret: &str) {
    let exchange = Exchange::start(mechanism, "ann", &Secret::new(secret), [1; 24]).unwrap();
    session.authenticate(exchange).unwrap();
}

fn envelope(recipients: &[&str]) -> Envelope {
    Envelope {
        sender: "ann@example.org".into(),
        recipients: recipients.iter().map(|r| (*r).to_owned()).collect(),
        size: 40,
        ..Envelope::default()
    }
}

fn codes(event: &Event) -> (Option<u16>, Vec<Option<u16>>, Option<u16>, bool) {
    let Event::Finished(outcome) = event else { panic!("{event:?}") };
    let recipients = outcome.recipients.iter().map(|r| r.reply.as_ref().map(|r| r.code)).collect();
    let code = |reply: &Option<super::Reply>| reply.as_ref().map(|r| r.code);
    (code(&outcome.sender), recipients, code(&outcome.message), outcome.committed)
}

#[test]
fn starttls_comes_before_anything_else_and_the_first_offer_is_forgotten() {
    let mut session = Session::new("client.example", Protection::StartTls);
    play(
        &mut session,
        "S: 220 hi\nC: EHLO client.example\nS: 250-x\nS: 250-AUTH PLAIN\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go",
    );
    assert_eq!(last_event(&mut session), Event::NeedTls);
    assert_eq!(session.extensions().auth, None);
    session.tls_established().unwrap();
    play(&mut session, "C: EHLO client.example\nS: 250-x\nS: 250 AUTH LOGIN");
    let Event::Ready(extensions) = last_event(&mut session) else { panic!() };
    assert_eq!(extensions.mechanisms(), [Mechanism::Login]);
}

#[test]
fn bytes_between_starttls_and_tls_end_the_session() {
    let start = "S: 220 hi\nC: EHLO c\nS: 250-x\nS: 250 STARTTLS\nC: STARTTLS";
    let mut session = Session::new("c", Protection::StartTls);
    play(&mut session, start);
    session.handle_input(b"220 go\r\n250 AUTH PLAIN\r\n");
    assert_eq!(last_event(&mut session), Event::Failed(SmtpError::StartTlsStripped));
    assert!(session.tls_established().is_err());

    let mut session = Session::new("c", Protection::StartTls);
    play(&mut session, start);
    session.handle_input(b"220 go\r\n");
    assert_eq!(last_event(&mut session), Event::NeedTls);
    session.handle_input(b"2");
    assert_eq!(last_event(&mut session), Event::Failed(SmtpError::StartTlsStripped));
}

#[test]
fn without_starttls_nothing_more_is_said() {
    let mut session = Session::new("c", Protection::StartTls);
    play(&mut session, "S: 220 hi\nC: EHLO c\nS: 250-x\nS: 250 AUTH PLAIN");
    assert_eq!(last_event(&mut session), Event::Failed(SmtpError::StartTlsNotOffered));
    assert_eq!(session.poll_output(), None);
    let exchange = Exchange::start(Mechanism::Plain, "a", &Secret::new("b"), [0; 24]).unwrap();
    assert!(session.authenticate(exchange).is_err());

    let mut session = Session::new("c", Protection::StartTls);
    play(
        &mut session,
        "S: 220 hi\nC: EHLO c\nS: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 4.7.0 TLS not available",
    );
    assert!(matches!(last_event(&mut session), Event::Refused { stage: Stage::StartTls, .. }));
}

#[test]
fn a_refused_greeting_is_reported_in_the_servers_words() {
    let mut session = Session::new("c", Protection::Established);
    play(&mut session, "S: 554-No SMTP service\nS: 554 Bad DNS PTR");
    let Event::Refused { stage: Stage::Greeting, reply, .. } = last_event(&mut session) else { panic!() };
    assert_eq!(reply.to_string(), "554-No SMTP service\n554 Bad DNS PTR");
    assert_eq!(session.poll_output(), None);
}

#[test]
fn what_is_no_mail_server_is_recognised() {
    let mut session = Session::new("c", Protection::Established);
    session.handle_input(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert!(matches!(last_event(&mut session), Event::Failed(SmtpError::Reply(_))));
}

#[test]
fn plain_goes_with_the_command() {
    let mut session = ready(OFFER);
    login(&mut session, Mechanism::Plain, "pw");
    assert!(session.output_is_secret());
    play(&mut session, "C: AUTH PLAIN AGFubgBwdw==\nS: 235 2.7.0 welcome");
    assert!(matches!(last_event(&mut session), Event::Authenticated(r) if r.code == 235));
    assert!(!session.output_is_secret());
}

#[test]
fn a_refused_login_is_verbatim_and_leaves_the_session_usable() {
    let mut session = ready(OFFER);
    login(&mut session, Mechanism::Plain, "pw");
    play(&mut session, "C: AUTH PLAIN AGFubgBwdw==\nS: 535-5.7.8 No.\nS: 535 5.7.8 See x");
    let Event::Refused { stage: Stage::Auth, reply, detail: None } = last_event(&mut session) else {
        panic!()
    };
    assert_eq!(reply.one_line(), "535 5.7.8 No. See x");
    session.quit().unwrap();
    play(&mut session, "C: QUIT\nS: 221 bye");
    assert_eq!(last_event(&mut session), Event::Closed);
}

#[test]
fn login_is_asked_for_each_half_even_with_prompts_in_the_clear() {
    let mut session = ready(OFFER);
    login(&mut session, Mechanism::Login, "pw");
    play(&mut session, "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YW5u\nS: 334 Password:\nC: cHc=\nS: 235 ok");
    assert!(matches!(last_event(&mut session), Event::Authenticated(_)));
}

#[test]
fn a_long_token_waits_for_the_first_challenge() {
    let mut session = ready(OFFER);
    login(&mut session, Mechanism::XOAuth2, &"t".repeat(600));
    play(&mut session, "C: AUTH XOAUTH2\nS: 334 ");
    assert!(session.poll_output().unwrap().len() > 600);
    play(&mut session, "S: 334 eyJzdGF0dXMiOiI0MDAifQ==\nC: \nS: 535 5.7.8 no");
    let Event::Refused { detail, .. } = last_event(&mut session) else { panic!() };
    assert_eq!(detail.as_deref(), Some(r#"{"status":"400"}"#));
}

#[test]
fn a_server_that_does_not_prove_itself_is_not_believed() {
    let mut session = ready(OFFER);
    login(&mut session, Mechanism::ScramSha256, "pw");
    session.poll_output();
    play(&mut session, "S: 235 welcome");
    assert_eq!(last_event(&mut session), Event::Failed(SmtpError::Sasl(SaslError::NotProved)));
}

#[test]
fn a_challenge_that_does_not_fit_is_cancelled() {
    let mut session = ready(OFFER);
    login(&mut session, Mechanism::ScramSha256, "pw");
    session.poll_output();
    play(&mut session, "S: 334 !!!\nC: *\nS: 501 cancelled");
    assert_eq!(last_event(&mut session), Event::AuthenticationFailed(SaslError::NotBase64));
}

#[test]
fn a_message_goes_out_and_stops_before_the_final_dot() {
    let mut session = ready(OFFER);
    session.send(&envelope(&["bob@example.net"])).unwrap();
    play(
        &mut session,
        "C: MAIL FROM:<ann@example.org> SIZE=40\nS: 250 ok\nC: RCPT TO:<bob@example.net>\nS: 250 ok\nC: DATA\nS: 354 go",
    );
    assert_eq!(events(&mut session), [Event::SendBody]);
    assert_eq!(session.patience(), Duration::from_mins(3));
    session.body(b"Subject: x\n\n.").unwrap();
    assert!(session.commit().is_err());
    session.end_body().unwrap();
    assert_eq!(events(&mut session), [Event::CommitPoint]);
    play(&mut session, "C: Subject: x |  | ..");
    session.commit().unwrap();
    assert_eq!(session.patience(), Duration::from_mins(10));
    play(&mut session, "C: .\nS: 250 2.0.0 queued as 7");
    assert_eq!(codes(&last_event(&mut session)), (Some(250), vec![Some(250)], Some(250), true));
}

#[test]
fn refused_recipients_are_told_apart_and_the_others_get_the_message() {
    let mut session = ready(PIPELINING);
    session.send(&envelope(&["a@example.net", "b@example.net", "c@example.net"])).unwrap();
    play(
        &mut session,
        "C: MAIL FROM:<ann@example.org> | RCPT TO:<a@example.net> | RCPT TO:<b@example.net> | RCPT TO:<c@example.net>
         S: 250 ok\nS: 550 5.1.1 unknown\nS: 250 ok\nS: 450 4.2.1 later\nC: DATA\nS: 354 go",
    );
    session.end_body().unwrap();
    session.commit().unwrap();
    play(&mut session, "C: .\nS: 250 taken");
    assert_eq!(
        codes(&last_event(&mut session)),
        (Some(250), vec![Some(550), Some(250), Some(450)], Some(250), true)
    );
}

#[test]
fn when_nobody_is_accepted_no_body_is_sent() {
    let mut session = ready(OFFER);
    session.send(&envelope(&["a@example.net"])).unwrap();
    session.poll_output();
    play(&mut session, "S: 250 ok\nC: RCPT TO:<a@example.net>\nS: 550 no\nC: RSET\nS: 250 ok");
    assert_eq!(codes(&last_event(&mut session)), (Some(250), vec![Some(550)], None, false));
    assert!(session.probe("ann@example.org").is_ok(), "the connection can be used again");
}

#[test]
fn a_refused_sender_ends_the_transaction_pipelined_or_not() {
    for (offer, others) in [(OFFER, ""), (PIPELINING, "S: 503 no sender")] {
        let mut session = ready(offer);
        session.send(&envelope(&["a@example.net"])).unwrap();
        session.poll_output();
        play(&mut session, &format!("S: 553 5.7.1 not yours\n{others}"));
        let (sender, _, message, committed) = codes(&last_event(&mut session));
        assert_eq!((sender, message, committed), (Some(553), None, false));
        assert_eq!(session.poll_output(), None);
    }
}

#[test]
fn a_probe_sends_nothing() {
    let mut session = ready(OFFER);
    session.probe("ann@example.org").unwrap();
    play(
        &mut session,
        "C: MAIL FROM:<ann@example.org> SIZE=0\nS: 250 ok\nC: RCPT TO:<ann@example.org>\nS: 250 ok\nC: RSET\nS: 250 ok",
    );
    assert_eq!(codes(&last_event(&mut session)), (Some(250), vec![Some(250)], None, false));
}

#[test]
fn a_connection_lost_after_the_dot_leaves_it_unknown_and_before_it_does_not() {
    for commit in [false, true] {
        let mut session = ready(OFFER);
        session.send(&envelope(&["a@example.net"])).unwrap();
        play(&mut session, "S: 250 ok\nS: 250 ok\nS: 354 go");
        session.end_body().unwrap();
        if commit {
            session.commit().unwrap();
        }
        events(&mut session);
        session.handle_input(b"250 2.0.0 que");
        session.handle_close();
        let events = events(&mut session);
        assert_eq!(codes(&events[0]), (Some(250), vec![Some(250)], None, commit));
        let Event::Failed(SmtpError::Lost { partial, .. }) = &events[1] else { panic!() };
        assert_eq!(partial, "250 2.0.0 que");
    }
}

#[test]
fn a_server_that_stops_a_body_is_heard_and_nothing_is_committed() {
    let mut session = ready(OFFER);
    session.send(&envelope(&["a@example.net"])).unwrap();
    play(&mut session, "S: 250 ok\nS: 250 ok\nS: 354 go\nS: 552 5.3.4 too big");
    let events = events(&mut session);
    assert_eq!(codes(&events[1]), (Some(250), vec![Some(250)], Some(552), false));
    assert!(matches!(&events[2], Event::Failed(SmtpError::Interrupted(_))));
    assert!(session.commit().is_err());
}

#[test]
fn an_early_yes_is_not_taken_for_acceptance() {
    let mut session = ready(OFFER);
    session.send(&envelope(&["a@example.net"])).unwrap();
    play(&mut session, "S: 250 ok\nS: 250 ok\nS: 354 go\nS: 250 queued");
    let events = events(&mut session);
    assert_eq!(codes(&events[1]), (Some(250), vec![Some(250)], None, false));
    assert!(matches!(&events[2], Event::Failed(SmtpError::Unexpected(_))));
}

#[test]
fn a_closing_server_ends_the_transaction_at_once() {
    let mut session = ready(OFFER);
    session.send(&envelope(&["a@example.net", "b@example.net"])).unwrap();
    play(&mut session, "S: 250 ok\nS: 421 4.7.0 too many");
    let events = events(&mut session);
    assert_eq!(codes(&events[0]), (Some(250), vec![Some(421), None], None, false));
    assert!(matches!(&events[1], Event::Failed(SmtpError::Closing(_))));
}

#[test]
fn many_recipients_are_sent_in_windows() {
    let mut session = ready(PIPELINING);
    let names: Vec<String> = (0..150).map(|n| format!("u{n}@example.net")).collect();
    let mut many = envelope(&[]);
    many.recipients = names;
    session.send(&many).unwrap();
    let first = String::from_utf8(session.poll_output().unwrap()).unwrap();
    assert_eq!(first.lines().count(), 100);
    session.handle_input("250 ok\r\n".repeat(100).as_bytes());
    let second = String::from_utf8(session.poll_output().unwrap()).unwrap();
    assert_eq!(second.lines().count(), 51);
    session.handle_input("250 ok\r\n".repeat(51).as_bytes());
    play(&mut session, "C: DATA");
}

#[test]
fn a_message_above_the_servers_size_is_refused_before_it_starts() {
    let mut session = ready(OFFER);
    let mut large = envelope(&["a@example.net"]);
    large.size = 1001;
    assert_eq!(session.send(&large), Err(EnvelopeError::TooLarge { size: 1001, limit: 1000 }));
    assert_eq!(session.poll_output(), None);
}

#[test]
fn the_name_for_ehlo_carries_no_second_command() {
    let mut session = Session::new("a.example\r\nDATA x", Protection::Established);
    play(&mut session, "S: 220 hi\nC: EHLO a.exampleDATAx");
}
