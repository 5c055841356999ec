//! The laboratory's DNS server: zones are small text files, read anew for every question.
//!
//! A zone is the file `zones/DOMAIN`, a record a line: `NAME TYPE DATA`. `NAME` is relative to the domain, `@` is
//! the domain itself, `*` stands for any one label. Types: A, AAAA, CNAME, MX (`10 host.`), SRV
//! (`priority weight port target`), TXT (the rest of the line, as it is). Names in the data are full names,
//! with or without the final dot; a lone `.` is the root. `#` starts a comment.
//! The line `!servfail` answers SERVFAIL to everything in the zone, `!silent` answers nothing, `!signed` says to whoever
//! asks for it that the signatures are good (the AD bit, RFC 6840 section 5.7).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use hickory_proto::op::{Edns, Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, SOA, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::{Context, Result};

/// Short, so that a test which changes a zone need not wait.
const TTL: u32 = 1;
const LONGEST_ALIAS_CHAIN: usize = 8;

/// Binds UDP and TCP port 53 and serves for as long as the runtime lives.
pub(crate) async fn start(address: Ipv4Addr, zones: PathBuf) -> Result<()> {
    let udp = UdpSocket::bind((address, 53)).await.context(|| format!("DNS on {address}"))?;
    let tcp = TcpListener::bind((address, 53)).await.context(|| format!("DNS on {address}"))?;
    let zones: Arc<Path> = zones.into();
    let for_udp = Arc::clone(&zones);
    tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        loop {
            let Ok((length, from)) = udp.recv_from(&mut buffer).await else { continue };
            if let Some(reply) = buffer.get(..length).and_then(|query| respond(&for_udp, query, true)) {
                let _ = udp.send_to(&reply, from).await;
            }
        }
    });
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = tcp.accept().await else { continue };
            tokio::spawn(serve_stream(stream, Arc::clone(&zones)));
        }
    });
    Ok(())
}

/// Checks that every line of a zone can be read.
pub(crate) fn check(domain: &str, text: &str) -> Result<()> {
    Zone::parse(domain, text).map(drop)
}

async fn serve_stream(mut stream: TcpStream, zones: Arc<Path>) {
    while let Ok(length) = stream.read_u16().await {
        let mut query = vec![0; usize::from(length)];
        if stream.read_exact(&mut query).await.is_err() {
            return;
        }
        let Some(reply) = respond(&zones, &query, false) else {
            // Silence on TCP is a connection that stays open.
            std::future::pending::<()>().await;
            return;
        };
        let Ok(length) = u16::try_from(reply.len()) else { return };
        if stream.write_u16(length).await.is_err() || stream.write_all(&reply).await.is_err() {
            return;
        }
    }
}

/// The bytes to send back, or none to stay silent.
fn respond(zones: &Path, query: &[u8], udp: bool) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).ok()?;
    let question = query.queries.first()?.clone();
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    reply.metadata.recursion_desired = query.metadata.recursion_desired;
    reply.metadata.recursion_available = true;
    reply.add_query(question.clone());
    if query.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(1232);
        reply.set_edns(edns);
    }
    match resolve(zones, question.name(), question.query_type()) {
        Ok(None) => return None,
        Ok(Some(outcome)) => {
            reply.metadata.response_code = outcome.code;
            reply.metadata.authentic_data = outcome.signed && query.metadata.authentic_data;
            reply.add_answers(outcome.answers);
            if let Some(authority) = outcome.authority {
                reply.add_authority(authority);
            }
        }
        Err(error) => {
            eprintln!("dns: {}: {error}", question.name());
            reply.metadata.response_code = ResponseCode::ServFail;
        }
    }
    let bytes = reply.to_vec().ok()?;
    if udp && bytes.len() > usize::from(query.max_payload()) {
        return reply.truncate().to_vec().ok();
    }
    Some(bytes)
}

struct Outcome {
    code: ResponseCode,
    answers: Vec<Record>,
    authority: Option<Record>,
    signed: bool,
}

/// What a recursive resolver would say: aliases are followed, also into other zones. `None` is silence.
fn resolve(zones: &Path, asked: &Name, kind: RecordType) -> Result<Option<Outcome>> {
    let mut answers = Vec::new();
    let mut name = asked.to_lowercase();
    let mut signed = true;
    for _ in 0..LONGEST_ALIAS_CHAIN {
        let Some(zone) = Zone::of(zones, &name)? else {
            // Nothing exists but what has a zone: `.test` is ours, and the rest of the world is not here.
            let authority = Some(start_of_authority(&Name::root()));
            return Ok(Some(Outcome { code: ResponseCode::NXDomain, answers, authority, signed: false }));
        };
        match zone.mood {
            Mood::Silent => return Ok(None),
            Mood::ServFail => {
                return Ok(Some(Outcome::servfail()));
            }
            Mood::Normal | Mood::Signed => signed &= zone.mood == Mood::Signed,
        }
        let here = zone.records(&name);
        let fitting: Vec<_> = here.iter().filter(|data| data.record_type() == kind).cloned().collect();
        if !fitting.is_empty() {
            answers.extend(fitting.into_iter().map(|data| Record::from_rdata(name.clone(), TTL, data)));
            return Ok(Some(Outcome { code: ResponseCode::NoError, answers, authority: None, signed }));
        }
        let alias = here.iter().find_map(|data| match data {
            RData::CNAME(CNAME(target)) => Some(target.clone()),
            _ => None,
        });
        let Some(target) = alias else {
            let code = if here.is_empty() && !zone.has_below(&name) {
                ResponseCode::NXDomain
            } else {
                ResponseCode::NoError
            };
            let authority = Some(start_of_authority(&zone.apex));
            return Ok(Some(Outcome { code, answers, authority, signed }));
        };
        answers.push(Record::from_rdata(name, TTL, RData::CNAME(CNAME(target.clone()))));
        name = target.to_lowercase();
    }
    Ok(Some(Outcome::servfail()))
}

impl Outcome {
    fn servfail() -> Self {
        Self { code: ResponseCode::ServFail, answers: vec![], authority: None, signed: false }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Normal,
    ServFail,
    Silent,
    Signed,
}

struct Zone {
    apex: Name,
    mood: Mood,
    records: Vec<(Name, RData)>,
    names: BTreeSet<Name>,
}

impl Zone {
    /// The zone with the longest name that `name` lies in.
    fn of(zones: &Path, name: &Name) -> Result<Option<Self>> {
        let mut domain = name.clone();
        while !domain.is_root() {
            let text = domain.to_ascii();
            let file = text.trim_end_matches('.');
            if !file.contains('/') && !file.starts_with('.') {
                match std::fs::read_to_string(zones.join(file)) {
                    Ok(content) => return Self::parse(file, &content).map(Some),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error.into()),
                }
            }
            domain = domain.base_name();
        }
        Ok(None)
    }

    fn parse(domain: &str, text: &str) -> Result<Self> {
        let apex = full_name(domain)?;
        let mut zone = Self { apex, mood: Mood::Normal, records: Vec::new(), names: BTreeSet::new() };
        for line in text.lines() {
            let line = line.trim();
            match line {
                "" => continue,
                "!servfail" => zone.mood = Mood::ServFail,
                "!silent" => zone.mood = Mood::Silent,
                "!signed" => zone.mood = Mood::Signed,
                _ if line.starts_with('#') => continue,
                _ => {
                    let (name, data) =
                        record(domain, line).context(|| format!("zone {domain}, line {line:?}"))?;
                    zone.names.insert(name.clone());
                    zone.records.push((name, data));
                }
            }
        }
        Ok(zone)
    }

    fn records(&self, name: &Name) -> Vec<RData> {
        let at = |wanted: &Name| -> Vec<RData> {
            self.records.iter().filter(|(owner, _)| owner == wanted).map(|(_, data)| data.clone()).collect()
        };
        let exact = at(name);
        if !exact.is_empty() || self.has_below(name) {
            return exact;
        }
        Name::from_str("*")
            .and_then(|star| star.append_domain(&name.base_name()))
            .map_or(exact, |any| at(&any))
    }

    /// Whether the name exists because of a longer one: it then has no data but is there (RFC 8020).
    fn has_below(&self, name: &Name) -> bool {
        name == &self.apex || self.names.iter().any(|other| other != name && name.zone_of(other))
    }
}

fn record(domain: &str, line: &str) -> Result<(Name, RData)> {
    let mut words = line.split_whitespace();
    let mut next = |what: &str| words.next().ok_or_else(|| format!("no {what}"));
    let owner = match next("name")? {
        "@" => full_name(domain)?,
        relative => full_name(&format!("{relative}.{domain}"))?,
    };
    let kind = next("type")?.to_ascii_uppercase();
    let data = match kind.as_str() {
        "A" => RData::A(A(next("address")?.parse()?)),
        "AAAA" => RData::AAAA(AAAA(next("address")?.parse()?)),
        "CNAME" => RData::CNAME(CNAME(full_name(next("target")?)?)),
        "MX" => RData::MX(MX::new(next("preference")?.parse()?, full_name(next("host")?)?)),
        "SRV" => RData::SRV(SRV::new(
            next("priority")?.parse()?,
            next("weight")?.parse()?,
            next("port")?.parse()?,
            full_name(next("target")?)?,
        )),
        "TXT" => {
            let text = line.splitn(3, char::is_whitespace).nth(2).unwrap_or_default().trim();
            // One character-string holds at most 255 bytes (RFC 1035 section 3.3).
            RData::TXT(TXT::from_bytes(text.as_bytes().chunks(255).collect()))
        }
        other => return Err(format!("unknown type {other}").into()),
    };
    Ok((owner, data))
}

fn full_name(text: &str) -> Result<Name> {
    let mut name = Name::from_ascii(text)?.to_lowercase();
    name.set_fqdn(true);
    Ok(name)
}

fn start_of_authority(zone: &Name) -> Record {
    let server = Name::from_str("ns.lab.test.").unwrap_or_else(|_| Name::root());
    let soa = SOA::new(server.clone(), server, 1, 60, 60, 60, TTL);
    Record::from_rdata(zone.clone(), TTL, RData::SOA(soa))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(zones: &Path, name: &str, kind: RecordType) -> (ResponseCode, Vec<String>) {
        let outcome = resolve(zones, &full_name(name).unwrap(), kind).unwrap().unwrap();
        (outcome.code, outcome.answers.iter().map(|record| record.data.to_string()).collect())
    }

    #[test]
    fn a_zone_answers_like_a_resolver() {
        let dir = tempfile::tempdir().unwrap();
        let zones = dir.path();
        std::fs::write(
            zones.join("a.test"),
            "# comment\n@ MX 10 mx.b.test\nwww A 127.0.0.1\nhome CNAME www.b.test.\n_imaps._tcp SRV 0 1 993 imap.a.test\n*.any A 127.0.0.2\n@ TXT v=spf1  -all",
        )
        .unwrap();
        std::fs::write(zones.join("b.test"), "www A 127.0.0.3\n@ MX 0 .").unwrap();
        let ok = ResponseCode::NoError;
        assert_eq!(ask(zones, "A.Test", RecordType::MX), (ok, vec!["10 mx.b.test.".into()]));
        assert_eq!(ask(zones, "b.test", RecordType::MX), (ok, vec!["0 .".into()]));
        assert_eq!(ask(zones, "x.any.a.test", RecordType::A), (ok, vec!["127.0.0.2".into()]));
        assert_eq!(
            ask(zones, "home.a.test", RecordType::A),
            (ok, vec!["www.b.test.".into(), "127.0.0.3".into()])
        );
        assert_eq!(
            ask(zones, "_imaps._tcp.a.test", RecordType::SRV),
            (ok, vec!["0 1 993 imap.a.test.".into()])
        );
        assert_eq!(ask(zones, "a.test", RecordType::TXT), (ok, vec!["v=spf1  -all".into()]));
        assert_eq!(ask(zones, "_tcp.a.test", RecordType::SRV), (ok, vec![]), "an empty name is there");
        assert_eq!(ask(zones, "www.a.test", RecordType::AAAA), (ok, vec![]));
        assert_eq!(ask(zones, "no.a.test", RecordType::A), (ResponseCode::NXDomain, vec![]));
        assert_eq!(ask(zones, "example.org", RecordType::A), (ResponseCode::NXDomain, vec![]));
    }

    #[test]
    fn an_alias_that_points_to_itself_ends_in_servfail() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.test"), "x CNAME y.a.test\ny CNAME x.a.test").unwrap();
        assert_eq!(ask(dir.path(), "x.a.test", RecordType::A).0, ResponseCode::ServFail);
    }

    #[test]
    fn a_silent_zone_says_nothing_and_a_typing_mistake_is_reported() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.test"), "!silent").unwrap();
        assert!(resolve(dir.path(), &full_name("x.a.test").unwrap(), RecordType::A).unwrap().is_none());
        let error = check("b.test", "www A 127.0.0.1\nwww AAA ::1").unwrap_err().to_string();
        assert!(error.contains("www AAA ::1") && error.contains("unknown type"), "{error}");
    }
}
