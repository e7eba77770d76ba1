//! The ports on AWS that a server rarely needs: [`AwsPrivateCa`] is [`confidant::PrivateCa`].

mod private_ca;

pub use private_ca::AwsPrivateCa;
