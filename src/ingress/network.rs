//! The networks from which a security server's systems may connect.

use std::net::IpAddr;

/// Who may use the ports at which a system is believed without its certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Near {
    /// Networks beyond loopback, as address and prefix length.
    pub allow: Vec<(IpAddr, u8)>,
}

impl Near {
    pub fn lets_in(&self, from: IpAddr) -> bool {
        let from = from.to_canonical();
        from.is_loopback() || self.allow.iter().any(|(net, bits)| is_within(from, *net, *bits))
    }
}

fn is_within(ip: IpAddr, network: IpAddr, bits: u8) -> bool {
    let differing = match (ip, network.to_canonical()) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => (ip.to_bits() ^ network.to_bits()).leading_zeros(),
        (IpAddr::V6(ip), IpAddr::V6(network)) => (ip.to_bits() ^ network.to_bits()).leading_zeros(),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    differing >= u32::from(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_what_they_say() {
        for (ip, network, bits, expected) in [
            ("10.1.2.3", "10.0.0.0", 8, true),
            ("11.1.2.3", "10.0.0.0", 8, false),
            ("192.168.1.7", "192.168.1.7", 32, true),
            ("192.168.1.8", "192.168.1.7", 32, false),
            ("8.8.8.8", "0.0.0.0", 0, true),
            ("fd00::1", "fd00::", 8, true),
            ("fd00::1", "10.0.0.0", 8, false),
            ("127.0.0.1", "10.0.0.0", 8, true),
            ("::ffff:10.0.0.1", "10.0.0.0", 8, true),
        ] {
            let near = Near { allow: vec![(network.parse().unwrap(), bits)] };
            assert_eq!(near.lets_in(ip.parse().unwrap()), expected, "{ip} in {network}/{bits}");
        }
    }
}
