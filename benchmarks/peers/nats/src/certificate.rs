//! Makes the certificate that all relays show, and that relays and validators trust.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, pem::PemObject},
    },
};

/// The certificate's file in a folder.
pub(crate) fn certificate(folder: &Path) -> PathBuf {
    folder.join("certificate.pem")
}

/// The key's file in a folder.
pub(crate) fn key(folder: &Path) -> PathBuf {
    folder.join("key.pem")
}

/// Makes certificate and key for 127.0.0.1 unless they are there.
pub(crate) fn make(folder: &Path) -> Result<()> {
    if certificate(folder).exists() && key(folder).exists() {
        return Ok(());
    }
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    fs::create_dir_all(folder)?;
    fs::write(key(folder), made.key_pair.serialize_pem())?;
    fs::write(certificate(folder), made.cert.pem())?;
    Ok(())
}

/// What connects to whom shows that certificate.
pub(crate) fn connector(folder: &Path) -> Result<TlsConnector> {
    let file = certificate(folder);
    let certificate = CertificateDer::from_pem_file(&file).with_context(|| {
        format!("no certificate in {}: give the relay's `--tls` folder", file.display())
    })?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config).into())
}
