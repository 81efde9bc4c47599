"""What the keys of the workers say about the stack."""

import json

from deploy.readiness import STAGES, all_ready, states


def key(stage: str, number: int = 1) -> str:
    return f"worker:{stage}:host-{number}"


def says(state: str, engine: str = "") -> str:
    return json.dumps({"state": state, "engine": engine, "pid": 1})


def test_without_workers_every_stage_is_starting():
    assert states({}) == dict.fromkeys(STAGES, "starting")


def test_ready_stage_names_its_engine():
    assert states({key("generate"): says("ready", "llama.cpp")})["generate"] == "ready (llama.cpp)"


def test_best_worker_of_a_stage_counts():
    workers = {key("generate", 1): says("ready"), key("generate", 2): says("loading")}

    assert states(workers)["generate"] == "ready"
    assert states(dict(reversed(workers.items())))["generate"] == "ready"


def test_worker_that_is_stopping_is_not_ready():
    assert not states({key("generate"): says("stopping")})["generate"].startswith("ready")


def test_all_are_ready_only_when_every_stage_is():
    workers = {key(stage): says("ready") for stage in STAGES}

    assert all_ready(states(workers))
    assert not all_ready(states({name: value for name, value in workers.items() if "upkeep" not in name}))


def test_key_of_an_unknown_stage_is_left_alone():
    assert states({key("dream"): says("ready")}) == dict.fromkeys(STAGES, "starting")
