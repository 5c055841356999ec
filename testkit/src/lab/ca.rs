//! The laboratory's certificates: a root to trust, an intermediate that issues, and the broken ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::{Context, Result};

/// What is wrong with a certificate, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Valid for the name, by way of the intermediate, from the root.
    Good,
    /// Its time is over since the beginning of this year.
    Expired,
    /// Made for `mail.somebody-else.test`.
    WrongName,
    /// Signed by its own key.
    SelfSigned,
    /// Signed by a root that nobody trusts.
    Untrusted,
    /// Good, but its issuer is not sent along.
    NoIntermediate,
    /// Its time begins next year.
    NotYet,
}

impl Variant {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Good,
        Self::Expired,
        Self::WrongName,
        Self::SelfSigned,
        Self::Untrusted,
        Self::NoIntermediate,
        Self::NotYet,
    ];

    /// The word for it in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Expired => "expired",
            Self::WrongName => "wrongname",
            Self::SelfSigned => "selfsigned",
            Self::Untrusted => "untrusted",
            Self::NoIntermediate => "nointermediate",
            Self::NotYet => "notyet",
        }
    }

    /// The variant of this [`Variant::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variant| variant.name() == name)
    }
}

/// Issues certificates. The keys of the issuers live in memory only.
pub(crate) struct Ca {
    root: String,
    intermediate: String,
    issuer: Issuer<'static, KeyPair>,
    unknown: Issuer<'static, KeyPair>,
    year: i32,
}

struct Leaf {
    chain: Vec<CertificateDer<'static>>,
    chain_pem: String,
    key: KeyPair,
}

impl Ca {
    pub(crate) fn new() -> Result<Self> {
        let year = this_year();
        let root_key = KeyPair::generate()?;
        let root_params = authority("Restante Lab Root", year);
        let root = root_params.self_signed(&root_key)?;
        let root_issuer = Issuer::new(root_params, root_key);
        let key = KeyPair::generate()?;
        let params = authority("Restante Lab Issuing CA 1", year);
        let intermediate = params.signed_by(&key, &root_issuer)?;
        let unknown = Issuer::new(authority("Nobody's Root", year), KeyPair::generate()?);
        Ok(Self {
            root: root.pem(),
            intermediate: intermediate.pem(),
            issuer: Issuer::new(params, key),
            unknown,
            year,
        })
    }

    /// Writes `NAME.pem` (with its chain) and `NAME.key` for every variant.
    pub(crate) fn write(&self, dir: &Path, names: &[String]) -> Result<()> {
        fs::create_dir_all(dir).context(|| format!("cannot create {}", dir.display()))?;
        let put = |name: String, content: &str, mode: u32| -> Result<()> {
            let path = dir.join(name);
            fs::write(&path, content).context(|| format!("cannot write {}", path.display()))?;
            Ok(fs::set_permissions(&path, fs::Permissions::from_mode(mode))?)
        };
        put("root.pem".into(), &self.root, 0o644)?;
        for variant in Variant::ALL {
            let leaf = self.leaf(variant, names)?;
            put(format!("{}.pem", variant.name()), &leaf.chain_pem, 0o644)?;
            put(format!("{}.key", variant.name()), &leaf.key.serialize_pem(), 0o600)?;
        }
        Ok(())
    }

    /// A certificate for one name, ready for rustls.
    pub(crate) fn certified(&self, variant: Variant, name: &str) -> Result<Arc<CertifiedKey>> {
        let leaf = self.leaf(variant, &[name.to_owned()])?;
        let key = PrivateKeyDer::try_from(leaf.key.serialize_der())?;
        let key = aws_lc_rs::sign::any_supported_type(&key)?;
        Ok(Arc::new(CertifiedKey::new(leaf.chain, key)))
    }

    fn leaf(&self, variant: Variant, names: &[String]) -> Result<Leaf> {
        let names = match variant {
            Variant::WrongName => vec!["mail.somebody-else.test".to_owned()],
            _ => names.to_vec(),
        };
        let common_name = names.first().ok_or("a certificate needs a name")?.clone();
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let (from, until) = match variant {
            Variant::Expired => (self.year - 2, self.year),
            Variant::NotYet => (self.year + 1, self.year + 3),
            _ => (self.year - 1, self.year + 2),
        };
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate()?;
        let (certificate, above) = match variant {
            Variant::SelfSigned => (params.self_signed(&key)?, None),
            Variant::Untrusted => (params.signed_by(&key, &self.unknown)?, None),
            Variant::NoIntermediate => (params.signed_by(&key, &self.issuer)?, None),
            _ => (params.signed_by(&key, &self.issuer)?, Some(self.intermediate.as_str())),
        };
        let chain_pem = format!("{}{}", certificate.pem(), above.unwrap_or_default());
        let chain = rustls::pki_types::pem::PemObject::pem_slice_iter(chain_pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Leaf { chain, chain_pem, key })
    }
}

fn authority(name: &str, year: i32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, "Restante Lab");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params.not_before = date_time_ymd(year - 1, 1, 1);
    params.not_after = date_time_ymd(year + 10, 1, 1);
    params
}

fn this_year() -> i32 {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut days = i64::try_from(seconds / 86_400).unwrap_or(0);
    let mut year = 1970;
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = if leap { 366 } else { 365 };
        if days < length {
            return year;
        }
        days -= length;
        year += 1;
    }
}
