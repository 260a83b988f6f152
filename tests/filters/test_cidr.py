"""The cidr filter."""

import pytest

from pipeline.config.building import build
from pipeline.errors import ConfigurationError
from pipeline.filters import cidr
from tests.harness import context, documents, planned


@pytest.mark.parametrize(
    ("options", "event", "matched"),
    [
        ('address => "%{ip}" network => "10.0.0.0/8"', {"ip": "10.1.2.3"}, True),
        ('address => "%{ip}" network => "10.0.0.0/8"', {"ip": "11.1.2.3"}, False),
        ('address => "%{ip}" network => "10.0.0.0/8, fe80::/10"', {"ip": "fe80::1"}, True),
        ('address => "%{ip}" network => "10.0.0.9/8"', {"ip": "10.1.2.3"}, True),
        ('address => ["%{a}", "%{b}"] network => "10.0.0.0/8"', {"a": "1.1.1.1", "b": "10.1.1.1"}, True),
        ('address => "%{ip}" network => "%{net}"', {"ip": "10.1.2.3", "net": "10.1.0.0/16"}, True),
        ('address => "%{ip}" network => "%{net}"', {"ip": "10.1.2.3", "net": "x"}, False),
        ('address => "%{ip}" network => "10.0.0.0/8"', {}, False),
        ('address => "%{ip}" network => "10.0.0.0/8"', {"ip": "10.1.2.3/24"}, True),
        ('address => "%{ip}" network => "10.0.0.0/8"', {"ip": "10.1.2.3/4"}, False),
        ('address => "%{ip}" network => ["fe80::/10", "10.0.0.0/8"]', {"ip": "10.1.2.3/24"}, True),
        ('address => "%{ip}" network => ["10.0.0.0/8", "fe80::/10"]', {"ip": "fe80::1/64"}, True),
        ('address => "%{ip}" network => "[fe80::]/10"', {"ip": "[fe80::1]"}, True),
        ('address => "%{ip}" network => "10.0.0.0/8"', {"ip": "[10.1.2.3]"}, False),
        ('address => "%{ip}" network => "10.0.0.0/8"', {"ip": "10.1.2.3 "}, False),
        ('address => "%{ip}" network => "10.0.0.0/8"', {"ip": "::ffff:10.1.2.3"}, False),
        ('address_field => "ip" network => "10.0.0.0/8"', {"ip": ["1.1.1.1", "10.1.1.1"]}, True),
        ('address_field => "ip" network => "10.0.0.0/8"', {"ip": 5}, False),
        ('address_field => "ip" network => "10.0.0.0/8"', {}, False),
    ],
)
def test_matching(options, event, matched):
    """Addresses are read as Ruby's IPAddr reads them; what each of these is in JRuby 9.4 was asked of it."""
    config = f'filter {{ cidr {{ {options} add_tag => "in" }} }}'
    assert documents(config, event) == [{**event, "tags": ["in"]} if matched else event]


@pytest.mark.parametrize(
    "options",
    [
        'address => "%{ip}" network => "10.0.0.0/8" network_path => "FILE"',
        'address => "%{ip}" address_field => "ip" network => "10.0.0.0/8"',
    ],
)
def test_options_that_exclude_each_other(options, tmp_path):
    (tmp_path / "n").write_text("10.0.0.0/8")
    with pytest.raises(ConfigurationError, match="exclude each other"):
        planned(f"filter {{ cidr {{ {options.replace('FILE', str(tmp_path / 'n'))} }} }}")


def test_a_network_that_is_none_is_told():
    heard: list[str] = []
    build(
        planned('filter { cidr { address => "1.1.1.1" network => ["10.0.0.0/8", "x"] } }'),
        context(warnings=heard),
        filters_only=True,
    )
    assert heard == ['cidr: "x" is no network, and matches nothing']


def test_a_file_that_changes(tmp_path):
    heard: list[str] = []
    file = tmp_path / "networks"
    file.write_text("10.0.0.0/8\n")
    networks = cidr.NetworkFile(file, "\n", heard.append)
    assert [str(each) for each in networks.networks] == ["10.0.0.0/8"]
    file.write_text("11.0.0.0/8\nbogus\n12.0.0.0/8")
    networks.read()
    assert [str(each) for each in networks.networks] == ["11.0.0.0/8", "12.0.0.0/8"]
    file.unlink()
    networks.read()
    assert [str(each) for each in networks.networks] == ["11.0.0.0/8", "12.0.0.0/8"]
    assert len(heard) == 1
