//! The one message of OAUTHBEARER (RFC 7628, section 3.1) and of XOAUTH2.

/// `gs2-header kvsep auth=Bearer token kvsep kvsep`. Host and port are left out: both are optional,
/// and the server knows where it was reached.
pub(super) fn bearer(username: &str, token: &str) -> Vec<u8> {
    let username = username.replace('=', "=3D").replace(',', "=2C");
    format!("n,a={username},\x01auth=Bearer {token}\x01\x01").into_bytes()
}

/// `user=… SOH auth=Bearer … SOH SOH`.
pub(super) fn xoauth2(username: &str, token: &str) -> Vec<u8> {
    format!("user={username}\x01auth=Bearer {token}\x01\x01").into_bytes()
}
