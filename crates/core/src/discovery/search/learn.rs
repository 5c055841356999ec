//! What a reply adds to what is known.

use super::super::ask::{self, Ask, Post, STAND_IN, What};
use super::super::{TraceResult, provider, rank};
use super::{AskId, Document, Read, Reply, Search};
use crate::settings::autoconfig::{self, ReadError};
use crate::settings::autodiscover::{self, Answer, Schema};
use crate::settings::pacc::{self, Vouched};
use crate::settings::srv::{self, Record, Service};
use crate::settings::{Candidate, Protocol, Settings, Source};

/// What to write into the trace.
type Outcome = (TraceResult, String);

impl Search {
    pub(super) fn learn(&mut self, id: AskId, ask: &Ask, reply: Reply) -> Outcome {
        match (reply, &ask.what) {
            (Reply::Document(document), what) => {
                self.look_at_clock(&document);
                match what {
                    What::Post(post) => self.learn_autodiscover(id, post, document),
                    What::Options(url) => self.learn_options(url, &document),
                    What::Fetch(url) if ask::is_v2(url) => self.learn_v2(id, url, document),
                    What::Fetch(url) if ask.source == Source::Pacc => self.learn_pacc(id, url, document),
                    What::Fetch(url) => self.learn_document(id, ask, url, document),
                    _ => misfit(),
                }
            }
            (Reply::Srv(records), What::Srv(service, _)) => self.learn_srv(*service, &records),
            (Reply::Srv(records), What::SrvAutodiscover(_)) => self.learn_srv_autodiscover(&records),
            (Reply::Mx { exchanges, signed }, What::Mx(_)) => self.learn_mx(&exchanges, signed),
            (Reply::Txt(records), What::Txt(_)) => self.learn_digests(records),
            (Reply::Spoke(greeting), What::Probe(..) | What::Bridge(..)) => {
                self.facts.spoke.insert(id);
                (TraceResult::Found, greeting)
            }
            (Reply::Spoke(_), What::Vouch(service, host, port, name)) => {
                self.facts.vouched.insert(format!("{host}:{port}/{}", service.security()));
                (TraceResult::Found, format!("{host} has a certificate for {name} itself"))
            }
            (Reply::NoSuchName(said), What::Mx(_)) => {
                self.facts.no_domain = Some(said.clone());
                (TraceResult::Absent, said)
            }
            (Reply::Absent(said) | Reply::NoSuchName(said), what) => {
                if matches!(what, What::Txt(_)) {
                    self.facts.digests = Some(Vec::new());
                }
                (TraceResult::Absent, said)
            }
            (Reply::Failed(finding), _) => {
                let said = finding.evidence.clone();
                self.facts.failures.insert(id, finding);
                (TraceResult::Failed, said)
            }
            _ => misfit(),
        }
    }

    fn look_at_clock(&mut self, document: &Document) {
        let protected = document.hops.iter().all(|hop| hop.starts_with("https://"));
        let Some(date) = document.date.filter(|_| protected) else { return };
        if date.duration_since(self.now).as_hours().abs() > 24 {
            let host = document.hops.last().map(String::as_str).unwrap_or_default();
            self.facts.clock = Some(format!("{host} says it is {date}; this machine says {}", self.now));
        }
    }

    fn learn_document(&mut self, id: AskId, ask: &Ask, url: &str, document: Document) -> Outcome {
        let with_stand_in = url.contains('?');
        if !is_good(document.status) {
            let picky = matches!(document.status, 400 | 404) && url.starts_with("https://") && !with_stand_in;
            let of_domain =
                matches!(ask.source, Source::Autoconfig | Source::AutoconfigWellKnown | Source::MxAutoconfig);
            if picky && of_domain {
                let url = ask::with_stand_in(url, self.address.ascii_domain());
                self.add([Ask::new(ask.source, What::Fetch(url))]);
            }
            return refused(document.status);
        }
        let mut read = match autoconfig::read(&document.body, &self.address) {
            Ok(read) => read,
            Err(error) => {
                if error == ReadError::WebPage && ask.source == Source::Ispdb {
                    self.facts.foreign_page = Some(format!("{url} was answered with a web page"));
                }
                return unreadable(&error);
            }
        };
        if with_stand_in {
            for settings in read.incoming.iter_mut().chain(&mut read.outgoing) {
                settings.give_back(STAND_IN, &self.address);
            }
        }
        let servers = read.incoming.iter().chain(&read.outgoing);
        let (trusted, why) =
            rank::document(ask.source, &document.hops, &self.address, self.exchange(), servers);
        let detail = told(read.incoming.iter().chain(&read.outgoing), &read.oddities);
        let candidate = Candidate {
            source: ask.source,
            url: url.to_owned(),
            trusted,
            why,
            incoming: read.incoming,
            outgoing: read.outgoing,
        };
        let read = Read { candidate, links: read.links, oddities: read.oddities, hops: document.hops };
        self.facts.documents.insert(id, read);
        (TraceResult::Found, detail)
    }

    fn learn_pacc(&mut self, id: AskId, url: &str, document: Document) -> Outcome {
        if !is_good(document.status) {
            return refused(document.status);
        }
        let found = match pacc::read(&document.body, &self.address) {
            Ok(found) => found,
            Err(error) => return unreadable(&error),
        };
        let detail = told(found.incoming.iter().chain(&found.outgoing), &found.oddities);
        let candidate = Candidate {
            source: Source::Pacc,
            url: url.to_owned(),
            trusted: false,
            why: String::new(),
            incoming: found.incoming,
            outgoing: found.outgoing,
        };
        let read = Read { candidate, links: found.links, oddities: found.oddities, hops: document.hops };
        let known = self.facts.digests.as_deref().map(|records| pacc::vouched(&document.body, records));
        self.facts.pacc = Some((id, read, document.body));
        match known {
            Some(Vouched::No) => (TraceResult::Failed, format!("{detail}; {NOT_VOUCHED}")),
            _ => (TraceResult::Found, detail),
        }
    }

    fn learn_digests(&mut self, records: Vec<String>) -> Outcome {
        let body = self.facts.pacc.as_ref().map(|(_, _, body)| body.as_slice());
        let outcome = match body.map(|body| pacc::vouched(body, &records)) {
            Some(Vouched::Yes) => (TraceResult::Found, "it has the document's digest".to_owned()),
            Some(Vouched::No) => (TraceResult::Failed, NOT_VOUCHED.to_owned()),
            Some(Vouched::Unknown) => (TraceResult::Absent, "no record has a digest".to_owned()),
            None => (TraceResult::Found, "a digest for the document".to_owned()),
        };
        self.facts.digests = Some(records);
        outcome
    }

    fn learn_autodiscover(&mut self, id: AskId, post: &Post, document: Document) -> Outcome {
        let url = document.hops.last().cloned().unwrap_or_else(|| post.url.clone());
        if document.status == 401 {
            let said = format!("{url} answers (status 401) and wants a login");
            self.facts.exchange_answers.get_or_insert_with(|| said.clone());
            return (TraceResult::Failed, "it answers, and tells nothing without a login".to_owned());
        }
        if !is_good(document.status) {
            return refused(document.status);
        }
        let hops: Vec<_> = post.via.iter().chain(&document.hops).cloned().collect();
        match autodiscover::read(&document.body, &self.address) {
            Ok(Answer::Settings(found)) => {
                let (mut incoming, mut outgoing) = (found.incoming, found.outgoing);
                for settings in incoming.iter_mut().chain(&mut outgoing) {
                    settings.give_back(STAND_IN, &self.address);
                }
                let servers = incoming.iter().chain(&outgoing);
                let (mut trusted, mut why) =
                    rank::document(Source::Autodiscover, &hops, &self.address, self.exchange(), servers);
                if let Some(doubt) = post.doubt.as_ref().filter(|_| trusted) {
                    (trusted, why) = (false, doubt.clone());
                }
                let detail = told(incoming.iter().chain(&outgoing), &found.oddities);
                let source = Source::Autodiscover;
                let candidate = Candidate { source, url: post.url.clone(), trusted, why, incoming, outgoing };
                let read = Read { candidate, links: Vec::new(), oddities: found.oddities, hops };
                self.facts.documents.insert(id, read);
                (TraceResult::Found, detail)
            }
            Ok(Answer::RedirectUrl(to)) => {
                let detail = format!("it sends on to {to}");
                if !to.starts_with("https://") {
                    return (TraceResult::Failed, format!("{detail}, which is not protected: not followed"));
                }
                self.follow(post, to, post.about.clone(), hops, detail)
            }
            Ok(Answer::RedirectAddress(to)) => {
                // The part before the @ may be the person's: only the domain is taken.
                let domain = to.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
                let Some(domain) = domain.filter(|d| d.contains('.') && *d != self.address.ascii_domain())
                else {
                    return (TraceResult::Failed, "it sends on to the same domain".to_owned());
                };
                let detail = format!("it sends on to {domain}");
                let about = format!("{STAND_IN}@{domain}");
                self.follow(
                    post,
                    ask::autodiscover_url(&format!("autodiscover.{domain}")),
                    about,
                    hops,
                    detail,
                )
            }
            Err(ReadError::Refused(said)) => {
                // Telephones' servers refuse what Outlook asks for.
                if post.schema == Schema::Outlook && said.starts_with("60") {
                    let again = Post { schema: Schema::MobileSync, ..post.clone() };
                    self.add([Ask::new(Source::Autodiscover, What::Post(again))]);
                }
                (TraceResult::Absent, ReadError::Refused(said).to_string())
            }
            Err(error) => unreadable(&error),
        }
    }

    fn follow(
        &mut self,
        post: &Post,
        url: String,
        about: String,
        via: Vec<String>,
        detail: String,
    ) -> Outcome {
        let known = self.asks.iter().any(|asked| matches!(&asked.ask.what, What::Post(p) if p.url == url));
        if self.redirects >= Self::REDIRECTS || known {
            return (TraceResult::Failed, format!("{detail}: not followed again"));
        }
        self.redirects += 1;
        let next = Post { url, about, schema: post.schema, via, doubt: post.doubt.clone() };
        self.add([Ask::new(Source::Autodiscover, What::Post(next))]);
        (TraceResult::Found, detail)
    }

    fn learn_v2(&mut self, id: AskId, url: &str, document: Document) -> Outcome {
        if !is_good(document.status) {
            return refused(document.status);
        }
        let found = match autodiscover::read_v2(&document.body) {
            Ok(found) => found,
            Err(error) => return unreadable(&error),
        };
        let Some(settings) = autodiscover::web_service(Protocol::ActiveSync, &found, &self.address) else {
            return (TraceResult::Failed, format!("{found} has no usable host"));
        };
        let detail = told([&settings].into_iter(), &[]);
        let (trusted, why) =
            rank::document(Source::Autodiscover, &document.hops, &self.address, self.exchange(), []);
        let candidate = Candidate {
            source: Source::Autodiscover,
            url: url.to_owned(),
            trusted,
            why,
            incoming: vec![settings],
            outgoing: Vec::new(),
        };
        let read = Read { candidate, links: Vec::new(), oddities: Vec::new(), hops: document.hops };
        self.facts.documents.insert(id, read);
        (TraceResult::Found, detail)
    }

    fn learn_options(&mut self, url: &str, document: &Document) -> Outcome {
        let said = match (&document.activesync, document.status) {
            (Some(versions), _) => format!("{url} speaks Exchange ActiveSync {versions}"),
            (None, 401) => format!("{url} answers (status 401) and wants a login"),
            (None, status) => return refused(status),
        };
        self.facts.exchange_answers = Some(said.clone());
        (TraceResult::Found, said)
    }

    fn learn_srv(&mut self, service: Service, records: &[Record]) -> Outcome {
        if srv::declines(records) {
            self.facts.declined.insert(service);
            return (TraceResult::Absent, "the domain says that it has no such service".to_owned());
        }
        let published = srv::read(service, records, &self.address);
        if published.settings.is_empty() {
            return (TraceResult::Failed, "no record names a host and a port".to_owned());
        }
        let detail = told(published.settings.iter(), &published.oddities);
        self.facts.srv.insert(service, published);
        (TraceResult::Found, detail)
    }

    fn learn_srv_autodiscover(&mut self, records: &[Record]) -> Outcome {
        if srv::declines(records) {
            return (TraceResult::Absent, "the domain says that it has no such service".to_owned());
        }
        let best = records
            .iter()
            .filter(|record| record.port > 0 && !record.target.trim_end_matches('.').is_empty())
            .min_by_key(|r| (r.priority, std::cmp::Reverse(r.weight), r.target.as_str()));
        let Some(best) = best else {
            return (TraceResult::Failed, "no record names a host and a port".to_owned());
        };
        let (own, host) = (self.address.ascii_domain().to_owned(), best.target.trim_end_matches('.'));
        let port = if best.port == 443 { String::new() } else { format!(":{}", best.port) };
        let url = ask::autodiscover_url(&format!("{host}{port}"));
        let detail = format!("{host}:{}", best.port);
        let doubt = (!rank::same_base(host, &own))
            .then(|| format!("unsigned DNS names {host} as the Autodiscover server, which is outside {own}"));
        if !self.asks.iter().any(|asked| matches!(&asked.ask.what, What::Post(p) if p.url == url)) {
            self.add([ask::post(url, &own, Vec::new(), doubt)]);
        }
        (TraceResult::Found, detail)
    }

    fn learn_mx(&mut self, exchanges: &[String], signed: bool) -> Outcome {
        let named: Vec<_> = exchanges.iter().filter(|exchange| !exchange.is_empty()).collect();
        let Some(first) = named.first() else {
            self.facts.null_mx = true;
            return (TraceResult::Absent, "the domain says that it takes no mail (MX 0 .)".to_owned());
        };
        self.facts.exchange = Some((*first).clone());
        self.facts.signed = signed;
        self.add(ask::after_mx(&self.address, first, self.options.ispdb.as_deref()));
        if let Some(bridge) = self.bridge()
            && provider::has_local_program(&bridge)
        {
            self.add(ask::bridge());
        }
        let mut detail = named.iter().map(|e| e.as_str()).collect::<Vec<_>>().join(", ");
        if let Some(provider) = self.exchange().and_then(|exchange| exchange.provider) {
            detail = format!("{detail}, known as {}'s", provider.name);
        }
        if signed {
            detail.push_str(" (signed)");
        }
        (TraceResult::Found, detail)
    }
}

const NOT_VOUCHED: &str = "the DNS has another digest: the document is ignored";

fn is_good(status: u16) -> bool {
    (200..300).contains(&status)
}

fn misfit() -> Outcome {
    (TraceResult::Failed, "the reply does not fit the question".to_owned())
}

fn refused(status: u16) -> Outcome {
    let absent = matches!(status, 400 | 404 | 405 | 410);
    (if absent { TraceResult::Absent } else { TraceResult::Failed }, format!("HTTP status {status}"))
}

fn unreadable(error: &ReadError) -> Outcome {
    let absent = matches!(error, ReadError::WebPage | ReadError::Refused(_));
    (if absent { TraceResult::Absent } else { TraceResult::Failed }, error.to_string())
}

fn told<'a>(settings: impl Iterator<Item = &'a Settings>, oddities: &[String]) -> String {
    let shown = settings.take(6).map(|s| match s.protocol {
        Protocol::Imap | Protocol::Smtp => s.to_string(),
        other => format!("{s} ({})", other.name()),
    });
    let mut detail = shown.collect::<Vec<_>>().join(", ");
    for oddity in oddities {
        detail = format!("{detail}; {oddity}");
    }
    detail
}
