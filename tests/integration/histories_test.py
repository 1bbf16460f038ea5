"""Random histories of customers in their short form; tests/histories/run is the long one."""
from tests.histories.town import Town


def test_nobody_is_refused_or_served_wrongly():
    town, right = Town("short", 24), False
    try:
        town.play()
        right = True
    finally:
        town.close(keep=not right)
    assert town.answers > 1000
