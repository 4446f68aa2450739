//! The library for cryptography, chosen by a feature: aws-lc-rs, or else ring, whose interface
//! aws-lc-rs has, too. TLS and the store use the same one.

#[cfg(feature = "aws-lc-rs")]
pub(crate) use aws_lc_rs::{aead, digest, hkdf, pbkdf2, rand};
#[cfg(feature = "aws-lc-rs")]
pub(crate) use rustls::crypto::aws_lc_rs::default_provider;

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
pub(crate) use ring::{aead, digest, hkdf, pbkdf2, rand};
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
pub(crate) use rustls::crypto::ring::default_provider;

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
compile_error!("emnify-core needs one of its features `ring` (default) and `aws-lc-rs`");
