import inspect
from pathlib import Path

from tintype_kubernetes.client import connect
from tintype_kubernetes.config import ClusterConfig
from tintype_operator.aggregator import Aggregator
from tintype_operator.liveness import Liveness
from tintype_operator.settings import Settings
from tintype_operator.watch.handlers import Memo, pass_event_on


async def memo_for(config: ClusterConfig) -> Memo:
    async with connect(config) as client:
        return Memo(config, [Aggregator(client, "ns", Settings(), Liveness())])


async def test_kopf_logs_in_with_the_current_token(tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("first")
    memo = await memo_for(ClusterConfig("https://a", token_file=token_file))

    token_file.write_text("second")

    assert memo.connection().token == "second"


def test_events_are_handled_on_the_event_loop_and_not_in_threads() -> None:
    assert inspect.iscoroutinefunction(pass_event_on)
