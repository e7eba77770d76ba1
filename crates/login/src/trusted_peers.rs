//! Whose word about a request counts: the proxies in front of us (`FORWARDED_ALLOW_IPS`).

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// The peers that are believed: the loopback addresses always, and those an operator names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedPeers {
    everybody: bool,
    networks: Vec<Network>,
}

/// An address with the number of its leading bits that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    bits: u128,
    prefix: u32,
    is_v4: bool,
}

/// A text that names no addresses; the position counts from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {0} is no address, network or *")]
pub struct BadPeer(pub usize);

impl TrustedPeers {
    /// Whether what this peer says about a request is believed.
    pub fn contains(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.everybody || peer.is_loopback() || self.names(peer)
    }

    /// Whether everybody is believed, clients too.
    pub fn are_everybody(&self) -> bool {
        self.everybody
    }

    /// Where a request comes from, by its `X-Forwarded-For` headers as far as proxies are to be
    /// believed: each adds whom it heard at the end.
    ///
    /// Only proxies that an operator names count here. A proxy that is not known to add its line
    /// would let a client write it, and so put its refused logins on another's account.
    pub fn source<'h>(
        &self,
        peer: IpAddr,
        forwarded_for: impl Iterator<Item = &'h [u8]>,
    ) -> IpAddr {
        let mut nearest = peer.to_canonical();
        if !self.names(nearest) {
            return nearest;
        }
        let headers: Vec<_> = forwarded_for.take(MAX_FORWARDED).collect();
        let entries = headers
            .iter()
            .rev()
            .flat_map(|header| header.rsplit(|byte| *byte == b','));
        for entry in entries.take(MAX_FORWARDED) {
            let Some(heard) = forwarded(entry) else {
                break;
            };
            nearest = heard;
            if !self.names(heard) {
                break;
            }
        }
        nearest
    }

    fn names(&self, peer: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(peer))
    }
}

/// An entry of `X-Forwarded-For`: an address, of some proxies with a port.
fn forwarded(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let address = match text.parse::<SocketAddr>() {
        Ok(with_port) => with_port.ip(),
        Err(_) => text.parse().ok()?,
    };
    Some(address.to_canonical())
}

/// Headers, and entries, that are looked at.
const MAX_FORWARDED: usize = 16;

impl FromStr for TrustedPeers {
    type Err = BadPeer;

    /// Shape: addresses and networks (`10.0.0.0/8`), separated by commas; `*` for all.
    fn from_str(text: &str) -> Result<Self, BadPeer> {
        let mut trusted = Self::default();
        for (position, entry) in text.split(',').map(str::trim).enumerate() {
            match entry {
                "" => {}
                "*" => trusted.everybody = true,
                entry => trusted
                    .networks
                    .push(Network::parse(entry).ok_or(BadPeer(position + 1))?),
            }
        }
        Ok(trusted)
    }
}

impl Network {
    fn parse(entry: &str) -> Option<Self> {
        let (address, prefix) = match entry.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (entry, None),
        };
        let (bits, is_v4) = bits(address.parse().ok()?);
        let width = if is_v4 { 32 } else { 128 };
        let prefix = match prefix {
            // No sign and no blank, which `parse` alone would take.
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|prefix| *prefix <= width)?
            }
            Some(_) => return None,
            None => width,
        };
        Some(Self {
            bits,
            prefix,
            is_v4,
        })
    }

    fn contains(self, peer: IpAddr) -> bool {
        let (peer, is_v4) = bits(peer);
        let width = if is_v4 { 32 } else { 128 };
        let uncounted = width - self.prefix.min(width);
        // A shift by the whole width leaves nothing to compare.
        let counted = |bits: u128| bits.checked_shr(uncounted).unwrap_or(0);
        is_v4 == self.is_v4 && counted(peer) == counted(self.bits)
    }
}

fn bits(address: IpAddr) -> (u128, bool) {
    match address.to_canonical() {
        IpAddr::V4(address) => (address.to_bits().into(), true),
        IpAddr::V6(address) => (address.to_bits(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::loopback_needs_no_entry("", "127.0.0.1", true)]
    #[case::all_of_loopback("", "127.9.9.9", true)]
    #[case::loopback_v6("", "::1", true)]
    #[case::mapped_loopback("", "::ffff:127.0.0.1", true)]
    #[case::nobody_else("", "10.0.0.1", false)]
    #[case::an_address("10.0.0.1", "10.0.0.1", true)]
    #[case::its_neighbour("10.0.0.1", "10.0.0.2", false)]
    #[case::mapped("10.0.0.1", "::ffff:10.0.0.1", true)]
    #[case::second_entry("10.0.0.1, 10.0.0.2", "10.0.0.2", true)]
    #[case::in_a_network("10.0.0.0/8", "10.255.0.1", true)]
    #[case::outside_a_network("10.0.0.0/8", "11.0.0.1", false)]
    #[case::a_network_by_any_of_its_addresses("10.1.2.3/8", "10.9.9.9", true)]
    #[case::edge_of_a_network("192.168.4.0/22", "192.168.7.255", true)]
    #[case::beyond_the_edge("192.168.4.0/22", "192.168.8.0", false)]
    #[case::v6_network("2001:db8::/32", "2001:db8:ffff::1", true)]
    #[case::outside_v6("2001:db8::/32", "2001:db9::1", false)]
    #[case::whole_v4_is_not_v6("0.0.0.0/0", "2001:db8::1", false)]
    #[case::whole_v4("0.0.0.0/0", "203.0.113.7", true)]
    #[case::whole_v6("::/0", "2001:db8::1", true)]
    #[case::star("*", "203.0.113.7", true)]
    fn believes_loopback_and_whom_the_operator_names(
        #[case] setting: &str,
        #[case] peer: &str,
        #[case] believed: bool,
    ) {
        let trusted: TrustedPeers = setting.parse().unwrap();
        assert_eq!(trusted.contains(peer.parse().unwrap()), believed);
    }

    #[rstest::rstest]
    #[case::nobody_is_named("", "127.0.0.1", &["192.0.2.1"], "127.0.0.1")]
    #[case::everybody_is_trusted_and_nobody_named("*", "10.0.0.1", &["192.0.2.1"], "10.0.0.1")]
    #[case::a_stranger("10.0.0.0/8", "192.0.2.9", &["192.0.2.1"], "192.0.2.9")]
    #[case::no_header("10.0.0.0/8", "10.0.0.1", &[], "10.0.0.1")]
    #[case::one_proxy("10.0.0.0/8", "10.0.0.1", &["192.0.2.1"], "192.0.2.1")]
    #[case::what_the_client_wrote_does_not_count("10.0.0.0/8", "10.0.0.1", &["203.0.113.7, 192.0.2.1"], "192.0.2.1")]
    #[case::two_proxies("10.0.0.0/8", "10.0.0.1", &["203.0.113.7, 192.0.2.1, 10.0.0.2"], "192.0.2.1")]
    #[case::two_headers("10.0.0.0/8", "10.0.0.1", &["203.0.113.7", "192.0.2.1"], "192.0.2.1")]
    #[case::with_a_port("10.0.0.0/8", "10.0.0.1", &["192.0.2.1:4711"], "192.0.2.1")]
    #[case::v6_with_a_port("10.0.0.0/8", "10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1")]
    #[case::nonsense("10.0.0.0/8", "10.0.0.1", &["192.0.2.1, unknown"], "10.0.0.1")]
    #[case::nonsense_beyond_a_proxy("10.0.0.0/8", "10.0.0.1", &["unknown, 10.0.0.2"], "10.0.0.2")]
    #[case::a_named_loopback("127.0.0.1", "127.0.0.1", &["192.0.2.1"], "192.0.2.1")]
    fn a_request_comes_from_whom_the_nearest_named_proxy_heard(
        #[case] setting: &str,
        #[case] peer: &str,
        #[case] headers: &[&str],
        #[case] expected: &str,
    ) {
        let trusted: TrustedPeers = setting.parse().unwrap();
        let headers = headers.iter().map(|header| header.as_bytes());
        let source = trusted.source(peer.parse().unwrap(), headers);
        assert_eq!(source, expected.parse::<IpAddr>().unwrap());
    }

    #[rstest::rstest]
    #[case::a_name("proxy.example.com", 1)]
    #[case::too_long_a_prefix("10.0.0.0/33", 1)]
    #[case::no_prefix("10.0.0.0/", 1)]
    #[case::a_sign("10.0.0.0/+8", 1)]
    #[case::a_port("10.0.0.1, 10.0.0.2:80", 2)]
    #[case::a_pattern("10.*", 1)]
    fn refuses_what_names_no_address(#[case] setting: &str, #[case] position: usize) {
        assert_eq!(setting.parse::<TrustedPeers>(), Err(BadPeer(position)));
    }
}
