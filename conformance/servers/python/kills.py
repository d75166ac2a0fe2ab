"""Runs the conformance suite against every variant of this server.

A mutant has to be killed by a check that must hold and that judges the clause which the mutant breaks; a benign variant
has to pass. Prints a line for each, and exits 3 when one of them does not.

    python3 conformance/servers/python/kills.py [NAME …]
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).resolve().parent
ROOT = PROGRAM.parents[2]
SUITE = ROOT / "conformance" / "main.ts"
OWN_NODE = ROOT / "node_modules" / ".bin" / "node"
NODE = str(OWN_NODE) if OWN_NODE.exists() else "node"

PATIENCE = 600
"""Seconds for one run: a server that answers nothing has every check wait to its end."""

TOKENS = {
    "default": {"principal": "user:suite", "scopes": ["subscribe:*", "publish:*", "admin:read"]},
    "reader": {"principal": "user:reader", "scopes": ["subscribe:entity_*"]},
    "revocable": {"principal": "key:revocable", "scopes": ["subscribe:*"]},
    "expiring": {"principal": "user:short", "scopes": ["subscribe:*"], "lifetimeMs": 1500},
}

# So small that tapes can reach them.
LIMITS = {"heartbeatIntervalMs": 1000, "sessionHistoryEvents": 64, "sendQueueBytes": 262144, "authTimeoutMs": 2000}


@dataclass(frozen=True)
class Run:
    outcome: str
    failed: list[dict[str, Any]]
    passed: bool = False


@contextmanager
def server(directory: Path, arguments: list[str]) -> Iterator[tuple[str, int]]:
    """Its address and the id of its process."""
    tokens = directory / "tokens.json"
    tokens.write_text(json.dumps(TOKENS), "utf-8")
    limits = [part for name, value in LIMITS.items() for part in ("--limit", f"{name}={value}")]
    command = [sys.executable, str(PROGRAM), "--port", "0", "--broadcast", "--tokens", str(tokens), *limits, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"], process.pid
        finally:
            process.send_signal(signal.SIGTERM)


def configure(directory: Path, pid: int) -> Path:
    """What the suite has to know: credentials, and commands that make the server do something."""
    secrets = {}
    for name in TOKENS:
        file = directory / name
        file.write_text(name, "utf-8")
        secrets[name] = {"token": {"file": str(file)}}
    kept = directory / "kept.json"
    kept.write_text(json.dumps({name: entry for name, entry in TOKENS.items() if name != "revocable"}), "utf-8")
    control = {
        "shutdown": ["kill", str(pid)],
        "overflow": ["kill", "-USR2", str(pid)],
        "revoke": ["sh", "-c", f"cp {kept} {directory / 'tokens.json'} && kill -HUP {pid}"],
    }
    config = directory / "config.json"
    config.write_text(json.dumps({"credentials": secrets, "control": control}), "utf-8")
    return config


def judge(arguments: list[str]) -> Run:
    with tempfile.TemporaryDirectory() as name, server(Path(name), arguments) as (url, pid):
        directory = Path(name)
        report = directory / "report.json"
        command = [NODE, str(SUITE), "run", "--level", "must", "--url", url]
        command += ["--config", str(configure(directory, pid)), "--report", f"json={report}"]
        try:
            said = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False, text=True)
        except subprocess.TimeoutExpired:
            return Run("no verdict in time", [])
        if not report.exists():
            return Run(f"no report: {said.stderr.strip()[-200:]}", [])
        found = json.loads(report.read_text("utf-8"))
    failed = [check for check in found["checks"] if check["verdict"] == "FAIL"]
    return Run(found["outcome"]["text"], failed, passed=found["outcome"]["exit"] == 0)


def variants(option: str, names: list[str]) -> list[dict[str, str]]:
    said = subprocess.run([sys.executable, str(PROGRAM), option], capture_output=True, check=True)
    return [variant for variant in json.loads(said.stdout) if not names or variant["name"] in names]


def main(names: list[str]) -> int:
    wrong = 0
    for mutant in variants("--list-mutants", names):
        run = judge(["--mutant", mutant["name"]])
        killers = [check["id"] for check in run.failed if mutant["clause"] in check["clauses"]]
        elsewhere = [check["id"] for check in run.failed]
        verdict = "killed by" if killers else "killed elsewhere, by" if elsewhere else "SURVIVED:"
        wrong += not killers
        shown = ", ".join((killers or elsewhere)[:3]) or run.outcome
        print(f"{mutant['clause']:6} {mutant['name']:26} {verdict} {shown}", flush=True)
    for variant in variants("--list-benign", names):
        run = judge(["--benign", variant["name"]])
        wrong += not run.passed
        shown = ", ".join(each["id"] for each in run.failed) or run.outcome
        print(f"benign {variant['name']:26} {shown}", flush=True)
    print(f"{wrong} not as they should be")
    return 3 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
