from ganpipe.tracking.store import SYNC, open_store
from ganpipe.tracking.sync import unsynced
from tests.tracking.conftest import Checkout


def test_what_sync_would_show_is_behind(checkout: Checkout) -> None:
    checkout.train("e01-0")
    store = open_store(checkout.root, SYNC)
    assert unsynced(store) == ["key-e01-0"]
    checkout.sync()
    assert unsynced(store) == []
    checkout.train("e02-0")
    assert unsynced(store) == ["key-e02-0"]


def test_a_stage_that_is_not_shown_yet_leaves_its_run_behind(checkout: Checkout) -> None:
    checkout.train("e01-0")
    checkout.sync()
    checkout.whole()
    assert "key-e01-0" in unsynced(open_store(checkout.root, SYNC))
