"""The command line."""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import signal
import sys
from pathlib import Path
from typing import NoReturn, Sequence

from .benign import benign
from .contract import Contract, Limits
from .mutants import mutant
from .node import LOOPBACK_NAMES, Node, Options
from .parts import compose
from .principals import Tokens
from .server import Server
from .variants import Registry


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 conformance/servers/python/", description="A Tidemark server.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=7400, help="port to listen on; 0 chooses a free port")
    parser.add_argument(
        "--host-name", action="append", default=[], metavar="NAME", help="host name to serve besides the loopback names"
    )
    parser.add_argument("--origin", action="append", default=[], metavar="ORIGIN", help="origin of pages that may connect")
    parser.add_argument(
        "--tokens", type=Path, metavar="FILE", help="JSON file with the valid tokens: {token: {principal, scopes, kind?, expiresAt?, lifetimeMs?}}"
    )
    parser.add_argument("--insecure", action="store_true", help="listen on a public address without credentials")
    parser.add_argument("--broadcast", action="store_true", help="turn the broadcast command on")
    parser.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE", help="change a limit of the contract (x-limits)")
    parser.add_argument("--mutant", action="append", default=[], metavar="NAME", help="break the clause of this mutant; --list-mutants lists the names")
    parser.add_argument("--benign", action="append", default=[], metavar="NAME", help="behave like this benign variant: unusual, but within the contract")
    parser.add_argument("--list-mutants", action="store_true", help="print the name, clause and description of each mutant as JSON")
    parser.add_argument("--list-benign", action="store_true", help="print the name and description of each benign variant as JSON")
    return parser


def fail(text: str) -> NoReturn:
    print(text, file=sys.stderr)
    raise SystemExit(2)


def read_limits(contract: Contract, texts: Sequence[str]) -> Limits:
    chosen = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not value.isdigit():
            fail(f"--limit {text}: expected NAME=NUMBER")
        chosen[name] = int(value)
    try:
        return Limits.of(contract, chosen)
    except ValueError as error:
        fail(f"--limit: {error}")


def choose(option: str, registry: Registry, names: Sequence[str]) -> list[type]:
    known = registry.variants
    for name in names:
        if name not in known:
            listing = "--list-mutants" if registry is mutant else "--list-benign"
            fail(f"{option} {name}: there is no variant of this name; {listing} prints the names")
    return [known[name].part for name in names]


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def load_tokens(file: Path | None, contract: Contract) -> Tokens:
    try:
        return Tokens.load(file, contract)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        fail(f"--tokens {file}: {error}")


def make_node(arguments: argparse.Namespace) -> Node:
    contract = Contract.load()
    tokens = load_tokens(arguments.tokens, contract)
    if not tokens.required and not is_loopback(arguments.host) and not arguments.insecure:
        fail(f"--host {arguments.host}: a public address needs --tokens FILE or --insecure")
    options = Options(
        read_limits(contract, arguments.limit),
        broadcast=arguments.broadcast,
        origins=frozenset(arguments.origin),
        hosts=LOOPBACK_NAMES | {arguments.host, *(name.lower() for name in arguments.host_name)},
    )
    variants = choose("--mutant", mutant, arguments.mutant) + choose("--benign", benign, arguments.benign)
    return Node(contract, options, tokens, compose(variants))


async def serve(arguments: argparse.Namespace) -> None:
    node = make_node(arguments)
    server = Server(node)
    try:
        port = await server.listen(arguments.host, arguments.port)
    except OSError as error:
        reason = str(error.strerror).rpartition(": ")[2]
        fail(f"cannot listen on {arguments.host}:{arguments.port}: {reason}; --port 0 chooses a free port")
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    print(json.dumps({"url": f"ws://{host}:{port}/ws", "httpUrl": f"http://{host}:{port}"}), flush=True)
    if not node.tokens.required:
        print("No credentials are configured: anyone who can reach this address has full access.", file=sys.stderr)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload_tokens, node, arguments.tokens)
    loop.add_signal_handler(signal.SIGUSR1, node.begin_all_anew)
    loop.add_signal_handler(signal.SIGUSR2, node.lose_track, "main", [""])
    await stop.wait()
    await server.drain()


def reload_tokens(node: Node, file: Path | None) -> None:
    """Reloads the tokens. A token that is no longer in the file is revoked."""
    try:
        node.tokens = Tokens.load(file, node.contract)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"--tokens {file}: {error}; the previous tokens remain valid", file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> None:
    arguments = make_parser().parse_args(argv)
    if arguments.list_mutants or arguments.list_benign:
        registry = mutant if arguments.list_mutants else benign
        print(json.dumps([each.wire() for each in registry.variants.values()], indent=2))
        return
    asyncio.run(serve(arguments))
