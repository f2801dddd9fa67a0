import pytest

from tintype_gateway.ledger import open_ledger


@pytest.mark.parametrize("url", ["mysql://user:hunter2@db", "ledger.db", "sqlite:///", ""])
def test_a_url_that_no_engine_serves_is_refused_with_what_is_allowed(url: str) -> None:
    with pytest.raises(ValueError, match="use sqlite:///PATH or postgresql://") as refusal:
        open_ledger(url)

    assert "hunter2" not in str(refusal.value)
