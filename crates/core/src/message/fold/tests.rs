use super::PassageKind::{Own, Quote, Signature};
use super::*;
use proptest::prelude::*;

/// The kinds with the number of lines of each.
fn passages(text: &str) -> Vec<(PassageKind, usize)> {
    whole(text, false)
}

fn whole(text: &str, is_forward: bool) -> Vec<(PassageKind, usize)> {
    let found = Passage::of(text, is_forward);
    assert_eq!(found.iter().map(|passage| passage.text).collect::<String>(), text);
    found.iter().map(|passage| (passage.kind, passage.lines())).collect()
}

#[test]
fn an_answer_above_what_it_answers() {
    let text = "Yes.\n\nOn Tue, 2 Jan 2024 at 10:00, Bob <bob@example.net> wrote:\n> Tight?\n>\n> Bob\n";
    assert_eq!(passages(text), [(Own, 2), (Quote, 4)]);
}

#[test]
fn an_answer_below_and_one_in_between() {
    let text = "Bob wrote:\n> Tight?\n\nYes.\n";
    assert_eq!(passages(text), [(Quote, 2), (Own, 2)]);
    let text = "Hi,\n\n> Tight?\n\nYes.\n\n> Paid?\n> Soon?\n\nNo.\n\n-- \nAnn\n";
    assert_eq!(passages(text), [(Own, 2), (Quote, 1), (Own, 3), (Quote, 2), (Own, 3), (Signature, 2)]);
}

#[test]
fn attributions_in_many_languages() {
    for line in [
        "On 3 Jan 2024, at 10:00, Bob <bob@example.net> wrote:",
        "Am 03.01.2024 um 10:00 schrieb Bob Builder:",
        "Am Mi., 3. Jan. 2024 um 10:00 Uhr schrieb Bob Builder <\nbob@example.net>:",
        "Le mer. 3 janv. 2024 à 10:00, Bob Builder <bob@example.net> a écrit :",
        "El mié, 3 ene 2024 a las 10:00, Bob (<bob@example.net>) escribió:",
        "Il giorno mer 3 gen 2024 alle ore 10:00 Bob\n<bob@example.net> ha scritto:",
        "Op wo 3 jan 2024 om 10:00 schreef Bob <bob@example.net>:",
        "Den ons 3 jan. 2024 kl 10:00 skrev Bob <bob@example.net>:",
        "Em qua., 3 de jan. de 2024 às 10:00, Bob <bob@example.net>\nescreveu:",
        "W dniu 3.01.2024 o 10:00, Bob pisze, napisał(a):",
        "Dne 3. 1. 2024 v 10:00 Bob napsal:",
        "ke 3. tammik. 2024 klo 10.00 Bob (bob@example.net) kirjoitti:",
        "ср, 3 янв. 2024 г. в 10:00, Bob <bob@example.net> написал:",
        "Bob <bob@example.net>, 3 Oca 2024 Çar, 10:00 tarihinde şunu yazdı:",
        "Bob <bob@example.net> 于2024年1月3日周三 10:00写道：",
        "2024年1月3日(水) 10:00 Bob <bob@example.net>さんのメッセージ:",
        "Quoting Bob <bob@example.net> who wrote on 3 Jan:",
    ] {
        let lines = line.lines().count();
        let text = format!("Yes.\n\n{line}\n\n> Tight?\n");
        assert_eq!(passages(&text), [(Own, 2), (Quote, lines + 2)], "{line}");
    }
}

#[test]
fn what_is_not_sure_to_be_an_attribution_is_read() {
    for line in [
        "See what the insurer has to say to us today:",
        "I wrote about this at length when we met, and so did the others in that long and tiring meeting:",
        "Yes",
    ] {
        let text = format!("Hi.\n\n{line}\n> Tight?\n");
        assert_eq!(passages(&text), [(Own, 3), (Quote, 1)], "{line}");
    }
    // Without the marks nobody knows where what is quoted ends.
    assert_eq!(passages("On 3 Jan 2024 Bob wrote:\n\nTight?\n\nYes, it is.\n"), [(Own, 5)]);
}

#[test]
fn outlook_quotes_with_a_header() {
    let text = "Yes.\n\nAnn\n\n-----Original Message-----\nFrom: Bob [mailto:bob@example.net]\nSent: Tuesday\n\
                To: Ann\nSubject: Tight?\n\nHi Ann,\n\ntight?\n";
    assert_eq!(passages(text), [(Own, 4), (Quote, 9)]);
    let text = "Ja.\n\n________________________________\nVon: Bob <bob@example.net>\nGesendet: Dienstag\n\
                An: Ann; Carla;\n Dora\nBetreff: Dicht?\n\nHallo\n";
    assert_eq!(passages(text), [(Own, 2), (Quote, 8)]);
    let text = "Oui.\n\n*De :* Bob\n*Envoyé :* mardi\n*À :* Ann\n*Objet :* Étanche ?\n\nBonjour\n";
    assert_eq!(passages(text), [(Own, 2), (Quote, 6)]);
}

#[test]
fn a_header_that_is_no_quote_is_read() {
    // Nothing above it, or the message is passed on.
    let header = "From: Bob\nSent: Tuesday\nTo: Ann\nSubject: Tight?\n\nHi\n";
    assert_eq!(passages(header), [(Own, 6)]);
    assert_eq!(whole(&format!("FYI\n\n{header}"), true), [(Own, 8)]);
    assert_eq!(passages(&format!("FYI\n\n{header}")), [(Own, 2), (Quote, 6)]);
    // Not all of it is there.
    assert_eq!(passages("Trains:\nFrom: Paris\nTo: Rome\n"), [(Own, 3)]);
    assert_eq!(passages("Hi\n-----Original Message-----\nis what Outlook writes.\n"), [(Own, 3)]);
}

#[test]
fn an_attached_message_is_read_for_itself() {
    let text = format!("See.\n\n{ATTACHED}\nFrom: Bob\nDate: today\nTo: Ann\nSubject: x\n\nYes.\n> Tight?\n");
    assert_eq!(passages(&text), [(Own, 9), (Quote, 1)]);
}

#[test]
fn a_signature_is_short_and_at_the_end() {
    assert_eq!(passages("Hi\n-- \nAnn\nHouse 1\n"), [(Own, 1), (Signature, 3)]);
    assert_eq!(
        passages("Hi\n--\nAnn\n\n\nOn 1.1. Bob wrote:\n> x\n"),
        [(Own, 1), (Signature, 2), (Own, 2), (Quote, 2)]
    );
    assert_eq!(passages("Hi\n-- \nAnn\n\n> x\n\nMore below.\n"), [(Own, 4), (Quote, 1), (Own, 2)]);
    assert_eq!(passages("Hi\n-- \n"), [(Own, 2)]);
    assert_eq!(passages(&format!("Hi\n-- \n{}", "word\n".repeat(20))), [(Own, 22)]);
}

#[test]
fn where_all_is_quoted_all_is_read() {
    assert_eq!(passages("> one\n> two\n"), [(Own, 2)]);
    assert_eq!(passages("Bob wrote:\n> one\n"), [(Own, 2)]);
    assert_eq!(passages(""), []);
}

#[test]
fn subjects_that_pass_on() {
    for subject in ["Fwd: x", "FW: x", "WG: x", "Tr : x", "转发：x", "Fwd[2]: x"] {
        assert!(is_forward(subject), "{subject}");
    }
    for subject in ["Re: x", "x", "Forwarding: how", "Re: Fwd: x", ""] {
        assert!(!is_forward(subject), "{subject}");
    }
}

#[test]
fn long_texts_end_soon() {
    // The test runner ends what takes a minute.
    for piece in
        ["> x\n\n", "On 1 Jan Bob wrote:\n\n", "From: x\nTo: y\n", "-- \n", "\n", "--- Attached message\n"]
    {
        let text = piece.repeat(50_000);
        assert!(!Passage::of(&text, false).is_empty() || text.trim().is_empty(), "{piece}");
    }
}

proptest! {
    /// Nothing is lost, nothing stands in another order, and neighbours differ.
    #[test]
    fn passages_are_the_text(
        lines in prop::collection::vec(
            prop_oneof![
                Just("> quoted"), Just(" >> deeper"), Just(""), Just("-- "), Just("On 1 Jan Bob wrote:"),
                Just("-----Original Message-----"), Just("From: Bob"), Just("Sent: today"), Just("To: Ann"),
                Just("Subject: x"), Just("words of one's own"), Just("___________"), Just("--- Attached message"),
                Just("日本 さんのメッセージ:"), Just("\u{2028}\r"),
            ],
            0..40,
        ),
        ends in any::<bool>(),
        is_forward in any::<bool>(),
    ) {
        let text = lines.join("\n") + if ends { "\n" } else { "" };
        let found = Passage::of(&text, is_forward);
        prop_assert_eq!(found.iter().map(|passage| passage.text).collect::<String>(), text.as_str());
        prop_assert!(found.windows(2).all(|pair| pair[0].kind != pair[1].kind));
    }

    #[test]
    fn passages_of_anything_are_the_text(text in "(?s).{0,300}") {
        let found = Passage::of(&text, false);
        prop_assert_eq!(found.iter().map(|passage| passage.text).collect::<String>(), text);
    }
}
