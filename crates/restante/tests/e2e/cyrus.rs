//! At Cyrus: everything below `INBOX.`, special uses in lower case, refusals without a response code.

use crate::changing::the_verbs_work;
use crate::servers::{a_copy_is_filed, a_wrong_password_is_tried_once, mail_is_followed, set_up};

#[test]
fn mail_at_cyrus_is_complete_and_followed() {
    mail_is_followed(&set_up("cyrus.test"));
}

#[test]
fn a_copy_of_what_is_sent_is_where_cyrus_says_in_lower_case() {
    a_copy_is_filed(&set_up("cyrus.test"), "INBOX.Sent");
}

#[test]
fn cyrus_refuses_a_wrong_password_without_a_code() {
    a_wrong_password_is_tried_once("cyrus.test", "authentication failure");
}

#[test]
fn mail_at_cyrus_is_changed_and_changed_back() {
    the_verbs_work(set_up("cyrus.test"), "INBOX.Archive", "INBOX.Trash");
}
