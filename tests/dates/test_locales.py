import pytest

from pipeline.dates import locales


@pytest.mark.parametrize(
    ("locale", "july", "short_july", "sunday"),
    [
        ("en", "July", "Jul", "Sunday"),
        ("fr", "juillet", "juil.", "dimanche"),
        ("fr_FR.UTF-8", "juillet", "juil.", "dimanche"),
        ("fr-CA", "juillet", "juill.", "dimanche"),
        ("DE", "Juli", "Juli", "Sonntag"),
        ("de-Latn-AT", "Juli", "Juli", "Sonntag"),
        ("ru", "июля", "июл.", "воскресенье"),
        ("ja_JP@calendar", "7月", "7月", "日曜日"),
    ],
)
def test_names(locale, july, short_july, sunday):
    names = locales.names_of(locale)
    assert (names.months[6], names.short_months[6], names.days[0]) == (july, short_july, sunday)


def test_every_locale_is_complete():
    for locale in locales._ROWS:
        names = locales.names_of(locale)
        assert [len(group) for group in names[1:]] == [12, 12, 7, 7, 2, 2], locale


def test_an_unknown_locale_is_a_fault_with_the_known_ones():
    with pytest.raises(ValueError, match=r'for the locale "xx"; .*known are: .*, fr, '):
        locales.names_of("xx")
