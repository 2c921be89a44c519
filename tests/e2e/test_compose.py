"""The containers come up ready, are hardened, scale, survive crashes, and decide what one process without a broker decides.

The tests run in order on one set of containers while it plays a made-up day.
"""

from __future__ import annotations

import json
import re
import shlex
import urllib.request
from functools import partial

import pytest

from tests.e2e.containers import ROOT, Compose, eventually

pytestmark = pytest.mark.compose

README = ROOT / "README.md"
SERVICES = (
    "ingest",
    "features",
    "predictor",
    "risk",
    "executor",
    "trainer",
    "offline",
    "recorder",
    "alerts",
    "gateway",
)
ALONE = """
from services.ingest.settings import IngestSettings
from shared.settings import load_settings
from trading_system.simulation.demo import SyntheticReplay
from trading_system.simulation.replay import SimulationRequest, simulate_items
settings = load_settings(IngestSettings)
replay = SyntheticReplay(settings.synthetic_seed, settings.synthetic_days, settings.synthetic_richness)
report = simulate_items(replay, SimulationRequest(source="synthetic"))
print(report.trades, report.golden_hash)
"""
GOLDEN = """
from shared.streaming.protocol.golden import GOLDEN_TOPICS, golden_hash
from shared.streaming.redis.history import read_stream
from shared.settings import BrokerSettings, load_settings
print(golden_hash([event for topic in GOLDEN_TOPICS for event in read_stream(load_settings(BrokerSettings).url, topic)]))
"""


def played_to_the_end(compose: Compose) -> bool:
    return "source at its end" in compose.run("logs", "--no-log-prefix", "ingest").stdout


def crash(compose: Compose, service: str) -> None:
    """Kill everything in a service's first container but its init, as an accident would; `docker kill` is no accident."""
    before = compose.restarts(service)
    compose.run("exec", "-T", service, "sh", "-c", "kill -9 -1", check=False)
    eventually(lambda: compose.restarts(service) > before, f"{service} restarted by its policy")
    eventually(lambda: compose.healthy(service), f"{service} ready again")


def test_a_wrong_setting_stops_a_container_with_one_clear_line(compose: Compose):
    done = compose.run("run", "--rm", "--no-deps", "-e", "THETAFLOW_RISK_MAX_POSITIONS=three", "risk", check=False)
    assert done.returncode == 2
    assert "configuration error: THETAFLOW_RISK_MAX_POSITIONS: expected an integer" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_torch_is_in_the_training_image_alone(compose: Compose):
    def import_torch(service: str) -> int:
        return compose.run("run", "--rm", "--no-deps", service, "python", "-c", "import torch", check=False).returncode

    assert import_torch("features") == 1
    assert import_torch("predictor") == 1
    assert import_torch("trainer") == 0


def test_everything_comes_up_ready(compose: Compose):
    compose.run("up", "--detach", "--wait", "--no-build")
    for service in SERVICES:
        assert compose.healthy(service), service


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_has_no_more_rights_than_it_needs(compose: Compose, service):
    (container,) = compose.containers(service)
    host = container["HostConfig"]
    assert container["Config"]["User"] not in {"", "root", "0"}
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["Memory"] > 0


def test_the_dashboard_is_published_to_this_machine_only(compose: Compose, gateway_port):
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway_port}/api/ready", timeout=10) as answer:
        assert json.load(answer)["ready"]
    published = [
        ports for one in compose.containers("gateway") for ports in one["NetworkSettings"]["Ports"].values() if ports
    ]
    assert [port["HostIp"] for ports in published for port in ports] == ["127.0.0.1"]
    for service in ("redis", *SERVICES[:-1]):
        assert not any(any(one["NetworkSettings"]["Ports"].values()) for one in compose.containers(service)), service


def test_redis_cli_shows_events_one_can_read(compose: Compose):
    eventually(lambda: compose.redis("XLEN", "{0}:features") != "0", "features on the broker")
    entry = compose.redis("XREVRANGE", "{0}:features", "+", "-", "COUNT", "1").splitlines()
    fields = dict(zip(entry[1::2], entry[2::2], strict=False))
    assert fields["type"] == "FeatureVector"
    assert json.loads(fields["payload"])["header"]["id"] == fields["id"]
    assert fields["id"].startswith("nifty-")
    assert fields["id"].endswith(".features")


def test_the_readme_s_lines_run_as_they_stand(compose: Compose):
    lines = re.findall(r"^docker compose exec (.+?)(?: +#.*)?$", README.read_text(encoding="utf-8"), re.MULTILINE)
    asked = [shlex.split(line) for line in lines if "redis-cli" in line or "thetaflow inspect" in line]
    assert sum("redis-cli" in words for words in asked) == 3
    eventually(lambda: compose.redis("XLEN", "{0}:orders") != "0", "orders on the broker")
    for words in asked:
        answer = compose.run("exec", "-T", *words).stdout
        assert answer.strip(), words
        assert "NOAUTH" not in answer, words
        assert "NOPERM" not in answer, words
        assert "ERR" not in answer, words


def test_redis_cli_changes_nothing_and_without_a_password_nobody_looks(compose: Compose):
    assert "NOPERM" in compose.redis("XADD", "{0}:orders", "*", "a", "b")
    bare = compose.run("exec", "-T", "redis", "sh", "-c", "PATH=${PATH#*:} redis-cli XLEN '{0}:orders'", check=False)
    assert "NOAUTH" in bare.stdout + bare.stderr


def test_a_service_sees_its_own_password_alone(compose: Compose):
    def password(service: str) -> str:
        assert compose.run("exec", "-T", service, "ls", "-A", "/run/broker").stdout.split() == ["password"]
        return compose.run("exec", "-T", service, "cat", "/run/broker/password").stdout.strip()

    passwords = {service: password(service) for service in SERVICES}
    assert len(set(passwords.values())) == len(SERVICES)
    assert all(len(text) >= 32 for text in passwords.values())


def test_the_users_stay_at_a_second_up(compose: Compose):
    before = compose.run("exec", "-T", "redis", "cat", "/broker/server/users.acl").stdout
    done = compose.run("run", "--rm", "--no-deps", "broker-users")
    assert "as they were" in done.stdout
    assert compose.run("exec", "-T", "redis", "cat", "/broker/server/users.acl").stdout == before


def test_the_operator_sees_to_dead_letters(compose: Compose):
    done = compose.run("run", "--rm", "--no-deps", "operator", "thetaflow", "dead", "list")
    assert "no dead letters" in done.stdout + done.stderr


def test_a_service_scales_while_the_day_plays(compose: Compose):
    compose.run("up", "--detach", "--wait", "--no-build", "--no-recreate", "--scale", "features=3")
    assert len(compose.containers("features")) == 3
    compose.run("up", "--detach", "--wait", "--no-build", "--no-recreate", "--scale", "features=1")


@pytest.mark.parametrize("service", ["executor", "predictor", "risk", "features"])
def test_a_crashed_service_comes_back(compose: Compose, service):
    crash(compose, service)


def test_a_crashed_broker_comes_back_with_what_it_held(compose: Compose):
    before = int(compose.redis("XLEN", "{0}:book"))
    crash(compose, "redis")
    assert int(compose.redis("XLEN", "{0}:book")) >= before
    for service in SERVICES:
        eventually(partial(compose.healthy, service), f"{service} ready after the broker's crash")


def test_the_day_ends_with_the_decisions_of_one_process(compose: Compose):
    eventually(lambda: played_to_the_end(compose), "the day played to its end", timeout_s=240)
    trades, golden = compose.run("run", "--rm", "--no-deps", "features", "python", "-c", ALONE).stdout.split()
    assert int(trades) > 0
    eventually(
        lambda: compose.run("exec", "-T", "gateway", "python", "-c", GOLDEN).stdout.strip() == golden,
        "the golden hash of the containers is that of one process",
        timeout_s=30,
    )
    assert compose.redis("XLEN", "{0}:dead") == "0"


def test_after_its_day_the_source_stays_up(compose: Compose):
    for service in SERVICES:
        assert compose.healthy(service), service


def test_every_service_ends_by_itself_when_asked(compose: Compose):
    compose.run("stop", timeout=120)
    codes = {service: compose.containers(service)[0]["State"]["ExitCode"] for service in SERVICES}
    assert codes == dict.fromkeys(SERVICES, 0)
