use std::net::IpAddr;

use super::route::{Route, best, parse_v4, parse_v6};
use super::select::{by_route, decide, given};
use super::spec::in_network;
use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn interface(name: &str, addresses: &[&str]) -> Interface {
    let mut interface = Interface {
        name: name.to_owned(),
        index: 7,
        v4: None,
        v6: None,
        addresses: addresses.iter().map(|text| ip(text)).collect(),
        loopback: name == "lo",
        up: true,
        running: true,
        mtu: Some(1500),
    };
    interface.prefer(None);
    interface
}

fn machine() -> Vec<Interface> {
    vec![
        interface("lo", &["127.0.0.1", "::1"]),
        interface("eth0", &["192.0.2.2", "fe80::1", "fd00::2"]),
        interface("eth1", &["10.1.0.5", "10.2.0.5"]),
    ]
}

const ROUTES_V4: &str = "\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth1\t00000000\t010200C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
*\t000000EF\t00000000\t0200\t0\t0\t0\t000000FF\t0\t0\t0
broken line
";

/// The table prints words of the machine's byte order; the sample is from a little-endian one.
fn native(text: &str) -> String {
    if cfg!(target_endian = "little") {
        return text.to_owned();
    }
    let swap = |word: &str| match u32::from_str_radix(word, 16) {
        Ok(value) if word.len() == 8 => format!("{:08X}", value.swap_bytes()),
        _ => word.to_owned(),
    };
    let line = |line: &str| line.split('\t').map(swap).collect::<Vec<_>>().join("\t");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_ipv4_route_table_is_read_without_its_broken_and_rejecting_lines() {
    let routes = parse_v4(&native(ROUTES_V4));
    assert_eq!(routes.len(), 3);
    assert_eq!(
        routes[2],
        Route { interface: "eth0".into(), network: ip("192.0.2.0"), prefix: 24, metric: 0 }
    );
    assert_eq!((routes[0].prefix, routes[0].metric), (0, 600));
}

#[test]
fn the_ipv6_route_table_is_read() {
    let routes = parse_v6(include_str!("captures/ipv6_route"));
    assert_eq!(routes.len(), 3, "the rejecting route of lo is none");
    assert_eq!(routes[0].network, ip("fd00::"));
    assert_eq!((routes[0].prefix, routes[1].metric), (64, 0x400));
    let best = best(&routes, ip("ff15::1")).unwrap();
    assert_eq!(best.interface, "eth0", "every interface has ff00::/8, which decides nothing");
}

#[test]
fn the_default_route_of_the_lowest_metric_is_taken() {
    let chosen = by_route(&machine(), &parse_v4(&native(ROUTES_V4)), ip("239.1.2.3")).unwrap();
    assert_eq!((chosen.interface.name.as_str(), chosen.because), ("eth0", Because::DefaultRoute));
}

#[test]
fn a_route_for_the_group_beats_the_default_route() {
    let mut routes = parse_v4(&native(ROUTES_V4));
    let network = ip("224.0.0.0");
    routes.push(Route { interface: "eth1".into(), network, prefix: 4, metric: 5000 });
    let chosen = by_route(&machine(), &routes, ip("239.1.2.3")).unwrap();
    assert_eq!((chosen.interface.name.as_str(), chosen.because), ("eth1", Because::RouteToGroup));
}

#[test]
fn a_default_route_through_an_interface_without_the_family_or_down_does_not_count() {
    let mut machine = machine();
    machine[1].up = false;
    let chosen = by_route(&machine, &parse_v4(&native(ROUTES_V4)), ip("239.1.2.3")).unwrap();
    assert_eq!(chosen.interface.name, "eth1");
    machine[2].v4 = None;
    assert_eq!(by_route(&machine, &parse_v4(&native(ROUTES_V4)), ip("239.1.2.3")), None);
}

#[test]
fn without_a_route_the_only_interface_that_is_up_is_taken() {
    let mut machine = machine();
    machine[1].up = false;
    let chosen = decide(&machine, None, ip("239.1.2.3")).unwrap();
    assert_eq!((chosen.interface.name.as_str(), chosen.because), ("eth1", Because::OnlyInterface));
}

#[test]
fn the_address_that_the_kernel_would_use_decides() {
    let chosen = decide(&machine(), Some(ip("10.2.0.5")), ip("239.1.2.3")).unwrap();
    assert_eq!(chosen.interface.name, "eth1");
    assert_eq!(chosen.interface.v4, Some("10.2.0.5".parse().unwrap()));
}

#[test]
fn several_candidates_are_listed_and_not_guessed() {
    let error = decide(&machine(), None, ip("239.1.2.3")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no route tells which interface to use for IPv4; choose one: \
         eth0 (192.0.2.2, fe80::1, fd00::2), eth1 (10.1.0.5, 10.2.0.5)"
    );
}

#[test]
fn loopback_is_never_chosen_unasked_for_multicast() {
    let machine = [interface("lo", &["127.0.0.1"])];
    let error = decide(&machine, Some(ip("127.0.0.1")), ip("239.1.2.3")).unwrap_err();
    assert!(matches!(error, InterfaceError::NoneUsable { .. }));
    assert_eq!(
        error.to_string(),
        "no interface that reaches other machines has an IPv4 address; \
         for a test on one machine choose lo; there are: lo (127.0.0.1)"
    );
    let unicast = decide(&machine, Some(ip("127.0.0.1")), ip("127.0.0.1")).unwrap();
    assert_eq!(unicast.interface.name, "lo");
}

#[test]
fn an_interface_is_found_by_name_address_and_network() {
    let find = |spec: &str, group: &str| {
        given(&machine(), &spec.parse().unwrap(), ip(group)).unwrap().interface
    };
    assert_eq!(find("eth1", "239.1.2.3").v4, Some("10.1.0.5".parse().unwrap()));
    assert_eq!(find("10.2.0.5", "239.1.2.3").v4, Some("10.2.0.5".parse().unwrap()));
    assert_eq!(find("10.2.0.0/16", "239.1.2.3").v4, Some("10.2.0.5".parse().unwrap()));
    assert_eq!(find("fd00::/16", "ff15::1").name, "eth0");
    assert_eq!(find("lo", "239.1.2.3").name, "lo");
    assert_eq!(find("eth0", "ff15::1").v6, Some("fd00::2".parse().unwrap()));
}

#[test]
fn an_unknown_interface_is_answered_with_those_that_exist() {
    let error =
        given(&machine(), &InterfaceSpec::Name("eth9".into()), ip("239.1.2.3")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no network interface is eth9; there are: lo (127.0.0.1, ::1), \
         eth0 (192.0.2.2, fe80::1, fd00::2), eth1 (10.1.0.5, 10.2.0.5)"
    );
}

#[test]
fn an_interface_without_an_address_of_the_family_is_refused() {
    let error = given(&machine(), &InterfaceSpec::Name("eth1".into()), ip("ff15::1")).unwrap_err();
    assert!(error.to_string().starts_with("interface eth1 has no IPv6 address"), "{error}");
}

#[test]
fn specs_are_parsed_and_printed_back() {
    let forms = [
        ("eth0", InterfaceSpec::Name("eth0".into())),
        ("192.0.2.2", InterfaceSpec::Address(ip("192.0.2.2"))),
        ("::1", InterfaceSpec::Address(ip("::1"))),
        ("10.0.0.0/8", InterfaceSpec::Network { address: ip("10.0.0.0"), prefix: 8 }),
        ("fd00::/64", InterfaceSpec::Network { address: ip("fd00::"), prefix: 64 }),
    ];
    for (text, spec) in forms {
        assert_eq!(text.parse(), Ok(spec.clone()));
        assert_eq!(spec.to_string(), text);
    }
    for wrong in ["", "eth 0", "10.0.0.0/33", "fd00::/129", "eth0/24", "10.0.0.0/x"] {
        let error = wrong.parse::<InterfaceSpec>().unwrap_err();
        assert!(error.to_string().starts_with(&format!("'{wrong}' names no interface")));
    }
}

#[test]
fn networks_contain_what_shares_their_prefix() {
    assert!(in_network(ip("10.255.0.1"), ip("10.0.0.0"), 8));
    assert!(!in_network(ip("11.0.0.1"), ip("10.0.0.0"), 8));
    assert!(in_network(ip("1.2.3.4"), ip("0.0.0.0"), 0));
    assert!(in_network(ip("1.2.3.4"), ip("1.2.3.4"), 32));
    assert!(!in_network(ip("1.2.3.5"), ip("1.2.3.4"), 32));
    assert!(in_network(ip("::1"), ip("::"), 0));
    assert!(!in_network(ip("::1"), ip("0.0.0.0"), 0), "families never mix");
}

#[test]
fn states_other_than_up_show_in_lists() {
    let mut interface = interface("eth0", &["192.0.2.2"]);
    interface.running = false;
    assert_eq!(interface.to_string(), "eth0 (192.0.2.2; no carrier)");
    interface.up = false;
    assert_eq!(interface.to_string(), "eth0 (192.0.2.2; down)");
}

#[test]
fn this_machine_has_a_loopback_interface_with_its_address() {
    let all = list().unwrap();
    let loopback = all.iter().find(|one| one.loopback).unwrap();
    assert!(loopback.addresses.contains(&ip("127.0.0.1")), "{loopback}");
    assert!(loopback.up);
}

#[test]
fn interface_with_link_local_addresses_only_is_one_where_there_is_no_other() {
    let [eth, wifi] = ["eth0", "wlan0"].map(|name| interface(name, &["fe80::1"]));
    let lo = interface("lo", &["::1"]);
    for group in ["ff02::57", "ff12::57", "ff15::57", "fe80::9"] {
        let chosen = decide(&[lo.clone(), eth.clone()], None, ip(group)).unwrap();
        assert_eq!(chosen.interface.v6, Some("fe80::1".parse().unwrap()), "{group}");
        let both = decide(&[eth.clone(), wifi.clone()], None, ip(group));
        assert!(matches!(both, Err(InterfaceError::Ambiguous { .. })), "{group}");
    }
    let global = interface("eth1", &["fe80::2", "fd00::2"]);
    let all = [lo, eth, wifi, global];
    assert_eq!(decide(&all, None, ip("ff15::57")).unwrap().interface.name, "eth1");
}

#[test]
fn address_has_the_scope_of_the_group() {
    let both = interface("eth0", &["fd00::2", "fe80::2"]);
    let address = |spec: &str, group: &str| {
        let spec = spec.parse().unwrap();
        given(std::slice::from_ref(&both), &spec, ip(group)).unwrap().interface.v6.unwrap()
    };
    assert_eq!(address("eth0", "ff02::57").to_string(), "fe80::2");
    assert_eq!(address("eth0", "fe80::9").to_string(), "fe80::2");
    assert_eq!(address("eth0", "ff15::57").to_string(), "fd00::2");
    assert_eq!(address("fd00::2", "ff02::57").to_string(), "fd00::2", "asked for");
}

#[test]
fn own_link_local_address_tells_the_interface() {
    let all = [interface("eth0", &["fe80::1"]), interface("eth1", &["fe80::2"])];
    let chosen = decide(&all, None, ip("fe80::2")).unwrap();
    assert_eq!(chosen.interface.name, "eth1");
    let twice = [interface("eth0", &["fe80::1"]), interface("eth1", &["fe80::1"])];
    assert!(decide(&twice, None, ip("fe80::1")).is_err());
}

#[test]
fn address_may_name_its_interface() {
    let mut all = ["eth0", "eth1"].map(|name| interface(name, &["fe80::1"]));
    all[1].index = 8;
    for (text, name) in [("fe80::1%eth1", "eth1"), ("fe80::1%8", "eth1"), ("fe80::1%eth0", "eth0")]
    {
        let spec: InterfaceSpec = text.parse().unwrap();
        assert_eq!(spec.to_string(), text);
        assert_eq!(given(&all, &spec, ip("ff02::57")).unwrap().interface.name, name);
    }
    assert!(given(&all, &InterfaceSpec::Index(8), ip("ff02::57")).is_ok());
    let error = given(&all, &"fe80::1%eth7".parse().unwrap(), ip("ff02::57")).unwrap_err();
    assert!(error.to_string().contains("fe80::1%eth7"), "{error}");
    assert!("fe80::1%".parse::<InterfaceSpec>().is_err());
}
