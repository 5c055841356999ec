//! Far away: a line with a delay and little room.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use testkit::lab::PASSWORD;
use testkit::link::{Link, Quality};
use testkit::mail::Plan;

use crate::person::{Person, sums};
use crate::sync::{uids_here, uids_there};

/// A host of its own for a link to Dovecot, with a certificate that fits; the setting that leads there.
fn far_away(person: &Person, host: &str, quality: Quality) -> (Link, String) {
    let far = SocketAddr::new(IpAddr::from(person.lab.net().mail()), 993);
    let link = Link::start(SocketAddr::from(([127, 0, 0, 1], 0)), far, quality).unwrap();
    person.lab.zone(host, &format!("@ A {}\n", link.address().ip())).unwrap();
    let setting = format!("{host}:{}/tls", link.address().port());
    (link, setting)
}

#[test]
fn over_a_slow_line_mail_comes_compressed_and_is_the_servers_to_the_octet() {
    let person = Person::new("autoconfig.test");
    let plan = Plan::inbox(&person.address, 300);
    let octets = person.lab.fill(&person.address, &plan).unwrap();
    let quality = Quality { round_trip: Duration::from_millis(4), rate: 2_000_000 };
    let (_link, setting) = far_away(&person, "slow.autoconfig.test", quality);
    let setup =
        ["setup", &person.address, "--password-stdin", "--without-sending", &format!("--imap={setting}")];
    person.run_with(format!("{PASSWORD}\n"), &setup).succeeded();
    let report = person.sync();
    assert_eq!(sums(&report), [300, 0, 0, 300]);
    let received = report["bytes_in"].as_u64().unwrap();
    assert!(received < octets * 9 / 10, "{received} octets came for {octets} of mail");
    assert_eq!(uids_here(&person, "INBOX"), uids_there(&person, "INBOX"));
    let slots = plan.slots();
    for row in person.list(&[]).iter().step_by(30) {
        let slot = &slots[row["uid"].as_u64().unwrap() as usize - 1];
        assert!(person.raw(row["id"].as_str().unwrap()) == slot.render(&plan), "{row} differs");
    }
}
