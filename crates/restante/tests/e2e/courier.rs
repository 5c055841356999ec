//! At Courier: everything below `INBOX.`, no special uses, no LITERAL+, no CONDSTORE, a slow refusal.

use std::time::Duration;

use crate::changing::the_verbs_work;
use crate::servers::{a_copy_is_filed, a_wrong_password_is_tried_once, mail_is_followed, set_up};

#[test]
fn mail_at_courier_is_complete_and_followed() {
    mail_is_followed(&set_up("courier.test"));
}

#[test]
fn where_there_is_no_sent_mailbox_one_is_made_below_inbox() {
    a_copy_is_filed(&set_up("courier.test"), "INBOX.Sent");
}

#[test]
fn courier_thinks_for_five_seconds_and_refuses_a_wrong_password() {
    let took = a_wrong_password_is_tried_once("courier.test", "Login failed.");
    assert!(took > Duration::from_secs(4), "the delay is the server's: {took:?}");
}

#[test]
fn mail_at_courier_is_changed_and_changed_back() {
    the_verbs_work(set_up("courier.test"), "INBOX.Archive", "INBOX.Trash");
}
