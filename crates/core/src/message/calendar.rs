//! Invitations (RFC 5545, RFC 5546, RFC 6047) as a card.

use super::Event;
use crate::mail::Contact;

/// The most octets of a calendar that are read.
const MAX_CALENDAR: usize = 1024 * 1024;
/// The most events of one calendar that are shown.
const MAX_EVENTS: usize = 20;
/// The most guests that are kept, and that a card names.
const MAX_GUESTS: usize = 500;
const MAX_NAMED: usize = 12;

/// Whether a part is a calendar.
pub(super) fn is_calendar(kind: &str) -> bool {
    matches!(kind, "text/calendar" | "application/ics" | "text/x-vcalendar")
}

/// The events of a calendar, in order; tasks and free-busy times are left out.
pub(super) fn read(text: &str) -> Vec<Event> {
    let text = text.get(..text.floor_char_boundary(MAX_CALENDAR)).unwrap_or_default();
    let lines = unfold(text);
    let mut method = String::new();
    let mut events: Vec<Event> = Vec::new();
    // The components around a line, the innermost last.
    let mut around: Vec<String> = Vec::new();
    for line in &lines {
        let Some(line) = Line::read(line) else { continue };
        match line.name.as_str() {
            "BEGIN" => {
                around.push(line.value.trim().to_ascii_uppercase());
                if around.last().is_some_and(|name| name == "VEVENT") {
                    if events.len() >= MAX_EVENTS {
                        break;
                    }
                    events.push(Event::default());
                }
            }
            "END" => drop(around.pop()),
            "METHOD" if around.len() <= 1 => method = line.value.trim().to_ascii_lowercase(),
            _ if around.last().is_some_and(|name| name == "VEVENT") => {
                if let Some(event) = events.last_mut() {
                    property(event, &line);
                }
            }
            _ => {}
        }
        if around.len() > 20 {
            break;
        }
    }
    for event in &mut events {
        event.method.clone_from(&method);
    }
    events
}

fn property(event: &mut Event, line: &Line<'_>) {
    let text = || unescaped(line.value);
    match line.name.as_str() {
        "SUMMARY" => event.summary = super::header::one_line(&text()),
        "LOCATION" => event.location = Some(super::header::one_line(&text())).filter(|t| !t.is_empty()),
        "DESCRIPTION" => event.description = Some(text()).filter(|t| !t.trim().is_empty()),
        "STATUS" => event.status = Some(line.value.trim().to_ascii_lowercase()),
        "UID" => event.uid = Some(line.value.trim().to_owned()),
        "DTSTART" => (event.start, event.zone) = when(line),
        "DTEND" => event.end = when(line).0,
        "DURATION" if event.end.is_none() => event.duration = duration(line.value.trim()),
        "RRULE" => event.repeats = Some(rule(line.value)),
        "ORGANIZER" => event.organizer = Some(person(line)),
        "ATTENDEE" if event.guests.len() < MAX_GUESTS => {
            event.guests.push(person(line));
            let answer = line.parameter("PARTSTAT").unwrap_or_default().to_ascii_lowercase();
            event.answers.push(answer);
        }
        _ => {}
    }
}

/// Lines of which a long one was cut and went on after a blank (RFC 5545, section 3.1).
fn unfold(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.split(['\n', '\r']).filter(|line| !line.is_empty()) {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// `name *(";" param) ":" value`
struct Line<'a> {
    name: String,
    parameters: &'a str,
    value: &'a str,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut quoted = false;
        let colon = line.find(|c| {
            quoted ^= c == '"';
            c == ':' && !quoted
        })?;
        let (head, value) = line.split_at_checked(colon)?;
        let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
        // A group may stand before the name, as in vCard.
        let name = name.rsplit('.').next().unwrap_or(name).trim().to_ascii_uppercase();
        Some(Self { name, parameters, value: value.get(1..)? })
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let mut quoted = false;
        let pieces = self.parameters.split(|c| {
            quoted ^= c == '"';
            c == ';' && !quoted
        });
        pieces.filter_map(|piece| piece.split_once('=')).find_map(|(found, value)| {
            found.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"').to_owned())
        })
    }
}

fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(c) => out.push(c),
                None => {}
            },
            _ => out.push(c),
        }
    }
    out
}

fn person(line: &Line<'_>) -> Contact {
    let value = line.value.trim();
    let is_mail = value.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("mailto:"));
    let address = if is_mail { value.get(7..).unwrap_or_default() } else { "" };
    let address =
        if address.is_empty() { line.parameter("EMAIL").unwrap_or_default() } else { address.to_owned() };
    Contact { name: super::header::one_line(&line.parameter("CN").unwrap_or_default()), address }
}

/// A date or a time as RFC 3339 writes it, without an offset, and the zone it is in.
fn when(line: &Line<'_>) -> (Option<String>, Option<String>) {
    let value = line.value.trim();
    let digits = |from: usize, count: usize| {
        value.get(from..from + count).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))
    };
    let (Some(year), Some(month), Some(day)) = (digits(0, 4), digits(4, 2), digits(6, 2)) else {
        return (None, None);
    };
    let date = format!("{year}-{month}-{day}");
    let (Some("T"), Some(hour), Some(minute)) = (value.get(8..9), digits(9, 2), digits(11, 2)) else {
        return (Some(date), None);
    };
    let zone = if value.ends_with(['Z', 'z']) { Some("UTC".to_owned()) } else { line.parameter("TZID") };
    (Some(format!("{date}T{hour}:{minute}")), zone.map(|zone| super::header::one_line(&zone)))
}

/// `P1DT2H30M` in words.
fn duration(value: &str) -> Option<String> {
    let mut words = Vec::new();
    let mut number = String::new();
    for c in value.trim_start_matches(['+', '-']).strip_prefix('P')?.chars().take(40) {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            'T' => continue,
            'W' => "week",
            'D' => "day",
            'H' => "hour",
            'M' => "minute",
            'S' => "second",
            _ => return None,
        };
        let count: u64 = number.parse().ok()?;
        number.clear();
        match count {
            0 => {}
            1 => words.push(format!("1 {unit}")),
            _ => words.push(format!("{count} {unit}s")),
        }
    }
    (!words.is_empty()).then(|| words.join(" "))
}

/// A recurrence rule in words, as far as they reach (RFC 5545, section 3.3.10).
fn rule(value: &str) -> String {
    let get = |name: &str| {
        value
            .split(';')
            .filter_map(|part| part.split_once('='))
            .find(|(n, _)| n.trim().eq_ignore_ascii_case(name))
            .map(|(_, v)| v.trim())
    };
    let unit = match get("FREQ").unwrap_or_default().to_ascii_uppercase().as_str() {
        "DAILY" => "day",
        "WEEKLY" => "week",
        "MONTHLY" => "month",
        "YEARLY" => "year",
        "HOURLY" => "hour",
        _ => return super::header::one_line(value),
    };
    let mut words = match get("INTERVAL").and_then(|n| n.parse::<u32>().ok()).filter(|n| *n > 1) {
        Some(number) => format!("every {number} {unit}s"),
        None => format!("every {unit}"),
    };
    if let Some(days) = get("BYDAY") {
        let names: Vec<_> = days.split(',').take(50).map(day_name).collect();
        words.push_str(&format!(" on {}", names.join(", ")));
    }
    if let Some(count) = get("COUNT").and_then(|n| n.parse::<u32>().ok()) {
        words.push_str(&format!(", {count} times"));
    }
    if let Some(until) = get("UNTIL") {
        let until = when(&Line { name: String::new(), parameters: "", value: until }).0;
        if let Some(date) = until.as_deref().and_then(|date| date.get(..10)) {
            words.push_str(&format!(", until {date}"));
        }
    }
    words
}

fn day_name(day: &str) -> String {
    let at = day.len().saturating_sub(2);
    let (number, day) = day.split_at_checked(at).unwrap_or(("", day));
    let name = match day {
        "MO" => "Monday",
        "TU" => "Tuesday",
        "WE" => "Wednesday",
        "TH" => "Thursday",
        "FR" => "Friday",
        "SA" => "Saturday",
        "SU" => "Sunday",
        _ => day,
    };
    match number {
        "" => name.to_owned(),
        "-1" => format!("the last {name}"),
        _ => format!("{name} no. {number}"),
    }
}

/// The event for a person: what, when with its zone, where, who.
pub(super) fn card(event: &Event) -> String {
    let summary = if event.summary.is_empty() { "(without a title)" } else { &event.summary };
    let mut lines = vec![format!("{}: {summary}", headline(event))];
    let mut field = |name: &str, value: &str| lines.push(format!("  {:<11}{value}", format!("{name}:")));
    if let Some(when) = time(event) {
        field("When", &when);
    }
    if let Some(rule) = &event.repeats {
        field("Repeats", rule);
    }
    if let Some(place) = &event.location {
        field("Where", place);
    }
    if let Some(organizer) = &event.organizer {
        field("Organizer", &named(organizer));
    }
    if !event.guests.is_empty() {
        let guests = event.guests.iter().zip(&event.answers).take(MAX_NAMED).map(|(guest, answer)| {
            match answer.as_str() {
                "accepted" | "declined" | "tentative" => format!("{} ({answer})", named(guest)),
                _ => named(guest),
            }
        });
        let mut guests = guests.collect::<Vec<_>>().join(", ");
        if event.guests.len() > MAX_NAMED {
            guests.push_str(&format!(" and {} more", event.guests.len() - MAX_NAMED));
        }
        field("Who", &guests);
    }
    lines.join("\n")
}

/// What the event's method asks (RFC 5546, section 1.4).
fn headline(event: &Event) -> String {
    let guest = event.guests.first().map(named).unwrap_or_else(|| "Somebody".to_owned());
    let is_cancelled = event.status.as_deref() == Some("cancelled");
    match event.method.as_str() {
        "cancel" => "Cancelled".to_owned(),
        _ if is_cancelled => "Cancelled".to_owned(),
        "request" => "Invitation".to_owned(),
        "reply" => match event.answers.first().map(String::as_str) {
            Some("accepted") => format!("{guest} accepts"),
            Some("declined") => format!("{guest} declines"),
            Some("tentative") => format!("{guest} may come"),
            _ => format!("{guest} answers"),
        },
        "counter" => format!("{guest} proposes another time"),
        "declinecounter" => "The proposal was declined".to_owned(),
        "refresh" => format!("{guest} asks for the latest state"),
        "add" => "Another date".to_owned(),
        _ => "Event".to_owned(),
    }
}

fn time(event: &Event) -> Option<String> {
    let start = event.start.as_deref()?;
    let (date, clock) = start.split_once('T').unwrap_or((start, ""));
    let mut words = format!("{}{date}", weekday(date));
    if !clock.is_empty() {
        words.push_str(&format!(" {clock}"));
    }
    match event.end.as_deref().map(|end| end.split_once('T').unwrap_or((end, ""))) {
        Some((end, hour)) if end == date && !hour.is_empty() => words.push_str(&format!("–{hour}")),
        // The end of whole days is the day after the last one (section 3.6.1).
        Some((end, "")) => match day_before(end) {
            Some(last) if last.as_str() > date => words.push_str(&format!(" – {}{last}", weekday(&last))),
            _ => {}
        },
        Some((end, hour)) => words.push_str(&format!(" – {}{end} {hour}", weekday(end))),
        None => {}
    }
    if let Some(duration) = &event.duration {
        words.push_str(&format!(", {duration}"));
    }
    match (&event.zone, clock.is_empty()) {
        (Some(zone), false) => words.push_str(&format!(" ({zone})")),
        (None, false) => words.push_str(" (local time, wherever one is)"),
        (_, true) => words.push_str(", all day"),
    }
    Some(words)
}

fn date(text: &str) -> Option<jiff::civil::Date> {
    text.parse().ok()
}

fn weekday(text: &str) -> String {
    date(text).map(|date| date.strftime("%a ").to_string()).unwrap_or_default()
}

fn day_before(text: &str) -> Option<String> {
    date(text)?.yesterday().ok().map(|date| date.to_string())
}

fn named(contact: &Contact) -> String {
    match (contact.name.as_str(), contact.address.as_str()) {
        ("", address) => address.to_owned(),
        (name, "") => name.to_owned(),
        (name, address) if name.eq_ignore_ascii_case(address) => name.to_owned(),
        (name, address) => format!("{name} <{address}>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(method: &str, event: &str) -> Vec<Event> {
        read(&format!(
            "BEGIN:VCALENDAR\nMETHOD:{method}\nBEGIN:VTIMEZONE\nBEGIN:STANDARD\nDTSTART:19701025T030000\n\
             END:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\n{event}\nBEGIN:VALARM\nDESCRIPTION:no\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR\n"
        ))
    }

    fn shown(method: &str, event: &str) -> String {
        card(&calendar(method, event)[0])
    }

    #[test]
    fn an_invitation_says_what_when_where_and_who() {
        let found = shown(
            "REQUEST",
            "SUMMARY:Tea\\, and\n  cake\nDTSTART;TZID=\"Europe/Berlin\":20240305T100000\n\
             DTEND;TZID=Europe/Berlin:20240305T113000\nLOCATION:Room 4\\nfirst floor\n\
             RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;UNTIL=20240630T000000Z\n\
             ORGANIZER;CN=\"Lee; Ann\":mailto:ann@example.org\n\
             ATTENDEE;PARTSTAT=ACCEPTED;CN=Bob:MAILTO:bob@example.net\nATTENDEE:mailto:carl@example.net",
        );
        assert_eq!(
            found,
            "Invitation: Tea, and cake\n\
             \x20 When:      Tue 2024-03-05 10:00–11:30 (Europe/Berlin)\n\
             \x20 Repeats:   every 2 weeks on Tuesday, until 2024-06-30\n\
             \x20 Where:     Room 4 first floor\n\
             \x20 Organizer: Lee; Ann <ann@example.org>\n\
             \x20 Who:       Bob <bob@example.net> (accepted), carl@example.net"
        );
    }

    #[test]
    fn times_say_their_zone_or_that_they_have_none() {
        let time = |event: &str| super::time(&calendar("REQUEST", event)[0]).unwrap_or_default();
        assert_eq!(
            time("DTSTART:20240305T100000Z\nDURATION:PT1H30M"),
            "Tue 2024-03-05 10:00, 1 hour 30 minutes (UTC)"
        );
        assert_eq!(time("DTSTART:20240305T100000"), "Tue 2024-03-05 10:00 (local time, wherever one is)");
        assert_eq!(time("DTSTART;VALUE=DATE:20240305\nDTEND;VALUE=DATE:20240306"), "Tue 2024-03-05, all day");
        assert_eq!(
            time("DTSTART;VALUE=DATE:20240305\nDTEND;VALUE=DATE:20240308"),
            "Tue 2024-03-05 – Thu 2024-03-07, all day"
        );
        assert_eq!(
            time("DTSTART:20240305T220000Z\nDTEND:20240306T010000Z"),
            "Tue 2024-03-05 22:00 – Wed 2024-03-06 01:00 (UTC)"
        );
        assert_eq!(time("DTSTART:tomorrow"), "");
        assert_eq!(time("DTSTART:20249999T100000Z"), "2024-99-99 10:00 (UTC)");
    }

    #[test]
    fn the_method_says_what_is_asked() {
        let head = |method: &str, event: &str| headline(&calendar(method, event)[0]);
        let guest = "ATTENDEE;PARTSTAT=DECLINED:mailto:b@c.example";
        assert_eq!(head("CANCEL", guest), "Cancelled");
        assert_eq!(head("REPLY", guest), "b@c.example declines");
        assert_eq!(head("COUNTER", guest), "b@c.example proposes another time");
        assert_eq!(head("PUBLISH", "STATUS:CANCELLED"), "Cancelled");
        assert_eq!(head("PUBLISH", ""), "Event");
    }

    #[test]
    fn any_text_is_read_in_time() {
        assert!(read("").is_empty() && read("BEGIN:VCALENDAR\nX").is_empty());
        assert_eq!(read(&"BEGIN:VEVENT\nEND:VEVENT\n".repeat(10_000)).len(), MAX_EVENTS);
        let _ = read(&"BEGIN:VEVENT\n".repeat(50_000));
        let many = "ATTENDEE:mailto:a@b.example\n".repeat(20_000);
        assert_eq!(calendar("REQUEST", &many)[0].guests.len(), MAX_GUESTS);
    }
}
