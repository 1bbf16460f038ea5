"""The kill campaign in its short form; tests/chaos/run is the long one."""
from tests.chaos.campaign import Campaign, summary


def test_a_short_campaign_loses_nothing():
    counts = Campaign("short").run(30)
    print(summary(counts))
    assert counts["kill"] > 0 and counts["answers checked"] > 1000 and counts["messages"] > 0
